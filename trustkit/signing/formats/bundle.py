"""Sigstore bundles v0.1 to v0.3 as referrers of the image, signed by keys and by certificates.

One referrer manifest per bundle, its one layer the bundle (`codec.sigstore_bundle`; cosign BUNDLE_SPEC.md). A
signature is a statement with cosign's sign/v1 predicate; every other predicate makes it an attestation.
"""

from typing import TYPE_CHECKING, ClassVar  # noqa: TID251  (the heavy half loads on demand)

from trustkit.errors import MediaTypeError, UnsupportedEvidenceError
from trustkit.model.evidence import REFERRERS, Evidence, Place
from trustkit.model.signature import ATTESTATION, SIGNATURE, VerifiedSignature
from trustkit.signing.format import Check

if TYPE_CHECKING:  # loaded when there is a root to check certificates and logs with
    from trustkit.codec.dsse import Envelope
    from trustkit.codec.sigstore_bundle import Bundle
    from trustkit.signing.keyless.attribution import Accompanied

_FAMILY = "application/vnd.dev.sigstore.bundle"


class SigstoreBundle:
    """The format named `bundle`: signatures and attestations as sigstore bundles, by keys and certificates."""

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
        from trustkit.codec.sigstore_bundle import MEDIA_TYPES, parse_bundle
        from trustkit.signing.statement import SIGN_PREDICATE, Come, prove

        for what, told in (("layer's media type", item.media_type), ("manifest's artifactType", item.artifact_type)):
            if told not in MEDIA_TYPES:
                raise MediaTypeError(f"{what} is {told[:80]!r}, not a known sigstore bundle")
        bundle = parse_bundle(item.content)
        envelope = bundle.envelope
        if envelope is None:
            raise UnsupportedEvidenceError("sigstore bundle signs a blob (messageSignature), not an image")
        come = Come(lambda: _along(bundle, envelope), bundle.hints, bool(bundle.certificates))
        proven = prove(envelope, check, come)
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
            signed_at=proven.identified.signed_at,
            time_source=proven.identified.time_source,
            statement=None if plain else proven.statement,
            log=proven.identified.log,
            logs=proven.identified.logs,
        )


def _along(bundle: "Bundle", envelope: "Envelope") -> "Accompanied":
    from trustkit.codec import dsse
    from trustkit.signing.keyless.attribution import Accompanied
    from trustkit.signing.keyless.material import from_bundle
    from trustkit.signing.log.recorded import SignedContent

    message = dsse.pae(envelope.payload_type, envelope.payload)
    return Accompanied(from_bundle(bundle), SignedContent(b"", message, envelope.payload))
