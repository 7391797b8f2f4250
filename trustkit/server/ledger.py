"""Starts, exits, refusals, removals and execs of containers on the decision log.

`container.started` is written before the runtime is told to start: if it cannot be written, nothing runs. When
the start then fails, `container.exited` with the outcome `failed` follows.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

from trustkit.engine.values import ContainerView, EngineEvent, ExecSpec, Status
from trustkit.errors import NoSuchContainerError, TrustkitError
from trustkit.model.admission import Admission
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.digest import Digest
from trustkit.server.parts import Parts

_LOG = logging.getLogger(__name__)
_RECORD_SECONDS = 10.0
STARTED, EXITED, REFUSED, REMOVED, EXECUTED = (
    "container.started",
    "container.exited",
    "container.refused",
    "container.removed",
    "container.exec",
)
# What is kept of an exec's command, so that it fits an entry of the log.
_WORDS, _WORD_CHARS = 16, 256


class Subject(NamedTuple):
    """What a record says about its container."""

    digest: Digest | None
    body: dict[str, object]


def subject_of(view: ContainerView, admission_record: int | None = None) -> Subject:
    """Return what is said about a container, admitted by the decision with that number."""
    body: dict[str, object] = {"container": view.id, "name": view.name, "reference": view.reference}
    if admission_record is not None:
        body["decision"] = admission_record
    return Subject(view.image, body)


async def record(parts: Parts, kind: str, outcome: str, subject: Subject, **more: object) -> AuditRecord:
    """Write one record and return once it is durable. Raises AuditError, StorageError."""
    event = AuditEvent(parts.now(), kind, outcome, subject.digest, {**subject.body, **more})
    return await asyncio.to_thread(parts.log.append, event)


async def started(parts: Parts, view: ContainerView, admission: Admission, actor: str) -> None:
    """Record that a container is about to start. Raises AuditError, StorageError."""
    await record(parts, STARTED, "ok", subject_of(view, admission.record), actor=actor)
    parts.exits[view.id] = asyncio.Event()


async def start_failed(parts: Parts, view: ContainerView, admission: Admission, error: TrustkitError) -> None:
    """Record that a start came to nothing: refused by a check, or failed in the runtime."""
    _exit_settled(parts, view.id)
    refused = error.exit_status == 1
    kind, outcome = (REFUSED, "deny") if refused else (EXITED, "failed")
    await record(
        parts, kind, outcome, subject_of(view, admission.record), code=error.code, message=error.message[:2000]
    )


async def refused(parts: Parts, view: ContainerView, error: TrustkitError) -> None:
    """Record that the gate did not admit a container's start again."""
    outcome = "deny" if error.exit_status == 1 else "unknown"
    await record(parts, REFUSED, outcome, subject_of(view), code=error.code, message=error.message[:2000])


async def executed(
    parts: Parts, view: ContainerView, spec: ExecSpec, actor: str, error: TrustkitError | None = None
) -> None:
    """Record that a further process is about to run in a container, or that this came to nothing."""
    words = [word[:_WORD_CHARS] for word in spec.command[:_WORDS]]
    more = {"code": error.code, "message": error.message[:2000]} if error else {}
    about = {"actor": actor, "user": (spec.user or "")[:_WORD_CHARS], "command": words, "words": len(spec.command)}
    await record(parts, EXECUTED, "failed" if error else "ok", subject_of(view), **about, **more)


async def exit_recorded(parts: Parts, container: str) -> None:
    """Return once the exit of an ended container is on record; one that cannot be written is waited for in vain."""
    pending = parts.exits.get(container)
    if pending is not None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(pending.wait(), _RECORD_SECONDS)


def _exit_settled(parts: Parts, container: str) -> None:
    pending = parts.exits.pop(container, None)
    if pending is not None:
        pending.set()


class Watch:
    """Writes the exits and removals that the engine reports."""

    def __init__(self, parts: Parts) -> None:
        """Write to the log of `parts`."""
        self._parts = parts
        # What is known of containers, because a removed one cannot be asked.
        self._subjects: dict[str, Subject] = {}

    def know(self, views: Iterable[ContainerView]) -> None:
        """Remember the containers that an earlier daemon left."""
        for view in views:
            self._subjects[view.id] = subject_of(view)
            if view.status is Status.RUNNING:
                self._parts.exits[view.id] = asyncio.Event()

    async def follow(self, events: AsyncIterator[EngineEvent]) -> None:
        """Write records until cancelled; a record that cannot be written is logged, and starts fail by themselves."""
        async for event in events:
            if event.kind != "container" or event.action not in {"create", "die", "destroy"}:
                continue
            try:
                await self._write(event)
            except TrustkitError as error:
                _LOG.error("%s of %s is not on record: %s", event.action, event.subject, error.message)

    async def _write(self, event: EngineEvent) -> None:
        subject = await self._subject(event)
        if event.action == "die":
            exit_code = str(event.attributes.get("exitCode", ""))
            try:
                await record(self._parts, EXITED, "ok", subject, exit_code=exit_code)
            finally:
                _exit_settled(self._parts, event.subject)
        elif event.action == "destroy":
            self._subjects.pop(event.subject, None)
            self._parts.permits.pop(event.subject, None)
            await record(self._parts, REMOVED, "ok", subject)

    async def _subject(self, event: EngineEvent) -> Subject:
        known = self._subjects.get(event.subject)
        if known is None:
            try:
                known = subject_of(await self._parts.engine.inspect(event.subject))
            except NoSuchContainerError:
                known = Subject(None, {"container": event.subject})
            else:
                self._subjects[event.subject] = known
        return known


def unfinished(records: Iterable[AuditRecord]) -> dict[str, AuditEvent]:
    """Return the starts, by container, after which no exit, refusal or removal is on record."""
    open_starts: dict[str, AuditEvent] = {}
    for entry in records:
        container = str(entry.event.body.get("container", ""))
        if entry.event.kind == STARTED:
            open_starts[container] = entry.event
        elif entry.event.kind in {EXITED, REFUSED, REMOVED}:
            open_starts.pop(container, None)
    return open_starts


async def catch_up(parts: Parts, open_starts: dict[str, AuditEvent]) -> None:
    """Record the exits that happened while no daemon ran. Raises AuditError, StorageError."""
    for container, start in open_starts.items():
        try:
            view = await parts.engine.inspect(container)
        except NoSuchContainerError:
            subject = Subject(start.subject, {**start.body})
            await record(parts, EXITED, "unknown", subject, message="removed while no daemon ran")
            continue
        if view.finished_at is not None and view.exit_code is not None:
            at = view.finished_at.isoformat()
            await record(parts, EXITED, "ok", subject_of(view), exit_code=str(view.exit_code), finished_at=at)
