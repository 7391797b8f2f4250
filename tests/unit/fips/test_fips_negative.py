"""What each provider must refuse: one broken thing a test."""

from collections.abc import Callable

import pytest

from peers.fips import EVERY_PROVIDER, crypto_named
from trustkit.codec import der
from trustkit.errors import (
    AlgorithmNotApprovedError,
    MalformedError,
    SelfTestError,
    SignatureMismatchError,
    UsageError,
)
from trustkit.fips import known_answers as known
from trustkit.fips import spki
from trustkit.fips.algorithms import CURVES
from trustkit.fips.ecdsa_signature import ecdsa_signature_der, from_numbers, numbers
from trustkit.fips.parse import public_key_from_pem, public_key_from_spki, public_key_to_pem
from trustkit.fips.provider import CryptoProvider
from trustkit.fips.providers.pyca import PycaProvider
from trustkit.fips.select import provider
from trustkit.fips.selftest import SelfTestedProvider
from trustkit.model.keys import PublicKey

_ALGORITHM, _SPKI, _SIGNATURE = known.VERIFY["ecdsa"]
_DER = bytes.fromhex(_SIGNATURE)
_ORDER = CURVES["ecdsa-p256"].n
_R, _S = numbers(_DER)
_RSA_SPKI = bytes.fromhex(known.VERIFY["rsa-pss"][1])


@pytest.fixture(params=EVERY_PROVIDER)
def crypto(request: pytest.FixtureRequest) -> CryptoProvider:
    return crypto_named(str(request.param))


@pytest.fixture
def key() -> PublicKey:
    return public_key_from_spki(bytes.fromhex(_SPKI))


@pytest.mark.parametrize(
    ("r", "s"), [(0, _S), (_R, 0), (_ORDER, _S), (_R, _ORDER), (_R + _ORDER, _S), (_R, _S + _ORDER)]
)
def test_numbers_outside_the_order_prove_nothing(crypto: CryptoProvider, key: PublicKey, r: int, s: int) -> None:
    with pytest.raises(SignatureMismatchError):
        crypto.verify(key, _ALGORITHM, from_numbers(r, s), known.MESSAGE)


def _long_form(signature: bytes) -> bytes:
    return signature[:1] + b"\x81" + signature[1:]


def _padded_integer(_: bytes) -> bytes:
    r = der.encode(der.INTEGER, b"\0\0" + _R.to_bytes(32, "big"))
    return der.encode(der.SEQUENCE, r, der.encode_unsigned(_S))


def _indefinite(signature: bytes) -> bytes:
    return b"\x30\x80" + signature[2:] + b"\0\0"


@pytest.mark.parametrize(
    "change",
    [
        _long_form,
        _padded_integer,
        _indefinite,
        lambda signature: signature + b"\0",
        lambda signature: signature[:-1],
        lambda _: b"",
        lambda _: b"0\x80",
    ],
)
def test_a_signature_that_is_not_der_is_malformed(
    crypto: CryptoProvider, key: PublicKey, change: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(MalformedError):
        crypto.verify(key, _ALGORITHM, change(_DER), known.MESSAGE)


# every provider's own; who checks Ed25519ph is told in test_ed25519ph.py
SCHEMES = sorted(set(known.VERIFY) - {"eddsa-ph"})


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_notices_another_message(crypto: CryptoProvider, scheme: str) -> None:
    algorithm, spki_hex, signature = known.VERIFY[scheme]
    public = public_key_from_spki(bytes.fromhex(spki_hex))
    with pytest.raises(SignatureMismatchError):
        crypto.verify(public, algorithm, bytes.fromhex(signature), b"another")


@pytest.mark.parametrize("scheme", ["eddsa", "rsa-pkcs1v15", "rsa-pss"])
@pytest.mark.parametrize("cut", [-1, 0])
def test_every_scheme_notices_a_cut_signature(crypto: CryptoProvider, scheme: str, cut: int) -> None:
    algorithm, spki_hex, signature = known.VERIFY[scheme]
    public = public_key_from_spki(bytes.fromhex(spki_hex))
    with pytest.raises((SignatureMismatchError, MalformedError)):
        crypto.verify(public, algorithm, bytes.fromhex(signature)[:cut], known.MESSAGE)


@pytest.mark.parametrize("algorithm", ["ecdsa-p384-sha384", "ed25519", "rsa-pss-sha256", "md5"])
def test_an_algorithm_of_another_kind_of_key_is_refused(crypto: CryptoProvider, key: PublicKey, algorithm: str) -> None:
    with pytest.raises(AlgorithmNotApprovedError):
        crypto.verify(key, algorithm, _DER, known.MESSAGE)


@pytest.mark.parametrize("kind", ["rsa-2048", "rsa-1024", "ecdsa-p192", "", "ecdsa-secp256k1"])
def test_weak_keys_are_not_made(crypto: CryptoProvider, kind: str) -> None:
    with pytest.raises(AlgorithmNotApprovedError):
        crypto.generate(kind)


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "", "SHA256"])
def test_other_hashes_are_refused(crypto: CryptoProvider, algorithm: str) -> None:
    with pytest.raises(AlgorithmNotApprovedError):
        crypto.hasher(algorithm)


@pytest.mark.parametrize("content", [b"", b"0\x03\x02\x01\0", bytes(64), b"0" * 5000])
def test_nonsense_is_no_private_key(crypto: CryptoProvider, content: bytes) -> None:
    with pytest.raises(MalformedError):
        crypto.load_pkcs8(content)


def test_who_cannot_check_ed25519ph_says_so() -> None:
    public = public_key_from_spki(bytes.fromhex(known.VERIFY["eddsa"][1]))
    with pytest.raises(AlgorithmNotApprovedError, match="pre-hash"):
        provider("pyca").verify(public, "ed25519ph", bytes(64), b"")


def test_an_rsa_key_of_1024_bits_is_refused() -> None:
    with pytest.raises(AlgorithmNotApprovedError):
        public_key_from_spki(spki.rsa_spki((1 << 1023) + 1, 65537))


@pytest.mark.parametrize("exponent", [1, 3, 17, 65536, 65538, (1 << 256) + 1])
def test_bad_rsa_exponents_are_refused(exponent: int) -> None:
    with pytest.raises(AlgorithmNotApprovedError):
        public_key_from_spki(spki.rsa_spki((1 << 2047) + 1, exponent))


def test_an_even_rsa_modulus_is_refused() -> None:
    with pytest.raises(MalformedError):
        public_key_from_spki(spki.rsa_spki(1 << 2047, 65537))


def test_a_point_off_the_curve_is_refused() -> None:
    with pytest.raises(MalformedError):
        public_key_from_spki(spki.ec_spki("ecdsa-p256", 5, 7))


@pytest.mark.parametrize("y", [0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18])
def test_an_ed25519_point_that_signs_anything_is_refused(y: int) -> None:
    with pytest.raises(MalformedError):
        public_key_from_spki(spki.ed25519_spki(y.to_bytes(32, "little")))


def test_trailing_bytes_after_a_key_are_refused() -> None:
    with pytest.raises(MalformedError):
        public_key_from_spki(_RSA_SPKI + b"\0")


def test_a_private_key_block_is_no_public_key(key: PublicKey) -> None:
    text = public_key_to_pem(key).replace(b"PUBLIC", b"PRIVATE")
    with pytest.raises(MalformedError):
        public_key_from_pem(text)


def test_raw_and_der_signatures_normalise_to_the_same() -> None:
    raw = _R.to_bytes(32, "big") + _S.to_bytes(32, "big")
    assert ecdsa_signature_der(raw, "ecdsa-p256") == _DER == ecdsa_signature_der(_DER, "ecdsa-p256")


@pytest.mark.parametrize("length", [0, 63, 65, 96])
def test_a_raw_signature_of_another_length_is_malformed(length: int) -> None:
    with pytest.raises(MalformedError):
        ecdsa_signature_der(bytes(length), "ecdsa-p256")


class _Lying(PycaProvider):
    def verify(self, key: PublicKey, algorithm: str, signature: bytes, message: bytes) -> None:
        """Accept everything."""


def test_a_provider_that_accepts_everything_is_never_believed() -> None:
    broken = SelfTestedProvider(_Lying())
    public = public_key_from_spki(bytes.fromhex(_SPKI))
    for _ in range(2):
        with pytest.raises(SelfTestError):
            broken.verify(public, _ALGORITHM, _DER, known.MESSAGE)


def test_an_unknown_provider_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        provider("best-available")


def test_every_self_test_passes(crypto: CryptoProvider) -> None:
    assert isinstance(crypto, SelfTestedProvider)
    assert set(SCHEMES) < set(crypto.run_all())
