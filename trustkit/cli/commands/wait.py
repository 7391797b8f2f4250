"""Wait until containers stop, and print their exit statuses."""

import argparse

from trustkit.cli.client.daemon import daemon
from trustkit.cli.client.each import each
from trustkit.cli.client.session import exit_status
from trustkit.cli.client.wire import quote


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare docker's names."""
    parser.add_argument("container", nargs="+", metavar="CONTAINER")


def run(arguments: argparse.Namespace) -> int:
    """Wait for each in turn."""
    peer = daemon()

    def one(name: str) -> str:
        return str(exit_status(peer.open("POST", f"/containers/{quote(name)}/wait").body()))

    return each(arguments.container, one)
