"""Notary Project signatures as referrers of the image: JWS and COSE envelopes of certificate holders.

One referrer manifest per signature, of type `application/vnd.cncf.notary.signature`, its one layer the envelope.
"""

from typing import ClassVar

from trustkit.errors import MediaTypeError, UnsupportedEvidenceError
from trustkit.model.evidence import NOTARY_SIGNATURE, REFERRERS, Evidence, Place
from trustkit.model.signature import SIGNATURE, SignerIdentity, VerifiedSignature
from trustkit.signing.format import Check

# In place of a store's name, where a trust policy only wants to be told that no store vouches.
UNAUTHENTICATED = "unauthenticated"


class NotationSignature:
    """The format named `notation`: signatures of the Notary Project under trusted certificate stores."""

    api: ClassVar[int] = 1
    name: ClassVar[str] = "notation"
    places: ClassVar[tuple[Place, ...]] = (Place(REFERRERS, NOTARY_SIGNATURE),)
    kinds: ClassVar[tuple[str, ...]] = (SIGNATURE,)

    def recognises(self, item: Evidence) -> bool:
        """Whether the referrer's own manifest says so."""
        return item.place.kind == REFERRERS and item.artifact_type == NOTARY_SIGNATURE

    def verify(self, item: Evidence, check: Check) -> VerifiedSignature:
        """Return what the item proves, and what failed of the checks that are not enforced.

        Raises MalformedError, VerificationError, CryptoError.
        """
        from trustkit.signing.notation import envelope, rules, verify

        if item.layers != 1:
            raise MediaTypeError(f"a notation signature has one layer, not {item.layers}")
        if check.target is None:
            raise UnsupportedEvidenceError("a notation signature can only be checked against a resolved image")
        trust = check.trust
        wanted = rules.Rules(trust.stores, trust.notation, trust.revocation_lists, trust.ocsp_answers)
        found = envelope.read(item.media_type, item.content)
        proven = verify.verify(found, check.target, wanted, now=check.now, crypto=check.crypto)
        # without a store nobody vouches for the names in the certificate
        leaf = proven.chain[0] if proven.store else None
        return VerifiedSignature(
            format=self.name,
            kind=SIGNATURE,
            subject=check.image,
            signer=SignerIdentity(
                proven.key.fingerprint,
                f"x509:{proven.store or UNAUTHENTICATED}",
                str(leaf.subject) if leaf else "",
                str(leaf.issuer) if leaf else "",
                key_bits=proven.key.bits,
            ),
            algorithm=proven.algorithm,
            evidence=item.digest,
            annotations=proven.metadata,
            signed_at=proven.signed_at,
            time_source=proven.time_source,
            expires_at=proven.expires_at,
            revocation=proven.revocation,
            unenforced=proven.unenforced,
        )
