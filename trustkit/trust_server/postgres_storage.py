"""Storage in PostgreSQL, for a server that several machines run: `postgresql://USER@HOST/DATABASE`."""

from typing import Any

from trustkit.errors import PluginError, StorageError, TrustkitError
from trustkit.trust_server.sql_storage import FORMAT, SCHEMA, Cursor, Dialect, SqlStorage

_CONNECTIONS = 8
_CONNECT_SECONDS = 10
_WORDS = {"integer": "BIGINT", "bytes": "BYTEA", "serial": "BIGSERIAL PRIMARY KEY"}
# An arbitrary number that two servers starting at once agree on.
_SCHEMA_LOCK = 0x7472757374
_STATEMENT_MILLISECONDS = 15_000


class _Connection:
    """psycopg's connection in autocommit mode, with `?` for values: transactions are begun by statement."""

    def __init__(self, opened: Any) -> None:
        self._opened = opened

    def execute(self, statement: str, values: tuple[object, ...] = ()) -> Cursor:
        """Run a statement; no text of ours holds a percent sign."""
        cursor: Cursor = self._opened.execute(statement.replace("?", "%s"), values or None)
        return cursor

    def close(self) -> None:
        """Close; an open transaction is rolled back by the server."""
        self._opened.close()


def open_postgres(url: str) -> SqlStorage:
    """Connect, and make the tables if there are none. Raises StorageError, PluginError."""
    try:
        import psycopg
    except ImportError as error:
        message = "PostgreSQL needs the package psycopg"
        raise PluginError(message, next_step="pip install 'trustkit[postgres]'") from error

    def connect() -> _Connection:
        options = f"-c statement_timeout={_STATEMENT_MILLISECONDS} -c lock_timeout={_STATEMENT_MILLISECONDS}"
        opened = psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_SECONDS, options=options)
        return _Connection(opened)

    dialect = Dialect(connect, "BEGIN", "BEGIN READ ONLY", (psycopg.Error,), _failure)
    try:
        database = connect()
        try:
            _prepare(database)
        finally:
            database.close()
    except psycopg.Error as error:
        raise _failure(error) from error
    return SqlStorage(dialect, _CONNECTIONS)


def _prepare(database: _Connection) -> None:
    database.execute("BEGIN")
    database.execute("SELECT pg_advisory_xact_lock(?)", (_SCHEMA_LOCK,))
    if database.execute("SELECT to_regclass('trust_format')").fetchall() == [(None,)]:
        for statement in SCHEMA:
            database.execute(statement.format(**_WORDS))
    if database.execute("SELECT version FROM trust_format").fetchall() != [(FORMAT,)]:
        raise StorageError(
            "the database's tables have a format this program does not know",
            next_step="use the version of trustkit that made them, or a newer one",
        )
    database.execute("COMMIT")


def _failure(error: Exception) -> TrustkitError:
    # The first line; libpq adds hints, and never the password.
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    message = f"PostgreSQL: {reason}"
    return StorageError(message, next_step="check that the database runs, and its URL, user and password")
