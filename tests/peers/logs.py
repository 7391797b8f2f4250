"""A decision log that is broken, cannot be written, or is held while a command works."""

import fcntl
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peers.trustkit import Trustkit

# How a log can be broken before a command opens it, and what the command then says, with which status.
BROKEN = {
    "damaged": ("the database is damaged", 1),
    "gone": ("the log's database is gone", 1),
    "read-only": ("read-only file system", 4),
}


@contextmanager
def broken(home: Path, how: str) -> Iterator[None]:
    """Break the log, which has a record at least."""
    folder = home / "audit"
    if how == "read-only":
        subprocess.run(["mount", "--bind", folder, folder], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", "-l", folder], check=True)
        return
    for file in folder.glob("log.db*"):
        file.unlink()
    if how == "damaged":
        (folder / "log.db").write_bytes(b"noise" * 4096)
    yield


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Let nobody write a record: who has opened the log waits before the next one."""
    with (home / "audit" / "lock").open("r+") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield


def taken_away(trustkit: Trustkit, changed: Path, *words: str | Path) -> tuple[int, str]:
    """Run a command, and take the log's database away when it has made a file, before it can put that on record.

    Return its exit status, and what it said.
    """
    with held(trustkit.home):
        running = trustkit.start(*words)
        running.wait_until(changed.exists)
        (trustkit.home / "audit" / "log.db").unlink()
    return running.status(), running.log.read_text()


def records(trustkit: Trustkit, kind: str) -> list[dict[str, object]]:
    """Return the records of a kind or a family of kinds, oldest first."""
    found = json.loads(trustkit.must("audit", "log", "--kind", kind, "--output", "json").stdout)
    assert isinstance(found, list)
    return found
