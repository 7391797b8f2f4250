"""Passwords as servers keep them: PBKDF2-HMAC-SHA-256 (SP 800-132), `pbkdf2-sha256:ROUNDS:SALT:HASH` in base64."""

from trustkit.codec import base64
from trustkit.errors import ConfigError, MalformedError, SignatureMismatchError
from trustkit.fips.hashing import random_bytes
from trustkit.model.values import NamedTuple

_SCHEME = "pbkdf2-sha256"
_FIELDS = 4
# OWASP's figure; about 0.2 s. The upper bound keeps an entry from hanging us.
_ROUNDS = 600_000
_LEAST_ROUNDS = 100_000
_MOST_ROUNDS = 10_000_000
# SP 800-132 5.1
_SALT_BYTES = 16
_HASH_BYTES = 32


class PasswordHash(NamedTuple):
    """One stored password."""

    rounds: int
    salt: bytes
    hashed: bytes

    def __str__(self) -> str:
        """The text that `parse` reads."""
        return f"{_SCHEME}:{self.rounds}:{base64.encode(self.salt)}:{base64.encode(self.hashed)}"


def hash_password(password: bytes, rounds: int = _ROUNDS) -> PasswordHash:
    """Return what to store of a password."""
    salt = random_bytes(_SALT_BYTES)
    return PasswordHash(rounds, salt, _derive(password, salt, rounds))


def parse(text: str) -> PasswordHash:
    """Return the stored password in its text. Raises ConfigError."""
    fields = text.split(":")
    if len(fields) != _FIELDS or fields[0] != _SCHEME or not fields[1].isdecimal():
        raise _unreadable()
    try:
        rounds, salt, hashed = int(fields[1]), base64.decode(fields[2], "salt"), base64.decode(fields[3], "hash")
    except (MalformedError, ValueError) as error:
        raise _unreadable() from error
    if not _LEAST_ROUNDS <= rounds <= _MOST_ROUNDS or len(salt) < _SALT_BYTES or len(hashed) != _HASH_BYTES:
        raise _unreadable()
    return PasswordHash(rounds, salt, hashed)


def require_password(password: bytes, stored: PasswordHash) -> None:
    """Return if it is the stored password. Raises SignatureMismatchError."""
    from cryptography.hazmat.primitives.constant_time import bytes_eq

    if not bytes_eq(_derive(password, stored.salt, stored.rounds), stored.hashed):
        raise SignatureMismatchError("wrong password")


def _derive(password: bytes, salt: bytes, rounds: int) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    return PBKDF2HMAC(hashes.SHA256(), _HASH_BYTES, salt, rounds).derive(password)


def _unreadable() -> ConfigError:
    message = f"a password is not stored as {_SCHEME}:ROUNDS:SALT:HASH with {_LEAST_ROUNDS} rounds or more"
    return ConfigError(message, next_step="make it with trustkit trust serve --hash-password")
