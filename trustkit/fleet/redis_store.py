"""A store in Redis: `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]`, `rediss://` with TLS.

Values that end have a time to live, so Redis forgets them itself; revocations have none: give Redis
`maxmemory-policy volatile-ttl`, and it never drops them to make room.
"""

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import TypeVar
from urllib.parse import unquote

from trustkit.errors import ConfigError, TrustkitError
from trustkit.fleet.errors import SharedStoreError
from trustkit.model.values import NamedTuple
from trustkit.net.connection import Timeouts
from trustkit.net.redis import RedisConnection
from trustkit.net.tls import TlsContext, tls_context
from trustkit.net.url import Url, is_loopback, split_host

_PORT = 6379
_PREFIX = b"trustkit:"
# Idle connections kept, and seconds after which one is too old to be worth a try: servers close idle ones.
_IDLE, _IDLE_SECONDS = 8, 30.0
# Compare and set in one step (GET of nothing is false in Lua).
_SWAP = b"""local now = redis.call('GET', KEYS[1])
if (ARGV[1] == '' and not now) or (now and now == ARGV[1]) then redis.call('SET', KEYS[1], ARGV[2]) return 1 end
return 0"""
_Answer = TypeVar("_Answer")


class _Place(NamedTuple):
    url: Url
    user: str
    password: str
    database: int


class RedisStore:
    """A `Store` over a few connections."""

    def __init__(self, url: str, seconds: float, ca_file: Path | None) -> None:
        """Keep the address; nothing is opened yet. Raises ConfigError."""
        self._at = _place(url)
        self._timeouts = Timeouts(seconds, seconds)
        self._ca_file = ca_file
        self._context: TlsContext | None = None
        self._idle: list[tuple[RedisConnection, float]] = []
        self._lock = Lock()

    @property
    def place(self) -> str:
        """As in the Protocol."""
        scheme = "rediss" if self._at.url.scheme == "https" else "redis"
        return f"{scheme}://{self._at.url.host}:{self._at.url.port}/{self._at.database}"

    def get(self, name: str, limit_bytes: int) -> bytes | None:
        """As in the Protocol; what is absent and what is empty cannot be told apart, and no value is empty."""
        end = str(limit_bytes).encode()

        def ask(connection: RedisConnection) -> bytes | None:
            found = connection.ask(b"GETRANGE", _PREFIX + name.encode(), b"0", end, limit_bytes=limit_bytes + 1)
            return found if isinstance(found, bytes) and found else None

        found = self._with(ask)
        if found is not None and len(found) > limit_bytes:
            raise self._failed(f"it holds a value of more than {limit_bytes} bytes")
        return found

    def put(self, name: str, content: bytes, seconds: int) -> None:
        """As in the Protocol."""
        life = str(max(1, seconds)).encode()
        self._with(lambda connection: connection.ask(b"SET", _PREFIX + name.encode(), content, b"EX", life))

    def swap(self, name: str, before: bytes | None, after: bytes) -> bool:
        """As in the Protocol."""
        key = _PREFIX + name.encode()
        return self._with(lambda one: one.ask(b"EVAL", _SWAP, b"1", key, before or b"", after)) == 1

    def close(self) -> None:
        """As in the Protocol."""
        with self._lock:
            for connection, _ in self._idle:
                connection.close()
            self._idle.clear()

    def _with(self, ask: Callable[[RedisConnection], _Answer]) -> _Answer:
        """Return what a connection answers; an idle one that was closed meanwhile is worth a second try."""
        connection, fresh = self._taken()
        try:
            answer = ask(connection)
        except TrustkitError as error:
            connection.close()
            if fresh:
                raise self._failed(error.message) from error
            self.close()
            return self._with(ask)
        with self._lock:
            if len(self._idle) < _IDLE:
                self._idle.append((connection, monotonic()))
                return answer
        connection.close()
        return answer

    def _taken(self) -> tuple[RedisConnection, bool]:
        with self._lock:
            while self._idle:
                connection, since = self._idle.pop()
                if monotonic() - since < _IDLE_SECONDS:
                    return connection, False
                connection.close()
        return self._opened(), True

    def _opened(self) -> RedisConnection:
        at = self._at
        try:
            connection = RedisConnection(at.url, self._timeouts, self._tls)
            if at.password:
                user = (at.user.encode(),) if at.user else ()
                connection.ask(b"AUTH", *user, at.password.encode())
            if at.database:
                connection.ask(b"SELECT", str(at.database).encode())
        except TrustkitError as error:
            raise self._failed(error.message) from error
        return connection

    def _tls(self) -> TlsContext:
        if self._context is None:
            self._context = tls_context(self._ca_file)
        return self._context

    def _failed(self, reason: str) -> SharedStoreError:
        return SharedStoreError(f"{self.place}: {reason}", next_step="check that Redis runs, and cache.url")


def _place(url: str) -> _Place:
    """Return the parts of a URL. Raises ConfigError; no message has the password."""
    scheme, _, rest = url.partition("://")
    login, at, where = rest.rpartition("@")
    authority, _, database = where.partition("/")
    user, _, password = login.partition(":")
    wrong = "write redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// with TLS"
    if scheme not in ("redis", "rediss") or not authority or (database and not database.isdecimal()):
        raise ConfigError(f"cache.url names no Redis: {scheme}://{where}", next_step=wrong)
    if at and not password:
        raise ConfigError("cache.url names a user and no password", next_step=wrong)
    try:
        host, port = split_host(authority, _PORT)
    except TrustkitError as error:
        raise ConfigError(f"cache.url: {error.message}", next_step=wrong) from error
    if scheme == "redis" and not is_loopback(host):
        raise ConfigError(f"cache.url: {host} is another machine, and redis:// has no TLS", next_step="use rediss://")
    inner = Url("https" if scheme == "rediss" else "http", host, port, "/")
    return _Place(inner, unquote(user), unquote(password), int(database or 0))
