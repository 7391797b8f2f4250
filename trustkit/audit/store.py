"""The log's database: one table of entries, the tree's right edge, and signed checkpoints (SQLite)."""

import errno
import os
import sqlite3
from pathlib import Path

from trustkit import durable
from trustkit.errors import AuditError, AuditTamperedError, StorageError, TrustkitError
from trustkit.model.values import NamedTuple

DATABASE_FILE = "log.db"
CHECKPOINT_FILE = "checkpoint"
LOCK_FILE = "lock"
FORMAT = 1
# A checkpoint is kept for good each time the log passes a multiple of this, to narrow down damage.
KEEP_EVERY = 256
_BUSY_SECONDS = 30.0

_SCHEMA = """
CREATE TABLE entry (
    idx INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, outcome TEXT NOT NULL,
    subject TEXT, leaf BLOB NOT NULL, entry BLOB NOT NULL);
CREATE INDEX entry_kind ON entry (kind, outcome);
CREATE INDEX entry_subject ON entry (subject) WHERE subject IS NOT NULL;
CREATE TABLE tree (id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL, peaks BLOB NOT NULL);
CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note BLOB NOT NULL);
"""

# The disk said no before anything was changed; trying again later is safe.
_CLEAN_REFUSALS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "the disk or the folder is read-only",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened",
    sqlite3.SQLITE_PERM: "permission denied",
    sqlite3.SQLITE_BUSY: "another program keeps the database locked",
}
_CLEAN_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_PRIMARY_CODE = 0xFF


class Head(NamedTuple):
    """Where the log ends: its size, the tree's right edge, and the newest signed checkpoint."""

    size: int
    peaks: bytes
    note: bytes


def connect(folder: Path) -> sqlite3.Connection:
    """Open the database for writing, making the file if there is none. Raises sqlite3.Error, OSError."""
    path = folder / DATABASE_FILE
    # Made here so that it, and the files SQLite makes beside it, are the owner's alone.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    database = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        # FULL: in WAL mode anything less loses the newest commits in a power cut.
        database.execute("PRAGMA synchronous=FULL")
        if database.execute("PRAGMA user_version").fetchone()[0] == 0:
            database.execute("PRAGMA journal_mode=WAL")
    except sqlite3.Error:
        database.close()
        raise
    return database


def connect_reader(folder: Path) -> sqlite3.Connection:
    """Open the database for reading only. Raises AuditError if there is none, StorageError."""
    path = folder / DATABASE_FILE
    if not path.exists():
        raise AuditError(
            f"{folder}: there is no decision log here",
            next_step="a log begins with the first decision; or name the right folder",
        )
    uri = "file:" + str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    try:
        database = sqlite3.connect(f"{uri}?mode=ro", uri=True, isolation_level=None)
        try:
            database.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            database.close()
            if path.with_name(path.name + "-wal").exists():
                raise
            # A copy on a read-only medium: SQLite cannot make its shared-memory file there.
            database = sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise failure(folder, error) from error
    return database


def is_ready(database: sqlite3.Connection) -> bool:
    """Whether the database holds a log. Raises AuditError for a log of a newer program."""
    version = int(database.execute("PRAGMA user_version").fetchone()[0])
    if version not in {0, FORMAT}:
        raise AuditError(
            f"the log's database has format {version}; this program knows {FORMAT}",
            next_step="use the version of trustkit that wrote it, or a newer one",
        )
    return version == FORMAT


def create(database: sqlite3.Connection, note: bytes) -> None:
    """Make the empty log, with its checkpoint of size 0, in one transaction."""
    database.execute("BEGIN IMMEDIATE")
    for statement in _SCHEMA.split(";")[:-1]:
        database.execute(statement)
    database.execute("INSERT INTO tree VALUES (1, 0, x'')")
    database.execute("INSERT INTO checkpoint VALUES (0, ?)", (note,))
    database.execute(f"PRAGMA user_version={FORMAT}")
    database.execute("COMMIT")


def head(database: sqlite3.Connection) -> Head:
    """Return where the log ends. Raises AuditTamperedError if its bookkeeping is gone."""
    newest = "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1"
    found = database.execute(f"SELECT size, peaks, ({newest}) FROM tree WHERE id = 1").fetchone()  # noqa: S608
    if found is None or found[2] is None:
        raise AuditTamperedError("the log's tree or its checkpoints were removed from the database")
    return Head(int(found[0]), bytes(found[1]), bytes(found[2]))


def set_head(database: sqlite3.Connection, old_size: int, new: Head) -> None:
    """Move the log's end, inside the transaction that added the entries."""
    moved = 0
    if old_size // KEEP_EVERY == new.size // KEEP_EVERY:
        move = "UPDATE OR REPLACE checkpoint SET size = ?, note = ? WHERE size = ?"
        moved = database.execute(move, (new.size, new.note, old_size)).rowcount
    if not moved:
        database.execute("INSERT OR REPLACE INTO checkpoint VALUES (?, ?)", (new.size, new.note))
    database.execute("UPDATE tree SET size = ?, peaks = ? WHERE id = 1", (new.size, new.peaks))


def failure(folder: Path, error: sqlite3.Error | OSError) -> TrustkitError:
    """Say what the database or the system refused, as one of our errors."""
    path = folder / DATABASE_FILE
    if isinstance(error, OSError):
        return durable.storage_error(Path(str(error.filename or path)), error)
    code = _primary_code(error)
    if code in _DAMAGED:
        return AuditTamperedError(
            f"{path}: the database is damaged: {error}",
            next_step="keep the folder as it is for examination; nothing is admitted meanwhile",
        )
    if isinstance(error, sqlite3.IntegrityError):
        return AuditTamperedError(f"{path}: the log's end is not where its tree says: {error}")
    reason = _CLEAN_REFUSALS.get(code, f"input/output error ({error})")
    return StorageError(
        f"{path}: {reason}",
        next_step="check the disk's free space and permissions, or move the state directory with "
        "TRUSTKIT_HOME; nothing starts until the decision can be recorded",
        path=str(path),
    )


def is_clean(error: BaseException | None) -> bool:
    """Whether a failed write certainly left the log as it was, so that a retry is safe."""
    if isinstance(error, StorageError):
        error = error.__cause__
    if isinstance(error, OSError):
        return error.errno in _CLEAN_ERRNOS
    return isinstance(error, sqlite3.Error) and _primary_code(error) in _CLEAN_REFUSALS


def _primary_code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
