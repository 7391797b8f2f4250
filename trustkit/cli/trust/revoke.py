"""Take the signature of a tag back, of all tags, or have the trust server forget the repository.

A tag is revoked in every role that names it. If it would stay signed where it is looked for, because a key is not
here, nothing is changed and the status is not 0.
"""

import argparse
from typing import TYPE_CHECKING

from trustkit.cli.output import plain
from trustkit.cli.trust.asking import KEY_HELP, add_repository_arguments, tag_of
from trustkit.errors import UsageError

if TYPE_CHECKING:
    from trustkit.signing.content_trust.draft import Draft


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_repository_arguments(parser)
    parser.add_argument("--key", action="append", default=[], metavar="KEY", help=KEY_HELP)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--all", action="store_true", help="every tag of the repository")
    what.add_argument(
        "--delete-repository", action="store_true", help="the server forgets the repository, its tags, roles and keys"
    )


def run(arguments: argparse.Namespace) -> int:
    """Revoke. Raises TrustkitError."""
    from trustkit.cli.trust.author import open_author
    from trustkit.model.reference import ImageRef
    from trustkit.signing.content_trust.choice import roles_to_clear
    from trustkit.signing.content_trust.edits import without_tags

    tag, whole = tag_of(ImageRef.parse(arguments.repository)), arguments.all or arguments.delete_repository
    if bool(tag) == whole:
        raise UsageError("which tag is to be revoked?", next_step="write REPOSITORY:TAG, or REPOSITORY and --all")
    author = open_author(arguments.repository, arguments)
    if arguments.delete_repository:
        author.delete()
        print(f"the trust server knows {author.gun} no more")
        return 0
    revoked: dict[str, tuple[str, ...]] = {}

    def edit(draft: "Draft", _server: object) -> None:
        revoked.clear()
        named = {name for _, body in draft.roles() if body is not None for name in body.targets}
        for one in sorted(named) if arguments.all else [tag]:
            revoked[one] = roles_to_clear(draft, one, author.keys)
            for role in revoked[one]:
                without_tags(draft, role, [one])

    author.change(f"revoke {tag or 'all'}", edit)
    for one, roles in revoked.items():
        print(f"revoked {plain(author.gun)}:{plain(one)} in {', '.join(roles)}")
    return 0
