"""A container's main process with this terminal attached, from before its start to its exit status."""

import signal

from trustkit.cli.client import session, terminal
from trustkit.cli.client.daemon import Daemon
from trustkit.cli.client.wire import Connection
from trustkit.errors import TrustkitError

_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


class Attached:
    """Connected to a container's process; made before the start, it misses nothing."""

    def __init__(self, daemon: Daemon, container: str, *, tty: bool, stdin: bool, removed: bool = False) -> None:
        """Attach, and wait for the exit (or with `removed`, until the container is gone too)."""
        self._daemon = daemon
        self._container = container
        self._tty = tty
        self._stdin = stdin
        self._attached = daemon.open(
            "POST", f"/containers/{container}/attach", upgrade=True,
            stream="1", stdout="1", stderr="1", stdin="1" if stdin else "",
        )  # fmt: skip
        self._waiting = self._wait("removed" if removed else "next-exit")

    def _wait(self, condition: str) -> Connection:
        return self._daemon.open("POST", f"/containers/{self._container}/wait", condition=condition)

    def prepare(self) -> None:
        """Tell the terminal's size before the start."""
        if self._tty:
            self._resize()

    def run(self) -> int:
        """Carry bytes and signals until the process has ended; return its exit status, 0 after detaching.

        Raises EngineError, DaemonUnreachableError, BrokenPipeError.
        """
        talk = session.Session(self._attached, tty=self._tty, stdin=self._stdin, waiting=self._waiting)
        if not self._tty:
            talk.run(_FORWARDED, self._forward)
        else:
            with terminal.raw():
                talk.run((*_FORWARDED, signal.SIGWINCH), self._forward)
        return 0 if talk.detached else session.exit_status(talk.answer)

    def _forward(self, number: int) -> None:
        if number == signal.SIGWINCH:
            self._resize()
            return
        try:
            self._daemon.call("POST", f"/containers/{self._container}/kill", signal=signal.Signals(number).name)
        except TrustkitError:
            # It ended in this very moment; the wait will tell
            return

    def _resize(self) -> None:
        rows, columns = terminal.size()
        if rows and columns:
            try:
                self._daemon.call("POST", f"/containers/{self._container}/resize", h=str(rows), w=str(columns))
            except TrustkitError:
                # A wrong size is no reason to end the session
                return
