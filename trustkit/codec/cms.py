"""CMS SignedData with one signer, as timestamps use it (RFC 5652 section 5), in DER only.

ContentInfo ::= SEQUENCE { id-signedData, [0] SignedData }
"""

from trustkit import limits
from trustkit.codec import der
from trustkit.codec.certificate import algorithm_identifier
from trustkit.codec.distinguished_name import Name, read_name
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

SIGNED_DATA = "1.2.840.113549.1.7.2"
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"

_WHAT = "CMS signed data"
_EXPLICIT_0, _KEY_IDENTIFIER, _CERTIFICATES, _LISTS = 0xA0, 0x80, 0xA0, 0xA1
_SIGNED_ATTRIBUTES, _UNSIGNED_ATTRIBUTES = 0xA0, 0xA1


class SignerId(NamedTuple):
    """How the signer's certificate is named: issuer and serial number, or the key's identifier."""

    issuer: Name | None
    serial: int
    key_identifier: bytes


class SignerInfo(NamedTuple):
    """The signer: `signed_attributes` are the bytes the signature is over, `attributes` what they say.

    Attributes map an identifier to the DER of its one value.
    """

    signer: SignerId
    digest_algorithm: str
    signature_algorithm: str
    signature_parameters: bytes
    signature: bytes
    signed_attributes: bytes
    attributes: dict[str, bytes]


class SignedData(NamedTuple):
    """Content of a type, the certificates that came along, and the one signer."""

    content_type: str
    content: bytes
    certificates: tuple[bytes, ...]
    signer: SignerInfo


def parse_signed_data(content: bytes) -> SignedData:
    """Return the parts of a ContentInfo. Raises MalformedError, LimitExceededError."""
    outer = der.Reader(content, _WHAT)
    info = outer.nested()
    outer.require_end()
    if info.oid() != SIGNED_DATA:
        raise MalformedError(f"{_WHAT} is of another content type")
    explicit = info.nested(_EXPLICIT_0)
    info.require_end()
    fields = explicit.nested()
    explicit.require_end()
    fields.unsigned()
    fields.value(der.SET)
    content_type, inner = _encapsulated(fields.nested())
    certificates = _certificates(fields.optional(_CERTIFICATES))
    fields.optional(_LISTS)
    signers = fields.nested(der.SET)
    fields.require_end()
    signer = _signer_info(signers.nested())
    # RFC 3161 2.4.2: no signature but the authority's
    signers.require_end()
    return SignedData(content_type, inner, certificates, signer)


def _encapsulated(fields: der.Reader) -> tuple[str, bytes]:
    content_type = fields.oid()
    explicit = fields.nested(_EXPLICIT_0)
    fields.require_end()
    content = explicit.value(der.OCTET_STRING)
    explicit.require_end()
    return content_type, content


def _certificates(listed: der.Reader | None) -> tuple[bytes, ...]:
    found: list[bytes] = []
    while listed is not None and listed.peek() is not None:
        found.append(listed.raw(der.SEQUENCE))
        if len(found) > limits.CERTIFICATES:
            raise LimitExceededError(f"{_WHAT} carries more than {limits.CERTIFICATES} certificates")
    return tuple(found)


def _signer_info(fields: der.Reader) -> SignerInfo:
    fields.unsigned()
    signer = _signer_id(fields)
    digest_algorithm, _ = algorithm_identifier(fields)
    if fields.peek() != _SIGNED_ATTRIBUTES:
        raise MalformedError(f"{_WHAT} has no signed attributes")
    tagged = fields.raw(_SIGNED_ATTRIBUTES)
    # RFC 5652 5.4: the signature is over the attributes as a SET OF, not as tagged here
    as_set = bytes((der.SET,)) + tagged[1:]
    algorithm, parameters = algorithm_identifier(fields)
    signature = fields.value(der.OCTET_STRING)
    fields.optional(_UNSIGNED_ATTRIBUTES)
    fields.require_end()
    attributes = _attributes(der.Reader(as_set, _WHAT).nested(der.SET))
    return SignerInfo(signer, digest_algorithm, algorithm, parameters, signature, as_set, attributes)


def _signer_id(fields: der.Reader) -> SignerId:
    if fields.peek() == _KEY_IDENTIFIER:
        return SignerId(None, 0, fields.value(_KEY_IDENTIFIER))
    both = fields.nested()
    issuer, serial = read_name(both), both.unsigned()
    both.require_end()
    return SignerId(issuer, serial, b"")


def _attributes(listed: der.Reader) -> dict[str, bytes]:
    """RFC 5652 11: of each type one, and each with one value."""
    found: dict[str, bytes] = {}
    while listed.peek() is not None:
        pair = listed.nested()
        oid = pair.oid()
        values = pair.nested(der.SET)
        pair.require_end()
        if oid in found:
            raise MalformedError(f"{_WHAT} has the attribute {oid} twice")
        found[oid] = values.raw()
        values.require_end()
        if len(found) > limits.CERTIFICATE_PARTS:
            raise LimitExceededError(f"{_WHAT} has more than {limits.CERTIFICATE_PARTS} attributes")
    return found
