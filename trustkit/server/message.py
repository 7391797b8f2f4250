"""Requests as handlers see them, and the four kinds of answer a handler may give."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

JSON = "application/json"
RAW_STREAM = "application/vnd.docker.raw-stream"
MULTIPLEXED_STREAM = "application/vnd.docker.multiplexed-stream"


@dataclass(frozen=True, slots=True)
class Request:
    """One request, its path decoded once and free of the version prefix, its body whole.

    `actor` is who connected, as the kernel says; `version` is (1, NN).
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    actor: str
    version: tuple[int, int]

    def flag(self, name: str) -> bool:
        """Whether a query parameter says yes, in Go's words."""
        return self.query.get(name, "").lower() in {"1", "true", "t", "yes"}


class Duplex(Protocol):
    """A connection that has left HTTP."""

    async def read(self) -> bytes:
        """The next bytes from the client; empty once it has ended its side."""
        ...

    async def write(self, data: bytes) -> None:
        """Pass bytes to the client; raises ConnectionError when it is gone."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int = 200
    body: bytes = b""
    media_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StreamReply:
    """An answer whose headers go out at once and whose body follows; `close` is always awaited."""

    chunks: AsyncIterator[bytes]
    media_type: str = JSON
    close: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Hijack:
    """An answer that takes the connection over; `close` is always awaited."""

    serve: Callable[[Duplex], Awaitable[None]]
    close: Callable[[], Awaitable[None]]
    media_type: str = RAW_STREAM


Answer = Reply | StreamReply | Hijack
Application = Callable[[Request], Awaitable[Answer]]
