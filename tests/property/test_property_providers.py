"""The providers agree on random input, and no changed byte is ever verified."""

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peers.fips import EVERY_PROVIDER, crypto_named
from trustkit.errors import AlgorithmNotApprovedError, MalformedError, SignatureMismatchError, TrustkitError
from trustkit.fips import known_answers as known
from trustkit.fips import spki
from trustkit.fips.algorithms import algorithms_for
from trustkit.fips.ecdsa_signature import from_numbers
from trustkit.fips.parse import public_key_from_spki
from trustkit.fips.provider import CryptoProvider
from trustkit.model.keys import PublicKey

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


# How bytes go wrong on their way: some cut out, some put in, some taken twice, some changed.
_HARMS = st.tuples(
    st.sampled_from(["cut", "insert", "repeat", "change"]), st.integers(0, 5000), st.binary(min_size=1, max_size=4)
)


def _harmed(content: bytes, harm: tuple[str, int, bytes]) -> bytes:
    how, place, piece = harm
    at = place % (len(content) + 1)
    before, after = content[:at], content[at:]
    ways = {
        "cut": before + after[len(piece) :],
        "insert": before + piece + after,
        "repeat": before + after[: len(piece)] + after,
        "change": before + piece + after[len(piece) :],
    }
    return ways[how]


def _verdict(crypto: CryptoProvider, key: PublicKey, algorithm: str, signature: bytes) -> str:
    try:
        crypto.verify(key, algorithm, signature, known.MESSAGE)
    except (SignatureMismatchError, MalformedError):
        return "invalid"
    except AlgorithmNotApprovedError:
        return "refused"
    return "valid"


def _who_has(scheme: str) -> list[CryptoProvider]:
    """Pre-hashed Ed25519 not everybody has, and who has it not refuses the right signature as well."""
    algorithm, spki_hex, signature = known.VERIFY[scheme]
    key = public_key_from_spki(bytes.fromhex(spki_hex))
    found = [one for one in _PROVIDERS if _verdict(one, key, algorithm, bytes.fromhex(signature)) != "refused"]
    assert found if scheme == "eddsa-ph" else found == _PROVIDERS
    return found


@pytest.mark.parametrize("scheme", known.VERIFY)
@given(harms=st.lists(_HARMS, max_size=3))
def test_a_harmed_signature_gets_one_verdict_of_all(scheme: str, harms: list[tuple[str, int, bytes]]) -> None:
    algorithm, spki_hex, signature_hex = known.VERIFY[scheme]
    signature = bytes.fromhex(signature_hex)
    for harm in harms:
        signature = _harmed(signature, harm)
    key = public_key_from_spki(bytes.fromhex(spki_hex))
    expected = "valid" if signature.hex() == signature_hex else "invalid"
    assert {_verdict(crypto, key, algorithm, signature) for crypto in _who_has(scheme)} == {expected}


@pytest.mark.parametrize("scheme", known.VERIFY)
@given(harm=_HARMS)
def test_a_harmed_key_that_is_still_one_verifies_nothing_with_any(scheme: str, harm: tuple[str, int, bytes]) -> None:
    """Whether it is one, one parser decides; the providers load what it takes, and none of them knows better."""
    algorithm, spki_hex, signature_hex = known.VERIFY[scheme]
    changed = _harmed(bytes.fromhex(spki_hex), harm)
    try:
        key = public_key_from_spki(changed)
    except TrustkitError:
        return
    expected = "valid" if changed.hex() == spki_hex else "invalid"
    found = {_verdict(crypto, key, algorithm, bytes.fromhex(signature_hex)) for crypto in _who_has(scheme)}
    assert found == {expected}


def _loaded(crypto: CryptoProvider, content: bytes) -> str:
    try:
        return crypto.load_pkcs8(content).public.fingerprint
    except TrustkitError:
        return "refused"


@given(harm=_HARMS)
def test_a_harmed_private_key_is_refused_or_the_same_pair_to_all(harm: tuple[str, int, bytes]) -> None:
    """How much of a file that is no DER any more a library reads, differs; whose key it is, may not."""
    changed = _harmed(bytes.fromhex(known.ECDSA_PKCS8), harm)
    assert len({_loaded(crypto, changed) for crypto in _PROVIDERS} - {"refused"}) <= 1


@given(data=st.data(), kind=st.sampled_from(["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519"]))
def test_random_bytes_of_a_key_are_one_to_all_or_to_none(data: st.DataObject, kind: str) -> None:
    """Points of random coordinates: nearly all off the curve; those on it can be loaded by every provider."""
    size = {"ecdsa-p256": 32, "ecdsa-p384": 48, "ecdsa-p521": 66, "ed25519": 32}[kind]
    x, y = (int.from_bytes(data.draw(st.binary(min_size=size, max_size=size)), "big") for _ in range(2))
    content = spki.ed25519_spki(x.to_bytes(32, "big")) if kind == "ed25519" else spki.ec_spki(kind, x, y)
    try:
        key = public_key_from_spki(content)
    except TrustkitError:
        return
    algorithm = algorithms_for(key)[0]
    signature = from_numbers(1, 1) if kind != "ed25519" else bytes(64)
    assert {_verdict(crypto, key, algorithm, signature) for crypto in _PROVIDERS} == {"invalid"}


def _one_answer(ask: Callable[[CryptoProvider], bytes], providers: list[CryptoProvider]) -> bytes | str:
    answers: set[bytes | str] = set()
    for crypto in providers:
        try:
            answers.add(ask(crypto))
        except MalformedError:
            answers.add("malformed")
        except AlgorithmNotApprovedError:
            answers.add("refused")
    assert len(answers) == 1
    return answers.pop()


# Below this the FIPS module derives nothing (SP 800-131A r2 section 8), which the conformance tests hold.
@given(key=st.binary(min_size=14, max_size=100), salt=st.binary(max_size=80), info=st.binary(max_size=80),
       count=st.integers(1, 300))  # fmt: skip
def test_keys_derived_by_hkdf_are_the_same(key: bytes, salt: bytes, info: bytes, count: int) -> None:
    answer = _one_answer(lambda crypto: crypto.hkdf(key, salt, info, count), _PROVIDERS)
    assert len(answer) == count


# SP 800-132: a salt of 128 bits, 1000 iterations and 112 bits at least.
@given(passphrase=st.binary(min_size=8, max_size=100), salt=st.binary(min_size=16, max_size=40),
       iterations=st.integers(1000, 1010), count=st.integers(14, 80))  # fmt: skip
def test_keys_derived_by_pbkdf2_are_the_same(passphrase: bytes, salt: bytes, iterations: int, count: int) -> None:
    answer = _one_answer(lambda crypto: crypto.derive(passphrase, salt, iterations, count), _PROVIDERS)
    assert answer == hashlib.pbkdf2_hmac("sha256", passphrase, salt, iterations, count)


@given(key=st.sampled_from([16, 24, 32]).flatmap(lambda size: st.binary(min_size=size, max_size=size)),
       iv=st.binary(min_size=16, max_size=16), content=st.binary(max_size=100))  # fmt: skip
def test_content_under_cbc_is_the_same_and_opens_everywhere(key: bytes, iv: bytes, content: bytes) -> None:
    sealed = _one_answer(lambda crypto: crypto.encrypt_cbc(key, iv, content), _PROVIDERS)
    assert isinstance(sealed, bytes)
    assert _one_answer(lambda crypto: crypto.decrypt_cbc(key, iv, sealed), _PROVIDERS) == content


@given(key=st.binary(min_size=32, max_size=32), sealed=st.binary(max_size=64))
def test_random_bytes_under_cbc_open_with_all_or_with_none(key: bytes, sealed: bytes) -> None:
    _one_answer(lambda crypto: crypto.decrypt_cbc(key, bytes(16), sealed), _PROVIDERS)


@given(key=st.binary(min_size=32, max_size=32), sealed=st.binary(max_size=64), padded=st.booleans())
def test_random_bytes_are_wrapped_keys_to_all_or_to_none(key: bytes, sealed: bytes, padded: bool) -> None:
    _one_answer(lambda crypto: crypto.unwrap(key, sealed, padded=padded), _PROVIDERS)
    _one_answer(lambda crypto: crypto.unseal(key, sealed, b""), _PROVIDERS)
    _one_answer(lambda crypto: crypto.wrap(key, sealed, padded=padded), _PROVIDERS)


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
    for maker, checker in _PAIRS:
        key = checker.load_pkcs8(maker.generate(kind).to_pkcs8())
        for algorithm in algorithms_for(key.public):
            if algorithm != "ed25519ph":
                maker.verify(key.public, algorithm, key.sign(algorithm, b"m"), b"m")


def test_each_provider_verifies_what_the_other_signs_with_rsa() -> None:
    made = _PROVIDERS[0].generate("rsa-3072")
    for maker, checker in _PAIRS:
        key = maker.load_pkcs8(made.to_pkcs8())
        for algorithm in algorithms_for(key.public):
            checker.verify(key.public, algorithm, key.sign(algorithm, b"m"), b"m")
