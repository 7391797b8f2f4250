"""What a Rekor entry's body records: which signatures, by which keys or certificates, over which hashes.

The kinds that sign images and blobs (sigstore/rekor pkg/types, sigstore/rekor-tiles): hashedrekord 0.0.1 and
0.0.2, dsse 0.0.1 and 0.0.2, intoto 0.0.1 and 0.0.2. Bodies are canonical JSON; for example

    {"apiVersion":"0.0.1","kind":"hashedrekord","spec":{
       "data":{"hash":{"algorithm":"sha256","value":"<hex>"}},
       "signature":{"content":"<base64>","publicKey":{"content":"<base64 of PEM>"}}}}
"""

from collections.abc import Callable

from trustkit import limits
from trustkit.codec import base64, pem
from trustkit.codec.strict_json import as_list, as_object, as_text, parse
from trustkit.errors import MalformedError, UnsupportedEvidenceError
from trustkit.model.digest import Digest
from trustkit.model.values import NamedTuple

# What a recorded hash is over.
MESSAGE = "message"
PAYLOAD = "payload"
ENVELOPE = "envelope"

_WHAT = "body of the log entry"
_LABELS = ("CERTIFICATE", "PUBLIC KEY")
_V2_HASHES = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}


class RecordedSignature(NamedTuple):
    """One signature and the DER of the certificate or key (SPKI) that is said to have made it."""

    signature: bytes
    verifier: bytes


class Recorded(NamedTuple):
    """What an entry records. `verifier` alone, without signatures, is intoto 0.0.1's form."""

    kind: str
    version: str
    signatures: tuple[RecordedSignature, ...]
    hashes: tuple[tuple[str, Digest], ...]
    verifier: bytes = b""


def parse_body(content: bytes) -> Recorded:
    """Return what the body records. Raises MalformedError, LimitExceededError, UnsupportedEvidenceError."""
    value = as_object(
        parse(content, what=_WHAT, limit_bytes=limits.LOG_BODY_BYTES, fold_names=False),
        _WHAT,
    )
    kind, version = as_text(value.get("kind"), f"{_WHAT} kind"), as_text(value.get("apiVersion"), f"{_WHAT} apiVersion")
    reader = _READERS.get((kind, version))
    if reader is None:
        raise UnsupportedEvidenceError(f"log entries of kind {kind[:40]!r} {version[:20]!r} are not read here")
    return reader(_object(value, "spec"))


def _hashedrekord_1(spec: dict[str, object]) -> Recorded:
    signature = _object(spec, "signature")
    made = RecordedSignature(
        _base64(signature.get("content")), _pem(_base64(_object(signature, "publicKey").get("content")))
    )
    return Recorded("hashedrekord", "0.0.1", (made,), ((MESSAGE, _hash(_object(spec, "data").get("hash"))),))


def _dsse_1(spec: dict[str, object]) -> Recorded:
    made = tuple(
        RecordedSignature(_base64(one.get("signature")), _pem(_base64(one.get("verifier"))))
        for one in _objects(spec, "signatures")
    )
    # envelopeHash is over the envelope as it was uploaded, whose spelling nobody keeps
    return Recorded("dsse", "0.0.1", made, ((PAYLOAD, _hash(spec.get("payloadHash"))),))


def _intoto_1(spec: dict[str, object]) -> Recorded:
    content = _object(spec, "content")
    hashes = ((ENVELOPE, _hash(content.get("hash"))), (PAYLOAD, _hash(content.get("payloadHash"))))
    return Recorded("intoto", "0.0.1", (), hashes, _pem(_base64(spec.get("publicKey"))))


def _intoto_2(spec: dict[str, object]) -> Recorded:
    content = _object(spec, "content")
    made = tuple(
        # Rekor encodes the signature's base64 once more
        RecordedSignature(_base64(_ascii(_base64(one.get("sig")))), _pem(_base64(one.get("publicKey"))))
        for one in _objects(_object(content, "envelope"), "signatures")
    )
    return Recorded("intoto", "0.0.2", made, ((PAYLOAD, _hash(content.get("payloadHash"))),))


def _hashedrekord_2(spec: dict[str, object]) -> Recorded:
    inner = _object(spec, "hashedRekordV002")
    return Recorded(
        "hashedrekord", "0.0.2", (_signature_2(inner.get("signature")),), ((MESSAGE, _hash_2(inner.get("data"))),)
    )


def _dsse_2(spec: dict[str, object]) -> Recorded:
    inner = _object(spec, "dsseV002")
    made = tuple(_signature_2(one) for one in _objects(inner, "signatures"))
    return Recorded("dsse", "0.0.2", made, ((PAYLOAD, _hash_2(inner.get("payloadHash"))),))


_READERS: dict[tuple[str, str], Callable[[dict[str, object]], Recorded]] = {
    ("hashedrekord", "0.0.1"): _hashedrekord_1,
    ("hashedrekord", "0.0.2"): _hashedrekord_2,
    ("dsse", "0.0.1"): _dsse_1,
    ("dsse", "0.0.2"): _dsse_2,
    ("intoto", "0.0.1"): _intoto_1,
    ("intoto", "0.0.2"): _intoto_2,
}


def _signature_2(value: object) -> RecordedSignature:
    members = as_object(value, f"{_WHAT} signature")
    verifier = _object(members, "verifier")
    keys = [name for name in ("x509Certificate", "publicKey") if name in verifier]
    if len(keys) != 1:
        raise MalformedError(f"{_WHAT} names neither one certificate nor one key")
    return RecordedSignature(_base64(members.get("content")), _base64(_object(verifier, keys[0]).get("rawBytes")))


def _object(members: dict[str, object], name: str) -> dict[str, object]:
    return as_object(members.get(name), f"{_WHAT} {name}")


def _objects(members: dict[str, object], name: str) -> list[dict[str, object]]:
    items = as_list(members.get(name), f"{_WHAT} {name}")
    if not 0 < len(items) <= limits.ENVELOPE_SIGNATURES:
        raise MalformedError(f"{_WHAT} has {len(items)} signatures; 1 to {limits.ENVELOPE_SIGNATURES} are allowed")
    return [as_object(item, f"{_WHAT} {name}") for item in items]


def _base64(value: object) -> bytes:
    return base64.decode(as_text(value, _WHAT), _WHAT)


def _ascii(content: bytes) -> str:
    try:
        return content.decode("ascii")
    except UnicodeDecodeError as error:
        raise MalformedError(f"{_WHAT} has a signature that is not base64 of base64") from error


def _pem(content: bytes) -> bytes:
    """Return the first block: some clients record a whole chain, and the leaf comes first."""
    return pem.decode_all(content, _LABELS)[0][1]


def _hash(value: object) -> Digest:
    members = as_object(value, f"{_WHAT} hash")
    return _digest(as_text(members.get("algorithm"), "algorithm"), as_text(members.get("value"), "value"))


def _hash_2(value: object) -> Digest:
    members = as_object(value, f"{_WHAT} hash")
    algorithm = _V2_HASHES.get(as_text(members.get("algorithm"), "algorithm"), "")
    return _digest(algorithm, _base64(members.get("digest")).hex())


def _digest(algorithm: str, value: str) -> Digest:
    if algorithm not in _V2_HASHES.values():
        raise UnsupportedEvidenceError(f"{_WHAT} has a hash by {algorithm[:20]!r}, which is not used here")
    return Digest(algorithm, value)
