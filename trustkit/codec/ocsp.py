"""Questions to an OCSP responder and its answers, taken apart without any maths (RFC 6960 section 4).

OCSPResponse ::= SEQUENCE { responseStatus ENUMERATED, responseBytes [0] ResponseBytes OPTIONAL }
"""

from datetime import datetime

from trustkit import limits
from trustkit.codec import der
from trustkit.codec.certificate import algorithm_identifier, extension_list
from trustkit.codec.der_time import generalized_time
from trustkit.codec.distinguished_name import Name, read_name
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

GOOD, REVOKED, UNKNOWN = "good", "revoked", "unknown"
SHA256 = "2.16.840.1.101.3.4.2.1"
_BASIC = "1.3.6.1.5.5.7.48.1.1"
_WHAT = "OCSP answer"
_STATUSES = {0x80: GOOD, 0xA1: REVOKED, 0x82: UNKNOWN}
_REFUSALS = {1: "malformedRequest", 2: "internalError", 3: "tryLater", 5: "sigRequired", 6: "unauthorized"}
_BY_NAME, _BY_KEY = 0xA1, 0xA2
_NULL = bytes((der.NULL, 0))


class CertificateId(NamedTuple):
    """Which certificate is meant: hash algorithm, hashes of its issuer's name and key, and its serial number."""

    hash_algorithm: str
    name_hash: bytes
    key_hash: bytes
    serial: int


class Single(NamedTuple):
    """What is said about one certificate: GOOD, REVOKED or UNKNOWN, since when, and until when it counts."""

    certificate: CertificateId
    status: str
    this_update: datetime
    next_update: datetime | None


class OcspAnswer(NamedTuple):
    """An answer as it was signed; `responder` is its signer's name, None if it named itself by its key."""

    tbs: bytes
    responder: Name | None
    singles: tuple[Single, ...]
    signature_algorithm: str
    signature_parameters: bytes
    signature: bytes
    certificates: tuple[bytes, ...]


def question(wanted: CertificateId) -> bytes:
    """Return the request about one certificate, without nonce: the answer's times bound its age (RFC 5019 4)."""
    algorithm = der.encode(der.SEQUENCE, der.encode_oid(wanted.hash_algorithm), _NULL)
    named = der.encode(
        der.SEQUENCE, algorithm, der.encode(der.OCTET_STRING, wanted.name_hash),
        der.encode(der.OCTET_STRING, wanted.key_hash), der.encode_unsigned(wanted.serial),
    )  # fmt: skip
    listed = der.encode(der.SEQUENCE, der.encode(der.SEQUENCE, named))
    return der.encode(der.SEQUENCE, der.encode(der.SEQUENCE, listed))


def parse_answer(content: bytes) -> OcspAnswer:
    """Return the answer; nothing is verified. Raises MalformedError, LimitExceededError."""
    if len(content) > limits.OCSP_BYTES:
        raise LimitExceededError(f"{_WHAT} is larger than {limits.OCSP_BYTES} bytes")
    outer = der.Reader(content, _WHAT)
    fields = outer.nested()
    outer.require_end()
    status = fields.value(der.ENUMERATED)
    if status != b"\0":
        number = int.from_bytes(status[:1], "big")
        raise MalformedError(f"the OCSP responder refused: {_REFUSALS.get(number, f'status {number}')}")
    tagged = fields.nested(0xA0)
    fields.require_end()
    typed = tagged.nested()
    tagged.require_end()
    if typed.oid() != _BASIC:
        raise MalformedError(f"{_WHAT} is of another type than basic")
    basic = der.Reader(typed.value(der.OCTET_STRING), _WHAT)
    typed.require_end()
    return _basic(basic)


def _basic(outer: der.Reader) -> OcspAnswer:
    fields = outer.nested()
    outer.require_end()
    tbs = fields.raw(der.SEQUENCE)
    algorithm, parameters = algorithm_identifier(fields)
    signature = fields.bits()
    certificates: list[bytes] = []
    tagged = fields.optional(0xA0)
    fields.require_end()
    if tagged:
        listed = tagged.nested()
        tagged.require_end()
        while listed.peek() is not None:
            certificates.append(listed.raw(der.SEQUENCE))
            _require_few(certificates, limits.CHAIN_CERTIFICATES)
    responder, singles = _data(der.Reader(tbs, _WHAT).nested())
    return OcspAnswer(tbs, responder, singles, algorithm, parameters, signature, tuple(certificates))


def _data(fields: der.Reader) -> tuple[Name | None, tuple[Single, ...]]:
    version = fields.optional(0xA0)
    if version is not None and version.unsigned() != 0:
        raise MalformedError(f"{_WHAT} is of another version than 1")
    responder: Name | None = None
    if fields.peek() == _BY_NAME:
        named = fields.nested(_BY_NAME)
        responder = read_name(named)
        named.require_end()
    else:
        by_key = fields.nested(_BY_KEY)
        by_key.value(der.OCTET_STRING)
        by_key.require_end()
    generalized_time(fields, _WHAT)
    listed = fields.nested()
    singles: list[Single] = []
    while listed.peek() is not None:
        singles.append(_single(listed.nested()))
        _require_few(singles, limits.OCSP_SINGLES)
    _require_plain(fields)
    return responder, tuple(singles)


def _single(fields: der.Reader) -> Single:
    named = fields.nested()
    algorithm, _ = algorithm_identifier(named)
    name_hash, key_hash = named.value(der.OCTET_STRING), named.value(der.OCTET_STRING)
    found = CertificateId(algorithm, name_hash, key_hash, named.unsigned())
    named.require_end()
    tag, content = fields.element()
    if tag not in _STATUSES or (tag != _tag(REVOKED) and content):
        raise MalformedError(f"{_WHAT} has a status that is none")
    this_update = generalized_time(fields, _WHAT)
    later = fields.optional(0xA0)
    next_update = generalized_time(later, _WHAT) if later else None
    _require_plain(fields)
    return Single(found, _STATUSES[tag], this_update, next_update)


def _require_plain(fields: der.Reader) -> None:
    """Return if what follows are extensions that need not be understood."""
    tagged = fields.optional(0xA1)
    fields.require_end()
    if tagged is None:
        return
    listed = tagged.nested()
    tagged.require_end()
    if any(one.critical for one in extension_list(listed, _WHAT)):
        raise MalformedError(f"{_WHAT} has a critical extension, and none is known")


def _tag(status: str) -> int:
    return next(tag for tag, name in _STATUSES.items() if name == status)


def _require_few(found: list[bytes] | list[Single], most: int) -> None:
    if len(found) > most:
        raise LimitExceededError(f"{_WHAT} has more than {most} entries of one kind")
