"""What has to work inside the module: every service that it is used for, with its answer looked at."""

from collections.abc import Callable
from functools import partial

from trustkit.errors import CryptoError
from trustkit.fips import algorithms
from trustkit.fips import known_answers as known
from trustkit.fips.algorithms import algorithms_for
from trustkit.fips.libcrypto import ml_dsa
from trustkit.fips.provider import PrivateKey
from trustkit.fips.providers.ossl_fips import OsslFipsProvider
from trustkit.fips.spki import public_key

_CURVES = ("ecdsa-p256", "ecdsa-p384", "ecdsa-p521")
_RSA = "rsa-3072"


def trials(provider: OsslFipsProvider) -> dict[str, Callable[[], object]]:
    """Return what to try, by what it is."""
    kinds = [*_CURVES, _RSA]
    services = provider.identity.services.names
    if algorithms.EDDSA in services:
        kinds.append("ed25519")
    if algorithms.ML_DSA in services and provider.module.release() >= ml_dsa.SINCE:
        kinds += ["ml-dsa-44", "ml-dsa-65", "ml-dsa-87"]
    return {
        "digests come from the module": partial(_require_of_module, provider),
        **{f"digest {name}": partial(_digest, provider, name) for name in known.HASHES},
        "HMAC-SHA-256": lambda: _equal(provider.hmac("sha256", known.HMAC_KEY, known.MESSAGE), known.HMAC_SHA256),
        "random bytes": lambda: provider.random(32),
        "PBKDF2-HMAC-SHA-256": lambda: _equal(
            provider.derive(known.PASSPHRASE, known.SALT, known.ITERATIONS, 32), known.PBKDF2_SHA256
        ),
        "AES-256-CBC": lambda: _equal(
            provider.encrypt_cbc(known.HMAC_KEY, known.SALT, known.MESSAGE), known.AES256_CBC
        ),
        "HKDF-HMAC-SHA-256": lambda: _equal(
            provider.hkdf(known.HMAC_KEY, known.SALT, known.MESSAGE, 32), known.HKDF_SHA256
        ),
        "AES-256-GCM, its nonce made in the module": lambda: provider.seal(known.HMAC_KEY, known.MESSAGE, b""),
        "AES-256 key wrap": lambda: _equal(provider.wrap(known.HMAC_KEY, known.SALT, padded=False), known.AES256_KW),
        "AES-256 key wrap with padding": lambda: _equal(
            provider.wrap(known.HMAC_KEY, known.SALT, padded=True), known.AES256_KWP
        ),
        **{f"{kind}: make a key, sign, verify": partial(_signed, provider, kind) for kind in kinds},
        "RSA PKCS #1 v1.5 verify": partial(_verified, provider, "rsa-pkcs1v15"),
        "RSA-PSS verify": partial(_verified, provider, "rsa-pss"),
        "ECDSA verify": partial(_verified, provider, "ecdsa"),
    }


def _require_of_module(provider: OsslFipsProvider) -> None:
    """The flag that `is_fips_enabled` functions read says nothing: who offers the method does."""
    module = provider.module
    owner = module.library.call("EVP_MD_get0_provider", module.digest("sha256"))
    if module.library.call("OSSL_PROVIDER_get0_name", owner) != b"fips":
        raise CryptoError("SHA-256 comes from another provider")


def _digest(provider: OsslFipsProvider, name: str) -> None:
    running = provider.hasher(name)
    running.update(known.MESSAGE)
    _equal(running.digest(), known.HASHES[name])


def _signed(provider: OsslFipsProvider, kind: str) -> None:
    key: PrivateKey = provider.generate(kind)
    names = [name for name in algorithms_for(key.public) if name != "ed25519ph"]
    for name in names:
        provider.verify(key.public, name, key.sign(name, known.MESSAGE), known.MESSAGE)


def _verified(provider: OsslFipsProvider, scheme: str) -> None:
    name, spki, signature = known.VERIFY[scheme]
    key = public_key(bytes.fromhex(spki), lambda _: bytes(32))
    provider.verify(key, name, bytes.fromhex(signature), known.MESSAGE)


def _equal(computed: bytes, expected: str) -> None:
    if computed.hex() != expected:
        raise CryptoError("gave another answer than the known one")
