"""Sigstore bundles, versions 0.1 to 0.3 (sigstore protobuf-specs, sigstore_bundle.proto), as protobuf's JSON.

    {"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",
     "verificationMaterial":{"publicKey":{"hint":"<base64 SHA-256 of the SPKI>"} or "certificate":{"rawBytes":"..."},
                             "tlogEntries":[], "timestampVerificationData":{"rfc3161Timestamps":[]}},
     "dsseEnvelope":{"payload":"...","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"..."}]}
     or "messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"..."},"signature":"..."}}

Versions 0.1 and 0.2 may hold the certificates of a chain, leaf first; 0.3 only the leaf.
"""

from trustkit import limits
from trustkit.codec import base64, dsse
from trustkit.codec.dsse import Envelope
from trustkit.codec.protojson import as_bytes, bounded, members, padded
from trustkit.codec.strict_json import as_list, as_text, parse
from trustkit.errors import LimitExceededError, MalformedError, MediaTypeError
from trustkit.model.digest import Digest
from trustkit.model.values import NamedTuple

_VERSIONS = ("0.1", "0.2", "0.3")
MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
MEDIA_TYPES = {
    spelling: version
    for version in _VERSIONS
    for spelling in (
        f"application/vnd.dev.sigstore.bundle+json;version={version}",
        f"application/vnd.dev.sigstore.bundle.v{version}+json",
    )
}
_WHAT = "sigstore bundle"
_BUNDLE = ("mediaType", "verificationMaterial", "messageSignature", "dsseEnvelope")
_CERTIFICATES = ("certificate", "x509CertificateChain")
_MATERIAL = ("publicKey", *_CERTIFICATES, "tlogEntries", "timestampVerificationData")
_ENVELOPE = ("payload", "payloadType", "signatures")
_HASHES = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}
_FINGERPRINT_BYTES = 32
_SIGNATURE_BYTES = 4096


class MessageSignature(NamedTuple):
    """A signature on a blob, and the blob's digest as the bundle has it, which proves nothing."""

    signature: bytes
    digest: Digest | None


class Bundle(NamedTuple):
    """A bundle as found: nothing in it is proven.

    `hints` are fingerprints of keys; `entries` and `timestamps` are JSON values that are read when a root is
    there to check them. Exactly one of `envelope` and `message` is there.
    """

    version: str
    hints: tuple[str, ...]
    certificates: tuple[bytes, ...]
    entries: tuple[object, ...]
    timestamps: tuple[object, ...]
    envelope: Envelope | None
    message: MessageSignature | None


def parse_bundle(content: bytes) -> Bundle:
    """Return the bundle in these bytes. Raises MalformedError, LimitExceededError, MediaTypeError."""
    bundle = members(parse(content, what=_WHAT, limit_bytes=limits.ATTESTATION_BYTES), _WHAT, _BUNDLE)
    media_type = as_text(bundle.get("mediaType"), "mediaType")
    if media_type not in MEDIA_TYPES:
        raise MediaTypeError(f"the bundle's mediaType is {media_type[:80]!r}, not a known sigstore bundle")
    if "messageSignature" in bundle and "dsseEnvelope" in bundle:
        raise MalformedError(f"{_WHAT} has both messageSignature and dsseEnvelope")
    material = members(bundle.get("verificationMaterial"), "verificationMaterial", _MATERIAL)
    stamps = members(material.get("timestampVerificationData", {}), "timestampVerificationData", ("rfc3161Timestamps",))
    hints, certificates = _signer(material)
    signed = "messageSignature" in bundle
    return Bundle(
        version=MEDIA_TYPES[media_type],
        hints=hints,
        certificates=certificates,
        entries=tuple(bounded(material.get("tlogEntries"), "tlogEntries", limits.LOG_ENTRIES)),
        timestamps=tuple(bounded(stamps.get("rfc3161Timestamps"), "rfc3161Timestamps", limits.TIMESTAMPS)),
        envelope=None if signed else _envelope(bundle.get("dsseEnvelope")),
        message=_message(bundle["messageSignature"]) if signed else None,
    )


def _signer(material: dict[str, object]) -> tuple[tuple[str, ...], tuple[bytes, ...]]:
    """Return the key hint as fingerprint, or the certificates that stand for the key, leaf first."""
    certified = [name for name in _CERTIFICATES if name in material]
    if len(certified) + ("publicKey" in material) != 1:
        raise MalformedError(
            "verificationMaterial must hold exactly one of publicKey, certificate, x509CertificateChain"
        )
    if not certified:
        hint = as_text(members(material["publicKey"], "publicKey", ("hint",)).get("hint", ""), "publicKey.hint")
        return _fingerprint(hint), ()
    if certified[0] == "certificate":
        return (), (_certificate(material["certificate"]),)
    chain = members(material["x509CertificateChain"], "x509CertificateChain", ("certificates",))
    listed = bounded(chain.get("certificates"), "certificates", limits.CHAIN_CERTIFICATES)
    if not listed:
        raise MalformedError("x509CertificateChain is empty")
    return (), tuple(_certificate(one) for one in listed)


def _certificate(value: object) -> bytes:
    content = as_bytes(members(value, "certificate", ("rawBytes",)).get("rawBytes"), "certificate.rawBytes")
    if len(content) > limits.CERTIFICATE_BYTES:
        raise LimitExceededError(f"certificate is over {limits.CERTIFICATE_BYTES} bytes")
    return content


def _fingerprint(hint: str) -> tuple[str, ...]:
    """Return the hint as hex if it is one of cosign's; other tools may write any text."""
    try:
        decoded = base64.decode_either(hint, "publicKey.hint")
    except MalformedError:
        return ()
    return (decoded.hex(),) if len(decoded) == _FINGERPRINT_BYTES else ()


def _envelope(value: object) -> Envelope:
    envelope = members(value, "dsseEnvelope", _ENVELOPE)
    signatures = as_list(envelope.get("signatures"), "dsseEnvelope.signatures")
    if len(signatures) != 1:
        # sigstore_bundle.proto says so: signatures MUST number exactly one
        raise MalformedError(f"a bundle's envelope has exactly one signature, not {len(signatures)}")
    signature = members(signatures[0], "dsseEnvelope.signatures[0]", ("sig", "keyid"))
    return dsse.from_value({**padded(envelope, "payload"), "signatures": [padded(signature, "sig")]})


def _message(value: object) -> MessageSignature:
    message = members(value, "messageSignature", ("messageDigest", "signature"))
    signature = as_bytes(message.get("signature"), "messageSignature.signature")
    if not 0 < len(signature) <= _SIGNATURE_BYTES:
        raise MalformedError("messageSignature.signature is empty or too long")
    if "messageDigest" not in message:
        return MessageSignature(signature, None)
    told = members(message["messageDigest"], "messageDigest", ("algorithm", "digest"))
    algorithm = _HASHES.get(as_text(told.get("algorithm"), "messageDigest.algorithm"))
    if algorithm is None:
        raise MalformedError(f"messageDigest is by {str(told['algorithm'])[:40]!r}, which is not used here")
    return MessageSignature(signature, Digest(algorithm, as_bytes(told.get("digest"), "messageDigest.digest").hex()))
