"""Answer dockerd's questions about every request of its API by the policy: an authorization plugin.

dockerd asks it when daemon.json says {"authorization-plugins": ["trustkit"]}. Without an answer dockerd does nothing.
"""

import argparse
import os
from pathlib import Path

from trustkit.config import load
from trustkit.errors import UsageError

_SOCKET = "/run/docker/plugins/trustkit.sock"
_DOCKERD = "/run/docker.sock"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the two sockets, and what is allowed beside judged images."""
    parser.add_argument("--socket", metavar="FILE", default=_SOCKET, help=f"where dockerd asks; default {_SOCKET}")
    parser.add_argument("--docker-socket", metavar="FILE", default=_DOCKERD, help=f"dockerd's; default {_DOCKERD}")
    parser.add_argument(
        "--allow",
        metavar="CLASS",
        action="append",
        default=[],
        help="let requests through that no policy judges: build, load, commit, ... (docs/hooks.md)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT. Raises ConfigError, UsageError, StorageError, AuditError."""
    import asyncio
    import gc
    import logging
    import sys

    from trustkit.app import serve_docker_authz
    from trustkit.cli import fips_start
    from trustkit.cli.fitting_crypto import require_fitting_crypto
    from trustkit.hooks.docker.routes import CLASSES
    from trustkit.hooks.docker.serving import Settings

    if unknown := [name for name in arguments.allow if name not in CLASSES]:
        raise UsageError(f"{unknown[0]!r} is no class of requests", next_step=f"choose of {', '.join(CLASSES)}")
    paths = (Path(arguments.socket).absolute(), Path(arguments.docker_socket).absolute())
    settings = Settings(*paths, frozenset(arguments.allow))
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    gc.set_threshold(700, 10, 10)  # main raises it for short-lived commands; a server has to collect
    require_fitting_crypto(load(os.environ))
    with fips_start.watched():
        asyncio.run(serve_docker_authz(lambda: load(os.environ), settings, lambda: _ready(paths[0])))
    return 0


def _ready(path: Path) -> None:
    print(f"authorization plugin at {path}", flush=True)
