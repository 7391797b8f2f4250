"""ECDSA parameters for the `cryptography` package, without the 5 ms that its own class costs.

`ec.ECDSA.__init__` imports the package's backend object, and with it every cipher, only to learn
whether deterministic signing (RFC 6979) is supported. It is not asked for here.
"""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec


class Ecdsa(ec.ECDSA):
    """ECDSA with a hash and a random nonce."""

    def __init__(self, digest: hashes.HashAlgorithm) -> None:
        """Keep the hash; the parent's constructor is left out on purpose."""
        self._digest = digest

    @property
    def algorithm(self) -> hashes.HashAlgorithm:
        """The hash."""
        return self._digest

    @property
    def deterministic_signing(self) -> bool:
        """Never."""
        return False
