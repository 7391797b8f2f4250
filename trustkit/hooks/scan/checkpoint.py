"""How far a scan came: a file with one line a result, durable before the next; what was killed goes on from there.

The first line names the scan: its policy, trust, revocations, places and shard. A file of another scan, or an old one,
is begun anew. A torn last line is what a kill leaves behind, and does not count.
"""

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from trustkit import limits
from trustkit.codec.strict_json import as_object, as_text, parse
from trustkit.durable import make_folder, storage_error, write_file
from trustkit.errors import MalformedError
from trustkit.hooks.scan.result import Result, members_of, result_of

_LINE_BYTES = 64 * 1024


class Checkpoint:
    """Results by what was asked about. Threads may share it."""

    def __init__(self, file: Path, scan: str, now: datetime) -> None:
        """Go on with the file if it belongs to this scan, else begin it. Raises StorageError."""
        self._file = file
        self._lock = Lock()
        self.done: dict[str, Result] = {}
        make_folder(file.parent)
        started = self._read(scan)
        self.started = started or now
        if started is None or not started <= now < started + timedelta(hours=limits.SCAN_HOURS):
            self.started = now
            self.done.clear()
            write_file(file, _line({"scan": scan, "started": now.isoformat()}))

    def add(self, asked: str, result: Result) -> None:
        """Keep one result. Raises StorageError."""
        content = _line({"asked": asked, "result": members_of(result)})
        with self._lock:
            self.done[asked] = result
            try:
                descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
                try:
                    os.write(descriptor, content)
                    os.fdatasync(descriptor)
                finally:
                    os.close(descriptor)
            except OSError as error:
                raise storage_error(self._file, error) from error

    def finish(self) -> None:
        """Forget it: the next scan begins anew. Raises StorageError."""
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(self._file, error) from error

    def _read(self, scan: str) -> datetime | None:
        """Take the results of an earlier run of this scan, and return when it began."""
        try:
            with self._file.open("rb") as stream:
                content = stream.read(limits.SCAN_FILE_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(self._file, error) from error
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
            write_file(self._file, content[: len(content) - len(torn)])
        return started


def _line(value: dict[str, object]) -> bytes:
    return json.dumps(value).encode() + b"\n"
