"""The two envelopes of the Notary Project, read into one shape: JWS (RFC 7515) and COSE_Sign1 (RFC 9052).

Both carry a payload, protected attributes, the signer's chain and perhaps a timestamp
(notaryproject/specifications, signature-envelope-jws.md, signature-envelope-cose.md).
"""

from datetime import UTC, datetime

from trustkit import limits
from trustkit.codec import base64, cbor
from trustkit.codec.cbor import Tagged
from trustkit.codec.strict_json import as_list, as_object, as_text, parse
from trustkit.codec.zoned_time import zoned_time
from trustkit.errors import MalformedError, MediaTypeError
from trustkit.model.values import NamedTuple

JWS, COSE = "application/jose+json", "application/cose"
PAYLOAD = "application/vnd.cncf.notary.payload.v1+json"
SCHEME_X509, SCHEME_AUTHORITY = "notary.x509", "notary.x509.signingAuthority"
_PREFIX = "io.cncf.notary."
SCHEME, SIGNING_TIME, AUTHENTIC_TIME, EXPIRY, TIMESTAMP, AGENT = (
    f"{_PREFIX}{name}"
    for name in ("signingScheme", "signingTime", "authenticSigningTime", "expiry", "timestampSignature", "signingAgent")
)
_WHAT = "notation signature"
# COSE header labels (RFC 9052 3.1, RFC 9360 2) and algorithms by their JWS names (RFC 9053, RFC 8230).
ALGORITHM, CRITICAL, CONTENT_TYPE, CHAIN = 1, 2, 3, 33
COSE_ALGORITHMS = {-7: "ES256", -35: "ES384", -36: "ES512", -37: "PS256", -38: "PS384", -39: "PS512"}
SIGN1, EPOCH = 18, 1
_PARTS = 4


class Envelope(NamedTuple):
    """An envelope's parts: `signed` are the bytes the signature is over, `attributes` the protected ones by name."""

    algorithm: str
    content_type: str
    critical: frozenset[str]
    attributes: dict[str, str | datetime]
    payload: bytes
    chain: tuple[bytes, ...]
    timestamp: bytes
    signature: bytes
    signed: bytes

    def moment(self, name: str) -> datetime | None:
        """Return a protected attribute that is a time, if it is there."""
        value = self.attributes.get(name)
        return value if isinstance(value, datetime) else None


def read(media_type: str, content: bytes) -> Envelope:
    """Return the envelope. Raises MediaTypeError, MalformedError, LimitExceededError."""
    if media_type == JWS:
        return _jws(content)
    if media_type == COSE:
        return _cose(content)
    raise MediaTypeError(f"{_WHAT} has media type {media_type[:80]!r}, neither {JWS} nor {COSE}")


def _jws(content: bytes) -> Envelope:
    members = as_object(parse(content, what=_WHAT, limit_bytes=limits.ATTESTATION_BYTES), _WHAT)
    if set(members) != {"payload", "protected", "header", "signature"}:
        raise MalformedError(f"{_WHAT} is no flattened JWS with payload, protected, header and signature")
    payload, protected, signature = (as_text(members[name], name) for name in ("payload", "protected", "signature"))
    header = as_object(members["header"], f"{_WHAT} header")
    told = as_object(
        parse(_url_bytes(protected), what=f"{_WHAT} protected header", limit_bytes=limits.ATTESTATION_BYTES), _WHAT
    )
    attributes: dict[str, str | datetime] = {}
    for name in (SCHEME, SIGNING_TIME, AUTHENTIC_TIME, EXPIRY):
        if name in told:
            text = as_text(told[name], name)
            attributes[name] = text if name == SCHEME else zoned_time(text, _WHAT)
    token = header.get(TIMESTAMP)
    return Envelope(
        algorithm=as_text(told.get("alg"), "alg"),
        content_type=as_text(told.get("cty"), "cty"),
        critical=_names(as_list(told.get("crit"), "crit")),
        attributes=attributes,
        payload=_url_bytes(payload),
        chain=tuple(base64.decode(as_text(one, "x5c"), "x5c") for one in as_list(header.get("x5c"), "x5c")),
        timestamp=b"" if token is None else base64.decode(as_text(token, TIMESTAMP), TIMESTAMP),
        signature=_url_bytes(signature),
        signed=f"{protected}.{payload}".encode("ascii"),
    )


def _cose(content: bytes) -> Envelope:
    value = cbor.parse(content, what=_WHAT, limit_bytes=limits.ATTESTATION_BYTES)
    if not isinstance(value, Tagged) or value.tag != SIGN1 or not isinstance(value.value, list):
        raise MalformedError(f"{_WHAT} is no tagged COSE_Sign1")
    if len(value.value) != _PARTS:
        raise MalformedError(f"{_WHAT} is no COSE_Sign1 of four parts")
    protected, header, payload, signature = value.value
    if not (isinstance(protected, bytes) and isinstance(payload, bytes) and isinstance(signature, bytes)):
        raise MalformedError(f"{_WHAT} lacks its protected header, its payload or its signature")
    told = cbor.parse(protected, what=f"{_WHAT} protected header", limit_bytes=limits.ATTESTATION_BYTES)
    if not isinstance(told, dict) or not isinstance(header, dict):
        raise MalformedError(f"{_WHAT} has headers that are no maps")
    attributes = {
        name: _attribute(name, told[name]) for name in (SCHEME, SIGNING_TIME, AUTHENTIC_TIME, EXPIRY) if name in told
    }
    algorithm, critical, content_type = told.get(ALGORITHM), told.get(CRITICAL), told.get(CONTENT_TYPE)
    if not isinstance(algorithm, int) or not isinstance(critical, list) or not isinstance(content_type, str):
        raise MalformedError(f"{_WHAT} has no protected algorithm, critical labels or content type")
    return Envelope(
        algorithm=COSE_ALGORITHMS.get(algorithm, str(algorithm)),
        content_type=content_type,
        critical=_names(critical),
        attributes=attributes,
        payload=payload,
        chain=_cose_chain(header.get(CHAIN)),
        timestamp=_octets(header.get(TIMESTAMP, b"")),
        signature=signature,
        signed=cose_signed(protected, payload),
    )


def cose_signed(protected: bytes, payload: bytes) -> bytes:
    """Return the Sig_structure of one signer, without external data. RFC 9052 4.4."""
    parts = (cbor.encode_bytes(one) for one in (protected, b"", payload))
    return cbor.encode_array(cbor.encode_text("Signature1"), *parts)


def _attribute(name: str, value: object) -> str | datetime:
    if name == SCHEME and isinstance(value, str):
        return value
    if isinstance(value, Tagged) and value.tag == EPOCH and isinstance(value.value, int) and name != SCHEME:
        try:
            return datetime.fromtimestamp(value.value, UTC)
        except (OverflowError, ValueError, OSError) as error:
            raise MalformedError(f"{_WHAT}: {name} is out of range") from error
    raise MalformedError(f"{_WHAT}: {name} has the wrong type")


def _cose_chain(value: object) -> tuple[bytes, ...]:
    listed = [value] if isinstance(value, bytes) else value
    if not isinstance(listed, list):
        raise MalformedError(f"{_WHAT} has no certificate chain")
    return tuple(_octets(one) for one in listed)


def _octets(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise MalformedError(f"{_WHAT} has something else than bytes where bytes belong")
    return value


def _names(listed: list[object]) -> frozenset[str]:
    names = [str(one) if isinstance(one, int) else as_text(one, "crit") for one in listed]
    if not names or len(set(names)) != len(names):
        raise MalformedError(f"{_WHAT}: crit is empty, or names one thing twice")
    return frozenset(names)


def _url_bytes(text: str) -> bytes:
    """RFC 7515 section 2: URL-safe base64 without padding."""
    if "=" in text or "+" in text or "/" in text:
        raise MalformedError(f"{_WHAT} is not base64url without padding")
    padded = text + "=" * (-len(text) % 4)
    return base64.decode(padded.replace("-", "+").replace("_", "/"), _WHAT)
