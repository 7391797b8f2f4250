"""The proofs of a sigstore bundle as annotations of cosign's older layouts, which cosign 2 reads."""

import json

from trustkit import limits
from trustkit.codec import base64, log_entry, pem
from trustkit.codec.canonical_json import canonical
from trustkit.codec.sigstore_bundle import Bundle, parse_bundle
from trustkit.codec.strict_json import as_object, parse
from trustkit.errors import KeyUnavailableError, UsageError
from trustkit.fips.hashing import digest_of
from trustkit.signing.keyless.material import CERTIFICATE, ENTRY, TIMESTAMP, from_bundle


def proofs_of(bundle: Bundle, *, timestamped: bool) -> dict[str, str]:
    """Return certificate, promise and, if it is about the same bytes there, the timestamp of a bundle just made.

    Raises UsageError for what these layouts cannot say, and as `from_bundle`.
    """
    material = from_bundle(bundle)
    if not all(entry.promise for entry in material.entries):
        raise UsageError(
            "the legacy layout needs the promise of a log, and Rekor's version 2 gives none",
            next_step="leave --layout legacy out, or use --rekor-version 1",
        )
    if material.timestamps and not timestamped:
        raise UsageError(
            "an attestation in the legacy layout has no place for its signature's timestamp",
            next_step="leave --timestamp-url out, or leave --layout legacy out",
        )
    found = {CERTIFICATE: pem.encode("CERTIFICATE", material.certificates[0]).decode()}
    for entry in material.entries[:1]:
        found[ENTRY] = log_entry.to_annotation(entry)
    for stamp in material.timestamps[:1]:
        found[TIMESTAMP] = canonical({"SignedRFC3161Timestamp": base64.encode(stamp)}).decode()
    return found


def envelope_text(bundle: bytes) -> bytes:
    """Return the bundle's envelope in the spelling that the log has hashed, for cosign 2 compares the two.

    Raises KeyUnavailableError if it is not the one the `sigstore` package uses, MalformedError.
    """
    text = json.dumps(_member(bundle, "dsseEnvelope"), separators=(",", ":")).encode()
    for entry in from_bundle(parse_bundle(bundle)).entries:
        if digest_of(text).hex.encode() not in entry.body:
            raise KeyUnavailableError(
                "the log's entry is about another spelling of the envelope", next_step="leave --layout legacy out"
            )
    return text


def _member(bundle: bytes, name: str) -> object:
    what = "sigstore bundle"
    return as_object(parse(bundle, what=what, limit_bytes=limits.ATTESTATION_BYTES), what)[name]
