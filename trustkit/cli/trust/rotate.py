"""Give a role of a repository another key, or its file a new end.

root: the new root is signed by the old key and the new one, and whoever trusts the old root follows. targets: tags
and delegations stay. snapshot: kept here, or with --server-held by the server, so that delegates can publish.
timestamp: the server makes itself another.
"""

import argparse
from typing import TYPE_CHECKING

from trustkit.cli.trust.asking import KEY_HELP, add_server_arguments
from trustkit.errors import UsageError

if TYPE_CHECKING:
    from trustkit.cli.trust.author import Author
    from trustkit.codec.notary_tuf import Key
    from trustkit.oci.trust_metadata import TrustMetadata
    from trustkit.signing.content_trust.draft import Draft


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("repository", metavar="REPOSITORY")
    parser.add_argument("role", metavar="ROLE", help="root, targets, snapshot or timestamp; a delegation with --renew")
    parser.add_argument("--new-key", metavar="KEY", help="a name of the ring, a file, or a URI; default: made and kept")
    parser.add_argument("--server-held", action="store_true", help="for snapshot: the server has the key and signs")
    parser.add_argument("--renew", action="store_true", help="same keys, new end")
    add_server_arguments(parser)
    parser.add_argument("--key", action="append", default=[], metavar="KEY", help=KEY_HELP)


def run(arguments: argparse.Namespace) -> int:
    """Rotate. Raises TrustkitError."""
    from trustkit.cli.trust.author import open_author
    from trustkit.codec.notary_tuf import BASE_ROLES, SNAPSHOT, TIMESTAMP

    role = arguments.role
    if arguments.server_held and role != SNAPSHOT:
        raise UsageError("--server-held is about the snapshot key", next_step="root and targets keys stay with you")
    if arguments.renew and role in (SNAPSHOT, TIMESTAMP):
        raise UsageError(f"{role} is signed anew with every publication", next_step="renew root or targets")
    author = open_author(arguments.repository, arguments)
    if arguments.renew:
        _renew(author, role)
    elif role not in BASE_ROLES:
        raise UsageError(
            f"{role[:80]!r} is no role whose key is rotated here: root, targets, snapshot, timestamp",
            next_step="give a signer another key with trustkit trust delegate",
        )
    else:
        _rotate(author, role, arguments)
    return 0


def _renew(author: "Author", given: str) -> None:
    from trustkit.app import now
    from trustkit.codec.notary_tuf import ROOT
    from trustkit.signing.content_trust.edits import renewed, tag_role_of
    from trustkit.signing.content_trust.files import read

    role = ROOT if given == ROOT else tag_role_of(given)
    # what has ended is renewed too: it is as proven as before, but for its time
    author.asked = author.asked._replace(renewing=True)
    found = author.change(f"renew {role}", lambda draft, _: renewed(draft, role))
    over = found.expires <= now()
    print(f"{role} of {author.gun} is signed again; the repository {'ended' if over else 'is good until'} "
          f"{found.expires:%Y-%m-%d}")  # fmt: skip
    for file, content in found.files.items() if over else ():
        body = read(file, content).body
        if body.expires <= now():
            print(f"  {file} ended {body.expires:%Y-%m-%d}\n  next: trustkit trust rotate {author.gun} {file} --renew")


def _rotate(author: "Author", role: str, arguments: argparse.Namespace) -> None:
    from trustkit.codec.notary_tuf import TIMESTAMP
    from trustkit.signing.content_trust.edits import RoleKeys, rekeyed

    made: list[Key] = []

    def edit(draft: "Draft", server: "TrustMetadata") -> None:
        if not made:
            by_server = role == TIMESTAMP or arguments.server_held
            made.append(_servers(draft, server, role) if by_server else _own(author, draft, role, arguments.new_key))
        rekeyed(draft, role, RoleKeys(made))

    found = author.change(f"rotate {role}", edit)
    print(f"{role} of {author.gun} has another key; root version {found.root_version}")


def _servers(draft: "Draft", server: "TrustMetadata", role: str) -> "Key":
    """A key of the server's that the root does not name yet."""
    from trustkit.signing.content_trust.identifiers import id_of

    key = server.server_key(role)
    return server.server_key(role, rotate=True) if id_of(key) in draft.root.roles[role].key_ids else key


def _own(author: "Author", draft: "Draft", role: str, given: str | None) -> "Key":
    from trustkit.cli.trust.author_keys import new_key
    from trustkit.codec.notary_tuf import ROOT
    from trustkit.signing.content_trust.identifiers import bare, certified

    key = new_key(author, role, given)
    return certified(key, author.gun, draft.now) if role == ROOT else bare(key.public)
