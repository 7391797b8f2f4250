"""A store in PostgreSQL: `postgresql://USER@HOST/DATABASE?sslmode=verify-full`.

FIPS mode refuses it: psycopg brings an OpenSSL of its own. Use Redis there.
"""

from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from trustkit import limits
from trustkit.errors import ConfigError, PluginError
from trustkit.fleet.errors import SharedStoreError
from trustkit.net.url import is_loopback

_IDLE = 8
# An arbitrary number that two nodes starting at once agree on.
_SCHEMA_LOCK = 0x666C656574
_SCHEMA = (
    "SELECT pg_advisory_xact_lock(%s)",
    (
        "CREATE TABLE IF NOT EXISTS trustkit_shared"
        " (name TEXT PRIMARY KEY, content BYTEA NOT NULL, ends TIMESTAMPTZ NOT NULL)"
    ),
    "CREATE INDEX IF NOT EXISTS trustkit_shared_ends ON trustkit_shared (ends)",
)
_GET = (
    "SELECT octet_length(content), CASE WHEN octet_length(content) <= %s THEN content END"
    " FROM trustkit_shared WHERE name = %s AND ends > now()"
)
_PUT = (
    "INSERT INTO trustkit_shared VALUES (%s, %s, now() + make_interval(secs => %s))"
    " ON CONFLICT (name) DO UPDATE SET content = EXCLUDED.content, ends = EXCLUDED.ends"
)
_FIRST = "INSERT INTO trustkit_shared VALUES (%s, %s, 'infinity') ON CONFLICT (name) DO NOTHING"
_NEXT = "UPDATE trustkit_shared SET content = %s WHERE name = %s AND content = %s"
# Nothing else forgets what has ended; and the soonest to end go first when there are too many.
_SWEEP = "DELETE FROM trustkit_shared WHERE ends <= now()"
_BOUND = (
    "DELETE FROM trustkit_shared WHERE name IN (SELECT name FROM trustkit_shared"
    " WHERE ends < 'infinity' ORDER BY ends DESC OFFSET %s)"
)
_SWEEP_EVERY = 64
_Answer = TypeVar("_Answer")


class PostgresStore:
    """A `Store` in one table, over a few connections."""

    def __init__(self, url: str, seconds: float, ca_file: str = "", most: int = limits.SHARED_ENTRIES) -> None:
        """Keep the address; nothing is opened yet. Raises ConfigError, PluginError."""
        try:
            import psycopg
        except ImportError as error:
            message = f"PostgreSQL needs the package psycopg: {error}"
            raise PluginError(message, next_step="pip install 'trustkit[postgres]', or use Redis") from error
        self._library: Any = psycopg
        self._place = _require_safe(url)
        self._url, self._seconds, self._most = url, seconds, most
        self._more = {"sslrootcert": ca_file} if ca_file else {}
        self._idle: list[Any] = []
        self._lock = Lock()
        self._prepared = False
        self._puts = 0

    @property
    def place(self) -> str:
        """As in the Protocol."""
        return self._place

    def get(self, name: str, limit_bytes: int) -> bytes | None:
        """As in the Protocol; the server is asked for no more than the limit."""
        rows = self._with(lambda database: database.execute(_GET, (limit_bytes, name)).fetchall())
        if not rows:
            return None
        size, content = rows[0]
        if content is None:
            raise self._failed(f"it holds a value of {size} bytes, more than {limit_bytes}")
        return bytes(content)

    def put(self, name: str, content: bytes, seconds: int) -> None:
        """As in the Protocol."""
        self._with(lambda database: database.execute(_PUT, (name, content, max(1, seconds))))
        with self._lock:
            self._puts += 1
            due = self._puts % _SWEEP_EVERY == 1
        if due:
            self._with(lambda database: (database.execute(_SWEEP), database.execute(_BOUND, (self._most,))))

    def swap(self, name: str, before: bytes | None, after: bytes) -> bool:
        """As in the Protocol."""
        if before is None:
            return bool(self._with(lambda database: database.execute(_FIRST, (name, after)).rowcount))
        return bool(self._with(lambda database: database.execute(_NEXT, (after, name, before)).rowcount))

    def close(self) -> None:
        """As in the Protocol."""
        with self._lock:
            for database in self._idle:
                database.close()
            self._idle.clear()

    def _with(self, ask: Callable[[Any], _Answer]) -> _Answer:
        """Return what a connection answers; an idle one that was closed meanwhile is worth a second try."""
        with self._lock:
            database = self._idle.pop() if self._idle else None
        fresh = database is None
        try:
            database = database or self._opened()
            answer = ask(database)
        except self._library.Error as error:
            if database is not None:
                database.close()
            if fresh:
                raise self._failed((str(error).strip().splitlines() or [type(error).__name__])[0]) from error
            self.close()
            return self._with(ask)
        with self._lock:
            if len(self._idle) < _IDLE:
                self._idle.append(database)
                return answer
        database.close()
        return answer

    def _opened(self) -> Any:
        patience = int(self._seconds * 1000)
        options = f"-c statement_timeout={patience} -c lock_timeout={patience}"
        # libpq counts in whole seconds, and two at least
        connect_seconds = max(2, int(self._seconds))
        # a server that went silent is noticed by TCP, since libpq has no time-out for answers
        alive = {"tcp_user_timeout": patience, "keepalives_idle": 1, "keepalives_interval": 1, "keepalives_count": 2}
        database = self._library.connect(
            self._url, autocommit=True, connect_timeout=connect_seconds, options=options, **alive, **self._more
        )
        if not self._prepared:
            with database.transaction():
                for statement in _SCHEMA:
                    database.execute(statement, (_SCHEMA_LOCK,) if "%s" in statement else None)
            self._prepared = True
        return database

    def _failed(self, reason: str) -> SharedStoreError:
        return SharedStoreError(f"{self._place}: {reason}", next_step="check that PostgreSQL runs, and cache.url")


def _require_safe(url: str) -> str:
    """Return the URL without user, password and options, if the way there is safe. Raises ConfigError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 5432
    except ValueError as error:
        raise ConfigError("cache.url is no URL of a PostgreSQL") from error
    if host and not is_loopback(host) and parse_qs(parts.query).get("sslmode") != ["verify-full"]:
        raise ConfigError(
            f"cache.url: {host} is another machine, and nothing makes sure that it is the right one",
            next_step="add ?sslmode=verify-full, and name its authority with cache.ca_file",
        )
    return f"postgresql://{host}:{port}{parts.path}"
