"""Self-signed certificates as bytes: what is signed, and the whole with its signature (RFC 5280 4.1).

Subject and issuer are one common name; the key may make signatures and is no authority, as notary writes the
certificates of root keys.
"""

from datetime import UTC, datetime

from trustkit.codec import der
from trustkit.codec.der_time import GENERALIZED_TIME, UTC_TIME
from trustkit.model.values import NamedTuple

_COMMON_NAME = "2.5.4.3"
_UTF8_STRING = 0x0C
_VERSION_TAG, _EXTENSIONS_TAG = 0xA0, 0xA3
_VERSION_3 = 2
# RFC 5280 4.1.2.5: UTCTime through the year 2049.
_LAST_UTC_YEAR = 2049
_KEY_USAGE, _BASIC_CONSTRAINTS, _EXTENDED_KEY_USAGE = "2.5.29.15", "2.5.29.19", "2.5.29.37"
_CODE_SIGNING = "1.3.6.1.5.5.7.3.3"
# digitalSignature, the first of eight bits; seven are unused
_DIGITAL_SIGNATURE = b"\x07\x80"
_NULL = bytes((der.NULL, 0))
# RFC 5758 3.2, RFC 4055 5: by our names of algorithms
_ALGORITHMS = {
    "ecdsa-p256-sha256": der.encode(der.SEQUENCE, der.encode_oid("1.2.840.10045.4.3.2")),
    "ecdsa-p384-sha384": der.encode(der.SEQUENCE, der.encode_oid("1.2.840.10045.4.3.3")),
    "ecdsa-p521-sha512": der.encode(der.SEQUENCE, der.encode_oid("1.2.840.10045.4.3.4")),
    "rsa-pkcs1v15-sha256": der.encode(der.SEQUENCE, der.encode_oid("1.2.840.113549.1.1.11"), _NULL),
}


class SelfSigned(NamedTuple):
    """What a certificate is to say; `algorithm` is how its own key will sign it."""

    common_name: str
    spki_der: bytes
    serial: int
    not_before: datetime
    not_after: datetime
    algorithm: str


def to_be_signed(wanted: SelfSigned) -> bytes:
    """Return the TBSCertificate."""
    name = _name(wanted.common_name)
    extensions = der.encode(
        der.SEQUENCE,
        _extension(_KEY_USAGE, der.encode(der.BIT_STRING, _DIGITAL_SIGNATURE), critical=True),
        _extension(_EXTENDED_KEY_USAGE, der.encode(der.SEQUENCE, der.encode_oid(_CODE_SIGNING))),
        _extension(_BASIC_CONSTRAINTS, der.encode(der.SEQUENCE), critical=True),
    )
    return der.encode(
        der.SEQUENCE,
        der.encode(_VERSION_TAG, der.encode_unsigned(_VERSION_3)),
        der.encode_unsigned(wanted.serial),
        _ALGORITHMS[wanted.algorithm],
        name,
        der.encode(der.SEQUENCE, _time(wanted.not_before), _time(wanted.not_after)),
        name,
        wanted.spki_der,
        der.encode(_EXTENSIONS_TAG, extensions),
    )


def certificate(tbs: bytes, algorithm: str, signature: bytes) -> bytes:
    """Return the certificate of what was signed."""
    return der.encode(der.SEQUENCE, tbs, _ALGORITHMS[algorithm], der.encode(der.BIT_STRING, b"\0", signature))


def _name(common_name: str) -> bytes:
    value = der.encode(_UTF8_STRING, common_name.encode())
    pair = der.encode(der.SEQUENCE, der.encode_oid(_COMMON_NAME), value)
    return der.encode(der.SEQUENCE, der.encode(der.SET, pair))


def _extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    flag = der.encode(der.BOOLEAN, b"\xff") if critical else b""
    return der.encode(der.SEQUENCE, der.encode_oid(oid), flag, der.encode(der.OCTET_STRING, value))


def _time(moment: datetime) -> bytes:
    text = moment.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode("ascii")
    if moment.year > _LAST_UTC_YEAR:
        return der.encode(GENERALIZED_TIME, text)
    return der.encode(UTC_TIME, text[2:])
