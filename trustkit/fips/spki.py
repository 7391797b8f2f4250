"""SubjectPublicKeyInfo of the keys used here, in their one DER form (RFC 5280, 5480, 8410, 8017).

An elliptic curve key is one of three fixed prefixes and an uncompressed point on that curve: no
explicit parameters (CVE-2020-0601), no compressed points, no other curves. An RSA key is taken
apart here, because libraries load weak exponents and even moduli without a word.
"""

from collections.abc import Callable

from trustkit.codec import der
from trustkit.errors import AlgorithmNotApprovedError, MalformedError
from trustkit.fips.algorithms import (
    CURVES,
    RSA_LEAST_EXPONENT,
    RSA_MOST_BITS,
    RSA_MOST_EXPONENT,
    RSA_VERIFY_BITS,
    Curve,
)
from trustkit.model.keys import PublicKey

_WHAT = "public key"
# RFC 5480 2.1.1: SEQUENCE { SEQUENCE { id-ecPublicKey, named curve }, BIT STRING 0x04 ... }.
_EC_PREFIXES = {
    "ecdsa-p256": bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"),
    "ecdsa-p384": bytes.fromhex("3076301006072a8648ce3d020106052b8104002203620004"),
    "ecdsa-p521": bytes.fromhex("30819b301006072a8648ce3d020106052b810400230381860004"),
}
# RFC 8410 section 4.
_ED25519_PREFIX = bytes.fromhex("302a300506032b6570032100")
_ED25519_BYTES = 32
_ED25519_P = 2**255 - 19
# RFC 9881 sections 4 and 6: the parameter sets' identifiers and the sizes of their public keys (FIPS 204 table 2).
_ML_DSA_ALGORITHMS = {
    "ml-dsa-44": bytes.fromhex("0609608648016503040311"),
    "ml-dsa-65": bytes.fromhex("0609608648016503040312"),
    "ml-dsa-87": bytes.fromhex("0609608648016503040313"),
}
ML_DSA = {"ml-dsa-44": 1312, "ml-dsa-65": 1952, "ml-dsa-87": 2592}
SEED_BYTES = 32
# RFC 3279 2.3.1: rsaEncryption with NULL parameters.
_RSA_ALGORITHM = bytes.fromhex("06092a864886f70d0101010500")
_SPKI_BYTES = 4096

Sha256 = Callable[[bytes], bytes]


def public_key(spki_der: bytes, sha256: Sha256) -> PublicKey:
    """Return the checked key.

    Raises MalformedError, and AlgorithmNotApprovedError for kinds, sizes and exponents not used here.
    """
    kind, bits = _kind_and_bits(spki_der)
    return PublicKey(spki_der, sha256(spki_der).hex(), kind, bits)


def ec_spki(kind: str, x: int, y: int) -> bytes:
    """Return the key of a point."""
    size = CURVES[kind].field_bytes
    return _EC_PREFIXES[kind] + x.to_bytes(size, "big") + y.to_bytes(size, "big")


def ed25519_spki(raw: bytes) -> bytes:
    """Return the key of 32 bytes."""
    return _ED25519_PREFIX + raw


def rsa_spki(modulus: int, exponent: int) -> bytes:
    """Return the key of modulus and exponent."""
    numbers = der.encode(der.SEQUENCE, der.encode_unsigned(modulus), der.encode_unsigned(exponent))
    return der.encode(
        der.SEQUENCE,
        der.encode(der.SEQUENCE, _RSA_ALGORITHM),
        der.encode(der.BIT_STRING, b"\0", numbers),
    )


def ml_dsa_spki(kind: str, raw: bytes) -> bytes:
    """Return the key of an ML-DSA public key's bytes."""
    algorithm = der.encode(der.SEQUENCE, _ML_DSA_ALGORITHMS[kind])
    return der.encode(der.SEQUENCE, algorithm, der.encode(der.BIT_STRING, b"\0", raw))


def ml_dsa_bytes(key: PublicKey) -> bytes:
    """Return the bytes of a checked ML-DSA key."""
    return key.spki_der[-ML_DSA[key.kind] :]


def ml_dsa_pkcs8(kind: str, seed: bytes) -> bytes:
    """Return the private key of a seed (RFC 9881 section 6)."""
    algorithm = der.encode(der.SEQUENCE, _ML_DSA_ALGORITHMS[kind])
    content = der.encode(der.OCTET_STRING, b"\x80", bytes((len(seed),)), seed)
    return der.encode(der.SEQUENCE, der.encode_unsigned(0), algorithm, content)


def ml_dsa_kind(algorithm: bytes) -> str:
    """Return the parameter set an AlgorithmIdentifier's content names, nothing if it is none."""
    return next((kind for kind, known in _ML_DSA_ALGORITHMS.items() if algorithm == known), "")


def ec_point(key: PublicKey) -> tuple[int, int]:
    """Return x and y of a checked elliptic curve key."""
    size = CURVES[key.kind].field_bytes
    point = key.spki_der[-2 * size :]
    return int.from_bytes(point[:size], "big"), int.from_bytes(point[size:], "big")


def ed25519_bytes(key: PublicKey) -> bytes:
    """Return the 32 bytes of a checked Ed25519 key."""
    return key.spki_der[-_ED25519_BYTES:]


def rsa_numbers(key: PublicKey) -> tuple[int, int]:
    """Return modulus and exponent of a checked RSA key."""
    return _rsa_parts(key.spki_der)


def _kind_and_bits(spki_der: bytes) -> tuple[str, int]:
    if len(spki_der) > _SPKI_BYTES:
        raise MalformedError(f"{_WHAT} is larger than {_SPKI_BYTES} bytes")
    for kind, prefix in _EC_PREFIXES.items():
        if spki_der.startswith(prefix):
            _require_on_curve(spki_der[len(prefix) :], CURVES[kind])
            return kind, CURVES[kind].bits
    if spki_der.startswith(_ED25519_PREFIX):
        _require_ed25519(spki_der[len(_ED25519_PREFIX) :])
        return "ed25519", 256
    for kind, size in ML_DSA.items():
        # the one DER form of a key of this size; of any bytes one can be
        if len(spki_der) > size and spki_der == ml_dsa_spki(kind, spki_der[-size:]):
            return kind, 8 * size
    modulus, exponent = _rsa_parts(spki_der)
    _require_rsa(modulus, exponent)
    return "rsa", modulus.bit_length()


def _require_on_curve(point: bytes, curve: Curve) -> None:
    """SP 800-56A r3 5.6.2.3.3 steps 1 to 3; these curves have no other points of small order."""
    size = curve.field_bytes
    if len(point) != 2 * size:
        raise MalformedError(f"{_WHAT} is cut off or too long")
    x, y = int.from_bytes(point[:size], "big"), int.from_bytes(point[size:], "big")
    if x >= curve.p or y >= curve.p or (y * y - (x * x - 3) * x - curve.b) % curve.p:
        raise MalformedError(f"{_WHAT} is not a point of {curve.key_kind}")


def _require_ed25519(raw: bytes) -> None:
    if len(raw) != _ED25519_BYTES:
        raise MalformedError(f"{_WHAT} is cut off or too long")
    y = int.from_bytes(raw, "little") & ((1 << 255) - 1)
    # RFC 8032 5.1.3 step 1. The points of order 1, 2 and 4 have these y and sign anything.
    if y >= _ED25519_P or y in (0, 1, _ED25519_P - 1, *_ED25519_ORDER_8):
        raise MalformedError(f"{_WHAT} is not a usable point of ed25519")


# y of the points of order 8.
_ED25519_ORDER_8 = (
    0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
)


def _rsa_parts(spki_der: bytes) -> tuple[int, int]:
    outer = der.Reader(spki_der, _WHAT)
    key = outer.nested()
    outer.require_end()
    if key.value(der.SEQUENCE) != _RSA_ALGORITHM:
        raise AlgorithmNotApprovedError(
            f"{_WHAT} is of a kind not used here",
            next_step="use ECDSA on P-256, P-384 or P-521 (named curve, uncompressed point), Ed25519 or RSA",
        )
    numbers = der.Reader(key.bits(), _WHAT)
    key.require_end()
    pair = numbers.nested()
    numbers.require_end()
    modulus, exponent = pair.unsigned(), pair.unsigned()
    pair.require_end()
    return modulus, exponent


def _require_rsa(modulus: int, exponent: int) -> None:
    bits = modulus.bit_length()
    if not RSA_VERIFY_BITS <= bits <= RSA_MOST_BITS:
        message = f"RSA key of {bits} bits; {RSA_VERIFY_BITS} to {RSA_MOST_BITS} are allowed"
        raise AlgorithmNotApprovedError(message)
    if not modulus & 1:
        raise MalformedError(f"{_WHAT} has an even RSA modulus")
    if not exponent & 1 or not RSA_LEAST_EXPONENT <= exponent <= RSA_MOST_EXPONENT:
        message = "RSA public exponent must be odd and between 2^16 and 2^256 (FIPS 186-5 A.1.1)"
        raise AlgorithmNotApprovedError(message)
