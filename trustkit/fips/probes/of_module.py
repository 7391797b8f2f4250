"""What the module itself must refuse: asked of OpenSSL below every check of ours, so that the same works elsewhere."""

from collections.abc import Callable
from ctypes import byref, c_size_t, c_void_p, create_string_buffer
from functools import partial

from trustkit.errors import CryptoError
from trustkit.fips import known_answers as known
from trustkit.fips.libcrypto import keys
from trustkit.fips.libcrypto.library import parameters
from trustkit.fips.libcrypto.module import Module

_DIGESTS = ("MD5", "SM3", "BLAKE2B-512", "RIPEMD160")
_CIPHERS = ("ChaCha20-Poly1305", "CAMELLIA-256-CBC", "ARIA-256-GCM", "SM4-CBC")
_DERIVATIONS = ("SCRYPT", "PKCS12KDF")
_GROUPS = ("P-192", "secp256k1", "brainpoolP256r1")
_SHORT_MAC_KEY = bytes(8)
_OUT_BYTES = 64
_SIGNATURE_BYTES = 1024

Item = tuple[str, int | bytes | str]


def trials(module: Module) -> dict[str, Callable[[], object]]:
    """Return what to try in a module, the FIPS module or OpenSSL's default provider, by what it is."""
    return {
        **{f"digest {name}": partial(_fetch, module, "MD", name) for name in _DIGESTS},
        **{f"cipher {name}": partial(_fetch, module, "CIPHER", name) for name in _CIPHERS},
        **{f"key derivation {name}": partial(_fetch, module, "KDF", name) for name in _DERIVATIONS},
        "key of X25519": partial(_keygen, module, "X25519"),
        "key of SM2": partial(_keygen, module, "SM2"),
        **{f"key of {group}": partial(_keygen, module, "EC", ("group", group)) for group in _GROUPS},
        "key of RSA-1024": partial(_keygen, module, "RSA", ("bits", 1024)),
        "HMAC with a key of 64 bits": partial(_short_mac, module),
        "signature with SHA-1": partial(_sign_sha1, module),
        "RSA-PSS with a salt longer than its digest": partial(_long_salt, module),
    }


def _fetch(module: Module, kind: str, name: str) -> None:
    module.library.made(f"EVP_{kind}_fetch", module.context, name.encode(), module.properties)


def _keygen(module: Module, name: str, *items: Item) -> None:
    library = module.library
    context = library.made("EVP_PKEY_CTX_new_from_name", module.context, name.encode(), module.properties)
    try:
        library.done("EVP_PKEY_keygen_init", context)
        if items:
            library.done("EVP_PKEY_CTX_set_params", context, parameters(*items))
        made = c_void_p()
        library.done("EVP_PKEY_generate", context, byref(made))
        library.call("EVP_PKEY_free", made)
    finally:
        library.call("EVP_PKEY_CTX_free", context)


def _short_mac(module: Module) -> None:
    out, length = create_string_buffer(_OUT_BYTES), c_size_t()
    key, message = _SHORT_MAC_KEY, known.MESSAGE
    module.library.made(
        "EVP_Q_mac", module.context, b"HMAC", module.properties, b"SHA2-256", None,
        key, len(key), message, len(message), out, _OUT_BYTES, byref(length),
    )  # fmt: skip


def _sign_sha1(module: Module) -> None:
    pkey, _ = keys.load_pkcs8(module, bytes.fromhex(known.ECDSA_PKCS8))
    _sign(module, pkey, b"SHA1")


def _long_salt(module: Module) -> None:
    pkey, _ = keys.generate(module, "rsa-3072")
    _sign(module, pkey, b"SHA2-256", ("pad-mode", "pss"), ("saltlen", "64"))


def _sign(module: Module, pkey: keys.Pkey, digest: bytes, *items: Item) -> None:
    library = module.library
    context, inner = library.made("EVP_MD_CTX_new"), c_void_p()
    try:
        begin = (context, byref(inner), digest, module.context, module.properties, pkey.pointer, None)
        library.done("EVP_DigestSignInit_ex", *begin)
        if items:
            library.done("EVP_PKEY_CTX_set_params", inner, parameters(*items))
        out, length = create_string_buffer(_SIGNATURE_BYTES), c_size_t(_SIGNATURE_BYTES)
        library.done("EVP_DigestSign", context, out, byref(length), known.MESSAGE, len(known.MESSAGE))
        if not length.value:
            raise CryptoError("an empty signature")
    finally:
        library.call("EVP_MD_CTX_free", context)
