"""Making a container as the flags say."""

import argparse

from trustkit.cli.client.daemon import Daemon, members
from trustkit.cli.client.flags import request_of
from trustkit.cli.client.layouts import whole
from trustkit.cli.client.wire import quote
from trustkit.engine.errors import NoSuchImageError


def made(peer: Daemon, arguments: argparse.Namespace, *, is_attached: bool) -> str:
    """Create the container and return its id; the gate decides inside the daemon."""
    body = request_of(arguments, attached=is_attached)
    if arguments.pull == "never":
        _require_stored(peer, whole(arguments.image))
    elif arguments.pull == "always":
        from trustkit.cli.client.fetch import fetch

        fetch(peer, arguments.image, arguments.platform, quiet=True)
    answer = peer.call("POST", "/containers/create", body, name=arguments.name, platform=arguments.platform)
    return str(members(answer).get("Id", ""))


def _require_stored(peer: Daemon, image: str) -> None:
    try:
        peer.call("GET", f"/images/{quote(image)}/json")
    except NoSuchImageError as error:
        message = f"{image} is not stored here, and --pull=never forbids fetching it"
        raise NoSuchImageError(message, next_step=f"trustkit pull {image}") from error
