"""Cosign's "simple signing": a layer of the tag `sha256-<hex>.sig`, its signature in an annotation.

The layer's blob, signed as it stands (cosign SIGNATURE_SPEC.md; containers-signature(5)):

    {"critical":{"identity":{"docker-reference":"registry/repository"},
                 "image":{"docker-manifest-digest":"sha256:<hex>"},
                 "type":"cosign container image signature"},
     "optional":null}

Cosign itself ignores the type, unknown members, repeated members and letter case. Read here as
containers/image reads it, because otherwise two verifiers can see two different images in one payload.
"""

from typing import TYPE_CHECKING, ClassVar  # noqa: TID251  (the heavy half loads on demand)

from trustkit import limits
from trustkit.codec import base64
from trustkit.codec.strict_json import as_object, as_text, parse
from trustkit.errors import (
    LimitExceededError,
    MalformedError,
    MediaTypeError,
    PayloadTypeError,
    SubjectMismatchError,
)
from trustkit.model.digest import Digest
from trustkit.model.evidence import REFERRERS, TAG_SUFFIX, Evidence, Place
from trustkit.model.signature import SIGNATURE, VerifiedSignature
from trustkit.signing.format import Check
from trustkit.signing.identify import Identified, Signed
from trustkit.signing.signer import signer_of

if TYPE_CHECKING:  # loaded when there is a root to check certificates and logs with
    from trustkit.signing.keyless.attribution import Accompanied

MEDIA_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
# the manifest of COSIGN_EXPERIMENTAL's oci-1-1 mode, which keeps the same layers as a referrer
ARTIFACT_TYPE = "application/vnd.dev.cosign.artifact.sig.v1+json"
PAYLOAD_TYPE = "cosign container image signature"
SIGNATURE_ANNOTATION = "dev.cosignproject.cosign/signature"
CERTIFICATE_ANNOTATION = "dev.sigstore.cosign/certificate"
TAG_PLACE = Place(TAG_SUFFIX, ".sig")
_WHAT = "signature payload"


class CosignSignature:
    """The format named `cosign`: legacy `.sig` signatures, by keys and certificates."""

    api: ClassVar[int] = 1
    name: ClassVar[str] = "cosign"
    places: ClassVar[tuple[Place, ...]] = (TAG_PLACE, Place(REFERRERS, ARTIFACT_TYPE))
    kinds: ClassVar[tuple[str, ...]] = (SIGNATURE,)

    def recognises(self, item: Evidence) -> bool:
        """Whether the item lies where these signatures lie; a referrer may only call itself one."""
        if item.place.kind == REFERRERS:
            return item.artifact_type == ARTIFACT_TYPE or item.media_type == MEDIA_TYPE
        return item.place == TAG_PLACE

    def verify(self, item: Evidence, check: Check) -> VerifiedSignature:
        """Return what the item proves: media type, signature, payload's shape and type, digest.

        Raises MalformedError, VerificationError, AlgorithmNotApprovedError.
        """
        if item.media_type != MEDIA_TYPE:
            raise MediaTypeError(f"layer has media type {item.media_type[:80]!r}, not {MEDIA_TYPE}")
        if len(item.content) > limits.SIGNATURE_BYTES:
            raise LimitExceededError(f"{_WHAT} is over {limits.SIGNATURE_BYTES} bytes")
        identified = _identify(item, check)
        name, annotations = _read(item.content, check.image)
        return VerifiedSignature(
            format=self.name,
            kind=SIGNATURE,
            subject=check.image,
            signer=identified.signer,
            algorithm=identified.algorithm,
            evidence=item.digest,
            claimed_name=name,
            annotations=annotations,
            signed_at=identified.signed_at,
            time_source=identified.time_source,
            log=identified.log,
            logs=identified.logs,
        )


def _identify(item: Evidence, check: Check) -> Identified:
    text = item.annotations.get(SIGNATURE_ANNOTATION, "")
    if not text:
        raise MalformedError(f"layer has no {SIGNATURE_ANNOTATION} annotation")
    if len(text) > limits.SIGNATURE_TEXT_CHARS:
        raise LimitExceededError(f"signature is over {limits.SIGNATURE_TEXT_CHARS} characters")
    # Go's decoder reads over line ends, and `openssl base64`, by which people sign with keys of their own, writes them
    signature = base64.decode(text.replace("\n", ""), "signature")
    certified = CERTIFICATE_ANNOTATION in item.annotations
    return signer_of(Signed(item.content, (signature,), certified=certified), check, lambda: _along(item, signature))


def _along(item: Evidence, signature: bytes) -> "Accompanied":
    from trustkit.signing.keyless.attribution import Accompanied
    from trustkit.signing.keyless.material import from_annotations
    from trustkit.signing.log.recorded import SignedContent

    return Accompanied(from_annotations(item.annotations), SignedContent(signature, item.content))


def _read(content: bytes, image: Digest) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the claimed name and the annotations of a payload about this image."""
    payload = _members(parse(content, what=_WHAT, limit_bytes=limits.SIGNATURE_BYTES), _WHAT, "critical", "optional")
    critical = _members(payload["critical"], "critical", "type", "image", "identity")
    if critical["type"] != PAYLOAD_TYPE:
        raise PayloadTypeError(f"critical.type is {str(critical['type'])[:80]!r}, not {PAYLOAD_TYPE!r}")
    named = _members(critical["image"], "critical.image", "docker-manifest-digest")
    identity = _members(critical["identity"], "critical.identity", "docker-reference")
    claimed = as_text(identity["docker-reference"], "docker-reference")
    digest = as_text(named["docker-manifest-digest"], "docker-manifest-digest")
    if digest != str(image):
        raise SubjectMismatchError(f"the signature is about {digest[:80]}, not {image}")
    return claimed, _annotations(payload["optional"])


def _members(value: object, what: str, *names: str) -> dict[str, object]:
    """Return the object if it has exactly these members, as containers/image demands."""
    members = as_object(value, what)
    for name in names:
        if name not in members:
            raise MalformedError(f"{what} has no member {name!r}")
    if len(members) != len(names):
        unknown = min(set(members) - set(names))
        raise MalformedError(f"{what} has an unknown member {unknown[:80]!r}")
    return members


def _annotations(optional: object) -> tuple[tuple[str, str], ...]:
    """Return the text members; cosign writes null for none, other tools add times as numbers."""
    if optional is None:
        return ()
    members = as_object(optional, "optional")
    return tuple(sorted((name, value) for name, value in members.items() if isinstance(value, str)))
