"""Our own containerd: configured, started apart from us, found again by a later daemon, restarted when it dies."""

import asyncio
import logging
import os
import signal
import subprocess
from pathlib import Path

from trustkit.durable import make_folder, write_file
from trustkit.engine.containerd.client import Client
from trustkit.engine.errors import ContainerdError, EngineError
from trustkit.engine.settings import EngineSettings

_log = logging.getLogger(__name__)
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.01
_RESTART_PAUSE_SECONDS = 0.2
# Everything we do not call: fewer doors, a quicker start, less memory. CRI would open a second way to run things.
_DISABLED = (
    "io.containerd.grpc.v1.cri",
    "io.containerd.cri.v1.images",
    "io.containerd.cri.v1.runtime",
    "io.containerd.podsandbox.controller.v1.podsandbox",
    "io.containerd.internal.v1.restart",
    "io.containerd.monitor.container.v1.restart",
    "io.containerd.internal.v1.opt",
    "io.containerd.internal.v1.tracing",
    "io.containerd.tracing.processor.v1.otlp",
    "io.containerd.nri.v1.nri",
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.blockfile",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.erofs",
    "io.containerd.snapshotter.v1.zfs",
)


class Supervisor:
    """Keeps one containerd alive. The process is a session of its own: it outlives us and our terminal."""

    def __init__(self, settings: EngineSettings) -> None:
        """Derive every path from the settings."""
        self._settings = settings
        self._root = settings.directory / "containerd"
        self._state = settings.run_directory / "containerd"
        self.address = settings.run_directory / "containerd.sock"
        self.log_path = settings.directory / "containerd.log"
        self._pid_file = settings.run_directory / "containerd.pid"
        self._config = settings.run_directory / "containerd.toml"
        self._child: int | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def blobs(self) -> Path:
        """Where the content store keeps blobs of sha256; readable by us because it is ours."""
        return self._root / "io.containerd.content.v1.content" / "blobs"

    async def start(self, client: Client) -> None:
        """Find our running containerd or start it, and return once it answers.

        Raises EngineError.
        """
        pid = self._running()
        if pid is None:
            pid = self._launch()
        await self._answers(client, pid)
        self._watch = asyncio.create_task(self._keep_alive(client, pid))

    async def stop(self) -> None:
        """End our containerd; the shims and their containers go on."""
        self.release()
        pid = self._running()
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        if not await _ended(pid, _STOP_SECONDS):
            os.kill(pid, signal.SIGKILL)
            await _ended(pid, _STOP_SECONDS)
        self._reap()
        self._pid_file.unlink(missing_ok=True)

    def release(self) -> None:
        """Stop watching; containerd goes on."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _running(self) -> int | None:
        try:
            pid = int(self._pid_file.read_text("ascii"))
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        # A pid may have been given to somebody else since; our config's path is ours alone.
        return pid if os.fsencode(self._config) in arguments else None

    def _launch(self) -> int:
        for folder in (self._root, self._state):
            make_folder(folder)
        write_file(self._config, self._config_text().encode())
        program = self._settings.containerd_binary
        log_flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        try:
            self._child = os.posix_spawnp(
                program,
                [program, "--config", str(self._config)],
                os.environ,  # containerd looks for the runtime in our PATH
                file_actions=(
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, str(self.log_path), log_flags, 0o600),
                    (os.POSIX_SPAWN_DUP2, 1, 2),
                ),
                setsid=True,
            )
        except OSError as error:
            message = f"containerd cannot be started: {program}: {error.strerror}"
            raise EngineError(message, next_step="install containerd (Debian: apt install containerd)") from error
        write_file(self._pid_file, str(self._child).encode())
        return self._child

    def _config_text(self) -> str:
        disabled = ", ".join(f'"{name}"' for name in _DISABLED)
        return (
            f'version = 2\nroot = "{self._root}"\nstate = "{self._state}"\n'
            f"disabled_plugins = [{disabled}]\n"
            f'[grpc]\n  address = "{self.address}"\n  uid = 0\n  gid = 0\n'
            '[debug]\n  level = "warn"\n'
        )

    async def _answers(self, client: Client, pid: int) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _START_SECONDS
        while loop.time() < deadline:
            try:
                if self.address.exists():
                    await client.version(timeout_seconds=1.0)
                    return
            except ContainerdError:
                pass
            if self._reap():
                break
            await asyncio.sleep(_POLL_SECONDS)
        message = f"containerd (process {pid}) does not answer on {self.address}{self._last_words()}"
        raise EngineError(message, next_step=f"read {self.log_path}")

    def _last_words(self) -> str:
        try:
            lines = self.log_path.read_text("utf-8", "replace").splitlines()
        except OSError:
            return ""
        return f": {lines[-1]}" if lines else ""

    async def _keep_alive(self, client: Client, pid: int) -> None:
        while True:
            await _ended(pid, None)
            self._reap()
            _log.warning("containerd (process %d) ended; starting it again", pid)
            try:
                pid = self._launch()
                await self._answers(client, pid)
            except EngineError:
                _log.exception("containerd could not be started again")
                await asyncio.sleep(_RESTART_PAUSE_SECONDS)

    def _reap(self) -> bool:
        """Collect our child if it has ended, and say so; one started by an earlier daemon is init's."""
        if self._child is None:
            return False
        try:
            found, _ = os.waitpid(self._child, os.WNOHANG)
        except ChildProcessError:
            found = self._child
        if found:
            self._child = None
        return bool(found)


async def _ended(pid: int, timeout_seconds: float | None) -> bool:
    """Wait until the process has ended; works for processes that are not our children."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    loop.add_reader(descriptor, done.set)
    try:
        async with asyncio.timeout(timeout_seconds):
            await done.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    return True


def runtime_version(binary: str) -> str:
    """Return what an OCI runtime calls its version, or nothing; blocking."""
    try:
        done = subprocess.run(  # noqa: S603  (our own configuration names it)
            [binary, "--version"], capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout.splitlines() or [""])[0].rpartition(" ")[2]
