"""Private key files of notary and docker: PBES2 as they write it, with PBKDF2-HMAC-SHA-1."""

from trustkit.errors import AlgorithmNotApprovedError
from trustkit.fips.select import provider


def derive(passphrase: bytes, salt: bytes, iterations: int, count: int) -> bytes:
    """Return PBKDF2-HMAC-SHA-1 (RFC 8018 5.2). Raises AlgorithmNotApprovedError in FIPS mode."""
    if provider().status().mode != "off":
        raise AlgorithmNotApprovedError(
            "notary's key files are derived by SHA-1, which is not used in FIPS mode",
            next_step="import the key outside FIPS mode, and again from there: trustkit key import, key export",
        )
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    return PBKDF2HMAC(hashes.SHA1(), count, salt, iterations).derive(passphrase)  # noqa: S303  (their format)
