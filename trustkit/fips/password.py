"""Passwords as servers keep them: PBKDF2-HMAC-SHA-256 (SP 800-132), `pbkdf2-sha256:ROUNDS:SALT:HASH` in base64."""

from trustkit.codec import base64
from trustkit.errors import ConfigError, MalformedError, SignatureMismatchError, UsageError
from trustkit.fips.hashing import random_bytes
from trustkit.fips.select import provider
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
# SP 800-63B 5.1.1.2; no FIPS module asks for a length.
LEAST_PASSWORD_BYTES = 8


class PasswordHash(NamedTuple):
    """One stored password."""

    rounds: int
    salt: bytes
    hashed: bytes

    def __str__(self) -> str:
        """The text that `parse` reads."""
        return f"{_SCHEME}:{self.rounds}:{base64.encode(self.salt)}:{base64.encode(self.hashed)}"


def hash_password(password: bytes, rounds: int = _ROUNDS) -> PasswordHash:
    """Return what to store of a password. Raises UsageError for one that is too short."""
    if len(password) < LEAST_PASSWORD_BYTES:
        raise UsageError(
            f"the password has {len(password)} bytes and needs {LEAST_PASSWORD_BYTES} (SP 800-63B 5.1.1.2)",
            next_step="choose a longer one",
        )
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
    from hmac import compare_digest

    if not compare_digest(_derive(password, stored.salt, stored.rounds), stored.hashed):
        raise SignatureMismatchError("wrong password")


def _derive(password: bytes, salt: bytes, rounds: int) -> bytes:
    return provider().derive(password, salt, rounds, _HASH_BYTES)


def _unreadable() -> ConfigError:
    message = f"a password is not stored as {_SCHEME}:ROUNDS:SALT:HASH with {_LEAST_ROUNDS} rounds or more"
    return ConfigError(message, next_step="make it with trustkit trust serve --hash-password")
