"""The decision log: on record means durable, in order, and covered by a signed checkpoint."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trustkit.audit import checkpoint, keys, proof, query
from trustkit.audit.log import DecisionLog
from trustkit.audit.verify import verify_log
from trustkit.errors import AuditError, AuditTamperedError, LogProofError, StorageError
from trustkit.fips.select import provider
from trustkit.model.audit import AuditEvent
from trustkit.model.digest import Digest

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
IMAGE = Digest("sha256", "ab" * 32)


def event(number: int = 0, outcome: str = "allow") -> AuditEvent:
    return AuditEvent(NOON, "decision", outcome, IMAGE, {"number": number})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "audit"


def opened(folder: Path) -> DecisionLog:
    return DecisionLog(folder, provider())


def fill(folder: Path, count: int) -> None:
    with opened(folder) as log:
        log.append_many(event(number) for number in range(count))


def test_records_are_numbered_from_nought_without_gaps(folder: Path) -> None:
    with opened(folder) as log:
        assert [log.append(event(number)).sequence for number in range(5)] == [0, 1, 2, 3, 4]


def test_a_second_opening_goes_on_where_the_first_ended(folder: Path) -> None:
    fill(folder, 3)
    with opened(folder) as log:
        assert log.append(event()).sequence == 3


def test_the_checkpoint_file_covers_every_acknowledged_record(folder: Path) -> None:
    with opened(folder) as log:
        for size in (1, 2, 3):
            log.append(event())
            assert checkpoint.parse((folder / "checkpoint").read_bytes())[0].size == size


def test_a_checkpoint_is_signed_by_both_kinds_of_key(folder: Path) -> None:
    fill(folder, 1)
    _, note = checkpoint.parse((folder / "checkpoint").read_bytes())
    assert {line.key_id for line in note.signatures} == {key.key_id for key in keys.read_vkeys(folder)}


def test_old_checkpoints_are_kept_once_every_256_records(folder: Path) -> None:
    with opened(folder) as log:
        for _ in range(6):
            log.append_many(event() for _ in range(100))
    assert verify_log(folder).checkpoints == 4


def test_records_written_together_are_all_on_record(folder: Path) -> None:
    with opened(folder) as log:
        log.append_many([event(1), event(2)])
        assert [record.event.body["number"] for record in log.records()] == [1, 2]


def test_nothing_of_a_group_is_on_record_if_one_event_has_no_form(folder: Path) -> None:
    with opened(folder) as log:
        with pytest.raises(AuditError):
            log.append_many([event(1), event(2, outcome="maybe")])
        assert log.size == 0


def test_a_refused_event_does_not_stop_the_log(folder: Path) -> None:
    with opened(folder) as log:
        with pytest.raises(AuditError):
            log.append(event(outcome="maybe"))
        assert log.append(event()).sequence == 0


def test_private_keys_and_database_are_for_the_owner_only(folder: Path) -> None:
    fill(folder, 1)
    modes = {path.name: path.stat().st_mode & 0o077 for path in folder.iterdir()}
    assert {name for name, mode in modes.items() if mode} == {"checkpoint", "vkey"}


def test_a_key_readable_by_others_is_not_used(folder: Path) -> None:
    fill(folder, 1)
    (folder / "key-p256.pem").chmod(0o640)
    with pytest.raises(AuditError, match="read by others"):
        opened(folder)


def test_missing_keys_stop_the_log(folder: Path) -> None:
    fill(folder, 1)
    for path in folder.glob("key-*.pem"):
        path.unlink()
    with pytest.raises(AuditError, match="keys are missing"):
        opened(folder)


@pytest.mark.parametrize("cut_off_before", ["vkey", "log.db", "checkpoint"])
def test_a_crash_while_a_log_begins_is_mended_by_the_next_opening(folder: Path, cut_off_before: str) -> None:
    opened(folder).close()
    made = ["key-ed25519.pem", "key-p256.pem", "vkey", "log.db", "checkpoint"]
    for name in made[made.index(cut_off_before) :]:
        (folder / name).unlink()
    fill(folder, 1)
    assert verify_log(folder).intact


def test_a_removed_database_is_noticed(folder: Path) -> None:
    fill(folder, 2)
    (folder / "log.db").unlink()
    with pytest.raises(AuditTamperedError, match="is gone"):
        opened(folder)


def test_an_emptied_database_is_noticed(folder: Path) -> None:
    fill(folder, 2)
    (folder / "log.db").write_bytes(b"")
    with pytest.raises(AuditTamperedError, match="is empty"):
        opened(folder)


def test_a_database_of_noise_is_noticed(folder: Path) -> None:
    fill(folder, 2)
    (folder / "log.db").write_bytes(b"noise" * 4096)
    with pytest.raises(AuditTamperedError, match="damaged"):
        opened(folder)


def test_an_old_copy_put_back_is_noticed(folder: Path, tmp_path: Path) -> None:
    fill(folder, 2)
    shutil.copy(folder / "log.db", tmp_path / "old.db")
    fill(folder, 1)
    shutil.copy(tmp_path / "old.db", folder / "log.db")
    with pytest.raises(AuditTamperedError, match="old copy was put back"):
        opened(folder)


def test_a_removed_checkpoint_file_is_noticed(folder: Path) -> None:
    fill(folder, 2)
    (folder / "checkpoint").unlink()
    with pytest.raises(AuditTamperedError, match="was removed"):
        opened(folder)


def test_a_database_replaced_under_an_open_log_takes_nothing_more(folder: Path) -> None:
    with opened(folder) as log:
        log.append(event())
        shutil.copy(folder / "log.db", folder / "copy")
        (folder / "copy").rename(folder / "log.db")
        with pytest.raises(AuditTamperedError, match="replaced while in use"):
            log.append(event())


def test_after_tampering_is_seen_the_log_takes_nothing_more(folder: Path) -> None:
    with opened(folder) as log:
        log.append(event())
        (folder / "log.db").rename(folder / "away")
        with pytest.raises(AuditTamperedError):
            log.append(event())
        (folder / "away").rename(folder / "log.db")
        with pytest.raises(AuditError, match="takes nothing after a failure"):
            log.append(event())


def test_recovery_verifies_and_takes_events_again(folder: Path) -> None:
    with opened(folder) as log:
        log.append(event())
        (folder / "log.db").rename(folder / "away")
        with pytest.raises(AuditTamperedError):
            log.append(event())
        (folder / "away").rename(folder / "log.db")
        log.recover()
        assert log.append(event()).sequence == 1


def test_threads_append_without_losing_one(folder: Path) -> None:
    with opened(folder) as log:
        threads = [threading.Thread(target=lambda: [log.append(event()) for _ in range(10)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert log.size == 40


WRITER = """
import sys
from pathlib import Path
from datetime import datetime, UTC
from trustkit.audit.log import DecisionLog
from trustkit.fips.select import provider
from trustkit.model.audit import AuditEvent
log = DecisionLog(Path(sys.argv[1]), provider())
for number in range(int(sys.argv[2])):
    event = AuditEvent(datetime.now(UTC), "decision", "allow", None, {"by": sys.argv[3], "number": number})
    print(log.append(event).sequence, flush=True)
"""


def writer(folder: Path, count: int, name: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", WRITER, str(folder), str(count), name], stdout=subprocess.PIPE)


def test_four_processes_append_without_losing_or_sharing_a_number(folder: Path) -> None:
    processes = [writer(folder, 50, str(number)) for number in range(4)]
    acknowledged = [int(line) for process in processes for line in process.communicate()[0].split()]
    assert sorted(acknowledged) == list(range(200))
    assert verify_log(folder).intact


def test_no_acknowledged_record_is_lost_when_the_writer_is_killed(folder: Path) -> None:
    for cycle in range(10):
        before = verify_log(folder).size if cycle else 0
        process = writer(folder, 100_000, str(cycle))
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(5 + cycle * 3)]
        process.kill()
        acknowledged += [int(line) for line in process.communicate()[0].split(b"\n")[:-1]]
        report = verify_log(folder)
        assert report.intact
        assert acknowledged == list(range(before, before + len(acknowledged)))
        assert report.size >= before + len(acknowledged)
    fill(folder, 1)


@pytest.mark.parametrize("damage", ["cut", "zeroes", "noise"])
def test_a_torn_unacknowledged_tail_of_the_wal_leaves_a_log_that_goes_on(
    folder: Path, tmp_path: Path, damage: str
) -> None:
    """The frame is one that was never synced, so its commit was never acknowledged."""
    with opened(folder) as log:
        log.append(event())
        torn = tmp_path / "torn"
        shutil.copytree(folder, torn)
        whole = (torn / "log.db-wal").stat().st_size
        log.append(event())
        tail = (folder / "log.db-wal").read_bytes()[whole:]
    half = {"cut": tail[: len(tail) // 2], "zeroes": bytes(len(tail)), "noise": os.urandom(len(tail))}[damage]
    with (torn / "log.db-wal").open("ab") as wal:
        wal.write(half)
    (torn / "log.db-shm").unlink()
    fill(torn, 1)
    report = verify_log(torn)
    assert (report.size, report.intact) == (2, True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill_up(path: Path) -> None:
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_a_full_disk_refuses_and_the_log_goes_on_once_there_is_space(small_disk: Path) -> None:
    with opened(small_disk / "audit") as log:
        log.append(event())
        filler = small_disk / "filler"
        fill_up(filler)
        large = AuditEvent(NOON, "decision", "allow", None, {"filling": "x" * 60_000})
        with pytest.raises(StorageError) as caught:
            log.append_many([large] * 100)
        assert caught.value.exit_status == 4
        assert "space" in caught.value.message or "full" in caught.value.message
        filler.unlink()
        log.append(event())
    assert verify_log(small_disk / "audit").intact


def test_a_read_only_disk_refuses_and_the_log_can_still_be_verified(small_disk: Path) -> None:
    fill(small_disk / "audit", 2)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(StorageError, match="read-only"):
        opened(small_disk / "audit")
    assert verify_log(small_disk / "audit").intact


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (query.Query(), [0, 1, 2, 3]),
        (query.Query(first=1, last=2), [1, 2]),
        (query.Query(outcome="deny"), [1]),
        (query.Query(kind="container"), [2, 3]),
        (query.Query(kind="cont"), []),
        (query.Query(kind="*"), []),
        (query.Query(subject=IMAGE), [0, 1]),
        (query.Query(since=NOON.replace(hour=13)), [3]),
        (query.Query(until=NOON.replace(hour=13)), [0, 1, 2]),
        (query.Query(limit=2, newest=True), [3, 2]),
    ],
)
def test_records_are_found_by(folder: Path, wanted: query.Query, numbers: list[int]) -> None:
    with opened(folder) as log:
        log.append_many(
            [
                event(),
                event(outcome="deny"),
                AuditEvent(NOON, "container.started", "ok", None, {}),
                AuditEvent(NOON.replace(hour=13), "container.exited", "ok", None, {}),
            ]
        )
    assert [record.sequence for record in query.records(folder, wanted)] == numbers


def test_a_record_is_proven_with_nothing_but_the_public_keys(folder: Path) -> None:
    fill(folder, 7)
    content, text = proof.export(folder, 3)
    index, signed = proof.require_proven(content, text, keys.read_vkeys(folder), provider())
    assert (index, signed.size) == (3, 7)


def test_a_proof_does_not_fit_another_record(folder: Path) -> None:
    fill(folder, 7)
    _, text = proof.export(folder, 3)
    content, _ = proof.export(folder, 4)
    with pytest.raises(LogProofError):
        proof.require_proven(content, text, keys.read_vkeys(folder), provider())


def test_there_is_no_proof_of_a_record_that_does_not_exist(folder: Path) -> None:
    fill(folder, 1)
    with pytest.raises(AuditError):
        proof.export(folder, 1)


def test_reading_where_no_log_is_says_so(folder: Path) -> None:
    with pytest.raises(AuditError, match="no decision log here"):
        query.records(folder)
