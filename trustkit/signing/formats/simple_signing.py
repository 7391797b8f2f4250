"""GPG "simple signing" of containers/image: an OpenPGP signed message about an image, kept beside the registry.

Where it lies: `<lookaside>/<repository>@sha256=<hex>/signature-N`, or the registry's signatures API, or a referrer
of trustkit's own type (for archives and registries without either). The signed data is JSON
(containers-signature(5)):

    {"critical":{"identity":{"docker-reference":"registry/repository:tag"},
                 "image":{"docker-manifest-digest":"sha256:<hex>"},
                 "type":"atomic container signature"},
     "optional":{"creator":"trustkit 0.1","timestamp":1795457470}}

Unlike cosign's form, the name carries the tag, and whoever verifies must compare it (`policy.signed_identity`).
"""

from datetime import datetime
from typing import ClassVar

from trustkit import __version__, limits
from trustkit.codec.oci_build import compact
from trustkit.codec.openpgp import signed_message
from trustkit.codec.strict_json import as_object, as_text, parse
from trustkit.errors import MalformedError, MediaTypeError, PayloadTypeError, SubjectMismatchError, UntrustedSignerError
from trustkit.model.digest import Digest
from trustkit.model.evidence import LOOKASIDE, REFERRERS, SIGNATURE_API, SIMPLE_SIGNING, Evidence, Place
from trustkit.model.signature import SIGNATURE, SIGNER, SignerIdentity, VerifiedSignature
from trustkit.signing.format import Check

MEDIA_TYPE = SIMPLE_SIGNING
PAYLOAD_TYPE = "atomic container signature"
_WHAT = "simple signature"
_OPTIONAL = ("creator", "timestamp")


class SimpleSigning:
    """The format named `simple-signing`: GPG signatures of containers/image."""

    api: ClassVar[int] = 1
    name: ClassVar[str] = "simple-signing"
    places: ClassVar[tuple[Place, ...]] = (
        Place(LOOKASIDE, ""),
        Place(SIGNATURE_API, ""),
        Place(REFERRERS, SIMPLE_SIGNING),
    )
    kinds: ClassVar[tuple[str, ...]] = (SIGNATURE,)

    def recognises(self, item: Evidence) -> bool:
        """Whether the item lies where these signatures lie, or calls itself one."""
        if item.place.kind == REFERRERS:
            return SIMPLE_SIGNING in (item.artifact_type, item.media_type)
        return item.place.kind in (LOOKASIDE, SIGNATURE_API)

    def verify(self, item: Evidence, check: Check) -> VerifiedSignature:
        """Return what the item proves: message, signer, payload's shape and type, digest.

        Raises MalformedError, VerificationError, AlgorithmNotApprovedError.
        """
        from trustkit.signing.openpgp.keyrings import identify_openpgp

        if item.media_type != SIMPLE_SIGNING:
            raise MediaTypeError(f"layer has media type {item.media_type[:80]!r}, not {SIMPLE_SIGNING}")
        if not check.trust.openpgp:
            raise UntrustedSignerError(
                "no OpenPGP key is trusted", next_step="give --gpg-key, or name it in the policy"
            )
        message = signed_message(item.content, _WHAT)
        signer = identify_openpgp(message, check.trust.openpgp, check.now, check.crypto)
        claimed, optional = _read(message.data, check.image)
        return VerifiedSignature(
            format=self.name,
            kind=SIGNATURE,
            subject=check.image,
            signer=SignerIdentity(
                signer.primary,
                f"openpgp:{signer.keyring}",
                claims=(("openpgp:key", signer.key), *(("openpgp:user-id", text) for text in signer.user_ids)),
                key_bits=signer.key_bits,
            ),
            algorithm=signer.algorithm,
            evidence=item.digest,
            claimed_name=claimed,
            annotations=optional,
            signed_at=signer.signed_at,
            time_source=SIGNER,
            expires_at=signer.expires_at,
        )


def payload(image: Digest, docker_reference: str, at: datetime) -> bytes:
    """Return the bytes to sign; the reference carries the tag."""
    return compact(
        {
            "critical": {
                "identity": {"docker-reference": docker_reference},
                "image": {"docker-manifest-digest": str(image)},
                "type": PAYLOAD_TYPE,
            },
            "optional": {"creator": f"trustkit {__version__}", "timestamp": int(at.timestamp())},
        }
    )


def _read(data: bytes, image: Digest) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return the claimed name and the optional members of a payload about this image."""
    signed = _members(parse(data, what=_WHAT, limit_bytes=limits.SIGNATURE_BYTES), _WHAT, "critical", "optional")
    critical = _members(signed["critical"], "critical", "type", "image", "identity")
    if critical["type"] != PAYLOAD_TYPE:
        raise PayloadTypeError(f"critical.type is {str(critical['type'])[:80]!r}, not {PAYLOAD_TYPE!r}")
    named = _members(critical["image"], "critical.image", "docker-manifest-digest")
    identity = _members(critical["identity"], "critical.identity", "docker-reference")
    claimed = as_text(identity["docker-reference"], "docker-reference")
    digest = as_text(named["docker-manifest-digest"], "docker-manifest-digest")
    if digest != str(image):
        raise SubjectMismatchError(f"the signature is about {digest[:80]}, not {image}")
    return claimed, _optional(signed["optional"])


def _optional(value: object) -> tuple[tuple[str, str], ...]:
    """Return creator and timestamp as text; containers/image ignores other members, as it must."""
    members = as_object(value, "optional")
    for name, kind in (("creator", str), ("timestamp", int)):
        if name in members and (not isinstance(members[name], kind) or isinstance(members[name], bool)):
            raise MalformedError(f"optional.{name} is not a {kind.__name__}")
    return tuple((name, str(members[name])) for name in _OPTIONAL if name in members)


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
