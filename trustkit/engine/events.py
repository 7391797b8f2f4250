"""Engine events to whoever listens; a listener that does not keep up loses the oldest."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime

from trustkit.engine.values import EngineEvent

_KEPT = 1024


class Events:
    """Publishes events on the event loop."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """Start without listeners."""
        self._clock = clock
        self._queues: list[tuple[deque[EngineEvent], asyncio.Event]] = []

    def publish(self, kind: str, action: str, subject: str, attributes: Mapping[str, str]) -> None:
        """Tell every listener."""
        event = EngineEvent(self._clock(), kind, action, subject, attributes)
        for queue, wake in self._queues:
            queue.append(event)
            wake.set()

    def subscribe(self) -> AsyncIterator[EngineEvent]:
        """Listen from now on, until the iterator is closed."""
        entry = (deque[EngineEvent](maxlen=_KEPT), asyncio.Event())
        self._queues.append(entry)
        return self._events(entry)

    async def _events(self, entry: tuple[deque[EngineEvent], asyncio.Event]) -> AsyncIterator[EngineEvent]:
        queue, wake = entry
        try:
            while True:
                while queue:
                    yield queue.popleft()
                wake.clear()
                await wake.wait()
        finally:
            self._queues.remove(entry)
