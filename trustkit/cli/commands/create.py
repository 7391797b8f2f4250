"""Verify an image, then make a container without starting it; prints its id."""

import argparse

from trustkit.cli.client.daemon import Daemon, daemon, members
from trustkit.cli.client.flags import add_container_flags, request_of
from trustkit.cli.client.wire import quote
from trustkit.errors import NoSuchImageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare docker's names."""
    add_container_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Create and print the id."""
    print(made(daemon(), arguments, is_attached=True))
    return 0


def made(peer: Daemon, arguments: argparse.Namespace, *, is_attached: bool) -> str:
    """Create the container and return its id; the gate decides inside the daemon."""
    body = request_of(arguments, attached=is_attached)
    if arguments.pull == "never":
        _require_stored(peer, arguments.image)
    elif arguments.pull == "always":
        from trustkit.cli.commands.pull import fetch

        fetch(peer, arguments.image, arguments.platform, quiet=True)
    answer = peer.call("POST", "/containers/create", body, name=arguments.name, platform=arguments.platform)
    return str(members(answer).get("Id", ""))


def _require_stored(peer: Daemon, image: str) -> None:
    try:
        peer.call("GET", f"/images/{quote(image)}/json")
    except NoSuchImageError as error:
        message = f"{image} is not stored here, and --pull=never forbids fetching it"
        raise NoSuchImageError(message, next_step=f"trustkit pull {image}") from error
