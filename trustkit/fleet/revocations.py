"""What was revoked, as one node knows it: its own file, and the list that all nodes share.

    HOME/revocations.json    when the list was last read, of which fleet, and the list

Without a shared store the file is all there is. With one, the list is read anew for decisions; the node's file is
what it falls back on while the store is silent, for `grace` seconds and no longer. A list only grows: what a node has
seen revoked stays so for it, and a store that lost entries, or the whole list, gets them back from the nodes.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING  # noqa: TID251  (most machines share nothing and revoked nothing: start-up time)

from trustkit import limits
from trustkit.durable import make_folder, storage_error, write_file
from trustkit.errors import MalformedError, StorageError, TrustkitError
from trustkit.fleet.errors import RevocationsUnreadError, SharedStoreError
from trustkit.model.revocations import Revocation, Revocations
from trustkit.model.values import NamedTuple

if TYPE_CHECKING:
    from trustkit.fleet.sealed import Seal
    from trustkit.fleet.store import Store

FILE = "revocations.json"
_RACES = 8
# The list and its seal.
_MOST_BYTES = limits.REVOCATIONS_BYTES + 64
# And the line before the list.
_MOST_FILE_BYTES = _MOST_BYTES + 256
_LEAST_PAUSE = timedelta(seconds=limits.SHARED_PAUSE_SECONDS)


class Known(NamedTuple):
    """What is known now: the list, a number that every change raises, and what should be noted about it."""

    revocations: Revocations
    number: int
    note: str = ""


class Sharing(NamedTuple):
    """Where the list is shared, under which key, and for how many seconds a node may go without it."""

    store: "Store"
    seal: "Seal"
    grace_seconds: float

    @property
    def name(self) -> str:
        """Under which name: another key's fleet has another."""
        return self.seal.name("revocations")


class KnownRevocations:
    """One node's knowledge. Threads may share it."""

    def __init__(self, folder: Path, sharing: Sharing | None = None, fresh_seconds: float = 0.0) -> None:
        """Keep the file in `folder`; a list read less than `fresh_seconds` ago is not read again."""
        self._file = folder / FILE
        self._sharing = sharing
        self._fresh = timedelta(seconds=fresh_seconds)
        self._lock = Lock()
        self._known = Known(Revocations(), 0)
        self._stamp: tuple[int, int] | None = None
        self._head = b""
        self._checked: datetime | None = None
        self._written: datetime | None = None
        self._failed: tuple[datetime, str] | None = None

    def is_fresh(self, now: datetime) -> bool:
        """Whether `current` would answer without reading."""
        return self._checked is not None and self._checked <= now < self._checked + self._fresh

    def fresh(self, now: datetime) -> Known | None:
        """Return what `current` would, if it needs no reading for it."""
        # in this order: a list that comes meanwhile is the one that counts
        return self._known if self.is_fresh(now) else None

    def current(self, now: datetime) -> Known:
        """Return what is known. Raises RevocationsUnreadError: too little; StorageError for a broken file."""
        with self._lock:
            if not self.is_fresh(now):
                self._take_file()
                if self._sharing is None:
                    self._checked = now
                else:
                    self._try_reading(self._sharing, now)
            return self._known

    def publish(self, more: Iterable[Revocation], now: datetime) -> Revocations:
        """Revoke, here and for all nodes, and return the whole list; the list is made if there was none.

        Raises SharedStoreError, StorageError, LimitExceededError: nothing was revoked.
        """
        with self._lock:
            self._take_file()
            whole = self._known.revocations.joined(more)
            if self._sharing is not None:
                whole = self._exchange(self._sharing, whole)
            self._take(whole)
            self._checked = now
            self._write(now)
            return whole

    # --- the shared list --------------------------------------------------------------------------

    def _try_reading(self, sharing: Sharing, now: datetime) -> None:
        """Read the shared list; if that fails, what is known holds for the time of grace. Raises as `current`."""
        reason = self._pausing(now)
        if not reason:
            try:
                if self._checked is None:
                    self._require_list(sharing)
                whole = self._exchange(sharing, self._known.revocations)
                changed = self._take(whole)
                self._checked, self._failed = now, None
                if changed or self._write_is_due(sharing, now):
                    self._write(now)
            except (MalformedError, SharedStoreError) as error:
                reason = error.message
                self._failed = (now, reason)
            else:
                self._known = self._known._replace(note="")
                return
        self._require_recent(sharing, now, reason)
        last = self._checked.isoformat() if self._checked else ""
        self._known = self._known._replace(note=f"revocations are those read at {last}: {reason}")

    def _exchange(self, sharing: Sharing, mine: Revocations) -> Revocations:
        """Return the shared list joined with mine, after the shared one was given what it lacked."""
        from trustkit.codec.revocation_list import read_revocations, write_revocations

        for _ in range(_RACES):
            value = sharing.store.get(sharing.name, _MOST_BYTES)
            theirs = read_revocations(sharing.seal.open(sharing.name, value)) if value is not None else None
            whole = mine.joined(theirs.items if theirs else ())
            if whole == theirs:
                return whole
            if sharing.store.swap(sharing.name, value, sharing.seal.close(sharing.name, write_revocations(whole))):
                return whole
        raise SharedStoreError(f"{sharing.store.place}: other nodes change the list of revocations all the time")

    def _require_list(self, sharing: Sharing) -> None:
        """Return if there is a shared list: a node that knows nothing must not take its absence for an empty one."""
        if sharing.store.get(sharing.name, _MOST_BYTES) is None:
            raise SharedStoreError(f"{sharing.store.place}: there is no list of revocations (trustkit fleet init)")

    def _pausing(self, now: datetime) -> str:
        """Return why the store is not asked at the moment, or nothing."""
        if self._failed is None:
            return ""
        at, reason = self._failed
        return reason if at <= now < at + _LEAST_PAUSE else ""

    def _require_recent(self, sharing: Sharing, now: datetime, reason: str) -> None:
        grace, checked = timedelta(seconds=sharing.grace_seconds), self._checked
        skew = timedelta(seconds=limits.CLOCK_SKEW_SECONDS)
        if checked is not None and checked - skew <= now <= checked + grace:
            return
        since = f"last read at {checked.isoformat()}" if checked else "never read"
        raise RevocationsUnreadError(
            f"what the fleet revoked was {since}, and nothing is allowed without it: {reason}",
            next_step="bring the shared store back (trustkit fleet status), or take cache.url out",
        )

    # --- the node's own file ----------------------------------------------------------------------

    def _take(self, whole: Revocations) -> bool:
        if whole == self._known.revocations:
            return False
        self._known = Known(whole, self._known.number + 1, self._known.note)
        return True

    def _take_file(self) -> None:
        """Join what the file holds, if it changed. Raises StorageError: a broken one is not overlooked."""
        try:
            status = self._file.stat()
            stamp = (status.st_ino, status.st_mtime_ns)
            if stamp == self._stamp:
                return
            with self._file.open("rb") as stream:
                content = stream.read(_MOST_FILE_BYTES + 1)
        except FileNotFoundError:
            return
        except OSError as error:
            raise storage_error(self._file, error) from error
        self._take_content(content)
        self._stamp = stamp

    def _take_content(self, content: bytes) -> None:
        from trustkit.codec.revocation_list import read_revocations

        head, _, rest = content.partition(b"\n")
        try:
            moment, _, fleet = head.decode("ascii").partition(" ")
            checked = datetime.fromisoformat(moment)
            found = read_revocations(rest)
        except (ValueError, TrustkitError) as error:
            raise StorageError(
                f"{self._file} is no list of revocations: {error}", next_step="restore it from another node"
            ) from error
        if checked.tzinfo is None:
            raise StorageError(f"{self._file} does not say when it was written")
        self._head = head
        self._take(self._known.revocations.joined(found.items))
        # when this machine alone, or another fleet, was asked says nothing of this fleet's list
        if self._sharing is not None and fleet == self._sharing.name:
            self._checked = max(self._checked, checked) if self._checked else checked

    def _write_is_due(self, sharing: Sharing, now: datetime) -> bool:
        written = self._written
        return written is None or not written <= now < written + timedelta(seconds=sharing.grace_seconds / 4)

    def _write(self, now: datetime) -> None:
        from trustkit.codec.revocation_list import write_revocations

        make_folder(self._file.parent)
        with self._alone():
            # another process of this node may have learnt more
            self._take_file()
            content = write_revocations(self._known.revocations)
            self._head = self._head_at(now)
            write_file(self._file, self._head + b"\n" + content)
            status = self._file.stat()
            self._stamp, self._written = (status.st_ino, status.st_mtime_ns), now

    def _head_at(self, now: datetime) -> bytes:
        """Return the file's first line: the time and the fleet's name; without a store the line stays what it was."""
        if self._sharing is None:
            return self._head or now.isoformat().encode()
        return f"{now.isoformat()} {self._sharing.name}".encode()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        import fcntl

        try:
            with self._file.with_suffix(".lock").open("wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise storage_error(self._file, error) from error
