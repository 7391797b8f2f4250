"""Public keys from outside: PEM or DER, checked and fingerprinted."""

from trustkit import limits
from trustkit.codec import pem
from trustkit.errors import LimitExceededError
from trustkit.fips import spki
from trustkit.fips.hashing import sha256
from trustkit.model.keys import PublicKey

PUBLIC_KEY = "PUBLIC KEY"


def public_key_from_spki(spki_der: bytes) -> PublicKey:
    """Return the key; its fingerprint is the hex SHA-256 of these bytes.

    Raises MalformedError, AlgorithmNotApprovedError.
    """
    return spki.public_key(spki_der, sha256)


def public_key_from_pem(content: bytes) -> PublicKey:
    """Return the key of one `PUBLIC KEY` block. Raises MalformedError, AlgorithmNotApprovedError.

    RFC 7468 section 13.
    """
    if len(content) > limits.KEY_FILE_BYTES:
        raise LimitExceededError(f"public key file is larger than {limits.KEY_FILE_BYTES} bytes")
    _, spki_der = pem.decode(content, (PUBLIC_KEY,))
    return public_key_from_spki(spki_der)


def public_key_to_pem(key: PublicKey) -> bytes:
    """Return the key as one `PUBLIC KEY` block."""
    return pem.encode(PUBLIC_KEY, key.spki_der)
