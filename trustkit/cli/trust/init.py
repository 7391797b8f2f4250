"""Begin the content trust of a repository: its root and targets keys, and no tag signed yet.

Keys are made and kept, encrypted, in `private` of trust.folder, as docker keeps them; a root key that is there is
used for further repositories too. Whoever loses the root key cannot change the others: keep a copy elsewhere.
The passphrase comes from docker's or notary's variables, TRUSTKIT_PASSWORD, or is asked for.
"""

import argparse

from trustkit.cli.trust.asking import add_server_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("repository", metavar="REPOSITORY")
    add_server_arguments(parser, known=False)
    parser.add_argument("--root-key", metavar="KEY", help="a name of the ring, a file, or the URI of a key in a token")
    parser.add_argument("--targets-key", metavar="KEY", help="likewise; default: made and kept")
    parser.add_argument(
        "--local-snapshot", action="store_true", help="keep the snapshot key here, so that delegates cannot publish"
    )


def run(arguments: argparse.Namespace) -> int:
    """Begin it. Raises UsageError, KeyFileError, SourceError, PublishRefusedError, StorageError."""
    from trustkit.app import now
    from trustkit.cli.trust.author import open_author
    from trustkit.cli.trust.author_keys import root_key, targets_key
    from trustkit.codec.notary_tuf import ROOT, SNAPSHOT, TARGETS, TIMESTAMP
    from trustkit.oci.trust_metadata import TrustMetadata
    from trustkit.signing.content_trust.edits import RoleKeys, begun
    from trustkit.signing.content_trust.identifiers import bare, certified
    from trustkit.signing.content_trust.publication import signed

    author = open_author(arguments.repository, arguments)

    def files(server: TrustMetadata) -> dict[str, bytes]:
        moment, timestamp = now(), server.server_key(TIMESTAMP)
        snapshot = None if arguments.local_snapshot else server.server_key(SNAPSHOT)
        root = root_key(author, arguments.root_key)
        targets = targets_key(author, arguments.targets_key)
        roles = {
            ROOT: RoleKeys([certified(root, author.gun, moment)]),
            TARGETS: RoleKeys([bare(targets.public)]),
            SNAPSHOT: RoleKeys([snapshot or bare(author.keys.make(SNAPSHOT, author.gun).public)]),
            TIMESTAMP: RoleKeys([timestamp]),
        }
        return signed(begun(author.gun, roles, moment), author.keys, author.crypto)

    found = author.begin(files)
    print(f"{author.gun} has content trust, good until {found.expires:%Y-%m-%d}")
    print(f"  root key  {found.root_keys[0].fingerprint[:16]}\n  next: trustkit trust sign {author.gun}:TAG")
    return 0
