"""containerd's containers and tasks: the record, the process, further processes.

`Any` values carry containerd's own type URLs, never `type.googleapis.com/`: an OCI spec is JSON under
`types.containerd.io/opencontainers/runtime-spec/1/Spec`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.timestamp_pb2 import Timestamp

from trustkit.engine.containerd.client import Client
from trustkit.engine.errors import ContainerdNotFoundError
from trustkit.engine.protos import containers_pb2, runc_options_pb2, task_pb2, tasks_pb2, types_pb2

_CONTAINERS = "containers.v1.Containers"
_TASKS = "tasks.v1.Tasks"
_SPEC_URL = "types.containerd.io/opencontainers/runtime-spec/1/Spec"
_PROCESS_URL = "types.containerd.io/opencontainers/runtime-spec/1/Process"
_RUNC_OPTIONS_URL = "containerd.runc.v1.Options"


@dataclass(frozen=True, slots=True)
class Streams:
    """The FIFOs of a process; an empty path means none."""

    stdin: str = ""
    stdout: str = ""
    stderr: str = ""
    terminal: bool = False


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended."""

    code: int
    at: datetime


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task as containerd sees it; `exit` is set once it has stopped."""

    pid: int
    running: bool
    exit: Exit | None


@dataclass(frozen=True, slots=True)
class Record:
    """What containerd keeps of a container."""

    id: str
    image: str
    runtime: str
    runtime_binary: str | None
    snapshotter: str
    spec: bytes
    labels: Mapping[str, str]


def _moment(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)


class Tasks:
    """Containers and their processes."""

    def __init__(self, client: Client) -> None:
        """Bind the client."""
        self._client = client

    async def create_record(self, record: Record) -> None:
        """Write the container record: the root that keeps the snapshot named like it from collection."""
        request = containers_pb2.CreateContainerRequest()
        item = request.container
        item.id = item.snapshot_key = record.id
        item.image, item.snapshotter = record.image, record.snapshotter
        item.labels.update(record.labels)
        item.spec.CopyFrom(AnyMessage(type_url=_SPEC_URL, value=record.spec))
        item.runtime.name = record.runtime
        if record.runtime_binary:
            options = runc_options_pb2.Options(binary_name=record.runtime_binary)
            item.runtime.options.CopyFrom(AnyMessage(type_url=_RUNC_OPTIONS_URL, value=options.SerializeToString()))
        await self._client.call(f"{_CONTAINERS}/Create", request, containers_pb2.CreateContainerResponse)

    async def spec_of(self, container: str) -> bytes | None:
        """Return the spec in the container's record, None without a record."""
        request = containers_pb2.GetContainerRequest(id=container)
        try:
            found = await self._client.call(f"{_CONTAINERS}/Get", request, containers_pb2.GetContainerResponse)
        except ContainerdNotFoundError:
            return None
        return found.container.spec.value

    async def replace_spec(self, container: str, spec: bytes) -> None:
        """Replace the spec in the container's record; the next task is made from it."""
        request = containers_pb2.UpdateContainerRequest()
        request.container.id = container
        request.container.spec.CopyFrom(AnyMessage(type_url=_SPEC_URL, value=spec))
        request.update_mask.paths.append("spec")
        await self._client.call(f"{_CONTAINERS}/Update", request, containers_pb2.UpdateContainerResponse)

    async def delete_record(self, container: str) -> None:
        """Delete the container record, if it is there."""
        request = containers_pb2.DeleteContainerRequest(id=container)
        try:
            await self._client.run(f"{_CONTAINERS}/Delete", request)
        except ContainerdNotFoundError:
            return

    async def records(self) -> tuple[str, ...]:
        """Return the ids of all container records of our namespace."""
        found = await self._client.call(
            f"{_CONTAINERS}/List",
            containers_pb2.ListContainersRequest(),
            containers_pb2.ListContainersResponse,
        )
        return tuple(item.id for item in found.containers)

    async def create(
        self, container: str, rootfs: Sequence[types_pb2.Mount], streams: Streams, binary: str | None
    ) -> int:
        """Start the shim and let the runtime create the container; return its pid. Nothing of it runs yet."""
        request = tasks_pb2.CreateTaskRequest(
            container_id=container,
            rootfs=rootfs,
            stdin=streams.stdin,
            stdout=streams.stdout,
            stderr=streams.stderr,
            terminal=streams.terminal,
        )
        if binary:
            options = runc_options_pb2.Options(binary_name=binary)
            request.options.CopyFrom(AnyMessage(type_url=_RUNC_OPTIONS_URL, value=options.SerializeToString()))
        answer = await self._client.call(f"{_TASKS}/Create", request, tasks_pb2.CreateTaskResponse)
        return answer.pid

    async def start(self, container: str, exec_id: str = "") -> int:
        """Let the created process run; return its pid."""
        request = tasks_pb2.StartRequest(container_id=container, exec_id=exec_id)
        answer = await self._client.call(f"{_TASKS}/Start", request, tasks_pb2.StartResponse)
        return answer.pid

    async def wait(self, container: str, exec_id: str = "") -> Exit:
        """Return once the process has ended; ask before `start`, so that no quick end is missed."""
        request = tasks_pb2.WaitRequest(container_id=container, exec_id=exec_id)
        answer = await self._client.call(f"{_TASKS}/Wait", request, tasks_pb2.WaitResponse)
        return Exit(answer.exit_status, _moment(answer.exited_at))

    async def kill(self, container: str, signal: int, exec_id: str = "", *, every: bool = False) -> None:
        """Send a signal.

        Raises ContainerdNotFoundError when the process has ended.
        """
        request = tasks_pb2.KillRequest(container_id=container, exec_id=exec_id, signal=signal, all=every)
        await self._client.run(f"{_TASKS}/Kill", request)

    async def delete(self, container: str) -> Exit | None:
        """Delete an ended task with its shim; None when there is none."""
        request = tasks_pb2.DeleteTaskRequest(container_id=container)
        try:
            answer = await self._client.call(f"{_TASKS}/Delete", request, tasks_pb2.DeleteResponse)
        except ContainerdNotFoundError:
            return None
        return Exit(answer.exit_status, _moment(answer.exited_at))

    async def delete_process(self, container: str, exec_id: str) -> None:
        """Delete an ended exec process, if it is there."""
        request = tasks_pb2.DeleteProcessRequest(container_id=container, exec_id=exec_id)
        try:
            await self._client.call(f"{_TASKS}/DeleteProcess", request, tasks_pb2.DeleteResponse)
        except ContainerdNotFoundError:
            return

    async def state(self, container: str, exec_id: str = "") -> TaskState | None:
        """Return the task's state, None when there is none."""
        request = tasks_pb2.GetRequest(container_id=container, exec_id=exec_id)
        try:
            answer = await self._client.call(f"{_TASKS}/Get", request, tasks_pb2.GetResponse)
        except ContainerdNotFoundError:
            return None
        process = answer.process
        stopped = process.status == task_pb2.STOPPED
        ended = Exit(process.exit_status, _moment(process.exited_at)) if stopped else None
        return TaskState(process.pid, running=not stopped, exit=ended)

    async def execute(self, container: str, exec_id: str, spec: bytes, streams: Streams) -> None:
        """Prepare a further process in a running container; `start` runs it."""
        request = tasks_pb2.ExecProcessRequest(
            container_id=container,
            exec_id=exec_id,
            stdin=streams.stdin,
            stdout=streams.stdout,
            stderr=streams.stderr,
            terminal=streams.terminal,
        )
        request.spec.CopyFrom(AnyMessage(type_url=_PROCESS_URL, value=spec))
        await self._client.run(f"{_TASKS}/Exec", request)

    async def resize(self, container: str, size: tuple[int, int], exec_id: str = "") -> None:
        """Set the size (rows, columns) of the process's terminal."""
        rows, columns = size
        request = tasks_pb2.ResizePtyRequest(container_id=container, exec_id=exec_id, height=rows, width=columns)
        await self._client.run(f"{_TASKS}/ResizePty", request)

    async def close_stdin(self, container: str, exec_id: str = "") -> None:
        """Let the shim give up its own end of the stdin FIFO; ours must be closed before."""
        request = tasks_pb2.CloseIORequest(container_id=container, exec_id=exec_id, stdin=True)
        try:
            await self._client.run(f"{_TASKS}/CloseIO", request)
        except ContainerdNotFoundError:
            return
