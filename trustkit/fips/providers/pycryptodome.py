"""Maths by pycryptodome: a second, independent implementation to compare the first with."""

import os
from importlib.metadata import version
from types import ModuleType
from typing import ClassVar

from Crypto.Hash import HMAC, SHA256, SHA384, SHA512
from Crypto.PublicKey import ECC, RSA
from Crypto.Signature import DSS, eddsa, pkcs1_15, pss

from trustkit.codec import der
from trustkit.errors import AlgorithmNotApprovedError, MalformedError, SignatureMismatchError
from trustkit.fips import algorithms, spki
from trustkit.fips.algorithms import Algorithm
from trustkit.fips.ecdsa_signature import require_in_range
from trustkit.fips.provider import Hasher, PrivateKey
from trustkit.model.crypto import ModuleStatus
from trustkit.model.keys import PublicKey

_HASHES: dict[str, ModuleType] = {"sha256": SHA256, "sha384": SHA384, "sha512": SHA512}
_CURVES = {"ecdsa-p256": "P-256", "ecdsa-p384": "P-384", "ecdsa-p521": "P-521"}
# RFC 8032 sections 5.1 and 2: the base point and its order, and what a hashed message has in front.
_ED25519_BASE = (
    0x216936D3CD6E53FEC0A4E231FDD6DC5C692CC7609525A7B2C9562D608F25D51A,
    0x6666666666666666666666666666666666666666666666666666666666666658,
)
_ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
_ED25519_BYTES = 32
_PREHASH_PREFIX = b"SigEd25519 no Ed25519 collisions\1\0"
_NO_ML_DSA = "pycryptodome has no ML-DSA (FIPS 204)"


class PycryptodomeProvider:
    """The second provider."""

    api: ClassVar[int] = 1
    name: ClassVar[str] = "pycryptodome"

    def status(self) -> ModuleStatus:
        """Name the package; it brings its own arithmetic."""
        found = version("pycryptodome")
        return ModuleStatus(self.name, found, f"pycryptodome {found}")

    def hasher(self, algorithm: str) -> Hasher:
        """Return a fresh hash. Raises AlgorithmNotApprovedError."""
        running: Hasher = _hash(algorithm).new()
        return running

    def hmac(self, algorithm: str, key: bytes, message: bytes) -> bytes:
        """Return the HMAC (FIPS 198-1). Raises AlgorithmNotApprovedError."""
        return bytes(HMAC.new(key, message, _hash(algorithm)).digest())

    def random(self, count: int) -> bytes:
        """Return bytes of the kernel's generator, which this library itself relies on."""
        return os.urandom(count)

    def verify(self, key: PublicKey, algorithm: str, signature: bytes, message: bytes) -> None:
        """Return if the signature fits.

        Raises SignatureMismatchError, AlgorithmNotApprovedError, MalformedError.
        """
        row = algorithms.fitting(key, algorithm)
        if row.scheme == algorithms.ECDSA:
            require_in_range(signature, key.kind)
        try:
            _VERIFIERS[row.scheme](row, key, signature, message)
        except ValueError as error:
            raise SignatureMismatchError(f"{algorithm} signature does not fit") from error

    def derive(self, passphrase: bytes, salt: bytes, iterations: int, count: int) -> bytes:
        """Return PBKDF2-HMAC-SHA-256 (SP 800-132)."""
        from trustkit.fips.providers import pycryptodome_ciphers

        return pycryptodome_ciphers.derive(passphrase, salt, iterations, count)

    def encrypt_cbc(self, key: bytes, iv: bytes, content: bytes) -> bytes:
        """Return AES-CBC of the content and its padding."""
        from trustkit.fips.providers import pycryptodome_ciphers

        return pycryptodome_ciphers.encrypt_cbc(key, iv, content)

    def decrypt_cbc(self, key: bytes, iv: bytes, content: bytes) -> bytes:
        """Return the content without its padding. Raises MalformedError if there is none."""
        from trustkit.fips.providers import pycryptodome_ciphers

        return pycryptodome_ciphers.decrypt_cbc(key, iv, content)

    def hkdf(self, key: bytes, salt: bytes, info: bytes, count: int) -> bytes:
        """Return HKDF-HMAC-SHA-256 (RFC 5869, SP 800-56C r2)."""
        from trustkit.fips.providers import pycryptodome_ciphers

        return pycryptodome_ciphers.hkdf(key, salt, info, count)

    def seal(self, key: bytes, content: bytes, associated: bytes) -> bytes:
        """Return nonce, AES-GCM ciphertext and tag (SP 800-38D)."""
        from trustkit.fips.providers import pycryptodome_ciphers

        return pycryptodome_ciphers.seal(key, content, associated)

    def unseal(self, key: bytes, sealed: bytes, associated: bytes) -> bytes:
        """Return what `seal` was given. Raises MalformedError."""
        from trustkit.fips.providers import pycryptodome_ciphers

        return pycryptodome_ciphers.unseal(key, sealed, associated)

    def wrap(self, key: bytes, content: bytes, *, padded: bool) -> bytes:
        """Return the wrapped key (SP 800-38F). Raises MalformedError for its length."""
        from trustkit.fips.providers import pycryptodome_ciphers

        return pycryptodome_ciphers.wrap(key, content, padded=padded)

    def unwrap(self, key: bytes, wrapped: bytes, *, padded: bool) -> bytes:
        """Return the key that was wrapped. Raises MalformedError."""
        from trustkit.fips.providers import pycryptodome_ciphers

        return pycryptodome_ciphers.unwrap(key, wrapped, padded=padded)

    def generate(self, kind: str) -> PrivateKey:
        """Make a key. Raises AlgorithmNotApprovedError."""
        if kind not in algorithms.GENERATED_KINDS:
            known = ", ".join(algorithms.GENERATED_KINDS)
            raise AlgorithmNotApprovedError(f"keys of kind {kind!r} are not made (known: {known})")
        if kind in spki.ML_DSA:
            raise AlgorithmNotApprovedError(_NO_ML_DSA)
        if kind in _CURVES:
            return PycryptodomePrivateKey(ECC.generate(curve=_CURVES[kind]))
        if kind == "ed25519":
            return PycryptodomePrivateKey(ECC.generate(curve="Ed25519"))
        return PycryptodomePrivateKey(RSA.generate(int(kind.removeprefix("rsa-"))))

    def load_pkcs8(self, der: bytes) -> PrivateKey:
        """Take a key from PKCS#8 DER. Raises MalformedError, AlgorithmNotApprovedError."""
        _require_pkcs8(der)
        for load in (ECC.import_key, RSA.import_key):
            try:
                key = load(der)
            except (ValueError, IndexError, TypeError):
                continue
            if key.has_private():
                return PycryptodomePrivateKey(key)
        raise MalformedError("private key is not a sound PKCS#8 key of a kind used here")


class PycryptodomePrivateKey:
    """A private key as this library holds it."""

    __slots__ = ("_key", "_public")

    def __init__(self, key: ECC.EccKey | RSA.RsaKey) -> None:
        """Check the public half. Raises MalformedError, AlgorithmNotApprovedError."""
        self._key = key
        self._public = spki.public_key(_spki(key), lambda content: SHA256.new(content).digest())

    @property
    def public(self) -> PublicKey:
        """The public half."""
        return self._public

    def sign(self, algorithm: str, message: bytes) -> bytes:
        """Sign the message. Raises AlgorithmNotApprovedError."""
        row = algorithms.fitting(self._public, algorithm)
        digest = _HASHES[row.digest].new(message)
        key = self._key
        if isinstance(key, RSA.RsaKey):
            scheme = pss if row.scheme == algorithms.RSA_PSS else pkcs1_15
            return bytes(scheme.new(key).sign(digest))
        if row.scheme == algorithms.ECDSA:
            return bytes(DSS.new(key, "fips-186-3", encoding="der").sign(digest))
        content = digest if row.scheme == algorithms.EDDSA_PREHASH else message
        return bytes(eddsa.new(key, "rfc8032").sign(content))

    def to_pkcs8(self) -> bytes:
        """Return PKCS#8 DER, unencrypted."""
        if isinstance(self._key, RSA.RsaKey):
            return bytes(self._key.export_key("DER", pkcs=8))
        return bytes(self._key.export_key(format="DER", use_pkcs8=True))


def _hash(algorithm: str) -> ModuleType:
    chosen = _HASHES.get(algorithm)
    if chosen is None:
        raise AlgorithmNotApprovedError(f"hash {algorithm!r} is not used here")
    return chosen


def _spki(key: ECC.EccKey | RSA.RsaKey) -> bytes:
    if isinstance(key, RSA.RsaKey):
        return spki.rsa_spki(int(key.n), int(key.e))
    return bytes(key.public_key().export_key(format="DER", compress=False))


def _verify_ecdsa(row: Algorithm, key: PublicKey, signature: bytes, message: bytes) -> None:
    x, y = spki.ec_point(key)
    public = ECC.construct(curve=_CURVES[key.kind], point_x=x, point_y=y)
    digest = _HASHES[row.digest].new(message)
    DSS.new(public, "fips-186-3", encoding="der").verify(digest, signature)


def _verify_pkcs1(row: Algorithm, key: PublicKey, signature: bytes, message: bytes) -> None:
    modulus, exponent = spki.rsa_numbers(key)
    digest = _HASHES[row.digest].new(message)
    pkcs1_15.new(RSA.construct((modulus, exponent), consistency_check=False)).verify(digest, signature)
    # RFC 8017 9.2, note 1: the library also takes what has no NULL behind the digest's name
    encoded = pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(len(signature), "big")
    algorithm = der.encode(der.SEQUENCE, der.encode_oid(digest.oid), der.encode(der.NULL))
    info = der.encode(der.SEQUENCE, algorithm, der.encode(der.OCTET_STRING, digest.digest()))
    if not encoded.endswith(b"\0" + info):
        raise ValueError("another encoding")


def _verify_pss(row: Algorithm, key: PublicKey, signature: bytes, message: bytes) -> None:
    digest = _HASHES[row.digest].new(message)
    public = RSA.construct(spki.rsa_numbers(key), consistency_check=False)
    pss.new(public, salt_bytes=digest.digest_size).verify(digest, signature)


def _verify_ed25519(row: Algorithm, key: PublicKey, signature: bytes, message: bytes) -> None:
    public = eddsa.import_public_key(spki.ed25519_bytes(key))
    prehash = row.scheme == algorithms.EDDSA_PREHASH
    content = SHA512.new(message) if prehash else message
    eddsa.new(public, "rfc8032").verify(content, signature)
    if _ed25519_commitment(public, signature, content) != signature[:_ED25519_BYTES]:
        raise ValueError("right only up to a point of the small group")


def _ed25519_commitment(public: ECC.EccKey, signature: bytes, content: bytes | SHA512.SHA512Hash) -> bytes:
    """Return [S]B - [k]A, which the signature must begin with.

    RFC 8032 5.1.7 step 3 allows to compare multiples by the cofactor, as this library does and the others do not:
    a signature must not fit here only.
    """
    prefix, whole = (b"", content) if isinstance(content, bytes) else (_PREHASH_PREFIX, content.digest())
    r, s = signature[:_ED25519_BYTES], int.from_bytes(signature[_ED25519_BYTES:], "little")
    challenge = SHA512.new(prefix + r + public.public_key().export_key(format="raw") + whole).digest()
    x, y = _ED25519_BASE
    base = ECC.construct(curve="Ed25519", point_x=x, point_y=y).pointQ
    point = base * s + -public.pointQ * (int.from_bytes(challenge, "little") % _ED25519_ORDER)
    return bytes((int(point.y) | (int(point.x) & 1) << 255).to_bytes(_ED25519_BYTES, "little"))


def _refuse_ml_dsa(_: Algorithm, __: PublicKey, ___: bytes, ____: bytes) -> None:
    raise AlgorithmNotApprovedError(_NO_ML_DSA)


def _require_pkcs8(content: bytes) -> None:
    """The library would also take PKCS#1 and SEC 1 keys under this name."""
    outer = der.Reader(content, "private key")
    fields = outer.nested()
    outer.require_end()
    fields.unsigned()
    if spki.ml_dsa_kind(fields.value(der.SEQUENCE)):
        raise AlgorithmNotApprovedError(_NO_ML_DSA)
    fields.value(der.OCTET_STRING)


_VERIFIERS = {
    algorithms.ECDSA: _verify_ecdsa,
    algorithms.RSA_PKCS1: _verify_pkcs1,
    algorithms.RSA_PSS: _verify_pss,
    algorithms.EDDSA: _verify_ed25519,
    algorithms.EDDSA_PREHASH: _verify_ed25519,
    algorithms.ML_DSA: _refuse_ml_dsa,
}
