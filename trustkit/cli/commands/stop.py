"""Stop containers: their stop signal, and after a while SIGKILL."""

import argparse

from trustkit.cli.client.daemon import daemon
from trustkit.cli.client.each import each
from trustkit.cli.client.wire import quote


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare docker's names."""
    parser.add_argument("-t", "--time", default="", metavar="SECONDS", help="how long to wait before SIGKILL")
    parser.add_argument("container", nargs="+", metavar="CONTAINER")


def run(arguments: argparse.Namespace) -> int:
    """Stop containers: their stop signal, and after a while SIGKILL."""
    peer = daemon()

    def one(name: str) -> str:
        peer.call("POST", f"/containers/{quote(name)}/stop", t=arguments.time)
        return name

    return each(arguments.container, one)
