"""Attach to a running container; Ctrl-P Ctrl-Q leaves it when it has a terminal."""

import argparse

from trustkit.cli.client import attached
from trustkit.cli.client.daemon import daemon, members
from trustkit.cli.client.wire import quote
from trustkit.engine.errors import ConflictError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare docker's names."""
    parser.add_argument("--no-stdin", action="store_true", help="only its output")
    parser.add_argument("container", metavar="CONTAINER")


def run(arguments: argparse.Namespace) -> int:
    """Connect this terminal and return the container's exit status."""
    peer = daemon()
    view = members(peer.call("GET", f"/containers/{quote(arguments.container)}/json"))
    if not members(view["State"]).get("Running"):
        raise ConflictError(f"{arguments.container} is not running", next_step=f"trustkit start {arguments.container}")
    config = members(view["Config"])
    stdin = not arguments.no_stdin and bool(config.get("OpenStdin"))
    link = attached.Attached(peer, str(view["Id"]), tty=bool(config.get("Tty")), stdin=stdin)
    link.prepare()
    return link.run()
