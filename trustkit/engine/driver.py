"""What a container engine must offer (plug point `trustkit.engines`). Images are named by digest only."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

from trustkit.engine.values import ContainerView, ExitStatus, OutputChunk
from trustkit.model.admission import Admission
from trustkit.model.run import ContainerHandle, RunSpec


class EngineDriver(Protocol):
    """Takes an `Admission` and nothing else for an image, and looks at it again before every start."""

    @property
    def name(self) -> str:
        """The engine's name in handles and records."""
        ...

    async def create(self, admission: Admission, spec: RunSpec, now: datetime, *, request: str = "") -> ContainerHandle:
        """Make a container; nothing runs. Raises AdmissionDenied, DigestMismatchError, EngineError."""
        ...

    async def start(self, container: str, admission: Admission, now: datetime) -> None:
        """Check again and run. Raises AdmissionDenied, DigestMismatchError, ContainerStartError."""
        ...

    async def stop(self, container: str, timeout_seconds: int | None = None) -> None:
        """End it, gently first. Raises NoSuchContainerError."""
        ...

    async def remove(self, container: str, *, force: bool = False, volumes: bool = False) -> None:
        """Remove it. Raises ConflictError when it runs."""
        ...

    async def inspect(self, container: str) -> ContainerView:
        """Return it. Raises NoSuchContainerError."""
        ...

    async def list(self, *, every: bool = False) -> tuple[ContainerView, ...]:
        """Return all, or those that run."""
        ...

    def logs(
        self, container: str, *, follow: bool = False, tail: int | None = None, since: datetime | None = None
    ) -> AsyncIterator[OutputChunk]:
        """Yield what it wrote. Raises NoSuchContainerError."""
        ...

    async def wait(self, container: str) -> ExitStatus:
        """Return once it does not run. Raises NoSuchContainerError."""
        ...
