"""The decision log: an event is on record, durably and provably, before anybody acts on it.

One transaction adds the entries, moves the Merkle tree's right edge and stores a signed checkpoint
that covers them; then the same checkpoint replaces the file `checkpoint` beside the database, so
that rows dropped from the database's end contradict it.
"""

import fcntl
import os
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Self

from trustkit import durable
from trustkit.audit import checkpoint, entry, keys, query, store
from trustkit.audit.head import read_published, require_head
from trustkit.audit.merkle import Frontier
from trustkit.codec.note import Checkpoint
from trustkit.errors import AuditError, AuditTamperedError, StorageError, TrustkitError
from trustkit.fips.merkle import leaf_hash
from trustkit.fips.provider import CryptoProvider
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.digest import Digest
from trustkit.model.values import NamedTuple


class _Entry(NamedTuple):
    """The bytes of an entry, and the columns it is found by."""

    content: bytes
    at: str
    kind: str
    outcome: str
    subject: str | None


class _Asked:
    """Events that wait to be written, and what became of them."""

    def __init__(self, events: tuple[AuditEvent, ...]) -> None:
        self.events = events
        self.entries = [_Entry(entry.to_bytes(event), *query.columns(event)) for event in events]
        self.answered = False
        self.first = 0
        self.leaves: list[bytes] = []
        self.error: TrustkitError | None = None


class DecisionLog:
    """An append-only log in a folder; threads and processes may append at once."""

    def __init__(self, folder: Path, crypto: CryptoProvider) -> None:
        """Open the log, or begin one. Raises AuditError, AuditTamperedError, StorageError."""
        self.folder = folder
        self._file, self._published = folder / store.DATABASE_FILE, folder / store.CHECKPOINT_FILE
        self._crypto = crypto
        self._mutex = Lock()
        self._queue: deque[_Asked] = deque()
        self._database: sqlite3.Connection | None = None
        self._gate: int | None = None
        self._inode = 0
        self._seen = 0
        self._latched = ""
        durable.make_folder(folder)
        try:
            self._open()
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise store.failure(folder, error) from error
        except BaseException:
            self.close()
            raise

    def append(self, event: AuditEvent) -> AuditRecord:
        """Record one event; returns when it is durable and covered by a signed checkpoint.

        Raises AuditError, AuditTamperedError, StorageError: nothing may go on.
        """
        return self.append_many((event,))[0]

    def append_many(self, events: Iterable[AuditEvent]) -> tuple[AuditRecord, ...]:
        """Record events together, for the price of one. All are on record, or none. As `append`.

        Threads that come while another one writes are written together by the next of them.
        """
        asked = _Asked(tuple(events))
        if not asked.entries:
            return ()
        self._queue.append(asked)
        with self._mutex:
            if not asked.answered:
                self._write_queue()
        if asked.error is not None:
            raise asked.error
        return tuple(
            AuditRecord(asked.first + offset, event, Digest("sha256", leaf.hex()))
            for offset, (event, leaf) in enumerate(zip(asked.events, asked.leaves, strict=True))
        )

    def _write_queue(self) -> None:
        """Write what is queued in one transaction and answer everybody who waits for it."""
        together = [self._queue.popleft() for _ in range(len(self._queue))]
        try:
            at, leaves = self._write([one for asked in together for one in asked.entries])
        except TrustkitError as error:
            for asked in together:
                asked.error, asked.answered = error, True
            return
        start = at
        for asked in together:
            end = start + len(asked.entries)
            asked.first, asked.leaves, asked.answered = start, leaves[start - at : end - at], True
            start = end

    def records(self, wanted: query.Query = query.ALL) -> list[AuditRecord]:
        """Return the records asked for. Raises AuditTamperedError, StorageError."""
        with self._mutex, self._translated():
            return query.select(self._ready(), wanted)

    @property
    def size(self) -> int:
        """How many entries the log has."""
        with self._mutex, self._translated():
            return store.head(self._ready()).size

    def checkpoint(self) -> bytes:
        """Return the newest signed checkpoint, to be kept elsewhere."""
        with self._mutex, self._translated():
            return store.head(self._ready()).note

    def recover(self) -> None:
        """After an I/O error: verify the whole log and, if it is intact, take events again.

        Raises AuditTamperedError, AuditError, StorageError.
        """
        from trustkit.audit.verify import require_intact, verify_log

        with self._mutex:
            self._release()
            require_intact(verify_log(self.folder, crypto=self._crypto))
            self._latched = ""

    def close(self) -> None:
        """Let go of the database; every record is on disk already."""
        self._release()

    def __enter__(self) -> Self:
        """Return the log."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the log."""
        self.close()

    # --- one write --------------------------------------------------------------------------------

    def _write(self, entries: Sequence[_Entry]) -> tuple[int, list[bytes]]:
        with self._translated():
            database = self._ready()
            with self._exclusive():
                self._require_same_file()
                database.execute("BEGIN IMMEDIATE")
                first, leaves, note = self._add(database, entries)
                database.execute("COMMIT")
                self._seen = first + len(entries)
                durable.write_file(self._published, note, mode=0o644)
        return first, leaves

    def _add(self, database: sqlite3.Connection, entries: Sequence[_Entry]) -> tuple[int, list[bytes], bytes]:
        old = store.head(database)
        if old.size < self._seen:
            raise AuditTamperedError(f"{self.folder}: the log had {self._seen} entries and now has {old.size}")
        frontier = Frontier.from_bytes(old.size, old.peaks)
        leaves = [leaf_hash(one.content) for one in entries]
        rows = []
        for one, leaf in zip(entries, leaves, strict=True):
            rows.append((frontier.size, one.at, one.kind, one.outcome, one.subject, leaf, one.content))
            frontier.append(leaf)
        database.executemany("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        statement = Checkpoint(self._keys.origin, frontier.size, frontier.root())
        note = checkpoint.sign(statement, self._keys.private)
        store.set_head(database, old.size, store.Head(frontier.size, frontier.to_bytes(), note))
        return old.size, leaves, note

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn failures into our errors and stop taking events if the disk cannot be trusted."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)
            raise store.failure(self.folder, error) from error
        except (StorageError, AuditTamperedError) as error:
            self._give_up(error)
            raise

    def _give_up(self, error: Exception) -> None:
        # After a failed fsync the kernel may drop the dirty pages and report success next time, so
        # a retry proves nothing: only reading everything back does.
        if not store.is_clean(error) and not self._latched:
            self._latched = str(error)
        # SQLite may have rolled back already; closing is right in both cases.
        self._release()

    # --- opening ----------------------------------------------------------------------------------

    def _ready(self) -> sqlite3.Connection:
        if self._latched:
            raise AuditError(
                f"{self.folder}: the decision log takes nothing after a failure: {self._latched}",
                next_step="run `trustkit audit verify`, then restart the daemon",
            )
        return self._open() if self._database is None else self._database

    def _open(self) -> sqlite3.Connection:
        self._gate = os.open(self.folder / store.LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # Read before the database: whatever it covers must then be in there.
        published = read_published(self.folder)
        if published is not None and not self._file.exists():
            raise AuditTamperedError(
                f"{self.folder}: the log's database is gone, its checkpoint is still there",
                next_step="restore the database, or move the whole folder away to begin a new log",
            )
        database = self._database = store.connect(self.folder)
        if not store.is_ready(database):
            with self._exclusive():
                self._begin(database)
            published = read_published(self.folder)
        elif published is None:
            # Another process may just be beginning the log: with the lock held it has finished.
            with self._exclusive():
                published = read_published(self.folder)
        self._keys = keys.load(self.folder, self._crypto)
        self._seen = max(self._seen, require_head(database, published, self._keys.public, self._crypto))
        self._inode = self._file.stat().st_ino
        return database

    def _begin(self, database: sqlite3.Connection) -> None:
        """Begin an empty log: keys, database, checkpoint file, each finished if a crash cut it off."""
        path = self._published
        if not store.is_ready(database):
            if path.exists():
                raise AuditTamperedError(f"{self.folder}: the log's database is empty, its checkpoint is not")
            made = keys.make(self.folder, self._crypto)
            empty = Checkpoint(made.origin, 0, Frontier().root())
            store.create(database, checkpoint.sign(empty, made.private))
        if not path.exists():
            durable.write_file(path, store.head(database).note, mode=0o644)

    def _require_same_file(self) -> None:
        """Refuse to write into a deleted or replaced file: nobody could ever read those entries."""
        try:
            inode = self._file.stat().st_ino
        except FileNotFoundError:
            inode = 0
        if inode != self._inode:
            raise AuditTamperedError(f"{self.folder}: the log's database was removed or replaced while in use")

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Wait for this process's turn: SQLite's own waiting starves all writers but one."""
        assert self._gate is not None  # noqa: S101  (narrowing)
        fcntl.flock(self._gate, fcntl.LOCK_EX)
        try:
            yield
        finally:
            if self._gate is not None:
                fcntl.flock(self._gate, fcntl.LOCK_UN)

    def _release(self) -> None:
        database, self._database = self._database, None
        gate, self._gate = self._gate, None
        if database is not None:
            # What it holds was committed, or was refused and reported.
            with suppress(sqlite3.Error):
                database.close()
        if gate is not None:
            os.close(gate)
