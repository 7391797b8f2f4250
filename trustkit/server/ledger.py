"""Starts, exits, refusals, removals and execs of containers on the decision log.

`container.started` is written when every check has passed and before the process is let go: if it cannot be
written, nothing runs. When the start then fails, `container.exited` with the outcome `failed` follows. A start that
a check refused is `container.refused`, one that the runtime could not even prepare `container.failed`. What has
happened and cannot be written waits, and goes before the next record.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

from trustkit.engine.errors import NoSuchContainerError
from trustkit.engine.values import ContainerView, EngineEvent, ExecSpec, Status
from trustkit.errors import TrustkitError
from trustkit.model.admission import Admission
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.digest import Digest
from trustkit.server.parts import Parts

_LOG = logging.getLogger(__name__)
_RECORD_SECONDS = 10.0
_RETRY_SECONDS = 2.0
_MESSAGE_CHARS = 2000
STARTED, EXITED, REFUSED, FAILED, REMOVED, EXECUTED = (
    "container.started",
    "container.exited",
    "container.refused",
    "container.failed",
    "container.removed",
    "container.exec",
)
# What a watch is told of.
WATCHED = ("create", "die", "destroy")
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
    """Write one record and return once it is durable. Raises AuditError, StorageError.

    What could not be written before goes first, in the same transaction.
    """
    event = _event(parts, kind, outcome, subject, **more)
    if not parts.unwritten:
        return await asyncio.to_thread(parts.log.append, event)
    async with parts.writing:
        return (await _write(parts, event))[-1]


async def settle(parts: Parts) -> None:
    """Write what could not be written before. Raises AuditError, StorageError."""
    async with parts.writing:
        if parts.unwritten:
            await _write(parts)


async def _write(parts: Parts, *events: AuditEvent) -> tuple[AuditRecord, ...]:
    waiting = tuple(parts.unwritten)
    records = await asyncio.to_thread(parts.log.append_many, (*waiting, *events))
    for event in waiting:
        parts.unwritten.popleft()
        _settled(parts, event)
    return records


def _event(parts: Parts, kind: str, outcome: str, subject: Subject, **more: object) -> AuditEvent:
    return AuditEvent(parts.now(), kind, outcome, subject.digest, {**subject.body, **more})


def _settled(parts: Parts, event: AuditEvent) -> None:
    """Tell those who wait for an exit that it is on record."""
    if event.kind == EXITED:
        pending = parts.exits.pop(str(event.body.get("container", "")), None)
        if pending is not None:
            pending.set()


class Start:
    """One start of a container on the log: before the process is let go, and what became of it."""

    def __init__(self, parts: Parts, view: ContainerView, admission: Admission, actor: str) -> None:
        """Nothing is written yet."""
        self._parts, self._view, self._admission, self._actor = parts, view, admission, actor
        self._recorded = False

    async def record(self) -> None:
        """Record that the container starts now: every check has passed. Raises AuditError, StorageError."""
        await record(self._parts, STARTED, "ok", self._subject(), actor=self._actor)
        self._recorded = True
        self._parts.exits[self._view.id] = asyncio.Event()

    async def failed(self, error: TrustkitError) -> None:
        """Record that the start came to nothing: refused by a check, or failed in the runtime."""
        if self._recorded:
            kind, outcome = EXITED, "failed"
        elif error.exit_status == 1:
            kind, outcome = REFUSED, "deny"
        else:
            kind, outcome = FAILED, "failed"
        about = {"code": error.code, "message": error.message[:_MESSAGE_CHARS]}
        event = _event(self._parts, kind, outcome, self._subject(), **about)
        await keep(self._parts, event)

    def _subject(self) -> Subject:
        return subject_of(self._view, self._admission.record)


async def keep(parts: Parts, event: AuditEvent) -> None:
    """Record what has happened already: if it cannot be written now, it is written before the next record."""
    parts.unwritten.append(event)
    try:
        await settle(parts)
    except TrustkitError as error:
        _LOG.error("%s is not on record yet: %s", event.kind, error.message)


async def refused(parts: Parts, view: ContainerView, error: TrustkitError) -> None:
    """Record that the gate did not admit a container's start again."""
    outcome = "deny" if error.exit_status == 1 else "unknown"
    await record(parts, REFUSED, outcome, subject_of(view), code=error.code, message=error.message[:_MESSAGE_CHARS])


async def executed(
    parts: Parts, view: ContainerView, spec: ExecSpec, actor: str, error: TrustkitError | None = None
) -> None:
    """Record that a further process is about to run in a container, or that this came to nothing."""
    words = [word[:_WORD_CHARS] for word in spec.command[:_WORDS]]
    more = {"code": error.code, "message": error.message[:_MESSAGE_CHARS]} if error else {}
    about = {"actor": actor, "user": (spec.user or "")[:_WORD_CHARS], "command": words, "words": len(spec.command)}
    await record(parts, EXECUTED, "failed" if error else "ok", subject_of(view), **about, **more)


async def exit_recorded(parts: Parts, container: str) -> None:
    """Return once the exit of an ended container is on record; one that cannot be written is waited for in vain."""
    pending = parts.exits.get(container)
    if pending is not None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(pending.wait(), _RECORD_SECONDS)


async def leave(parts: Parts) -> None:
    """At the daemon's end, write what waits; what still cannot be written the next daemon finds and records."""
    with contextlib.suppress(TrustkitError):
        await settle(parts)


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
        """Write records until cancelled; one that cannot be written is kept, and no start goes before it."""
        async for event in events:
            await self._write(event)

    async def retry(self) -> None:
        """Try again, until cancelled, to write what could not be written."""
        while True:
            await asyncio.sleep(_RETRY_SECONDS)
            with contextlib.suppress(TrustkitError):
                await settle(self._parts)

    async def _write(self, event: EngineEvent) -> None:
        subject = await self._subject(event)
        if event.action == "die":
            exit_code = str(event.attributes.get("exitCode", ""))
            await keep(self._parts, _event(self._parts, EXITED, "ok", subject, exit_code=exit_code))
        elif event.action == "destroy":
            self._subjects.pop(event.subject, None)
            self._parts.permits.pop(event.subject, None)
            await keep(self._parts, _event(self._parts, REMOVED, "ok", subject))

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
        if view.status is Status.RUNNING or view.finished_at is None:
            continue
        at = view.finished_at.isoformat()
        if view.exit_code is None:
            await record(parts, EXITED, "failed", subject_of(view), message=view.error, finished_at=at)
        else:
            await record(parts, EXITED, "ok", subject_of(view), exit_code=str(view.exit_code), finished_at=at)
