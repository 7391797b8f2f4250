"""Every way to tamper with a log that verification promises to find, one at a time."""

import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trustkit.audit import keys
from trustkit.audit.log import DecisionLog
from trustkit.audit.verify import require_intact, verify_log
from trustkit.errors import AuditError, AuditTamperedError
from trustkit.fips.merkle import leaf_hash
from trustkit.fips.select import provider
from trustkit.model.audit import AuditEvent

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def fill(folder: Path, count: int, text: str = "web") -> None:
    with DecisionLog(folder, provider()) as log:
        log.append_many(AuditEvent(NOON, "decision", "deny", None, {"n": n, "name": text}) for n in range(count))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fill(tmp_path / "audit", 10)
    return tmp_path / "audit"


def change(folder: Path, *statements: str) -> None:
    database = sqlite3.connect(folder / "log.db")
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()


def rewrite(folder: Path, *, with_leaf: bool) -> None:
    database = sqlite3.connect(folder / "log.db")
    (content,) = database.execute("SELECT entry FROM entry WHERE idx = 4").fetchone()
    forged = content.replace(b'"web"', b'"wed"')
    database.execute("UPDATE entry SET entry = ? WHERE idx = 4", (forged,))
    if with_leaf:
        database.execute("UPDATE entry SET leaf = ? WHERE idx = 4", (leaf_hash(forged),))
    database.commit()
    database.close()


def swap(folder: Path) -> None:
    change(
        folder,
        "UPDATE entry SET idx = 99 WHERE idx = 3",
        "UPDATE entry SET idx = 3 WHERE idx = 4",
        "UPDATE entry SET idx = 4 WHERE idx = 99",
    )


def drop_tail_thoroughly(folder: Path) -> None:
    """What somebody does who knows the database but keeps an old copy of it all, less the checkpoint file."""
    newer = (folder / "checkpoint").read_bytes()
    shutil.rmtree(folder)
    fill(folder, 8)
    (folder / "checkpoint").write_bytes(newer)


def other_log(folder: Path) -> None:
    other = folder.parent / "other"
    fill(other, 10)
    shutil.copy(other / "checkpoint", folder / "checkpoint")


def edit_checkpoint(folder: Path) -> None:
    path = folder / "checkpoint"
    path.write_bytes(path.read_bytes().replace(b"\n10\n", b"\n11\n"))


TAMPERINGS: dict[str, tuple[Callable[[Path], None], str]] = {
    "altered entry": (lambda folder: rewrite(folder, with_leaf=False), "entry.altered"),
    "altered entry and leaf": (lambda folder: rewrite(folder, with_leaf=True), "checkpoint.root"),
    "dropped middle": (lambda folder: change(folder, "DELETE FROM entry WHERE idx = 4"), "entry.missing"),
    "dropped first": (lambda folder: change(folder, "DELETE FROM entry WHERE idx = 0"), "entry.missing"),
    "dropped tail": (lambda folder: change(folder, "DELETE FROM entry WHERE idx > 7"), "entry.missing"),
    "dropped all": (lambda folder: change(folder, "DELETE FROM entry"), "entry.missing"),
    "middle dropped, rest moved up": (
        lambda folder: change(
            folder, "DELETE FROM entry WHERE idx = 4", "UPDATE entry SET idx = idx - 1 WHERE idx > 4"
        ),
        "entry.missing",
    ),
    "reordered": (swap, "checkpoint.root"),
    "inserted": (
        lambda folder: change(
            folder, "INSERT INTO entry SELECT 10, at, kind, outcome, subject, leaf, entry FROM entry WHERE idx = 1"
        ),
        "checkpoint.behind",
    ),
    "search column": (
        lambda folder: change(folder, "UPDATE entry SET outcome = 'allow' WHERE idx = 2"),
        "entry.columns",
    ),
    "noise in an entry": (
        lambda folder: change(folder, "UPDATE entry SET entry = x'00' WHERE idx = 2"),
        "entry.altered",
    ),
    "text for a hash": (lambda folder: change(folder, "UPDATE entry SET leaf = 'x' WHERE idx = 2"), "database"),
    "right edge": (lambda folder: change(folder, "UPDATE tree SET size = 9"), "tree"),
    "table removed": (lambda folder: change(folder, "DROP TABLE entry"), "database"),
    "edited checkpoint": (edit_checkpoint, "checkpoint.signature"),
    "another log's checkpoint": (other_log, "checkpoint.signature"),
    "removed checkpoint file": (lambda folder: (folder / "checkpoint").unlink(), "checkpoint.missing"),
    "checkpoint of noise": (lambda folder: (folder / "checkpoint").write_bytes(b"\xff" * 99), "checkpoint.signature"),
    "removed database": (lambda folder: (folder / "log.db").unlink(), "database.missing"),
    "database of noise": (lambda folder: (folder / "log.db").write_bytes(b"noise" * 4096), "database"),
    "removed keys": (lambda folder: (folder / "vkey").unlink(), "keys"),
    "log begun anew": (drop_tail_thoroughly, "checkpoint.signature"),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_verification_finds(folder: Path, name: str) -> None:
    tamper, code = TAMPERINGS[name]
    tamper(folder)
    assert code in {problem.code for problem in verify_log(folder).problems}


def test_an_untouched_log_verifies(folder: Path) -> None:
    report = verify_log(folder)
    assert (report.size, report.signed, report.problems) == (10, 10, ())


def test_a_problem_becomes_exit_status_one(folder: Path) -> None:
    edit_checkpoint(folder)
    with pytest.raises(AuditTamperedError) as caught:
        require_intact(verify_log(folder))
    assert caught.value.exit_status == 1


def test_an_altered_entry_is_named(folder: Path) -> None:
    rewrite(folder, with_leaf=False)
    assert verify_log(folder).problems[0].entry == 4


def test_damage_behind_leaves_is_narrowed_down_between_checkpoints(tmp_path: Path) -> None:
    for _ in range(3):
        fill(tmp_path / "audit", 256)
    change(tmp_path / "audit", "UPDATE entry SET leaf = zeroblob(32) WHERE idx = 300")
    database = sqlite3.connect(tmp_path / "audit/log.db")
    (content,) = database.execute("SELECT entry FROM entry WHERE idx = 300").fetchone()
    forged = content.replace(b'"web"', b'"wed"')
    database.execute("UPDATE entry SET entry = ?, leaf = ? WHERE idx = 300", (forged, leaf_hash(forged)))
    database.commit()
    database.close()
    assert "entries 256 to 511" in verify_log(tmp_path / "audit").problems[0].message


def test_a_log_begun_anew_is_found_by_keys_kept_elsewhere(folder: Path) -> None:
    kept = keys.read_vkeys(folder)
    shutil.rmtree(folder)
    fill(folder, 10)
    assert verify_log(folder).intact
    assert not verify_log(folder, vkeys=kept).intact


def test_everything_put_back_to_an_old_copy_is_found_by_a_checkpoint_kept_elsewhere(folder: Path) -> None:
    shutil.copytree(folder, folder.parent / "old")
    fill(folder, 1)
    kept = (folder / "checkpoint").read_bytes()
    shutil.rmtree(folder)
    (folder.parent / "old").rename(folder)
    assert verify_log(folder).intact
    assert "entry.missing" in {problem.code for problem in verify_log(folder, kept=kept).problems}


def test_an_older_checkpoint_kept_elsewhere_fits_a_log_that_grew(folder: Path) -> None:
    kept = (folder / "checkpoint").read_bytes()
    fill(folder, 5)
    assert verify_log(folder, kept=kept).intact


def test_there_must_be_a_log_to_verify(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="no decision log here"):
        verify_log(tmp_path)
