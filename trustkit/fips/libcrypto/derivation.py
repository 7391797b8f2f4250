"""Keys from passphrases and from keys, inside a module: PBKDF2 (SP 800-132) and HKDF (RFC 5869, SP 800-56C r2)."""

from ctypes import create_string_buffer

from trustkit.errors import AlgorithmNotApprovedError, CryptoError
from trustkit.fips.libcrypto import indicator
from trustkit.fips.libcrypto.library import parameters
from trustkit.fips.libcrypto.module import Module


def pbkdf2(module: Module, passphrase: bytes, salt: bytes, iterations: int, count: int) -> bytes:
    """Return PBKDF2-HMAC-SHA-256. Raises AlgorithmNotApprovedError when the module refuses."""
    items = (("digest", "SHA2-256"), ("pass", passphrase), ("salt", salt), ("iter", iterations))
    return _derived(module, "PBKDF2", count, *items)


def hkdf(module: Module, key: bytes, salt: bytes, info: bytes, count: int) -> bytes:
    """Return HKDF-HMAC-SHA-256, extracted and expanded. Raises AlgorithmNotApprovedError when the module refuses."""
    items = (("digest", "SHA2-256"), ("key", key), ("salt", salt), ("info", info))
    return _derived(module, "HKDF", count, *items)


def _derived(module: Module, name: str, count: int, *items: tuple[str, int | bytes | str]) -> bytes:
    module.require_usable()
    library = module.library
    method = library.made("EVP_KDF_fetch", module.context, name.encode(), module.properties)
    context = library.made("EVP_KDF_CTX_new", method)
    out = create_string_buffer(count)
    try:
        library.done("EVP_KDF_derive", context, out, count, parameters(*items))
        module.require_approved(indicator.KDF, context, name)
    except CryptoError as error:
        raise AlgorithmNotApprovedError(
            f"the crypto module refuses this {name}: {error.message}",
            next_step="use a longer passphrase or key; keys with short salts must be exported and imported again",
        ) from error
    finally:
        library.call("EVP_KDF_CTX_free", context)
        library.call("EVP_KDF_free", method)
    return out.raw
