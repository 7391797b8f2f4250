"""NIST's and the RFCs' answers for HMAC, AES-CBC, key derivation and chained hashes, on every provider.

What is right and refused by the FIPS module all the same is counted, and its reason stands in `REFUSED`.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from nist_responses import VECTORS, blocks
from peers.fips import EVERY_PROVIDER, FIPS, crypto_named
from trustkit.errors import AlgorithmNotApprovedError, MalformedError

REFUSED = {
    "hmac": "SP 800-131A r2 section 10: a key below 112 bits makes no MAC",
    "pbkdf2": "SP 800-132 5.1 and 5.2, IG D.N: a salt of 128 bits and 1000 iterations at least",
    "hkdf": "SP 800-131A r2 section 8: a key below 112 bits derives nothing",
}
# Of the hundred links of each chain; a link is a thousand hashes.
LINKS = 8


def told(compute: Callable[[], bytes], expected: bytes) -> str:
    """Return `right`, `wrong`, or `refused` when the provider does not approve of the input."""
    try:
        return "right" if compute() == expected else "wrong"
    except AlgorithmNotApprovedError:
        return "refused"


def require(answers: Counter[str], provider: str, suite: str, *, right: int, refused: int) -> None:
    expected = {"right": right, "refused": refused} if provider == FIPS else {"right": right + refused}
    assert answers == Counter(expected), REFUSED[suite]


@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_hmac_gives_the_answers_of_rfc_4231(provider: str) -> None:
    answers: Counter[str] = Counter()
    for digest in ("sha256", "sha384", "sha512"):
        for _, fields in blocks(VECTORS / f"HMAC/rfc-4231-{digest}.txt", "MD"):
            key, message, mac = (bytes.fromhex(fields[name]) for name in ("Key", "Msg", "MD"))

            def compute(
                digest: str = digest, key: bytes = key, message: bytes = message, count: int = len(mac)
            ) -> bytes:
                return crypto_named(provider).hmac(digest, key, message)[:count]

            answers[told(compute, mac)] += 1
    require(answers, provider, "hmac", right=15, refused=3)


def cbc() -> Iterator[tuple[bytes, bytes, bytes, bytes]]:
    """Yield key, vector, content and ciphertext without padding, of every response to encrypt."""
    for path in sorted((VECTORS / "ciphers/AES/CBC").glob("CBC*.rsp")):
        for heading, fields in blocks(path, "CIPHERTEXT"):
            if heading == "ENCRYPT":
                key, iv, content, sealed = (
                    bytes.fromhex(fields[name]) for name in ("KEY", "IV", "PLAINTEXT", "CIPHERTEXT")
                )
                yield key, iv, content, sealed


@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_cbc_gives_nist_s_ciphertext_with_a_block_of_padding_behind(provider: str) -> None:
    crypto, wrong, total = crypto_named(provider), 0, 0
    for key, iv, content, sealed in cbc():
        whole = crypto.encrypt_cbc(key, iv, content)
        wrong += whole[:-16] != sealed or crypto.decrypt_cbc(key, iv, whole) != content
        total += 1
    assert wrong == 0
    assert total > 500


@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_cbc_takes_no_content_whose_padding_is_not_whole(provider: str) -> None:
    """PKCS #7 padding after RFC 5652 6.3, made by encrypting blocks that only look padded."""
    crypto, key, iv = crypto_named(provider), bytes(range(32)), bytes(16)
    endings = {
        "a zero": b"\0", "seventeen": b"\x11", "the largest number": b"\xff",
        "two of three": b"\3\2\3", "one of two": b"\1\2",
        "sixteen, one wrong": b"\0" + b"\x10" * 15, "zeros and their count": bytes(15) + b"\x10", "text": b"text",
    }  # fmt: skip
    taken = []
    for about, ending in endings.items():
        block = b"x" * (16 - len(ending)) + ending
        # the block of padding cut off again: what is left ends as it was made to
        sealed = crypto.encrypt_cbc(key, iv, block)[:-16]
        try:
            taken.append((about, crypto.decrypt_cbc(key, iv, sealed)))
        except MalformedError:
            continue
    assert taken == []


@pytest.mark.parametrize("provider", EVERY_PROVIDER)
@pytest.mark.parametrize(("key", "iv", "sealed"), [(32, 16, 0), (32, 16, 15), (32, 16, 17), (32, 15, 16), (32, 17, 16),
                                                  (0, 16, 16), (15, 16, 16), (33, 16, 16)])  # fmt: skip
def test_cbc_takes_no_other_lengths(provider: str, key: int, iv: int, sealed: int) -> None:
    with pytest.raises(MalformedError):
        crypto_named(provider).decrypt_cbc(bytes(key), bytes(iv), bytes(sealed))


@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_hkdf_gives_every_answer_of_rfc_5869(provider: str) -> None:
    answers: Counter[str] = Counter()
    for name in ("rfc-5869-HKDF-SHA256.txt", "hkdf-generated.txt"):
        for _, fields in blocks(VECTORS / "KDF" / name, "OKM"):
            key, salt, info, made = (bytes.fromhex(fields[part]) for part in ("IKM", "salt", "info", "OKM"))

            def compute(key: bytes = key, salt: bytes = salt, info: bytes = info, count: int = len(made)) -> bytes:
                return crypto_named(provider).hkdf(key, salt, info, count)

            answers[told(compute, made)] += 1
    require(answers, provider, "hkdf", right=4, refused=0)


@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_pbkdf2_gives_the_answers_of_rfc_7914_and_of_cpython(provider: str) -> None:
    """RFC 7914 section 11; the package has answers for SHA-1 only, so that CPython's own PBKDF2 gives the rest."""
    first = "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
    second = "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"
    third = "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
    fourth = "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d"
    known = [(b"passwd", b"salt", 1, first + second), (b"Password", b"NaCl", 80000, third + fourth)]
    cases = [(one, salt, count, bytes.fromhex(made)) for one, salt, count, made in known]
    for count in range(12):
        passphrase, salt, rounds = b"p" * (8 + 20 * count), bytes(range(16 + count)), 1000 + count
        made = hashlib.pbkdf2_hmac("sha256", passphrase, salt, rounds, 20 + 7 * count)
        cases.append((passphrase, salt, rounds, made))
    answers = Counter(
        told(lambda case=case: crypto_named(provider).derive(*case[:3], len(case[3])), case[3]) for case in cases
    )
    require(answers, provider, "pbkdf2", right=12, refused=2)


@pytest.mark.parametrize("digest", ["256", "384", "512"])
@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_hashes_of_hashes_are_nist_s(provider: str, digest: str) -> None:
    """The first links of the Monte Carlo chain (SHAVS section 6.4)."""
    crypto = crypto_named(provider)
    path = VECTORS / f"hashes/SHA2/SHA{digest}Monte.rsp"
    seed = bytes.fromhex(re.search(r"Seed = (\w+)", path.read_text())[1])
    expected = [fields["MD"] for _, fields in blocks(path, "MD")][:LINKS]
    found = []
    for _ in range(LINKS):
        last = [seed] * 3
        for _ in range(1000):
            running = crypto.hasher(f"sha{digest}")
            running.update(b"".join(last))
            last = [*last[1:], running.digest()]
        seed = last[-1]
        found.append(seed.hex())
    assert found == expected
