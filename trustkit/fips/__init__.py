"""The only door to cryptography: hashing, signatures, random bytes, keys."""
