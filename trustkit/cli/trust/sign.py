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
    from trustkit.cli.trust.author import Author
    from trustkit.codec.notary_tuf import FileMeta
    from trustkit.signing.content_trust.draft import Draft


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
    from trustkit.app import now, open_log
    from trustkit.audit.events import image_signed
    from trustkit.cli.words import actor
    from trustkit.model.digest import Digest
    from trustkit.signing.content_trust.choice import roles_to_sign
    from trustkit.signing.content_trust.edits import tag_role_of, with_tags

    chosen: dict[str, tuple[str, ...]] = {}

    def edit(draft: "Draft", _server: object) -> None:
        for tag, meta in tags.items():
            chosen[tag] = tuple(map(tag_role_of, roles)) or roles_to_sign(draft, tag, author.keys)
            for role in chosen[tag]:
                with_tags(draft, role, {tag: meta})

    found = author.change(f"sign {' '.join(tags)}", edit)
    by_name = {role.name: role for role in found.roles}
    for tag, meta in tags.items():
        digest, signer = Digest("sha256", meta.hash_of("sha256").hex()), by_name[chosen[tag][0]].signers[0]
        name = f"{author.gun}:{tag}"
        with open_log(author.config) as log:
            log.append(image_signed(now(), reference=name, image=digest, fingerprint=signer.fingerprint, actor=actor()))
        print(f"signed {plain(name)}\n  digest  {digest}\n  role    {', '.join(chosen[tag])}")
        print(f"  key     {' '.join(one.fingerprint[:16] for one in by_name[chosen[tag][0]].signers)}")


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
