"""Engine events to whoever listens; one that takes all and does not keep up loses the oldest."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from datetime import datetime

from trustkit.engine.values import EngineEvent

_KEPT = 1024


class _Listener:
    """What one listener waits for, and what it has not read yet."""

    def __init__(self, actions: Collection[str]) -> None:
        self.wake = asyncio.Event()
        self._actions = actions
        # Few things happen to a container, so those who must see each of them need no bound but the containers' own.
        self.queue: deque[EngineEvent] = deque(maxlen=None if actions else _KEPT)

    def take(self, event: EngineEvent) -> None:
        if not self._actions or (event.kind == "container" and event.action in self._actions):
            self.queue.append(event)
            self.wake.set()


class Events:
    """Publishes events on the event loop."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """Start without listeners."""
        self._clock = clock
        self._listeners: list[_Listener] = []

    def publish(self, kind: str, action: str, subject: str, attributes: Mapping[str, str]) -> None:
        """Tell every listener."""
        event = EngineEvent(self._clock(), kind, action, subject, attributes)
        for listener in self._listeners:
            listener.take(event)

    def subscribe(self, actions: Collection[str] = ()) -> AsyncIterator[EngineEvent]:
        """Listen from now on until the iterator is closed: to all, or to each of these actions of containers."""
        listener = _Listener(actions)
        self._listeners.append(listener)
        return self._events(listener)

    async def _events(self, listener: _Listener) -> AsyncIterator[EngineEvent]:
        try:
            while True:
                while listener.queue:
                    yield listener.queue.popleft()
                listener.wake.clear()
                await listener.wake.wait()
        finally:
            self._listeners.remove(listener)
