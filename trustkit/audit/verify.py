"""The whole log recomputed from its bytes: nothing altered, dropped, added, or signed by another."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from trustkit.audit import checkpoint, keys, query, store
from trustkit.audit.checkpoint import VerifierKey
from trustkit.audit.head import read_published
from trustkit.audit.merkle import Frontier
from trustkit.codec.note import Checkpoint
from trustkit.errors import (
    AuditError,
    AuditTamperedError,
    MalformedError,
    TrustkitError,
    VerificationError,
)
from trustkit.fips.merkle import leaf_hash
from trustkit.fips.provider import CryptoProvider
from trustkit.fips.select import provider
from trustkit.model.values import NamedTuple

# Enough to see the pattern; a log of noise must not fill the memory.
_MOST_PROBLEMS = 100


class Problem(NamedTuple):
    """One contradiction: a stable code, a sentence, and the number of the entry it is about, if any."""

    code: str
    message: str
    entry: int | None = None


class LogReport(NamedTuple):
    """What verification found. `signed` is the size the newest valid checkpoint covers."""

    origin: str
    size: int
    root: bytes
    checkpoints: int
    signed: int
    vkeys: tuple[str, ...]
    pinned: bool
    problems: tuple[Problem, ...]

    @property
    def intact(self) -> bool:
        """Whether nothing contradicts; carries no trust by itself, `require_intact` does."""
        return not self.problems


class _Findings:
    """Problems as they are found, bounded."""

    def __init__(self) -> None:
        self.list: list[Problem] = []

    def add(self, code: str, message: str, index: int | None = None) -> None:
        if len(self.list) < _MOST_PROBLEMS:
            self.list.append(Problem(code, message, index))


def verify_log(
    folder: Path,
    *,
    vkeys: tuple[VerifierKey, ...] = (),
    kept: bytes | None = None,
    crypto: CryptoProvider | None = None,
) -> LogReport:
    """Recompute the log and return what contradicts; a tampered log is a report, not an error.

    1. collect every signed checkpoint: in the database, the file beside it, and `kept`, a
       checkpoint kept elsewhere; check their signatures against `vkeys`, else the published keys;
    2. walk the entries: indices without gaps, canonical bytes, leaf hashes, search columns;
    3. compare the computed root with each checkpoint at its size;
    4. the tree must end where the newest checkpoint and the stored right edge say.

    Raises AuditError if there is no log at all, StorageError if it cannot be read.
    """
    findings = _Findings()
    published = read_published(folder)
    if published is None and not (folder / store.DATABASE_FILE).exists():
        store.connect_reader(folder)
    trusted = vkeys or _published_keys(folder, findings)
    check = _Checkpoints(trusted, crypto or provider(), findings)
    if kept is not None:
        check.take(kept, "the checkpoint kept elsewhere")
    if published is None:
        findings.add("checkpoint.missing", "the checkpoint file beside the database is missing")
    else:
        check.take(published, "the checkpoint file")
    frontier = _read(folder, check, findings)
    return LogReport(
        origin=trusted[0].name if trusted else "",
        size=frontier.size,
        root=frontier.root(),
        checkpoints=check.count,
        signed=max(check.by_size, default=0),
        vkeys=tuple(key.to_text() for key in trusted),
        pinned=bool(vkeys),
        problems=tuple(findings.list),
    )


def require_intact(report: LogReport) -> None:
    """Return if the log verified. Raises AuditTamperedError naming the first problem."""
    if report.problems:
        first, more = report.problems[0], len(report.problems) - 1
        rest = f" (and {more} more)" if more else ""
        raise AuditTamperedError(
            f"the decision log does not verify: {first.message}{rest}",
            next_step="keep the log's folder as it is, and compare it with checkpoints kept "
            "elsewhere to learn since when",
            problem=first.code,
        )


class _Checkpoints:
    """The checkpoints whose signatures hold, by size."""

    def __init__(self, trusted: tuple[VerifierKey, ...], crypto: CryptoProvider, findings: _Findings) -> None:
        self._trusted, self._crypto, self._findings = trusted, crypto, findings
        self.by_size: dict[int, Checkpoint] = {}
        self.count = 0

    def take(self, note: bytes, what: str) -> None:
        try:
            found = checkpoint.require_signed(note, self._trusted, self._crypto)
        except (MalformedError, VerificationError) as error:
            self._findings.add("checkpoint.signature", f"{what}: {error.message}")
            return
        self.count += 1
        known = self.by_size.setdefault(found.size, found)
        if known != found:
            message = f"two different trees were signed for the size {found.size}"
            self._findings.add("checkpoint.fork", message)


def _published_keys(folder: Path, findings: _Findings) -> tuple[VerifierKey, ...]:
    try:
        return keys.read_vkeys(folder)
    except AuditError as error:
        findings.add("keys", error.message)
        return ()


def _read(folder: Path, check: _Checkpoints, findings: _Findings) -> Frontier:
    frontier = Frontier()
    try:
        database = store.connect_reader(folder)
    except AuditTamperedError as error:
        findings.add("database", error.message)
        return frontier
    except AuditError:
        findings.add("database.missing", "the log's database is missing")
        return frontier
    try:
        database.execute("BEGIN")
        _walk(database, check, findings, frontier)
    except (sqlite3.Error, ValueError, TypeError) as error:
        # sqlite3 raises the latter two for damaged rows and a column of another type.
        findings.add("database", f"the database cannot be read to its end: {error}")
    except TrustkitError as error:
        findings.add("database", error.message)
    finally:
        database.close()
    return frontier


def _walk(database: sqlite3.Connection, check: _Checkpoints, findings: _Findings, frontier: Frontier) -> None:
    for size, note in database.execute("SELECT size, note FROM checkpoint ORDER BY size"):
        check.take(bytes(note), f"the stored checkpoint of size {size}")
    good = _compare(frontier, check.by_size, findings, 0)
    rows = database.execute("SELECT idx, leaf, entry, at, kind, outcome, subject FROM entry ORDER BY idx")
    for idx, leaf, content, *columns in rows:
        if idx != frontier.size:
            _report_gap(frontier.size, idx, findings)
            return
        frontier.append(leaf_hash(bytes(content)))
        _check_row(idx, (bytes(leaf), bytes(content)), columns, findings)
        good = _compare(frontier, check.by_size, findings, good)
    _compare_end(database, check, findings, frontier)


def _report_gap(expected: int, found: object, findings: _Findings) -> None:
    last = found - 1 if isinstance(found, int) else expected
    span = f"entry {expected} is" if last == expected else f"entries {expected} to {last} are"
    findings.add("entry.missing", f"{span} missing from the log", expected)


def _check_row(idx: int, stored: tuple[bytes, bytes], columns: list[object], findings: _Findings) -> None:
    leaf, content = stored
    if leaf_hash(content) != leaf:
        findings.add("entry.altered", f"entry {idx} was altered: its hash is another", idx)
    try:
        expected = query.columns_of(content)
    except MalformedError as error:
        findings.add("entry.malformed", f"entry {idx}: {error.message}", idx)
        return
    if tuple(columns) != expected:
        findings.add("entry.columns", f"entry {idx}: the search columns were altered", idx)


def _compare(frontier: Frontier, by_size: Mapping[int, Checkpoint], findings: _Findings, good: int) -> int:
    """Compare at this size, if signed; return up to where the log is known to be good."""
    signed = by_size.get(frontier.size)
    if signed is None:
        return good
    if signed.root_hash == frontier.root():
        return frontier.size
    if good >= 0:
        findings.add(
            "checkpoint.root",
            f"entries {good} to {frontier.size - 1} are not those that were signed: something "
            "among them was altered, reordered or replaced",
            good,
        )
    return -1


def _compare_end(database: sqlite3.Connection, check: _Checkpoints, findings: _Findings, frontier: Frontier) -> None:
    signed = max(check.by_size, default=0)
    if signed > frontier.size:
        span = f"entries {frontier.size} to {signed - 1}"
        message = f"{span} are missing from the log's end: {signed} entries were signed"
        findings.add("entry.missing", message, frontier.size)
    elif signed < frontier.size:
        message = f"entries from {signed} on are covered by no valid checkpoint"
        findings.add("checkpoint.behind", message, signed)
    end = store.head(database)
    if (end.size, end.peaks) != (frontier.size, frontier.to_bytes()):
        findings.add("tree", "the stored right edge of the tree does not belong to the entries")
