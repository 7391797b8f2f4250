"""Cosign's encrypted key files: JSON around scrypt and NaCl's secretbox. Not FIPS.

    {"kdf":{"name":"scrypt","params":{"N":65536,"r":8,"p":1},"salt":B64},
     "cipher":{"name":"nacl/secretbox","nonce":B64},"ciphertext":B64}

Both libraries load only when such a file is read or written.
"""

from trustkit import limits
from trustkit.codec import base64
from trustkit.codec.canonical_json import canonical
from trustkit.codec.strict_json import as_int, as_object, as_text, parse
from trustkit.errors import AlgorithmNotApprovedError, LimitExceededError, MalformedError
from trustkit.fips.hashing import random_bytes
from trustkit.fips.pbes2 import wrong_passphrase
from trustkit.model.values import NamedTuple

_WHAT = "cosign key file"
_KEY_BYTES = 32
_NONCE_BYTES = 24
_SALT_BYTES = 32
_MOST_SALT_BYTES = 128
_MOST_PARALLEL = 4


class _Scrypt(NamedTuple):
    n: int
    r: int
    p: int


# Cosign refuses to read any others but its own.
_WRITTEN = _Scrypt(65536, 8, 1)


def decrypt(content: bytes, passphrase: bytes) -> bytes:
    """Return the PKCS#8 inside. Raises MalformedError, AlgorithmNotApprovedError, KeyFileError."""
    from nacl.exceptions import CryptoError as SecretBoxError
    from nacl.secret import SecretBox

    members = as_object(parse(content, what=_WHAT, limit_bytes=limits.KEY_FILE_BYTES), _WHAT)
    kdf = as_object(members.get("kdf"), f"{_WHAT} kdf")
    cipher = as_object(members.get("cipher"), f"{_WHAT} cipher")
    if kdf.get("name") != "scrypt" or cipher.get("name") != "nacl/secretbox":
        raise AlgorithmNotApprovedError(f"{_WHAT} is not scrypt with nacl/secretbox")
    cost = _cost(as_object(kdf.get("params"), f"{_WHAT} params"))
    salt, nonce = _bytes(kdf, "salt"), _bytes(cipher, "nonce")
    if len(nonce) != _NONCE_BYTES or not 0 < len(salt) <= _MOST_SALT_BYTES:
        raise MalformedError(f"{_WHAT} has a salt or nonce of the wrong size")
    ciphertext = _bytes(members, "ciphertext")
    try:
        return bytes(SecretBox(_key(passphrase, salt, cost)).decrypt(ciphertext, nonce))
    except SecretBoxError as error:
        raise wrong_passphrase() from error


def encrypt(content: bytes, passphrase: bytes) -> bytes:
    """Return the JSON that cosign reads back."""
    from nacl.secret import SecretBox

    salt, nonce = random_bytes(_SALT_BYTES), random_bytes(_NONCE_BYTES)
    sealed = SecretBox(_key(passphrase, salt, _WRITTEN)).encrypt(content, nonce)
    params = {"N": _WRITTEN.n, "r": _WRITTEN.r, "p": _WRITTEN.p}
    return canonical(
        {
            "kdf": {"name": "scrypt", "params": params, "salt": base64.encode(salt)},
            "cipher": {"name": "nacl/secretbox", "nonce": base64.encode(nonce)},
            "ciphertext": base64.encode(bytes(sealed.ciphertext)),
        }
    )


def _cost(params: dict[str, object]) -> _Scrypt:
    n, r, p = (as_int(params.get(name), f"{_WHAT} {name}") for name in ("N", "r", "p"))
    if n <= 1 or n & (n - 1) or r < 1 or p < 1:
        raise MalformedError(f"{_WHAT} has impossible scrypt parameters")
    # RFC 7914: the memory is 128 * N * r bytes.
    if 128 * n * r > limits.SCRYPT_MEMORY_BYTES or p > _MOST_PARALLEL:
        raise LimitExceededError(f"{_WHAT} asks for more scrypt work than is allowed")
    return _Scrypt(n, r, p)


def _key(passphrase: bytes, salt: bytes, cost: _Scrypt) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt, _KEY_BYTES, cost.n, cost.r, cost.p).derive(passphrase)


def _bytes(members: dict[str, object], name: str) -> bytes:
    what = f"{_WHAT} {name}"
    return base64.decode(as_text(members.get(name), what), what)
