"""Proof by trying: what is approved works inside the module, and what is forbidden cannot even be fetched there."""

from collections.abc import Callable
from ctypes import byref, c_size_t, c_void_p, create_string_buffer
from functools import partial

from trustkit.errors import TrustkitError
from trustkit.fips import known_answers as known
from trustkit.fips.algorithms import algorithms_for
from trustkit.fips.libcrypto import keys
from trustkit.fips.libcrypto.library import parameters
from trustkit.fips.libcrypto.module import Module
from trustkit.fips.provider import CryptoProvider
from trustkit.fips.spki import public_key
from trustkit.model.values import NamedTuple

_CURVES = ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521")
_SHORT_MAC_KEY = bytes(8)
_OUT_BYTES = 64
_SIGNATURE_BYTES = 1024


class Probe(NamedTuple):
    """One trial: what was tried, whether it should work, whether it did, and the words of a refusal."""

    about: str
    should_work: bool
    worked: bool
    said: str

    @property
    def holds(self) -> bool:
        """Whether it went as it should."""
        return self.worked == self.should_work


def run(provider: CryptoProvider, module: Module) -> tuple[Probe, ...]:
    """Return every trial, made in the module alone."""
    works = [_probe(about, trial, should_work=True) for about, trial in _approved(provider).items()]
    fails = [_probe(about, trial, should_work=False) for about, trial in _forbidden(provider, module).items()]
    return (*works, *fails)


def _probe(about: str, trial: Callable[[], object], *, should_work: bool) -> Probe:
    try:
        trial()
    except TrustkitError as error:
        return Probe(about, should_work, False, error.message)
    return Probe(about, should_work, True, "")


def _approved(provider: CryptoProvider) -> dict[str, Callable[[], object]]:
    def signed(kind: str) -> None:
        key = provider.generate(kind)
        name = algorithms_for(key.public)[0]
        provider.verify(key.public, name, key.sign(name, known.MESSAGE), known.MESSAGE)

    def verified(scheme: str) -> None:
        name, spki, signature = known.VERIFY[scheme]
        key = public_key(bytes.fromhex(spki), lambda _: bytes(32))
        provider.verify(key, name, bytes.fromhex(signature), known.MESSAGE)

    return {
        **{f"digest {name}": partial(provider.hasher, name) for name in known.HASHES},
        "HMAC-SHA-256": lambda: provider.hmac("sha256", known.HMAC_KEY, known.MESSAGE),
        "random bytes": lambda: provider.random(32),
        "PBKDF2-HMAC-SHA-256": lambda: provider.derive(known.PASSPHRASE, known.SALT, known.ITERATIONS, 32),
        "AES-256-CBC": lambda: provider.encrypt_cbc(known.HMAC_KEY, known.SALT, known.MESSAGE),
        **{f"{kind}: make a key, sign, verify": partial(signed, kind) for kind in _CURVES},
        "HKDF-HMAC-SHA-256": lambda: provider.hkdf(known.HMAC_KEY, known.SALT, b"", 32),
        "AES-256-GCM, its nonce made in the module": lambda: provider.seal(known.HMAC_KEY, known.MESSAGE, b""),
        "AES-256 key wrap": lambda: provider.wrap(known.HMAC_KEY, known.SALT, padded=False),
        "AES-256 key wrap with padding": lambda: provider.wrap(known.HMAC_KEY, known.SALT, padded=True),
        "RSA PKCS #1 v1.5 verify": lambda: verified("rsa-pkcs1v15"),
        "RSA-PSS verify": lambda: verified("rsa-pss"),
    }  # fmt: skip


def _forbidden(provider: CryptoProvider, module: Module) -> dict[str, Callable[[], object]]:
    library = module.library

    def fetch(kind: str, name: str) -> Callable[[], object]:
        return lambda: library.made(f"EVP_{kind}_fetch", module.context, name.encode(), module.properties)

    def keygen(name: str, *items: tuple[str, int | bytes | str]) -> Callable[[], object]:
        return lambda: _keygen(module, name, items)

    return {
        **{f"digest {name}": fetch("MD", name) for name in ("MD5", "SM3", "BLAKE2B-512", "RIPEMD160")},
        **{f"cipher {name}": fetch("CIPHER", name) for name in ("ChaCha20-Poly1305", "RC4", "CAMELLIA-256-CBC")},
        **{f"key derivation {name}": fetch("KDF", name) for name in ("SCRYPT", "PKCS12KDF")},
        "key of X25519": keygen("X25519"),
        **{f"key of {group}": keygen("EC", ("group", group)) for group in ("P-192", "secp256k1", "brainpoolP256r1")},
        "key of RSA-1024": keygen("RSA", ("bits", 1024)),
        "HMAC with a key of 64 bits": lambda: _short_mac(module),
        "signature with SHA-1": lambda: _sign_sha1(provider, module),
        "RSA-PSS with a salt longer than its digest": lambda: _long_salt(module),
    }


def _keygen(module: Module, name: str, items: tuple[tuple[str, int | bytes | str], ...]) -> None:
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


def _sign_sha1(provider: CryptoProvider, module: Module) -> None:
    pkey, _ = keys.load_pkcs8(module, provider.generate("ecdsa-p256").to_pkcs8())
    _sign(module, pkey, b"SHA1")


def _long_salt(module: Module) -> None:
    pkey, _ = keys.generate(module, "rsa-3072")
    _sign(module, pkey, b"SHA2-256", ("pad-mode", "pss"), ("saltlen", "64"))


def _sign(module: Module, pkey: keys.Pkey, digest: bytes, *items: tuple[str, int | bytes | str]) -> None:
    library = module.library
    context, inner = library.made("EVP_MD_CTX_new"), c_void_p()
    try:
        begin = (context, byref(inner), digest, module.context, module.properties, pkey.pointer, None)
        library.done("EVP_DigestSignInit_ex", *begin)
        if items:
            library.done("EVP_PKEY_CTX_set_params", inner, parameters(*items))
        out, length = create_string_buffer(_SIGNATURE_BYTES), c_size_t(_SIGNATURE_BYTES)
        library.done("EVP_DigestSign", context, out, byref(length), known.MESSAGE, len(known.MESSAGE))
    finally:
        library.call("EVP_MD_CTX_free", context)
