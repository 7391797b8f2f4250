"""Run the daemon: gate, engine and decision log behind one unix socket.

Other commands start it when none answers; it then runs detached and writes to daemon.log in the state
directory. Containers outlive it; its containerd ends with it when no container runs.
"""

import argparse
import os

from trustkit.config import Config, load
from trustkit.engine.errors import DaemonUnreachableError

_STOP_SECONDS = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what differs from the configuration."""
    parser.add_argument("--debug", action="store_true", help="log more")
    parser.add_argument("--stop", action="store_true", help="end the running daemon; containers go on")
    parser.add_argument("--containers", action="store_true", help="with --stop: remove all containers first")


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT, or stop the one that serves."""
    config = load(os.environ)
    if arguments.stop:
        return stop(config, containers=arguments.containers)
    import asyncio
    import gc
    import logging
    import sys

    from trustkit.app import serve_daemon
    from trustkit.cli import fips_start
    from trustkit.cli.fitting_crypto import require_fitting_crypto

    level = logging.DEBUG if arguments.debug else logging.INFO
    logging.basicConfig(level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    gc.set_threshold(700, 10, 10)  # main raises it for short-lived commands; a daemon has to collect
    require_fitting_crypto(config)
    with fips_start.watched():
        asyncio.run(serve_daemon(lambda: load(os.environ)))
    return 0


def stop(config: Config, *, containers: bool) -> int:
    """End the daemon that answers on the socket and wait for its end; quiet if there is none."""
    import signal

    from trustkit.cli.client.daemon import Daemon

    pid = _answering(config)
    if pid is None:
        return 0
    if containers:
        daemon = Daemon(str(config.socket))
        listed = daemon.call("GET", "/containers/json", all="1")
        for container in listed if isinstance(listed, list) else ():
            daemon.call("DELETE", f"/containers/{container['Id']}", force="1")
    ended = os.pidfd_open(pid)
    os.kill(pid, signal.SIGTERM)
    import select

    if not select.select([ended], [], [], _STOP_SECONDS)[0]:
        raise DaemonUnreachableError(f"the daemon (process {pid}) does not end", next_step=f"kill -9 {pid}")
    return 0


def _answering(config: Config) -> int | None:
    """Return the process that listens on the socket."""
    import socket
    import struct

    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(config.socket))
        except OSError:
            return None
        credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", credentials)[0]
    return pid
