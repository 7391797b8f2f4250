"""Predicate types by the short names cosign users know, and the predicate each wants."""

from datetime import datetime

from trustkit import limits
from trustkit.codec.strict_json import as_object, parse
from trustkit.errors import LimitExceededError, MalformedError, UsageError

CUSTOM = "https://cosign.sigstore.dev/attestation/v1"
SPDX = "https://spdx.dev/Document"
ALIASES = {
    "custom": CUSTOM,
    "slsaprovenance": "https://slsa.dev/provenance/v0.2",
    "slsaprovenance02": "https://slsa.dev/provenance/v0.2",
    "slsaprovenance1": "https://slsa.dev/provenance/v1",
    "spdx": SPDX,
    "spdxjson": SPDX,
    "cyclonedx": "https://cyclonedx.org/bom",
    "link": "https://in-toto.io/Link/v1",
    "vuln": "https://cosign.sigstore.dev/attestation/vuln/v1",
    "openvex": "https://openvex.dev/ns",
}
_TYPE_CHARS = 512
_WHAT = "predicate"


def predicate_type_of(name: str) -> str:
    """Return the predicate type of an alias or of a URI given in full. Raises UsageError."""
    known = ALIASES.get(name)
    if known:
        return known
    scheme, colon, rest = name.partition(":")
    if not (colon and rest and scheme.isalnum() and name.isprintable() and len(name) <= _TYPE_CHARS):
        raise UsageError(
            f"{name[:80]!r} is no predicate type",
            next_step=f"give a URI, or one of: {', '.join(ALIASES)}",
        )
    return name


def predicate_of(name: str, content: bytes, now: datetime) -> object:
    """Return the predicate of a file: its JSON object, or wrapped as cosign wraps `custom` and `spdx`.

    Raises UsageError, MalformedError, LimitExceededError.
    """
    if name == "spdx":
        return _text(content)
    if predicate_type_of(name) == CUSTOM:
        return {"Data": _text(content), "Timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return as_object(parse(content, what=_WHAT, limit_bytes=limits.ATTESTATION_BYTES, fold_names=False), _WHAT)


def _text(content: bytes) -> str:
    if len(content) > limits.ATTESTATION_BYTES:
        raise LimitExceededError(f"{_WHAT} is over {limits.ATTESTATION_BYTES} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(f"{_WHAT} is not UTF-8 (byte {error.start})") from error
