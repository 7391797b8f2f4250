"""Let somebody sign tags of a repository with a key of their own, or end it.

SIGNER is a name like alice. The key's public half is enough: docker trust key generate, trustkit key export or
openssl make one. As docker does, the signer's key also counts for `targets/releases`, where tags are looked up, with
the paths and the threshold that all signers share there. So --path and --threshold of one signer go with --no-releases.
What she signs then, with trust sign --role, notary looks up, and neither docker nor a policy does by itself.
The root of it all, the targets key, has to be here.
"""

import argparse
from typing import TYPE_CHECKING

from trustkit.cli.trust.asking import KEY_HELP, add_server_arguments
from trustkit.errors import UsageError

if TYPE_CHECKING:
    from trustkit.cli.trust.author import Author
    from trustkit.signing.content_trust.draft import Draft


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("repository", metavar="REPOSITORY")
    parser.add_argument("signer", metavar="SIGNER", help="alice stands for the role targets/alice")
    parser.add_argument("--signer-key", action="append", default=[], metavar="KEY",
                        help="the signer's public key: a file or a name of the ring; repeatable")  # fmt: skip
    parser.add_argument("--remove", action="store_true", help="the signer's keys count for nothing any more")
    parser.add_argument("--threshold", type=int,
                        help="how many of the keys must sign, else as before, or 1; with --no-releases")  # fmt: skip
    parser.add_argument("--path", action="append", metavar="PREFIX",
                        help="only tags that begin so, else as before; with --no-releases; repeatable")  # fmt: skip
    parser.add_argument("--no-releases", action="store_true",
                        help="the key does not count in targets/releases, where tags are looked up")  # fmt: skip
    add_server_arguments(parser)
    parser.add_argument("--key", action="append", default=[], metavar="KEY", help=KEY_HELP)


def run(arguments: argparse.Namespace) -> int:
    """Delegate. Raises TrustkitError."""
    from trustkit.cli.trust.author import open_author
    from trustkit.signing.content_trust.edits import delegation_of

    if bool(arguments.signer_key) == arguments.remove:
        raise UsageError("a signer has a key", next_step="give --signer-key FILE, or --remove")
    author, role = open_author(arguments.repository, arguments), delegation_of(arguments.signer)
    if arguments.remove:
        _remove(author, role)
    else:
        _add(author, role, arguments)
    return 0


def _add(author: "Author", role: str, arguments: argparse.Namespace) -> None:
    from trustkit.cli.trust.author import public_key
    from trustkit.codec.notary_tuf import ROOT, SNAPSHOT
    from trustkit.signing.content_trust.draft import Signers
    from trustkit.signing.content_trust.edits import add_signer
    from trustkit.signing.content_trust.files import read
    from trustkit.signing.content_trust.identifiers import bare
    from trustkit.signing.content_trust.publication import enough

    keys = [bare(public_key(author.config, one)) for one in arguments.signer_key]
    paths = tuple(arguments.path) if arguments.path else None

    def edit(draft: "Draft", _server: object) -> None:
        add_signer(draft, role, keys, threshold=arguments.threshold, paths=paths, releases=not arguments.no_releases)

    found = author.change(f"delegate {role}", edit)
    print(f"{role} of {author.gun} may sign tags")
    root = read(ROOT, found.files[ROOT]).root
    if enough(Signers(root.roles[SNAPSHOT], root.keys), author.keys):
        print("  the snapshot key is yours alone, and no signer can publish without it")
        print(f"  next: trustkit trust rotate {author.gun} snapshot --server-held")


def _remove(author: "Author", role: str) -> None:
    from trustkit.signing.content_trust.edits import undelegate

    gone: list[str] = []

    def edit(draft: "Draft", _server: object) -> None:
        gone[:] = undelegate(draft, role)

    author.change(f"end {role}", edit)
    print(f"{', '.join(gone)} of {author.gun} signs tags no more")
