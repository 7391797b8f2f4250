"""The engine's façade: everything the server may ask of containers and images, and nothing that starts unadmitted.

Lists of calls, each an awaitable unless marked:

    service = await EngineService.open(settings)        start or find containerd, reconcile containers
    await service.close(stop_containerd=False)          let go; containers live on

    pull(admission, image, blobs, now, progress)        store and unpack what was admitted
    images() image(ref_or_id) tag(...) remove_image(...)
    create(admission, spec, now) start(id, admission, now)
    stop kill wait remove rename list inspect logs attach resize
    exec_create exec_start exec_inspect exec_resize
    events() info()
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Literal

from trustkit.admission.admit import require_covers, require_current
from trustkit.engine import cgroups, create, lifecycle, names, recheck, reconcile
from trustkit.engine.attachment import Attachment
from trustkit.engine.blobs import BlobSource
from trustkit.engine.container import Container
from trustkit.engine.containerd.supervisor import Supervisor, runtime_version
from trustkit.engine.errors import ConflictError, ContainerdError, NoSuchContainerError
from trustkit.engine.execs import Execs
from trustkit.engine.opening import open_parts
from trustkit.engine.parts import Parts
from trustkit.engine.processes import PumpAttachment
from trustkit.engine.settings import EngineSettings
from trustkit.engine.values import (
    ContainerView,
    EngineEvent,
    EngineInfo,
    ExecSpec,
    ExecView,
    ExitStatus,
    ImageView,
    OutputChunk,
    PullProgress,
)
from trustkit.model.admission import Admission
from trustkit.model.digest import Digest
from trustkit.model.image import ResolvedImage
from trustkit.model.reference import ImageRef
from trustkit.model.run import ContainerHandle, RunSpec

_CLOSE_SECONDS = 5.0
WaitCondition = Literal["not-running", "next-exit", "removed"]


async def _nothing() -> None:
    """Do nothing before a start."""


class EngineService:
    """Containers and images of one containerd namespace. Every method may raise EngineError (exit 4)."""

    name = "containerd"

    def __init__(self, parts: Parts, supervisor: Supervisor | None) -> None:
        """Use `open`."""
        self._parts = parts
        self._supervisor = supervisor
        self._containers: dict[str, Container] = {}
        self._execs = Execs(parts)
        # The watches of containers that are out of sight already, while they clear up.
        self._clearing: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, settings: EngineSettings) -> "EngineService":
        """Start or find containerd, find running containers again, remove what `--rm` left behind."""
        parts = await open_parts(settings)
        service = cls(*parts)
        for container in await reconcile.adopted(service._parts):
            service._keep(container)
        return service

    async def close(self, *, stop_containerd: bool = False) -> None:
        """Let go of containerd; running containers go on, and are found again by the next `open`."""
        # What has ended is cleared up first: a task left half deleted would be in the next start's way.
        ending = {item.watch for item in self._containers.values() if item.watch and not item.running}
        await self._cleared(ending)
        for container in self._containers.values():
            if container.watch is not None:
                container.watch.cancel()
            container.pump.close()
            container.log.finish()
        self._execs.close()
        running = any(item.running for item in self._containers.values())
        in_use = {item.row.netns for item in self._containers.values() if item.running}
        await self._parts.network.close(in_use=in_use, drop=stop_containerd and not running)
        await self._parts.client.close()
        if self._supervisor is not None:
            if stop_containerd:
                await self._supervisor.stop()
                cgroups.remove_parent()
            self._supervisor.release()
        self._parts.state.close()

    # images

    async def pull(
        self,
        admission: Admission,
        image: ResolvedImage,
        blobs: BlobSource,
        now: datetime,
        progress: Callable[[PullProgress], None] | None = None,
    ) -> ImageView:
        """Store every blob of the admitted image and unpack its layers; blobs already held are not fetched.

        `progress` is called on the event loop. The image's own reference is recorded as by `tag`.

        Raises AdmissionDenied when the admission is stale or for another digest, DigestMismatchError,
        whatever `blobs` raises, EngineError.
        """
        require_current(admission, now)
        require_covers(admission, admission.request._replace(purpose="pull"))
        recheck.require_same_image(admission, image.digest, image.manifest.digest)
        view = await self._parts.images.pull(image, blobs, now, progress)
        self._parts.events.publish("image", "pull", str(image.ref), {"digest": str(image.digest)})
        return view

    async def images(self) -> tuple[ImageView, ...]:
        """Every stored image, newest first."""
        return await self._parts.images.views()

    async def image(self, reference_or_id: str) -> ImageView:
        """The image with this recorded reference, digest, config digest, or unique prefix of one of those.

        A reference is compared as recorded (the server normalises `alpine` before it asks).

        Raises NoSuchImageError.
        """
        return await self._parts.images.view(reference_or_id)

    async def tag(self, digest: Digest, reference: str) -> None:
        """Record that `reference` names the stored image with `digest`, taking the name from any other.

        Raises NoSuchImageError.
        """
        row = self._parts.images.find(str(digest))
        self._parts.state.refer(reference, row.root.digest)
        self._parts.events.publish("image", "tag", reference, {"digest": str(digest)})

    async def remove_image(self, reference_or_id: str, *, force: bool = False) -> tuple[str, ...]:
        """Take away a reference, or with the last one the image; says what went, as `untagged:X` or `deleted:X`.

        Raises NoSuchImageError, ConflictError when a container uses it.
        """
        await self._cleared(set())
        in_use = [item.row.image for item in self._containers.values()]
        gone = await self._parts.images.remove(reference_or_id, in_use, force=force)
        for line in gone:
            action, _, subject = line.partition(":")
            self._parts.events.publish("image", action.removesuffix("ged").removesuffix("d"), subject, {})
        return gone

    # containers

    async def create(self, admission: Admission, spec: RunSpec, now: datetime, *, request: str = "") -> ContainerHandle:
        """Make a container from the admitted, already pulled image; nothing runs yet.

        `request` is kept and handed back in ContainerView.request (the server keeps its Docker JSON there).

        Raises AdmissionDenied (stale, other digest, wider request), DigestMismatchError (a stored blob was changed),
        NoSuchImageError (not pulled), ConflictError (name in use), EngineError.
        """
        lifecycle.require_admitted(admission, spec, now)
        create.require_stored(self._parts, admission)
        await self._parts.check.require(admission.image)
        taken = {item.row.name for item in self._containers.values()}
        name = names.require_name(spec.name) if spec.name else names.new_name(taken)
        container = await create.create(self._parts, admission, spec, name, request, now)
        self._keep(container)
        details = {"name": name, "image": container.row.reference, "digest": str(container.row.image)}
        self._parts.events.publish("container", "create", container.row.id, details)
        return ContainerHandle(container.row.id, self.name, name)

    async def start(
        self, container: str, admission: Admission, now: datetime, before_run: Callable[[], Awaitable[None]] = _nothing
    ) -> None:
        """Start a created or exited container, after the checks of `create` are made again; no-op when running.

        `before_run` is awaited when all checks have passed and nothing of the image has run yet.

        Raises as `create`, ContainerStartError, whose details["exit_code"] is "125", "126" or "127", and what
        `before_run` raises: then nothing runs.
        """
        found = self._find(container)
        async with found.lock:
            if found.running:
                return
            failure = await lifecycle.failure_of(lifecycle.start(found, admission, now, before_run))
        if failure is None:
            return
        if found.row.spec.auto_remove:
            await lifecycle.remove_ended(found)
        raise failure

    async def stop(self, container: str, timeout_seconds: int | None = None) -> None:
        """Send the stop signal and, after the timeout (10 s unless told), SIGKILL; returns when it has ended."""
        await lifecycle.stop(self._find(container), timeout_seconds)

    async def kill(self, container: str, signal: str = "KILL") -> None:
        """Send a signal by name or number.

        Raises UsageError for an unknown signal, ConflictError when not running.
        """
        await lifecycle.kill(self._find(container), signal)

    async def wait(self, container: str, condition: WaitCondition = "not-running") -> ExitStatus:
        """Wait for the condition; a caller that is cancelled disturbs nothing."""
        found = self._find(container)
        if condition == "removed":
            return await asyncio.shield(found.removed)
        if condition == "not-running" and not found.running:
            return found.last_exit()
        return await asyncio.shield(found.next_exit)

    async def remove(self, container: str, *, force: bool = False, volumes: bool = False) -> None:
        """Remove a stopped (or with `force` any) container, its network, snapshot, log and anonymous volumes.

        Raises ConflictError when it is running and `force` is not given.
        """
        found = self._find(container)
        if found.running:
            if not force:
                message = f"container {found.row.name} is running"
                raise ConflictError(message, next_step="stop it first, or remove it with --force")
            end = found.next_exit
            with contextlib.suppress(ConflictError):
                await lifecycle.kill(found, "KILL")
            await asyncio.shield(end)
        await lifecycle.remove_ended(found, volumes=volumes)

    async def rename(self, container: str, name: str) -> None:
        """Give the container another name.

        Raises ConflictError.
        """
        found = self._find(container)
        before, found.row.name = found.row.name, names.require_name(name)
        try:
            found.save()
        except ConflictError:
            found.row.name = before
            raise
        self._parts.events.publish("container", "rename", found.row.id, {"name": name, "oldName": before})

    async def list(self, *, every: bool = False) -> tuple[ContainerView, ...]:
        """Running containers, or with `every` all, newest first."""
        shown = [item for item in self._containers.values() if every or item.running]
        shown.sort(key=lambda item: item.row.created_at, reverse=True)
        return tuple(item.view() for item in shown)

    async def inspect(self, container: str) -> ContainerView:
        """The container with this id, name or unique id prefix.

        Raises NoSuchContainerError.
        """
        return self._find(container).view()

    def logs(
        self,
        container: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        since: datetime | None = None,
    ) -> AsyncIterator[OutputChunk]:
        """What the container wrote, both streams in order, a chunk a line (callers filter streams, add times)."""
        found = self._find(container)
        return found.log.read(follow=follow, tail=tail, since=since)

    async def attach(self, container: str, *, stdin: bool = False, logs: bool = False) -> Attachment:
        """Connect to the container's main process, before or after its start; with `logs`, replay first."""
        found = self._find(container)
        wants_input = stdin and found.row.spec.open_stdin
        return PumpAttachment(
            found.pump,
            (lambda: lifecycle.close_input(found)) if wants_input else None,
            log=found.log if logs else None,
            once=wants_input and found.row.spec.stdin_once,
        )

    async def resize(self, container: str, rows: int, columns: int) -> None:
        """Set the terminal size; kept for the start when the container is not running yet."""
        found = self._find(container)
        found.size = (rows, columns)
        if found.running:
            with contextlib.suppress(ContainerdError):
                await self._parts.tasks.resize(found.row.id, found.size)

    # execs

    async def exec_create(self, container: str, spec: ExecSpec) -> str:
        """Prepare a process in a running container; returns the exec's id.

        Raises ConflictError when not running.
        """
        return self._execs.create(self._find(container), spec)

    async def exec_start(self, exec_id: str) -> Attachment:
        """Run a prepared process; detaching is closing the attachment at once.

        Raises NoSuchContainerError, ConflictError (already started), ContainerStartError.
        """
        return await self._execs.start(exec_id)

    async def exec_inspect(self, exec_id: str) -> ExecView:
        """The exec session, with its exit code once it has ended."""
        return self._execs.view(exec_id)

    async def exec_resize(self, exec_id: str, rows: int, columns: int) -> None:
        """Set the exec's terminal size."""
        await self._execs.resize(exec_id, (rows, columns))

    # the engine itself

    def events(self, *actions: str) -> AsyncIterator[EngineEvent]:
        """Yield events from now on until the iterator is closed (subscribed when this returns).

        Who names actions of containers gets each of them, however slow; who names none may lose the oldest.
        """
        return self._parts.events.subscribe(actions)

    async def info(self) -> EngineInfo:
        """The engine and the peers it stands on."""
        settings = self._parts.settings
        containers = self._containers.values()
        return EngineInfo(
            name=self.name,
            containerd_version=await self._parts.client.version(),
            containerd_address=str(self._parts.client.address),
            runtime=settings.runtime_binary or settings.runtime,
            runtime_version=await asyncio.to_thread(runtime_version, settings.runtime_binary or "runc"),
            snapshotter=settings.snapshotter,
            cgroup_version=cgroups.version(),
            kernel=os.uname().release,
            containers=len(containers),
            running=sum(item.running for item in containers),
            images=len(self._parts.state.images()),
        )

    # inside

    async def stored_image(self, reference_or_id: str, ref: ImageRef) -> ResolvedImage:
        """Return a stored image as a resolved one under the name `ref`, so that the gate can judge it again.

        Raises NoSuchImageError, DigestMismatchError when a stored document was changed.
        """
        return await self._parts.images.resolved(self._parts.images.find(reference_or_id), ref)

    def _find(self, wanted: str) -> Container:
        bare = wanted.removeprefix("/")
        if bare in self._containers:
            return self._containers[bare]
        found = [item for item in self._containers.values() if item.row.name == bare] or [
            item for key, item in self._containers.items() if bare and key.startswith(bare)
        ]
        if len(found) > 1:
            raise ConflictError(f"{wanted!r} fits {len(found)} containers", next_step="give more digits")
        if not found:
            message = f"no such container: {wanted}"
            raise NoSuchContainerError(message, next_step="trustkit ps --all lists them")
        return found[0]

    def _keep(self, container: Container) -> None:
        self._containers[container.row.id] = container
        container.removed.add_done_callback(lambda _: self._forget(container))

    def _forget(self, container: Container) -> None:
        self._containers.pop(container.row.id, None)
        watch = container.watch
        if watch is not None and not watch.done():
            self._clearing.add(watch)
            watch.add_done_callback(self._clearing.discard)

    async def _cleared(self, others: set[asyncio.Task[None]]) -> None:
        """Wait a while for what still clears up."""
        if waited := self._clearing | others:
            await asyncio.wait(waited, timeout=_CLOSE_SECONDS)
