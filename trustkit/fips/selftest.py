"""Known answers that a provider must reproduce before each family of algorithms is first used.

A family that fails once is refused from then on. Verification tests the family's own check with one
right and one wrong signature; that is all the verify path pays for.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import RLock
from typing import ClassVar

from trustkit.errors import AlgorithmNotApprovedError, SelfTestError, SignatureMismatchError, TrustkitError
from trustkit.fips import known_answers as known
from trustkit.fips.algorithms import ML_DSA, algorithms_for
from trustkit.fips.algorithms import algorithm as algorithm_row
from trustkit.fips.provider import CryptoProvider, Hasher, PrivateKey
from trustkit.fips.spki import ML_DSA as ML_DSA_KINDS
from trustkit.fips.spki import ml_dsa_pkcs8, public_key
from trustkit.model.crypto import ModuleStatus
from trustkit.model.keys import PublicKey

HMAC = "hmac"
KEYS = "keys"
KEY_FILES = "key-files"
KEY_SERVICES = "key-services"


class SelfTestedProvider:
    """A provider that answers only for families whose known answers it has reproduced."""

    api: ClassVar[int] = 1

    def __init__(
        self,
        inner: CryptoProvider,
        elsewhere: Mapping[str, str] | None = None,
        opened: Callable[[str], CryptoProvider] | None = None,
    ) -> None:
        """Wrap a provider; nothing is tested yet. Signatures of a scheme in `elsewhere` are checked by that one."""
        self._inner = inner
        self._elsewhere = elsewhere or {}
        self._opened = opened
        self._passed: set[str] = set()
        self._failed: dict[str, str] = {}
        self._refused: dict[str, AlgorithmNotApprovedError] = {}
        self._lock = RLock()

    @property
    def name(self) -> str:
        """The provider's name."""
        return self._inner.name

    def status(self) -> ModuleStatus:
        """Say which module this is and what may be claimed of it."""
        found = self._inner.status()
        if not self._elsewhere:
            return found
        others = ", ".join(f"{scheme} by {other}" for scheme, other in self._elsewhere.items())
        return found._replace(library=f"{found.library} ({others})")

    def usage(self) -> dict[str, dict[str, int]]:
        """Return what a FIPS module counted in this process; nothing of any other provider."""
        found: dict[str, dict[str, int]] = getattr(self._inner, "usage", dict)()
        return found

    def hasher(self, algorithm: str) -> Hasher:
        """Return a fresh hash. Raises AlgorithmNotApprovedError, SelfTestError."""
        if algorithm not in self._passed:
            self._require(algorithm)
        return self._inner.hasher(algorithm)

    def hmac(self, algorithm: str, key: bytes, message: bytes) -> bytes:
        """Return the HMAC. Raises AlgorithmNotApprovedError, SelfTestError."""
        self._require(HMAC)
        return self._inner.hmac(algorithm, key, message)

    def random(self, count: int) -> bytes:
        """Return random bytes fit for keys."""
        return self._inner.random(count)

    def verify(self, key: PublicKey, algorithm: str, signature: bytes, message: bytes) -> None:
        """Return if the signature fits. Raises as the provider does, and SelfTestError."""
        scheme = algorithm_row(algorithm).scheme
        if scheme in self._elsewhere and self._opened is not None:
            self._opened(self._elsewhere[scheme]).verify(key, algorithm, signature, message)
            return
        self._require(scheme)
        self._inner.verify(key, algorithm, signature, message)

    def verify_digest(self, key: PublicKey, algorithm: str, signature: bytes, digest: bytes) -> None:
        """Return if the signature fits a message of this digest. Raises as the provider does, and SelfTestError."""
        from trustkit.fips.prehashed import verify_digest

        self._require(algorithm_row(algorithm).scheme)
        verify_digest(self._inner, key, algorithm, signature, digest)

    def derive(self, passphrase: bytes, salt: bytes, iterations: int, count: int) -> bytes:
        """Return PBKDF2-HMAC-SHA-256. Raises AlgorithmNotApprovedError, SelfTestError."""
        self._require(KEY_FILES)
        return self._inner.derive(passphrase, salt, iterations, count)

    def encrypt_cbc(self, key: bytes, iv: bytes, content: bytes) -> bytes:
        """Return AES-CBC of the content and its padding. Raises SelfTestError."""
        self._require(KEY_FILES)
        return self._inner.encrypt_cbc(key, iv, content)

    def decrypt_cbc(self, key: bytes, iv: bytes, content: bytes) -> bytes:
        """Return the content without its padding. Raises MalformedError, SelfTestError."""
        self._require(KEY_FILES)
        return self._inner.decrypt_cbc(key, iv, content)

    def hkdf(self, key: bytes, salt: bytes, info: bytes, count: int) -> bytes:
        """Return HKDF-HMAC-SHA-256. Raises AlgorithmNotApprovedError, SelfTestError."""
        self._require(KEY_SERVICES)
        return self._inner.hkdf(key, salt, info, count)

    def seal(self, key: bytes, content: bytes, associated: bytes) -> bytes:
        """Return nonce, AES-GCM ciphertext and tag. Raises SelfTestError."""
        self._require(KEY_SERVICES)
        return self._inner.seal(key, content, associated)

    def unseal(self, key: bytes, sealed: bytes, associated: bytes) -> bytes:
        """Return what `seal` was given. Raises MalformedError, SelfTestError."""
        self._require(KEY_SERVICES)
        return self._inner.unseal(key, sealed, associated)

    def wrap(self, key: bytes, content: bytes, *, padded: bool) -> bytes:
        """Return the wrapped key. Raises MalformedError, SelfTestError."""
        self._require(KEY_SERVICES)
        return self._inner.wrap(key, content, padded=padded)

    def unwrap(self, key: bytes, wrapped: bytes, *, padded: bool) -> bytes:
        """Return the key that was wrapped. Raises MalformedError, SelfTestError."""
        self._require(KEY_SERVICES)
        return self._inner.unwrap(key, wrapped, padded=padded)

    def generate(self, kind: str) -> PrivateKey:
        """Make a key. Raises AlgorithmNotApprovedError, SelfTestError."""
        self._require(ML_DSA if kind in ML_DSA_KINDS else KEYS)
        key = self._inner.generate(kind)
        self._require_consistent(key)
        return key

    def load_pkcs8(self, der: bytes) -> PrivateKey:
        """Take a key. Raises MalformedError, AlgorithmNotApprovedError, SelfTestError."""
        self._require(KEYS)
        return self._inner.load_pkcs8(der)

    def run_all(self) -> tuple[str, ...]:
        """Run every test now and return the families that passed. Raises SelfTestError."""
        for family in _TESTS:
            with suppress(AlgorithmNotApprovedError):
                self._require(family)
        return tuple(sorted(self._passed))

    def _require(self, family: str) -> None:
        if family in self._passed:
            return
        with self._lock:
            if family not in self._passed and family not in self._failed:
                self._run(family)
        if family in self._refused:
            raise self._refused[family]
        if family in self._failed:
            raise self._failure(family, self._failed[family])

    def _run(self, family: str) -> None:
        test = _TESTS.get(family)
        if test is None:
            # A scheme this provider may refuse by name; nothing of it runs untested.
            self._passed.add(family)
            return
        try:
            test(self._inner)
        except AlgorithmNotApprovedError as error:
            # not a failure: this provider, or its module, has none of it and says why
            self._refused[family] = error
        except TrustkitError as error:
            self._failed[family] = error.message
        else:
            self._passed.add(family)

    def _require_consistent(self, key: PrivateKey) -> None:
        """FIPS 140-3 IG 10.3.A: a new pair must verify what it signs."""
        name = algorithms_for(key.public)[0]
        try:
            self.verify(key.public, name, key.sign(name, known.MESSAGE), known.MESSAGE)
        except SignatureMismatchError as error:
            raise self._failure(KEYS, "a new key pair does not fit itself") from error

    def _failure(self, family: str, reason: str) -> SelfTestError:
        return SelfTestError(
            f"crypto provider {self.name} failed its self-test of {family}: {reason}",
            next_step="reinstall trustkit and its dependencies; do not trust results made here",
        )


def _test_hash(algorithm: str) -> Callable[[CryptoProvider], None]:
    def test(provider: CryptoProvider) -> None:
        running = provider.hasher(algorithm)
        running.update(known.MESSAGE)
        _require_equal(running.digest().hex(), known.HASHES[algorithm], algorithm)

    return test


def _test_hmac(provider: CryptoProvider) -> None:
    computed = provider.hmac("sha256", known.HMAC_KEY, known.MESSAGE)
    _require_equal(computed.hex(), known.HMAC_SHA256, "hmac-sha256")


def _test_keys(provider: CryptoProvider) -> None:
    key = provider.load_pkcs8(bytes.fromhex(known.ECDSA_PKCS8))
    _require_equal(key.public.spki_der.hex(), known.VERIFY["ecdsa"][1], "public key")
    name = known.VERIFY["ecdsa"][0]
    provider.verify(key.public, name, key.sign(name, known.MESSAGE), known.MESSAGE)


def _test_key_files(provider: CryptoProvider) -> None:
    key = provider.derive(known.PASSPHRASE, known.SALT, known.ITERATIONS, len(known.HMAC_KEY))
    _require_equal(key.hex(), known.PBKDF2_SHA256, "pbkdf2-hmac-sha256")
    ciphertext = provider.encrypt_cbc(known.HMAC_KEY, known.SALT, known.MESSAGE)
    _require_equal(ciphertext.hex(), known.AES256_CBC, "aes-256-cbc")
    _require_equal(
        provider.decrypt_cbc(known.HMAC_KEY, known.SALT, ciphertext).hex(), known.MESSAGE.hex(), "aes-256-cbc"
    )


def _test_key_services(provider: CryptoProvider) -> None:
    derived = provider.hkdf(known.HMAC_KEY, known.SALT, known.MESSAGE, len(known.HMAC_KEY))
    _require_equal(derived.hex(), known.HKDF_SHA256, "hkdf-hmac-sha256")
    opened = provider.unseal(known.HMAC_KEY, bytes.fromhex(known.AES256_GCM), known.SALT)
    _require_equal(opened.hex(), known.MESSAGE.hex(), "aes-256-gcm")
    again = provider.unseal(known.HMAC_KEY, provider.seal(known.HMAC_KEY, opened, b""), b"")
    _require_equal(again.hex(), known.MESSAGE.hex(), "aes-256-gcm")
    for padded, expected in ((False, known.AES256_KW), (True, known.AES256_KWP)):
        wrapped = provider.wrap(known.HMAC_KEY, known.SALT, padded=padded)
        _require_equal(wrapped.hex(), expected, "aes-256 key wrap")
        unwrapped = provider.unwrap(known.HMAC_KEY, wrapped, padded=padded)
        _require_equal(unwrapped.hex(), known.SALT.hex(), "aes-256 key wrap")


def _test_verify(scheme: str) -> Callable[[CryptoProvider], None]:
    def test(provider: CryptoProvider) -> None:
        algorithm, spki_hex, signature_hex = known.VERIFY[scheme]
        key = public_key(bytes.fromhex(spki_hex), lambda _: bytes(32))
        signature = bytes.fromhex(signature_hex)
        provider.verify(key, algorithm, signature, known.MESSAGE)
        try:
            provider.verify(key, algorithm, signature, known.MESSAGE + b"\0")
        except SignatureMismatchError:
            return
        raise SelfTestError(f"{algorithm} accepted a wrong message")

    return test


def _require_equal(computed: str, expected: str, what: str) -> None:
    if computed != expected:
        raise SelfTestError(f"{what} gave another answer than the known one")


def _test_ml_dsa(provider: CryptoProvider) -> None:
    """The smallest set stands for all three: they share everything but sizes."""
    key = provider.load_pkcs8(ml_dsa_pkcs8("ml-dsa-44", known.HMAC_KEY))
    running = provider.hasher("sha256")
    running.update(key.public.spki_der)
    _require_equal(running.digest().hex(), known.ML_DSA_44_SPKI_SHA256, "ml-dsa-44 key")
    signature = key.sign("ml-dsa-44", known.MESSAGE)
    provider.verify(key.public, "ml-dsa-44", signature, known.MESSAGE)
    try:
        provider.verify(key.public, "ml-dsa-44", signature, known.MESSAGE + b"\0")
    except SignatureMismatchError:
        return
    raise SelfTestError("ml-dsa-44 accepted a wrong message")


_TESTS: dict[str, Callable[[CryptoProvider], None]] = {
    **{algorithm: _test_hash(algorithm) for algorithm in known.HASHES},
    HMAC: _test_hmac,
    KEYS: _test_keys,
    KEY_FILES: _test_key_files,
    KEY_SERVICES: _test_key_services,
    ML_DSA: _test_ml_dsa,
    **{scheme: _test_verify(scheme) for scheme in known.VERIFY},
}
