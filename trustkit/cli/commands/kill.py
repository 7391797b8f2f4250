"""Send containers a signal."""

import argparse

from trustkit.cli.client.daemon import daemon
from trustkit.cli.client.each import each
from trustkit.cli.client.wire import quote


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare docker's names."""
    parser.add_argument("-s", "--signal", default="KILL", help="name or number")
    parser.add_argument("container", nargs="+", metavar="CONTAINER")


def run(arguments: argparse.Namespace) -> int:
    """Send containers a signal."""
    peer = daemon()

    def one(name: str) -> str:
        peer.call("POST", f"/containers/{quote(name)}/kill", signal=arguments.signal)
        return name

    return each(arguments.container, one)
