"""Processes that cannot outlive the test that started them, and the ports they listen on."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

GRACE_SECONDS = 5.0
POLL_SECONDS = 0.01
# Below the kernel's ephemeral range, so that no client connection takes a port between our choice and its use.
FIRST_PORT, LAST_PORT = 12000, 32000


class PeerError(Exception):
    """A peer could not be started or did not do what a test needs of it."""


class Process:
    """A running program in a process group of its own; the kernel kills it when the thread that started it ends."""

    def __init__(
        self,
        args: list[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Start `args` with its output in `log`."""
        self.args = args
        self.log = log
        with log.open("ab") as out:
            self._popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *args],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                process_group=0,
            )
        self.pid = self._popen.pid

    def running(self) -> bool:
        """Return whether the program has not ended."""
        return self._popen.poll() is None

    def wait_until(self, ready: Callable[[], bool], seconds: float = 20.0) -> None:
        """Return when `ready()` holds. Raises PeerError with the program's own words when it ends or takes too long."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running() or time.monotonic() > deadline:
                said = self.log.read_text(errors="replace")[-2000:]
                state = "is not ready" if self.running() else f"ended with {self._popen.returncode}"
                self.stop()
                raise PeerError(f"{self.args[0]} {state}: {said}")
            time.sleep(POLL_SECONDS)

    def status(self, seconds: float = 30.0) -> int:
        """Return the exit status once the program has ended. Raises PeerError when it takes too long."""
        wait_until(lambda: not self.running(), f"the end of {self.args[0]}", seconds)
        return int(self._popen.returncode)

    def signal(self, number: int) -> None:
        """Send a signal to the program's whole group."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def stop(self) -> None:
        """End the group politely, then not."""
        self.signal(signal.SIGTERM)
        try:
            self._popen.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self._popen.wait()
        self.signal(signal.SIGKILL)


def wait_until(ready: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Poll until `ready()` holds. Raises PeerError naming `what` never came."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise PeerError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(POLL_SECONDS)


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def listens_on_socket(path: Path) -> bool:
    """Return whether something accepts connections on a unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        return probe.connect_ex(str(path)) == 0


def _ports() -> Iterator[int]:
    # Workers have neighbouring process ids: a large odd step spreads them.
    span = LAST_PORT - FIRST_PORT
    candidate = os.getpid() * 611 % span
    while True:
        candidate = (candidate + 1) % span
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", FIRST_PORT + candidate)) == 0:
                continue
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", FIRST_PORT + candidate))
            yield FIRST_PORT + candidate


_PORTS = _ports()


def free_port() -> int:
    """Return a loopback port nobody uses, never the same twice in one test run."""
    return next(_PORTS)


def pids_with_environment(part: str) -> list[int]:
    """Return the processes that were started with `part` within their environment, such as `NAME=value`."""
    wanted = part.encode()
    return [pid for pid, text in _proc_files("environ") if wanted in text]


def pids_with_argument(part: str) -> list[int]:
    """Return the processes that have `part` within one of their arguments."""
    wanted = part.encode()
    return [pid for pid, text in _proc_files("cmdline") if wanted in text]


def kill_trees(pids: list[int]) -> None:
    """Kill these processes and all their descendants, and wait until they are gone."""
    doomed = list(pids)
    for pid in doomed:
        doomed.extend(child for child in _children(pid) if child not in doomed)
    doomed = [pid for pid in doomed if pid != os.getpid()]
    for pid in doomed:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(alive(pid) for pid in doomed), f"the end of {doomed}")


def alive(pid: int) -> bool:
    """Return whether the process exists and is more than an unreaped entry in the table."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rsplit(")", 1)[1].split()[0] not in {"Z", "X"}


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text(encoding="ascii").split()]
    return found


def _proc_files(name: str) -> Iterator[tuple[int, bytes]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with suppress(OSError):
                yield int(folder.name), (folder / name).read_bytes()
