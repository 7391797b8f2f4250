"""From Docker Content Trust to signatures on the same images: what to sign, what is signed already, and the link.

Nothing is signed here. Only a proven repository says what its tags stand for, and only what the registry really holds
under such a tag is worth signing.
"""

from collections.abc import Iterable
from datetime import datetime

from trustkit.codec.predicates import migration
from trustkit.codec.predicates.migration import Migration
from trustkit.codec.predicates.read import read
from trustkit.errors import SubjectMismatchError, TrustkitError
from trustkit.fips.hashing import digest_of
from trustkit.model.image import Descriptor
from trustkit.model.signature import ATTESTATION, SIGNATURE, VerifiedSignature
from trustkit.model.values import NamedTuple
from trustkit.oci.gather import gather
from trustkit.oci.source import ImageSource
from trustkit.signing.content_trust.values import VerifiedRepository, VerifiedTag
from trustkit.signing.format import Check, SignatureFormat
from trustkit.signing.verify import verify


class Move(NamedTuple):
    """A proven tag, and the manifest that it stands for as the registry has it."""

    tag: VerifiedTag
    target: Descriptor


class Standing(NamedTuple):
    """Which of the two the new key has made of an image before: the signature, and the link from this tag."""

    signed: bool
    linked: bool


def moves(found: VerifiedRepository, tags: Iterable[str], source: ImageSource) -> tuple[Move, ...]:
    """Return what is to be signed anew: all of the tags, or nothing.

    Raises NotSignedError, SubjectMismatchError when the registry holds something else under a tag, SourceError.
    """
    return tuple(_move(found, found.tag(name), source) for name in tags)


def _move(found: VerifiedRepository, tag: VerifiedTag, source: ImageSource) -> Move:
    target = source.manifest(tag.tag).descriptor
    if (target.digest, target.size_bytes) != (tag.digest, tag.size_bytes):
        raise SubjectMismatchError(
            f"{found.gun}:{tag.tag} is signed as {tag.digest} of {tag.size_bytes} bytes, and the registry has "
            f"{target.digest} of {target.size_bytes} bytes",
            next_step="find out who moved the tag; then sign it again, or migrate the other tags by name",
        )
    return Move(tag, target)


def link(found: VerifiedRepository, tag: VerifiedTag, signed_as: str, key: str, now: datetime) -> Migration:
    """Return what the attestation says: by which files and keys the tag was proven, and as what it is signed now."""
    root, role = (digest_of(found.files[name]) for name in ("root", tag.role.name))
    return Migration(
        repository=found.gun,
        tag=tag.tag,
        root=((root.algorithm, root.hex),),
        root_version=found.root_version,
        root_keys=tuple(one.fingerprint for one in found.root_keys),
        role=tag.role.name,
        role_version=tag.role.version,
        metadata=((role.algorithm, role.hex),),
        signers=tuple(one.fingerprint for one in tag.role.signers),
        signed_as=signed_as,
        key=key,
        verified_at=now,
    )


def standing(wanted: Migration, source: ImageSource, formats: tuple[SignatureFormat, ...], check: Check) -> Standing:
    """Return what the key has signed before in these formats; what others signed does not count. Raises SourceError."""
    places = tuple(dict.fromkeys(place for one in formats for place in one.places))
    report = verify(gather(check.image, places, source), formats, check)
    ours = [one for one in report.accepted if one.signer.fingerprint == wanted.key]
    # a notation signature is beside the attestation, which is in another format
    signatures = [one for one in ours if one.kind == SIGNATURE and _is_signed_as(one, wanted.signed_as)]
    return Standing(bool(signatures), any(_is_link(one, wanted) for one in ours if one.kind == ATTESTATION))


def _is_signed_as(one: VerifiedSignature, signed_as: str) -> bool:
    return (one.format == "notation") == (signed_as == "notation")


def _is_link(one: VerifiedSignature, wanted: Migration) -> bool:
    if one.statement is None or one.statement.predicate_type != migration.TYPE:
        return False
    try:
        said = read(migration.TYPE, one.statement.predicate)
    except TrustkitError:
        return False
    if not isinstance(said, Migration):
        return False
    return (said.repository, said.tag, said.signed_as) == (wanted.repository, wanted.tag, wanted.signed_as)
