"""Private keys under a passphrase: PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC (RFC 8018).

Only these algorithms are read: they are what OpenSSL writes by default and what FIPS allows.
"""

from trustkit.codec import der
from trustkit.errors import AlgorithmNotApprovedError, KeyFileError, LimitExceededError, MalformedError
from trustkit.fips.hashing import random_bytes
from trustkit.fips.select import provider
from trustkit.model.values import NamedTuple

_WHAT = "encrypted private key"
_PBES2 = bytes.fromhex("2a864886f70d01050d")
_PBKDF2 = bytes.fromhex("2a864886f70d01050c")
_HMAC_SHA256 = bytes.fromhex("06082a864886f70d02090500")
_AES256_CBC = bytes.fromhex("60864801650304012a")
# SP 800-132 5.1: a random salt of 128 bits or more; older OpenSSL wrote 64, which is still read.
_SALT_BYTES = 16
_LEAST_SALT_BYTES = 8
_MOST_SALT_BYTES = 128
# OWASP's figure for PBKDF2-HMAC-SHA-256; about 0.2 s. The upper bound keeps a file from hanging us.
_ITERATIONS = 600_000
# The same for PBKDF2-HMAC-SHA-1, which notary's key files are derived by.
_SHA1_ITERATIONS = 1_300_000
_LEAST_ITERATIONS = 1000
_MOST_ITERATIONS = 10_000_000
_KEY_BYTES = 32
_BLOCK_BYTES = 16


class _Parameters(NamedTuple):
    salt: bytes
    iterations: int
    iv: bytes
    by_sha1: bool = False


def encrypt(content: bytes, passphrase: bytes, *, by_sha1: bool = False) -> bytes:
    """Return an EncryptedPrivateKeyInfo (RFC 5958 section 3) that holds the content.

    `by_sha1` is for readers that know nothing else. Raises AlgorithmNotApprovedError for it in FIPS mode.
    """
    rounds = _SHA1_ITERATIONS if by_sha1 else _ITERATIONS
    parameters = _Parameters(random_bytes(_SALT_BYTES), rounds, random_bytes(_BLOCK_BYTES), by_sha1)
    ciphertext = provider().encrypt_cbc(_key(passphrase, parameters), parameters.iv, content)
    return der.encode(der.SEQUENCE, _encode_parameters(parameters), der.encode(der.OCTET_STRING, ciphertext))


def decrypt(encrypted: bytes, passphrase: bytes, *, allow_sha1: bool = False) -> bytes:
    """Return the content; PBKDF2-HMAC-SHA-1, RFC 8018's default, only if allowed.

    Raises MalformedError, AlgorithmNotApprovedError, KeyFileError.
    """
    outer = der.Reader(encrypted, _WHAT)
    fields = outer.nested()
    outer.require_end()
    parameters = _read_parameters(fields.nested())
    if parameters.by_sha1 and not allow_sha1:
        raise _not_used()
    ciphertext = fields.value(der.OCTET_STRING)
    fields.require_end()
    try:
        return provider().decrypt_cbc(_key(passphrase, parameters), parameters.iv, ciphertext)
    except MalformedError as error:
        raise wrong_passphrase() from error


def wrong_passphrase() -> KeyFileError:
    """Return the error of a passphrase that does not open a key."""
    message = "wrong passphrase: the private key cannot be decrypted with it"
    return KeyFileError(message, next_step="give the passphrase the key was made with")


def _key(passphrase: bytes, parameters: _Parameters) -> bytes:
    if parameters.by_sha1:
        from trustkit.fips.notary_key import derive

        return derive(passphrase, parameters.salt, parameters.iterations, _KEY_BYTES)
    return provider().derive(passphrase, parameters.salt, parameters.iterations, _KEY_BYTES)


def _encode_parameters(parameters: _Parameters) -> bytes:
    pbkdf2 = der.encode(
        der.SEQUENCE,
        der.encode(der.OCTET_STRING, parameters.salt),
        der.encode_unsigned(parameters.iterations),
        # RFC 8018 A.2: HMAC-SHA-1 is the default, and left out
        b"" if parameters.by_sha1 else der.encode(der.SEQUENCE, _HMAC_SHA256),
    )
    kdf = der.encode(der.SEQUENCE, der.encode(der.OBJECT_IDENTIFIER, _PBKDF2), pbkdf2)
    cipher = der.encode(
        der.SEQUENCE,
        der.encode(der.OBJECT_IDENTIFIER, _AES256_CBC),
        der.encode(der.OCTET_STRING, parameters.iv),
    )
    return der.encode(
        der.SEQUENCE,
        der.encode(der.OBJECT_IDENTIFIER, _PBES2),
        der.encode(der.SEQUENCE, kdf, cipher),
    )


def _read_parameters(scheme: der.Reader) -> _Parameters:
    """RFC 8018 A.4, A.2."""
    _require_object(scheme, _PBES2)
    both = scheme.nested()
    kdf, cipher = both.nested(), both.nested()
    _require_object(kdf, _PBKDF2)
    pbkdf2 = kdf.nested()
    salt, iterations = pbkdf2.value(der.OCTET_STRING), pbkdf2.unsigned()
    if pbkdf2.peek() == der.INTEGER:
        pbkdf2.unsigned()
    by_sha1 = pbkdf2.peek() is None
    if not by_sha1 and (pbkdf2.peek() != der.SEQUENCE or pbkdf2.value(der.SEQUENCE) != _HMAC_SHA256):
        raise _not_used()
    _require_object(cipher, _AES256_CBC)
    iv = cipher.value(der.OCTET_STRING)
    if len(iv) != _BLOCK_BYTES or not _LEAST_SALT_BYTES <= len(salt) <= _MOST_SALT_BYTES:
        raise _not_used()
    if not _LEAST_ITERATIONS <= iterations <= _MOST_ITERATIONS:
        raise LimitExceededError(f"{_WHAT} asks for {iterations} rounds of PBKDF2")
    return _Parameters(salt, iterations, iv, by_sha1)


def _require_object(reader: der.Reader, expected: bytes) -> None:
    if reader.value(der.OBJECT_IDENTIFIER) != expected:
        raise _not_used()


def _not_used() -> AlgorithmNotApprovedError:
    return AlgorithmNotApprovedError(
        f"{_WHAT} is not PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC",
        next_step="convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256",
    )
