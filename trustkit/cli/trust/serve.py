"""Run a trust server (Notary v1) that `docker trust`, `notary` and `trustkit trust` work against.

Repositories lie in a SQLite file of the state directory, or in PostgreSQL. The server signs timestamps, and
snapshots of repositories that want it; its keys are stored encrypted, with the passphrase in TRUSTKIT_PASSWORD
or in --passphrase-file. Without --users or --tokens everybody may do everything, so it then listens on loopback only.
"""

import argparse
import os
from pathlib import Path

from trustkit.cli.words import ask_passphrase
from trustkit.config import load
from trustkit.errors import ConfigError, UsageError

_LISTEN = "127.0.0.1:4443"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where to listen, where to keep, and whom to serve."""
    parser.add_argument("--listen", metavar="IP:PORT", default=_LISTEN, help=f"default {_LISTEN}")
    parser.add_argument("--database", metavar="FILE|URL", default="", help="SQLite file or postgresql://USER@HOST/NAME")
    parser.add_argument("--tls-cert", metavar="FILE", help="certificate chain in PEM; needed beyond loopback")
    parser.add_argument("--tls-key", metavar="FILE", help="its key in PEM, not encrypted")
    access = parser.add_mutually_exclusive_group()
    access.add_argument("--users", metavar="FILE", help="users with passwords and rights (TOML)")
    access.add_argument("--tokens", metavar="FILE", help="the token service whose tokens are believed (TOML)")
    parser.add_argument("--passphrase-file", metavar="FILE", help="its first line opens the server's keys")
    parser.add_argument("--hash-password", action="store_true", help="print a password as --users wants it, and end")


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT. Raises ConfigError, KeyFileError, UsageError, StorageError."""
    if arguments.hash_password:
        from trustkit.fips.password import hash_password

        print(hash_password(ask_passphrase("Password of the user", confirm=True)))
        return 0
    import asyncio
    import gc
    import logging
    import sys

    from trustkit.cli import fips_start
    from trustkit.trust_serving import TrustServing, serve_trust

    serving = TrustServing(
        listen=arguments.listen,
        database=arguments.database,
        tls=_tls(arguments),
        users=_path(arguments.users),
        tokens=_path(arguments.tokens),
        passphrase=_passphrase(arguments),
    )
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    gc.set_threshold(700, 10, 10)  # main raises it for short-lived commands; a server has to collect
    config = load(os.environ)
    with fips_start.watched():
        asyncio.run(serve_trust(config, serving, _ready))
    return 0


def _ready(url: str) -> None:
    from trustkit.cli import fips_start

    # The database's library is loaded by now, and what that one brought along.
    fips_start.require_alone()
    print(f"trust server at {url}", flush=True)


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _tls(arguments: argparse.Namespace) -> tuple[Path, Path] | None:
    if bool(arguments.tls_cert) != bool(arguments.tls_key):
        raise UsageError("--tls-cert and --tls-key belong together", next_step="give both, or neither on loopback")
    return (Path(arguments.tls_cert), Path(arguments.tls_key)) if arguments.tls_cert else None


def _passphrase(arguments: argparse.Namespace) -> bytes:
    if arguments.passphrase_file is None:
        found = ask_passphrase("Passphrase of the server's keys")
    else:
        file = Path(arguments.passphrase_file)
        try:
            if file.stat().st_mode & 0o077:
                raise ConfigError(f"{file}: others may read it", next_step=f"chmod 600 {file}")
            found = file.read_bytes().split(b"\n", 1)[0]
        except OSError as error:
            raise ConfigError(f"{file}: {(error.strerror or str(error)).lower()}") from error
    if not found:
        raise ConfigError("the passphrase of the server's keys is empty", next_step="set TRUSTKIT_PASSWORD")
    return found
