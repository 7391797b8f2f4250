"""Start stopped containers, after checking image and policy again."""

import argparse

from trustkit.cli.client import attached
from trustkit.cli.client.daemon import daemon, members
from trustkit.cli.client.wire import quote
from trustkit.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare docker's names."""
    parser.add_argument("-a", "--attach", action="store_true", help="attach to its output")
    parser.add_argument("-i", "--interactive", action="store_true", help="attach standard input too")
    parser.add_argument("container", nargs="+", metavar="CONTAINER")


def run(arguments: argparse.Namespace) -> int:
    """Start each container; with -a, one of them, and return its exit status."""
    peer = daemon()
    if arguments.attach or arguments.interactive:
        if len(arguments.container) != 1:
            raise UsageError("attaching takes one container")
        view = members(peer.call("GET", f"/containers/{quote(arguments.container[0])}/json"))
        config = members(view["Config"])
        stdin = arguments.interactive and bool(config.get("OpenStdin"))
        link = attached.Attached(peer, str(view["Id"]), tty=bool(config.get("Tty")), stdin=stdin)
        link.prepare()
        peer.call("POST", f"/containers/{view['Id']}/start")
        return link.run()
    for container in arguments.container:
        peer.call("POST", f"/containers/{quote(container)}/start")
        print(container)
    return 0
