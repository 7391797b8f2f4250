"""Run the daemon: gate, engine and decision log behind one unix socket.

Other commands start it when none answers; it then runs detached and writes to daemon.log in the state directory.
Containers outlive it.
"""

import argparse
import os

from trustkit.config import load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what differs from the configuration."""
    parser.add_argument("--debug", action="store_true", help="log more")


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    import asyncio
    import logging
    import sys

    from trustkit.app import serve_daemon

    level = logging.DEBUG if arguments.debug else logging.INFO
    logging.basicConfig(level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(serve_daemon(load(os.environ)))
    return 0
