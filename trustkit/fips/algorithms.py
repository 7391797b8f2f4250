"""Which signature algorithms exist here: their standard, key, digest, and whether FIPS approves."""

from trustkit.errors import AlgorithmNotApprovedError
from trustkit.model import keys
from trustkit.model.keys import PublicKey
from trustkit.model.values import NamedTuple

# Schemes: how an algorithm turns key and message into a signature.
ECDSA = "ecdsa"
RSA_PKCS1 = "rsa-pkcs1v15"
RSA_PSS = "rsa-pss"
EDDSA = "eddsa"
EDDSA_PREHASH = "eddsa-ph"
ML_DSA = "ml-dsa"

# SP 800-131A r2, table 2: RSA below 2048 bits is disallowed for verification too.
RSA_VERIFY_BITS = 2048
# SP 800-57 part 1 r5, table 2: 3072 bits give 128 bits of strength; new keys get no less.
RSA_GENERATE_BITS = 3072
# A check costs with the third power of the size; no one signs images beyond this.
RSA_MOST_BITS = 8192
# FIPS 186-5 A.1.1: 2^16 < e < 2^256, odd.
RSA_LEAST_EXPONENT = (1 << 16) + 1
RSA_MOST_EXPONENT = (1 << 256) - 1


class Algorithm(NamedTuple):
    """One row: identifier, the key it needs, digest, scheme, standard, smallest key, approval.

    `approved` says that a FIPS publication approves the algorithm, not that a validated module ran.
    """

    name: str
    key_kind: str
    digest: str
    scheme: str
    standard: str
    smallest_bits: int
    approved: bool


class Curve(NamedTuple):
    """A prime curve of SP 800-186: y² = x³ - 3x + b modulo p, of order n."""

    key_kind: str
    bits: int
    field_bytes: int
    p: int
    b: int
    n: int


_FIPS_ECDSA = "FIPS 186-5 section 6"
_FIPS_PKCS1 = "FIPS 186-5 section 5.4, RFC 8017 section 8.2"
_FIPS_PSS = "FIPS 186-5 section 5.4, RFC 8017 section 8.1"


def _ecdsa(name: str, kind: str, digest: str, bits: int) -> Algorithm:
    return Algorithm(name, kind, digest, ECDSA, _FIPS_ECDSA, bits, True)


def _pkcs1(name: str, digest: str) -> Algorithm:
    return Algorithm(name, "rsa", digest, RSA_PKCS1, _FIPS_PKCS1, RSA_VERIFY_BITS, True)


def _pss(name: str, digest: str) -> Algorithm:
    return Algorithm(name, "rsa", digest, RSA_PSS, _FIPS_PSS, RSA_VERIFY_BITS, True)


def _ml_dsa(name: str, public_bytes: int) -> Algorithm:
    # pure ML-DSA: the message is not hashed beforehand
    return Algorithm(name, name, "", ML_DSA, "FIPS 204 section 5", 8 * public_bytes, True)


# Of each kind of key, what to sign with comes first.
_ROWS = (
    _ecdsa(keys.ECDSA_P256_SHA256, "ecdsa-p256", "sha256", 256),
    _ecdsa(keys.ECDSA_P256_SHA384, "ecdsa-p256", "sha384", 256),
    _ecdsa(keys.ECDSA_P256_SHA512, "ecdsa-p256", "sha512", 256),
    _ecdsa(keys.ECDSA_P384_SHA384, "ecdsa-p384", "sha384", 384),
    _ecdsa(keys.ECDSA_P384_SHA256, "ecdsa-p384", "sha256", 384),
    _ecdsa(keys.ECDSA_P384_SHA512, "ecdsa-p384", "sha512", 384),
    _ecdsa(keys.ECDSA_P521_SHA512, "ecdsa-p521", "sha512", 521),
    _ecdsa(keys.ECDSA_P521_SHA256, "ecdsa-p521", "sha256", 521),
    _ecdsa(keys.ECDSA_P521_SHA384, "ecdsa-p521", "sha384", 521),
    Algorithm(keys.ED25519, "ed25519", "sha512", EDDSA, "FIPS 186-5 section 7.6", 256, True),
    Algorithm(keys.ED25519PH, "ed25519", "sha512", EDDSA_PREHASH, "FIPS 186-5 section 7.8", 256, True),
    _ml_dsa(keys.ML_DSA_44, 1312),
    _ml_dsa(keys.ML_DSA_65, 1952),
    _ml_dsa(keys.ML_DSA_87, 2592),
    _pkcs1(keys.RSA_PKCS1_SHA256, "sha256"),
    _pkcs1(keys.RSA_PKCS1_SHA384, "sha384"),
    _pkcs1(keys.RSA_PKCS1_SHA512, "sha512"),
    _pss(keys.RSA_PSS_SHA256, "sha256"),
    _pss(keys.RSA_PSS_SHA384, "sha384"),
    _pss(keys.RSA_PSS_SHA512, "sha512"),
)
ALGORITHMS = {row.name: row for row in _ROWS}

# SP 800-186 section 3.2.1.
CURVES = {
    "ecdsa-p256": Curve(
        "ecdsa-p256",
        256,
        32,
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    ),
    "ecdsa-p384": Curve(
        "ecdsa-p384",
        384,
        48,
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        int(
            "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
            16,
        ),
        int(
            "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
            16,
        ),
    ),
    "ecdsa-p521": Curve(
        "ecdsa-p521",
        521,
        66,
        2**521 - 1,
        int(
            "0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef1"
            "09e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b50"
            "3f00",
            16,
        ),
        int(
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
            "ffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386"
            "409",
            16,
        ),
    ),
}

GENERATED_KINDS = (
    "ecdsa-p256",
    "ecdsa-p384",
    "ecdsa-p521",
    "ed25519",
    "rsa-3072",
    "rsa-4096",
    keys.ML_DSA_44,
    keys.ML_DSA_65,
    keys.ML_DSA_87,
)


def algorithm(name: str) -> Algorithm:
    """Return the row of an identifier. Raises AlgorithmNotApprovedError."""
    row = ALGORITHMS.get(name)
    if row is None:
        known = ", ".join(sorted(ALGORITHMS))
        message = f"signature algorithm {name[:64]!r} is not used here (known: {known})"
        raise AlgorithmNotApprovedError(message)
    return row


def algorithms_for(key: PublicKey) -> tuple[str, ...]:
    """Return the algorithms a key can be used with, the one to sign with first."""
    return tuple(row.name for row in _ROWS if row.key_kind == key.kind)


def fitting(key: PublicKey, name: str) -> Algorithm:
    """Return the row if the key can be used with it. Raises AlgorithmNotApprovedError."""
    row = algorithm(name)
    if key.kind != row.key_kind:
        message = f"{name} needs a key of kind {row.key_kind}, not {key.kind}"
        raise AlgorithmNotApprovedError(message)
    if key.bits < row.smallest_bits:
        message = f"{name} needs a key of {row.smallest_bits} bits or more, not {key.bits}"
        raise AlgorithmNotApprovedError(message)
    return row
