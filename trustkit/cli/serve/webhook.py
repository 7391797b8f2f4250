"""Answer admission reviews of Kubernetes by the policy, over TLS: /validate, /mutate, /readyz, /healthz.

Policy, trust and certificate are read again when their files change.
"""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from trustkit.cli.numbers import number
from trustkit.config import load
from trustkit.errors import UsageError

if TYPE_CHECKING:  # the hook loads when it is served
    from trustkit.hooks.kubernetes.api_server import ApiServer

_LISTEN = "127.0.0.1:8443"
_MOST_PORT = 65535
# Where a pod finds its service account, and the variables that name its API server.
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_HOST, _PORT = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where to listen, the certificate, and custom kinds."""
    parser.add_argument("--listen", metavar="HOST:PORT", default=_LISTEN, help=f"default {_LISTEN}")
    parser.add_argument("--tls-cert", metavar="FILE", required=True, help="certificate chain in PEM")
    parser.add_argument("--tls-key", metavar="FILE", required=True, help="its key in PEM, not encrypted")
    where = "GROUP/KIND=PATH"
    parser.add_argument("--pod-path", metavar=where, action="append", default=[], help="a custom kind's pod spec")
    parser.add_argument("--image-path", metavar=where, action="append", default=[], help="a custom kind's image")
    reads = f"folder of token and ca.crt, to read labels of namespaces in a cluster; default {_ACCOUNT}"
    parser.add_argument(
        "--pull-secrets", action="store_true", help="use the pull secrets of pods, where we may read them"
    )
    parser.add_argument("--service-account", metavar="FOLDER", default=_ACCOUNT, help=reads)


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT. Raises ConfigError, UsageError, StorageError, AuditError."""
    import asyncio
    import gc
    import logging
    import sys

    from trustkit.app import serve_webhook
    from trustkit.cli import fips_start
    from trustkit.cli.fitting_crypto import require_fitting_crypto
    from trustkit.hooks.kubernetes.pods import IMAGE, POD_SPEC, parse_custom_path
    from trustkit.hooks.kubernetes.serving import Settings, loop_factory

    host, _, port = arguments.listen.rpartition(":")
    listening = number(port)
    if not host or listening is None or not 0 <= listening <= _MOST_PORT:
        raise UsageError(
            f"{arguments.listen[:80]!r} names no address", next_step="write HOST:PORT, such as 0.0.0.0:8443"
        )
    custom = [parse_custom_path(text, POD_SPEC) for text in arguments.pod_path]
    custom += [parse_custom_path(text, IMAGE) for text in arguments.image_path]
    files = (Path(arguments.tls_cert), Path(arguments.tls_key))
    api = _api_server(Path(arguments.service_account))
    if arguments.pull_secrets and api is None:
        raise UsageError(
            "--pull-secrets needs a service account in a cluster", next_step="mount its token, or leave it out"
        )
    name, pulls = host.removeprefix("[").removesuffix("]"), arguments.pull_secrets
    settings = Settings(name, listening, *files, tuple(custom), api=api, pull_secrets=pulls)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    gc.set_threshold(700, 10, 10)  # main raises it for short-lived commands; a server has to collect
    require_fitting_crypto(load(os.environ))
    with fips_start.watched(), asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve_webhook(lambda: load(os.environ), settings, _ready))
    return 0


def _api_server(account: Path) -> "ApiServer | None":
    """Return who knows namespaces, if this is a pod with a service account."""
    from trustkit.hooks.kubernetes.api_server import ApiServer

    host, port = os.environ.get(_HOST, ""), os.environ.get(_PORT, "443")
    if not host or not (account / "token").exists():
        return None
    named = f"[{host}]" if ":" in host else host
    return ApiServer(f"https://{named}:{port}", account / "token", account / "ca.crt")


def _ready(url: str) -> None:
    print(f"webhook at {url}", flush=True)
