"""HTTP/1.1 answers, read strictly (RFC 9112): no two readers may frame the same bytes differently.

    HTTP/1.1 200 OK CRLF
    Content-Length: 3 CRLF
    CRLF
    abc

Own code and not `http.client` because that costs 38 ms to import, half of a verification's budget.
"""

import re
from collections.abc import Callable, Iterator

from trustkit import limits
from trustkit.errors import DroppedConnectionError, LimitExceededError, ProtocolError
from trustkit.model.values import NamedTuple

_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: [^\x00-\x08\x0a-\x1f\x7f]*)?\Z")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*\Z")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?\Z")
_LENGTH = re.compile(r"[0-9]{1,18}\Z")
_CHUNK_LINE_BYTES = 1024
_INFORMATIONAL = 8
_READ_BYTES = 256 * 1024
_NO_CONTENT = (204, 304)


class Head(NamedTuple):
    """The status and the fields of an answer; field names are lower case."""

    version: int
    status: int
    fields: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """Return a field's value, "" if absent. Raises ProtocolError if it comes with two values."""
        values = {value for field, value in self.fields if field == name}
        if len(values) > 1:
            raise ProtocolError(f"the answer has {len(values)} different {name} fields")
        return values.pop() if values else ""

    def get_all(self, name: str) -> tuple[str, ...]:
        """Return every value of a field that may repeat."""
        return tuple(value for field, value in self.fields if field == name)


class Framing(NamedTuple):
    """How the body ends: chunked, after `length` bytes, or (both unset) with the connection."""

    chunked: bool
    length: int | None
    reusable: bool


class Reader:
    """A buffer over `receive(count)`, which returns b"" when the peer has closed."""

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        """Begin with an empty buffer."""
        self._receive = receive
        self._buffer = b""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was read ahead."""
        return not self._buffer

    def until(self, mark: bytes, limit_bytes: int, what: str) -> bytes:
        """Return what stands before `mark` and drop the mark.

        Raises LimitExceededError, DroppedConnectionError.
        """
        while (at := self._buffer.find(mark, 0, limit_bytes + len(mark))) < 0:
            if len(self._buffer) >= limit_bytes + len(mark):
                raise LimitExceededError(f"{what} is longer than the {limit_bytes} bytes allowed")
            self._buffer += self._more(what)
        found, self._buffer = self._buffer[:at], self._buffer[at + len(mark) :]
        return found

    def some(self, limit_bytes: int, what: str) -> bytes:
        """Return between 1 and `limit_bytes` bytes. Raises DroppedConnectionError."""
        if not self._buffer:
            return self._more(what, min(limit_bytes, _READ_BYTES))
        found, self._buffer = self._buffer[:limit_bytes], self._buffer[limit_bytes:]
        return found

    def rest(self) -> Iterator[bytes]:
        """Yield everything until the peer closes."""
        if self._buffer:
            yield self._buffer
            self._buffer = b""
        while chunk := self._receive(_READ_BYTES):
            yield chunk

    def _more(self, what: str, count: int = _READ_BYTES) -> bytes:
        chunk = self._receive(count)
        if not chunk:
            raise DroppedConnectionError(f"the connection was closed inside {what}")
        return chunk


def read_head(reader: Reader) -> Head:
    """Return the head of the final answer, skipping informational ones (RFC 9110 15.2).

    Raises ProtocolError, LimitExceededError, DroppedConnectionError.
    """
    for _ in range(_INFORMATIONAL):
        head = parse_head(reader.until(b"\r\n\r\n", limits.HEADER_BYTES, "the answer's header"))
        if head.status == 101:  # noqa: PLR2004
            raise ProtocolError("the server changes protocols without being asked")
        if head.status >= 200:  # noqa: PLR2004
            return head
    raise ProtocolError("the server sends only informational answers")


def parse_head(content: bytes) -> Head:
    """Read status line and fields. Raises ProtocolError, LimitExceededError. RFC 9112 4, 5."""
    first, *lines = content.split(b"\r\n")
    status = _STATUS.match(first)
    if status is None:
        raise ProtocolError(f"not an HTTP answer: {first[:60]!r}")
    if len(lines) > limits.HEADER_LINES:
        raise LimitExceededError(f"the answer has more than {limits.HEADER_LINES} header lines")
    fields = []
    for line in lines:
        field = _FIELD.match(line)
        if field is None:
            raise ProtocolError(f"not an HTTP header line: {line[:60]!r}")
        fields.append((field[1].decode("ascii").lower(), field[2].decode("latin-1")))
    return Head(int(status[1]), int(status[2]), tuple(fields))


def framing(head: Head, method: str) -> Framing:
    """Say where the body ends. Raises ProtocolError. RFC 9112 6.3."""
    options = [part.strip() for part in ",".join(head.get_all("connection")).lower().split(",")]
    reusable = "close" not in options and (head.version == 1 or "keep-alive" in options)
    coding, length = head.get_all("transfer-encoding"), head.get("content-length")
    if coding and head.get_all("content-length"):
        raise ProtocolError("the answer has both Transfer-Encoding and Content-Length")
    if length and not _LENGTH.match(length):
        raise ProtocolError(f"not a Content-Length: {length[:40]!r}")
    if head.get_all("content-length") and not length:
        raise ProtocolError("the Content-Length is empty")
    if method == "HEAD" or head.status in _NO_CONTENT:
        return Framing(chunked=False, length=0, reusable=reusable)
    if coding:
        if head.version == 0 or [each.lower() for each in coding] != ["chunked"]:
            raise ProtocolError(f"unknown Transfer-Encoding {', '.join(coding)[:60]!r}")
        return Framing(chunked=True, length=None, reusable=reusable)
    if length:
        return Framing(chunked=False, length=int(length), reusable=reusable)
    return Framing(chunked=False, length=None, reusable=False)


def body(reader: Reader, frame: Framing) -> Iterator[bytes]:
    """Yield the body; its end is reached only if it came whole.

    Raises DroppedConnectionError, ProtocolError, LimitExceededError.
    """
    if frame.chunked:
        yield from _chunks(reader)
    elif frame.length is not None:
        yield from _sized(reader, frame.length)
    else:
        yield from reader.rest()


def _sized(reader: Reader, length: int) -> Iterator[bytes]:
    while length:
        chunk = reader.some(length, "the answer's body")
        length -= len(chunk)
        yield chunk


def _chunks(reader: Reader) -> Iterator[bytes]:
    """Yield the data of chunks, then drop the trailers (RFC 9112 7.1)."""
    while True:
        line = reader.until(b"\r\n", _CHUNK_LINE_BYTES, "a chunk's header")
        size = _CHUNK.match(line)
        if size is None:
            raise ProtocolError(f"not a chunk header: {line[:40]!r}")
        length = int(size[1], 16)
        if not length:
            break
        yield from _sized(reader, length)
        if reader.until(b"\r\n", 0, "a chunk's end"):
            raise ProtocolError("a chunk is longer than it says")
    for _ in range(limits.HEADER_LINES):
        if not reader.until(b"\r\n", limits.HEADER_BYTES, "a trailer"):
            return
    raise LimitExceededError(f"the answer has more than {limits.HEADER_LINES} trailer lines")
