"""Attachments to a pump, with the shim told when input ends."""

from collections.abc import AsyncIterator, Awaitable, Callable

from trustkit.engine.containerd.io import Pump, Subscription
from trustkit.engine.log_file import LogFile
from trustkit.engine.values import OutputChunk

CloseInput = Callable[[], Awaitable[None]]


class PumpAttachment:
    """An `Attachment` to one process."""

    def __init__(
        self, pump: Pump, close_input: CloseInput | None, *, log: LogFile | None = None, once: bool = False
    ) -> None:
        """Subscribe now; `close_input` is None for a client that sends nothing, `log` is replayed first."""
        self._pump = pump
        self._close_input = close_input
        self._once = once
        # Taken in the same moment as the subscription: nothing is missing, nothing comes twice.
        self._before = log.written() if log else None
        self._subscription: Subscription = pump.subscribe()

    async def output(self) -> AsyncIterator[OutputChunk]:
        """Yield what was logged, then what comes."""
        if self._before is not None:
            async for chunk in self._before.chunks():
                yield chunk
        async for chunk in self._subscription.output():
            yield chunk

    async def write(self, data: bytes) -> None:
        """Pass input on."""
        if self._close_input is not None:
            await self._pump.write(data)

    async def close_stdin(self) -> None:
        """End the input."""
        if self._close_input is not None:
            await self._close_input()

    async def close(self) -> None:
        """Leave."""
        self._subscription.drop()
        if self._once:
            await self.close_stdin()
