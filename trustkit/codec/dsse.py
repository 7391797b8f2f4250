"""DSSE envelopes, version 1: `{payloadType, payload, signatures: [{keyid, sig}]}`.

What is signed is the pre-authentication encoding, `DSSEv1 SP len(type) SP type SP len(body) SP
body`, where lengths count bytes. `keyid` is a hint and proves nothing. Specification: DSSE v1.0.2,
protocol.md and envelope.md.
"""

from trustkit import limits
from trustkit.codec import base64
from trustkit.codec.canonical_json import canonical
from trustkit.codec.strict_json import as_list, as_object, as_text
from trustkit.codec.strict_json import parse as parse_json
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

IN_TOTO_TYPE = "application/vnd.in-toto+json"

_WHAT = "DSSE envelope"
_TYPE_CHARS = 256
_SIGNATURE_BYTES = 16 * 1024


class EnvelopeSignature(NamedTuple):
    """One signature, and the hint which key made it."""

    signature: bytes
    key_hint: str = ""


class Envelope(NamedTuple):
    """An envelope as found: nothing in it is proven."""

    payload_type: str
    payload: bytes
    signatures: tuple[EnvelopeSignature, ...]


def parse(content: bytes, *, limit_bytes: int = limits.ATTESTATION_BYTES) -> Envelope:
    """Return the envelope in these bytes. Raises MalformedError, LimitExceededError."""
    return from_value(parse_json(content, what=_WHAT, limit_bytes=limit_bytes))


def from_value(value: object) -> Envelope:
    """Return the envelope in a JSON value, as bundles hold one. Raises MalformedError."""
    members = as_object(value, _WHAT)
    payload_type = as_text(members.get("payloadType"), f"{_WHAT} payloadType")
    if not 0 < len(payload_type) <= _TYPE_CHARS:
        raise MalformedError(f"{_WHAT} payloadType is empty or too long")
    payload = base64.decode_either(as_text(members.get("payload"), f"{_WHAT} payload"), f"{_WHAT} payload")
    items = as_list(members.get("signatures"), f"{_WHAT} signatures")
    if not items:
        raise MalformedError(f"{_WHAT} has no signature")
    if len(items) > limits.ENVELOPE_SIGNATURES:
        message = f"{_WHAT} has {len(items)} signatures; {limits.ENVELOPE_SIGNATURES} are allowed"
        raise LimitExceededError(message)
    return Envelope(payload_type, payload, tuple(_signature(item) for item in items))


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed. DSSE protocol.md, "Signature Definition"."""
    encoded = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(encoded), encoded, len(payload), payload)


def to_bytes(envelope: Envelope) -> bytes:
    """Return the envelope as JSON, in standard base64."""
    return canonical(to_value(envelope))


def to_value(envelope: Envelope) -> dict[str, object]:
    """Return the envelope as a JSON value."""
    return {
        "payload": base64.encode(envelope.payload),
        "payloadType": envelope.payload_type,
        "signatures": [
            {"keyid": item.key_hint, "sig": base64.encode(item.signature)}
            if item.key_hint
            else {"sig": base64.encode(item.signature)}
            for item in envelope.signatures
        ],
    }


def _signature(value: object) -> EnvelopeSignature:
    members = as_object(value, f"{_WHAT} signature")
    text = as_text(members.get("sig"), f"{_WHAT} sig")
    signature = base64.decode_either(text, f"{_WHAT} sig")
    if not 0 < len(signature) <= _SIGNATURE_BYTES:
        raise MalformedError(f"{_WHAT} sig is empty or too long")
    # Unset and null are the same in protojson, which writes neither.
    hint = members.get("keyid")
    return EnvelopeSignature(signature, "" if hint is None else as_text(hint, f"{_WHAT} keyid"))
