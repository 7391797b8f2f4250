"""Nothing that happened to a container is missing from the log, also when the log could not be written in between."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from trustkit.audit.log import DecisionLog
from trustkit.engine.errors import ContainerdError
from trustkit.engine.service import EngineService
from trustkit.engine.values import ContainerView, EngineEvent, NetworkView, Status
from trustkit.errors import DigestMismatchError, StorageError
from trustkit.fips.select import provider
from trustkit.model.admission import Admission
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.decision import ALLOW, Decision
from trustkit.model.digest import Digest
from trustkit.model.facts import RequestFacts
from trustkit.server import ledger
from trustkit.server.parts import Parts

IMAGE = Digest("sha256", "ab" * 32)


def now() -> datetime:
    return datetime(2026, 1, 2, tzinfo=UTC)


class FullDisk:
    """A real log whose disk is full while `full`."""

    def __init__(self, log: DecisionLog) -> None:
        self.full = False
        self._log = log

    def append(self, event: AuditEvent) -> AuditRecord:
        return self.append_many((event,))[0]

    def append_many(self, events: Iterable[AuditEvent]) -> tuple[AuditRecord, ...]:
        if self.full:
            raise StorageError("no space left on device")
        return self._log.append_many(events)

    def kinds(self) -> list[str]:
        """Kinds and outcomes on record, the log's own left out."""
        events = [entry.event for entry in self._log.records()]
        return [f"{event.kind} {event.outcome}" for event in events if event.kind.startswith("container.")]


class OneContainer:
    """An engine that knows one container and nothing else."""

    async def inspect(self, container: str) -> ContainerView:
        return view(container)


def view(container: str = "c1") -> ContainerView:
    return ContainerView(
        id=container, name="web", image=IMAGE, image_id=IMAGE, reference="registry.test/app:1", admission="",
        status=Status.CREATED, created_at=now(), started_at=None, finished_at=None, exit_code=None, error="",
        out_of_memory=False, pid=0, path="", arguments=(), tty=False, open_stdin=False, auto_remove=False, labels={},
        network=NetworkView("none"),
    )  # fmt: skip


def died(container: str, code: int) -> EngineEvent:
    return EngineEvent(now(), "container", "die", container, {"exitCode": str(code)})


@pytest.fixture(name="disk")
def disk_(tmp_path: Path) -> FullDisk:
    return FullDisk(DecisionLog(tmp_path / "audit", provider()))


@pytest.fixture(name="parts")
def parts_(disk: FullDisk, tmp_path: Path) -> Parts:
    engine = cast("EngineService", OneContainer())
    return Parts(engine=engine, gate=cast("object", None), log=disk, now=now, socket=tmp_path / "s")  # type: ignore[arg-type]


@pytest.fixture(name="admission")
def admission_() -> Admission:
    decision = Decision(ALLOW, (), IMAGE)
    return Admission("a", cast("object", None), cast("RequestFacts", None), decision, now(), now(), 7)  # type: ignore[arg-type]


async def told(parts: Parts, *events: EngineEvent) -> None:
    async def each() -> AsyncIterator[EngineEvent]:
        for event in events:
            yield event

    await ledger.Watch(parts).follow(each())


def test_a_start_that_a_check_refuses_is_only_a_refusal(parts: Parts, disk: FullDisk, admission: Admission) -> None:
    start = ledger.Start(parts, view(), admission, "uid=0")
    asyncio.run(start.failed(DigestMismatchError("layer changed")))
    assert disk.kinds() == ["container.refused deny"]


def test_a_start_that_the_runtime_cannot_prepare_is_a_failure(
    parts: Parts, disk: FullDisk, admission: Admission
) -> None:
    start = ledger.Start(parts, view(), admission, "uid=0")
    asyncio.run(start.failed(ContainerdError("no task")))
    assert disk.kinds() == ["container.failed failed"]


def test_a_start_that_fails_once_on_record_ends_on_record(parts: Parts, disk: FullDisk, admission: Admission) -> None:
    async def run() -> None:
        start = ledger.Start(parts, view(), admission, "uid=0")
        await start.record()
        await start.failed(ContainerdError("gone"))

    asyncio.run(run())
    assert disk.kinds() == ["container.started ok", "container.exited failed"]


def test_a_start_that_cannot_be_recorded_raises(parts: Parts, disk: FullDisk, admission: Admission) -> None:
    disk.full = True
    with pytest.raises(StorageError):
        asyncio.run(ledger.Start(parts, view(), admission, "uid=0").record())


def test_an_exit_that_could_not_be_written_goes_before_the_next_record(
    parts: Parts, disk: FullDisk, admission: Admission
) -> None:
    async def run() -> None:
        disk.full = True
        await told(parts, died("c1", 3))
        disk.full = False
        await ledger.Start(parts, view("c2"), admission, "uid=0").record()

    asyncio.run(run())
    assert disk.kinds() == ["container.exited ok", "container.started ok"]


def test_while_an_exit_waits_no_start_is_recorded(parts: Parts, disk: FullDisk, admission: Admission) -> None:
    async def run() -> None:
        disk.full = True
        await told(parts, died("c1", 3))
        await ledger.Start(parts, view("c2"), admission, "uid=0").record()

    with pytest.raises(StorageError):
        asyncio.run(run())
    assert len(parts.unwritten) == 1


def test_exits_that_wait_keep_their_order(parts: Parts, disk: FullDisk) -> None:
    async def run() -> None:
        disk.full = True
        await told(parts, died("c1", 1), died("c2", 2), EngineEvent(now(), "container", "destroy", "c1", {}))
        disk.full = False
        await ledger.settle(parts)

    asyncio.run(run())
    assert disk.kinds() == ["container.exited ok", "container.exited ok", "container.removed ok"]
    assert not parts.unwritten


def test_whoever_waits_for_an_exit_s_record_waits_until_it_is_written(parts: Parts, disk: FullDisk) -> None:
    async def run() -> tuple[bool, bool]:
        parts.exits["c1"] = pending = asyncio.Event()
        disk.full = True
        await told(parts, died("c1", 0))
        before = pending.is_set()
        disk.full = False
        await ledger.leave(parts)
        return before, pending.is_set()

    assert asyncio.run(run()) == (False, True)


def test_leaving_with_a_full_disk_keeps_what_waits(parts: Parts, disk: FullDisk) -> None:
    async def run() -> None:
        disk.full = True
        await told(parts, died("c1", 0))
        await ledger.leave(parts)

    asyncio.run(run())
    assert [event.kind for event in parts.unwritten] == [ledger.EXITED]
