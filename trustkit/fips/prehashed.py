"""Signatures over a digest that was computed elsewhere, for content that is not at hand."""

from typing import Protocol, runtime_checkable

from trustkit.errors import AlgorithmNotApprovedError
from trustkit.fips.provider import CryptoProvider
from trustkit.model.keys import PublicKey


@runtime_checkable
class PrehashedVerifier(Protocol):
    """What a provider offers besides, if its module can check ECDSA and RSA over a digest."""

    def verify_digest(self, key: PublicKey, algorithm: str, signature: bytes, digest: bytes) -> None:
        """Return if the signature fits. Raises as `CryptoProvider.verify`."""


def verify_digest(crypto: CryptoProvider, key: PublicKey, algorithm: str, signature: bytes, digest: bytes) -> None:
    """Return if the signature fits a message of this digest.

    Raises SignatureMismatchError, AlgorithmNotApprovedError, MalformedError.
    """
    if not isinstance(crypto, PrehashedVerifier):
        raise AlgorithmNotApprovedError(
            f"crypto provider {crypto.name} checks no signatures over digests",
            next_step="give the file instead of its digest",
        )
    crypto.verify_digest(key, algorithm, signature, digest)
