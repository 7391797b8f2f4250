"""Fingerprints of OpenPGP keys: names of keys whose bytes are trusted for other reasons.

A version 4 fingerprint is a SHA-1 hash (RFC 9580 5.5.4.2). It proves nothing here: signatures and bindings are
checked with the trusted key itself and SHA-2; the fingerprint only says which key that was, in the words people and
GnuPG use for it. FIPS 140 calls that a use without security.
"""

from hashlib import sha1

from trustkit.fips.hashing import sha256


def fingerprint(framed: bytes, version: int) -> bytes:
    """Return the fingerprint of a key packet as it is hashed: 20 bytes for version 4, 32 for 6."""
    if version == 4:  # noqa: PLR2004
        return sha1(framed, usedforsecurity=False).digest()
    return sha256(framed)
