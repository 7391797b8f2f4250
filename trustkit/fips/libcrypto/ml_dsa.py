"""ML-DSA keys (FIPS 204) inside a module: OpenSSL's own library must be 3.5 for any module's ML-DSA to be usable."""

from ctypes import byref, c_size_t, c_void_p, create_string_buffer

from trustkit.codec import der
from trustkit.errors import AlgorithmNotApprovedError, CryptoError, MalformedError
from trustkit.fips import spki
from trustkit.fips.libcrypto.library import parameters
from trustkit.fips.libcrypto.module import Module
from trustkit.fips.spki import ML_DSA, SEED_BYTES

SINCE = (3, 5)
_SEED_TAG = 0x80
_MOST_BYTES = 4096


def require_library(module: Module) -> None:
    """Return if the library can drive it, whatever the module can. Raises AlgorithmNotApprovedError."""
    if module.release() < SINCE:
        raise AlgorithmNotApprovedError(
            f"ML-DSA (FIPS 204) needs libcrypto {'.'.join(map(str, SINCE))}, and this is {module.version()}",
            next_step="use an ECDSA key, or a system with OpenSSL 3.5 and, in FIPS mode, a module that has ML-DSA",
        )


def public(module: Module, kind: str, raw: bytes) -> int:
    """Return the key of its bytes. Raises AlgorithmNotApprovedError, CryptoError."""
    require_library(module)
    return module.library.made(
        "EVP_PKEY_new_raw_public_key_ex", module.context, kind.upper().encode(), module.properties, raw, len(raw)
    )


def generate(module: Module, kind: str, seed: bytes = b"") -> int:
    """Return a new key, or the one of the seed (FIPS 204 algorithm 1 and 6)."""
    require_library(module)
    library = module.library
    context = library.made("EVP_PKEY_CTX_new_from_name", module.context, kind.upper().encode(), module.properties)
    try:
        library.done("EVP_PKEY_keygen_init", context)
        if seed:
            library.done("EVP_PKEY_CTX_set_params", context, parameters(("seed", seed)))
        pointer = c_void_p()
        library.done("EVP_PKEY_generate", context, byref(pointer))
        return pointer.value or 0
    finally:
        library.call("EVP_PKEY_CTX_free", context)


def of_private(module: Module, kind: str, secret: bytes) -> int:
    """Return the key of a PKCS#8 key's content: its seed (RFC 9881 section 6). Raises MalformedError."""
    inner = der.Reader(secret, "private key")
    if inner.peek() != _SEED_TAG:
        raise MalformedError(
            "an ML-DSA private key without its seed alone is not read", next_step="write it as a seed (RFC 9881)"
        )
    seed = inner.value(_SEED_TAG)
    inner.require_end()
    if len(seed) != SEED_BYTES:
        raise MalformedError("private key is cut off or too long")
    return generate(module, kind, seed)


def to_pkcs8(module: Module, pointer: int, kind: str) -> bytes:
    """Return the key as PKCS#8 DER with its seed. Raises CryptoError."""
    return spki.ml_dsa_pkcs8(kind, _octets(module, pointer, b"seed"))


def kind_of(module: Module, pointer: int) -> str:
    """Return the parameter set of a key, nothing if it is no ML-DSA key."""
    return next(
        (kind for kind in ML_DSA if module.library.call("EVP_PKEY_is_a", pointer, kind.upper().encode()) == 1), ""
    )


def public_bytes(module: Module, pointer: int) -> bytes:
    """Return the public key's bytes. Raises CryptoError."""
    return _octets(module, pointer, b"pub")


def _octets(module: Module, pointer: int, name: bytes) -> bytes:
    out, length = create_string_buffer(_MOST_BYTES), c_size_t()
    try:
        module.library.done("EVP_PKEY_get_octet_string_param", pointer, name, out, _MOST_BYTES, byref(length))
    except CryptoError as error:
        raise MalformedError(f"ML-DSA key has no {name.decode()}") from error
    return out.raw[: length.value]
