"""Starting, watching, stopping and removing: what happens to a container between `create` and its end."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from trustkit.admission.admit import require_covers, require_current
from trustkit.durable import storage_error
from trustkit.engine import cgroups, etc_files, recheck, request
from trustkit.engine.container import Container
from trustkit.engine.containerd.tasks import Exit
from trustkit.engine.create import erase, require_stored, spec_bytes
from trustkit.engine.errors import (
    ConflictError,
    ContainerdError,
    ContainerdExistsError,
    ContainerdNotFoundError,
    ContainerdUnavailableError,
    ContainerStartError,
    EngineError,
)
from trustkit.engine.failures import start_error
from trustkit.engine.images import chain_of, config_of, run_config_of
from trustkit.engine.protos import types_pb2
from trustkit.engine.runtime_spec import hostname_of
from trustkit.engine.signals import number_of
from trustkit.engine.values import ExitStatus, Status
from trustkit.errors import DigestMismatchError, TrustkitError
from trustkit.model.admission import Admission
from trustkit.model.run import RunSpec

_log = logging.getLogger(__name__)
_DRAIN_SECONDS = 2.0
_STOP_SECONDS = 10
_RETRY_SECONDS = 0.1
# What docker reports for a container that was lost with its machine.
_LOST_CODE = 255


def require_admitted(admission: Admission, spec: RunSpec, now: datetime) -> None:
    """Check everything about an admission but the stored bytes.

    Raises AdmissionDenied.
    """
    require_current(admission, now)
    require_covers(admission, request.facts_of(spec, {}))


async def start(
    container: Container, admission: Admission, now: datetime, before_run: Callable[[], Awaitable[None]]
) -> None:
    """Check again, then run; the caller holds the container's lock.

    The stored bytes are hashed while the runtime prepares the container. The process is let go only after both, and
    after `before_run`, which puts the start on record.

    Raises AdmissionDenied, DigestMismatchError, ContainerStartError, EngineError, whatever `before_run` raises.
    """
    parts, row = container.parts, container.row
    require_admitted(admission, row.spec, now)
    recheck.require_same_image(admission, row.image, row.manifest)
    require_stored(parts, admission)
    recheck.require_surroundings(row, parts.network.folder)
    bytes_whole = asyncio.create_task(parts.check.require(admission.image))
    try:
        await _prepare(container, admission, bytes_whole)
        await before_run()
        await _let_go(container)
    except BaseException as error:
        bytes_whole.cancel()
        await _undo(container)
        failure = _failure(container, error)
        _note_failure(container, failure)
        raise failure from error
    parts.events.publish("container", "start", row.id, _attributes(container))


def _failure(container: Container, error: BaseException) -> BaseException:
    if isinstance(error, ContainerdError):
        return start_error(error, f"container {container.row.name}")
    if isinstance(error, OSError):
        return storage_error(container.parts.folder(container.row.id), error)
    return error


async def _prepare(container: Container, admission: Admission, bytes_whole: asyncio.Task[None]) -> None:
    parts, row = container.parts, container.row
    chain = chain_of(admission.image)
    await _require_snapshot(container, str(chain[-1]) if chain else "")
    mounts = await parts.snapshots.mounts(row.id)
    if row.netns:
        await parts.network.ensure_namespace(row.netns)
    address = parts.network.reserve(row.id) if row.network.mode == "bridge" else ""
    etc_files.write(
        parts.folder(row.id),
        hostname_of(row.spec, row.id),
        address,
        host_network=row.network.mode == "host",
    )
    await _renew_spec(container, admission, mounts)
    container.fifos.make()
    container.pump.open(container.fifos)
    container.log.begin()
    connected = asyncio.create_task(_connect(container))
    try:
        binary = parts.settings.runtime_binary
        try:
            row.pid = await parts.tasks.create(row.id, mounts, container.fifos.streams, binary)
        except ContainerdExistsError:
            # Left by a containerd or a daemon that was killed while it cleared up.
            await parts.tasks.delete(row.id)
            row.pid = await parts.tasks.create(row.id, mounts, container.fifos.streams, binary)
        await connected
        await bytes_whole
    finally:
        await asyncio.gather(connected, return_exceptions=True)


async def _require_snapshot(container: Container, parent: str) -> None:
    found = await container.parts.snapshots.parent_of(container.row.id)
    if found != parent:
        message = f"the file system of container {container.row.name} does not stand on its image's layers"
        raise DigestMismatchError(message, next_step="remove the container and create it again")


async def _renew_spec(container: Container, admission: Admission, mounts: Sequence[types_pb2.Mount]) -> None:
    """Compute the spec again and replace containerd's if it differs: nothing stored is taken on trust."""
    parts, row = container.parts, container.row
    config = run_config_of(config_of(admission.image))
    spec = await asyncio.to_thread(spec_bytes, container, admission, config, mounts, fill=False)
    if await parts.tasks.spec_of(row.id) != spec:
        await parts.tasks.replace_spec(row.id, spec)


async def _connect(container: Container) -> None:
    row = container.row
    if row.network.mode == "bridge":
        row.network = await container.parts.network.connect(row.id, row.netns)


async def _let_go(container: Container) -> None:
    parts, row = container.parts, container.row
    # Asked before the start: a process may end before `start` returns.
    end = asyncio.create_task(parts.tasks.wait(row.id))
    try:
        await parts.tasks.start(row.id)
    except BaseException:
        end.cancel()
        raise
    row.status, row.error, row.exit_code, row.finished_at = Status.RUNNING, "", None, None
    row.started_at = parts.settings.clock()
    row.out_of_memory = container.stopped_by_user = False
    container.save()
    await _open_input(container)
    container.watch = asyncio.create_task(_watch(container, end))


async def _open_input(container: Container) -> None:
    parts, row = container.parts, container.row
    await container.pump.open_stdin(container.fifos)
    if row.spec.open_stdin and not container.pump.stdin_wanted:
        await close_input(container)
    if container.size:
        with contextlib.suppress(ContainerdError):
            await parts.tasks.resize(row.id, container.size)


async def close_input(container: Container) -> None:
    """End the input of the main process; before the start, it is remembered."""
    await container.pump.close_stdin()
    if container.running:
        with contextlib.suppress(ContainerdError):
            await container.parts.tasks.close_stdin(container.row.id)


async def _undo(container: Container) -> None:
    """Take away what a failed start left; a shim that stays would cost containerd's next start 20 seconds."""
    parts, row = container.parts, container.row
    with contextlib.suppress(ContainerdError):
        if await parts.tasks.state(row.id) is not None:
            with contextlib.suppress(ContainerdError):
                await parts.tasks.kill(row.id, signal.SIGKILL, every=True)
            await parts.tasks.delete(row.id)
    await _settle_io(container)
    with contextlib.suppress(EngineError):
        await parts.network.release(row.netns)


async def _settle_io(container: Container, grace_seconds: float = 0.0) -> None:
    await container.pump.finish(grace_seconds)
    container.log.finish()
    container.fifos.remove()
    container.pump = container.new_pump()


def _note_failure(container: Container, failure: BaseException) -> None:
    row = container.row
    code = failure.details.get("exit_code") if isinstance(failure, ContainerStartError) else None
    row.exit_code = int(code) if code else None
    row.error = getattr(failure, "message", type(failure).__name__)
    row.finished_at = container.parts.settings.clock()
    container.save()


async def _watch(container: Container, end: asyncio.Task[Exit]) -> None:
    found = await _outcome(container, end)
    async with container.lock:
        await _finish(container, found)
    if container.row.spec.auto_remove:
        await _retried(lambda: remove_ended(container))


async def _outcome(container: Container, end: asyncio.Task[Exit]) -> Exit | None:
    """Wait for the end through losses of containerd; None when the task is gone without a word."""
    tasks, container_id = container.parts.tasks, container.row.id
    waiting = end
    while True:
        try:
            return await waiting
        except ContainerdNotFoundError:
            return None
        except ContainerdUnavailableError:
            await asyncio.sleep(_RETRY_SECONDS)
        except ContainerdError:
            _log.exception("waiting for container %s failed; asking again", container_id)
            await asyncio.sleep(_RETRY_SECONDS)
        waiting = asyncio.create_task(tasks.wait(container_id))


async def _finish(container: Container, found: Exit | None) -> None:
    parts, row = container.parts, container.row
    row.out_of_memory = cgroups.killed_by_memory(row.id)
    await _settle_io(container, _DRAIN_SECONDS)
    row.status = Status.EXITED
    row.exit_code = found.code if found else _LOST_CODE
    row.finished_at = found.at if found else parts.settings.clock()
    row.error = "" if found else "the container was lost: its task is gone"
    row.pid = 0
    container.save()
    # Published first: whoever learns of the end may ask whether it is on record.
    parts.events.publish("container", "die", row.id, _attributes(container))
    container.ended(container.last_exit())
    if row.spec.auto_remove:
        _take_out_of_sight(container)
    await _retried(lambda: parts.tasks.delete(row.id))
    with contextlib.suppress(EngineError):
        await parts.network.release(row.netns)


def _take_out_of_sight(container: Container) -> None:
    """Free the name and tell those who wait for the removal; clearing up takes longer than they should wait.

    A daemon killed meanwhile finds the row as one being removed.
    """
    container.row.status = Status.REMOVING
    container.save()
    container.parts.state.free_name(container.row.id)
    container.gone()


async def failure_of(work: Awaitable[None]) -> BaseException | None:
    """Return how the work failed, None when it did not; the caller raises it after letting go of the lock."""
    try:
        await work
    except (TrustkitError, asyncio.CancelledError) as error:
        return error
    return None


async def _retried(work: Callable[[], Awaitable[object]]) -> None:
    for _ in range(50):
        try:
            await work()
        except ContainerdUnavailableError:
            await asyncio.sleep(_RETRY_SECONDS)
        except ContainerdError:
            _log.exception("clean-up after a container failed")
            return
        else:
            return


async def adopt(container: Container) -> None:
    """After a restart of the daemon: find the process again, or learn how it ended, or finish what was begun."""
    parts, row = container.parts, container.row
    state = await parts.tasks.state(row.id)
    if row.status is not Status.RUNNING:
        if state is not None:
            await _undo(container)
        if row.status is Status.REMOVING or (row.spec.auto_remove and row.status is Status.EXITED):
            await remove_ended(container)
        return
    if state is not None and container.fifos.folder.is_dir():
        container.pump.open(container.fifos)
        container.log.begin()
        await container.pump.open_stdin(container.fifos)
    # Wait answers at once for a task that has ended and was not deleted yet, and NOT_FOUND for one that is gone.
    end = asyncio.create_task(parts.tasks.wait(row.id))
    container.watch = asyncio.create_task(_watch(container, end))


async def kill(container: Container, name: str) -> None:
    """Send a signal.

    Raises UsageError, ConflictError.
    """
    number = number_of(name)
    if not container.running:
        message = f"container {container.row.name} is not running"
        raise ConflictError(message, next_step="trustkit ps --all shows states")
    try:
        await container.parts.tasks.kill(container.row.id, number)
    except ContainerdNotFoundError:
        return
    container.parts.events.publish("container", "kill", container.row.id, {"signal": str(number)})


async def stop(container: Container, timeout_seconds: int | None) -> None:
    """Ask to end, then make it end."""
    if not container.running:
        return
    container.stopped_by_user = True
    end = container.next_exit
    patience = _STOP_SECONDS if timeout_seconds is None else timeout_seconds
    with contextlib.suppress(ConflictError):
        await kill(container, container.row.stop_signal or "TERM")
        if not await _within(end, None if patience < 0 else patience):
            await kill(container, "KILL")
    await asyncio.shield(end)
    container.parts.events.publish("container", "stop", container.row.id, _attributes(container))


async def _within(end: "asyncio.Future[ExitStatus]", timeout_seconds: float | None) -> bool:
    done, _ = await asyncio.wait((end,), timeout=timeout_seconds)
    return bool(done)


async def remove_ended(container: Container, *, volumes: bool = True) -> None:
    """Remove a container that does not run, and tell those who wait for it."""
    parts = container.parts
    async with container.lock:
        if container.erased:
            return
        container.row.status = Status.REMOVING
        await erase(container, volumes=volumes)
        container.erased = True
        container.gone()
    parts.events.publish("container", "destroy", container.row.id, _attributes(container))


def _attributes(container: Container) -> dict[str, str]:
    row = container.row
    found = {"name": row.name, "image": row.reference, "digest": str(row.image), "admission": row.admission}
    return found if row.exit_code is None else found | {"exitCode": str(row.exit_code)}
