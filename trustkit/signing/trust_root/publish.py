"""Staged versions of a trust root to published ones: thresholds first, then files, the timestamp last."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp  # type: ignore[attr-defined]

from trustkit.durable import write_file
from trustkit.errors import UsageError, VerificationError
from trustkit.signing.keys import SigningKey
from trustkit.signing.trust_root.door import DoorKey, signature_of
from trustkit.signing.trust_root.repository import ROOT, TARGETS, Repository

_PUBLIC = 0o644


def publish(repository: Repository, online: Sequence[SigningKey]) -> int:
    """Publish what is staged under a new snapshot and timestamp, and return the snapshot's version.

    Raises VerificationError if a threshold is not met (nothing is changed then), UsageError, StorageError.
    """
    root = repository.root()
    _require_root(repository, root)
    delegators: dict[str, Root | Targets] = {TARGETS: root.signed}
    for role in repository.roles()[1:]:
        metadata = repository.targets(role)
        _require_met(delegators.get(role, repository.targets(TARGETS).signed), role, metadata)
    snapshot, timestamp = _online(repository, root, online)
    for role in repository.roles():
        staged = repository.folder / "staged" / f"{role}.json"
        if staged.is_file():
            _write(repository, repository.load(role, staged=True), role)
    _write(repository, snapshot, "snapshot")
    # from here on clients see the new versions
    write_file(repository.folder / "metadata" / "timestamp.json", timestamp.to_bytes(), mode=_PUBLIC)
    for role in repository.roles():
        (repository.folder / "staged" / f"{role}.json").unlink(missing_ok=True)
    return snapshot.signed.version


def _require_root(repository: Repository, root: Metadata[Root]) -> None:
    """TUF 5.3.4: a new root is signed by the keys of the old one and by its own."""
    before = repository.load(ROOT, staged=False)
    for signer in (before.signed if before else root.signed, root.signed):
        _require_met(signer, ROOT, root)


def _require_met(delegator: Root | Targets, role: str, metadata: Metadata[Any]) -> None:
    result = delegator.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
    if not result.verified:
        waiting = ", ".join(sorted(keyid[:12] for keyid in result.unsigned))
        raise VerificationError(
            f"{role} version {metadata.signed.version} has {len(result.signed)} of {result.threshold} signatures",
            next_step=f"have it signed (trustkit trust root sign) by some of: {waiting}",
        )


def _online(
    repository: Repository, root: Metadata[Root], keys: Sequence[SigningKey]
) -> tuple[Metadata[Snapshot], Metadata[Timestamp]]:
    before, last = (repository.load(role, staged=False) for role in ("snapshot", "timestamp"))
    meta = {f"{role}.json": MetaFile(repository.targets(role).signed.version) for role in repository.roles()[1:]}
    # a name that was in the snapshot stays: clients take its absence for a rollback
    meta = {**(before.signed.meta if before else {}), **meta}
    version = before.signed.version + 1 if before else 1
    snapshot = Metadata(Snapshot(version, expires=repository.expiry("snapshot"), meta=meta))
    _sign(root, "snapshot", snapshot, keys)
    version = last.signed.version + 1 if last else 1
    made = Timestamp(version, expires=repository.expiry("timestamp"), snapshot_meta=MetaFile(snapshot.signed.version))
    timestamp = Metadata(made)
    _sign(root, "timestamp", timestamp, keys)
    return snapshot, timestamp


def _sign(root: Metadata[Root], role: str, metadata: Metadata[Any], keys: Sequence[SigningKey]) -> None:
    for key in keys:
        if DoorKey.of(key.public).keyid in root.signed.roles[role].keyids:
            made = signature_of(key, metadata.signed_bytes)
            metadata.signatures[made.keyid] = made
    if len(metadata.signatures) < root.signed.roles[role].threshold:
        raise UsageError(
            f"{role} needs {root.signed.roles[role].threshold} of its keys, given are {len(metadata.signatures)}",
            next_step="give the online keys with --key; trustkit trust root show lists them",
        )


def _write(repository: Repository, metadata: Metadata[Any] | None, role: str) -> None:
    if metadata is not None:
        file: Path = repository.folder / "metadata" / f"{metadata.signed.version}.{role}.json"
        write_file(file, metadata.to_bytes(), mode=_PUBLIC)
