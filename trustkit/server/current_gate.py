"""The gate of the policy as it stands on disk: opened again when a file it was made from changes."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from trustkit.server.parts import Gatekeeper

_Fingerprint = tuple[tuple[str, int, int, int], ...]


class CurrentGate:
    """Gives one gate for as long as the watched files (and folders' files) stay as they are.

    Opening may raise (a policy that does not parse, a key that is gone): then nothing is decided until it is
    mended, because the old policy is no longer the one in force.
    """

    def __init__(self, open_gate: Callable[[], Gatekeeper], watched: tuple[Path, ...]) -> None:
        """Open gates with `open_gate`, again whenever something in `watched` has changed."""
        self._open_gate = open_gate
        self._watched = watched
        self._lock = threading.Lock()
        self._gate: Gatekeeper | None = None
        self._seen: _Fingerprint = ()

    def __call__(self) -> Gatekeeper:
        """Return the gate in force. Raises what opening raises."""
        with self._lock:
            # Taken before opening: a change in between is seen by the next call.
            now = tuple(entry for path in self._watched for entry in _fingerprints(path))
            if self._gate is None or now != self._seen:
                self._gate = None
                self._gate = self._open_gate()
                self._seen = now
            return self._gate


def _fingerprints(path: Path) -> _Fingerprint:
    try:
        if path.is_dir():
            files = sorted(entry.path for entry in os.scandir(path) if entry.is_file())
            return tuple(_fingerprint(file) for file in files)
        return (_fingerprint(str(path)),)
    except OSError:
        return ((str(path), 0, 0, 0),)


def _fingerprint(path: str) -> tuple[str, int, int, int]:
    """Inode and change time cannot be set back by whoever writes the file, as its modification time can."""
    try:
        status = os.stat(path)
    except OSError:
        return (path, 0, 0, 0)
    return (path, status.st_ino, status.st_ctime_ns, status.st_size)
