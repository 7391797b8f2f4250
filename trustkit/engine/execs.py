"""Further processes in running containers. Sessions live in memory; their processes end with the container."""

import asyncio
import contextlib
import json
import os
from dataclasses import dataclass

from trustkit.codec import strict_json
from trustkit.engine import capabilities, rootfs, users
from trustkit.engine.container import Container
from trustkit.engine.containerd.io import Fifos, Pump
from trustkit.engine.errors import ConflictError, ContainerdError, EngineError, NoSuchContainerError
from trustkit.engine.failures import start_error
from trustkit.engine.names import new_id
from trustkit.engine.parts import Parts
from trustkit.engine.processes import PumpAttachment
from trustkit.engine.runtime_spec import environment_of
from trustkit.engine.users import User
from trustkit.engine.values import ExecSpec, ExecView
from trustkit.errors import AdmissionDenied, UsageError

_DRAIN_SECONDS = 2.0
_KEPT = 256
_SPEC_BYTES = 4 * 1024 * 1024


@dataclass(slots=True)
class _Session:
    id: str
    container: Container
    spec: ExecSpec
    pump: Pump
    fifos: Fifos
    started: bool = False
    running: bool = False
    exit_code: int | None = None
    pid: int = 0
    watch: asyncio.Task[None] | None = None


class Execs:
    """The exec sessions of one engine."""

    def __init__(self, parts: Parts) -> None:
        """Start with none."""
        self._parts = parts
        self._sessions: dict[str, _Session] = {}

    def create(self, container: Container, spec: ExecSpec) -> str:
        """Prepare a session.

        Raises ConflictError, UsageError, AdmissionDenied for a privileged exec in a container that is not.
        """
        if not container.running:
            message = f"container {container.row.name} is not running"
            raise ConflictError(message, next_step="start it first")
        if not spec.command or not spec.command[0]:
            raise UsageError("no command specified", next_step="give the command to run")
        if spec.privileged and not container.row.spec.privileged:
            message = "a privileged exec reaches further than the container was admitted for"
            raise AdmissionDenied(message, next_step="run a container that is admitted as privileged")
        found = new_id()
        fifos = Fifos(self._parts.fifos(found), stdin=spec.stdin, terminal=spec.tty)
        pump = Pump(self._parts.settings.clock)
        self._sessions[found] = _Session(found, container, spec, pump, fifos)
        self._forget_old()
        return found

    def _forget_old(self) -> None:
        ended = [key for key, item in self._sessions.items() if item.started and not item.running]
        for key in ended[: max(0, len(ended) - _KEPT)]:
            del self._sessions[key]

    def _session(self, exec_id: str) -> _Session:
        session = self._sessions.get(exec_id)
        if session is None:
            raise NoSuchContainerError(f"no such exec: {exec_id}", next_step="create it anew")
        return session

    async def start(self, exec_id: str) -> PumpAttachment:
        """Run a prepared process.

        Raises NoSuchContainerError, ConflictError, ContainerStartError.
        """
        session = self._session(exec_id)
        if session.started:
            raise ConflictError(f"exec {exec_id[:12]} was started before", next_step="create another one")
        session.started = True
        tasks, container = self._parts.tasks, session.container.row.id
        attachment = PumpAttachment(session.pump, lambda: self._close_input(session))
        try:
            process = await self._process(session)
            session.fifos.make()
            session.pump.open(session.fifos)
            await tasks.execute(container, session.id, process, session.fifos.streams)
            end = asyncio.create_task(tasks.wait(container, session.id))
            session.pid = await tasks.start(container, session.id)
        except ContainerdError as error:
            await self._give_up(session)
            failure = start_error(error, "the command")
            session.exit_code = int(failure.details["exit_code"])
            raise failure from error
        session.running = True
        await session.pump.open_stdin(session.fifos)
        session.watch = asyncio.create_task(self._watch(session, end))
        return attachment

    async def _process(self, session: _Session) -> bytes:
        """Return the container's own process object with what the exec says otherwise.

        Raises EngineError, UsageError.
        """
        text = await self._parts.tasks.spec_of(session.container.row.id)
        document = strict_json.parse(text or b"{}", what="the runtime spec", limit_bytes=_SPEC_BYTES, fold_names=False)
        process = strict_json.as_object(strict_json.as_object(document, "the spec").get("process"), "process")
        spec = session.spec
        user = process["user"]
        home = "/"
        if spec.user is not None:
            found = await asyncio.to_thread(_user_in, session.container.row.pid, spec.user)
            user, home = {"uid": found.uid, "gid": found.gid, "additionalGids": list(found.groups)}, found.home
        base = [str(item) for item in strict_json.as_list(process.get("env"), "env")]
        process |= {
            "terminal": spec.tty,
            "user": user,
            "args": list(spec.command),
            "env": list(environment_of(base, ["TERM=xterm"] if spec.tty else [], spec.environment, home=home)),
            "cwd": spec.working_dir or process.get("cwd", "/"),
        }
        if spec.privileged:
            sets = list(capabilities.bounding())
            process["capabilities"] = {"bounding": sets, "effective": sets, "permitted": sets}
        return json.dumps(process).encode()

    async def _close_input(self, session: _Session) -> None:
        await session.pump.close_stdin()
        if session.running:
            with contextlib.suppress(ContainerdError):
                await self._parts.tasks.close_stdin(session.container.row.id, session.id)

    async def _give_up(self, session: _Session) -> None:
        session.pump.close()
        session.fifos.remove()
        with contextlib.suppress(ContainerdError):
            await self._parts.tasks.delete_process(session.container.row.id, session.id)

    async def _watch(self, session: _Session, end: "asyncio.Task[object]") -> None:
        code = 137
        with contextlib.suppress(ContainerdError):
            found = await end
            code = int(getattr(found, "code", code))
        session.exit_code, session.running = code, False
        await session.pump.finish(_DRAIN_SECONDS)
        await self._give_up(session)

    def view(self, exec_id: str) -> ExecView:
        """Return a session.

        Raises NoSuchContainerError.
        """
        item = self._session(exec_id)
        return ExecView(item.id, item.container.row.id, item.spec, item.running, item.exit_code, item.pid)

    async def resize(self, exec_id: str, size: tuple[int, int]) -> None:
        """Set the terminal's size of a running session.

        Raises NoSuchContainerError.
        """
        session = self._session(exec_id)
        if session.running:
            with contextlib.suppress(ContainerdError):
                await self._parts.tasks.resize(session.container.row.id, size, session.id)

    def close(self) -> None:
        """Let go of every session."""
        for session in self._sessions.values():
            if session.watch is not None:
                session.watch.cancel()
            session.pump.close()


def _user_in(pid: int, wanted: str) -> User:
    """Resolve a user by the files of a running container.

    Raises EngineError, UsageError.
    """
    try:
        root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise EngineError(f"the container's file system cannot be opened: {error.strerror}") from error
    try:
        passwd = rootfs.read_inside(root, "/etc/passwd", users.FILE_BYTES)
        group = rootfs.read_inside(root, "/etc/group", users.FILE_BYTES)
    finally:
        os.close(root)
    return users.resolve(wanted, passwd, group)
