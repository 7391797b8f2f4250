"""Private keys as docker and notary keep them, in their folder or in one of the same layout.

    <folder>/private/<identifier>.key      role: targets, gun: registry.example/team/app, PBES2

Root and delegation keys name no repository. A key is found by its identifier; what its file says of it is for people.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from trustkit.codec.notary_tuf import ROOT
from trustkit.durable import make_folder, write_file
from trustkit.errors import KeyFileError, TrustkitError
from trustkit.fips import keyfile
from trustkit.fips.provider import CryptoProvider, PrivateKey
from trustkit.model.values import NamedTuple
from trustkit.signing.content_trust.identifiers import bare, id_of
from trustkit.signing.key_providers.file import open_key, read_private_file
from trustkit.signing.keys import Ask

# what docker and notary make
_KIND = "ecdsa-p256"
_NAME = re.compile(r"[0-9a-f]{64}\Z")


class FiledKey(NamedTuple):
    """A key's file: its identifier, and what the file says it is for."""

    key_id: str
    role: str
    gun: str
    path: Path

    @property
    def what(self) -> str:
        """What its passphrase is asked for."""
        return f"the {self.role or 'unnamed'} key {self.key_id[:16]}" + (f" of {self.gun}" if self.gun else "")


class KeyFolder:
    """The keys of one folder."""

    def __init__(self, folder: Path, crypto: CryptoProvider) -> None:
        """Take the folder; nothing is read or made yet."""
        self._private, self._crypto = folder / "private", crypto

    def find(self, key_id: str) -> FiledKey | None:
        """Return the file of a key. Raises KeyFileError."""
        found = next((path for path in self._paths() if path.stem == key_id), None)
        return self._filed(found) if found else None

    def of_role(self, role: str, gun: str = "") -> tuple[FiledKey, ...]:
        """Return the keys that say they are for the role, and for this repository. Raises KeyFileError."""
        filed = (self._filed(path) for path in self._paths())
        return tuple(one for one in filed if one.role == role and one.gun == gun)

    def open(self, filed: FiledKey, ask: Ask) -> PrivateKey:
        """Return the private key; it must be the one its file is named for. Raises KeyFileError."""
        try:
            key = open_key(read_private_file(filed.path), filed.what, ask, self._crypto)
        except KeyFileError as error:
            raise KeyFileError(f"{filed.path}: {error.message}", next_step=error.next_step) from error
        if id_of(bare(key.public)) != filed.key_id:
            raise KeyFileError(f"{filed.path} holds another key than its name says")
        return key

    def make(self, role: str, gun: str, passphrase: bytes) -> PrivateKey:
        """Return a new key for a role, which is kept before anybody trusts it. Raises KeyFileError, StorageError."""
        key = self._crypto.generate(_KIND)
        named = {"role": role} if role == ROOT else {"role": role, "gun": gun}
        content = keyfile.write_notary(key, passphrase, named)
        write_file(make_folder(self._private) / f"{id_of(bare(key.public))}.key", content)
        return key

    def _paths(self) -> Iterator[Path]:
        # old notary made folders for repositories below this one
        return (path for path in sorted(self._private.rglob("*.key")) if _NAME.match(path.stem))

    def _filed(self, path: Path) -> FiledKey:
        try:
            headers = keyfile.headers_of(read_private_file(path))
        except TrustkitError as error:
            raise KeyFileError(f"{path}: {error.message}", next_step=error.next_step) from error
        return FiledKey(path.stem, headers.get("role", ""), headers.get("gun", ""), path)
