"""Users with passwords in a TOML file, asked by HTTP Basic (RFC 7617).

[[user]]
name = "alice"
password = "pbkdf2-sha256:600000:<salt>:<hash>"     # trustkit trust serve --hash-password
repositories = ["registry.example/team/*"]
actions = ["pull", "push"]                          # "*" also rotates keys and deletes
"""

import tomllib
from datetime import datetime
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import NamedTuple

from trustkit.codec import base64
from trustkit.codec.strict_json import as_list, as_object, as_text
from trustkit.errors import ConfigError, MalformedError, SignatureMismatchError
from trustkit.fips import password as stored_password
from trustkit.fips.hashing import random_bytes
from trustkit.fips.password import PasswordHash
from trustkit.fips.provider import CryptoProvider
from trustkit.trust_server.access import Right, require_allowed, right, unauthenticated

CHALLENGE = 'Basic realm="trustkit trust server", charset="UTF-8"'
_HEADER_CHARS = 4096
# Seconds for which a proven password is not derived anew: docker sends it with each of half a dozen requests.
_REMEMBERED_SECONDS = 60
_REMEMBERED = 1024
# Derivations at once, so that guessing costs the guesser more than us.
_AT_ONCE = 2
_NAME_CHARS = 64


class User(NamedTuple):
    """One entry of the file."""

    name: str
    password: PasswordHash
    rights: tuple[Right, ...]


class PasswordAccess:
    """Asks for name and password."""

    def __init__(self, users: tuple[User, ...], crypto: CryptoProvider) -> None:
        """Know these users."""
        self._users = {user.name: user for user in users}
        self._crypto = crypto
        # Nobody's password: an unknown name costs as much time as a known one.
        self._nobody = User("", stored_password.hash_password(random_bytes(16)), ())
        self._secret = random_bytes(32)
        self._proven: dict[bytes, datetime] = {}
        self._lock = Lock()
        self._deriving = BoundedSemaphore(_AT_ONCE)

    def admit(self, authorization: str, gun: str, actions: frozenset[str], now: datetime) -> str:
        """As in the Protocol."""
        name, password = _credentials(authorization)
        user = self._users.get(name, self._nobody)
        try:
            self._prove(user, name, password, now)
        except SignatureMismatchError as error:
            raise unauthenticated("wrong user name or password", CHALLENGE) from error
        if gun:
            granted = frozenset().union(*(item.allows(gun) for item in user.rights))
            require_allowed(user.name, gun, actions, {gun: granted})
        return user.name

    def _prove(self, user: User, name: str, password: bytes, now: datetime) -> None:
        # Keyed, so that memory holds nothing a password could be guessed from faster than from the file.
        mark = self._crypto.hmac("sha256", self._secret, name.encode() + b"\0" + password)
        with self._lock:
            since = self._proven.get(mark)
        if since is not None and 0 <= (now - since).total_seconds() < _REMEMBERED_SECONDS:
            return
        with self._deriving:
            stored_password.require_password(password, user.password)
        if user is self._nobody:
            raise SignatureMismatchError("wrong password")
        with self._lock:
            if len(self._proven) >= _REMEMBERED:
                self._proven.clear()
            self._proven[mark] = now


def read_users(file: Path) -> tuple[User, ...]:
    """Return the users of a file. Raises ConfigError."""
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
        users = _users(document)
    except OSError as error:
        raise ConfigError(f"{file}: {(error.strerror or str(error)).lower()}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, MalformedError) as error:
        raise ConfigError(f"{file}: {error}", next_step="see docs/trust-server.md for its form") from error
    except ConfigError as error:
        raise ConfigError(f"{file}: {error.message}", next_step=error.next_step) from error
    if len({user.name for user in users}) != len(users):
        raise ConfigError(f"{file}: a user is there twice")
    return users


def _users(document: dict[str, object]) -> tuple[User, ...]:
    if set(document) != {"user"}:
        raise MalformedError("it has no [[user]], or other things than that")
    return tuple(_user(entry) for entry in as_list(document["user"], "user"))


def _user(entry: object) -> User:
    members = as_object(entry, "user")
    if set(members) != {"name", "password", "repositories", "actions"}:
        raise MalformedError(f"a user needs name, password, repositories and actions, not {sorted(members)}")
    name = as_text(members["name"], "user name")
    if not name or len(name) > _NAME_CHARS or ":" in name or not name.isprintable():
        raise MalformedError(f"{name[:_NAME_CHARS]!r} is no user name")
    actions = frozenset(as_text(item, "action") for item in as_list(members["actions"], f"{name}'s actions"))
    patterns = [as_text(item, "repository") for item in as_list(members["repositories"], f"{name}'s repositories")]
    password = stored_password.parse(as_text(members["password"], f"{name}'s password"))
    return User(name, password, tuple(right(pattern, actions) for pattern in patterns))


def _credentials(authorization: str) -> tuple[str, bytes]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic" or len(authorization) > _HEADER_CHARS:
        raise unauthenticated("name and password are needed", CHALLENGE)
    try:
        name, colon, password = base64.decode(encoded.strip(), "credentials").partition(b":")
        text = name.decode()
    except (MalformedError, UnicodeDecodeError) as error:
        raise unauthenticated("the credentials cannot be read", CHALLENGE) from error
    if not colon or not text:
        raise unauthenticated("name and password are needed", CHALLENGE)
    return text, password
