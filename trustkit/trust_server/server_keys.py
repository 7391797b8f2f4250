"""Keys that the server holds for repositories: made here, stored encrypted, used here only.

A repository has at most one key of a role that no published root names yet ("pending"): whoever asks again gets the
same one, so that asking cannot fill the disk. Opening a key costs 0.2 s by design (PBKDF2), so opened ones are kept.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from threading import Lock

from trustkit import limits
from trustkit.codec.notary_build import key_bytes
from trustkit.codec.notary_tuf import Key
from trustkit.errors import KeyUnavailableError, RequestError, TrustkitError
from trustkit.fips import keyfile
from trustkit.fips.hashing import digest_of
from trustkit.fips.provider import CryptoProvider, PrivateKey
from trustkit.trust_server.storage import ServerKey, Storage

# notary's clients take it everywhere, FIPS 186-5 approves it, and the signatures are short
_KIND = "ecdsa-p256"
_KEY_TYPE = "ecdsa"
# Private keys kept open, those used last.
_OPEN_KEYS = 1024


class ServerKeys:
    """Makes, finds and opens the keys of repositories."""

    def __init__(
        self, storage: Storage, crypto: CryptoProvider, passphrase: bytes, now: Callable[[], datetime]
    ) -> None:
        """Keep keys in `storage`, encrypted with the passphrase."""
        self._storage = storage
        self._crypto = crypto
        self._passphrase = passphrase
        self._now = now
        self._open: OrderedDict[str, PrivateKey] = OrderedDict()
        self._lock = Lock()

    def pending(self, gun: str, role: str, named: frozenset[str]) -> Key:
        """Return the newest key that the current root (`named`) does not name, making it if there is none.

        Raises StorageError, RequestError when the role has too many keys.
        """
        held = self._storage.keys(gun, role)
        if held and held[-1].key_id not in named:
            return public_of(held[-1])
        return public_of(self._make(gun, role))

    def named(self, gun: str, role: str, named: frozenset[str]) -> ServerKey | None:
        """Return the newest held key that a root names for the role; None if the server holds none of them."""
        held = [key for key in self._storage.keys(gun, role) if key.key_id in named]
        return held[-1] if held else None

    def require_passphrase(self) -> None:
        """Return if the passphrase opens what is stored, as far as one key tells. Raises KeyUnavailableError."""
        key = self._storage.any_key()
        if key is not None:
            self.private(key)

    def private(self, key: ServerKey) -> PrivateKey:
        """Return the opened key. Raises KeyUnavailableError: the passphrase is another than it was stored with."""
        with self._lock:
            found = self._open.get(key.key_id)
            if found is not None:
                self._open.move_to_end(key.key_id)
                return found
        try:
            opened = keyfile.read(key.encrypted, self._passphrase, self._crypto)
        except TrustkitError as error:
            message = f"the stored {key.role} key {key.key_id[:16]} does not open"
            raise KeyUnavailableError(message, next_step="start the server with the passphrase it had") from error
        self._keep(key.key_id, opened)
        return opened

    def _make(self, gun: str, role: str) -> ServerKey:
        private = self._crypto.generate(_KIND)
        public = private.public.spki_der
        key_id = digest_of(key_bytes(Key(_KEY_TYPE, public))).hex
        key = ServerKey(role, key_id, public, keyfile.write(private, self._passphrase), self._now())
        if not self._storage.add_key(gun, key, limits.TRUST_SERVER_KEYS):
            message = (
                f"{gun}: its {role} key was rotated {limits.TRUST_SERVER_KEYS} times, which is all that is allowed"
            )
            raise RequestError(message, status="400", notary="INVALID_ROLE")
        self._keep(key_id, private)
        return key

    def _keep(self, key_id: str, key: PrivateKey) -> None:
        with self._lock:
            self._open[key_id] = key
            while len(self._open) > _OPEN_KEYS:
                self._open.popitem(last=False)


def public_of(key: ServerKey) -> Key:
    """Return the public half as metadata writes it."""
    return Key(_KEY_TYPE, key.public)
