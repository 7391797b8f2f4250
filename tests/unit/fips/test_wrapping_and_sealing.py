"""HKDF, AES-GCM and AES key wrapping of every provider: the publications' answers, and what must be refused."""

import pytest

from peers.fips import EVERY_PROVIDER, crypto_named
from trustkit.errors import AlgorithmNotApprovedError, MalformedError
from trustkit.fips.provider import CryptoProvider

KEY, ASSOCIATED, CONTENT = bytes(range(32)), b"beside it", b"content to keep"


@pytest.fixture(params=EVERY_PROVIDER)
def crypto(request: pytest.FixtureRequest) -> CryptoProvider:
    return crypto_named(str(request.param))


@pytest.mark.parametrize(
    ("key", "salt", "info", "expected"),
    [
        (
            "0b" * 22, "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            "".join(f"{n:02x}" for n in range(0x50)), "".join(f"{n:02x}" for n in range(0x60, 0xB0)),
            "".join(f"{n:02x}" for n in range(0xB0, 0x100)),
            (
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
                "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
            ),
        ),
    ],
)  # fmt: skip
def test_hkdf_gives_the_answers_of_rfc_5869(
    crypto: CryptoProvider, key: str, salt: str, info: str, expected: str
) -> None:
    derived = crypto.hkdf(bytes.fromhex(key), bytes.fromhex(salt), bytes.fromhex(info), len(expected) // 2)
    assert derived.hex() == expected


def test_the_module_derives_nothing_from_a_key_below_112_bits() -> None:
    with pytest.raises(AlgorithmNotApprovedError):
        crypto_named("ossl-fips").hkdf(bytes(13), b"", b"", 32)


@pytest.mark.parametrize("opener", EVERY_PROVIDER)
def test_what_one_seals_every_other_opens(crypto: CryptoProvider, opener: str) -> None:
    assert crypto_named(opener).unseal(KEY, crypto.seal(KEY, CONTENT, ASSOCIATED), ASSOCIATED) == CONTENT


def test_no_nonce_comes_twice(crypto: CryptoProvider) -> None:
    assert len({crypto.seal(KEY, CONTENT, b"")[:12] for _ in range(64)}) == 64


@pytest.mark.parametrize("place", [0, 11, 12, 20, -16, -1])
def test_one_changed_bit_opens_nothing(crypto: CryptoProvider, place: int) -> None:
    sealed = bytearray(crypto.seal(KEY, CONTENT, ASSOCIATED))
    sealed[place] ^= 1
    with pytest.raises(MalformedError):
        crypto.unseal(KEY, bytes(sealed), ASSOCIATED)


def test_sealed_content_does_not_open_beside_something_else(crypto: CryptoProvider) -> None:
    with pytest.raises(MalformedError):
        crypto.unseal(KEY, crypto.seal(KEY, CONTENT, ASSOCIATED), b"another")


@pytest.mark.parametrize("length", [0, 11, 12, 27])
def test_sealed_content_that_is_cut_is_malformed(crypto: CryptoProvider, length: int) -> None:
    with pytest.raises(MalformedError):
        crypto.unseal(KEY, crypto.seal(KEY, CONTENT, b"")[:length], b"")


@pytest.mark.parametrize("length", [0, 8, 20, 33])
def test_aes_takes_no_key_of_another_length(crypto: CryptoProvider, length: int) -> None:
    with pytest.raises(MalformedError):
        crypto.seal(bytes(length), CONTENT, b"")
    with pytest.raises(MalformedError):
        crypto.wrap(bytes(length), CONTENT, padded=True)


@pytest.mark.parametrize(
    ("key", "content", "padded", "expected"),
    [
        (
            "000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff", False,
            "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5",
        ),
        (
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f", False,
            "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21",
        ),
        (
            "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8", "c37b7e6492584340bed12207808941155068f738", True,
            "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
        ),
        (
            "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8", "466f7250617369", True,
            "afbeb0f07dfbf5419200f2ccb50bb24f",
        ),
    ],
)  # fmt: skip
def test_keys_are_wrapped_as_in_rfc_3394_and_5649(
    crypto: CryptoProvider, key: str, content: str, padded: bool, expected: str
) -> None:
    wrapped = crypto.wrap(bytes.fromhex(key), bytes.fromhex(content), padded=padded)
    assert wrapped.hex() == expected
    assert crypto.unwrap(bytes.fromhex(key), wrapped, padded=padded).hex() == content


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("place", [0, 9, -1])
def test_one_changed_bit_unwraps_nothing(crypto: CryptoProvider, padded: bool, place: int) -> None:
    wrapped = bytearray(crypto.wrap(KEY, KEY, padded=padded))
    wrapped[place] ^= 1
    with pytest.raises(MalformedError):
        crypto.unwrap(KEY, bytes(wrapped), padded=padded)


@pytest.mark.parametrize("padded", [False, True])
def test_one_form_of_wrapping_is_not_the_other(crypto: CryptoProvider, padded: bool) -> None:
    with pytest.raises(MalformedError):
        crypto.unwrap(KEY, crypto.wrap(KEY, KEY, padded=padded), padded=not padded)


@pytest.mark.parametrize(("length", "padded"), [(0, False), (0, True), (8, False), (17, False), (1 << 17, True)])
def test_a_key_of_no_wrappable_length_is_malformed(crypto: CryptoProvider, length: int, padded: bool) -> None:
    with pytest.raises(MalformedError):
        crypto.wrap(KEY, bytes(length), padded=padded)


@pytest.mark.parametrize(("length", "padded"), [(0, False), (0, True), (8, True), (16, False), (25, False), (17, True)])
def test_what_cannot_be_a_wrapped_key_is_malformed(crypto: CryptoProvider, length: int, padded: bool) -> None:
    with pytest.raises(MalformedError):
        crypto.unwrap(KEY, bytes(length), padded=padded)
