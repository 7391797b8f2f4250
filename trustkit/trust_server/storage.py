"""What a place that keeps repositories must offer: whole publications or none of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, Protocol


class Stored(NamedTuple):
    """One metadata file as it was published: its role, version, hex SHA-256 and bytes."""

    role: str
    version: int
    sha256: str
    content: bytes


class State(NamedTuple):
    """A repository as it is now: the current file of each role, and a number that every change raises."""

    generation: int
    files: Mapping[str, Stored]


class ServerKey(NamedTuple):
    """A key the server holds for a role: its public half as metadata writes it, the private one encrypted (PEM)."""

    role: str
    key_id: str
    public: bytes
    encrypted: bytes
    created_at: datetime


class Publication(NamedTuple):
    """Files for the repository as it was at a generation; a new root names the server's keys that stay (`keys`).

    `dropped` are delegations that the new targets no longer make: their files are forgotten.
    """

    generation: int
    files: tuple[Stored, ...]
    keys: frozenset[str] | None = None
    dropped: frozenset[str] = frozenset()


class Change(NamedTuple):
    """One line of the changelog: what was done to a repository, when and by whom."""

    at: datetime
    gun: str
    action: str
    actor: str
    detail: str


class Storage(Protocol):
    """Repositories, keys and the changelog. Calls block; each may run in a thread of its own.

    Every call raises StorageError when the place fails.
    """

    def state(self, gun: str) -> State:
        """Return the repository as it is now; without files if there is none."""

    def current(self, gun: str, role: str) -> Stored | None:
        """Return the current file of a role."""

    def by_digest(self, gun: str, role: str, sha256: str) -> Stored | None:
        """Return the file of a role that has this digest."""

    def by_version(self, gun: str, role: str, version: int) -> Stored | None:
        """Return the file of a role that has this version."""

    def publish(self, gun: str, publication: Publication, change: Change) -> None:
        """Make these files the current ones, all of them or none.

        Raises PublishConflictError if the repository is no longer at this generation.
        """

    def delete(self, gun: str, change: Change) -> bool:
        """Forget the repository and its keys; return whether there was one."""

    def keys(self, gun: str, role: str) -> tuple[ServerKey, ...]:
        """Return the server's keys for a role, oldest first."""

    def add_key(self, gun: str, key: ServerKey, most_keys: int) -> bool:
        """Keep a new key unless the role has so many already; return whether it was kept."""

    def any_key(self) -> ServerKey | None:
        """Return the newest key of any repository, to learn whether the passphrase opens it."""

    def changes(self, after: int, count: int, gun: str = "") -> tuple[tuple[int, Change], ...]:
        """Return numbered lines of the changelog that follow line `after`; those of one repository if it is named."""

    def probe(self) -> None:
        """Return if the place answers."""

    def close(self) -> None:
        """Let go of it."""
