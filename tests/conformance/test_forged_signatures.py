"""What is nearly a signature, on every provider: the classes of Project Wycheproof, crafted here number by number.

No wrong accept and no wrong reject: what RFC 8017 would allow and is refused all the same stands in a table with its
reason (`forgeries.rsa.REFUSED_THOUGH_VALID`).
"""

from functools import cache

import pytest

from forgeries import edwards, rsa, weierstrass
from peers.fips import EVERY_PROVIDER, crypto_named
from trustkit.errors import AlgorithmNotApprovedError, MalformedError, SignatureMismatchError
from trustkit.fips.parse import public_key_from_spki

CURVES = ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521"]


def verdict(provider: str, key: bytes, algorithm: str, signature: bytes, message: bytes) -> str:
    try:
        crypto_named(provider).verify(public_key_from_spki(key), algorithm, signature, message)
    except AlgorithmNotApprovedError:
        return "refused"
    except (SignatureMismatchError, MalformedError):
        return "invalid"
    return "valid"


# Raw exponentiation and point arithmetic in Python take their time: once for all providers.
@cache
def pkcs1(digest: str) -> tuple[rsa.Forgery, ...]:
    return tuple(rsa.pkcs1(digest))


@cache
def pss(digest: str) -> tuple[rsa.Forgery, ...]:
    return tuple(rsa.pss(digest))


@cache
def ecdsa(kind: str) -> tuple[weierstrass.Edge, ...]:
    return tuple(weierstrass.edges(kind))


@cache
def eddsa() -> tuple[edwards.Edge, ...]:
    return (*edwards.edges(), *edwards.mixed_edges())


def wrong_rsa(provider: str, forgeries: tuple[rsa.Forgery, ...]) -> list[str]:
    return [
        f"{one.about}: {found} instead of {one.expect}"
        for one in forgeries
        if (found := verdict(provider, one.key, one.algorithm, one.signature, rsa.MESSAGE)) != one.expect
    ]


@pytest.mark.parametrize("digest", rsa.DIGESTS)
@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_a_pkcs1_signature_has_one_encoding(provider: str, digest: str) -> None:
    assert wrong_rsa(provider, pkcs1(digest)) == []
    assert len(pkcs1(digest)) > 50


@pytest.mark.parametrize("digest", rsa.DIGESTS)
@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_a_pss_signature_has_one_set_of_parameters(provider: str, digest: str) -> None:
    assert wrong_rsa(provider, pss(digest)) == []
    assert len(pss(digest)) > 35


def test_every_valid_pss_signature_that_is_refused_has_its_reason() -> None:
    crafted = {one.about for digest in rsa.DIGESTS for one in pss(digest)}
    assert set(rsa.REFUSED_THOUGH_VALID) <= crafted
    assert all("FIPS 186-5" in why or "RFC 7518" in why for why in rsa.REFUSED_THOUGH_VALID.values())


def test_what_is_refused_though_valid_is_valid_to_who_asks_no_such_thing() -> None:
    """Else the table would excuse signatures that are simply wrong."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.asymmetric import rsa as pyca_rsa

    known = {"sha1": hashes.SHA1(), "sha224": hashes.SHA224(), "sha256": hashes.SHA256(), "sha384": hashes.SHA384(),
             "sha512": hashes.SHA512()}  # fmt: skip
    key = pyca_rsa.RSAPublicNumbers(rsa.E, rsa.N).public_key()
    seen = set()
    for digest in rsa.DIGESTS:
        for one in pss(digest):
            if one.about in rsa.REFUSED_THOUGH_VALID:
                mask = known[one.about.rpartition(" ")[2] if "mask" in one.about else digest]
                anything = padding.PSS(padding.MGF1(mask), padding.PSS.AUTO)
                key.verify(one.signature, rsa.MESSAGE, anything, known[digest])
                seen.add(one.about)
    assert seen == set(rsa.REFUSED_THOUGH_VALID)


@pytest.mark.parametrize("kind", CURVES)
@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_ecdsa_takes_right_numbers_at_its_edges_and_no_others(provider: str, kind: str) -> None:
    wrong = [
        f"{one.about}: {found} instead of {one.expect}"
        for one in ecdsa(kind)
        if (found := verdict(provider, one.key, one.algorithm, one.signature, weierstrass.MESSAGE)) != one.expect
    ]
    assert wrong == []
    assert len(ecdsa(kind)) > 90


@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_ed25519_takes_one_spelling_of_each_number(provider: str) -> None:
    wrong = [
        f"{one.about}: {found} instead of {one.expect}"
        for one in eddsa()
        if (found := verdict(provider, one.spki, "ed25519", one.signature, edwards.MESSAGE)) != one.expect
    ]
    assert wrong == []
    assert len(eddsa()) > 40


@pytest.mark.parametrize(("about", "key"), list(edwards.useless_keys()), ids=lambda value: str(value)[:40])
def test_an_ed25519_key_of_the_small_group_or_of_two_spellings_is_not_taken(about: str, key: bytes) -> None:
    with pytest.raises(MalformedError):
        public_key_from_spki(edwards.spki.ed25519_spki(key))
