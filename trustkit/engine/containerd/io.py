"""A process's FIFOs: output to a sink and to live subscribers, input from one writer at a time.

The shim holds the other ends, and keeps a reader of each output FIFO, so nothing breaks while we are away: up to a
pipe's buffer (64 KiB) waits for us, then the process blocks until somebody reads again.
"""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path

from trustkit.durable import make_folder
from trustkit.engine.containerd.tasks import Streams
from trustkit.engine.values import OutputChunk, Stream

_READ_BYTES = 64 * 1024
# One slow client may hold this much before the process has to wait for it (as docker's attach does).
_BACKLOG_BYTES = 1024 * 1024
_RETRY_SECONDS = 0.01


class Fifos:
    """The FIFOs of one process, in a folder of their own."""

    def __init__(self, folder: Path, *, stdin: bool, terminal: bool) -> None:
        """Name them; a terminal has no stderr of its own."""
        self.folder = folder
        self.stdin = folder / "in" if stdin else None
        self.outputs = {Stream.STDOUT: folder / "out"}
        if not terminal:
            self.outputs[Stream.STDERR] = folder / "err"
        self.terminal = terminal

    def make(self) -> None:
        """Make them anew: what a former process left in them is gone."""
        self.remove()
        make_folder(self.folder)
        for path in (*self.outputs.values(), *((self.stdin,) if self.stdin else ())):
            os.mkfifo(path, 0o600)

    def remove(self) -> None:
        """Remove them with their folder."""
        for name in ("in", "out", "err"):
            (self.folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    @property
    def streams(self) -> Streams:
        """Their paths as containerd wants them."""
        stderr = self.outputs.get(Stream.STDERR)
        return Streams(
            stdin=str(self.stdin or ""),
            stdout=str(self.outputs[Stream.STDOUT]),
            stderr=str(stderr or ""),
            terminal=self.terminal,
        )


class Subscription:
    """One client's queue of output."""

    def __init__(self, pump: "Pump") -> None:
        """Start empty."""
        self._pump = pump
        self._chunks: deque[OutputChunk] = deque()
        self._wake = asyncio.Event()
        self._ended = False
        self.backlog_bytes = 0

    def put(self, chunk: OutputChunk) -> None:
        """Queue a chunk."""
        if not self._ended:
            self._chunks.append(chunk)
            self.backlog_bytes += len(chunk.data)
            self._wake.set()

    def end(self) -> None:
        """Let `output` stop once the queue is empty."""
        self._ended = True
        self._wake.set()

    async def output(self) -> AsyncIterator[OutputChunk]:
        """Yield chunks until the end."""
        while True:
            while self._chunks:
                chunk = self._chunks.popleft()
                self.backlog_bytes -= len(chunk.data)
                self._pump.resume()
                yield chunk
            if self._ended:
                return
            self._wake.clear()
            await self._wake.wait()

    def drop(self) -> None:
        """Leave: queued chunks are forgotten."""
        self._chunks.clear()
        self.backlog_bytes = 0
        self.end()
        self._pump.leave(self)


class Pump:
    """Reads a process's output FIFOs on the event loop; exists from before the process starts until after its end."""

    def __init__(self, clock: Callable[[], datetime], sink: Callable[[OutputChunk], None] | None = None) -> None:
        """Keep where every chunk goes first."""
        self._clock = clock
        self._sink = sink
        self._open: dict[Stream, int] = {}
        self._paused = False
        self._subscriptions: list[Subscription] = []
        self._stdin: int | None = None
        self._stdin_pending: deque[bytes] = deque()
        self._stdin_closing = False
        self._stdin_lock = asyncio.Lock()
        self._gone = asyncio.Event()
        self.drained = asyncio.Event()

    def subscribe(self) -> Subscription:
        """Join: every chunk from now on."""
        subscription = Subscription(self)
        if self._gone.is_set():
            subscription.end()
        else:
            self._subscriptions.append(subscription)
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Take a subscription out."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
        self.resume()

    def open(self, fifos: Fifos) -> None:
        """Begin to read; called before the shim opens its ends, so that it never waits for ours."""
        for stream, path in fifos.outputs.items():
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            self._open[stream] = descriptor
            asyncio.get_running_loop().add_reader(descriptor, self._readable, stream)

    def _readable(self, stream: Stream) -> None:
        try:
            data = os.read(self._open[stream], _READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self._close(stream)
            return
        chunk = OutputChunk(stream, self._clock(), data)
        if self._sink is not None:
            self._sink(chunk)
        for subscription in self._subscriptions:
            subscription.put(chunk)
        if any(item.backlog_bytes > _BACKLOG_BYTES for item in self._subscriptions):
            self._pause()

    def _close(self, stream: Stream) -> None:
        descriptor = self._open.pop(stream)
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
        if not self._open:
            self.drained.set()

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            for descriptor in self._open.values():
                asyncio.get_running_loop().remove_reader(descriptor)

    def resume(self) -> None:
        """Read on once no client is far behind."""
        if self._paused and all(item.backlog_bytes <= _BACKLOG_BYTES for item in self._subscriptions):
            self._paused = False
            for stream, descriptor in self._open.items():
                asyncio.get_running_loop().add_reader(descriptor, self._readable, stream)

    async def finish(self, grace_seconds: float) -> None:
        """After the process's end: read what is left, then end every subscription and close all ends."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await self.drained.wait()
        self.close()

    def close(self) -> None:
        """Close all ends without waiting for the process."""
        for stream in tuple(self._open):
            self._close(stream)
        self._gone.set()
        self._shut_stdin()
        for subscription in tuple(self._subscriptions):
            subscription.end()
        self._subscriptions.clear()

    # input

    async def open_stdin(self, fifos: Fifos) -> None:
        """Connect the input once the shim has its ends, and pass on what was written before.

        O_RDWR never fails and never waits, and keeps the FIFO's bytes if the shim is slow.
        """
        if fifos.stdin is None:
            return
        self._stdin = os.open(fifos.stdin, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        while self._stdin_pending:
            await self._send(self._stdin_pending.popleft())

    async def write(self, data: bytes) -> None:
        """Write to the process's input; waits while the pipe is full, drops once the process is gone."""
        if self._gone.is_set() or self._stdin_closing:
            return
        if self._stdin is None:
            self._stdin_pending.append(data)
            return
        await self._send(data)

    async def _send(self, data: bytes) -> None:
        async with self._stdin_lock:
            rest = memoryview(data)
            while rest and self._stdin is not None:
                try:
                    rest = rest[os.write(self._stdin, rest) :]
                except BlockingIOError:
                    await self._writable()

    async def _writable(self) -> None:
        # O_RDWR polls as writable and readable at once; a short pause costs less than the ways around that.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RETRY_SECONDS):
                await self._gone.wait()
        if self._gone.is_set():
            self._shut_stdin()

    async def close_stdin(self) -> None:
        """Close our end after what is still being written; the caller then asks the shim to close its own."""
        async with self._stdin_lock:
            self._stdin_closing = True
            self._shut_stdin()

    @property
    def stdin_wanted(self) -> bool:
        """Whether input may still come; False once somebody closed it, also before the start."""
        return not self._stdin_closing

    def _shut_stdin(self) -> None:
        if self._stdin is not None:
            os.close(self._stdin)
            self._stdin = None
