"""Show everything about containers or images, as docker does."""

import argparse

from trustkit.cli.client.daemon import Daemon, daemon
from trustkit.cli.client.wire import quote
from trustkit.cli.output import as_json
from trustkit.engine.errors import NoSuchContainerError, NoSuchImageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare docker's names."""
    parser.add_argument("--type", choices=("container", "image"), help="only one kind")
    parser.add_argument("--output", choices=("json",), default="json")
    parser.add_argument("name", nargs="+", metavar="NAME|ID")


def run(arguments: argparse.Namespace) -> int:
    """Print a JSON list."""
    peer = daemon()
    as_json([_found(peer, name, arguments.type) for name in arguments.name])
    return 0


def _found(peer: Daemon, name: str, kind: str | None) -> object:
    if kind != "image":
        try:
            return peer.call("GET", f"/containers/{quote(name)}/json")
        except NoSuchContainerError:
            if kind == "container":
                raise
    try:
        return peer.call("GET", f"/images/{quote(name)}/json")
    except NoSuchImageError as error:
        if kind == "image":
            raise
        message = f"no container or image is called {name}"
        raise NoSuchImageError(message, next_step="`trustkit ps -a` and `trustkit images` list them") from error
