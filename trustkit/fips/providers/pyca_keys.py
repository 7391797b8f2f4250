"""Private keys held by the `cryptography` package: loaded only by commands that sign."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from trustkit.codec import der
from trustkit.errors import AlgorithmNotApprovedError, MalformedError
from trustkit.fips import algorithms, spki
from trustkit.model.keys import PublicKey

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


class PycaPrivateKey:
    """A private key as this library holds it."""

    __slots__ = ("_key", "_public")

    def __init__(self, key: _Private) -> None:
        """Check the public half. Raises MalformedError, AlgorithmNotApprovedError."""
        self._key = key
        self._public = spki.public_key(
            key.public_key().public_bytes(
                serialization.Encoding.DER,
                serialization.PublicFormat.SubjectPublicKeyInfo,
            ),
            _sha256,
        )

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
            return key.sign(message, ec.ECDSA(digest))
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(message, _padding(row.scheme, digest), digest)
        if row.scheme != algorithms.EDDSA:
            text = f"{algorithm} cannot be made by the pyca provider: no pre-hash mode"
            raise AlgorithmNotApprovedError(text)
        return key.sign(message)

    def to_pkcs8(self) -> bytes:
        """Return PKCS#8 DER, unencrypted."""
        return self._key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def generate(kind: str) -> PycaPrivateKey:
    """Make a key. Raises AlgorithmNotApprovedError."""
    if kind not in algorithms.GENERATED_KINDS:
        known = ", ".join(algorithms.GENERATED_KINDS)
        raise AlgorithmNotApprovedError(f"keys of kind {kind!r} are not made (known: {known})")
    if kind in _CURVES:
        return PycaPrivateKey(ec.generate_private_key(_CURVES[kind]()))
    if kind == "ed25519":
        return PycaPrivateKey(ed25519.Ed25519PrivateKey.generate())
    bits = int(kind.removeprefix("rsa-"))
    return PycaPrivateKey(rsa.generate_private_key(_EXPONENT, bits))


def load_pkcs8(content: bytes) -> PycaPrivateKey:
    """Take a key from PKCS#8 DER. Raises MalformedError, AlgorithmNotApprovedError. RFC 5958."""
    _require_pkcs8(content)
    try:
        key = serialization.load_der_private_key(content, password=None)
    except UnsupportedAlgorithm as error:
        raise AlgorithmNotApprovedError("private key is of a kind not used here") from error
    except (ValueError, TypeError) as error:
        raise MalformedError("private key is not a sound PKCS#8 key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey):
        raise AlgorithmNotApprovedError("private key is of a kind not used here")
    return PycaPrivateKey(key)


def _require_pkcs8(content: bytes) -> None:
    """The library would also take PKCS#1 and SEC 1 keys under this name."""
    outer = der.Reader(content, "private key")
    fields = outer.nested()
    outer.require_end()
    fields.unsigned()
    fields.value(der.SEQUENCE)
    fields.value(der.OCTET_STRING)


def _padding(scheme: str, digest: hashes.HashAlgorithm) -> padding.AsymmetricPadding:
    if scheme == algorithms.RSA_PSS:
        return padding.PSS(padding.MGF1(digest), digest.digest_size)
    return padding.PKCS1v15()


def _sha256(content: bytes) -> bytes:
    running = hashes.Hash(hashes.SHA256())
    running.update(content)
    return running.finalize()
