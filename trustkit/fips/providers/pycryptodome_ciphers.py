"""Key derivation and AES by pycryptodome."""

import os

from Crypto.Cipher import AES
from Crypto.Cipher._mode_gcm import GcmMode
from Crypto.Cipher._mode_kw import KWMode
from Crypto.Cipher._mode_kwp import KWPMode
from Crypto.Hash import SHA256
from Crypto.Protocol.KDF import HKDF, PBKDF2
from Crypto.Util.Padding import pad, unpad

from trustkit.errors import MalformedError
from trustkit.fips.sealed import NONCE_BYTES, require_wrappable, require_wrapped, split


def derive(passphrase: bytes, salt: bytes, iterations: int, count: int) -> bytes:
    """Return PBKDF2-HMAC-SHA-256 (SP 800-132)."""
    return PBKDF2(passphrase.decode("latin-1"), salt, count, iterations, hmac_hash_module=SHA256)


def encrypt_cbc(key: bytes, iv: bytes, content: bytes) -> bytes:
    """Return AES-CBC of the content and its padding."""
    return AES.new(key, AES.MODE_CBC, iv=iv).encrypt(pad(content, AES.block_size))


def decrypt_cbc(key: bytes, iv: bytes, content: bytes) -> bytes:
    """Return the content without its padding. Raises MalformedError if there is none."""
    try:
        return unpad(AES.new(key, AES.MODE_CBC, iv=iv).decrypt(content), AES.block_size)
    except ValueError as error:
        raise MalformedError("ciphertext has no sound padding") from error


def hkdf(key: bytes, salt: bytes, info: bytes, count: int) -> bytes:
    """Return HKDF-HMAC-SHA-256 (RFC 5869)."""
    derived: bytes = HKDF(key, count, salt, SHA256, context=info)
    return derived


def seal(key: bytes, content: bytes, associated: bytes) -> bytes:
    """Return nonce, AES-GCM ciphertext and tag."""
    nonce = os.urandom(NONCE_BYTES)
    ciphertext, tag = _gcm(key, nonce, associated).encrypt_and_digest(content)
    return nonce + ciphertext + tag


def unseal(key: bytes, sealed: bytes, associated: bytes) -> bytes:
    """Return what `seal` was given. Raises MalformedError."""
    nonce, ciphertext, tag = split(sealed)
    running = _gcm(key, nonce, associated)
    try:
        return bytes(running.decrypt_and_verify(ciphertext, tag))
    except ValueError as error:
        raise MalformedError("sealed content was changed, or the key is another") from error


def wrap(key: bytes, content: bytes, *, padded: bool) -> bytes:
    """Return the wrapped key (SP 800-38F). Raises MalformedError for its length."""
    require_wrappable(content, padded=padded)
    return bytes(_wrapper(key, padded=padded).seal(content))


def unwrap(key: bytes, wrapped: bytes, *, padded: bool) -> bytes:
    """Return the key that was wrapped. Raises MalformedError."""
    require_wrapped(wrapped, padded=padded)
    wrapper = _wrapper(key, padded=padded)
    try:
        return bytes(wrapper.unseal(wrapped))
    except ValueError as error:
        raise MalformedError("wrapped key was changed, or the wrapping key is another") from error


def _gcm(key: bytes, nonce: bytes, associated: bytes) -> GcmMode:
    try:
        running = AES.new(key, AES.MODE_GCM, nonce=nonce)
    except ValueError as error:
        raise MalformedError(f"AES takes no key of {len(key)} bytes") from error
    return running.update(associated)


def _wrapper(key: bytes, *, padded: bool) -> KWMode | KWPMode:
    try:
        return AES.new(key, AES.MODE_KWP if padded else AES.MODE_KW)
    except ValueError as error:
        raise MalformedError(f"AES takes no key of {len(key)} bytes") from error
