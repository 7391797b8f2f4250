"""How far a scan came: a file with one line a result, durable before the next; what was killed goes on from there.

The first line names the scan: its policy, trust, revocations, places and shard. Each scan has a file of its own, which
one process at a time may use; an old one is begun anew. A torn last line is what a kill leaves, and does not count.
"""

import fcntl
import json
import os
from datetime import datetime, timedelta
from errno import ENOSPC
from pathlib import Path
from threading import Lock
from typing import Self

from trustkit import limits
from trustkit.codec.strict_json import as_object, as_text, parse
from trustkit.durable import make_folder, storage_error
from trustkit.errors import MalformedError, StorageError
from trustkit.hooks.scan.result import Result, members_of, result_of

_LINE_BYTES = 64 * 1024


class Checkpoint:
    """Results by what was asked about. Threads may share it, processes may not."""

    def __init__(self, file: Path, scan: str, now: datetime) -> None:
        """Go on with the file if it belongs to this scan, else begin it. Raises StorageError: another one uses it."""
        self._file = file
        self._lock = Lock()
        self.done: dict[str, Result] = {}
        make_folder(file.parent)
        try:
            self._stream = _alone(file)
            started = self._read(scan)
            self.started = started or now
            if started is None or not started <= now < started + timedelta(hours=limits.SCAN_HOURS):
                self.started = now
                self.done.clear()
                os.ftruncate(self._stream, 0)
                self._write(_line({"scan": scan, "started": now.isoformat()}))
        except OSError as error:
            raise storage_error(file, error) from error

    def add(self, asked: str, result: Result) -> None:
        """Keep one result. Raises StorageError."""
        content = _line({"asked": asked, "result": members_of(result)})
        with self._lock:
            self.done[asked] = result
            try:
                self._write(content)
            except OSError as error:
                raise storage_error(self._file, error) from error

    def finish(self) -> None:
        """Forget it: the next scan begins anew. Raises StorageError."""
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(self._file, error) from error

    def close(self) -> None:
        """Let others use the file."""
        if self._stream >= 0:
            os.close(self._stream)
            self._stream = -1

    def __enter__(self) -> Self:
        """Return the checkpoint."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let others use the file."""
        self.close()

    def _write(self, content: bytes) -> None:
        if os.write(self._stream, content) != len(content):
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        os.fdatasync(self._stream)

    def _read(self, scan: str) -> datetime | None:
        """Take the results of an earlier run of this scan, and return when it began."""
        with self._file.open("rb") as stream:
            content = stream.read(limits.SCAN_FILE_BYTES + 1)
        head, *lines = content.split(b"\n")
        whole, torn = lines[:-1], lines[-1] if lines else head
        try:
            first = as_object(parse(head, what="scan", limit_bytes=_LINE_BYTES), "scan")
            started = datetime.fromisoformat(as_text(first.get("started"), "started"))
            if first.get("scan") != scan or started.tzinfo is None or len(content) > limits.SCAN_FILE_BYTES:
                return None
            for line in whole:
                told = as_object(parse(line, what="line of a scan", limit_bytes=_LINE_BYTES), "line of a scan")
                self.done[as_text(told.get("asked"), "asked")] = result_of(told.get("result"))
        except (MalformedError, ValueError):
            # what cannot be read is judged again
            self.done.clear()
            return None
        if torn:
            os.ftruncate(self._stream, len(content) - len(torn))
        return started


def forget_old(folder: Path, now: datetime) -> None:
    """Remove the files of killed scans that nobody went on with in time. Raises StorageError."""
    before = (now - timedelta(hours=limits.SCAN_HOURS)).timestamp()
    try:
        for file in folder.glob("*.jsonl"):
            if file.stat().st_mtime < before:
                file.unlink(missing_ok=True)
    except FileNotFoundError:
        return  # another scan was faster
    except OSError as error:
        raise storage_error(folder, error) from error


def _alone(file: Path) -> int:
    """Return the file, open, which nobody else uses until it is closed. Raises StorageError, OSError."""
    while True:
        descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is(descriptor, file):
                return descriptor
        except BlockingIOError as error:
            os.close(descriptor)
            message = f"{file}: the same scan is under way in another process"
            raise StorageError(message, next_step="wait until it is done, or stop it", path=str(file)) from error
        except BaseException:
            os.close(descriptor)
            raise
        # who had it finished meanwhile, and removed it
        os.close(descriptor)


def _is(descriptor: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False


def _line(value: dict[str, object]) -> bytes:
    return json.dumps(value).encode() + b"\n"
