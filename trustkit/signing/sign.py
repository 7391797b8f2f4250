"""Image and key to evidence, in cosign's two layouts, ready to be pushed."""

import json
from collections.abc import Mapping
from datetime import datetime

from trustkit import limits
from trustkit.codec import base64, dsse, intoto, sigstore_bundle
from trustkit.codec.canonical_json import canonical
from trustkit.codec.dsse import Envelope, EnvelopeSignature
from trustkit.codec.intoto import Subject
from trustkit.errors import AlgorithmNotApprovedError, UsageError
from trustkit.model.digest import Digest
from trustkit.model.evidence import REFERRERS, Place
from trustkit.model.keys import (
    ECDSA_P256_SHA256,
    ECDSA_P384_SHA256,
    ECDSA_P521_SHA256,
    ED25519,
    ML_DSA_44,
    ML_DSA_65,
    ML_DSA_87,
    RSA_PKCS1_SHA256,
    PublicKey,
)
from trustkit.model.values import NamedTuple
from trustkit.signing.format import Attachment
from trustkit.signing.formats import cosign_attestation, cosign_signature
from trustkit.signing.keys import SigningKey
from trustkit.signing.predicates import predicate_of, predicate_type_of
from trustkit.signing.statement import SIGN_PREDICATE

BUNDLE = "bundle"
LEGACY = "legacy"
LAYOUTS = (BUNDLE, LEGACY)
# SHA-256 on every curve: cosign 2.5 and 3.1 verify nothing else (sigstore/cosign#5091).
_ALGORITHMS = {
    "ecdsa-p256": ECDSA_P256_SHA256,
    "ecdsa-p384": ECDSA_P384_SHA256,
    "ecdsa-p521": ECDSA_P521_SHA256,
    "ed25519": ED25519,
    "rsa": RSA_PKCS1_SHA256,
    ML_DSA_44: ML_DSA_44,
    ML_DSA_65: ML_DSA_65,
    ML_DSA_87: ML_DSA_87,
}


class Subjected(NamedTuple):
    """What is signed: the image's digest, and the repository it is signed as (no tag)."""

    digest: Digest
    name: str


def sign(
    image: Subjected, key: SigningKey, layout: str = BUNDLE, annotations: Mapping[str, str] | None = None
) -> Attachment:
    """Return a signature on the image. Raises UsageError, AlgorithmNotApprovedError, KeyUnavailableError."""
    require_layout(layout)
    if layout == LEGACY:
        content = simple_signing_payload(image, annotations or {})
        return legacy_signature(content, _sign(key, content))
    # cosign's sign/v1 names no repository: the digest is all it speaks of
    subject = Subject("", {image.digest.algorithm: image.digest.hex}, annotations or {})
    payload = intoto.build([subject], SIGN_PREDICATE, {}, intoto.STATEMENT_V1)
    return _bundle(payload, SIGN_PREDICATE, key)


def attest(
    image: Subjected, key: SigningKey, predicate: tuple[str, bytes], now: datetime, layout: str = BUNDLE
) -> Attachment:
    """Return an attestation; `predicate` is a type (alias or URI) and the content of its file.

    Raises as `attest_all`.
    """
    return attest_all((image,), (key,), predicate, now, layout)[0]


def attest_all(
    images: tuple[Subjected, ...], keys: tuple[SigningKey, ...], predicate: tuple[str, bytes], now: datetime,
    layout: str = BUNDLE,
) -> tuple[Attachment, ...]:  # fmt: skip
    """Return one statement about all images, signed by all keys.

    A sigstore bundle holds one signature, so there is one for each key; the older layout has one envelope.

    Raises UsageError, MalformedError, AlgorithmNotApprovedError, KeyUnavailableError.
    """
    require_layout(layout)
    if len({key.public.fingerprint for key in keys}) != len(keys):
        raise UsageError("one key signs twice", next_step="name each key once")
    if len(keys) > limits.ENVELOPE_SIGNATURES or len(images) > limits.STATEMENT_SUBJECTS:
        raise UsageError(
            f"{len(images)} images and {len(keys)} keys are more than verifiers read",
            next_step=f"at most {limits.STATEMENT_SUBJECTS} images and {limits.ENVELOPE_SIGNATURES} keys at a time",
        )
    name, content = predicate
    predicate_type = predicate_type_of(name)
    subjects = [Subject(image.name, {image.digest.algorithm: image.digest.hex}) for image in dict.fromkeys(images)]
    value = predicate_of(name, content, now)
    if layout == BUNDLE:
        payload = intoto.build(subjects, predicate_type, value)
        return tuple(_bundle(payload, predicate_type, key) for key in keys)
    payload = intoto.build(subjects, predicate_type, value, intoto.STATEMENT_V01)
    return (legacy_attestation(canonical(_envelope(payload, *keys)), predicate_type),)


def signed_statement(payload: bytes, predicate_type: str, key: SigningKey) -> Attachment:
    """Return a bundle of the key's signature on a statement that is written already. Raises as `sign`."""
    return _bundle(payload, predicate_type, key)


def require_layout(layout: str) -> None:
    """Return if there is such a layout. Raises UsageError."""
    if layout not in LAYOUTS:
        raise UsageError(f"no signature layout is called {layout[:40]!r}", next_step=f"use {' or '.join(LAYOUTS)}")


def simple_signing_payload(image: Subjected, annotations: Mapping[str, str]) -> bytes:
    """Return what the older layout signs about an image (cosign SIGNATURE_SPEC.md)."""
    payload = {
        "critical": {
            "identity": {"docker-reference": image.name},
            "image": {"docker-manifest-digest": str(image.digest)},
            "type": cosign_signature.PAYLOAD_TYPE,
        },
        "optional": dict(annotations) or None,
    }
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()


def legacy_signature(content: bytes, signature: bytes, proofs: Mapping[str, str] | None = None) -> Attachment:
    """Return the layer of the older layout: the signed payload, its signature, and proofs that come along."""
    return Attachment(
        place=cosign_signature.TAG_PLACE,
        media_type=cosign_signature.MEDIA_TYPE,
        content=content,
        annotations={cosign_signature.SIGNATURE_ANNOTATION: base64.encode(signature), **(proofs or {})},
    )


def legacy_attestation(envelope: bytes, predicate_type: str, proofs: Mapping[str, str] | None = None) -> Attachment:
    """Return the layer of the older layout: a DSSE envelope, and proofs that come along."""
    return Attachment(
        place=cosign_attestation.TAG_PLACE,
        media_type=cosign_attestation.MEDIA_TYPE,
        content=envelope,
        annotations={cosign_signature.SIGNATURE_ANNOTATION: "", "predicateType": predicate_type, **(proofs or {})},
    )


def bundled(content: bytes, predicate_type: str) -> Attachment:
    """Return the referrer that holds a sigstore bundle with a DSSE envelope."""
    return Attachment(
        place=Place(REFERRERS, sigstore_bundle.MEDIA_TYPE),
        media_type=sigstore_bundle.MEDIA_TYPE,
        content=content,
        annotations={},
        artifact_type=sigstore_bundle.MEDIA_TYPE,
        manifest_annotations={
            "dev.sigstore.bundle.content": "dsse-envelope",
            "dev.sigstore.bundle.predicateType": predicate_type,
        },
    )


def _bundle(payload: bytes, predicate_type: str, key: SigningKey) -> Attachment:
    content = {
        "mediaType": sigstore_bundle.MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": _hint(key.public)}},
        "dsseEnvelope": _envelope(payload, key),
    }
    return bundled(canonical(content), predicate_type)


def _envelope(payload: bytes, *keys: SigningKey) -> dict[str, object]:
    message = dsse.pae(dsse.IN_TOTO_TYPE, payload)
    signatures = tuple(EnvelopeSignature(_sign(key, message)) for key in keys)
    return dsse.to_value(Envelope(dsse.IN_TOTO_TYPE, payload, signatures))


def _sign(key: SigningKey, message: bytes) -> bytes:
    # a service may sign in one way only
    algorithm = getattr(key, "algorithm", None) or _ALGORITHMS.get(key.public.kind)
    if algorithm is None:
        raise AlgorithmNotApprovedError(f"keys of kind {key.public.kind} do not sign images")
    return key.sign(algorithm, message)


def _hint(public: PublicKey) -> str:
    return base64.encode(bytes.fromhex(public.fingerprint))
