"""Starting the daemon for a command that found none: once, however many commands race."""

import fcntl
import os
import sys
import time
from pathlib import Path

from trustkit.cli.client.wire import Connection
from trustkit.durable import make_folder, storage_error
from trustkit.engine.errors import DaemonUnreachableError
from trustkit.model.values import NamedTuple

_READY_SECONDS = 30.0
_PAUSE_SECONDS = 0.01
_SHOWN_BYTES = 2000


class _Place(NamedTuple):
    """The state directory, the daemon's log, and where in it this start begins."""

    home: Path
    log: Path
    began: int


def start(home: Path, socket: str) -> Connection:
    """Start a daemon detached from this terminal and return a connection to it.

    Racing starters queue at a lock; all but the first find the daemon answering.
    Raises DaemonUnreachableError with the last lines of its log, StorageError.
    """
    make_folder(home)
    lock_path = home / "daemon.lock"
    try:
        lock = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise storage_error(lock_path, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return Connection(socket)
        except DaemonUnreachableError:
            return _spawn(home, socket)
    finally:
        os.close(lock)


def _spawn(home: Path, socket: str) -> Connection:
    log = home / "daemon.log"
    try:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise storage_error(log, error) from error
    began = os.fstat(output).st_size
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    pid = os.posix_spawn(
        sys.executable,
        # in FIPS mode the guard lets no other form of ourselves be started
        [sys.executable, *(["-I"] if sys.flags.isolated else []), "-m", "trustkit", "daemon"],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, nothing, 0),
            (os.POSIX_SPAWN_DUP2, output, 1),
            (os.POSIX_SPAWN_DUP2, output, 2),
        ],
        setsid=True,
    )
    os.close(output)
    os.close(nothing)
    return _ready(pid, _Place(home, log, began), socket)


def _ready(pid: int, place: _Place, socket: str) -> Connection:
    deadline, running = time.monotonic() + _READY_SECONDS, True
    while time.monotonic() < deadline:
        try:
            return Connection(socket)
        except DaemonUnreachableError:
            if running:
                running = not os.waitpid(pid, os.WNOHANG)[0]
            # Ours may have ended because of one that is not ready yet: whoever started that was killed.
            if not running and not _is_used(place.home):
                raise _failure("the daemon could not start", place) from None
        time.sleep(_PAUSE_SECONDS)
    raise _failure(f"the daemon is not ready after {_READY_SECONDS:g} s", place)


def _is_used(home: Path) -> bool:
    """Whether an engine holds the state directory. Its lock is only looked at: to take it could stop another start."""
    try:
        inode = (home / "engine" / "engine.lock").stat().st_ino
        held = Path("/proc/locks").read_text(encoding="ascii")
    except OSError:
        return False
    # proc(5): number, FLOCK, ADVISORY, WRITE, process, major:minor:inode, start, end
    return any(line.split()[5:6] and line.split()[5].endswith(f":{inode}") for line in held.splitlines())


def _failure(message: str, place: _Place) -> DaemonUnreachableError:
    log = place.log
    with log.open("rb") as file:
        file.seek(max(place.began, file.seek(0, os.SEEK_END) - _SHOWN_BYTES))
        said = file.read().decode("utf-8", "replace").strip()
    last = "\n".join(said.splitlines()[-5:])
    return DaemonUnreachableError(
        f"{message}: {last}" if last else message, next_step=f"read {log}, or run `trustkit daemon` in a terminal"
    )
