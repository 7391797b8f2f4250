"""`/containers`: create, start, list, inspect, rename, remove."""

import asyncio
import contextlib
import json
from datetime import datetime

from trustkit.engine.errors import NoSuchImageError
from trustkit.engine.values import ContainerView, ImageView
from trustkit.errors import AdmissionDenied, TrustkitError, UsageError, VerificationError
from trustkit.model.image import Platform
from trustkit.model.reference import ImageRef
from trustkit.model.run import ContainerHandle
from trustkit.server import admitting, ledger
from trustkit.server.message import Answer, Reply, Request
from trustkit.server.parts import Parts, Permit
from trustkit.server.shapes import container as shape
from trustkit.server.shapes import create as create_shape
from trustkit.server.shapes import facts, filters, mounts
from trustkit.server.shapes.create import CreateRequest


async def create(parts: Parts, request: Request, name: str) -> Answer:
    """Ask the gate, fetch what is missing, and make the container."""
    wanted = create_shape.parse(request.body, request.query.get("name", "").removeprefix("/"))
    spec = wanted.spec._replace(mounts=mounts.pinned(wanted.spec.mounts))
    wanted = wanted._replace(spec=spec)
    platform = admitting.platform_of(request.query.get("platform", ""))
    ref = await admitting.reference_of(parts, wanted.image)
    asked = create_shape.facts_of(spec, request.actor)
    permit = await admitting.admit(parts, ref, asked, platform)
    if not await admitting.is_stored(parts, permit):
        await admitting.store(parts, permit)
    handle = await _make(parts, permit, wanted, platform)
    parts.permits[handle.id] = permit
    return Reply(201, json.dumps({"Id": handle.id, "Warnings": []}).encode())


async def _make(parts: Parts, permit: Permit, wanted: CreateRequest, platform: Platform | None) -> ContainerHandle:
    kept = facts.keep(wanted.kept, permit.admission.request, platform)
    try:
        return await parts.engine.create(permit.admission, wanted.spec, parts.now(), request=kept)
    except NoSuchImageError:
        # Its content went away after the question whether it is stored (a removal, lost blobs): fetch it again.
        await admitting.store(parts, permit)
        return await parts.engine.create(permit.admission, wanted.spec, parts.now(), request=kept)


async def start(parts: Parts, request: Request, name: str) -> Answer:
    """Start a container: with the admission of its creation while that holds, else with a new one."""
    view = await parts.engine.inspect(name)
    if view.status.value == "running":
        return Reply(304)
    permit = await _permit(parts, view)
    begun = ledger.Start(parts, view, permit.admission, request.actor)
    try:
        await parts.engine.start(view.id, permit.admission, parts.now(), begun.record)
    except TrustkitError as error:
        await begun.failed(error)
        raise
    return Reply(204)


async def _permit(parts: Parts, view: ContainerView) -> Permit:
    """Return an admission that holds now. Raises AdmissionDenied, SourceError, AuditError, StorageError."""
    known = parts.permits.pop(view.id, None)
    if known is not None and await _holds(parts, known, parts.now()):
        return known
    ref = ImageRef.parse(view.reference).with_digest(view.image)
    request, platform = facts.kept(view.request)
    try:
        return await admitting.admit(parts, ref, request, platform)
    except (AdmissionDenied, VerificationError) as error:
        await ledger.refused(parts, view, error)
        raise


async def _holds(parts: Parts, permit: Permit, now: datetime) -> bool:
    """Whether an admission is unexpired and was given under the policy that stands on disk now."""
    if now >= permit.admission.expires_at:
        return False
    return await asyncio.to_thread(parts.gate) is permit.gate


async def listed(parts: Parts, request: Request, name: str) -> Answer:
    """List running containers, or with `all` or a filter on the state every one."""
    wanted = filters.parse(request.query.get("filters", ""), filters.CONTAINER_FILTERS)
    limit = _limit(request.query.get("limit", "0"))
    every = request.flag("all") or limit > 0 or bool({"status", "exited"} & set(wanted))
    views = await parts.engine.list(every=every)
    rows = [shape.summary(view, parts.now()) for view in views if filters.container_matches(view, wanted)]
    return Reply(body=json.dumps(rows[:limit] if limit > 0 else rows).encode())


def _limit(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise UsageError(f"limit: {text[:40]!r} is no number") from error


async def inspect(parts: Parts, request: Request, name: str) -> Answer:
    """Show one container."""
    view = await parts.engine.inspect(name)
    image: ImageView | None = None
    with contextlib.suppress(NoSuchImageError):
        image = await parts.engine.image(str(view.image))
    return Reply(body=json.dumps(shape.inspection(view, image)).encode())


async def rename(parts: Parts, request: Request, name: str) -> Answer:
    """Give a container another name."""
    await parts.engine.rename(name, request.query.get("name", "").removeprefix("/"))
    return Reply(204)


async def remove(parts: Parts, request: Request, name: str) -> Answer:
    """Remove a container."""
    if request.flag("link"):
        raise UsageError("links are not supported")
    await parts.engine.remove(name, force=request.flag("force"), volumes=request.flag("v"))
    return Reply(204)
