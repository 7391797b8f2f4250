"""Sigstore bundles v0.1 to v0.3 as referrers of the image, with a managed key.

One referrer manifest per bundle, its one layer the bundle as protobuf's JSON (sigstore
protobuf-specs, sigstore_bundle.proto; cosign BUNDLE_SPEC.md):

    {"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",
     "verificationMaterial":{"publicKey":{"hint":"<base64 SHA-256 of the SPKI>"}},
     "dsseEnvelope":{"payload":"...","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"..."}]}}

A signature is a statement with cosign's sign/v1 predicate; every other predicate makes it an
attestation. Names may be camelCase or snake_case; unknown and repeated ones are refused. Log
entries and timestamps are neither checked nor reported: a managed key does not need them.
"""

from typing import ClassVar

from trustkit import limits
from trustkit.codec import base64, dsse
from trustkit.codec.dsse import Envelope
from trustkit.codec.strict_json import as_list, as_object, as_text, parse
from trustkit.errors import MalformedError, MediaTypeError, UnsupportedEvidenceError
from trustkit.model.evidence import REFERRERS, Evidence, Place
from trustkit.model.signature import ATTESTATION, SIGNATURE, VerifiedSignature
from trustkit.signing.format import Check
from trustkit.signing.statement import SIGN_PREDICATE, prove

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
MEDIA_TYPES = frozenset(
    spelling
    for version in ("0.1", "0.2", "0.3")
    for spelling in (
        f"application/vnd.dev.sigstore.bundle+json;version={version}",
        f"application/vnd.dev.sigstore.bundle.v{version}+json",
    )
)
_FAMILY = "application/vnd.dev.sigstore.bundle"
_WHAT = "sigstore bundle"
_BUNDLE = ("mediaType", "verificationMaterial", "messageSignature", "dsseEnvelope")
_CERTIFICATES = ("certificate", "x509CertificateChain")
_MATERIAL = ("publicKey", *_CERTIFICATES, "tlogEntries", "timestampVerificationData")
_ENVELOPE = ("payload", "payloadType", "signatures")
_FINGERPRINT_BYTES = 32


class SigstoreBundle:
    """The format named `bundle`: signatures and attestations as sigstore bundles, by keys."""

    api: ClassVar[int] = 1
    name: ClassVar[str] = "bundle"
    # the fallback index of cosign 3.1 names the wrong artifact type (cosign#4641): take all, then choose
    places: ClassVar[tuple[Place, ...]] = (Place(REFERRERS, ""),)
    kinds: ClassVar[tuple[str, ...]] = (SIGNATURE, ATTESTATION)

    def recognises(self, item: Evidence) -> bool:
        """Whether a referrer's manifest or layer call themselves a bundle of any version."""
        if item.place.kind != REFERRERS:
            return False
        return item.media_type.startswith(_FAMILY) or item.artifact_type.startswith(_FAMILY)

    def verify(self, item: Evidence, check: Check) -> VerifiedSignature:
        """Return what the item proves: media types, bundle, payload type, signature, subject.

        Raises MalformedError, VerificationError, AlgorithmNotApprovedError.
        """
        for what, told in (("layer's media type", item.media_type), ("manifest's artifactType", item.artifact_type)):
            if told not in MEDIA_TYPES:
                raise MediaTypeError(f"{what} is {told[:80]!r}, not a known sigstore bundle")
        envelope, hints, certified = _read(item.content)
        proven = prove(envelope, check, hints, certified=certified)
        plain = proven.statement.predicate_type == SIGN_PREDICATE
        return VerifiedSignature(
            format=self.name,
            kind=SIGNATURE if plain else ATTESTATION,
            subject=check.image,
            signer=proven.identified.signer,
            algorithm=proven.identified.algorithm,
            evidence=item.digest,
            claimed_name=proven.claimed_name,
            annotations=proven.annotations,
            statement=None if plain else proven.statement,
        )


def _read(content: bytes) -> tuple[Envelope, tuple[str, ...], bool]:
    """Return the envelope, the key hint as fingerprint, and whether a certificate stands for the key."""
    bundle = _members(parse(content, what=_WHAT, limit_bytes=limits.ATTESTATION_BYTES), _WHAT, _BUNDLE)
    media_type = as_text(bundle.get("mediaType"), "mediaType")
    if media_type not in MEDIA_TYPES:
        raise MediaTypeError(f"the bundle's mediaType is {media_type[:80]!r}, not a known sigstore bundle")
    hints, certified = _material(bundle)
    if "messageSignature" in bundle and "dsseEnvelope" in bundle:
        raise MalformedError(f"{_WHAT} has both messageSignature and dsseEnvelope")
    if "messageSignature" in bundle:
        raise UnsupportedEvidenceError(f"{_WHAT} signs a blob (messageSignature), not an image")
    return _envelope(bundle.get("dsseEnvelope")), hints, certified


def _material(bundle: dict[str, object]) -> tuple[tuple[str, ...], bool]:
    material = _members(bundle.get("verificationMaterial"), "verificationMaterial", _MATERIAL)
    as_list(material.get("tlogEntries", []), "tlogEntries")
    as_object(material.get("timestampVerificationData", {}), "timestampVerificationData")
    certified = [name for name in _CERTIFICATES if name in material]
    if len(certified) + ("publicKey" in material) != 1:
        raise MalformedError(
            "verificationMaterial must hold exactly one of publicKey, certificate, x509CertificateChain"
        )
    if certified:
        as_object(material[certified[0]], certified[0])
        return (), True
    hint = as_text(_members(material["publicKey"], "publicKey", ("hint",)).get("hint", ""), "publicKey.hint")
    return _fingerprint(hint), False


def _fingerprint(hint: str) -> tuple[str, ...]:
    """Return the hint as hex if it is one of cosign's; other tools may write any text."""
    try:
        decoded = base64.decode_either(hint, "publicKey.hint")
    except MalformedError:
        return ()
    return (decoded.hex(),) if len(decoded) == _FINGERPRINT_BYTES else ()


def _envelope(value: object) -> Envelope:
    members = _members(value, "dsseEnvelope", _ENVELOPE)
    signatures = as_list(members.get("signatures"), "dsseEnvelope.signatures")
    if len(signatures) != 1:
        # sigstore_bundle.proto says so: signatures MUST number exactly one
        raise MalformedError(f"a bundle's envelope has exactly one signature, not {len(signatures)}")
    signature = _members(signatures[0], "dsseEnvelope.signatures[0]", ("sig", "keyid"))
    return dsse.from_value({**_padded(members, "payload"), "signatures": [_padded(signature, "sig")]})


def _members(value: object, what: str, names: tuple[str, ...]) -> dict[str, object]:
    """Return the members under their camelCase names; null means absent, as in protobuf's JSON.

    Raises MalformedError for unknown names, and for one field under both its names.
    """
    spellings = {spelling: name for name in names for spelling in (name, _snake(name))}
    members: dict[str, object] = {}
    for spelling, member in as_object(value, what).items():
        name = spellings.get(spelling)
        if name is None:
            raise MalformedError(f"{what} has an unknown member {spelling[:80]!r}")
        if name in members:
            raise MalformedError(f"{what} has {name} twice, under both its names")
        members[name] = member
    return {name: member for name, member in members.items() if member is not None}


def _padded(members: dict[str, object], name: str) -> dict[str, object]:
    """Return the members with the padding that protobuf's JSON may leave off base64."""
    text = members.get(name)
    return {**members, name: text + "=" * (-len(text) % 4)} if isinstance(text, str) else members


def _snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
