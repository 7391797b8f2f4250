"""A Rekor entry to a proven fact: this signature was in that log, and perhaps when.

Proven by a promise (SET, v1 only), by an inclusion proof under a signed checkpoint (v1 and v2), or by both;
what is there must hold. Only a promise proves a time: it signs `integratedTime`, a checkpoint does not.
"""

from datetime import UTC, datetime

from trustkit.codec import base64
from trustkit.codec.canonical_json import canonical
from trustkit.codec.log_body import Recorded
from trustkit.codec.log_entry import InclusionProof, LogEntry
from trustkit.errors import (
    AlgorithmNotApprovedError,
    LogCheckpointError,
    LogPromiseError,
    LogProofError,
    MalformedError,
    VerificationError,
)
from trustkit.fips.merkle import leaf_hash, require_inclusion
from trustkit.fips.provider import CryptoProvider
from trustkit.model.values import NamedTuple
from trustkit.signing.log.checkpoint import cosigners, require_checkpoint
from trustkit.signing.log.log_key import require_signed_by
from trustkit.signing.log.recorded import SignedContent, require_recorded
from trustkit.signing.trust.roots import SigstoreRoot, TrustedLog


class Logged(NamedTuple):
    """An entry that holds: its log, its number there, the time the log signed, what it records, and who cosigned."""

    log: TrustedLog
    number: int
    at: datetime | None
    recorded: Recorded
    witnesses: tuple[str, ...] = ()


def require_logged(
    entry: LogEntry, log: TrustedLog, root: SigstoreRoot, content: SignedContent, crypto: CryptoProvider
) -> Logged:
    """Return what the entry proves about the signature.

    Raises LogProofError, LogPromiseError, LogCheckpointError, LogEntryError, MalformedError, UnsupportedEvidenceError.
    """
    if not entry.promise and entry.proof is None:
        raise LogProofError("the log entry has neither a promise nor an inclusion proof")
    at = None
    if entry.promise:
        at = _require_promise(entry, log, crypto)
    witnesses: tuple[str, ...] = ()
    if entry.proof is not None:
        witnesses = _require_proof(entry, entry.proof, log, root, crypto)
    elif root.witnesses_required:
        raise LogCheckpointError("witnesses are required, and the log entry has no checkpoint to cosign")
    return Logged(log, entry.log_index, at, require_recorded(entry, content), witnesses)


def _require_promise(entry: LogEntry, log: TrustedLog, crypto: CryptoProvider) -> datetime:
    signed = canonical(
        {
            "body": base64.encode(entry.body),
            "integratedTime": entry.integrated_time,
            "logID": entry.log_id.hex(),
            "logIndex": entry.log_index,
        }
    )
    try:
        require_signed_by(log.key, entry.promise, signed, crypto)
    except (VerificationError, MalformedError, AlgorithmNotApprovedError) as error:
        raise LogPromiseError(f"the promise of log {log.base_url} does not fit its entry") from error
    return datetime.fromtimestamp(entry.integrated_time, UTC)


def _require_proof(
    entry: LogEntry, proof: InclusionProof, log: TrustedLog, root: SigstoreRoot, crypto: CryptoProvider
) -> tuple[str, ...]:
    require_inclusion(leaf_hash(entry.body), proof.leaf_index, proof.size, proof.hashes, proof.root)
    if not proof.checkpoint:
        raise LogCheckpointError("the inclusion proof has no checkpoint, so nobody vouches for its root")
    checkpoint, signed = require_checkpoint(proof.checkpoint, log, crypto)
    if (checkpoint.size, checkpoint.root_hash) != (proof.size, proof.root):
        raise LogCheckpointError("the checkpoint is of another tree than the inclusion proof")
    witnesses = cosigners(signed, root.witnesses, crypto)
    if len(witnesses) < root.witnesses_required:
        raise LogCheckpointError(
            f"{len(witnesses)} of the {root.witnesses_required} required witnesses cosigned the checkpoint"
        )
    return witnesses
