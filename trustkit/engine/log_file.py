r"""A container's log in docker's json-file format, one entry a line.

    {"log":"hello\n","stream":"stdout","time":"2026-11-23T21:09:09.123456789Z"}

A line of output longer than 16 KiB is several entries, of which only the last ends with a newline.
"""

import asyncio
import json
import logging
import os
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from trustkit.engine.values import OutputChunk, Stream

_log = logging.getLogger(__name__)
_ENTRY_BYTES = 16 * 1024
_READ_BYTES = 256 * 1024
_NAMES = {Stream.STDOUT: "stdout", Stream.STDERR: "stderr"}
_STREAMS = {name: stream for stream, name in _NAMES.items()}
_FRACTION = re.compile(r"\.(\d{1,9})")


class LogFile:
    """Appends output as entries, and wakes those who follow."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened before the first entry."""
        self.path = path
        self._descriptor: int | None = None
        self._partial: dict[Stream, tuple[datetime, bytearray]] = {}
        self._followers: set[asyncio.Event] = set()
        self.ended = True

    def begin(self) -> None:
        """A process is about to write: followers wait for it."""
        self.ended = False

    def append(self, chunk: OutputChunk) -> None:
        """Write every entry that the chunk completes."""
        _, pending = self._partial.setdefault(chunk.stream, (chunk.at, bytearray()))
        pending += chunk.data
        entries: list[bytes] = []
        while pending:
            end = pending.find(b"\n", 0, _ENTRY_BYTES) + 1 or (len(pending) >= _ENTRY_BYTES and _ENTRY_BYTES)
            if not end:
                break
            entries.append(_entry(chunk.stream, chunk.at, bytes(pending[:end])))
            del pending[:end]
        if not pending:
            del self._partial[chunk.stream]
        self._write(b"".join(entries))

    def finish(self) -> None:
        """Write unfinished lines, close the file, let followers end."""
        left = [_entry(stream, at, bytes(data)) for stream, (at, data) in self._partial.items() if data]
        self._partial.clear()
        self._write(b"".join(left))
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        self.ended = True
        self._wake()

    def unfinished(self) -> tuple[OutputChunk, ...]:
        """Return output not in the file yet because its line has no end."""
        return tuple(OutputChunk(stream, at, bytes(data)) for stream, (at, data) in self._partial.items())

    def written(self) -> "Written":
        """Mark what has been output so far, at this very moment; it is read when it is asked for."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            size = 0
        return Written(self.path, size, self.unfinished())

    def _write(self, data: bytes) -> None:
        if not data:
            return
        try:
            if self._descriptor is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                self._descriptor = os.open(self.path, flags, 0o600)
            os.write(self._descriptor, data)
        except OSError:
            # A full disk must not stop the container, nor keep its output from those attached.
            _log.exception("output of a container could not be written to %s", self.path)
        self._wake()

    def _wake(self) -> None:
        for event in self._followers:
            event.set()

    async def read(
        self, *, follow: bool = False, tail: int | None = None, since: datetime | None = None
    ) -> AsyncIterator[OutputChunk]:
        """Yield entries; with `follow`, those to come until the process has ended."""
        changed = asyncio.Event()
        self._followers.add(changed)
        try:
            async for chunk in self._entries(changed, _tail_offset(self.path, tail), follow=follow):
                if since is None or chunk.at >= since:
                    yield chunk
        finally:
            self._followers.discard(changed)

    async def _entries(self, changed: asyncio.Event, offset: int, *, follow: bool) -> AsyncIterator[OutputChunk]:
        rest = b""
        while True:
            changed.clear()
            # Read before asking for the end: what is written between the two is read in the next round.
            ended = self.ended or not follow
            data = await asyncio.to_thread(_read_at, self.path, offset)
            offset += len(data)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                chunk = parse_entry(line)
                if chunk is not None:
                    yield chunk
            if not data:
                if ended:
                    return
                await changed.wait()


class Written(NamedTuple):
    """A container's output up to a moment: the first bytes of its log, and what was not in there yet."""

    path: Path
    size_bytes: int
    unfinished: tuple[OutputChunk, ...]

    async def chunks(self) -> AsyncIterator[OutputChunk]:
        """Yield the output, a block of the file at a time."""
        offset, rest = 0, b""
        while offset < self.size_bytes:
            data = (await asyncio.to_thread(_read_at, self.path, offset))[: self.size_bytes - offset]
            if not data:
                break
            offset += len(data)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                chunk = parse_entry(line)
                if chunk is not None:
                    yield chunk
        for chunk in self.unfinished:
            yield chunk


def _entry(stream: Stream, at: datetime, data: bytes) -> bytes:
    fields = {
        "log": data.decode("utf-8", "replace"),
        "stream": _NAMES[stream],
        "time": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z"),
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def parse_entry(line: bytes) -> OutputChunk | None:
    """Read one entry; None for a line that a crash cut short."""
    try:
        fields = json.loads(line)  # noqa: TID251  (a line that this class wrote)
        stream = _STREAMS[fields["stream"]]
        at = datetime.fromisoformat(_FRACTION.sub(lambda found: f".{found[1][:6]:<06}", fields["time"]))
        return OutputChunk(stream, at, fields["log"].encode())
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _read_at(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(_READ_BYTES)
    except FileNotFoundError:
        return b""


def _tail_offset(path: Path, count: int | None) -> int:
    """Where the last `count` entries begin; searched from the end, a block at a time."""
    if count is None:
        return 0
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return 0
    if count <= 0:
        return size
    position, newlines = size, 0
    while position > 0:
        start = max(0, position - _READ_BYTES)
        block = _read_at(path, start)[: position - start]
        found = _newline_from_end(block, count + 1 - newlines)
        if found is not None:
            return start + found + 1
        newlines += block.count(b"\n")
        position = start
    return 0


def _newline_from_end(block: bytes, count: int) -> int | None:
    index = len(block)
    for _ in range(count):
        index = block.rfind(b"\n", 0, index)
        if index < 0:
            return None
    return index
