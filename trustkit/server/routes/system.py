"""`/_ping`, `/version`, `/info`, `/events`."""

import asyncio
import json
from collections.abc import AsyncIterator

from trustkit.engine.values import EngineEvent
from trustkit.fips.select import provider, usage
from trustkit.server.message import Answer, Reply, Request, StreamReply
from trustkit.server.parts import Parts
from trustkit.server.shapes import system as shape


async def ping(parts: Parts, request: Request, name: str) -> Answer:
    """Answer OK; clients read the headers."""
    fresh = (("Cache-Control", "no-cache, no-store, must-revalidate"), ("Builder-Version", "1"), ("Swarm", "inactive"))
    return Reply(body=b"OK", media_type="text/plain; charset=utf-8", headers=fresh)


async def version(parts: Parts, request: Request, name: str) -> Answer:
    """Tell the versions of engine, containerd and runtime."""
    return Reply(body=json.dumps(shape.version(await parts.engine.info())).encode())


async def info(parts: Parts, request: Request, name: str) -> Answer:
    """Tell what the engine holds and stands on."""
    problem = await asyncio.to_thread(parts.policy_problem)
    warnings = (f"WARNING: policy: {problem}",) if problem else ()
    members = shape.information(await parts.engine.info(), str(parts.socket), warnings)
    members |= shape.cryptography(provider().status(), usage())
    return Reply(body=json.dumps(members).encode())


async def events(parts: Parts, request: Request, name: str) -> Answer:
    """Stream events from now on."""
    return StreamReply(_lines(parts.engine.events()))


async def _lines(found: AsyncIterator[EngineEvent]) -> AsyncIterator[bytes]:
    async for event in found:
        yield shape.event_line(event)
