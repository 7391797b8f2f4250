r"""Checkpoints of Rekor, v1 and v2, and what witnesses add to them (C2SP signed-note, tlog-cosignature v1).

    log2025-1.rekor.sigstore.dev              origin; v1 adds " - <tree id>"
    1234                                      size
    <base64>                                  root
                                              v1 may have a line "Timestamp: <nanoseconds>" before the empty one
    — log2025-1.rekor.sigstore.dev <base64 of 4 bytes key id and the signature>
    — witness.example/w1 <base64 of 4 bytes key id, 8 bytes seconds, and an Ed25519 signature>

A witness signs "cosignature/v1\ntime <seconds>\n" and the text above.
"""

from trustkit.codec import note
from trustkit.codec.note import Checkpoint, Note, NoteSignature
from trustkit.errors import AlgorithmNotApprovedError, LogCheckpointError, MalformedError, VerificationError
from trustkit.fips.hashing import sha256
from trustkit.fips.provider import CryptoProvider
from trustkit.fips.spki import ed25519_bytes
from trustkit.signing.log.log_key import require_signed_by
from trustkit.signing.trust.roots import TrustedLog, Witness

_KEY_ID_BYTES = 4
_TIME_BYTES = 8
_COSIGNATURE = b"\x04"


def require_checkpoint(text: str, log: TrustedLog, crypto: CryptoProvider) -> tuple[Checkpoint, Note]:
    """Return the checkpoint if the log signed it under the name it gives itself.

    Raises LogCheckpointError, MalformedError.
    """
    signed = note.parse(text.encode())
    checkpoint = note.parse_checkpoint(signed.text)
    # v1 writes its tree's number behind the name
    name = checkpoint.origin.partition(" - ")[0]
    lines = [line for line in signed.signatures if line.name == name and line.key_id == log.key_id[:_KEY_ID_BYTES]]
    if not lines:
        raise LogCheckpointError(f"the checkpoint of {name[:80]!r} has no signature by the log's key")
    for line in lines:
        _require(line, log, signed, crypto)
    return checkpoint, signed


def cosigners(signed: Note, witnesses: tuple[Witness, ...], crypto: CryptoProvider) -> tuple[str, ...]:
    """Return the names of the witnesses that cosigned, each once; lines of strangers are left alone.

    Raises LogCheckpointError if a line of a trusted witness does not hold.
    """
    found: dict[str, None] = {}
    for witness in witnesses:
        key_id = sha256(f"{witness.name}\n".encode() + _COSIGNATURE + ed25519_bytes(witness.key))[:_KEY_ID_BYTES]
        for line in signed.signatures:
            if (line.name, line.key_id) == (witness.name, key_id):
                _require_cosignature(line, witness, signed, crypto)
                found[witness.name] = None
    return tuple(found)


def _require(line: NoteSignature, log: TrustedLog, signed: Note, crypto: CryptoProvider) -> None:
    try:
        require_signed_by(log.key, line.signature, signed.signed_bytes, crypto)
    except (VerificationError, MalformedError, AlgorithmNotApprovedError) as error:
        raise LogCheckpointError(f"the log's signature on the checkpoint of {line.name[:80]!r} is wrong") from error


def _require_cosignature(line: NoteSignature, witness: Witness, signed: Note, crypto: CryptoProvider) -> None:
    seconds = int.from_bytes(line.signature[:_TIME_BYTES], "big")
    message = b"cosignature/v1\ntime %d\n%b" % (seconds, signed.signed_bytes)
    try:
        require_signed_by(witness.key, line.signature[_TIME_BYTES:], message, crypto)
    except (VerificationError, MalformedError, AlgorithmNotApprovedError) as error:
        raise LogCheckpointError(f"the cosignature of witness {witness.name[:80]!r} is wrong") from error
