"""libcrypto's functions with their C types, its parameters, and its error queue.

Only functions of the OpenSSL 3.0 API (man 7 ossl-guide-libcrypto-introduction) are named, so that every
libcrypto.so.3 serves. Pointers that OpenSSL allocates are plain integers here; who makes one frees it.
"""

import sys
from collections.abc import Sequence
from ctypes import (
    CDLL,
    POINTER,
    Array,
    Structure,
    c_char,
    c_char_p,
    c_int,
    c_long,
    c_size_t,
    c_uint,
    c_ulong,
    c_void_p,
    cast,
    create_string_buffer,
)
from typing import Any

from trustkit.errors import CryptoError

SONAME = "libcrypto.so.3"
_ERROR_CHARS = 256
# openssl/core.h
_UNSIGNED, _TEXT, _OCTETS = 2, 4, 5


class Parameter(Structure):
    """OSSL_PARAM(3)."""

    _fields_ = (
        ("key", c_char_p),
        ("data_type", c_uint),
        ("data", c_void_p),
        ("data_size", c_size_t),
        ("return_size", c_size_t),
    )


_ANY = c_void_p
_OUT = POINTER(c_void_p)
_LENGTH = POINTER(c_size_t)
_PARAMETERS = POINTER(Parameter)
_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    # name: what it returns, what it takes
    "OpenSSL_version": (c_char_p, c_int),
    "OSSL_LIB_CTX_new": (_ANY,),
    "OSSL_PROVIDER_load": (_ANY, _ANY, c_char_p),
    "OSSL_LIB_CTX_load_config": (c_int, _ANY, c_char_p),
    "OSSL_PROVIDER_available": (c_int, _ANY, c_char_p),
    "OSSL_PROVIDER_get_params": (c_int, _ANY, _PARAMETERS),
    "OSSL_PROVIDER_get0_name": (c_char_p, _ANY),
    "OSSL_PROVIDER_self_test": (c_int, _ANY),
    "OSSL_SELF_TEST_set_callback": (None, _ANY, _ANY, _ANY),
    "ERR_clear_error": (None,),
    "ERR_get_error": (c_ulong,),
    "ERR_error_string_n": (None, c_ulong, c_char_p, c_size_t),
    "EVP_MD_fetch": (_ANY, _ANY, c_char_p, c_char_p),
    "EVP_MD_get0_provider": (_ANY, _ANY),
    "EVP_MD_CTX_new": (_ANY,),
    "EVP_MD_CTX_free": (None, _ANY),
    "EVP_MD_CTX_copy_ex": (c_int, _ANY, _ANY),
    "EVP_DigestInit_ex2": (c_int, _ANY, _ANY, _PARAMETERS),
    "EVP_DigestUpdate": (c_int, _ANY, _ANY, c_size_t),
    "EVP_DigestFinal_ex": (c_int, _ANY, c_char_p, POINTER(c_uint)),
    "EVP_Q_mac": (
        _ANY, _ANY, c_char_p, c_char_p, c_char_p, _PARAMETERS, _ANY, c_size_t, _ANY, c_size_t, _ANY, c_size_t, _LENGTH,
    ),
    "EVP_MAC_fetch": (_ANY, _ANY, c_char_p, c_char_p),
    "EVP_MAC_free": (None, _ANY),
    "EVP_MAC_CTX_new": (_ANY, _ANY),
    "EVP_MAC_CTX_free": (None, _ANY),
    "EVP_MAC_CTX_get_params": (c_int, _ANY, _PARAMETERS),
    "EVP_MAC_init": (c_int, _ANY, _ANY, c_size_t, _PARAMETERS),
    "EVP_MAC_update": (c_int, _ANY, _ANY, c_size_t),
    "EVP_MAC_final": (c_int, _ANY, c_char_p, _LENGTH, c_size_t),
    "RAND_bytes_ex": (c_int, _ANY, c_char_p, c_size_t, c_uint),
    "EVP_PKEY_CTX_new_from_name": (_ANY, _ANY, c_char_p, c_char_p),
    "EVP_PKEY_CTX_new_from_pkey": (_ANY, _ANY, _ANY, c_char_p),
    "EVP_PKEY_CTX_free": (None, _ANY),
    "EVP_PKEY_CTX_set_params": (c_int, _ANY, _PARAMETERS),
    "EVP_PKEY_CTX_get_params": (c_int, _ANY, _PARAMETERS),
    "EVP_PKEY_fromdata_init": (c_int, _ANY),
    "EVP_PKEY_fromdata": (c_int, _ANY, _OUT, c_int, _PARAMETERS),
    "EVP_PKEY_new_raw_public_key_ex": (_ANY, _ANY, c_char_p, c_char_p, _ANY, c_size_t),
    "EVP_PKEY_new_raw_private_key_ex": (_ANY, _ANY, c_char_p, c_char_p, _ANY, c_size_t),
    "EVP_PKEY_keygen_init": (c_int, _ANY),
    "EVP_PKEY_generate": (c_int, _ANY, _OUT),
    "EVP_PKEY_pairwise_check": (c_int, _ANY),
    "EVP_PKEY_public_check": (c_int, _ANY),
    "EVP_PKEY_free": (None, _ANY),
    "EVP_PKEY_is_a": (c_int, _ANY, c_char_p),
    "EVP_PKEY_get_group_name": (c_int, _ANY, c_char_p, c_size_t, _LENGTH),
    "EVP_PKEY_get_octet_string_param": (c_int, _ANY, c_char_p, c_char_p, c_size_t, _LENGTH),
    "EVP_PKEY_get_bn_param": (c_int, _ANY, c_char_p, _OUT),
    "BN_num_bits": (c_int, _ANY),
    "BN_bn2binpad": (c_int, _ANY, c_char_p, c_int),
    "BN_clear_free": (None, _ANY),
    "d2i_PKCS8_PRIV_KEY_INFO": (_ANY, _ANY, POINTER(c_char_p), c_long),
    "i2d_PKCS8_PRIV_KEY_INFO": (c_int, _ANY, POINTER(c_char_p)),
    "PKCS8_PRIV_KEY_INFO_free": (None, _ANY),
    "EVP_PKCS82PKEY_ex": (_ANY, _ANY, _ANY, c_char_p),
    "EVP_PKEY2PKCS8": (_ANY, _ANY),
    "EVP_DigestVerifyInit_ex": (c_int, _ANY, _OUT, c_char_p, _ANY, c_char_p, _ANY, _PARAMETERS),
    "EVP_DigestVerify": (c_int, _ANY, _ANY, c_size_t, _ANY, c_size_t),
    "EVP_DigestSignInit_ex": (c_int, _ANY, _OUT, c_char_p, _ANY, c_char_p, _ANY, _PARAMETERS),
    "EVP_DigestSign": (c_int, _ANY, _ANY, _LENGTH, _ANY, c_size_t),
    "EVP_KDF_fetch": (_ANY, _ANY, c_char_p, c_char_p),
    "EVP_KDF_free": (None, _ANY),
    "EVP_KDF_CTX_new": (_ANY, _ANY),
    "EVP_KDF_CTX_free": (None, _ANY),
    "EVP_KDF_CTX_get_params": (c_int, _ANY, _PARAMETERS),
    "EVP_KDF_derive": (c_int, _ANY, c_char_p, c_size_t, _PARAMETERS),
    "EVP_CIPHER_fetch": (_ANY, _ANY, c_char_p, c_char_p),
    "EVP_CIPHER_free": (None, _ANY),
    "EVP_CIPHER_CTX_new": (_ANY,),
    "EVP_CIPHER_CTX_free": (None, _ANY),
    "EVP_CIPHER_CTX_get_params": (c_int, _ANY, _PARAMETERS),
    "EVP_CIPHER_CTX_set_params": (c_int, _ANY, _PARAMETERS),
    "EVP_CipherInit_ex2": (c_int, _ANY, _ANY, _ANY, _ANY, c_int, _PARAMETERS),
    "EVP_CipherUpdate": (c_int, _ANY, _ANY, POINTER(c_int), _ANY, c_int),
    "EVP_CipherFinal_ex": (c_int, _ANY, c_char_p, POINTER(c_int)),
    "EVP_PKEY_verify_init_ex": (c_int, _ANY, _PARAMETERS),
    "EVP_PKEY_verify": (c_int, _ANY, _ANY, c_size_t, _ANY, c_size_t),
}  # fmt: skip


class Library:
    """One loaded libcrypto; `call` is how its functions are reached."""

    def __init__(self, path: str = SONAME) -> None:
        """Load it. Raises CryptoError when there is none, or one without the OpenSSL 3 API."""
        self._functions: dict[str, Any] = {}
        try:
            self._library = CDLL(path)
            self._clear = self.function("ERR_clear_error")
            # What OpenSSL 1.1 has not.
            self.function("OSSL_LIB_CTX_new")
        except (OSError, AttributeError) as error:
            raise CryptoError(
                f"OpenSSL 3 ({path}) cannot be used: {error}",
                next_step="install it (Debian: libssl3), or choose another crypto.provider in the configuration",
            ) from error

    def function(self, name: str) -> Any:
        """Return a function, its types given at first use; what it returns is unjudged."""
        found = self._functions.get(name)
        if found is None:
            found = getattr(self._library, name)
            found.restype, *found.argtypes = _FUNCTIONS[name]
            self._functions[name] = found
        return found

    def call(self, name: str, *arguments: object) -> Any:
        """Call a function and return what it returned, unjudged."""
        return self.function(name)(*arguments)

    def made(self, name: str, *arguments: object) -> int:
        """Call a function that returns a pointer. Raises CryptoError for NULL."""
        self._clear()
        pointer = self.call(name, *arguments)
        if not pointer:
            raise self.failure(name)
        return int(pointer)

    def done(self, name: str, *arguments: object) -> None:
        """Call a function that returns 1 for success. Raises CryptoError for anything else."""
        self._clear()
        if self.call(name, *arguments) != 1:
            raise self.failure(name)

    def failure(self, name: str) -> CryptoError:
        """Return the oldest error of the queue, which says most."""
        code = self.call("ERR_get_error")
        if not code:
            return CryptoError(f"{name} failed without a reason")
        text = create_string_buffer(_ERROR_CHARS)
        self.call("ERR_error_string_n", code, text, _ERROR_CHARS)
        self._clear()
        return CryptoError(f"{name}: {text.value.decode('ascii', 'replace')}")


class CondemnedLibrary(Library):
    """Stands in for a library whose module has failed: every function raises."""

    def __init__(self, error: CryptoError) -> None:
        """Keep the reason."""
        self._error = error
        self._clear = self._refuse

    def function(self, name: str) -> Any:  # noqa: ARG002  (whichever is asked for)
        """Raise the reason."""
        self._refuse()

    def _refuse(self) -> None:
        raise type(self._error)(self._error.message, next_step=self._error.next_step)


def parameters(*items: tuple[str, int | bytes | str]) -> Array[Parameter]:
    """Return OSSL_PARAMs: numbers as unsigned big numbers, texts as UTF-8, bytes as octets."""
    rows: Array[Parameter] = (Parameter * (len(items) + 1))()
    for row, (name, value) in zip(rows, items, strict=False):
        kind, data = _encoded(value)
        kept = create_string_buffer(data, len(data))
        row.key, row.data_type, row.data, row.data_size = name.encode(), kind, cast(kept, c_void_p), len(data)
        # The row holds an address only: the array keeps the bytes alive as long as itself.
        _keep(rows, kept)
    return rows


def receivers(*items: tuple[str, int]) -> tuple[Array[Parameter], tuple[Array[c_char], ...]]:
    """Return OSSL_PARAMs that octets of these sizes are read into, and their buffers."""
    rows: Array[Parameter] = (Parameter * (len(items) + 1))()
    buffers = tuple(create_string_buffer(size) for _, size in items)
    for row, (name, size), buffer in zip(rows, items, buffers, strict=False):
        row.key, row.data_type, row.data, row.data_size = name.encode(), _OCTETS, cast(buffer, c_void_p), size
    return rows, buffers


def _encoded(value: int | bytes | str) -> tuple[int, bytes]:
    if isinstance(value, int):
        return _UNSIGNED, value.to_bytes(max(1, (value.bit_length() + 7) // 8), sys.byteorder)
    if isinstance(value, str):
        return _TEXT, value.encode()
    return _OCTETS, value


def _keep(rows: Array[Parameter], kept: object) -> None:
    held: Sequence[object] = getattr(rows, "held", ())
    rows.held = (*held, kept)  # type: ignore[attr-defined]
