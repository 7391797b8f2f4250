"""Sign what tags stand for: each is resolved at its registry once, and its digest and size are signed.

As docker does, in `targets/releases` and your own delegations once there are signers, else in `targets`. The keys are
those of trust.folder and those given with --key. With a digest and --size no registry is asked.
"""

import argparse
from typing import TYPE_CHECKING

from trustkit.cli.numbers import MOST_BYTES, whole
from trustkit.cli.output import plain
from trustkit.cli.trust.asking import KEY_HELP, add_server_arguments, tag_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trustkit.cli.trust.author import Author
    from trustkit.codec.notary_tuf import FileMeta
    from trustkit.model.audit import AuditEvent
    from trustkit.model.digest import Digest
    from trustkit.signing.content_trust.draft import Draft
    from trustkit.signing.content_trust.values import VerifiedRepository


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("image", nargs="+", metavar="REPOSITORY:TAG[@DIGEST]")
    add_server_arguments(parser)
    parser.add_argument("--key", action="append", default=[], metavar="KEY", help=KEY_HELP)
    parser.add_argument(
        "--role", action="append", default=[], metavar="ROLE", help="sign in this role only; repeatable"
    )
    parser.add_argument(
        "--size", type=whole(1, MOST_BYTES), metavar="BYTES", help="the manifest's size, where the digest is given"
    )


def run(arguments: argparse.Namespace) -> int:
    """Sign, repository by repository. Raises TrustkitError."""
    from trustkit.cli.trust.author import open_author, repository_of

    images: dict[str, list[str]] = {}
    for given in arguments.image:
        images.setdefault(repository_of(given), []).append(given)
    for gun, given in images.items():
        author = open_author(gun, arguments)
        _sign(author, dict(_meta(author, one, arguments.size) for one in given), tuple(arguments.role))
    return 0


def _sign(author: "Author", tags: "dict[str, FileMeta]", roles: tuple[str, ...]) -> None:
    from trustkit.signing.content_trust.choice import roles_to_sign
    from trustkit.signing.content_trust.edits import tag_role_of, with_tags

    chosen: dict[str, tuple[str, ...]] = {}

    def edit(draft: "Draft", _server: object) -> None:
        for tag, meta in tags.items():
            chosen[tag] = tuple(map(tag_role_of, roles)) or roles_to_sign(draft, tag, author.keys)
            for role in chosen[tag]:
                with_tags(draft, role, {tag: meta})

    def signed(found: "VerifiedRepository") -> "Iterator[AuditEvent]":
        for tag, meta in tags.items():
            yield _signed_event(f"{author.gun}:{tag}", meta, next(_signers(found, chosen[tag][0]), ""))

    found = author.change(f"sign {' '.join(tags)}", edit, signed)
    for tag, meta in tags.items():
        print(f"signed {plain(author.gun)}:{plain(tag)}\n  digest  {_digest(meta)}\n  role    {', '.join(chosen[tag])}")
        print(f"  key     {' '.join(one[:16] for one in _signers(found, chosen[tag][0]))}")


def _signers(found: "VerifiedRepository", role: str) -> "Iterator[str]":
    """Yield the fingerprints of who signed a role; none if the server shows a newer state without it."""
    return (one.fingerprint for known in found.roles if known.name == role for one in known.signers)


def _signed_event(name: str, meta: "FileMeta", fingerprint: str) -> "AuditEvent":
    from trustkit.app import now
    from trustkit.audit.events import image_signed
    from trustkit.cli.words import actor

    return image_signed(now(), reference=name, image=_digest(meta), fingerprint=fingerprint, actor=actor())


def _digest(meta: "FileMeta") -> "Digest":
    from trustkit.model.digest import Digest

    return Digest("sha256", meta.hash_of("sha256").hex())


def _meta(author: "Author", given: str, size: int | None) -> "tuple[str, FileMeta]":
    """Return a tag, and what it is to stand for. Raises UsageError, SourceError."""
    from trustkit.app import Sources
    from trustkit.codec.notary_tuf import FileMeta
    from trustkit.errors import UsageError
    from trustkit.model.reference import ImageRef

    ref = ImageRef.parse(given)
    tag = tag_of(ref)
    if not tag:
        raise UsageError(f"{given[:120]!r} names no tag", next_step="write REPOSITORY:TAG; the tag is what is signed")
    if size is not None:
        if ref.digest is None or ref.digest.algorithm != "sha256":
            raise UsageError("--size goes with the manifest's digest", next_step="write REPOSITORY:TAG@sha256:...")
        return tag, FileMeta((("sha256", bytes.fromhex(ref.digest.hex)),), size)
    found = Sources(author.config).repository(ref).manifest(ref.at).descriptor
    return tag, FileMeta((("sha256", bytes.fromhex(found.digest.hex)),), found.size_bytes)
