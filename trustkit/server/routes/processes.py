"""`/containers/{id}/stop|kill|wait|resize`."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import get_args

from trustkit.engine.service import WaitCondition
from trustkit.engine.values import ExitStatus
from trustkit.errors import TrustkitError, UsageError
from trustkit.server import ledger
from trustkit.server.message import Answer, Reply, Request, StreamReply
from trustkit.server.parts import Parts
from trustkit.server.shapes import fields
from trustkit.server.shapes.container import kept_of

_CONDITIONS: dict[str, WaitCondition] = {word: word for word in get_args(WaitCondition)}


async def stop(parts: Parts, request: Request, name: str) -> Answer:
    """Stop a container; its own timeout counts unless the request has one."""
    view = await parts.engine.inspect(name)
    if view.status.value in {"created", "exited"}:
        return Reply(304)
    config = kept_of(view).config
    timeout = fields.integer(config, "StopTimeout") if config.get("StopTimeout") is not None else None
    if request.query.get("t"):
        timeout = _integer(request.query["t"], "t")
    await parts.engine.stop(view.id, timeout)
    return Reply(204)


async def kill(parts: Parts, request: Request, name: str) -> Answer:
    """Send a signal."""
    await parts.engine.kill(name, request.query.get("signal") or "KILL")
    return Reply(204)


async def resize(parts: Parts, request: Request, name: str) -> Answer:
    """Set the size of a container's terminal."""
    rows, columns = size_of(request)
    await parts.engine.resize(name, rows, columns)
    return Reply(200)


# struct winsize holds unsigned shorts
_MOST_ROWS = 0xFFFF
# Thirty years of seconds; clocks do not count to what Python can.
_MOST = 10**9


def size_of(request: Request) -> tuple[int, int]:
    """Return rows and columns of a resize request. Raises UsageError."""
    rows, columns = (_integer(request.query.get(name, ""), name) for name in ("h", "w"))
    if not (0 <= rows <= _MOST_ROWS and 0 <= columns <= _MOST_ROWS):
        raise UsageError("a terminal has at most 65535 rows and columns")
    return rows, columns


def _integer(text: str, name: str) -> int:
    try:
        found = int(text)
    except ValueError as error:
        raise UsageError(f"{name}: {text[:40]!r} is no number") from error
    if abs(found) > _MOST:
        raise UsageError(f"{name}: {text[:40]!r} is beyond {_MOST}")
    return found


async def wait(parts: Parts, request: Request, name: str) -> Answer:
    """Wait for a condition; the headers go out once the wait is in place, the status when it is met."""
    word = request.query.get("condition") or "not-running"
    if word not in _CONDITIONS:
        raise UsageError(f"invalid condition: {word[:40]!r}", next_step=f"use one of {', '.join(_CONDITIONS)}")
    view = await parts.engine.inspect(name)
    waiting = asyncio.ensure_future(parts.engine.wait(view.id, _CONDITIONS[word]))
    # The client starts the container when it sees our headers: by then the wait must have begun.
    await asyncio.sleep(0)

    async def close() -> None:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    return StreamReply(_status(parts, view.id, waiting), close=close)


async def _status(parts: Parts, container: str, waiting: "asyncio.Future[ExitStatus]") -> AsyncIterator[bytes]:
    try:
        status = await waiting
        await ledger.exit_recorded(parts, container)
    except TrustkitError as error:
        yield json.dumps({"StatusCode": 125, "Error": {"Message": error.message}}).encode()
        return
    members: dict[str, object] = {"StatusCode": status.code}
    if status.error:
        members["Error"] = {"Message": status.error}
    yield json.dumps(members).encode() + b"\n"
