"""Timestamp responses and what their tokens say (RFC 3161 sections 2.4.1 and 2.4.2, RFC 5035).

TimeStampResp ::= SEQUENCE { status, timeStampToken ContentInfo OPTIONAL }
"""

from datetime import datetime

from trustkit import limits
from trustkit.codec import der
from trustkit.codec.certificate import algorithm_identifier, extension_list
from trustkit.codec.der_time import generalized_time
from trustkit.codec.distinguished_name import Name, parse_name
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

TST_INFO = "1.2.840.113549.1.9.16.1.4"
SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"

_WHAT = "timestamp"
_GRANTED = (0, 1)
_MILLIS, _MICROS, _AUTHORITY, _EXTENSIONS = 0x80, 0x81, 0xA0, 0xA1
_SMALL_MOST = 999
_SHA256 = "2.16.840.1.101.3.4.2.1"
_DIRECTORY_NAME = 0xA4


class TimestampInfo(NamedTuple):
    """What a token says: the hash of something existed at this moment, give or take the accuracy."""

    hash_algorithm: str
    imprint: bytes
    at: datetime
    accuracy_seconds: float


class CertificateId(NamedTuple):
    """Which certificate signed: hash algorithm (empty: SHA-1) and hash, perhaps issuer and serial number."""

    hash_algorithm: str
    digest: bytes
    issuer: Name | None
    serial: int


def token_of(content: bytes) -> bytes:
    """Return the token in a response, or the content if it is a token already.

    Raises MalformedError, LimitExceededError.
    """
    if len(content) > limits.TIMESTAMP_BYTES:
        raise LimitExceededError(f"{_WHAT} is larger than {limits.TIMESTAMP_BYTES} bytes")
    outer = der.Reader(content, _WHAT)
    fields = outer.nested()
    outer.require_end()
    if fields.peek() == der.OBJECT_IDENTIFIER:
        return content
    status = fields.nested().unsigned()
    if status not in _GRANTED:
        raise MalformedError(f"{_WHAT} response grants nothing: status {status}")
    token = fields.raw(der.SEQUENCE)
    fields.require_end()
    return token


def parse_timestamp_info(content: bytes) -> TimestampInfo:
    """Return what a TSTInfo says. Raises MalformedError, LimitExceededError. RFC 3161 2.4.2."""
    outer = der.Reader(content, _WHAT)
    fields = outer.nested()
    outer.require_end()
    if fields.unsigned() != 1:
        raise MalformedError(f"{_WHAT} is of another version than 1")
    fields.oid()
    imprint = fields.nested()
    algorithm, _ = algorithm_identifier(imprint)
    digest = imprint.value(der.OCTET_STRING)
    imprint.require_end()
    fields.unsigned()
    at = generalized_time(fields, _WHAT)
    accuracy = _accuracy(fields.optional(der.SEQUENCE))
    if fields.peek() == der.BOOLEAN:
        fields.boolean()
    if fields.peek() == der.INTEGER:
        fields.value(der.INTEGER)
    fields.optional(_AUTHORITY)
    listed = fields.optional(_EXTENSIONS)
    if listed and any(one.critical for one in extension_list(listed, _WHAT)):
        raise MalformedError(f"{_WHAT} has a critical extension, and none is known")
    fields.require_end()
    return TimestampInfo(algorithm, digest, at, accuracy)


def parse_certificate_id(content: bytes, *, version_2: bool) -> CertificateId:
    """Return the first certificate identifier of a SigningCertificate(V2). Raises MalformedError. RFC 5035 3, 4."""
    outer = der.Reader(content, _WHAT)
    first = outer.nested().nested().nested()
    outer.require_end()
    algorithm = ""
    if version_2:
        algorithm = _SHA256  # RFC 5035 4: the default
        if first.peek() == der.SEQUENCE:
            algorithm, _ = algorithm_identifier(first)
    digest = first.value(der.OCTET_STRING)
    issuer, serial = None, 0
    both = first.optional(der.SEQUENCE)
    if both:
        issuer, serial = _general_names(both.nested()), both.unsigned()
        both.require_end()
    first.require_end()
    return CertificateId(algorithm, digest, issuer, serial)


def _general_names(names: der.Reader) -> Name | None:
    """Return the one directory name, None if it is of another kind."""
    tag, content = names.element()
    names.require_end()
    return parse_name(content) if tag == _DIRECTORY_NAME else None


def _accuracy(fields: der.Reader | None) -> float:
    if fields is None:
        return 0.0
    seconds = fields.unsigned() if fields.peek() == der.INTEGER else 0
    small = []
    for tag in (_MILLIS, _MICROS):
        content = fields.value(tag) if fields.peek() == tag else b"\0"
        small.append(int.from_bytes(content, "big"))
    fields.require_end()
    # X.680: INTEGER (1..999) for both
    if any(number > _SMALL_MOST for number in small) or seconds.bit_length() > 32:  # noqa: PLR2004  (a century)
        raise MalformedError(f"{_WHAT} has an accuracy that is out of range")
    return seconds + small[0] / 1000 + small[1] / 1_000_000
