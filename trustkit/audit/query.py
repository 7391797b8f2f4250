"""Reading the log: records by range, time, kind, outcome and image."""

import sqlite3
from datetime import datetime
from pathlib import Path

from trustkit.audit import entry, store
from trustkit.errors import AuditTamperedError, MalformedError, UsageError
from trustkit.fips.merkle import leaf_hash
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.digest import Digest
from trustkit.model.values import NamedTuple


class Query(NamedTuple):
    """Which records: all that fit every member set. `kind` also names a family (`container`).

    `since` is inclusive, `until` exclusive; `limit` 0 means no limit; `newest` turns the order.
    """

    first: int = 0
    last: int | None = None
    kind: str = ""
    outcome: str = ""
    subject: Digest | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 0
    newest: bool = False


ALL = Query()


def records(folder: Path, wanted: Query = ALL) -> list[AuditRecord]:
    """Return records of the log in a folder, without its keys and without changing anything.

    Raises AuditError if there is no log, AuditTamperedError, StorageError.
    """
    database = store.connect_reader(folder)
    try:
        return select(database, wanted)
    except sqlite3.Error as error:
        raise store.failure(folder, error) from error
    finally:
        database.close()


def record(folder: Path, sequence: int) -> AuditRecord:
    """Return one record. Raises UsageError if the log has no such entry; as `records`."""
    found = records(folder, Query(first=sequence, last=sequence))
    if not found:
        raise UsageError(f"{folder}: the log has no entry {sequence}", next_step="see `trustkit audit log`")
    return found[0]


def select(database: sqlite3.Connection, wanted: Query) -> list[AuditRecord]:
    """Return the records asked for, each checked against its leaf hash.

    Raises AuditTamperedError, sqlite3.Error.
    """
    where, values = _conditions(wanted)
    order = "DESC" if wanted.newest else "ASC"
    rows = database.execute(
        f"SELECT idx, leaf, entry FROM entry WHERE {where} ORDER BY idx {order} LIMIT ?",  # noqa: S608
        (*values, wanted.limit or -1),
    )
    return [_checked(int(idx), bytes(leaf), bytes(content)) for idx, leaf, content in rows]


def columns_of(content: bytes) -> tuple[str, str, str, str | None]:
    """Return the columns an entry is found by: at, kind, outcome, subject. Raises MalformedError."""
    return columns(entry.parse(content))


def columns(event: AuditEvent) -> tuple[str, str, str, str | None]:
    """Return the columns an event's entry is found by. Raises AuditError."""
    subject = None if event.subject is None else str(event.subject)
    return entry.moment_text(event.at), event.kind, event.outcome, subject


def _conditions(wanted: Query) -> tuple[str, list[str | int]]:
    """Return SQL made of constants only; every value is bound."""
    tests: list[tuple[str, str | int]] = [("idx >= ?", wanted.first)]
    if wanted.last is not None:
        tests.append(("idx <= ?", wanted.last))
    if wanted.outcome:
        tests.append(("outcome = ?", wanted.outcome))
    if wanted.subject is not None:
        tests.append(("subject = ?", str(wanted.subject)))
    if wanted.since is not None:
        tests.append(("at >= ?", entry.moment_text(wanted.since)))
    if wanted.until is not None:
        tests.append(("at < ?", entry.moment_text(wanted.until)))
    where = " AND ".join(test for test, _ in tests)
    values = [value for _, value in tests]
    if wanted.kind:
        where += " AND (kind = ? OR kind GLOB ?)"
        values += [wanted.kind, wanted.kind.replace("[", "").replace("*", "") + ".*"]
    return where, values


def _checked(idx: int, leaf: bytes, content: bytes) -> AuditRecord:
    if leaf_hash(content) != leaf:
        raise AuditTamperedError(f"log entry {idx} was altered", next_step="run `trustkit audit verify`")
    try:
        return entry.record_of(idx, content)
    except MalformedError as error:
        raise AuditTamperedError(f"log entry {idx} is no entry: {error.message}") from error
