"""Certificate revocation lists: which serial numbers an authority has revoked (RFC 5280 section 5)."""

from datetime import datetime

from trustkit import limits
from trustkit.codec import der
from trustkit.codec.certificate import algorithm_identifier
from trustkit.codec.der_time import certificate_time
from trustkit.codec.distinguished_name import Name, read_name
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

_WHAT = "certificate revocation list"
_EXTENSIONS = 0xA0
_TIMES = (0x17, 0x18)


class RevocationList(NamedTuple):
    """A list as it was signed: who issued it, when, until when it counts, and the serial numbers it revokes."""

    tbs: bytes
    issuer: Name
    this_update: datetime
    next_update: datetime | None
    revoked: frozenset[int]
    signature_algorithm: str
    signature_parameters: bytes
    signature: bytes


def parse_revocation_list(content: bytes) -> RevocationList:
    """Return the list; nothing is verified. Raises MalformedError, LimitExceededError.

    A list with critical extensions speaks of a part of the certificates only (5.2.5) and is refused.
    """
    if len(content) > limits.REVOCATION_LIST_BYTES:
        raise LimitExceededError(f"{_WHAT} is larger than {limits.REVOCATION_LIST_BYTES} bytes")
    outer = der.Reader(content, _WHAT)
    fields = outer.nested()
    outer.require_end()
    tbs = fields.raw(der.SEQUENCE)
    algorithm, parameters = algorithm_identifier(fields)
    signature = fields.bits()
    fields.require_end()
    inner = der.Reader(tbs, _WHAT).nested()
    if inner.peek() == der.INTEGER:
        inner.unsigned()
    if algorithm_identifier(inner) != (algorithm, parameters):
        raise MalformedError(f"{_WHAT} names two signature algorithms")
    issuer = read_name(inner)
    this_update = certificate_time(inner, _WHAT)
    next_update = certificate_time(inner, _WHAT) if inner.peek() in _TIMES else None
    revoked = _revoked(inner.nested()) if inner.peek() == der.SEQUENCE else frozenset()
    _require_whole(inner)
    return RevocationList(tbs, issuer, this_update, next_update, revoked, algorithm, parameters, signature)


def _revoked(rows: der.Reader) -> frozenset[int]:
    found = set()
    while rows.peek() is not None:
        row = rows.nested()
        found.add(row.unsigned())
        certificate_time(row, _WHAT)
        if row.peek() == der.SEQUENCE:
            row.value(der.SEQUENCE)
        row.require_end()
    return frozenset(found)


def _require_whole(inner: der.Reader) -> None:
    extensions = inner.optional(_EXTENSIONS)
    inner.require_end()
    if extensions is None:
        return
    listed = extensions.nested()
    while listed.peek() is not None:
        fields = listed.nested()
        oid = fields.oid()
        if fields.peek() == der.BOOLEAN and fields.boolean():
            raise MalformedError(f"{_WHAT} has a critical extension {oid}: it may not be about every certificate")
        fields.value(der.OCTET_STRING)
        fields.require_end()
