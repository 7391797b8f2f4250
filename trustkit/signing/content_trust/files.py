"""One metadata file of a repository, and the checks that every one of them must pass."""

from collections.abc import Mapping
from datetime import datetime

from trustkit.codec import notary_tuf
from trustkit.codec.notary_tuf import (
    ROOT,
    SNAPSHOT,
    TIMESTAMP,
    Envelope,
    FileMeta,
    Listing,
    Root,
    Targets,
)
from trustkit.errors import DigestMismatchError, MalformedError, NotFoundError, RollbackError, SignatureExpiredError
from trustkit.fips.hashing import digest_of
from trustkit.model.values import NamedTuple


class File(NamedTuple):
    """A file taken apart; nothing in it is proven yet."""

    role: str
    content: bytes
    envelope: Envelope
    body: Root | Targets | Listing

    @property
    def root(self) -> Root:
        """The body of a root."""
        if not isinstance(self.body, Root):
            raise MalformedError(f"{self.role} is no root")
        return self.body

    @property
    def targets(self) -> Targets:
        """The body of targets or of a delegation."""
        if not isinstance(self.body, Targets):
            raise MalformedError(f"{self.role} is no targets file")
        return self.body

    @property
    def listing(self) -> Listing:
        """The body of a snapshot or timestamp."""
        if not isinstance(self.body, Listing):
            raise MalformedError(f"{self.role} lists nothing")
        return self.body


def read(role: str, content: bytes) -> File:
    """Return the file of a role. Raises MalformedError, LimitExceededError."""
    envelope = notary_tuf.parse(content, role)
    body: Root | Targets | Listing
    if role == ROOT or role.endswith(f".{ROOT}"):
        body = notary_tuf.read_root(envelope)
    elif role in (SNAPSHOT, TIMESTAMP):
        body = notary_tuf.read_listing(envelope, role)
    else:
        body = notary_tuf.read_targets(envelope, role)
    return File(role, content, envelope, body)


def offered(files: Mapping[str, bytes], role: str) -> File:
    """Return the file of a role that the server has. Raises NotFoundError, MalformedError, LimitExceededError."""
    content = files.get(role)
    if content is None:
        raise NotFoundError(f"the trust server has no {role} of this repository")
    return read(role, content)


def meta_of(content: bytes) -> FileMeta:
    """Return what a snapshot or timestamp says of a file; clients want both hashes."""
    hashes = tuple((name, bytes.fromhex(digest_of(content, name).hex)) for name in ("sha256", "sha512"))
    return FileMeta(hashes, len(content))


def require_listed(file: File, meta: FileMeta, by: str) -> None:
    """Return if the file has the length and every hash that `by` lists. Raises DigestMismatchError."""
    if len(file.content) != meta.length:
        raise DigestMismatchError(f"{file.role} has {len(file.content)} bytes, and {by} says {meta.length}")
    for algorithm, expected in meta.hashes:
        if bytes.fromhex(digest_of(file.content, algorithm).hex) != expected:
            raise DigestMismatchError(f"{file.role} has another {algorithm} than {by} says")


def require_current(file: File, now: datetime) -> None:
    """Return if the file has not expired. Raises SignatureExpiredError."""
    if file.body.expires <= now:
        raise SignatureExpiredError(
            f"{file.role} {file.body.version} expired at {file.body.expires:%Y-%m-%d %H:%M:%S}Z",
            next_step="its signer has to sign the repository again",
        )


def require_no_rollback(file: File, seen: Mapping[str, bytes]) -> None:
    """Return if the file is not older than the one seen before, nor another of the same version.

    Raises RollbackError: a server that shows an older state, or two states, hides something.
    """
    content = seen.get(file.role)
    if content is None or content == file.content:
        return
    before = read(file.role, content)
    if file.body.version < before.body.version:
        raise RollbackError(
            f"{file.role} {file.body.version} is older than {before.body.version}, which was seen before",
            next_step="find out why the trust server shows an old state",
        )
    if file.body.version == before.body.version and file.envelope.signed != before.envelope.signed:
        raise RollbackError(f"{file.role} {file.body.version} is another than was seen before under this version")
