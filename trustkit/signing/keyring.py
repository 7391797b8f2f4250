"""The key store: a folder with NAME.key (encrypted PKCS#8, mode 0600) and NAME.pub for each key.

NAME.json says what else is known of it (`key_life`); instead of NAME.key it may name a token or a service.
"""

import os
from pathlib import Path

from trustkit.durable import make_folder, storage_error, sync_folder, write_file
from trustkit.errors import KeyFileError, TrustkitError, UsageError
from trustkit.fips import keyfile
from trustkit.fips.parse import public_key_from_pem, public_key_to_pem
from trustkit.fips.provider import CryptoProvider, PrivateKey
from trustkit.model.keys import KEY_NAME, KeyRevocation, PublicKey
from trustkit.model.values import NamedTuple
from trustkit.signing.key_life import KeyRecord, read_record, record_bytes
from trustkit.signing.key_providers.file import open_key, read_private_file
from trustkit.signing.keys import Ask

PKCS8 = "pkcs8"
COSIGN = "cosign"
PUBLIC = "public"
EXPORTS = (PKCS8, COSIGN, PUBLIC)
_PUBLIC_MODE = 0o644


class StoredKey(NamedTuple):
    """A key of the store; `has_private` is False if only its public half is here."""

    name: str
    public: PublicKey
    private_path: Path
    public_path: Path
    has_private: bool
    record: KeyRecord


class Keyring:
    """Keys by name in one folder. Private halves are encrypted, always."""

    def __init__(self, folder: Path, crypto: CryptoProvider) -> None:
        """Take the folder; nothing is read or made yet."""
        self._folder = folder
        self._crypto = crypto

    def generate(self, name: str, kind: str, passphrase: bytes) -> StoredKey:
        """Make a key pair. Raises UsageError if the name is taken, KeyFileError, StorageError."""
        self._require_free(name)
        return self._store(name, self._crypto.generate(kind), passphrase)

    def list(self) -> tuple[StoredKey, ...]:
        """Return the keys in order of their names. Raises KeyFileError for a broken public half."""
        if not self._folder.is_dir():
            return ()
        names = sorted(file.stem for file in self._folder.glob("*.pub") if KEY_NAME.match(file.stem))
        return tuple(self.show(name) for name in names)

    def show(self, name: str) -> StoredKey:
        """Return one key. Raises UsageError, KeyFileError."""
        private, public = self._paths(name)
        try:
            content = public.read_bytes()
        except FileNotFoundError as error:
            raise UsageError(f"no key is called {name!r}", next_step="see trustkit key list") from error
        except OSError as error:
            raise KeyFileError(f"{public}: {(error.strerror or str(error)).lower()}") from error
        try:
            key = public_key_from_pem(content)
        except TrustkitError as error:
            raise KeyFileError(f"{public}: {error.message}") from error
        record = read_record(public.with_name(f"{name}.json")) or KeyRecord(key.fingerprint)
        if record.fingerprint != key.fingerprint:
            raise KeyFileError(
                f"{public.with_name(f'{name}.json')} is about another key than {public}",
                next_step="put the right public half back, or remove the record",
            )
        return StoredKey(name, key, private, public, private.exists(), record)

    def open(self, name: str, ask: Ask) -> PrivateKey:
        """Return the private key; it must fit the public half beside it. Raises UsageError, KeyFileError."""
        stored = self.show(name)
        key = open_key(read_private_file(stored.private_path), name, ask, self._crypto)
        if key.public.fingerprint != stored.public.fingerprint:
            raise KeyFileError(
                f"{stored.private_path} and {stored.public_path} are halves of different keys",
                next_step="export the right public half again",
            )
        return key

    def import_key(
        self, name: str, source: Path, ask: Ask, passphrase: bytes, *, insecure_allow_plain: bool = False
    ) -> StoredKey:
        """Copy a key in: encrypted PKCS#8, cosign's key file, or plain PKCS#8 if allowed.

        `ask` opens the source, `passphrase` protects the copy. Raises UsageError, KeyFileError,
        AlgorithmNotApprovedError, StorageError.
        """
        self._require_free(name)
        content = read_private_file(source)
        try:
            key = open_key(content, str(source), ask, self._crypto, insecure_allow_plain=insecure_allow_plain)
        except KeyFileError as error:
            raise KeyFileError(f"{source}: {error.message}", next_step=error.next_step) from error
        return self._store(name, key, passphrase)

    def import_public(self, name: str, content: bytes) -> StoredKey:
        """Keep somebody else's public key. Raises UsageError, MalformedError, StorageError."""
        self._require_free(name)
        key = public_key_from_pem(content)
        make_folder(self._folder)
        _, public = self._paths(name)
        self._forget_record(name)
        write_file(public, public_key_to_pem(key), mode=_PUBLIC_MODE)
        return self.show(name)

    def import_remote(self, name: str, key: PublicKey, record: KeyRecord) -> StoredKey:
        """Keep the public half of a key in a token or service, and where it is. Raises UsageError, StorageError."""
        self._require_free(name)
        make_folder(self._folder)
        _, public = self._paths(name)
        self._forget_record(name)
        self.write_record(name, record)
        write_file(public, public_key_to_pem(key), mode=_PUBLIC_MODE)
        return self.show(name)

    def write_record(self, name: str, record: KeyRecord) -> None:
        """Put down what is known of a key. Raises UsageError, StorageError."""
        _, public = self._paths(name)
        make_folder(self._folder)
        write_file(public.with_name(f"{name}.json"), record_bytes(record), mode=_PUBLIC_MODE)

    def revoke(self, name: str, revocation: KeyRevocation) -> StoredKey:
        """Give a key up, for good. Raises UsageError if it is given up already, KeyFileError, StorageError."""
        record = self.show(name).record
        if record.life.revoked is not None:
            raise UsageError(f"key {name} is revoked already", next_step=f"see trustkit key show {name}")
        self.write_record(name, record._replace(life=record.life._replace(revoked=revocation)))
        return self.show(name)

    def export(self, name: str, form: str, ask: Ask, passphrase: bytes = b"") -> bytes:
        """Return the key as `pkcs8` or `cosign` under a passphrase, or its `public` half, in PEM.

        Raises UsageError, KeyFileError.
        """
        if form == PUBLIC:
            return public_key_to_pem(self.show(name).public)
        if form not in EXPORTS:
            raise UsageError(f"no key format is called {form[:40]!r}", next_step=f"use {', '.join(EXPORTS)}")
        key = self.open(name, ask)
        return keyfile.write(key, passphrase) if form == PKCS8 else keyfile.write_cosign(key, passphrase)

    def remove(self, name: str) -> None:
        """Delete both halves. Raises UsageError, StorageError."""
        stored = self.show(name)
        try:
            stored.private_path.unlink(missing_ok=True)
            self._forget_record(name)
            stored.public_path.unlink()
            sync_folder(self._folder)
        except OSError as error:
            raise storage_error(stored.public_path, error) from error

    def _store(self, name: str, key: PrivateKey, passphrase: bytes) -> StoredKey:
        # the public half last: a key is listed only when both halves are whole
        private, public = self._paths(name)
        content = keyfile.write(key, passphrase)
        make_folder(self._folder)
        if private.exists():
            # a private half without its public one may still be somebody's only copy
            write_file(private.with_suffix(".key.saved"), private.read_bytes())
        self._forget_record(name)
        write_file(private, content)
        write_file(public, public_key_to_pem(key.public), mode=_PUBLIC_MODE)
        return self.show(name)

    def _forget_record(self, name: str) -> None:
        """Remove a key's record; what is lost stays lost, so a revocation outlives its key."""
        file = self._folder / f"{name}.json"
        record = read_record(file)
        if record is not None and record.life.revoked is not None:
            file.rename(file.with_name(f"revoked-{record.fingerprint[:16]}.json"))
        file.unlink(missing_ok=True)

    def _paths(self, name: str) -> tuple[Path, Path]:
        if not KEY_NAME.match(name):
            raise UsageError(
                f"{name[:80]!r} is not a key name", next_step="use up to 64 letters, digits, dots, dashes, underscores"
            )
        return self._folder / f"{name}.key", self._folder / f"{name}.pub"

    def _require_free(self, name: str) -> None:
        private, public = self._paths(name)
        # a lone private half is what a killed command leaves behind: the next try may take its place
        if os.path.lexists(public):
            raise UsageError(f"a key called {name!r} exists", next_step=f"choose another name, or remove {private}")
