"""`/containers/{id}/attach` and `logs`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from trustkit.engine.attachment import Attachment
from trustkit.engine.errors import ConflictError
from trustkit.engine.values import OutputChunk, Stream
from trustkit.errors import UsageError
from trustkit.server import frames
from trustkit.server.message import MULTIPLEXED_STREAM, RAW_STREAM, Answer, Duplex, Hijack, Request, StreamReply
from trustkit.server.parts import Parts
from trustkit.server.shapes import moments
from trustkit.server.shapes.container import kept_of

# The first API version in which a framed stream has a media type of its own.
_FRAMED_SINCE = (1, 42)
# A log has fewer lines than that, and Python reads at most 4300 digits.
_TAIL_DIGITS = 18


def media_type(request: Request, *, tty: bool) -> str:
    """Return what an output stream is called."""
    return RAW_STREAM if tty or request.version < _FRAMED_SINCE else MULTIPLEXED_STREAM


def streams_of(request: Request) -> frozenset[Stream]:
    """Return which outputs a request asks for."""
    asked = {"stdout": Stream.STDOUT, "stderr": Stream.STDERR}
    return frozenset(stream for name, stream in asked.items() if request.flag(name))


async def attach(parts: Parts, request: Request, name: str) -> Answer:
    """Connect the client to a container's main process."""
    view = await parts.engine.inspect(name)
    if view.status.value == "paused":
        raise ConflictError(f"container {view.name} is paused", next_step="unpause it first")
    stdin = request.flag("stdin") and view.open_stdin
    attachment = await parts.engine.attach(view.id, stdin=stdin, logs=request.flag("logs"))
    close_at_end = bool(kept_of(view).config.get("StdinOnce")) and not view.tty
    session = Session(attachment, tty=view.tty, streams=streams_of(request))
    if not request.flag("stream"):
        raise UsageError("attach without stream is not served", next_step="use logs")
    return Hijack(
        lambda duplex: session.serve(duplex, stdin=stdin, close_at_end=close_at_end),
        attachment.close,
        media_type(request, tty=view.tty),
    )


class Session:
    """A client and a process, connected until the process's output ends."""

    def __init__(self, attachment: Attachment, *, tty: bool, streams: frozenset[Stream]) -> None:
        """Carry these streams of the process."""
        self._attachment = attachment
        self._tty = tty
        self._streams = streams

    async def serve(self, duplex: Duplex, *, stdin: bool, close_at_end: bool) -> None:
        """Carry bytes both ways; the client's end of input does not end the output."""
        inward: asyncio.Future[None] | None = None
        if stdin:
            inward = asyncio.ensure_future(frames.send_input(duplex, self._attachment, close_at_end=close_at_end))
        try:
            await frames.send_output(self._attachment.output(), duplex, tty=self._tty, streams=self._streams)
        finally:
            if inward is not None:
                inward.cancel()
                with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                    await inward


async def logs(parts: Parts, request: Request, name: str) -> Answer:
    """Show what a container wrote, and with `follow` what it writes."""
    view = await parts.engine.inspect(name)
    wanted = streams_of(request)
    if not wanted:
        raise UsageError("Bad parameters: you must choose at least one stream")
    until = moments.parse(request.query.get("until", ""), "until")
    lines = parts.engine.logs(
        view.id,
        follow=request.flag("follow"),
        tail=_tail(request.query.get("tail", "")),
        since=moments.parse(request.query.get("since", ""), "since"),
    )
    timestamps = request.flag("timestamps")

    async def framed() -> AsyncIterator[bytes]:
        async for chunk in lines:
            if until is not None and chunk.at > until:
                return
            if view.tty or chunk.stream in wanted:
                shown = _stamped(chunk) if timestamps else chunk
                yield shown.data if view.tty else frames.frame(shown)

    return StreamReply(framed(), media_type(request, tty=view.tty))


def _stamped(chunk: OutputChunk) -> OutputChunk:
    return OutputChunk(chunk.stream, chunk.at, f"{moments.text_of(chunk.at)} ".encode() + chunk.data)


def _tail(text: str) -> int | None:
    if text in {"", "all"}:
        return None
    # Docker, too, shows everything when it is no number
    return int(text) if text.isdecimal() and len(text) <= _TAIL_DIGITS else None
