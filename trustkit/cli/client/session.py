"""A terminal or a pipe, connected to a container's process: one poll loop, no threads.

Output never waits for input: a process that reads nothing while it writes must not stop us from reading it.
"""

import errno
import os
import select
import signal
from collections.abc import Callable, Sequence
from types import FrameType

from trustkit.cli.client.wire import Connection
from trustkit.engine.errors import DaemonUnreachableError

_READ_BYTES = 65536
_FRAME_BYTES = 8
_STDERR = 2
# Ctrl-P Ctrl-Q, docker's keys to leave a container running.
_DETACH = b"\x10\x11"


class Frames:
    """Takes a framed stream apart; a terminal's is not framed."""

    def __init__(self, *, framed: bool) -> None:
        """Expect frames or raw bytes."""
        self._framed = framed
        self._pending = b""

    def write(self, data: bytes) -> None:
        """Pass complete frames to standard output and standard error. Raises BrokenPipeError."""
        if not self._framed:
            write_all(1, data)
            return
        self._pending += data
        while len(self._pending) >= _FRAME_BYTES:
            end = _FRAME_BYTES + int.from_bytes(self._pending[4:_FRAME_BYTES], "big")
            if len(self._pending) < end:
                return
            write_all(2 if self._pending[0] == _STDERR else 1, self._pending[_FRAME_BYTES:end])
            self._pending = self._pending[end:]


def write_all(descriptor: int, data: bytes) -> None:
    """Write everything, also to a pipe that somebody made non-blocking. Raises BrokenPipeError."""
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            select.select([], [descriptor], [])


class Session:
    """The loop: standard input to the process, its output to us, signals to `on_signal`."""

    def __init__(self, attached: Connection, *, tty: bool, stdin: bool, waiting: Connection | None = None) -> None:
        """Serve `attached`, and end only after `waiting` (a streamed wait) has answered too."""
        self._attached = attached
        self._waiting = waiting
        self._frames = Frames(framed=not tty)
        self._tty = tty
        self._stdin = stdin
        self._to_send = b""
        self._input_ended = not stdin
        self.detached = False
        self.answer = b""

    def run(self, signals: Sequence[int] = (), on_signal: Callable[[int], None] | None = None) -> None:
        """Carry bytes until the output has ended (and the wait is over), or the user detaches.

        Raises BrokenPipeError when nobody reads our output, DaemonUnreachableError.
        """
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        before = [(number, signal.signal(number, _nothing)) for number in signals]
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        try:
            self._frames.write(self._attached.buffer)
            self._attached.buffer = b""
            self._loop(wake_read, on_signal)
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before:
                signal.signal(number, handler)
            os.close(wake_read)
            os.close(wake_write)

    def _loop(self, wake: int, on_signal: Callable[[int], None] | None) -> None:
        self._attached.socket.setblocking(False)
        output_open, waiting = True, self._waiting
        while (output_open or waiting) and not self.detached:
            poll = select.poll()
            poll.register(wake, select.POLLIN)
            attached = self._attached.socket.fileno()
            if output_open:
                poll.register(attached, select.POLLIN | (select.POLLOUT if self._to_send else 0))
            if waiting:
                poll.register(waiting.socket.fileno(), select.POLLIN)
            if not self._input_ended and not self._to_send and output_open:
                poll.register(0, select.POLLIN)
            ready = dict(poll.poll())
            if wake in ready and on_signal is not None:
                for number in os.read(wake, 64):
                    on_signal(number)
            if 0 in ready:
                self._read_input()
            if attached in ready:
                output_open = self._exchange(ready[attached])
            if waiting and waiting.socket.fileno() in ready:
                waiting = self._read_answer(waiting)

    def _read_input(self) -> None:
        try:
            data = os.read(0, _READ_BYTES)
        except OSError as error:
            # A terminal that is gone
            if error.errno != errno.EIO:
                raise
            data = b""
        if self._tty and _DETACH in data:
            self.detached = True
        if not data:
            self._input_ended = True
            self._end_input()
        self._to_send = data

    def _exchange(self, event: int) -> bool:
        """Send what is due and read what has come; return whether more may come."""
        if event & select.POLLOUT and self._to_send:
            try:
                self._to_send = self._to_send[self._attached.socket.send(self._to_send) :]
            except BlockingIOError:
                pass
            except OSError:
                self._to_send, self._input_ended = b"", True
        if not event & (select.POLLIN | select.POLLHUP | select.POLLERR):
            return True
        try:
            data = self._attached.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            data = b""
        self._frames.write(data)
        return bool(data)

    def _end_input(self) -> None:
        try:
            self._attached.socket.shutdown(1)
        except OSError:
            # The other side has gone already, which the next read shows
            self._input_ended = True

    def _read_answer(self, waiting: Connection) -> Connection | None:
        """Collect the answer of the wait; None once it is whole. Raises DaemonUnreachableError."""
        waiting.more()
        if b"\r\n0\r\n" not in waiting.buffer and not waiting.buffer.startswith(b"0\r\n"):
            return waiting
        self.answer = waiting.body()
        return None


def _nothing(number: int, frame: FrameType | None) -> None:
    """Be there, so that the signal wakes the loop instead of ending us."""


def exit_status(content: bytes) -> int:
    """Return the container's exit status of a wait's answer. Raises EngineError, DaemonUnreachableError."""
    from trustkit.cli.client.daemon import members, parsed
    from trustkit.engine.errors import EngineError

    if not content:
        raise DaemonUnreachableError("the daemon went away before the container ended")
    answer = members(parsed(content))
    code, error = answer.get("StatusCode"), answer.get("Error")
    if isinstance(error, dict) and error.get("Message"):
        raise EngineError(str(error["Message"]))
    return code if isinstance(code, int) else 125
