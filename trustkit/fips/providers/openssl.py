"""Maths by the system's OpenSSL 3, in a library context of our own with its default provider.

The default: it starts three times faster than the wheels of `cryptography`, and is patched with the system.
"""

from typing import ClassVar

from trustkit.errors import MalformedError
from trustkit.fips import algorithms
from trustkit.fips.ecdsa_signature import require_in_range
from trustkit.fips.libcrypto import keys, signatures
from trustkit.fips.libcrypto.module import Module
from trustkit.fips.provider import Hasher, PrivateKey
from trustkit.model.crypto import ModuleStatus
from trustkit.model.keys import PublicKey


class LibcryptoProvider:
    """What every module of OpenSSL can do; which one it is, its makers say."""

    api: ClassVar[int] = 1
    name: ClassVar[str]

    def __init__(self, module: Module, *, fully_checked: bool) -> None:
        """Use a module; `fully_checked` has it check each public key once."""
        self._module = module
        self._keys = keys.PublicKeys(module, fully_checked=fully_checked)

    def hasher(self, algorithm: str) -> Hasher:
        """Return a fresh hash. Raises AlgorithmNotApprovedError."""
        return self._module.hasher(algorithm)

    def hmac(self, algorithm: str, key: bytes, message: bytes) -> bytes:
        """Return the HMAC (FIPS 198-1). Raises AlgorithmNotApprovedError."""
        return self._module.hmac(algorithm, key, message)

    def random(self, count: int) -> bytes:
        """Return bytes of OpenSSL's generator."""
        return self._module.random(count)

    def verify(self, key: PublicKey, algorithm: str, signature: bytes, message: bytes) -> None:
        """Return if the signature fits.

        Raises SignatureMismatchError, AlgorithmNotApprovedError, MalformedError.
        """
        row = algorithms.fitting(key, algorithm)
        if row.scheme == algorithms.ECDSA:
            require_in_range(signature, key.kind)
        signatures.verify(self._module, self._keys.load(key), row, signature, message)

    def derive(self, passphrase: bytes, salt: bytes, iterations: int, count: int) -> bytes:
        """Return PBKDF2-HMAC-SHA-256 (SP 800-132). Raises AlgorithmNotApprovedError."""
        from trustkit.fips.libcrypto import derivation

        return derivation.pbkdf2(self._module, passphrase, salt, iterations, count)

    def encrypt_cbc(self, key: bytes, iv: bytes, content: bytes) -> bytes:
        """Return AES-CBC of the content and its padding (SP 800-38A, PKCS #7)."""
        from trustkit.fips.libcrypto import ciphers

        return ciphers.cbc(self._module, key, iv, content, encrypt=True)

    def decrypt_cbc(self, key: bytes, iv: bytes, content: bytes) -> bytes:
        """Return the content without its padding. Raises MalformedError if there is none."""
        from trustkit.fips.libcrypto import ciphers

        return ciphers.cbc(self._module, key, iv, content, encrypt=False)

    def hkdf(self, key: bytes, salt: bytes, info: bytes, count: int) -> bytes:
        """Return HKDF-HMAC-SHA-256 (RFC 5869, SP 800-56C r2)."""
        from trustkit.fips.libcrypto import derivation

        return derivation.hkdf(self._module, key, salt, info, count)

    def seal(self, key: bytes, content: bytes, associated: bytes) -> bytes:
        """Return nonce, AES-GCM ciphertext and tag (SP 800-38D)."""
        from trustkit.fips.libcrypto import ciphers

        return ciphers.gcm_seal(self._module, key, content, associated)

    def unseal(self, key: bytes, sealed: bytes, associated: bytes) -> bytes:
        """Return what `seal` was given. Raises MalformedError."""
        from trustkit.fips.libcrypto import ciphers

        return ciphers.gcm_open(self._module, key, sealed, associated)

    def wrap(self, key: bytes, content: bytes, *, padded: bool) -> bytes:
        """Return the wrapped key (SP 800-38F). Raises MalformedError for its length."""
        from trustkit.fips.libcrypto import ciphers

        return ciphers.wrap(self._module, key, content, padded=padded, opening=False)

    def unwrap(self, key: bytes, wrapped: bytes, *, padded: bool) -> bytes:
        """Return the key that was wrapped. Raises MalformedError."""
        from trustkit.fips.libcrypto import ciphers

        return ciphers.wrap(self._module, key, wrapped, padded=padded, opening=True)

    def generate(self, kind: str) -> PrivateKey:
        """Make a key. Raises AlgorithmNotApprovedError."""
        return _OpenSslPrivateKey(self._module, *keys.generate(self._module, kind))

    def load_pkcs8(self, der: bytes) -> PrivateKey:
        """Take a key from PKCS#8 DER. Raises MalformedError, AlgorithmNotApprovedError."""
        return _OpenSslPrivateKey(self._module, *keys.load_pkcs8(self._module, der))


class OpenSslProvider(LibcryptoProvider):
    """The default provider."""

    name: ClassVar[str] = "openssl"

    def __init__(self) -> None:
        """Load the library. Raises CryptoError when the system has none."""
        super().__init__(Module.default(), fully_checked=False)

    def status(self) -> ModuleStatus:
        """Name the library; hashing is done there too."""
        text = self._module.version()
        return ModuleStatus(self.name, text.split(" ")[1], text)

    @property
    def has_ed25519ph(self) -> bool:
        """Whether the library can check it."""
        return self._module.release() >= signatures.PREHASH_SINCE

    def verify_digest(self, key: PublicKey, algorithm: str, signature: bytes, digest: bytes) -> None:
        """Return if the ECDSA or RSA PKCS #1 signature fits a message of this digest.

        Raises SignatureMismatchError, AlgorithmNotApprovedError, MalformedError.
        """
        row = algorithms.fitting(key, algorithm)
        if row.scheme == algorithms.ECDSA:
            require_in_range(signature, key.kind)
        running = self._module.hasher(row.digest)
        if len(digest) != len(running.digest()):
            raise MalformedError(f"{row.name} needs a {row.digest} digest, not {len(digest)} bytes")
        signatures.verify_digest(self._module, self._keys.load(key), row, signature, digest)


class _OpenSslPrivateKey:
    """A private key as OpenSSL holds it."""

    __slots__ = ("_module", "_pkey", "_public")

    def __init__(self, module: Module, pkey: keys.Pkey, public: PublicKey) -> None:
        self._module, self._pkey, self._public = module, pkey, public

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return self._public

    def sign(self, algorithm: str, message: bytes) -> bytes:
        """Sign the message. Raises AlgorithmNotApprovedError."""
        return signatures.sign(self._module, self._pkey, algorithms.fitting(self._public, algorithm), message)

    def to_pkcs8(self) -> bytes:
        """Return PKCS#8 DER, unencrypted."""
        return keys.to_pkcs8(self._module, self._pkey)
