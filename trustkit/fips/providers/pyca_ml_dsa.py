"""ML-DSA (FIPS 204) by the `cryptography` package, from seeds and bytes alone."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import mldsa

from trustkit.codec import der
from trustkit.errors import AlgorithmNotApprovedError, MalformedError
from trustkit.fips import algorithms, spki
from trustkit.model.keys import PublicKey

_Private = mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey
_Public = mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey
_PRIVATE: dict[str, type[_Private]] = {
    "ml-dsa-44": mldsa.MLDSA44PrivateKey,
    "ml-dsa-65": mldsa.MLDSA65PrivateKey,
    "ml-dsa-87": mldsa.MLDSA87PrivateKey,
}
_PUBLIC: dict[str, type[_Public]] = {
    "ml-dsa-44": mldsa.MLDSA44PublicKey,
    "ml-dsa-65": mldsa.MLDSA65PublicKey,
    "ml-dsa-87": mldsa.MLDSA87PublicKey,
}
_SEED_TAG = 0x80


class PycaMlDsaKey:
    """A private key, held as the package holds it."""

    __slots__ = ("_key", "_public")

    def __init__(self, kind: str, key: _Private) -> None:
        """Take its public half too."""
        self._key = key
        self._public = spki.public_key(spki.ml_dsa_spki(kind, key.public_key().public_bytes_raw()), _sha256)

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return self._public

    def sign(self, algorithm: str, message: bytes) -> bytes:
        """Sign the message. Raises AlgorithmNotApprovedError."""
        algorithms.fitting(self._public, algorithm)
        return self._key.sign(message)

    def to_pkcs8(self) -> bytes:
        """Return PKCS#8 DER with the seed, unencrypted (RFC 9881 section 6)."""
        return spki.ml_dsa_pkcs8(self._public.kind, self._key.private_bytes_raw())


def verify(key: PublicKey, signature: bytes, message: bytes) -> None:
    """Return if the signature fits; raises what the package raises."""
    _PUBLIC[key.kind].from_public_bytes(spki.ml_dsa_bytes(key)).verify(signature, message)


def generate(kind: str) -> PycaMlDsaKey:
    """Make a key. Raises AlgorithmNotApprovedError."""
    if kind not in _PRIVATE:
        raise AlgorithmNotApprovedError(f"keys of kind {kind!r} are not made")
    return PycaMlDsaKey(kind, _PRIVATE[kind].generate())


def of_private(kind: str, secret: bytes) -> PycaMlDsaKey:
    """Return the key of a PKCS#8 key's content: its seed. Raises MalformedError."""
    inner = der.Reader(secret, "private key")
    if inner.peek() != _SEED_TAG:
        raise MalformedError(
            "an ML-DSA private key without its seed alone is not read", next_step="write it as a seed (RFC 9881)"
        )
    seed = inner.value(_SEED_TAG)
    inner.require_end()
    if len(seed) != spki.SEED_BYTES:
        raise MalformedError("private key is cut off or too long")
    return PycaMlDsaKey(kind, _PRIVATE[kind].from_seed_bytes(seed))


def _sha256(content: bytes) -> bytes:
    running = hashes.Hash(hashes.SHA256())
    running.update(content)
    return running.finalize()
