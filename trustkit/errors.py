"""Every error of trustkit: one tree, a stable code and an exit status each.

Errors carry text only, never rich objects, so that this file imports nothing.
Exit statuses: 1 refused, 2 the caller's input, 3 could not find out, 4 our or the machine's fault.
"""

from typing import ClassVar, Self


class TrustkitError(Exception):
    """The root: what went wrong (`message`), and what to do now (`next_step`).

    `code` is public and stable; it appears in JSON, audit records and conformance results.
    `details` maps names to text, for machine-readable output.
    """

    code: ClassVar[str] = "internal"
    exit_status: ClassVar[int] = 4

    def __init__(self, message: str, *, next_step: str = "", **details: str) -> None:
        """Keep the sentence, the hint and the details."""
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.details = details

    def again(self) -> Self:
        """Return the same error without what it passed through: a kept one would keep every frame of that alive."""
        made = type(self).__new__(type(self), *self.args)
        made.__dict__.update(self.__dict__)
        return made


# --- the caller's input: exit status 2 ------------------------------------------------------------


class UsageError(TrustkitError):
    """The command or the request cannot be understood."""

    code = "usage"
    exit_status = 2


class TagExistsError(UsageError):
    """A tag names something else already, and was not to be replaced."""

    code = "usage.tag_exists"


class RequestError(UsageError):
    """A request to the daemon that no route serves; the detail `status` is its HTTP status."""

    code = "usage.request"


class ReferenceSyntaxError(UsageError):
    """An image reference breaks the grammar."""

    code = "usage.reference"


class PolicySyntaxError(UsageError):
    """A policy document has the wrong shape; the details give file, line and path."""

    code = "usage.policy"


class ConfigError(UsageError):
    """The configuration file or a TRUSTKIT_ variable is wrong."""

    code = "usage.config"


class KeyFileError(UsageError):
    """A key file is missing, has loose permissions, or cannot be opened with that passphrase."""

    code = "usage.key_file"


class PluginError(UsageError):
    """A named plug-in cannot be loaded."""

    code = "usage.plugin"


# --- outside bytes that break their format: exit status 1 -----------------------------------------


class MalformedError(TrustkitError):
    """Bytes from outside break their format."""

    code = "malformed"
    exit_status = 1


class LimitExceededError(MalformedError):
    """Outside input is larger, deeper or more numerous than its bound in `limits`."""

    code = "malformed.limit"


# --- well-formed, but proves nothing: exit status 1 -----------------------------------------------


class VerificationError(TrustkitError):
    """Evidence is well-formed and proves nothing."""

    code = "verification"
    exit_status = 1


class DigestMismatchError(VerificationError):
    """Content does not have the digest or the size it was named by."""

    code = "verification.digest"


class SubjectMismatchError(VerificationError):
    """A valid signature speaks about something else."""

    code = "verification.subject"


class SignatureMismatchError(VerificationError):
    """The signature does not fit the bytes and the key."""

    code = "verification.signature"


class UntrustedSignerError(VerificationError):
    """The signer is not among those trusted."""

    code = "verification.signer"


class KeyExpiredError(UntrustedSignerError):
    """The key that signed is trusted, and its time is over or has not begun."""

    code = "verification.key_expired"


class KeyRevokedError(UntrustedSignerError):
    """The key that signed is trusted and revoked, and nothing proves that the signature is older than that."""

    code = "verification.key_revoked"


class SignatureExpiredError(VerificationError):
    """The signer limited the signature's life, and it is over or has not begun."""

    code = "verification.expired"


class RollbackError(VerificationError):
    """Metadata is older than what was seen before, or skips a version that must prove the next one."""

    code = "verification.rollback"


class TrustExpiredError(VerificationError):
    """What a trust root distributed is too old to be relied on, and nothing newer was fetched."""

    code = "verification.trust_expired"


class SignedIdentityError(VerificationError):
    """The signature names another repository or tag than the image is asked for under."""

    code = "verification.identity_name"


class MediaTypeError(VerificationError):
    """The manifest calls the evidence something other than what its format demands."""

    code = "verification.media_type"


class PayloadTypeError(VerificationError):
    """The signed content is of another kind than its place says: a signature for something else."""

    code = "verification.payload_type"


class PredicateTypeError(VerificationError):
    """A verified attestation makes another claim than the one asked for."""

    code = "verification.predicate_type"


class UnsupportedEvidenceError(VerificationError):
    """The evidence relies on a kind of proof that is not checked here, so it proves nothing."""

    code = "verification.unsupported"


class CertificateError(VerificationError):
    """A certificate or its chain fails a check."""

    code = "verification.certificate"


class CertificateRevokedError(CertificateError):
    """A certificate of the chain was revoked by who issued it."""

    code = "verification.certificate_revoked"


class RevocationUnknownError(CertificateError):
    """Whether a certificate was revoked could not be found out."""

    code = "verification.revocation_unknown"


class LogProofError(VerificationError):
    """A transparency log's proof does not hold."""

    code = "verification.log_proof"


class LogPromiseError(LogProofError):
    """A transparency log's promise to include an entry (SET) is not signed by the log."""

    code = "verification.log_promise"


class LogCheckpointError(LogProofError):
    """A transparency log's checkpoint is not signed by the log or its witnesses, or is of another tree."""

    code = "verification.log_checkpoint"


class LogEntryError(LogProofError):
    """A transparency log's entry is about another signature, key or content."""

    code = "verification.log_entry"


class LogMissingError(LogProofError):
    """A signature that must be in a trusted transparency log is in none."""

    code = "verification.log_missing"


class CertificateTransparencyError(VerificationError):
    """A certificate that must be in a trusted certificate log has no valid timestamp of one."""

    code = "verification.sct"


class IdentityError(VerificationError):
    """The signer's certificate names nobody, or somebody else than asked for."""

    code = "verification.identity"


class TimestampError(VerificationError):
    """A trusted timestamp does not hold."""

    code = "verification.timestamp"


# --- cryptography ---------------------------------------------------------------------------------


class CryptoError(TrustkitError):
    """A cryptographic provider failed."""

    code = "crypto"


class AlgorithmNotApprovedError(CryptoError):
    """The algorithm, key size or parameter is not allowed here."""

    code = "crypto.not_approved"
    exit_status = 1


class GuardError(AlgorithmNotApprovedError, ImportError):
    """FIPS mode keeps out a library or program that does cryptography outside the module."""

    code = "crypto.guard"


class SelfTestError(CryptoError):
    """A known-answer test failed: the provider must not be used."""

    code = "crypto.self_test"


class KeyUnavailableError(CryptoError):
    """A key exists but cannot be used now."""

    code = "crypto.key_unavailable"


# --- sources of images: exit status 3 -------------------------------------------------------------


class SourceError(TrustkitError):
    """A place images come from gave no conclusive answer."""

    code = "source"
    exit_status = 3


class NotFoundError(SourceError):
    """The registry or layout does not have it."""

    code = "source.not_found"


class UnauthorizedError(SourceError):
    """The registry refuses these credentials, or none were given."""

    code = "source.unauthorized"


class RateLimitedError(SourceError):
    """The registry asks to come back later."""

    code = "source.rate_limited"


class ProtocolError(SourceError):
    """The peer does not speak the protocol it should."""

    code = "source.protocol"


class ServerFailedError(SourceError):
    """The server says that it failed (HTTP 5xx)."""

    code = "source.server"


class UnreachableError(SourceError):
    """The host does not answer: no connection, time-out, or TLS failure."""

    code = "source.unreachable"


class DroppedConnectionError(UnreachableError):
    """The peer closed the connection in the middle; asking again may help."""

    code = "source.dropped"


# --- verdicts and records -------------------------------------------------------------------------


class AdmissionDenied(TrustkitError):  # noqa: N818  (a verdict, not a fault)
    """Policy refused: the one verdict that is an exception."""

    code = "admission.denied"
    exit_status = 1


class RefusedGrantError(AdmissionDenied):
    """A break-glass grant that the policy does not take, or that the wrong one would sign."""

    code = "admission.denied.grant"


class AuditError(TrustkitError):
    """The decision log cannot be written or does not verify."""

    code = "audit"


class AuditTamperedError(AuditError):
    """The decision log's bytes do not match its tree or its checkpoint."""

    code = "audit.tampered"
    exit_status = 1


class StorageError(TrustkitError):
    """The disk is full, read-only, or otherwise refuses to keep our state."""

    code = "storage"


class PublishConflictError(StorageError):
    """Somebody else published to the repository in between; the publication can be tried again."""

    code = "storage.conflict"


class PublishRefusedError(TrustkitError):
    """A trust server did not take what was published."""

    code = "publish_refused"
    exit_status = 1
