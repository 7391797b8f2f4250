"""Remove containers."""

import argparse

from trustkit.cli.client.daemon import daemon
from trustkit.cli.client.each import each
from trustkit.cli.client.wire import quote


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare docker's names."""
    parser.add_argument("-f", "--force", action="store_true", help="kill it first when it runs")
    parser.add_argument("-v", "--volumes", action="store_true", help="remove its anonymous volumes too")
    parser.add_argument("container", nargs="+", metavar="CONTAINER")


def run(arguments: argparse.Namespace) -> int:
    """Remove containers."""
    peer = daemon()

    def one(name: str) -> str:
        query = {"force": "1" if arguments.force else "", "v": "1" if arguments.volumes else ""}
        peer.call("DELETE", f"/containers/{quote(name)}", **query)
        return name

    return each(arguments.container, one)
