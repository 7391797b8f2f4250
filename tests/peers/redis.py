"""A real Redis on loopback, kept in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from peers.processes import PeerError, Process, free_port, listens
from peers.registry import Tls
from peers.tools import run
from peers.workspace import short_folder

PROGRAM = Path("/usr/bin/redis-server")


class Redis(NamedTuple):
    """A running server; `url` is what `cache.url` takes."""

    url: str
    port: int
    process: Process
    ca_file: Path | None = None

    def ask(self, *words: str, stdin: bytes = b"") -> str:
        """Return what redis-cli prints for a command; with `stdin` its last argument. Raises PeerError."""
        tls = ["--tls", "--cacert", str(self.ca_file)] if self.ca_file else []
        more = ["-x"] if stdin else []
        done = run(["redis-cli", "-p", str(self.port), *tls, *more, *words], stdin=stdin)
        if done.status != 0:
            raise PeerError(done.said)
        return done.stdout.rstrip("\n")


@contextmanager
def redis(*words: str, tls: Tls | None = None) -> Iterator[Redis]:
    """Run a server of its own, with these options. Raises PeerError."""
    if not PROGRAM.exists():
        raise PeerError(f"{PROGRAM} is missing: run make setup")
    with short_folder("redis") as folder:
        port = free_port()
        options = ["--bind", "127.0.0.1", "--save", "", "--dir", str(folder), *words]
        if tls:
            files = ["--tls-cert-file", str(tls.certificate_file), "--tls-key-file", str(tls.key_file)]
            options += ["--port", "0", "--tls-port", str(port), "--tls-auth-clients", "no", *files]
            options += ["--tls-ca-cert-file", str(tls.ca_file)]
        else:
            options += ["--port", str(port)]
        process = Process([str(PROGRAM), *options], log=folder / "log")
        try:
            process.wait_until(lambda: listens(port))
            scheme = "rediss" if tls else "redis"
            yield Redis(f"{scheme}://127.0.0.1:{port}", port, process, tls.ca_file if tls else None)
        finally:
            process.stop()
