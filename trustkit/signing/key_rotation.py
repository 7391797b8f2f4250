"""A new key under an old name: the old one keeps verifying, under another name, until the overlap ends.

The old key is copied to NAME.1 (.2, ...) first, and the new one is complete before its public half appears. When
the machine stops in between, nothing is lost: the old key verifies as NAME.1, and NAME is free to be made again.
"""

from datetime import datetime, timedelta
from pathlib import Path

from trustkit.durable import write_file
from trustkit.errors import KeyRevokedError, UsageError
from trustkit.fips import keyfile
from trustkit.fips.parse import public_key_to_pem
from trustkit.fips.provider import CryptoProvider
from trustkit.model.keys import KEY_NAME, PublicKey
from trustkit.model.values import NamedTuple
from trustkit.signing.key_life import KeyRecord
from trustkit.signing.keyring import Keyring, StoredKey

_PUBLIC_MODE = 0o644
_MOST = 1000


class Overlap(NamedTuple):
    """From when the new key counts, and for how long the old one still verifies."""

    now: datetime
    length: timedelta


class NewKey(NamedTuple):
    """The key that takes over; `private` is its encrypted file, empty if it is in a token or a service."""

    public: PublicKey
    private: bytes
    record: KeyRecord


def new_file_key(kind: str, passphrase: bytes, crypto: CryptoProvider) -> NewKey:
    """Make a key for the ring. Raises KeyFileError."""
    made = crypto.generate(kind)
    return NewKey(made.public, keyfile.write(made, passphrase), KeyRecord(made.public.fingerprint))


def rotate(ring: Keyring, name: str, new: NewKey, overlap: Overlap) -> tuple[StoredKey, StoredKey]:
    """Let the new key take the name; return it, and the old one under its new name.

    Raises UsageError, KeyRevokedError, KeyFileError, StorageError.
    """
    old = ring.show(name)
    if old.record.life.revoked is not None:
        raise KeyRevokedError(
            f"key {name} is revoked: it does not hand over to another",
            next_step="make a new key under a new name, and distribute it as you did the first",
        )
    if new.public.fingerprint == old.public.fingerprint:
        raise UsageError(f"{name} is that key already", next_step="name another key")
    retired = _retire(ring, old, new, overlap)
    # a key is there as long as its public half is
    old.public_path.unlink()
    if new.private:
        write_file(old.private_path, new.private)
    else:
        old.private_path.unlink(missing_ok=True)
    ring.write_record(name, new.record)
    write_file(old.public_path, public_key_to_pem(new.public), mode=_PUBLIC_MODE)
    return ring.show(name), retired


def _retire(ring: Keyring, old: StoredKey, new: NewKey, overlap: Overlap) -> StoredKey:
    name = _free_name(old)
    ends = overlap.now + overlap.length
    known = old.record.life.not_after
    life = old.record.life._replace(not_after=min(ends, known) if known else ends)
    ring.write_record(name, old.record._replace(life=life, replaced_by=new.public.fingerprint))
    public = old.public_path.with_name(f"{name}.pub")
    if old.has_private:
        write_file(public.with_suffix(".key"), old.private_path.read_bytes())
    write_file(public, public_key_to_pem(old.public), mode=_PUBLIC_MODE)
    return ring.show(name)


def _free_name(old: StoredKey) -> str:
    folder: Path = old.public_path.parent
    for number in range(1, _MOST):
        name = f"{old.name}.{number}"
        if KEY_NAME.match(name) and not any((folder / f"{name}{end}").exists() for end in (".pub", ".key", ".json")):
            return name
    raise UsageError(f"no name is left for the old key of {old.name}", next_step="choose a shorter key name")
