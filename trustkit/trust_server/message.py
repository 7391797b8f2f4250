"""Requests as handlers see them, and whole answers."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

JSON = "application/json"
# How long caches may keep what is named by its digest, and what is not (seconds): notary-server's own numbers.
_FOR_GOOD = "max-age=2592000"
_FOR_NOW = "max-age=300, must-revalidate"


@dataclass(frozen=True, slots=True)
class Request:
    """One request whose body has not been read: nobody's bytes are taken before it is known who sends them."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Callable[[int], Awaitable[bytes]]
    query: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int = 200
    body: bytes = b""
    media_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


Application = Callable[[Request], Awaitable[Reply]]


def json_reply(value: object, status: int = 200) -> Reply:
    """Return a JSON answer."""
    return Reply(status, json.dumps(value, separators=(",", ":")).encode())


def cached(content: bytes, *, named_by_digest: bool, public: bool) -> Reply:
    """Return metadata with the word for caches; only what everybody may read is for caches that many share."""
    shared = "public" if public else "private"
    return Reply(200, content, headers=(("Cache-Control", f"{shared}, {_FOR_GOOD if named_by_digest else _FOR_NOW}"),))
