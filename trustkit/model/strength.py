"""How strong a signature's key is, and until when the publications let it sign.

SP 800-57 part 1 r5 table 2 gives the strength in bits; SP 800-131A r2 section 3 allows 112 bits, and the drafts of its
next revision and of NIST IR 8547 end them after 2030.
"""

from datetime import date

LAST_DAY_OF_112_BITS = date(2030, 12, 31)
STRENGTHS = (112, 128, 192, 256)
_GOING = 112
# FIPS 204 section 4: categories 2, 3 and 5, at least as strong as these.
_LATTICE = {"ml-dsa-44": 128, "ml-dsa-65": 192, "ml-dsa-87": 256}
# How the names of algorithms begin (`model.keys`), and the strength of their keys.
_FIXED = {"ecdsa-p256-": 128, "ecdsa-p384-": 192, "ecdsa-p521-": 256, "ed25519": 128, **_LATTICE}
# An RSA key of so many bits has this strength.
_RSA = ((15360, 256), (7680, 192), (3072, 128), (2048, 112))


def strength(algorithm: str, key_bits: int) -> int:
    """Return the strength in bits of a signature by a key of this size, 0 if it cannot be told."""
    if algorithm.startswith("rsa-"):
        return next((bits for least, bits in _RSA if key_bits >= least), 0)
    return next((bits for name, bits in _FIXED.items() if algorithm.startswith(name)), 0)


def transition(algorithm: str, key_bits: int, today: date) -> str:
    """Return what the publications say of the end of such signatures, nothing of those without one in sight."""
    if strength(algorithm, key_bits) != _GOING:
        return ""
    ends = "ended" if today > LAST_DAY_OF_112_BITS else "end"
    return (
        f"keys of 112-bit strength (RSA of {key_bits} bits) {ends} with {LAST_DAY_OF_112_BITS.isoformat()}; "
        "sign with RSA of 3072 bits or ECDSA (SP 800-131A r3 draft)"
    )
