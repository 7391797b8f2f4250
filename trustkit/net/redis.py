"""A connection to Redis (RESP2): commands of byte strings, and answers of bounded size.

https://redis.io/docs/latest/develop/reference/protocol-spec/. Only the answers that are needed are known: simple
strings, errors, integers and bulk strings.
"""

from collections.abc import Callable

from trustkit.errors import LimitExceededError, ProtocolError
from trustkit.net.connection import Connection, Timeouts, connect
from trustkit.net.tls import TlsContext
from trustkit.net.url import Url

_LINE_BYTES = 1024
_PART_BYTES = 64 * 1024
_NUMBER_CHARS = 20


class RedisConnection:
    """One connection; after any error it must not be used again."""

    def __init__(self, url: Url, timeouts: Timeouts, tls: Callable[[], TlsContext]) -> None:
        """Connect, with TLS if the URL's scheme is https. Raises UnreachableError."""
        self._connection: Connection = connect(url, timeouts, tls)
        self._read = b""
        self._name = url.authority

    def ask(self, *words: bytes, limit_bytes: int = _LINE_BYTES) -> bytes | int | None:
        """Return the answer to one command. Raises UnreachableError, ProtocolError, LimitExceededError."""
        head = b"*%d\r\n" % len(words)
        self._connection.send(head, b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words))
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b"-":
            raise ProtocolError(f"{self._name}: {rest.decode('ascii', 'replace')[:200]}")
        if kind not in (b":", b"$"):
            raise ProtocolError(f"{self._name} does not speak Redis' protocol: {line[:40]!r}")
        number = self._number(rest)
        if kind == b":":
            return number
        return None if number == -1 else self._bulk(number, limit_bytes)

    def close(self) -> None:
        """Close, quietly."""
        self._connection.close()

    def _bulk(self, count: int, limit_bytes: int) -> bytes:
        if count > limit_bytes:
            raise LimitExceededError(f"{self._name} answers with {count} bytes, more than {limit_bytes}")
        if count < 0:
            raise ProtocolError(f"{self._name} answers with {count} bytes")
        content = self._exactly(count + 2)
        if content[count:] != b"\r\n":
            raise ProtocolError(f"{self._name} ends an answer late")
        return content[:count]

    def _line(self) -> bytes:
        while b"\r\n" not in self._read:
            if len(self._read) > _LINE_BYTES:
                raise ProtocolError(f"{self._name} answers with an endless line")
            self._more()
        line, _, self._read = self._read.partition(b"\r\n")
        return line

    def _exactly(self, count: int) -> bytes:
        parts = [self._read]
        held = len(self._read)
        while held < count:
            self._read = b""
            self._more()
            parts.append(self._read)
            held += len(self._read)
        whole = b"".join(parts)
        self._read = whole[count:]
        return whole[:count]

    def _more(self) -> None:
        part = self._connection.receive(_PART_BYTES)
        if not part:
            raise ProtocolError(f"{self._name} ends in the middle of an answer")
        self._read += part

    def _number(self, text: bytes) -> int:
        digits = text.removeprefix(b"-")
        if not digits.isdigit() or len(digits) > _NUMBER_CHARS:
            raise ProtocolError(f"{self._name} answers with no number: {text[:40]!r}")
        return int(text)
