"""Key derivation and AES by the `cryptography` package."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.padding import PKCS7

from trustkit.errors import MalformedError
from trustkit.fips.sealed import NONCE_BYTES, require_wrappable, require_wrapped, split

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


def hkdf(key: bytes, salt: bytes, info: bytes, count: int) -> bytes:
    """Return HKDF-HMAC-SHA-256 (RFC 5869)."""
    return HKDF(hashes.SHA256(), count, salt, info).derive(key)


def seal(key: bytes, content: bytes, associated: bytes) -> bytes:
    """Return nonce, AES-GCM ciphertext and tag."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _gcm(key).encrypt(nonce, content, associated)


def unseal(key: bytes, sealed: bytes, associated: bytes) -> bytes:
    """Return what `seal` was given. Raises MalformedError."""
    nonce, ciphertext, tag = split(sealed)
    try:
        return _gcm(key).decrypt(nonce, ciphertext + tag, associated)
    except InvalidTag as error:
        raise MalformedError("sealed content was changed, or the key is another") from error


def wrap(key: bytes, content: bytes, *, padded: bool) -> bytes:
    """Return the wrapped key (SP 800-38F). Raises MalformedError for its length."""
    require_wrappable(content, padded=padded)
    try:
        return (keywrap.aes_key_wrap_with_padding if padded else keywrap.aes_key_wrap)(key, content)
    except ValueError as error:
        raise MalformedError(f"AES takes no key of {len(key)} bytes") from error


def unwrap(key: bytes, wrapped: bytes, *, padded: bool) -> bytes:
    """Return the key that was wrapped. Raises MalformedError."""
    require_wrapped(wrapped, padded=padded)
    try:
        return (keywrap.aes_key_unwrap_with_padding if padded else keywrap.aes_key_unwrap)(key, wrapped)
    except (keywrap.InvalidUnwrap, ValueError) as error:
        raise MalformedError("wrapped key was changed, or the wrapping key is another") from error


def _gcm(key: bytes) -> AESGCM:
    try:
        return AESGCM(key)
    except ValueError as error:
        raise MalformedError(f"AES takes no key of {len(key)} bytes") from error
