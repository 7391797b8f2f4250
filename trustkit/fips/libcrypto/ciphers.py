"""AES inside a module: CBC for key files, GCM for content, and key wrapping."""

from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import byref, c_int, create_string_buffer

from trustkit.errors import CryptoError, MalformedError
from trustkit.fips.libcrypto import indicator
from trustkit.fips.libcrypto.library import parameters, receivers
from trustkit.fips.libcrypto.module import Module
from trustkit.fips.sealed import NONCE_BYTES, TAG_BYTES, require_wrappable, require_wrapped, split

_BITS = {16: 128, 24: 192, 32: 256}
_BLOCK_BYTES = 16


def cbc(module: Module, key: bytes, iv: bytes, content: bytes, *, encrypt: bool) -> bytes:
    """Return AES-CBC with PKCS #7 padding (SP 800-38A, RFC 5652 6.3). Raises MalformedError for a wrong padding."""
    if len(iv) != _BLOCK_BYTES:
        raise MalformedError(f"AES-CBC takes no vector of {len(iv)} bytes")
    with _begun(module, "CBC", key, iv, encrypt=encrypt) as context:
        try:
            done = _through(module, context, content)
        except CryptoError as error:
            raise MalformedError("ciphertext has no sound padding") from error
        module.require_approved(indicator.CIPHER, context, "AES-CBC")
        return done


def gcm_seal(module: Module, key: bytes, content: bytes, associated: bytes) -> bytes:
    """Return nonce, ciphertext and tag; the module makes the nonce itself (SP 800-38D 8.2.2, IG C.H)."""
    library = module.library
    with _begun(module, "GCM", key, None, encrypt=True) as context:
        _associate(module, context, associated)
        ciphertext = _through(module, context, content)
        rows, (nonce, tag) = receivers(("iv", NONCE_BYTES), ("tag", TAG_BYTES))
        library.done("EVP_CIPHER_CTX_get_params", context, rows)
        module.require_approved(indicator.CIPHER, context, "AES-GCM")
        return nonce.raw + ciphertext + tag.raw


def gcm_open(module: Module, key: bytes, sealed: bytes, associated: bytes) -> bytes:
    """Return the content of what `gcm_seal` made. Raises MalformedError: nothing of it can be trusted."""
    nonce, ciphertext, tag = split(sealed)
    with _begun(module, "GCM", key, nonce, encrypt=False) as context:
        module.library.done("EVP_CIPHER_CTX_set_params", context, parameters(("tag", tag)))
        _associate(module, context, associated)
        try:
            content = _through(module, context, ciphertext)
        except CryptoError as error:
            raise MalformedError("sealed content was changed, or the key is another") from error
        module.require_approved(indicator.CIPHER, context, "AES-GCM")
        return content


def wrap(module: Module, key: bytes, content: bytes, *, padded: bool, opening: bool) -> bytes:
    """Return the wrapped key, or the key that was wrapped (SP 800-38F: KW, `padded` KWP).

    Raises MalformedError for a content of no wrappable length, a wrong key, or a changed ciphertext.
    """
    # EVP calls the unwrapping of nothing a success
    (require_wrapped if opening else require_wrappable)(content, padded=padded)
    with _begun(module, "WRAP-PAD" if padded else "WRAP", key, None, encrypt=not opening) as context:
        try:
            done = _through(module, context, content, closing=False)
        except CryptoError as error:
            raise MalformedError("wrapped key was changed, or the wrapping key is another") from error
        module.require_approved(indicator.CIPHER, context, "AES-KWP" if padded else "AES-KW")
        return done


@contextmanager
def _begun(module: Module, mode: str, key: bytes, iv: bytes | None, *, encrypt: bool) -> Iterator[int]:
    module.require_usable()
    library = module.library
    if len(key) not in _BITS:
        raise MalformedError(f"AES takes no key of {len(key)} bytes")
    name = f"AES-{_BITS[len(key)]}-{mode}".encode()
    method = library.made("EVP_CIPHER_fetch", module.context, name, module.properties)
    context = library.made("EVP_CIPHER_CTX_new")
    try:
        library.done("EVP_CipherInit_ex2", context, method, key, iv, int(encrypt), None)
        yield context
    finally:
        library.call("EVP_CIPHER_CTX_free", context)
        library.call("EVP_CIPHER_free", method)


def _associate(module: Module, context: int, associated: bytes) -> None:
    if associated:
        module.library.done("EVP_CipherUpdate", context, None, byref(c_int()), associated, len(associated))


def _through(module: Module, context: int, content: bytes, *, closing: bool = True) -> bytes:
    library = module.library
    out, length = create_string_buffer(len(content) + 2 * _BLOCK_BYTES), c_int()
    library.done("EVP_CipherUpdate", context, out, byref(length), content, len(content))
    head = out.raw[: length.value]
    if not closing:
        return head
    library.done("EVP_CipherFinal_ex", context, out, byref(length))
    return head + out.raw[: length.value]
