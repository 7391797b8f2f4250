"""`/containers/{id}/exec` and `/exec/{id}`."""

import json

from trustkit.engine.values import Stream
from trustkit.errors import TrustkitError
from trustkit.server import admitting, ledger
from trustkit.server.message import Answer, Hijack, Reply, Request
from trustkit.server.parts import Parts
from trustkit.server.routes.processes import size_of
from trustkit.server.routes.streams import Session, media_type
from trustkit.server.shapes import execution as shape
from trustkit.server.shapes import fields

_BOTH = frozenset({Stream.STDOUT, Stream.STDERR})


async def create(parts: Parts, request: Request, name: str) -> Answer:
    """Prepare a process in a running container."""
    spec = shape.parse(request.body)
    container = await parts.engine.inspect(name)
    await admitting.require_exec_user(parts, container, spec.user or "", request.actor)
    exec_id = await parts.engine.exec_create(container.id, spec)
    return Reply(201, json.dumps({"Id": exec_id}).encode())


async def start(parts: Parts, request: Request, name: str) -> Answer:
    """Run a prepared process, connected or detached."""
    body = fields.body_of(request.body, "the exec start configuration")
    view = await parts.engine.exec_inspect(name)
    size = body.get("ConsoleSize")
    if view.spec.tty and isinstance(size, list) and [type(part) for part in size] == [int, int]:
        await parts.engine.exec_resize(name, int(size[0]), int(size[1]))
    container = await parts.engine.inspect(view.container)
    await ledger.executed(parts, container, view.spec, request.actor)
    try:
        attachment = await parts.engine.exec_start(name)
    except TrustkitError as error:
        await ledger.executed(parts, container, view.spec, request.actor, error)
        raise
    if fields.flag(body, "Detach"):
        # Its output has nowhere to go; read it, so that the process never waits for a reader.
        await attachment.close()
        return Reply(200)
    session = Session(attachment, tty=view.spec.tty, streams=_BOTH)
    return Hijack(
        lambda duplex: session.serve(duplex, stdin=view.spec.stdin, close_at_end=True),
        attachment.close,
        media_type(request, tty=view.spec.tty),
    )


async def resize(parts: Parts, request: Request, name: str) -> Answer:
    """Set the size of an exec's terminal."""
    rows, columns = size_of(request)
    await parts.engine.exec_resize(name, rows, columns)
    return Reply(200)


async def inspect(parts: Parts, request: Request, name: str) -> Answer:
    """Show an exec session."""
    return Reply(body=json.dumps(shape.inspection(await parts.engine.exec_inspect(name))).encode())
