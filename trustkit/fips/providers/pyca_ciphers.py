"""PBKDF2 and AES-CBC by the `cryptography` package, for key files."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.padding import PKCS7

from trustkit.errors import MalformedError

_BLOCK_BITS = 128


def derive(passphrase: bytes, salt: bytes, iterations: int, count: int) -> bytes:
    """Return PBKDF2-HMAC-SHA-256 (SP 800-132)."""
    return PBKDF2HMAC(hashes.SHA256(), count, salt, iterations).derive(passphrase)


def encrypt_cbc(key: bytes, iv: bytes, content: bytes) -> bytes:
    """Return AES-CBC of the content and its padding."""
    padder = PKCS7(_BLOCK_BITS).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()


def decrypt_cbc(key: bytes, iv: bytes, content: bytes) -> bytes:
    """Return the content without its padding. Raises MalformedError if there is none."""
    try:
        decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
        unpadder = PKCS7(_BLOCK_BITS).unpadder()
        return unpadder.update(decryptor.update(content) + decryptor.finalize()) + unpadder.finalize()
    except ValueError as error:
        raise MalformedError("ciphertext has no sound padding") from error
