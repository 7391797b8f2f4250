"""Proof of one record, to be checked by somebody who has only the log's vkey (C2SP tlog-proof).

c2sp.org/tlog-proof@v1
index 73894
gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=      the audit path, one hash a line
                                                  (empty line)
<signed checkpoint>
"""

import re
import sqlite3
from pathlib import Path

from trustkit.audit import checkpoint, store
from trustkit.audit.checkpoint import VerifierKey
from trustkit.audit.merkle import inclusion_proof
from trustkit.codec import base64
from trustkit.codec.note import Checkpoint
from trustkit.errors import AuditError, AuditTamperedError, LogProofError, MalformedError
from trustkit.fips.merkle import HASH_BYTES, leaf_hash, require_inclusion
from trustkit.fips.provider import CryptoProvider

PROOF_BYTES = 32 * 1024
_MAGIC = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,17})\Z")
_MOST_HASHES = 64


def export(folder: Path, sequence: int) -> tuple[bytes, str]:
    """Return a record's entry and its proof against the newest checkpoint.

    Reads every leaf hash (about 2 s a million). Raises AuditError if there is no such entry,
    AuditTamperedError if the log cannot prove it, StorageError.
    """
    database = store.connect_reader(folder)
    try:
        database.execute("BEGIN")
        row = database.execute("SELECT entry FROM entry WHERE idx = ?", (sequence,)).fetchone()
        note = store.head(database).note
        leaves = [bytes(leaf) for (leaf,) in database.execute("SELECT leaf FROM entry ORDER BY idx")]
    except sqlite3.Error as error:
        raise store.failure(folder, error) from error
    finally:
        database.close()
    if row is None:
        raise AuditError(f"{folder}: the log has no entry {sequence}")
    content = bytes(row[0])
    try:
        path = inclusion_proof(sequence, leaves)
        signed, _ = checkpoint.parse(note)
        require_inclusion(leaf_hash(content), sequence, signed.size, path, signed.root_hash)
    except (LogProofError, MalformedError) as error:
        message = f"the log cannot prove its entry {sequence}: {error.message}"
        raise AuditTamperedError(message, next_step="run `trustkit audit verify`") from error
    return content, to_text(sequence, path, note)


def to_text(index: int, path: list[bytes], note: bytes) -> str:
    """Write a proof."""
    hashes = "".join(f"{base64.encode(node)}\n" for node in path)
    return f"{_MAGIC}\nindex {index}\n{hashes}\n{note.decode()}"


def parse(text: str) -> tuple[int, list[bytes], bytes]:
    """Read a proof: index, path, signed checkpoint; an `extra` line is skipped. MalformedError."""
    if len(text) > PROOF_BYTES:
        raise MalformedError("the proof is too large")
    front, mark, note = text.partition("\n\n")
    lines = front.split("\n")
    if not mark or lines[0] != _MAGIC:
        raise MalformedError(f"the proof does not begin with {_MAGIC}")
    rest = lines[2:] if lines[1:] and lines[1].startswith("extra ") else lines[1:]
    index = _INDEX.match(rest[0]) if rest else None
    if index is None or len(rest) > _MOST_HASHES + 1:
        raise MalformedError("the proof has no index line, or too many hashes")
    path = [base64.decode(line, "proof hash") for line in rest[1:]]
    if any(len(node) != HASH_BYTES for node in path):
        raise MalformedError("a hash of the proof is not 32 bytes")
    try:
        return int(index[1]), path, note.encode()
    except UnicodeEncodeError as error:
        raise MalformedError("the proof is not UTF-8") from error


def require_proven(
    content: bytes, text: str, vkeys: tuple[VerifierKey, ...], crypto: CryptoProvider
) -> tuple[int, Checkpoint]:
    """Return the entry's index and the checkpoint if the proof shows that the log holds it.

    Raises MalformedError, SignatureMismatchError, LogProofError.
    """
    index, path, note = parse(text)
    signed = checkpoint.require_signed(note, vkeys, crypto)
    require_inclusion(leaf_hash(content), index, signed.size, path, signed.root_hash)
    return index, signed
