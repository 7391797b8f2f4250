"""Reviews on record: many that were answered from memory share an event, and none is lost for it."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from peers.reviews import container, encoded, pod_spec, review, workload
from trustkit import limits
from trustkit.admission.batched_log import BatchedLog
from trustkit.audit import entry
from trustkit.errors import AuditError, StorageError
from trustkit.hooks.kubernetes.records import ImageRow, ReviewRow, many_events, review_event, review_row
from trustkit.hooks.kubernetes.review import Answer, Review, parse_review
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.digest import Digest

NOW = datetime(2026, 11, 29, tzinfo=UTC)
DIGEST = Digest("sha256", "ab" * 32)
IMAGES = (("registry.example/app@sha256:" + "ab" * 32, DIGEST, True, 7),)


def asked(name: str = "web", **members: object) -> Review:
    document = review(workload("Pod", pod_spec(container("registry.example/app")), name=name), **members)
    return parse_review(encoded(document))


def row(number: int) -> ReviewRow:
    return review_row(asked(f"web-{number}", uid=f"uid-{number}"), IMAGES)


def body(event: AuditEvent) -> dict[str, Any]:
    """What readers of the log find."""
    return dict(entry.parse(entry.to_bytes(event)).body)


def uids(events: tuple[AuditEvent, ...]) -> list[str]:
    return [one["uid"] for event in events for one in body(event)["reviews"]]


def test_reviews_of_the_same_images_share_their_rows() -> None:
    (event,) = many_events([row(1), row(2), row(3)], NOW)
    assert (event.kind, event.outcome, event.body["name"]) == ("review.many", "allow", "3 reviews")
    assert body(event)["images"] == [[{"image": IMAGES[0][0], "digest": str(DIGEST), "verdict": "allow", "record": 7}]]
    assert uids((event,)) == ["uid-1", "uid-2", "uid-3"]


def test_other_images_are_named_apart() -> None:
    other = (("registry.example/other", DIGEST, True, 8),)
    (event,) = many_events([row(1), row(2)._replace(images=other)], NOW)
    assert [one["images"] for one in body(event)["reviews"]] == [0, 1]


@pytest.mark.parametrize("text", ["x", "\u0001", "\U0001f600"])
def test_every_event_fits_an_entry_however_long_its_texts(text: str) -> None:
    images = tuple((text * 600 + str(number), DIGEST, True, number) for number in range(3))
    rows = [review_row(asked()._replace(uid=f"u{n}", user=text * 9000, name=text * 9000), images) for n in range(40)]
    events = many_events(rows, NOW)
    assert uids(events) == [f"u{n}" for n in range(40)]
    assert max(len(entry.to_bytes(event)) for event in events) <= limits.AUDIT_ENTRY_BYTES


def many_images(number: int, text: str, algorithm: str = "sha256") -> tuple[ImageRow, ...]:
    digest = Digest(algorithm, "ab" * (64 if algorithm == "sha512" else 32))
    return tuple((f"{n}/{text}", digest, n % 2 == 0, 10**9 + n) for n in range(number))


def written(event: AuditEvent) -> list[dict[str, object]]:
    assert len(entry.to_bytes(event)) <= limits.AUDIT_ENTRY_BYTES
    images = body(event)["images"]
    return images[0] if event.kind == "review.many" else images


def both(images: tuple[ImageRow, ...]) -> tuple[AuditEvent, AuditEvent]:
    """A review of these images in an event of its own, and in one for many."""
    long = asked()._replace(user="\u0001" * 900, name="\u0001" * 900)
    single = review_event(long, Answer(allowed=False, message="\u0001" * 9000), images, NOW)
    (shared,) = many_events([review_row(long, images)], NOW)
    return single, shared


@pytest.mark.parametrize("text", ["x" * 500, "\u0001" * 500, "\U0001f600" * 500])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_as_many_images_as_a_pod_may_have_are_all_on_record(text: str, algorithm: str) -> None:
    images = many_images(limits.POD_IMAGES, text, algorithm)
    for event in both(images):
        assert [(row["digest"], row["verdict"], row["record"]) for row in written(event)] == [
            (str(digest), "allow" if allowed else "deny", record) for _, digest, allowed, record in images
        ]
        assert all(full.startswith(str(row["image"])) for row, (full, *_) in zip(written(event), images, strict=True))


def test_the_images_of_a_usual_pod_are_written_whole() -> None:
    images = many_images(11, "x" * 500)
    for event in both(images):
        assert [row["image"] for row in written(event)] == [image[0] for image in images]


def test_images_that_are_left_out_are_counted_and_refused_ones_kept() -> None:
    images = many_images(300, "x" * 500)
    for event in both(images):
        *rows, last = written(event)
        assert last == {"left_out": 300 - len(rows)}
        refused = {record for _, _, allowed, record in images if not allowed}
        assert refused <= {row["record"] for row in rows}


def test_many_reviews_of_many_images_fit() -> None:
    rows = [review_row(asked()._replace(uid=f"u{n}"), many_images(128, f"{n}" + "\u0001" * 500)) for n in range(4)]
    rows += [review_row(asked()._replace(uid=f"v{n}", user="\u0001" * 500), IMAGES) for n in range(40)]
    events = many_events(rows, NOW)
    assert uids(events) == [one.words.uid for one in rows]
    assert max(len(entry.to_bytes(event)) for event in events) <= limits.AUDIT_ENTRY_BYTES


def test_no_rows_are_no_event() -> None:
    assert many_events([], NOW) == ()


class Log:
    def __init__(self, error: Exception | None = None) -> None:
        self.written: list[tuple[AuditEvent, ...]] = []
        self.error = error

    def append(self, event: AuditEvent) -> AuditRecord:
        return self.append_many((event,))[0]

    def append_many(self, events: tuple[AuditEvent, ...]) -> tuple[AuditRecord, ...]:  # type: ignore[override]
        if self.error is not None:
            raise self.error
        self.written.append(tuple(events))
        return tuple(AuditRecord(number, event, DIGEST) for number, event in enumerate(events))


def together(log: Log, rows: int, events: int = 0) -> list[object]:
    async def run() -> list[object]:
        batched = BatchedLog(log, lambda found: many_events(found, NOW))  # type: ignore[arg-type]
        single = AuditEvent(NOW, "review", "deny", None, {})
        waiting = [batched.append_row(row(number)) for number in range(rows)]
        waiting += [batched.append(single) for _ in range(events)]  # type: ignore[misc]
        try:
            return await asyncio.gather(*waiting, return_exceptions=True)
        finally:
            batched.close()

    return asyncio.run(run())


def test_rows_and_events_that_come_together_are_all_on_record() -> None:
    log = Log()
    found = together(log, 50, 5)
    assert [one for one in found if isinstance(one, Exception)] == []
    events = [event for batch in log.written for event in batch]
    assert sorted(uids(tuple(one for one in events if one.kind == "review.many"))) == sorted(
        f"uid-{number}" for number in range(50)
    )
    assert sum(one.kind == "review" for one in events) == 5


def test_an_event_gets_its_own_record_beside_rows() -> None:
    *_, record = together(Log(), 3, 1)
    assert isinstance(record, AuditRecord)
    assert record.event.kind == "review"


@pytest.mark.parametrize("error", [StorageError("the disk is full"), ValueError("a fault")])
def test_rows_that_cannot_be_written_are_told_to_everybody_who_waits(error: Exception) -> None:
    found = together(Log(error), 3, 1)
    assert len(found) == 4
    assert all(isinstance(one, AuditError | StorageError) for one in found)


def test_a_log_that_does_not_know_rows_takes_none() -> None:
    async def run() -> None:
        batched = BatchedLog(Log())  # type: ignore[arg-type]
        try:
            with pytest.raises(AuditError, match="nobody said"):
                await batched.append_row(row(1))
        finally:
            batched.close()

    asyncio.run(run())


class SlowLog(Log):
    def append_many(self, events: tuple[AuditEvent, ...]) -> tuple[AuditRecord, ...]:  # type: ignore[override]
        time.sleep(0.2)
        return super().append_many(events)


def test_a_row_that_is_not_on_record_in_time_is_not_said_to_be() -> None:
    async def run() -> None:
        batched = BatchedLog(SlowLog(), lambda found: many_events(found, NOW))  # type: ignore[arg-type]
        try:
            with pytest.raises(TimeoutError):
                await batched.append_row(row(1), 0.01)
        finally:
            batched.close()

    asyncio.run(run())


def in_time(log: Log, *seconds: float) -> list[str]:
    """Return what became of rows that are given so much time each."""

    async def run() -> list[str]:
        batched = BatchedLog(log, lambda found: many_events(found, NOW))  # type: ignore[arg-type]
        waiting = [batched.append_row(row(number), given) for number, given in enumerate(seconds)]
        try:
            found = await asyncio.gather(*waiting, return_exceptions=True)
            return ["on record" if one is None else type(one).__name__ for one in found]
        finally:
            batched.close()

    return asyncio.run(run())


def test_each_row_has_its_own_time() -> None:
    assert in_time(SlowLog(), 5.0, 0.01, 6.0, 0.02) == ["on record", "TimeoutError", "on record", "TimeoutError"]


def test_rows_that_wait_for_the_next_write_are_late_too() -> None:
    async def run() -> list[object]:
        batched = BatchedLog(SlowLog(), lambda found: many_events(found, NOW))  # type: ignore[arg-type]
        try:
            first = asyncio.create_task(batched.append_row(row(1)))
            await asyncio.sleep(0.05)
            second = asyncio.create_task(batched.append_row(row(2), 0.01))
            return await asyncio.gather(first, second, return_exceptions=True)
        finally:
            batched.close()

    first, second = asyncio.run(run())
    assert first is None
    assert isinstance(second, TimeoutError)


def test_a_row_whose_asker_has_gone_is_on_record_all_the_same() -> None:
    log = Log()

    async def run() -> None:
        batched = BatchedLog(log, lambda found: many_events(found, NOW))  # type: ignore[arg-type]
        try:
            gone = asyncio.create_task(batched.append_row(row(1)))
            await asyncio.sleep(0)
            gone.cancel()
            await batched.append_row(row(2))
        finally:
            batched.close()

    asyncio.run(run())
    assert uids(tuple(event for batch in log.written for event in batch)) == ["uid-1", "uid-2"]
