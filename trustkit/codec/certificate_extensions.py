"""What the extensions of a certificate say (RFC 5280 section 4.2)."""

from trustkit import limits
from trustkit.codec import der
from trustkit.codec.certificate import Certificate
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

SUBJECT_KEY_IDENTIFIER = "2.5.29.14"
KEY_USAGE = "2.5.29.15"
SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"
BASIC_CONSTRAINTS = "2.5.29.19"
NAME_CONSTRAINTS = "2.5.29.30"
CRL_DISTRIBUTION_POINTS = "2.5.29.31"
CERTIFICATE_POLICIES = "2.5.29.32"
AUTHORITY_KEY_IDENTIFIER = "2.5.29.35"
EXTENDED_KEY_USAGE = "2.5.29.37"
AUTHORITY_INFORMATION_ACCESS = "1.3.6.1.5.5.7.1.1"

# Extended key usages.
ANY_USAGE = "2.5.29.37.0"
CODE_SIGNING = "1.3.6.1.5.5.7.3.3"
TIME_STAMPING = "1.3.6.1.5.5.7.3.8"
OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"

# Bits of KeyUsage by name (RFC 5280 4.2.1.3), the first bit first.
KEY_USAGES = (
    "digitalSignature",
    "contentCommitment",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
)
DIGITAL_SIGNATURE, KEY_CERT_SIGN, CRL_SIGN = "digitalSignature", "keyCertSign", "cRLSign"

_OCSP_METHOD = "1.3.6.1.5.5.7.48.1"
# Kinds of GeneralName by tag (RFC 5280 4.2.1.6).
_GENERAL_NAMES = {0x81: "email", 0x82: "dns", 0x86: "uri"}
_OTHER_NAME, _DIRECTORY_NAME, _IP = 0xA0, 0xA4, 0x87
_URI = 0x86
_WHAT = "certificate"


class BasicConstraints(NamedTuple):
    """Whether a certificate may issue others, and how many may stand between it and the leaf."""

    authority: bool = False
    path_length: int | None = None
    critical: bool = False


class GeneralName(NamedTuple):
    """A name of `email`, `dns`, `uri`, or `other` (value is hex of the DER)."""

    kind: str
    value: str


def basic_constraints(certificate: Certificate) -> BasicConstraints:
    """Return the basic constraints; none means a leaf. Raises MalformedError. RFC 5280 4.2.1.9."""
    found = certificate.extension(BASIC_CONSTRAINTS)
    if found is None:
        return BasicConstraints()
    fields = _sequence(found.value)
    authority = fields.boolean() if fields.peek() == der.BOOLEAN else False
    length = fields.unsigned() if fields.peek() is not None else None
    fields.require_end()
    if length is not None and not authority:
        raise MalformedError(f"{_WHAT} has a path length and is no authority")
    return BasicConstraints(authority, length, found.critical)


def key_usage(certificate: Certificate) -> frozenset[str] | None:
    """Return the names of the usages, None if nothing is said. Raises MalformedError. RFC 5280 4.2.1.3."""
    found = certificate.extension(KEY_USAGE)
    if found is None:
        return None
    outer = der.Reader(found.value, _WHAT)
    content = outer.value(der.BIT_STRING)
    outer.require_end()
    bits = "".join(f"{byte:08b}" for byte in content[1:])
    # X.690 11.2.2: trailing zero bits are left out, so the last of them is set
    unused = content[0] if content else 8
    if unused > 7 or len(bits) <= unused or "1" in bits[len(bits) - unused :] or bits[-1 - unused] != "1":  # noqa: PLR2004
        raise MalformedError(f"{_WHAT} has a key usage that is empty or not DER")
    if len(bits) - unused > len(KEY_USAGES):
        raise MalformedError(f"{_WHAT} has an unknown key usage")
    return frozenset(name for name, bit in zip(KEY_USAGES, bits, strict=False) if bit == "1")


def extended_key_usage(certificate: Certificate) -> tuple[str, ...] | None:
    """Return the purposes, None if nothing is said. Raises MalformedError. RFC 5280 4.2.1.12."""
    found = certificate.extension(EXTENDED_KEY_USAGE)
    if found is None:
        return None
    fields = _sequence(found.value)
    purposes: list[str] = []
    while fields.peek() is not None:
        purposes.append(fields.oid())
        _require_few(purposes)
    if not purposes:
        raise MalformedError(f"{_WHAT} has an empty list of purposes")
    return tuple(purposes)


def subject_alternative_names(certificate: Certificate) -> tuple[GeneralName, ...]:
    """Return the alternative names. Raises MalformedError. RFC 5280 4.2.1.6."""
    found = certificate.extension(SUBJECT_ALTERNATIVE_NAME)
    if found is None:
        return ()
    fields = _sequence(found.value)
    names: list[GeneralName] = []
    while fields.peek() is not None:
        names.append(_general_name(fields.raw()))
        _require_few(names)
    if not names:
        raise MalformedError(f"{_WHAT} has an empty list of alternative names")
    return tuple(names)


def subject_key_identifier(certificate: Certificate) -> bytes | None:
    """Return the identifier of the certificate's own key. Raises MalformedError. RFC 5280 4.2.1.2."""
    found = certificate.extension(SUBJECT_KEY_IDENTIFIER)
    if found is None:
        return None
    outer = der.Reader(found.value, _WHAT)
    identifier = outer.value(der.OCTET_STRING)
    outer.require_end()
    return identifier


def crl_addresses(certificate: Certificate) -> tuple[str, ...]:
    """Return the URLs of its revocation lists. Raises MalformedError. RFC 5280 4.2.1.13."""
    found = certificate.extension(CRL_DISTRIBUTION_POINTS)
    if found is None:
        return ()
    addresses: list[str] = []
    points = _sequence(found.value)
    while points.peek() is not None:
        point = points.nested()
        place = point.optional(0xA0)
        names = place.optional(0xA0) if place else None
        while names and names.peek() is not None:
            tag, content = names.element()
            if tag == _URI:
                addresses.append(_ascii(content))
            _require_few(addresses)
    return tuple(addresses)


def ocsp_addresses(certificate: Certificate) -> tuple[str, ...]:
    """Return the URLs of its OCSP responders. Raises MalformedError. RFC 5280 4.2.2.1."""
    found = certificate.extension(AUTHORITY_INFORMATION_ACCESS)
    if found is None:
        return ()
    addresses: list[str] = []
    ways = _sequence(found.value)
    while ways.peek() is not None:
        way = ways.nested()
        method = way.oid()
        tag, content = way.element()
        way.require_end()
        if method == _OCSP_METHOD and tag == _URI:
            addresses.append(_ascii(content))
        _require_few(addresses)
    return tuple(addresses)


def _general_name(whole: bytes) -> GeneralName:
    tag, content = der.Reader(whole, _WHAT).element()
    kind = _GENERAL_NAMES.get(tag)
    return GeneralName(kind, _ascii(content)) if kind else GeneralName("other", whole.hex())


def _ascii(content: bytes) -> str:
    try:
        return content.decode("ascii")
    except UnicodeDecodeError as error:
        raise MalformedError(f"{_WHAT} has a name that is not ASCII") from error


def _sequence(content: bytes) -> der.Reader:
    outer = der.Reader(content, _WHAT)
    inner = outer.nested()
    outer.require_end()
    return inner


def _require_few(found: list[str] | list[GeneralName]) -> None:
    if len(found) > limits.CERTIFICATE_PARTS:
        raise LimitExceededError(f"{_WHAT} has an extension with more than {limits.CERTIFICATE_PARTS} entries")
