"""The frozen entry format: bytes and leaf hashes as they were when version 1 was fixed."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from trustkit.audit import entry
from trustkit.errors import AuditError, MalformedError
from trustkit.model.audit import AuditEvent
from trustkit.model.digest import Digest

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
EVENT = AuditEvent(NOON, "decision", "allow", Digest("sha256", "ab" * 32), {"reference": "web:v1"})
VECTORS = json.loads(Path(__file__).with_name("entries-v1.json").read_bytes())


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_an_entry_has_the_frozen_bytes_and_leaf(vector: dict[str, str]) -> None:
    content = vector["entry"].encode()
    record = entry.record_of(0, content)
    assert (entry.to_bytes(record.event), record.leaf.hex) == (content, vector["leaf"])


def test_a_time_of_another_zone_is_written_in_utc() -> None:
    there = EVENT._replace(at=NOON.astimezone(timezone(timedelta(hours=5, minutes=30))))
    assert entry.to_bytes(there) == entry.to_bytes(EVENT)


@pytest.mark.parametrize(
    "change",
    [
        {"at": datetime(2026, 1, 31)},  # noqa: DTZ001  (the point of the test)
        {"outcome": "maybe"},
        {"kind": "Decision"},
        {"kind": ""},
        {"kind": "a" * 65},
        {"body": {"x": object()}},
        {"body": {"x": "\ud800"}},
        {"body": {"x": 2**53 + 1}},
        {"body": {"x": float("nan")}},
        {"body": {"x": "y" * 65_536}},
    ],
)
def test_an_event_without_one_clear_form_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(AuditError):
        entry.to_bytes(EVENT._replace(**change))


GOOD = entry.to_bytes(EVENT)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        GOOD + b"\n",
        GOOD.replace(b'"v":1', b'"v":2'),
        GOOD.replace(b'"v":1', b'"v":true'),
        GOOD.replace(b'"v":1', b'"v":1,"w":1'),
        GOOD.replace(b'"v":1', b'"v":1.0'),
        GOOD.replace(b'"kind":"decision",', b""),
        GOOD.replace(b'"at":"2026-01-31T12:00:00.000000Z"', b'"at":"2026-01-31T12:00:00Z"'),
        GOOD.replace(b"2026-01-31", b"2026-02-31"),
        GOOD.replace(b'"allow"', b'"yes"'),
        GOOD.replace(b"sha256:ab", b"sha256:AB"),
        GOOD.replace(b'"web:v1"', b'"web:v\\u0031"'),
        GOOD.replace(b'"reference":"web:v1"', b'"reference":"a","reference":"web:v1"'),
    ],
)
def test_bytes_that_are_not_an_entrys_one_spelling_are_refused(content: bytes) -> None:
    with pytest.raises(MalformedError):
        entry.parse(content)
