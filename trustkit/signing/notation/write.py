"""The two envelopes of the Notary Project, made: what to sign, and the envelope around the signature.

notaryproject/specifications, signature-envelope-jws.md and signature-envelope-cose.md.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime

from trustkit.codec import base64, cbor
from trustkit.model.values import NamedTuple
from trustkit.signing.notation import envelope


class Claims(NamedTuple):
    """What is signed: the payload, by which algorithm (its JWS name), when, and until when it holds."""

    payload: bytes
    algorithm: str
    signed_at: datetime
    expires_at: datetime | None = None

    @property
    def critical(self) -> list[str]:
        """The attributes that must be understood."""
        return [envelope.SCHEME, *([envelope.EXPIRY] if self.expires_at else [])]


class Along(NamedTuple):
    """What stands beside the signature and is not signed: the chain (DER), who made it, and a timestamp if any."""

    chain: tuple[bytes, ...]
    agent: str
    timestamp: bytes = b""


class Begun(NamedTuple):
    """The bytes to sign, and what makes the envelope of the signature over them."""

    to_sign: bytes
    finish: Callable[[bytes, Along], bytes]


def begin(media_type: str, claims: Claims) -> Begun:
    """Return the envelope of that media type, begun."""
    return _cose(claims) if media_type == envelope.COSE else _jws(claims)


def compact(value: object) -> bytes:
    """Return JSON without white space, as UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _jws(claims: Claims) -> Begun:
    told: dict[str, object] = {
        "alg": claims.algorithm, "crit": claims.critical, "cty": envelope.PAYLOAD,
        envelope.SCHEME: envelope.SCHEME_X509, envelope.SIGNING_TIME: _rfc3339(claims.signed_at),
    }  # fmt: skip
    if claims.expires_at:
        told[envelope.EXPIRY] = _rfc3339(claims.expires_at)
    protected, payload = _url(compact(told)), _url(claims.payload)

    def finish(signature: bytes, along: Along) -> bytes:
        header: dict[str, object] = {"x5c": [base64.encode(one) for one in along.chain], envelope.AGENT: along.agent}
        if along.timestamp:
            header[envelope.TIMESTAMP] = base64.encode(along.timestamp)
        return compact({"payload": payload, "protected": protected, "header": header, "signature": _url(signature)})

    return Begun(f"{protected}.{payload}".encode("ascii"), finish)


def _cose(claims: Claims) -> Begun:
    code = next(code for code, name in envelope.COSE_ALGORITHMS.items() if name == claims.algorithm)
    told: dict[int | str, bytes] = {
        envelope.ALGORITHM: cbor.encode_integer(code),
        envelope.CRITICAL: cbor.encode_array(*map(cbor.encode_text, claims.critical)),
        envelope.CONTENT_TYPE: cbor.encode_text(envelope.PAYLOAD),
        envelope.SCHEME: cbor.encode_text(envelope.SCHEME_X509),
        envelope.SIGNING_TIME: _epoch(claims.signed_at),
    }
    if claims.expires_at:
        told[envelope.EXPIRY] = _epoch(claims.expires_at)
    protected = _map(told)

    def finish(signature: bytes, along: Along) -> bytes:
        header: dict[int | str, bytes] = {
            envelope.CHAIN: cbor.encode_array(*map(cbor.encode_bytes, along.chain)),
            envelope.AGENT: cbor.encode_text(along.agent),
        }
        if along.timestamp:
            header[envelope.TIMESTAMP] = cbor.encode_bytes(along.timestamp)
        parts = (cbor.encode_bytes(protected), _map(header), *map(cbor.encode_bytes, (claims.payload, signature)))
        return cbor.encode_tagged(envelope.SIGN1, cbor.encode_array(*parts))

    return Begun(envelope.cose_signed(protected, claims.payload), finish)


def _map(members: Mapping[int | str, bytes]) -> bytes:
    return cbor.encode_map((_label(label), value) for label, value in members.items())


def _label(label: int | str) -> bytes:
    return cbor.encode_integer(label) if isinstance(label, int) else cbor.encode_text(label)


def _epoch(moment: datetime) -> bytes:
    return cbor.encode_tagged(envelope.EPOCH, cbor.encode_integer(int(moment.timestamp())))


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _url(content: bytes) -> str:
    return base64.encode(content).rstrip("=").replace("+", "-").replace("/", "_")
