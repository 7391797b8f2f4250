"""Private keys held by the `cryptography` package.

Every command that records something opens the log's keys, so elliptic curve and Edwards keys are taken
apart here: the package's own loaders cost 15 ms of start-up (they pull in the OpenSSH formats).
"""

from typing import TYPE_CHECKING

from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from trustkit.codec import der
from trustkit.errors import AlgorithmNotApprovedError, MalformedError
from trustkit.fips import algorithms, spki
from trustkit.fips.provider import PrivateKey
from trustkit.fips.providers.pyca_ecdsa import Ecdsa
from trustkit.model.keys import PublicKey

if TYPE_CHECKING:  # 3 ms that only RSA keys need
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    _Private = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "ecdsa-p256": ec.SECP256R1,
    "ecdsa-p384": ec.SECP384R1,
    "ecdsa-p521": ec.SECP521R1,
}
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_EXPONENT = 65537
_WHAT = "private key"
# RFC 5480 2.1.1: id-ecPublicKey and the named curve.
_EC_ALGORITHMS = {
    bytes.fromhex("06072a8648ce3d020106082a8648ce3d030107"): "ecdsa-p256",
    bytes.fromhex("06072a8648ce3d020106052b81040022"): "ecdsa-p384",
    bytes.fromhex("06072a8648ce3d020106052b81040023"): "ecdsa-p521",
}
_ED25519_ALGORITHM = bytes.fromhex("06032b6570")
_ED25519_BYTES = 32
# RFC 5915 section 3: context tags of ECPrivateKey.
_PARAMETERS = 0xA0
_PUBLIC_KEY = 0xA1


class PycaPrivateKey:
    """A private key as this library holds it."""

    __slots__ = ("_key", "_public")

    def __init__(self, key: "_Private") -> None:
        """Check the public half. Raises MalformedError, AlgorithmNotApprovedError."""
        self._key = key
        self._public = spki.public_key(_spki_of(key), _sha256)

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return self._public

    def sign(self, algorithm: str, message: bytes) -> bytes:
        """Sign the message. Raises AlgorithmNotApprovedError."""
        row = algorithms.fitting(self._public, algorithm)
        digest = _HASHES[row.digest]
        key = self._key
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.sign(message, Ecdsa(digest))
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(message, _padding(row.scheme, digest), digest)
        if row.scheme != algorithms.EDDSA:
            text = f"{algorithm} cannot be made by the pyca provider: no pre-hash mode"
            raise AlgorithmNotApprovedError(text)
        return key.sign(message)

    def to_pkcs8(self) -> bytes:
        """Return PKCS#8 DER, unencrypted."""
        from cryptography.hazmat.primitives import serialization

        return self._key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def generate(kind: str) -> PrivateKey:
    """Make a key. Raises AlgorithmNotApprovedError."""
    if kind not in algorithms.GENERATED_KINDS:
        known = ", ".join(algorithms.GENERATED_KINDS)
        raise AlgorithmNotApprovedError(f"keys of kind {kind!r} are not made (known: {known})")
    if kind in _CURVES:
        return PycaPrivateKey(ec.generate_private_key(_CURVES[kind]()))
    if kind == "ed25519":
        return PycaPrivateKey(ed25519.Ed25519PrivateKey.generate())
    if kind in spki.ML_DSA:
        from trustkit.fips.providers import pyca_ml_dsa

        return pyca_ml_dsa.generate(kind)
    from cryptography.hazmat.primitives.asymmetric import rsa

    bits = int(kind.removeprefix("rsa-"))
    return PycaPrivateKey(rsa.generate_private_key(_EXPONENT, bits))


def load_pkcs8(content: bytes) -> PrivateKey:
    """Take a key from PKCS#8 DER. Raises MalformedError, AlgorithmNotApprovedError. RFC 5958, 5915, 8410."""
    outer = der.Reader(content, _WHAT)
    fields = outer.nested()
    outer.require_end()
    fields.unsigned()
    algorithm, secret = fields.value(der.SEQUENCE), fields.value(der.OCTET_STRING)
    if lattice := spki.ml_dsa_kind(algorithm):
        from trustkit.fips.providers import pyca_ml_dsa

        return pyca_ml_dsa.of_private(lattice, secret)
    inner = der.Reader(secret, _WHAT)
    if algorithm in _EC_ALGORITHMS:
        return PycaPrivateKey(_ec_key(_EC_ALGORITHMS[algorithm], inner))
    if algorithm == _ED25519_ALGORITHM:
        raw = inner.value(der.OCTET_STRING)
        inner.require_end()
        if len(raw) != _ED25519_BYTES:
            raise MalformedError("private key is cut off or too long")
        return PycaPrivateKey(openssl.ed25519.from_private_bytes(raw))
    return PycaPrivateKey(_rsa_key(content))


def _ec_key(kind: str, inner: der.Reader) -> ec.EllipticCurvePrivateKey:
    """RFC 5915 section 3: version 1, the scalar, and perhaps the curve and the public half again."""
    fields = inner.nested()
    inner.require_end()
    version, scalar = fields.unsigned(), fields.value(der.OCTET_STRING)
    if version != 1 or len(scalar) != algorithms.CURVES[kind].field_bytes:
        raise MalformedError("private key is not a sound elliptic curve key")
    try:
        key = ec.derive_private_key(int.from_bytes(scalar, "big"), _CURVES[kind]())
    except ValueError as error:
        raise MalformedError("private key's number is out of range") from error
    if fields.peek() == _PARAMETERS:
        fields.value(_PARAMETERS)
    if fields.peek() == _PUBLIC_KEY:
        told = fields.nested(_PUBLIC_KEY).bits()
        if not _spki_of(key).endswith(told):
            raise MalformedError("private key and the public key in its file do not belong together")
    fields.require_end()
    return key


def _rsa_key(content: bytes) -> "rsa.RSAPrivateKey":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    try:
        key = serialization.load_der_private_key(content, password=None)
    except UnsupportedAlgorithm as error:
        raise AlgorithmNotApprovedError("private key is of a kind not used here") from error
    except (ValueError, TypeError) as error:
        raise MalformedError("private key is not a sound PKCS#8 key") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise AlgorithmNotApprovedError("private key is of a kind not used here")
    return key


def _spki_of(key: "_Private") -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        kind = next(kind for kind in _CURVES if algorithms.CURVES[kind].bits == key.key_size)
        point = key.public_key().public_numbers()
        return spki.ec_spki(kind, point.x, point.y)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return spki.ed25519_spki(key.public_key().public_bytes_raw())
    numbers = key.public_key().public_numbers()
    return spki.rsa_spki(numbers.n, numbers.e)


def _padding(scheme: str, digest: hashes.HashAlgorithm) -> "padding.AsymmetricPadding":
    from cryptography.hazmat.primitives.asymmetric import padding

    if scheme == algorithms.RSA_PSS:
        return padding.PSS(padding.MGF1(digest), digest.digest_size)
    return padding.PKCS1v15()


def _sha256(content: bytes) -> bytes:
    running = hashes.Hash(hashes.SHA256())
    running.update(content)
    return running.finalize()
