"""`/images`: pull, list, inspect, remove."""

import asyncio
import json
from collections.abc import AsyncIterator

from trustkit.engine.values import PullProgress
from trustkit.errors import RequestError, TrustkitError, UsageError
from trustkit.model.facts import RequestFacts
from trustkit.model.reference import ImageRef
from trustkit.server import admitting
from trustkit.server.message import Answer, Reply, Request, StreamReply
from trustkit.server.parts import Parts, Permit
from trustkit.server.shapes import filters
from trustkit.server.shapes import image as shape
from trustkit.server.shapes.names import familiar


async def create(parts: Parts, request: Request, name: str) -> Answer:
    """Pull: the gate decides first, then blobs are fetched; progress is streamed."""
    if "fromSrc" in request.query:
        raise RequestError("importing an image from a tar is not served yet", status="501")
    ref = admitting.named(_reference_text(request))
    platform = admitting.platform_of(request.query.get("platform", ""))
    facts = RequestFacts(actor=request.actor, purpose="pull")
    permit = await admitting.admit(parts, ref, facts, platform)
    pull = _Pull(parts, permit)
    return StreamReply(pull.lines(), close=pull.close)


def _reference_text(request: Request) -> str:
    text, tag = request.query.get("fromImage", ""), request.query.get("tag", "")
    if not text:
        raise UsageError("fromImage is missing")
    if not tag:
        return text
    return f"{text}@{tag}" if ":" in tag else f"{text}:{tag}"


class _Pull:
    """A pull whose progress becomes JSON lines."""

    def __init__(self, parts: Parts, permit: Permit) -> None:
        self._queue: asyncio.Queue[PullProgress | None] = asyncio.Queue()
        self._permit = permit
        self._task = asyncio.ensure_future(admitting.store(parts, permit, self._queue.put_nowait))
        self._task.add_done_callback(lambda _: self._queue.put_nowait(None))

    async def lines(self) -> AsyncIterator[bytes]:
        ref, digest = self._permit.admission.image.ref, self._permit.admission.image.digest
        yield shape.line({"status": f"Pulling from {familiar(ref.name)}", "id": ref.at})
        fetched = False
        while (progress := await self._queue.get()) is not None:
            fetched = fetched or progress.status == "downloading"
            yield shape.progress_line(progress)
        try:
            await self._task
        except TrustkitError as error:
            yield shape.error_line(error)
            return
        yield shape.status_line(f"Digest: {digest}")
        news = "Downloaded newer image for" if fetched else "Image is up to date for"
        yield shape.status_line(f"Status: {news} {familiar(str(ref))}")

    async def close(self) -> None:
        """Stop the pull when the client has gone."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def listed(parts: Parts, request: Request, name: str) -> Answer:
    """List stored images."""
    wanted = filters.parse(request.query.get("filters", ""), filters.IMAGE_FILTERS)
    rows = [shape.summary(view) for view in await parts.engine.images() if filters.image_matches(view, wanted)]
    return Reply(body=json.dumps(rows).encode())


async def inspect(parts: Parts, request: Request, name: str) -> Answer:
    """Show one stored image."""
    return Reply(body=json.dumps(shape.inspection(await admitting.stored_image(parts, name))).encode())


async def remove(parts: Parts, request: Request, name: str) -> Answer:
    """Untag or delete an image."""
    view = await admitting.stored_image(parts, name)
    named = name if name in view.references else _recorded_name(name, view.references)
    gone = await parts.engine.remove_image(named or str(view.image_id), force=request.flag("force"))
    rows = []
    for entry in gone:
        word, _, what = entry.partition(":")
        rows.append({word.capitalize(): familiar(what)})
    return Reply(body=json.dumps(rows).encode())


def _recorded_name(name: str, references: tuple[str, ...]) -> str:
    """Return the recorded reference that a user's name stands for, or nothing when it is an id."""
    try:
        reference = str(ImageRef.parse(name))
    except UsageError:
        return ""
    return reference if reference in references else ""
