"""X.509 v3 certificates, taken apart without any maths (RFC 5280 section 4.1).

    Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue BIT STRING }

Stricter than most: DER only, version 3 only, no unique identifiers, no extension twice.
"""

from datetime import datetime

from trustkit import limits
from trustkit.codec import der
from trustkit.codec.der_time import certificate_time
from trustkit.codec.distinguished_name import Name, read_name
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

_WHAT = "certificate"
_VERSION_3 = 2
# RFC 5280 4.1.2.2: at most 20 bytes.
_SERIAL_BITS = 160
_VERSION_TAG = 0xA0
_EXTENSIONS_TAG = 0xA3


class Extension(NamedTuple):
    """An extension: identifier, whether it must be understood, and the bytes inside its OCTET STRING."""

    oid: str
    critical: bool
    value: bytes


class Certificate(NamedTuple):
    """A certificate as it stands there: nothing in it is proven.

    `signature_parameters` are the DER after the algorithm's identifier, empty if absent.
    """

    der: bytes
    tbs: bytes
    serial: int
    issuer: Name
    subject: Name
    not_before: datetime
    not_after: datetime
    spki_der: bytes
    signature_algorithm: str
    signature_parameters: bytes
    signature: bytes
    extensions: tuple[Extension, ...]

    def extension(self, oid: str) -> Extension | None:
        """Return the extension of this identifier."""
        return next((one for one in self.extensions if one.oid == oid), None)


def parse_certificate(content: bytes) -> Certificate:
    """Return the parts of one certificate. Raises MalformedError, LimitExceededError."""
    if len(content) > limits.CERTIFICATE_BYTES:
        raise LimitExceededError(f"{_WHAT} is larger than {limits.CERTIFICATE_BYTES} bytes")
    outer = der.Reader(content, _WHAT)
    parts = outer.nested()
    outer.require_end()
    tbs = parts.raw(der.SEQUENCE)
    algorithm = parts.raw(der.SEQUENCE)
    signature = parts.bits()
    parts.require_end()
    fields = der.Reader(tbs, _WHAT).nested()
    _require_version_3(fields)
    serial = fields.unsigned()
    if serial.bit_length() > _SERIAL_BITS:
        raise MalformedError(f"{_WHAT} has a serial number of more than 20 bytes")
    # RFC 5280 4.1.1.2: must be the same in both places, or the signed one could be another
    if fields.raw(der.SEQUENCE) != algorithm:
        raise MalformedError(f"{_WHAT} names two different signature algorithms")
    issuer = read_name(fields)
    validity = fields.nested()
    not_before, not_after = certificate_time(validity, _WHAT), certificate_time(validity, _WHAT)
    validity.require_end()
    subject = read_name(fields)
    spki_der = fields.raw(der.SEQUENCE)
    extensions = read_extensions(fields, _EXTENSIONS_TAG, _WHAT)
    fields.require_end()
    oid, parameters = algorithm_identifier(der.Reader(algorithm, _WHAT))
    return Certificate(
        content,
        tbs,
        serial,
        issuer,
        subject,
        not_before,
        not_after,
        spki_der,
        oid,
        parameters,
        signature,
        extensions,
    )


def algorithm_identifier(reader: der.Reader) -> tuple[str, bytes]:
    """Return the next AlgorithmIdentifier: its identifier and parameters. Raises MalformedError."""
    fields = reader.nested()
    oid = fields.oid()
    parameters = fields.raw() if fields.peek() is not None else b""
    fields.require_end()
    return oid, parameters


def read_extensions(reader: der.Reader, tag: int, what: str) -> tuple[Extension, ...]:
    """Return the extensions that may come next, explicitly tagged. Raises MalformedError, LimitExceededError."""
    tagged = reader.optional(tag)
    if tagged is None:
        return ()
    listed = tagged.nested()
    tagged.require_end()
    return extension_list(listed, what)


def extension_list(listed: der.Reader, what: str) -> tuple[Extension, ...]:
    """Return the extensions of a list, none twice. Raises MalformedError, LimitExceededError. RFC 5280 4.2."""
    found: dict[str, Extension] = {}
    while listed.peek() is not None:
        one = _extension(listed.nested(), what)
        if one.oid in found:
            raise MalformedError(f"{what} has the extension {one.oid} twice")
        found[one.oid] = one
        if len(found) > limits.CERTIFICATE_PARTS:
            raise LimitExceededError(f"{what} has more than {limits.CERTIFICATE_PARTS} extensions")
    if not found:
        raise MalformedError(f"{what} has an empty list of extensions")
    return tuple(found.values())


def _extension(fields: der.Reader, what: str) -> Extension:
    oid = fields.oid()
    critical = False
    if fields.peek() == der.BOOLEAN:
        critical = fields.boolean()
        if not critical:  # X.690 11.5: a default value is left out
            raise MalformedError(f"{what} is not DER: extension {oid} spells out that it is not critical")
    value = fields.value(der.OCTET_STRING)
    fields.require_end()
    return Extension(oid, critical, value)


def _require_version_3(fields: der.Reader) -> None:
    tagged = fields.optional(_VERSION_TAG)
    version = tagged.unsigned() if tagged else 0
    if tagged:
        tagged.require_end()
    if version != _VERSION_3:
        raise MalformedError(f"{_WHAT} is of version {version + 1}; only version 3 can say what it is for")
