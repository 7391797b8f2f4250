"""Signatures made and checked inside a module, which sees the message and the digest's name (never a bare hash)."""

from ctypes import byref, c_size_t, c_void_p, create_string_buffer

from trustkit.errors import AlgorithmNotApprovedError, SignatureMismatchError
from trustkit.fips import algorithms
from trustkit.fips.algorithms import Algorithm
from trustkit.fips.libcrypto import indicator
from trustkit.fips.libcrypto.keys import Pkey
from trustkit.fips.libcrypto.library import parameters
from trustkit.fips.libcrypto.module import Module, digest_name

# FIPS 186-5 5.4 (g) allows salts up to this; RFC 7518 3.5 and Notary want exactly the digest's length.
_SALT_BYTES = {"sha256": "32", "sha384": "48", "sha512": "64"}
_MOST_BYTES = 1024
# FIPS 204 table 2: ML-DSA-87.
_MOST_ML_DSA_BYTES = 4627
# EVP_SIGNATURE-ED25519(7): since when there are instances, of which one hashes the message first (RFC 8032 5.1).
PREHASH_SINCE = (3, 2)
# Schemes that are given the message without the name of a digest.
_WHOLE = (algorithms.EDDSA, algorithms.EDDSA_PREHASH, algorithms.ML_DSA)


def verify(module: Module, pkey: Pkey, row: Algorithm, signature: bytes, message: bytes) -> None:
    """Return if the signature fits. Raises SignatureMismatchError, AlgorithmNotApprovedError, CryptoError."""
    library = module.library
    context, inner = _begun(module, pkey, row, "EVP_DigestVerifyInit_ex")
    try:
        library.call("ERR_clear_error")
        told = library.call("EVP_DigestVerify", context, signature, len(signature), message, len(message))
        if told == 1:
            module.require_approved(indicator.SIGNATURE, inner, row.name)
    finally:
        library.call("EVP_MD_CTX_free", context)
    if told != 1:
        raise SignatureMismatchError(f"{row.name} signature does not fit")


def sign(module: Module, pkey: Pkey, row: Algorithm, message: bytes) -> bytes:
    """Return the signature. Raises AlgorithmNotApprovedError, CryptoError."""
    library = module.library
    context, inner = _begun(module, pkey, row, "EVP_DigestSignInit_ex")
    try:
        most = _MOST_ML_DSA_BYTES if row.scheme == algorithms.ML_DSA else _MOST_BYTES
        out, length = create_string_buffer(most), c_size_t(most)
        library.done("EVP_DigestSign", context, out, byref(length), message, len(message))
        module.require_approved(indicator.SIGNATURE, inner, row.name)
        return out.raw[: length.value]
    finally:
        library.call("EVP_MD_CTX_free", context)


def verify_digest(module: Module, pkey: Pkey, row: Algorithm, signature: bytes, digest: bytes) -> None:
    """Return if the ECDSA or RSA PKCS #1 signature fits a message of this digest. Raises as `verify`."""
    if row.scheme not in (algorithms.ECDSA, algorithms.RSA_PKCS1):
        raise AlgorithmNotApprovedError(
            f"{row.name} cannot be checked over a digest", next_step="give the file instead of its digest"
        )
    module.require_usable()
    library = module.library
    named = [("digest", digest_name(row.digest).decode())]
    if row.scheme == algorithms.RSA_PKCS1:
        named.append(("pad-mode", "pkcs1"))
    context = library.made("EVP_PKEY_CTX_new_from_pkey", module.context, pkey.pointer, module.properties)
    try:
        library.done("EVP_PKEY_verify_init_ex", context, parameters(*named))
        told = library.call("EVP_PKEY_verify", context, signature, len(signature), digest, len(digest))
    finally:
        library.call("EVP_PKEY_CTX_free", context)
    if told != 1:
        raise SignatureMismatchError(f"{row.name} signature does not fit")


def _begun(module: Module, pkey: Pkey, row: Algorithm, init: str) -> tuple[int, c_void_p]:
    """Return a context ready for one message, and the key's context inside it."""
    module.require_usable()
    library = module.library
    prehash = row.scheme == algorithms.EDDSA_PREHASH
    if prehash and module.release() < PREHASH_SINCE:
        message = f"{row.name} cannot be checked here: OpenSSL before 3.2 has no pre-hash mode"
        raise AlgorithmNotApprovedError(message, next_step="sign with a plain Ed25519, an ECDSA or an RSA key")
    digest = None if row.scheme in _WHOLE else digest_name(row.digest)
    rows = parameters(("instance", "Ed25519ph")) if prehash else None
    context = library.made("EVP_MD_CTX_new")
    try:
        inner = c_void_p()
        library.done(init, context, byref(inner), digest, module.context, module.properties, pkey.pointer, rows)
        if row.scheme == algorithms.RSA_PSS:
            # After the start: OpenSSL 3.0 would check the salt against SHA-1 before it.
            salt = parameters(("pad-mode", "pss"), ("saltlen", _SALT_BYTES[row.digest]))
            library.done("EVP_PKEY_CTX_set_params", inner, salt)
    except BaseException:
        library.call("EVP_MD_CTX_free", context)
        raise
    return context, inner
