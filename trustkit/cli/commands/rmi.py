"""Remove images, or one of their names."""

import argparse

from trustkit.cli.client.daemon import daemon, rows
from trustkit.cli.client.each import each
from trustkit.cli.client.wire import quote


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare docker's names."""
    parser.add_argument("-f", "--force", action="store_true", help="also when it has several names")
    parser.add_argument("image", nargs="+", metavar="IMAGE")


def run(arguments: argparse.Namespace) -> int:
    """Remove each and say what went."""
    peer = daemon()

    def one(name: str) -> str:
        gone = rows(peer.call("DELETE", f"/images/{quote(name)}", force="1" if arguments.force else ""))
        return "\n".join(f"{word}: {what}" for row in gone for word, what in row.items())

    return each(arguments.image, one)
