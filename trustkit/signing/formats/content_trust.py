"""What a proven repository under content trust says of one image: facts for policy, beside those of signatures."""

from trustkit.codec.notary_tuf import ROOT
from trustkit.errors import SubjectMismatchError
from trustkit.fips.hashing import digest_of
from trustkit.model.digest import Digest
from trustkit.model.signature import SIGNATURE, Needed, SignerIdentity, VerifiedSignature
from trustkit.signing.content_trust.errors import NotSignedError
from trustkit.signing.content_trust.files import read
from trustkit.signing.content_trust.values import TAG_ROLES, VerifiedRepository, VerifiedRole

NAME = "content-trust"


def proofs(found: VerifiedRepository, image: Digest, tag: str) -> tuple[VerifiedSignature, ...]:
    """Return one fact for each key of each role that says that the tag is this image.

    Without a tag, any tag that stands for the image will do. Where docker looks, only what the tag stands for there
    counts; delegations that it does not look at may say the same besides.

    Raises NotSignedError, and SubjectMismatchError when the tag is signed as another image.
    """
    if tag and found.tag(tag).digest != image:
        raise SubjectMismatchError(
            f"{found.gun}:{tag} is signed as {found.tag(tag).digest}, and this image is {image}",
            next_step="the tag may have been moved in the registry; find out by whom",
        )
    tags = (tag,) if tag else tuple(sorted(name for name in found.tags if found.tag(name).digest == image))
    if not tags:
        raise NotSignedError(f"no tag of {found.gun} is signed as {image}")
    return tuple(fact for name in tags for role in found.roles for fact in _of_role(found, role, image, name))


def _of_role(found: VerifiedRepository, role: VerifiedRole, image: Digest, tag: str) -> tuple[VerifiedSignature, ...]:
    meta = role.targets.get(tag)
    looked_at = role.name in TAG_ROLES and found.tag(tag).role.name != role.name
    if meta is None or looked_at or meta.hash_of("sha256").hex() != image.hex:
        return ()
    needs = _needs(found, role)
    return tuple(
        VerifiedSignature(
            format=NAME,
            kind=SIGNATURE,
            subject=image,
            signer=SignerIdentity(one.fingerprint, f"tuf:{found.gun}", subject=role.name, key_bits=one.key_bits),
            algorithm=one.algorithm,
            evidence=digest_of(found.files[role.name]),
            claimed_name=f"{found.gun}:{tag}",
            annotations=(("tag", tag),),
            expires_at=role.expires,
            needs=needs,
        )
        for one in role.signers
    )


def _needs(found: VerifiedRepository, role: VerifiedRole) -> tuple[Needed, ...]:
    """Return the roles from the root down to this one, by whose keys it may speak."""
    root = read(ROOT, found.files[ROOT]).root.roles[ROOT]
    above = tuple(one for one in found.roles if role.name.startswith(f"{one.name}/"))
    return (
        Needed(ROOT, root.threshold, tuple(one.fingerprint for one in found.root_keys)),
        *(Needed(one.name, one.threshold, tuple(by.fingerprint for by in one.signers)) for one in (*above, role)),
    )
