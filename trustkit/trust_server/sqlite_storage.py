"""The default storage: one SQLite file, readable by its owner only."""

import os
import sqlite3
from pathlib import Path

from trustkit.durable import make_folder, storage_error
from trustkit.errors import StorageError, TrustkitError
from trustkit.trust_server.sql_storage import FORMAT, SCHEMA, Database, Dialect, SqlStorage

_BUSY_SECONDS = 15.0
_CONNECTIONS = 4
_WORDS = {"integer": "INTEGER", "bytes": "BLOB", "serial": "INTEGER PRIMARY KEY AUTOINCREMENT"}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def open_sqlite(path: Path) -> SqlStorage:
    """Open the database, making file and tables if there are none. Raises StorageError."""
    make_folder(path.parent)

    def failure(error: Exception) -> TrustkitError:
        return _failure(path, error)

    dialect = Dialect(lambda: _connect(path), "BEGIN IMMEDIATE", "BEGIN", (sqlite3.Error, OSError), failure)
    try:
        database = _connect(path)
        try:
            _prepare(database, path)
        finally:
            database.close()
    except (sqlite3.Error, OSError) as error:
        raise failure(error) from error
    return SqlStorage(dialect, _CONNECTIONS)


def _connect(path: Path) -> sqlite3.Connection:
    # Made here so that it, and the files SQLite makes beside it, are the owner's alone.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    database = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        # FULL: in WAL mode anything less loses the newest commits in a power cut.
        database.execute("PRAGMA synchronous=FULL")
    except sqlite3.Error:
        database.close()
        raise
    return database


def _prepare(database: Database, path: Path) -> None:
    database.execute("BEGIN IMMEDIATE")
    if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'trust_format'").fetchall():
        for statement in SCHEMA:
            database.execute(statement.format(**_WORDS))
    found = database.execute("SELECT version FROM trust_format").fetchall()
    if found != [(FORMAT,)]:
        raise StorageError(
            f"{path}: its tables have a format this program does not know",
            next_step="use the version of trustkit that wrote it, or a newer one",
        )
    database.execute("COMMIT")


def _failure(path: Path, error: Exception) -> TrustkitError:
    if isinstance(error, OSError):
        return storage_error(path, error)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    reason = "the database is damaged" if code in _DAMAGED else str(error)
    return StorageError(
        f"{path}: {reason}",
        next_step="check the disk's free space and permissions, or restore the file",
        path=str(path),
    )
