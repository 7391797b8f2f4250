"""What verification established: only `signing/formats` makes a VerifiedSignature."""

from datetime import datetime

from trustkit.model.digest import Digest
from trustkit.model.evidence import Rejection
from trustkit.model.values import NamedTuple

# What a verified item says of the image.
SIGNATURE = "signature"
ATTESTATION = "attestation"
# Who says when a signature was made: a transparency log, a timestamp authority, or the signer himself.
REKOR, TSA, SIGNER = "rekor", "tsa", "signer"


class SignerIdentity(NamedTuple):
    """Who signed: the key's fingerprint; names only when a trusted root or the policy vouches.

    `trust_root` is the name under which the key or CA is trusted (`key:release-1`). `claims` are what
    a trusted issuer says besides, by object identifier (Fulcio's extensions). `key_bits`: 0 if nobody knows.
    """

    fingerprint: str
    trust_root: str
    subject: str = ""
    issuer: str = ""
    claims: tuple[tuple[str, str], ...] = ()
    key_bits: int = 0


class Statement(NamedTuple):
    """A verified in-toto statement: predicate type, and the predicate's canonical JSON bytes.

    `said` is the typed predicate (`codec.predicates`) if the check asked for it and the type is known;
    `problem` is why it could not be read.
    """

    predicate_type: str
    predicate: bytes
    said: object = None
    problem: str = ""


class Needed(NamedTuple):
    """A role whose word the item is or rests on: so many keys must have signed for it, and these did."""

    role: str
    threshold: int
    fingerprints: tuple[str, ...]


class VerifiedSignature(NamedTuple):
    """One proven fact: this signer signed this digest.

    `claimed_name` is the repository the signed bytes name, if the format has one; policy decides
    what it is worth. `annotations` are signed too. `kind` is SIGNATURE or ATTESTATION. `signed_at` is
    said by what `time_source` names (REKOR, TSA, SIGNER); `log` is `<log>:<index>` of a checked entry, `logs`
    how many different logs have one.
    """

    format: str
    kind: str
    subject: Digest
    signer: SignerIdentity
    algorithm: str
    evidence: Digest
    claimed_name: str = ""
    annotations: tuple[tuple[str, str], ...] = ()
    signed_at: datetime | None = None
    time_source: str = ""
    statement: Statement | None = None
    log: str = ""
    expires_at: datetime | None = None
    revocation: str = ""
    # Checks that failed where a trust policy only wants to be told.
    unenforced: tuple[str, ...] = ()
    logs: int = 0
    # What other keys than the signer's it takes; nothing where one signature stands for itself.
    needs: tuple[Needed, ...] = ()

    @property
    def proven_at(self) -> datetime | None:
        """When it was made as somebody else than the signer proves; whoever has his key has his word, too."""
        return self.signed_at if self.time_source in (REKOR, TSA) else None


class VerificationReport(NamedTuple):
    """Every item of evidence accounted for: accepted, rejected, or recognised by no format."""

    image: Digest
    accepted: tuple[VerifiedSignature, ...]
    rejected: tuple[Rejection, ...]
    unrecognised: tuple[Digest, ...]
    complete: bool
    notes: tuple[str, ...] = ()
