"""What key files under a passphrase need: PBKDF2 and AES-CBC, inside a module."""

from ctypes import byref, c_int, create_string_buffer

from trustkit.errors import AlgorithmNotApprovedError, CryptoError, MalformedError
from trustkit.fips.libcrypto.library import parameters
from trustkit.fips.libcrypto.module import Module

_CBC = {16: b"AES-128-CBC", 24: b"AES-192-CBC", 32: b"AES-256-CBC"}
_BLOCK_BYTES = 16


def derive(module: Module, passphrase: bytes, salt: bytes, iterations: int, count: int) -> bytes:
    """Return PBKDF2-HMAC-SHA-256 (SP 800-132). Raises AlgorithmNotApprovedError when the module refuses."""
    library = module.library
    method = library.made("EVP_KDF_fetch", module.context, b"PBKDF2", module.properties)
    context = library.made("EVP_KDF_CTX_new", method)
    out = create_string_buffer(count)
    rows = parameters(("digest", "SHA2-256"), ("pass", passphrase), ("salt", salt), ("iter", iterations))
    try:
        library.done("EVP_KDF_derive", context, out, count, rows)
    except CryptoError as error:
        raise AlgorithmNotApprovedError(
            f"the crypto module refuses this passphrase, salt or number of rounds: {error.message}",
            next_step="use a longer passphrase; keys with short salts must be exported and imported again",
        ) from error
    finally:
        library.call("EVP_KDF_CTX_free", context)
        library.call("EVP_KDF_free", method)
    return out.raw


def cbc(module: Module, key: bytes, iv: bytes, content: bytes, *, encrypt: bool) -> bytes:
    """Return AES-CBC with PKCS #7 padding (SP 800-38A, RFC 5652 6.3). Raises MalformedError for a wrong padding."""
    library = module.library
    if len(key) not in _CBC or len(iv) != _BLOCK_BYTES:
        raise MalformedError(f"AES-CBC takes no key of {len(key)} and vector of {len(iv)} bytes")
    method = library.made("EVP_CIPHER_fetch", module.context, _CBC[len(key)], module.properties)
    context = library.made("EVP_CIPHER_CTX_new")
    try:
        library.done("EVP_CipherInit_ex2", context, method, key, iv, int(encrypt), None)
        out, length = create_string_buffer(len(content) + _BLOCK_BYTES), c_int()
        library.done("EVP_CipherUpdate", context, out, byref(length), content, len(content))
        head = out.raw[: length.value]
        library.done("EVP_CipherFinal_ex", context, out, byref(length))
        return head + out.raw[: length.value]
    except CryptoError as error:
        raise MalformedError("ciphertext has no sound padding") from error
    finally:
        library.call("EVP_CIPHER_CTX_free", context)
        library.call("EVP_CIPHER_free", method)
