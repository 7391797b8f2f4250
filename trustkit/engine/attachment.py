"""The two ends a client holds of a running process: its output as chunks, its input as bytes."""

from collections.abc import AsyncIterator
from typing import Protocol

from trustkit.engine.values import OutputChunk


class Attachment(Protocol):
    """A live connection to a process; made before the process starts, it misses nothing."""

    def output(self) -> AsyncIterator[OutputChunk]:
        """Yield output until the process has ended and all it wrote was delivered (or `close`)."""
        ...

    async def write(self, data: bytes) -> None:
        """Pass bytes to the process; waits while its pipe is full, drops silently once it is gone."""
        ...

    async def close_stdin(self) -> None:
        """Let the process see the end of its input."""
        ...

    async def close(self) -> None:
        """Detach; the process goes on. Ends a container's stdin too when it was opened for one client only."""
        ...
