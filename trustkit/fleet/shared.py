"""The shared store as nodes use it: sealed, bounded, and left alone for a while after it failed.

Whatever is wrong with the store (down, slow, full, lying), the caller does the work itself; `trouble` says what it was.
"""

from datetime import datetime, timedelta
from threading import Lock

from trustkit import limits
from trustkit.codec.shared_entry import Entry, read_entry, write_entry
from trustkit.errors import TrustkitError
from trustkit.fleet.errors import SharedStoreError
from trustkit.fleet.sealed import HEAD_BYTES, Seal
from trustkit.fleet.store import Store


class SharedEntries:
    """Evidence that nodes fetched, by policy, trust, repository, digest and credentials."""

    def __init__(self, store: Store, seal: Seal) -> None:
        """Keep entries in `store` under `seal`."""
        self._store, self._seal = store, seal
        self._lock = Lock()
        self._silent_until: datetime | None = None
        self._trouble = ""

    def name(self, *parts: str) -> str:
        """Return the name of an entry."""
        return self._seal.name("entry", *parts)

    def get(self, name: str, now: datetime) -> Entry | None:
        """Return an entry that a node made within the longest life there is.

        Raises SharedStoreError, MalformedError.
        """
        self._require_not_paused(now)
        try:
            value = self._store.get(name, limits.SHARED_ENTRY_BYTES + HEAD_BYTES)
        except TrustkitError as error:
            raise self._failed(error, now) from error
        # a value that nobody of the fleet made says nothing about the others
        found = read_entry(self._seal.open(name, value)) if value is not None else None
        skew = timedelta(seconds=limits.CLOCK_SKEW_SECONDS)
        life = timedelta(seconds=limits.CACHED_SECONDS)
        return found if found and found.at - skew <= now < found.at + life else None

    def put(self, name: str, entry: Entry, seconds: int, now: datetime) -> None:
        """Share an entry, unless it is too large. Raises SharedStoreError."""
        if len(entry.answers) > limits.SHARED_ANSWERS:
            return
        content = write_entry(entry)
        if len(content) > limits.SHARED_ENTRY_BYTES:
            return
        self._require_not_paused(now)
        try:
            self._store.put(name, self._seal.close(name, content), seconds)
        except TrustkitError as error:
            raise self._failed(error, now) from error

    def _require_not_paused(self, now: datetime) -> None:
        with self._lock:
            until, trouble = self._silent_until, self._trouble
        pause = timedelta(seconds=limits.SHARED_PAUSE_SECONDS)
        if until is not None and until - pause <= now < until:
            raise SharedStoreError(f"{trouble} (not asked again before {until.isoformat()})")

    def _failed(self, error: TrustkitError, now: datetime) -> SharedStoreError:
        with self._lock:
            self._silent_until = now + timedelta(seconds=limits.SHARED_PAUSE_SECONDS)
            self._trouble = error.message
        return error if isinstance(error, SharedStoreError) else SharedStoreError(error.message)
