"""Repositories in a SQL database: the statements are the same for SQLite and PostgreSQL, the dialect is given.

Files are never overwritten: a new version is a new row, and the highest version of a role is its current file. A
publication takes the repository's row first (the generation it was prepared for must still be there), so two of them
cannot mix, on one machine or on several.
"""

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple, Protocol

from trustkit import limits
from trustkit.errors import PublishConflictError, TrustkitError
from trustkit.trust_server.storage import Change, Publication, ServerKey, State, Stored

FORMAT = 1
# Timestamps are asked for by name only; older ones serve nobody.
_KEPT_TIMESTAMPS = 4

SCHEMA = (
    "CREATE TABLE trust_format (version INTEGER NOT NULL)",
    "CREATE TABLE repository (gun TEXT PRIMARY KEY, generation {integer} NOT NULL)",
    (
        "CREATE TABLE metadata (gun TEXT NOT NULL, role TEXT NOT NULL, version {integer} NOT NULL,"
        " sha256 TEXT NOT NULL, content {bytes} NOT NULL, PRIMARY KEY (gun, role, version))"
    ),
    "CREATE INDEX metadata_digest ON metadata (gun, role, sha256)",
    (
        "CREATE TABLE server_key (gun TEXT NOT NULL, role TEXT NOT NULL, key_id TEXT NOT NULL, public {bytes} NOT NULL,"
        " encrypted {bytes} NOT NULL, created_at TEXT NOT NULL, PRIMARY KEY (gun, role, key_id))"
    ),
    (
        "CREATE TABLE change (number {serial}, at TEXT NOT NULL, gun TEXT NOT NULL, action TEXT NOT NULL,"
        " actor TEXT NOT NULL, detail TEXT NOT NULL)"
    ),
    "INSERT INTO trust_format VALUES (1)",
)
_FILE = "SELECT role, version, sha256, content FROM metadata WHERE gun = ? AND role = ? "

_KEY = "SELECT role, key_id, public, encrypted, created_at FROM server_key "


class Cursor(Protocol):
    """What a statement gives back (PEP 249)."""

    @property
    def rowcount(self) -> int:
        """How many rows were written."""

    def fetchall(self) -> list[tuple[object, ...]]:
        """The rows."""


class Database(Protocol):
    """One open connection of a dialect. Every call raises what the dialect's `failure` understands."""

    def execute(self, statement: str, values: tuple[object, ...] = ()) -> Cursor:
        """Run a statement with `?` for values."""

    def close(self) -> None:
        """Close."""


class Dialect(NamedTuple):
    """How one kind of database is opened, what begins a writing transaction, and what its errors mean."""

    connect: Callable[[], Database]
    begin_writing: str
    begin_reading: str
    errors: tuple[type[Exception], ...]
    failure: Callable[[Exception], TrustkitError]


class SqlStorage:
    """A `Storage` over a small pool of connections."""

    def __init__(self, dialect: Dialect, connections: int) -> None:
        """Keep up to so many connections; the tables must exist."""
        self._dialect = dialect
        self._idle: queue.LifoQueue[Database | None] = queue.LifoQueue()
        for _ in range(connections):
            self._idle.put(None)

    def state(self, gun: str) -> State:
        """As in the Protocol: one transaction, so that generation and files belong together."""
        with self._transaction() as database:
            rows = database.execute("SELECT generation FROM repository WHERE gun = ?", (gun,)).fetchall()
            files = database.execute(
                "SELECT role, version, sha256, content FROM metadata AS m WHERE gun = ? AND version ="
                " (SELECT max(version) FROM metadata WHERE gun = m.gun AND role = m.role)",
                (gun,),
            ).fetchall()
        found = [_stored(row) for row in files]
        return State(_int(rows[0][0]) if rows else 0, {file.role: file for file in found})

    def current(self, gun: str, role: str) -> Stored | None:
        """As in the Protocol."""
        return self._file(_FILE + "ORDER BY version DESC LIMIT 1", (gun, role))

    def by_digest(self, gun: str, role: str, sha256: str) -> Stored | None:
        """As in the Protocol."""
        return self._file(_FILE + "AND sha256 = ? LIMIT 1", (gun, role, sha256))

    def by_version(self, gun: str, role: str, version: int) -> Stored | None:
        """As in the Protocol."""
        return self._file(_FILE + "AND version = ?", (gun, role, version))

    def publish(self, gun: str, publication: Publication, change: Change) -> None:
        """As in the Protocol."""
        with self._transaction(writing=True) as database:
            _take(database, gun, publication.generation)
            for role in sorted(publication.dropped):
                database.execute("DELETE FROM metadata WHERE gun = ? AND role = ?", (gun, role))
            for file in publication.files:
                database.execute("INSERT INTO metadata VALUES (?, ?, ?, ?, ?)", (gun, *file))
            database.execute(
                "DELETE FROM metadata WHERE gun = ? AND role = 'timestamp' AND version <="
                " (SELECT max(version) FROM metadata WHERE gun = ? AND role = 'timestamp') - ?",
                (gun, gun, _KEPT_TIMESTAMPS),
            )
            if publication.keys is not None:
                _retire(database, gun, publication.keys)
            _note(database, change)

    def delete(self, gun: str, change: Change) -> bool:
        """As in the Protocol; the generation stays, so that a publication prepared before cannot follow."""
        with self._transaction(writing=True) as database:
            raised = database.execute("UPDATE repository SET generation = generation + 1 WHERE gun = ?", (gun,))
            removed = database.execute("DELETE FROM metadata WHERE gun = ?", (gun,)).rowcount
            removed += database.execute("DELETE FROM server_key WHERE gun = ?", (gun,)).rowcount
            if raised.rowcount or removed:
                _note(database, change)
        return removed > 0

    def keys(self, gun: str, role: str) -> tuple[ServerKey, ...]:
        """As in the Protocol."""
        statement = f"{_KEY}WHERE gun = ? AND role = ? ORDER BY created_at, key_id"
        with self._transaction() as database:
            return tuple(_server_key(row) for row in database.execute(statement, (gun, role)).fetchall())

    def add_key(self, gun: str, key: ServerKey, most_keys: int) -> bool:
        """As in the Protocol; the repository's row is held, so that two callers do not both add one."""
        with self._transaction(writing=True) as database:
            database.execute("INSERT INTO repository VALUES (?, 0) ON CONFLICT (gun) DO NOTHING", (gun,))
            database.execute("UPDATE repository SET generation = generation WHERE gun = ?", (gun,))
            counted = database.execute("SELECT count(*) FROM server_key WHERE gun = ? AND role = ?", (gun, key.role))
            if _int(counted.fetchall()[0][0]) >= most_keys:
                return False
            values = (gun, key.role, key.key_id, key.public, key.encrypted, key.created_at.isoformat())
            database.execute("INSERT INTO server_key VALUES (?, ?, ?, ?, ?, ?)", values)
        return True

    def any_key(self) -> ServerKey | None:
        """As in the Protocol."""
        with self._transaction() as database:
            rows = database.execute(f"{_KEY}ORDER BY created_at DESC LIMIT 1").fetchall()
        return _server_key(rows[0]) if rows else None

    def changes(self, after: int, count: int, gun: str = "") -> tuple[tuple[int, Change], ...]:
        """As in the Protocol."""
        only, values = ("gun = ? AND ", (gun,)) if gun else ("", ())
        wanted = f"FROM change WHERE {only}number > ? ORDER BY number LIMIT ?"
        with self._transaction() as database:
            rows = database.execute(
                f"SELECT number, at, gun, action, actor, detail {wanted}",
                (*values, after, min(count, limits.TRUST_CHANGES)),
            ).fetchall()
        return tuple((_int(row[0]), Change(datetime.fromisoformat(str(row[1])), *map(str, row[2:]))) for row in rows)

    def probe(self) -> None:
        """As in the Protocol."""
        with self._transaction() as database:
            database.execute("SELECT version FROM trust_format").fetchall()

    def close(self) -> None:
        """As in the Protocol; connections in use are closed by their users."""
        while not self._idle.empty():
            opened = self._idle.get_nowait()
            if opened is not None:
                opened.close()

    def _file(self, statement: str, values: tuple[object, ...]) -> Stored | None:
        with self._transaction() as database:
            rows = database.execute(statement, values).fetchall()
        return _stored(rows[0]) if rows else None

    @contextmanager
    def _transaction(self, *, writing: bool = False) -> Iterator[Database]:
        """Lend a connection for one transaction; what fails is rolled back, and its connection given up."""
        database = self._idle.get()
        lent: Database | None = None
        try:
            lent = database or self._dialect.connect()
            lent.execute(self._dialect.begin_writing if writing else self._dialect.begin_reading)
            yield lent
            lent.execute("COMMIT")
        except BaseException as error:
            if lent is not None:
                lent.close()  # in the middle of a transaction, which undoes it
                lent = None
            if isinstance(error, self._dialect.errors):
                raise self._dialect.failure(error) from error
            raise
        finally:
            self._idle.put(lent)


def _take(database: Database, gun: str, generation: int) -> None:
    if generation == 0:
        database.execute("INSERT INTO repository VALUES (?, 0) ON CONFLICT (gun) DO NOTHING", (gun,))
    taken = database.execute(
        "UPDATE repository SET generation = generation + 1 WHERE gun = ? AND generation = ?", (gun, generation)
    )
    if taken.rowcount != 1:
        raise PublishConflictError(f"{gun}: somebody else published in between", next_step="publish again")


def _retire(database: Database, gun: str, kept: frozenset[str]) -> None:
    """Forget keys that the new root does not name: nothing they sign counts any more."""
    for (key_id,) in database.execute("SELECT key_id FROM server_key WHERE gun = ?", (gun,)).fetchall():
        if key_id not in kept:
            database.execute("DELETE FROM server_key WHERE gun = ? AND key_id = ?", (gun, key_id))


def _note(database: Database, change: Change) -> None:
    values = (change.at.isoformat(), change.gun, change.action, change.actor, change.detail)
    database.execute("INSERT INTO change (at, gun, action, actor, detail) VALUES (?, ?, ?, ?, ?)", values)


def _stored(row: tuple[object, ...]) -> Stored:
    return Stored(str(row[0]), _int(row[1]), str(row[2]), _bytes(row[3]))


def _server_key(row: tuple[object, ...]) -> ServerKey:
    at = datetime.fromisoformat(str(row[4]))
    return ServerKey(str(row[0]), str(row[1]), _bytes(row[2]), _bytes(row[3]), at)


def _int(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"the database returned {type(value).__name__} for a number")
    return value


def _bytes(value: object) -> bytes:
    if not isinstance(value, (bytes, memoryview)):
        raise TypeError(f"the database returned {type(value).__name__} for bytes")
    return bytes(value)
