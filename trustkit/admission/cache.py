"""A bounded memory of values, each until a moment; the ones that were not asked for longest go first."""

from collections import OrderedDict
from collections.abc import Hashable
from datetime import datetime
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Cache(Generic[Value]):
    """At most so many values and bytes; threads may share it."""

    def __init__(self, most: int, most_bytes: int = 0) -> None:
        """Keep at most `most` values of together `most_bytes`; 0 means that bytes are not counted."""
        self._most, self._most_bytes = most, most_bytes
        self._held: OrderedDict[Hashable, tuple[Value, datetime, datetime, int]] = OrderedDict()
        self._lock = Lock()
        self.bytes = 0

    def __len__(self) -> int:
        """Return how many values are held."""
        return len(self._held)

    def get(self, key: Hashable, now: datetime) -> Value | None:
        """Return the value, or None if there is none for this moment; a clock set back ends its life too."""
        with self._lock:
            entry = self._held.get(key)
            if entry is None:
                return None
            value, since, until, _ = entry
            if since <= now < until:
                self._held.move_to_end(key)
                return value
            self._drop(key)
            return None

    def put(self, key: Hashable, value: Value, life: tuple[datetime, datetime], size_bytes: int = 0) -> None:
        """Hold the value from the first moment of `life` until the second; one that is too large is not held."""
        with self._lock:
            self._drop(key)
            if self._most_bytes and size_bytes > self._most_bytes:
                return
            self._held[key] = (value, *life, size_bytes)
            self.bytes += size_bytes
            while len(self._held) > self._most or (self._most_bytes and self.bytes > self._most_bytes):
                self._drop(next(iter(self._held)))

    def _drop(self, key: Hashable) -> None:
        entry = self._held.pop(key, None)
        if entry is not None:
            self.bytes -= entry[3]
