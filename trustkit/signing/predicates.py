"""Predicate types by the short names cosign users know, and the predicate each wants."""

from datetime import datetime

from trustkit import limits
from trustkit.codec.strict_json import as_object, parse
from trustkit.errors import LimitExceededError, MalformedError, UsageError

CUSTOM = "https://cosign.sigstore.dev/attestation/v1"
SPDX = "https://spdx.dev/Document"
# cosign's names first, then ours; `codec.predicates.read` knows what each has to look like
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
    "vsa": "https://slsa.dev/verification_summary/v1",
    "vulns": "https://in-toto.io/attestation/vulns/v0.2",
    "scai": "https://in-toto.io/attestation/scai/attribute-report/v0.2",
    "test-result": "https://in-toto.io/attestation/test-result/v0.1",
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

    A type that is known here has to look as its specification says: nobody could use it otherwise.
    Raises UsageError, MalformedError, LimitExceededError.
    """
    predicate_type = predicate_type_of(name)
    if name == "spdx":
        return _text(content)
    if predicate_type == CUSTOM:
        return {"Data": _text(content), "Timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ")}
    value = as_object(parse(content, what=_WHAT, limit_bytes=limits.ATTESTATION_BYTES, fold_names=False), _WHAT)
    _require_typed(predicate_type, value)
    return value


def _require_typed(predicate_type: str, value: object) -> None:
    from trustkit.codec.predicates.read import read_value

    try:
        read_value(predicate_type, value)
    except MalformedError as error:
        raise type(error)(
            f"the file does not hold a predicate of type {predicate_type}: {error.message}",
            next_step="give another --type, or mend the file; a URI that is not known here takes any JSON object",
        ) from error


def _text(content: bytes) -> str:
    if len(content) > limits.ATTESTATION_BYTES:
        raise LimitExceededError(f"{_WHAT} is over {limits.ATTESTATION_BYTES} bytes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(f"{_WHAT} is not UTF-8 (byte {error.start})") from error
