"""What content trust refuses beside what every format does."""

from trustkit.errors import UntrustedSignerError, VerificationError


class ThresholdError(UntrustedSignerError):
    """Fewer keys of a role signed its file than it needs."""

    code = "verification.threshold"


class RootChainError(UntrustedSignerError):
    """A root is not proven by the roots before it, or no root is trusted to begin with."""

    code = "verification.root_chain"


class NotSignedError(VerificationError):
    """The repository's metadata holds, and does not speak of the tag."""

    code = "verification.not_signed"
