"""What a place that holds private keys must offer (plug point `trustkit.key_providers`)."""

from collections.abc import Callable
from typing import ClassVar, Protocol

from trustkit.model.keys import PublicKey

# Given what the passphrase is for, returns it.
Ask = Callable[[str], bytes]


class SigningKey(Protocol):
    """A private key that signs and is never shown."""

    @property
    def public(self) -> PublicKey:
        """The public half."""

    def sign(self, algorithm: str, message: bytes) -> bytes:
        """Sign the message (never a digest): ECDSA as DER. Raises AlgorithmNotApprovedError."""


class KeyProvider(Protocol):
    """One kind of place for private keys, chosen by the scheme of the key's URI."""

    api: ClassVar[int]
    scheme: ClassVar[str]

    def open(self, uri: str, ask: Ask) -> SigningKey:
        """Return the key; `ask` is called only if it is encrypted.

        Raises KeyFileError, KeyUnavailableError, AlgorithmNotApprovedError.
        """
