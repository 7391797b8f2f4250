"""Whether a log entry is about the signature that was checked: same signature, same signer, same content.

Without this a valid entry of some other signature would vouch for this one (CVE-2022-36056).
"""

from collections.abc import Callable

from trustkit.codec.log_body import ENVELOPE, MESSAGE, PAYLOAD, Recorded, parse_body
from trustkit.codec.log_entry import LogEntry
from trustkit.errors import LogEntryError
from trustkit.fips.hashing import digest_of
from trustkit.model.digest import Digest
from trustkit.model.values import NamedTuple


class SignedContent(NamedTuple):
    """A signature and what it is on.

    `message` is what was signed, and `digests` what is known of it where it is not at hand; `payload` and
    `envelope` are a DSSE envelope's. `stamped` is what timestamps are about, the signature if None.
    """

    signature: bytes
    message: bytes | None = None
    payload: bytes | None = None
    envelope: bytes | None = None
    digests: tuple[Digest, ...] = ()
    stamped: bytes | None = None


def require_recorded(entry: LogEntry, content: SignedContent) -> Recorded:
    """Return what the entry records if it is this signature on this content; whose is `require_verifier`'s part.

    Raises LogEntryError, MalformedError, UnsupportedEvidenceError.
    """
    recorded = parse_body(entry.body)
    if entry.kind and (entry.kind, entry.version) != (recorded.kind, recorded.version):
        raise LogEntryError(f"the log entry calls itself {entry.kind[:40]} {entry.version[:20]} and is not that")
    for over, digest in recorded.hashes:
        _require_hash(over, digest, content)
    if not recorded.verifier and all(one.signature != content.signature for one in recorded.signatures):
        raise LogEntryError("the log entry records another signature")
    return recorded


def require_verifier(recorded: Recorded, signature: bytes, verifier: bytes) -> None:
    """Return if the entry names the certificate or key (DER) that made the signature. Raises LogEntryError."""
    # intoto 0.0.1 records no signature; the envelope's hash covers it
    named = [recorded.verifier] if recorded.verifier else []
    named += [one.verifier for one in recorded.signatures if one.signature == signature]
    if verifier not in named:
        raise LogEntryError("the log entry names another key or certificate")


def _require_hash(over: str, digest: Digest, content: SignedContent) -> None:
    known = _CONTENT[over](content)
    if over == MESSAGE and known is None:
        found = next((one for one in content.digests if one.algorithm == digest.algorithm), None)
    else:
        found = None if known is None else digest_of(known, digest.algorithm)
    if found != digest:
        raise LogEntryError(f"the log entry is about another {over}: {digest}")


_CONTENT: dict[str, Callable[[SignedContent], bytes | None]] = {
    MESSAGE: lambda content: content.message,
    PAYLOAD: lambda content: content.payload,
    ENVELOPE: lambda content: content.envelope,
}
