"""What a cryptographic provider must offer (plug point `trustkit.crypto_providers`)."""

from typing import ClassVar, Protocol

from trustkit.model.crypto import ModuleStatus
from trustkit.model.keys import PublicKey


class Hasher(Protocol):
    """A running hash."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Add data."""

    def digest(self) -> bytes:
        """Return the hash of what was added so far."""


class PrivateKey(Protocol):
    """A private key inside a provider; its bytes leave it only by `to_pkcs8`."""

    @property
    def public(self) -> PublicKey:
        """The public half."""

    def sign(self, algorithm: str, message: bytes) -> bytes:
        """Sign the message (never a digest): ECDSA as DER. Raises AlgorithmNotApprovedError."""

    def to_pkcs8(self) -> bytes:
        """Return PKCS#8 DER, unencrypted. Raises KeyUnavailableError for keys that cannot leave."""


class CryptoProvider(Protocol):
    """Maths, and nothing else: no policy, no files. Providers do not know each other."""

    api: ClassVar[int]

    @property
    def name(self) -> str:
        """The name it is selected by."""

    def status(self) -> ModuleStatus:
        """Say which module this is and what may be claimed of it."""

    def hasher(self, algorithm: str) -> Hasher:
        """Return a fresh `sha256`, `sha384` or `sha512`. Raises AlgorithmNotApprovedError."""

    def hmac(self, algorithm: str, key: bytes, message: bytes) -> bytes:
        """Return the HMAC (FIPS 198-1)."""

    def random(self, count: int) -> bytes:
        """Return random bytes fit for keys."""

    def verify(self, key: PublicKey, algorithm: str, signature: bytes, message: bytes) -> None:
        """Return if the signature fits.

        Raises SignatureMismatchError, AlgorithmNotApprovedError, MalformedError.
        """

    def derive(self, passphrase: bytes, salt: bytes, iterations: int, count: int) -> bytes:
        """Return PBKDF2-HMAC-SHA-256 (SP 800-132). Raises AlgorithmNotApprovedError."""

    def encrypt_cbc(self, key: bytes, iv: bytes, content: bytes) -> bytes:
        """Return AES-CBC of the content and its padding (SP 800-38A, PKCS #7)."""

    def decrypt_cbc(self, key: bytes, iv: bytes, content: bytes) -> bytes:
        """Return the content without its padding. Raises MalformedError if there is none."""

    def hkdf(self, key: bytes, salt: bytes, info: bytes, count: int) -> bytes:
        """Return HKDF-HMAC-SHA-256 (RFC 5869, SP 800-56C r2). Raises AlgorithmNotApprovedError."""

    def seal(self, key: bytes, content: bytes, associated: bytes) -> bytes:
        """Return nonce (12 bytes, random), AES-GCM ciphertext and tag (16 bytes). SP 800-38D."""

    def unseal(self, key: bytes, sealed: bytes, associated: bytes) -> bytes:
        """Return what `seal` was given. Raises MalformedError."""

    def wrap(self, key: bytes, content: bytes, *, padded: bool) -> bytes:
        """Return the wrapped key (SP 800-38F: KW, or KWP if `padded`). Raises MalformedError for its length."""

    def unwrap(self, key: bytes, wrapped: bytes, *, padded: bool) -> bytes:
        """Return the key that was wrapped. Raises MalformedError."""

    def generate(self, kind: str) -> PrivateKey:
        """Make a key: `ecdsa-p256`, `ecdsa-p384`, `ed25519`, `rsa-3072`, `rsa-4096`."""

    def load_pkcs8(self, der: bytes) -> PrivateKey:
        """Take a key from PKCS#8 DER. Raises MalformedError, AlgorithmNotApprovedError."""
