"""Metadata files of one repository as a publication sees them: what is uploaded, beside what is there."""

from collections.abc import Mapping
from typing import NamedTuple

from trustkit.codec import notary_tuf
from trustkit.codec.notary_tuf import (
    BASE_ROLES,
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    Envelope,
    FileMeta,
    Listing,
    Root,
    Targets,
)
from trustkit.errors import MalformedError, TrustkitError
from trustkit.fips.hashing import digest_of
from trustkit.signing.content_trust.files import meta_of
from trustkit.trust_server.storage import Stored


class File(NamedTuple):
    """One file, taken apart; `new` if it is uploaded now and has proven nothing yet."""

    role: str
    content: bytes
    envelope: Envelope
    body: Root | Targets | Listing
    new: bool

    @property
    def root(self) -> Root:
        """The body of a root."""
        if not isinstance(self.body, Root):
            raise TypeError(self.role)
        return self.body

    @property
    def targets(self) -> Targets:
        """The body of targets or of a delegation."""
        if not isinstance(self.body, Targets):
            raise TypeError(self.role)
        return self.body

    @property
    def listing(self) -> Listing:
        """The body of a snapshot or timestamp."""
        if not isinstance(self.body, Listing):
            raise TypeError(self.role)
        return self.body

    @property
    def meta(self) -> FileMeta:
        """What a snapshot or timestamp says of it."""
        return meta_of(self.content)

    @property
    def stored(self) -> Stored:
        """The file as storage keeps it."""
        return Stored(self.role, self.body.version, self.digest("sha256").hex(), self.content)

    def digest(self, algorithm: str) -> bytes:
        """Its hash."""
        return bytes.fromhex(digest_of(self.content, algorithm).hex)


class View:
    """The files a publication leads to: `new` ones before those `there`."""

    def __init__(self, uploaded: Mapping[str, bytes], there: Mapping[str, Stored]) -> None:
        """Read what is uploaded; what is there was read when it came and is read again when asked for.

        Raises MalformedError, LimitExceededError, naming the role in the detail `role`.
        """
        self.new = {role: read(role, content, new=True) for role, content in uploaded.items()}
        self._there = there

    def there(self, role: str) -> File | None:
        """Return the file that is there now."""
        stored = self._there.get(role)
        return read(role, stored.content, new=False) if stored else None

    def find(self, role: str) -> File | None:
        """Return the file that will be there."""
        return self.new.get(role) or self.there(role)

    @property
    def roles_there(self) -> frozenset[str]:
        """The roles that have files now."""
        return frozenset(self._there)


def read(role: str, content: bytes, *, new: bool) -> File:
    """Return the file. Raises MalformedError, LimitExceededError with the detail `role`."""
    try:
        envelope = notary_tuf.parse(content, role)
        body: Root | Targets | Listing
        if role == ROOT:
            body = notary_tuf.read_root(envelope)
        elif role in (SNAPSHOT, TIMESTAMP):
            body = notary_tuf.read_listing(envelope, role)
        elif role == TARGETS or notary_tuf.is_delegation(role):
            body = notary_tuf.read_targets(envelope, role)
        else:
            raise MalformedError(f"{role[:80]!r} is no role; the base roles are {', '.join(BASE_ROLES)}")
    except TrustkitError as error:
        error.details.setdefault("role", role)
        raise
    return File(role, content, envelope, body, new)
