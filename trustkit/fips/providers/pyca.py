"""Maths by the `cryptography` package, whose wheels carry their own OpenSSL.

Only its public classes for numbers and points are used to load keys: its PEM and DER loaders cost
15 ms of start-up (they pull in the OpenSSH formats) and accept more than is wanted.
"""

import os
from typing import ClassVar

from cryptography import __version__
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from trustkit.errors import (
    AlgorithmNotApprovedError,
    MalformedError,
    SignatureMismatchError,
)
from trustkit.fips import algorithms, spki
from trustkit.fips.algorithms import Algorithm
from trustkit.fips.ecdsa_signature import require_in_range
from trustkit.fips.provider import Hasher, PrivateKey
from trustkit.model.crypto import ModuleStatus
from trustkit.model.keys import PublicKey

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


class PycaProvider:
    """The provider named `pyca`."""

    api: ClassVar[int] = 1
    name: ClassVar[str] = "pyca"

    def status(self) -> ModuleStatus:
        """Name the package and the OpenSSL inside its wheel; hashing is done there too."""
        # The public way, `backends.openssl.backend`, imports 6 ms of ciphers to say the same.
        from cryptography.hazmat.bindings._rust import openssl

        return ModuleStatus(self.name, __version__, openssl.openssl_version_text())

    def hasher(self, algorithm: str) -> Hasher:
        """Return a fresh hash. Raises AlgorithmNotApprovedError."""
        return _Running(_hash(algorithm))

    def hmac(self, algorithm: str, key: bytes, message: bytes) -> bytes:
        """Return the HMAC (FIPS 198-1). Raises AlgorithmNotApprovedError."""
        from cryptography.hazmat.primitives.hmac import HMAC

        running = HMAC(key, _hash(algorithm))
        running.update(message)
        return running.finalize()

    def random(self, count: int) -> bytes:
        """Return bytes of the kernel's generator, which this library itself relies on."""
        return os.urandom(count)

    def verify(self, key: PublicKey, algorithm: str, signature: bytes, message: bytes) -> None:
        """Return if the signature fits.

        Raises SignatureMismatchError, AlgorithmNotApprovedError, MalformedError.
        """
        row = algorithms.fitting(key, algorithm)
        try:
            _VERIFIERS[row.scheme](row, key, signature, message)
        except InvalidSignature as error:
            raise SignatureMismatchError(f"{algorithm} signature does not fit") from error
        except (UnsupportedAlgorithm, ValueError) as error:
            raise MalformedError(f"{algorithm} key or signature is unusable: {error}") from error

    def verify_digest(self, key: PublicKey, algorithm: str, signature: bytes, digest: bytes) -> None:
        """Return if the ECDSA or RSA PKCS #1 signature fits a message of this digest.

        Raises SignatureMismatchError, AlgorithmNotApprovedError, MalformedError.
        """
        from trustkit.fips.providers import pyca_prehashed

        pyca_prehashed.verify(algorithms.fitting(key, algorithm), key, signature, digest)

    def derive(self, passphrase: bytes, salt: bytes, iterations: int, count: int) -> bytes:
        """Return PBKDF2-HMAC-SHA-256 (SP 800-132)."""
        from trustkit.fips.providers import pyca_ciphers

        return pyca_ciphers.derive(passphrase, salt, iterations, count)

    def encrypt_cbc(self, key: bytes, iv: bytes, content: bytes) -> bytes:
        """Return AES-CBC of the content and its padding."""
        from trustkit.fips.providers import pyca_ciphers

        return pyca_ciphers.encrypt_cbc(key, iv, content)

    def decrypt_cbc(self, key: bytes, iv: bytes, content: bytes) -> bytes:
        """Return the content without its padding. Raises MalformedError if there is none."""
        from trustkit.fips.providers import pyca_ciphers

        return pyca_ciphers.decrypt_cbc(key, iv, content)

    def hkdf(self, key: bytes, salt: bytes, info: bytes, count: int) -> bytes:
        """Return HKDF-HMAC-SHA-256 (RFC 5869, SP 800-56C r2)."""
        from trustkit.fips.providers import pyca_ciphers

        return pyca_ciphers.hkdf(key, salt, info, count)

    def seal(self, key: bytes, content: bytes, associated: bytes) -> bytes:
        """Return nonce, AES-GCM ciphertext and tag (SP 800-38D)."""
        from trustkit.fips.providers import pyca_ciphers

        return pyca_ciphers.seal(key, content, associated)

    def unseal(self, key: bytes, sealed: bytes, associated: bytes) -> bytes:
        """Return what `seal` was given. Raises MalformedError."""
        from trustkit.fips.providers import pyca_ciphers

        return pyca_ciphers.unseal(key, sealed, associated)

    def wrap(self, key: bytes, content: bytes, *, padded: bool) -> bytes:
        """Return the wrapped key (SP 800-38F). Raises MalformedError for its length."""
        from trustkit.fips.providers import pyca_ciphers

        return pyca_ciphers.wrap(key, content, padded=padded)

    def unwrap(self, key: bytes, wrapped: bytes, *, padded: bool) -> bytes:
        """Return the key that was wrapped. Raises MalformedError."""
        from trustkit.fips.providers import pyca_ciphers

        return pyca_ciphers.unwrap(key, wrapped, padded=padded)

    def generate(self, kind: str) -> PrivateKey:
        """Make a key. Raises AlgorithmNotApprovedError."""
        from trustkit.fips.providers import pyca_keys

        return pyca_keys.generate(kind)

    def load_pkcs8(self, der: bytes) -> PrivateKey:
        """Take a key from PKCS#8 DER. Raises MalformedError, AlgorithmNotApprovedError."""
        from trustkit.fips.providers import pyca_keys

        return pyca_keys.load_pkcs8(der)


class _Running:
    """A hash of this library in the shape of our Protocol: digests may be taken more than once."""

    __slots__ = ("_context", "update")

    def __init__(self, algorithm: hashes.HashAlgorithm) -> None:
        self._context = hashes.Hash(algorithm)
        self.update = self._context.update

    def digest(self) -> bytes:
        """Return the hash of what was added so far."""
        return self._context.copy().finalize()


def _hash(algorithm: str) -> hashes.HashAlgorithm:
    chosen = _HASHES.get(algorithm)
    if chosen is None:
        raise AlgorithmNotApprovedError(f"hash {algorithm!r} is not used here")
    return chosen


def _verify_ecdsa(row: Algorithm, key: PublicKey, signature: bytes, message: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    from trustkit.fips.providers.pyca_ecdsa import Ecdsa

    curves: dict[str, ec.EllipticCurve] = {
        "ecdsa-p256": ec.SECP256R1(),
        "ecdsa-p384": ec.SECP384R1(),
        "ecdsa-p521": ec.SECP521R1(),
    }
    require_in_range(signature, key.kind)
    x, y = spki.ec_point(key)
    public = ec.EllipticCurvePublicNumbers(x, y, curves[key.kind]).public_key()
    public.verify(signature, message, Ecdsa(_HASHES[row.digest]))


def _verify_rsa(row: Algorithm, key: PublicKey, signature: bytes, message: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    modulus, exponent = spki.rsa_numbers(key)
    public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    digest = _HASHES[row.digest]
    scheme: padding.AsymmetricPadding = padding.PKCS1v15()
    if row.scheme == algorithms.RSA_PSS:
        # FIPS 186-5 5.4 (g) allows up to this; RFC 7518 3.5 and Notary want exactly this.
        scheme = padding.PSS(padding.MGF1(digest), digest.digest_size)
    public.verify(signature, message, scheme, digest)


def _verify_ed25519(_: Algorithm, key: PublicKey, signature: bytes, message: bytes) -> None:
    # The class's own from_public_bytes asks the backend object first, which imports 5 ms of ciphers.
    from cryptography.hazmat.bindings._rust import openssl

    openssl.ed25519.from_public_bytes(spki.ed25519_bytes(key)).verify(signature, message)


def _verify_ml_dsa(_: Algorithm, key: PublicKey, signature: bytes, message: bytes) -> None:
    from trustkit.fips.providers import pyca_ml_dsa

    pyca_ml_dsa.verify(key, signature, message)


def _refuse_prehash(row: Algorithm, _: PublicKey, __: bytes, ___: bytes) -> None:
    message = f"{row.name} cannot be checked by the pyca provider: its library has no pre-hash mode"
    raise AlgorithmNotApprovedError(message, next_step="sign with a plain Ed25519, an ECDSA or an RSA key")


_VERIFIERS = {
    algorithms.ECDSA: _verify_ecdsa,
    algorithms.RSA_PKCS1: _verify_rsa,
    algorithms.RSA_PSS: _verify_rsa,
    algorithms.EDDSA: _verify_ed25519,
    algorithms.EDDSA_PREHASH: _refuse_prehash,
    algorithms.ML_DSA: _verify_ml_dsa,
}
