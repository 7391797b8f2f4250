"""What is checked at every opening, whatever the log's size: its end against its checkpoints."""

import sqlite3
from pathlib import Path

from trustkit.audit import checkpoint, store
from trustkit.audit.checkpoint import VerifierKey
from trustkit.audit.merkle import Frontier
from trustkit.codec.note import Checkpoint
from trustkit.errors import AuditTamperedError, LogProofError, MalformedError, VerificationError
from trustkit.fips.provider import CryptoProvider


def read_published(folder: Path) -> bytes | None:
    """Return the checkpoint file beside the database, or None. Raises OSError."""
    try:
        with (folder / store.CHECKPOINT_FILE).open("rb") as file:
            return file.read(checkpoint.CHECKPOINT_BYTES + 1)
    except FileNotFoundError:
        return None


def require_head(
    database: sqlite3.Connection,
    published: bytes | None,
    keys: tuple[VerifierKey, ...],
    crypto: CryptoProvider,
) -> int:
    """Return the log's size if tree, last entry and both copies of the checkpoint agree.

    `published` is the checkpoint file, read before the database: it may be older, never newer.
    Raises AuditTamperedError.
    """
    database.execute("BEGIN")
    try:
        end = store.head(database)
        last = database.execute("SELECT max(idx) FROM entry").fetchone()[0]
    finally:
        database.execute("ROLLBACK")
    newest = _signed(end.note, keys, crypto, "the newest checkpoint in the database")
    try:
        root = Frontier.from_bytes(end.size, end.peaks).root()
    except LogProofError as error:
        raise AuditTamperedError("the tree in the database is damaged") from error
    if (newest.size, newest.root_hash) != (end.size, root):
        raise AuditTamperedError("the tree in the database is not the one its checkpoint signs")
    if (-1 if last is None else int(last)) + 1 != end.size:
        raise AuditTamperedError(f"the log should end with entry {end.size - 1}, not {last}")
    if published != end.note:
        _require_published(published, newest, keys, crypto)
    return end.size


def _require_published(
    published: bytes | None,
    newest: Checkpoint,
    keys: tuple[VerifierKey, ...],
    crypto: CryptoProvider,
) -> None:
    if published is None:
        if newest.size:
            raise AuditTamperedError("the checkpoint file beside the database was removed")
        return
    outside = _signed(published, keys, crypto, "the checkpoint file")
    if outside.size > newest.size:
        raise AuditTamperedError(
            f"the log once had {outside.size} entries and now has {newest.size}: "
            "entries were dropped from its end, or an old copy was put back"
        )
    if outside.size == newest.size and outside != newest:
        raise AuditTamperedError("the checkpoint file signs another tree than the database")


def _signed(note: bytes, keys: tuple[VerifierKey, ...], crypto: CryptoProvider, what: str) -> Checkpoint:
    try:
        return checkpoint.require_signed(note, keys, crypto)
    except (MalformedError, VerificationError) as error:
        raise AuditTamperedError(f"{what} does not verify: {error.message}") from error
