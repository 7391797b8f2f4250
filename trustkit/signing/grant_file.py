"""A break-glass grant as a file: sigstore bundles, one a line, that all carry the same statement.

The first line is the requester's, each further one an approver's; in what order they stand does not matter to whoever
verifies. Nothing read here is proven.
"""

from datetime import datetime

from trustkit import limits
from trustkit.codec import intoto
from trustkit.codec.canonical_json import canonical
from trustkit.codec.grant import PREDICATE_TYPE, ClaimedGrant, grant_value, parse_grant
from trustkit.codec.intoto import Subject
from trustkit.codec.sigstore_bundle import parse_bundle
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.digest import Digest
from trustkit.model.values import NamedTuple
from trustkit.signing.sign import Subjected

_WHAT = "break-glass grant"


class GrantFile(NamedTuple):
    """What a grant says, about which image, the statement that is signed, and the bundles that carry it."""

    image: Digest
    name: str
    says: ClaimedGrant
    statement: bytes
    bundles: tuple[bytes, ...]

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        return b"".join(bundle + b"\n" for bundle in self.bundles)

    def ended(self, now: datetime) -> bool:
        """Whether its time is over."""
        return now >= self.says.not_after


def draft(image: Subjected, says: ClaimedGrant) -> GrantFile:
    """Return a grant that nobody signed yet. Raises MalformedError, LimitExceededError for one that nobody may read."""
    value = grant_value(says)
    read = parse_grant(canonical(value))
    subject = Subject(image.name, {image.digest.algorithm: image.digest.hex})
    return GrantFile(image.digest, image.name, read, intoto.build([subject], PREDICATE_TYPE, value), ())


def signed(grant: GrantFile, bundle: bytes) -> GrantFile:
    """Return the grant with one more signature. Raises MalformedError, LimitExceededError."""
    return read_grant(grant._replace(bundles=(*grant.bundles, bundle)).to_bytes())


def read_grant(content: bytes) -> GrantFile:
    """Return the grant in a file's content. Raises MalformedError, LimitExceededError."""
    if len(content) > limits.GRANT_FILE_BYTES:
        raise LimitExceededError(f"{_WHAT} is larger than {limits.GRANT_FILE_BYTES} bytes")
    bundles = tuple(line for line in content.split(b"\n") if line.strip())
    if not 0 < len(bundles) <= limits.GRANT_SIGNATURES:
        message = f"{_WHAT} has {len(bundles)} signatures; 1 to {limits.GRANT_SIGNATURES} are allowed"
        raise LimitExceededError(message)
    statements = {_statement(bundle) for bundle in bundles}
    if len(statements) != 1:
        raise MalformedError(f"{_WHAT} carries signatures on different statements")
    return _read(statements.pop(), bundles)


def _statement(bundle: bytes) -> bytes:
    envelope = parse_bundle(bundle).envelope
    if envelope is None:
        raise MalformedError(f"{_WHAT} holds a bundle that is no statement")
    return envelope.payload


def _read(content: bytes, bundles: tuple[bytes, ...]) -> GrantFile:
    found = intoto.parse(content, limit_bytes=limits.GRANT_BYTES)
    if found.predicate_type != PREDICATE_TYPE:
        raise MalformedError(f"{_WHAT} is of type {found.predicate_type[:80]!r}, not {PREDICATE_TYPE}")
    if len(found.subjects) != 1 or list(found.subjects[0].digests) != ["sha256"]:
        raise MalformedError(f"{_WHAT} is not about one image")
    subject = found.subjects[0]
    says = parse_grant(canonical(found.predicate))
    # what is shown to an approver is all that he signs
    if intoto.build([Subject(subject.name, subject.digests)], PREDICATE_TYPE, grant_value(says)) != content:
        raise MalformedError(f"{_WHAT} is not written as trustkit writes it")
    return GrantFile(Digest("sha256", subject.digests["sha256"]), subject.name, says, content, bundles)
