"""The providers agree on random input, and no changed byte is ever verified."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peers.fips import EVERY_PROVIDER, crypto_named
from trustkit.errors import TrustkitError
from trustkit.fips import known_answers as known
from trustkit.fips.parse import public_key_from_spki
from trustkit.fips.provider import CryptoProvider

_PROVIDERS = [crypto_named(name) for name in EVERY_PROVIDER]
_PAIRS = [(maker, checker) for maker in _PROVIDERS for checker in _PROVIDERS]


def _accepts(crypto: CryptoProvider, scheme: str, signature: bytes, message: bytes) -> bool:
    algorithm, spki_hex, _ = known.VERIFY[scheme]
    try:
        crypto.verify(public_key_from_spki(bytes.fromhex(spki_hex)), algorithm, signature, message)
    except TrustkitError:
        return False
    return True


@pytest.mark.parametrize("scheme", known.VERIFY)
@given(at=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_changed_signature_is_never_verified(scheme: str, at: int, flip: int) -> None:
    changed = bytearray.fromhex(known.VERIFY[scheme][2])
    changed[at % len(changed)] ^= flip
    assert not any(_accepts(item, scheme, bytes(changed), known.MESSAGE) for item in _PROVIDERS)


@given(message=st.binary(max_size=2000), algorithm=st.sampled_from(["sha256", "sha384", "sha512"]))
def test_hashes_and_hmacs_are_the_same(message: bytes, algorithm: str) -> None:
    digests = set()
    for crypto in _PROVIDERS:
        running = crypto.hasher(algorithm)
        running.update(message[:100])
        running.update(message[100:])
        digests.add((running.digest(), crypto.hmac(algorithm, message[:64].ljust(16, b"k"), message)))
    assert len(digests) == 1


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519"])
def test_each_provider_verifies_what_the_other_signs(kind: str) -> None:
    from trustkit.fips.algorithms import algorithms_for

    for maker, checker in _PAIRS:
        key = checker.load_pkcs8(maker.generate(kind).to_pkcs8())
        for algorithm in algorithms_for(key.public):
            if algorithm != "ed25519ph":
                maker.verify(key.public, algorithm, key.sign(algorithm, b"m"), b"m")


def test_each_provider_verifies_what_the_other_signs_with_rsa() -> None:
    from trustkit.fips.algorithms import algorithms_for

    made = _PROVIDERS[0].generate("rsa-3072")
    for maker, checker in _PAIRS:
        key = maker.load_pkcs8(made.to_pkcs8())
        for algorithm in algorithms_for(key.public):
            checker.verify(key.public, algorithm, key.sign(algorithm, b"m"), b"m")
