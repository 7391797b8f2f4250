"""Cosign's legacy attestations: a layer of the tag `sha256-<hex>.att` that is a DSSE envelope.

    {"payloadType":"application/vnd.in-toto+json","payload":"<base64>",
     "signatures":[{"keyid":"","sig":"<base64>"}]}

The layer's `predicateType` annotation is not signed; only the statement counts.
"""

from typing import TYPE_CHECKING, ClassVar  # noqa: TID251  (the heavy half loads on demand)

from trustkit.errors import MediaTypeError
from trustkit.model.evidence import TAG_SUFFIX, Evidence, Place
from trustkit.model.signature import ATTESTATION, VerifiedSignature
from trustkit.signing.format import Check

if TYPE_CHECKING:  # loaded when there is a root to check certificates and logs with
    from trustkit.codec.dsse import Envelope
    from trustkit.signing.keyless.attribution import Accompanied

MEDIA_TYPE = "application/vnd.dsse.envelope.v1+json"
TAG_PLACE = Place(TAG_SUFFIX, ".att")
CERTIFICATE_ANNOTATION = "dev.sigstore.cosign/certificate"


class CosignAttestation:
    """The format named `cosign-attestation`: legacy `.att` attestations, by keys and certificates."""

    api: ClassVar[int] = 1
    name: ClassVar[str] = "cosign-attestation"
    places: ClassVar[tuple[Place, ...]] = (TAG_PLACE,)
    kinds: ClassVar[tuple[str, ...]] = (ATTESTATION,)

    def recognises(self, item: Evidence) -> bool:
        """Whether the item lies where attestations lie."""
        return item.place == TAG_PLACE

    def verify(self, item: Evidence, check: Check) -> VerifiedSignature:
        """Return what the item proves: media type, envelope, payload type, signature, subject.

        Raises MalformedError, VerificationError, AlgorithmNotApprovedError.
        """
        return self.verify_all(item, check)[0]

    def verify_all(self, item: Evidence, check: Check) -> tuple[VerifiedSignature, ...]:
        """Return what the item proves, once for each distinct signer of the envelope. Raises as `verify`."""
        from trustkit.codec import dsse
        from trustkit.signing.statement import Come, prove_all

        if item.media_type != MEDIA_TYPE:
            raise MediaTypeError(f"layer has media type {item.media_type[:80]!r}, not {MEDIA_TYPE}")
        envelope = dsse.parse(item.content)
        come = Come(lambda: _along(item, envelope), certified=CERTIFICATE_ANNOTATION in item.annotations)
        return tuple(
            VerifiedSignature(
                format=self.name,
                kind=ATTESTATION,
                subject=check.image,
                signer=proven.identified.signer,
                algorithm=proven.identified.algorithm,
                evidence=item.digest,
                claimed_name=proven.claimed_name,
                annotations=proven.annotations,
                signed_at=proven.identified.signed_at,
                time_source=proven.identified.time_source,
                statement=proven.statement,
                log=proven.identified.log,
                logs=proven.identified.logs,
            )
            for proven in prove_all(envelope, check, come)
        )


def _along(item: Evidence, envelope: "Envelope") -> "Accompanied":
    from trustkit.codec import dsse
    from trustkit.signing.keyless.attribution import Accompanied
    from trustkit.signing.keyless.material import from_annotations
    from trustkit.signing.log.recorded import SignedContent

    message = dsse.pae(envelope.payload_type, envelope.payload)
    # an attestation's annotation holds no signature, so cosign has the whole layer timestamped
    content = SignedContent(b"", message, envelope.payload, item.content, stamped=item.content)
    return Accompanied(from_annotations(item.annotations), content)
