"""Values in the shared store, under the fleet's key: who does not hold it can neither make, change nor rename one.

A value is `trustkit-1`, the HMAC-SHA-256 (FIPS 198-1) of name and content, and the content. What may be read by whoever
can read the store is evidence, which registries show as well; names are HMACs too, so they tell nothing.
"""

import os
import stat
from pathlib import Path

from trustkit.codec.canonical_json import canonical
from trustkit.errors import ConfigError
from trustkit.fips.hashing import random_bytes
from trustkit.fips.provider import CryptoProvider
from trustkit.fleet.errors import SharedStoreError

_MAGIC = b"trustkit-1"
_MAC_BYTES, _KEY_BYTES = 32, 32
_KEY_CHARS = 2 * _KEY_BYTES
HEAD_BYTES = len(_MAGIC) + _MAC_BYTES


class Seal:
    """The fleet's key, and what it is used for."""

    def __init__(self, key: bytes, crypto: CryptoProvider) -> None:
        """Use this key."""
        self._key, self._crypto = key, crypto

    def name(self, *parts: str) -> str:
        """Return the name under which the parts' value is kept."""
        return self._mac(b"name", canonical(list(parts))).hex()

    def close(self, name: str, content: bytes) -> bytes:
        """Return the content so that `open` believes it under this name only."""
        return _MAGIC + self._mac(name.encode(), content) + content

    def open(self, name: str, value: bytes) -> bytes:
        """Return the content. Raises SharedStoreError: nobody who holds the key put it there."""
        content = value[HEAD_BYTES:]
        expected = _MAGIC + self._mac(name.encode(), content)
        # both sides are hashed under the key before they are compared, so the time taken tells nothing of either
        given, wanted = (self._mac(b"compare", one) for one in (value[:HEAD_BYTES], expected))
        if given != wanted:
            raise SharedStoreError(
                "the shared store holds a value that no node of this fleet made",
                next_step="find out who writes there, and that all nodes have the same cache.key_file",
            )
        return content

    def _mac(self, purpose: bytes, content: bytes) -> bytes:
        length = len(purpose).to_bytes(4, "big")
        return self._crypto.hmac("sha256", self._key, length + purpose + content)


def read_key(file: Path | None) -> bytes:
    """Return the fleet's key: 64 hexadecimal digits in a file that others cannot read. Raises ConfigError."""
    if file is None:
        raise ConfigError(
            "cache.url is set, and cache.key_file is not", next_step="make the fleet's key: trustkit fleet init"
        )
    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            text = stream.read(_KEY_CHARS + 2).strip()
    except OSError as error:
        message = f"{file}: {(error.strerror or str(error)).lower()}"
        raise ConfigError(message, next_step="trustkit fleet init, or copy the key from another node") from error
    if stat.S_IMODE(mode) & 0o007:
        raise ConfigError(f"{file}: everybody may read or write the fleet's key", next_step=f"chmod 600 {file}")
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if len(text) != _KEY_CHARS or len(key) != _KEY_BYTES:
        raise ConfigError(f"{file}: a fleet's key is {_KEY_CHARS} hexadecimal digits")
    return key


def new_key() -> bytes:
    """Return the content of a new key's file."""
    return random_bytes(_KEY_BYTES).hex().encode() + b"\n"
