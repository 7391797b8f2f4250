"""A real PostgreSQL cluster on loopback, run by an unprivileged user, with databases on demand."""

import itertools
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from peers.processes import PeerError, Process, free_port, listens
from peers.tools import run
from peers.workspace import short_folder

_NAMES = itertools.count(1)


class Postgres(NamedTuple):
    """A running cluster."""

    programs: Path
    base: str
    server: Process

    def database(self) -> str:
        """Make an empty database and return its URL. Raises PeerError."""
        name = f"t{next(_NAMES)}"
        self.query(f"{self.base}/postgres", f"CREATE DATABASE {name}")
        return f"{self.base}/{name}"

    def query(self, url: str, statement: str) -> str:
        """Return what psql prints for a statement. Raises PeerError."""
        done = run([self.programs / "psql", url, "-tAc", statement])
        if done.status != 0:
            raise PeerError(done.said)
        return done.stdout


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run a cluster of its own. Raises PeerError."""
    programs = max(Path("/usr/lib/postgresql").iterdir()) / "bin"
    # postgres refuses to run as root
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if os.geteuid() == 0 else []
    with short_folder("postgres") as folder:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        made = run([*drop, programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", "trustkit", "-N"])
        if made.status != 0:
            raise PeerError(made.said)
        port = free_port()
        options = ["-c", "listen_addresses=127.0.0.1", "-p", str(port), "-k", str(folder), "-F"]
        server = Process([*drop, str(programs / "postgres"), "-D", str(folder / "data"), *options], log=folder / "log")
        try:
            server.wait_until(lambda: listens(port))
            base = f"postgresql://trustkit@127.0.0.1:{port}"
            server.wait_until(lambda: run([programs / "psql", f"{base}/postgres", "-tAc", "SELECT 1"]).status == 0)
            yield Postgres(programs, base, server)
        finally:
            server.stop()
