"""Verify an image, then run it in a new container.

The exit status is the container's own once it has started. Before that it is trustkit's: 1 refused, 2 usage,
3 could not find out, 4 our or the machine's fault; and, as docker's, 125 to 127 when the command cannot be started.
"""

import argparse

from trustkit.cli.client import attached, terminal
from trustkit.cli.client.daemon import Daemon, daemon
from trustkit.cli.client.flags import add_container_flags
from trustkit.cli.client.make import made
from trustkit.engine.errors import ConflictError, NoSuchContainerError
from trustkit.errors import TrustkitError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare docker's names."""
    parser.add_argument("-d", "--detach", action="store_true", help="leave it running and print its id")
    add_container_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Create, attach, start, and pass everything through."""
    if arguments.tty and arguments.interactive and not arguments.detach:
        terminal.require_terminal()
    peer = daemon()
    container = made(peer, arguments, is_attached=not arguments.detach)
    try:
        if arguments.detach:
            peer.call("POST", f"/containers/{container}/start")
            print(container)
            return 0
        link = attached.Attached(peer, container, tty=arguments.tty, stdin=arguments.interactive, removed=arguments.rm)
        link.prepare()
        peer.call("POST", f"/containers/{container}/start")
    except TrustkitError as error:
        return _not_started(peer, container, error, remove=arguments.rm)
    except KeyboardInterrupt:
        _remove(peer, container)
        raise
    return link.run()


def _not_started(peer: Daemon, container: str, error: TrustkitError, *, remove: bool) -> int:
    """Return 125 to 127 after telling why the command cannot be started; raise any other error again."""
    if remove:
        _remove(peer, container)
    code = error.details.get("exit_code", "")
    if not code.isdecimal():
        raise error
    from trustkit.cli.output import fail

    fail(error)
    return int(code)


def _remove(peer: Daemon, container: str) -> None:
    try:
        Daemon(peer.path).call("DELETE", f"/containers/{container}", force="1")
    except (NoSuchContainerError, ConflictError):
        # Gone, or going, by itself
        return
