"""The log's own keys: made once, kept beside the database, never the keys that sign images."""

import stat
from pathlib import Path

from trustkit import durable, limits
from trustkit.audit.checkpoint import VerifierKey, parse_vkeys, verifier_key
from trustkit.codec import pem
from trustkit.errors import AlgorithmNotApprovedError, AuditError, MalformedError
from trustkit.fips.hashing import sha256
from trustkit.fips.provider import CryptoProvider, PrivateKey
from trustkit.model.values import NamedTuple

VKEY_FILE = "vkey"
# Ed25519 is what witnesses read; P-256 is there for verifiers that may not use Ed25519.
_KINDS = {"ed25519": "key-ed25519.pem", "ecdsa-p256": "key-p256.pem"}
_LABEL = "PRIVATE KEY"


class LogKeys(NamedTuple):
    """The keys that sign checkpoints, and the log's origin, which is their name."""

    origin: str
    private: tuple[PrivateKey, ...]
    public: tuple[VerifierKey, ...]


def load(folder: Path, crypto: CryptoProvider) -> LogKeys:
    """Open the log's keys. Raises AuditError if they are missing, readable by others, or wrong."""
    private = []
    for name in _KINDS.values():
        path = folder / name
        if path.exists():
            private.append(_open(path, crypto))
    if not private:
        raise AuditError(
            f"{folder}: the log's keys are missing, so nothing can be recorded",
            next_step="restore them from a backup, or move the folder away to start a new log",
        )
    published = read_vkeys(folder)
    public = tuple(verifier_key(published[0].name, key.public) for key in private)
    if any(key not in published for key in public):
        raise AuditError(f"{folder / VKEY_FILE}: does not name the keys this log signs with")
    return LogKeys(published[0].name, tuple(private), public)


def make(folder: Path, crypto: CryptoProvider) -> LogKeys:
    """Make the keys of a new log, or finish making them after a crash. StorageError, CryptoError."""
    private: list[PrivateKey] = []
    for kind, name in _KINDS.items():
        path = folder / name
        if path.exists():
            private.append(_open(path, crypto))
            continue
        try:
            key = crypto.generate(kind)
        except AlgorithmNotApprovedError:
            # A provider need not approve both; one key is enough for a checkpoint.
            continue
        durable.write_file(path, pem.encode(_LABEL, key.to_pkcs8()))
        private.append(key)
    if not private:
        raise AuditError("the crypto provider can make no key that signs checkpoints")
    origin = f"trustkit-log-{sha256(private[0].public.spki_der).hex()[:16]}"
    public = tuple(verifier_key(origin, key.public) for key in private)
    text = "".join(f"{key.to_text()}\n" for key in public)
    durable.write_file(folder / VKEY_FILE, text.encode(), mode=0o644)
    return LogKeys(origin, tuple(private), public)


def read_vkeys(folder: Path) -> tuple[VerifierKey, ...]:
    """Read the public keys published beside the log. Raises AuditError."""
    path = folder / VKEY_FILE
    try:
        found = parse_vkeys(_bounded(path).decode("utf-8"))
    except (OSError, UnicodeDecodeError, MalformedError) as error:
        raise AuditError(f"{path}: cannot be read as the log's public keys: {error}") from error
    if not found or len({key.name for key in found}) != 1:
        raise AuditError(f"{path}: must hold the keys of exactly one log")
    return found


def _open(path: Path, crypto: CryptoProvider) -> PrivateKey:
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise AuditError(
                f"{path}: the log's key can be read by others",
                next_step=f"chmod 600 {path}, and ask who may have read it",
            )
        _, der = pem.decode(_bounded(path), (_LABEL,))
    except (OSError, MalformedError) as error:
        raise AuditError(f"{path}: the log's key cannot be read: {error}") from error
    return crypto.load_pkcs8(der)


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(limits.KEY_FILE_BYTES)
