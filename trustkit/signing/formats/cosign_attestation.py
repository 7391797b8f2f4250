"""Cosign's legacy attestations: a layer of the tag `sha256-<hex>.att` that is a DSSE envelope.

    {"payloadType":"application/vnd.in-toto+json","payload":"<base64>",
     "signatures":[{"keyid":"","sig":"<base64>"}]}

The layer's `predicateType` annotation is not signed; only the statement counts.
"""

from typing import ClassVar

from trustkit.codec import dsse
from trustkit.errors import MediaTypeError
from trustkit.model.evidence import TAG_SUFFIX, Evidence, Place
from trustkit.model.signature import ATTESTATION, VerifiedSignature
from trustkit.signing.format import Check
from trustkit.signing.statement import prove

MEDIA_TYPE = "application/vnd.dsse.envelope.v1+json"
TAG_PLACE = Place(TAG_SUFFIX, ".att")
CERTIFICATE_ANNOTATION = "dev.sigstore.cosign/certificate"


class CosignAttestation:
    """The format named `cosign-attestation`: legacy `.att` attestations, by keys."""

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
        if item.media_type != MEDIA_TYPE:
            raise MediaTypeError(f"layer has media type {item.media_type[:80]!r}, not {MEDIA_TYPE}")
        envelope = dsse.parse(item.content)
        proven = prove(envelope, check, certified=CERTIFICATE_ANNOTATION in item.annotations)
        return VerifiedSignature(
            format=self.name,
            kind=ATTESTATION,
            subject=check.image,
            signer=proven.identified.signer,
            algorithm=proven.identified.algorithm,
            evidence=item.digest,
            claimed_name=proven.claimed_name,
            annotations=proven.annotations,
            statement=proven.statement,
        )
