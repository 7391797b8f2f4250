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

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Literal

from trustkit.engine.attachment import Attachment
from trustkit.engine.blobs import BlobSource
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
from trustkit.model.run import ContainerHandle, RunSpec

WaitCondition = Literal["not-running", "next-exit", "removed"]


class EngineService:
    """Containers and images of one containerd namespace. Every method may raise EngineError (exit 4)."""

    @classmethod
    async def open(cls, settings: EngineSettings) -> "EngineService":
        """Start or find containerd, find running containers again, remove what `--rm` left behind."""
        raise NotImplementedError

    async def close(self, *, stop_containerd: bool = False) -> None:
        """Let go of containerd; running containers go on, and are found again by the next `open`."""
        raise NotImplementedError

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
        raise NotImplementedError

    async def images(self) -> tuple[ImageView, ...]:
        """Every stored image, newest first."""
        raise NotImplementedError

    async def image(self, reference_or_id: str) -> ImageView:
        """The image with this recorded reference, digest, config digest, or unique prefix of one of those.

        A reference is compared as recorded (the server normalises `alpine` before it asks).

        Raises NoSuchImageError.
        """
        raise NotImplementedError

    async def tag(self, digest: Digest, reference: str) -> None:
        """Record that `reference` names the stored image with `digest`, taking the name from any other.

        Raises NoSuchImageError.
        """
        raise NotImplementedError

    async def remove_image(self, reference_or_id: str, *, force: bool = False) -> tuple[str, ...]:
        """Take away a reference, or with the last one the image; says what went, as `untagged:X` or `deleted:X`.

        Raises NoSuchImageError, ConflictError when a container uses it.
        """
        raise NotImplementedError

    # containers

    async def create(
        self, admission: Admission, spec: RunSpec, now: datetime, *, request: str = ""
    ) -> ContainerHandle:
        """Make a container from the admitted, already pulled image; nothing runs yet.

        `request` is kept and handed back in ContainerView.request (the server keeps its Docker JSON there).

        Raises AdmissionDenied (stale, other digest, wider request), DigestMismatchError (a stored blob was changed),
        NoSuchImageError (not pulled), ConflictError (name in use), EngineError.
        """
        raise NotImplementedError

    async def start(self, container: str, admission: Admission, now: datetime) -> None:
        """Start a created or exited container, after the checks of `create` are made again; no-op when running.

        Raises as `create`, and ContainerStartError, whose details["exit_code"] is "125", "126" or "127".
        """
        raise NotImplementedError

    async def stop(self, container: str, timeout_seconds: int | None = None) -> None:
        """Send the stop signal and, after the timeout (10 s unless told), SIGKILL; returns when it has ended."""
        raise NotImplementedError

    async def kill(self, container: str, signal: str = "KILL") -> None:
        """Send a signal by name or number.

        Raises UsageError for an unknown signal, ConflictError when not running.
        """
        raise NotImplementedError

    async def wait(self, container: str, condition: WaitCondition = "not-running") -> ExitStatus:
        """Wait for the condition; a caller that is cancelled disturbs nothing."""
        raise NotImplementedError

    async def remove(self, container: str, *, force: bool = False, volumes: bool = False) -> None:
        """Remove a stopped (or with `force` any) container, its network, snapshot, log and anonymous volumes.

        Raises ConflictError when it is running and `force` is not given.
        """
        raise NotImplementedError

    async def rename(self, container: str, name: str) -> None:
        """Give the container another name.

        Raises ConflictError.
        """
        raise NotImplementedError

    async def list(self, *, every: bool = False) -> tuple[ContainerView, ...]:
        """Running containers, or with `every` all, newest first."""
        raise NotImplementedError

    async def inspect(self, container: str) -> ContainerView:
        """The container with this id, name or unique id prefix.

        Raises NoSuchContainerError.
        """
        raise NotImplementedError

    async def logs(
        self,
        container: str,
        *,
        follow: bool = False,
        tail: int | None = None,
        since: datetime | None = None,
    ) -> AsyncIterator[OutputChunk]:
        """What the container wrote, both streams in order, a chunk a line (callers filter streams, add times)."""
        raise NotImplementedError

    async def attach(self, container: str, *, stdin: bool = False, logs: bool = False) -> Attachment:
        """Connect to the container's main process, before or after its start; with `logs`, replay first."""
        raise NotImplementedError

    async def resize(self, container: str, rows: int, columns: int) -> None:
        """Set the terminal size; kept for the start when the container is not running yet."""
        raise NotImplementedError

    # execs

    async def exec_create(self, container: str, spec: ExecSpec) -> str:
        """Prepare a process in a running container; returns the exec's id.

        Raises ConflictError when not running.
        """
        raise NotImplementedError

    async def exec_start(self, exec_id: str) -> Attachment:
        """Run a prepared process; detaching is closing the attachment at once.

        Raises NoSuchContainerError, ConflictError (already started), ContainerStartError.
        """
        raise NotImplementedError

    async def exec_inspect(self, exec_id: str) -> ExecView:
        """The exec session, with its exit code once it has ended."""
        raise NotImplementedError

    async def exec_resize(self, exec_id: str, rows: int, columns: int) -> None:
        """Set the exec's terminal size."""
        raise NotImplementedError

    # the engine itself

    def events(self) -> AsyncIterator[EngineEvent]:
        """Yield events from now on until the iterator is closed (subscribed when this returns)."""
        raise NotImplementedError

    async def info(self) -> EngineInfo:
        """The engine and the peers it stands on."""
        raise NotImplementedError
