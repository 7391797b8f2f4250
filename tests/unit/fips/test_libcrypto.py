"""The system's OpenSSL behind its door: what it must refuse, and what it must not forget."""

from collections.abc import Iterator

import pytest

from trustkit.codec import der
from trustkit.errors import (
    AlgorithmNotApprovedError,
    CryptoError,
    MalformedError,
    SignatureMismatchError,
    TrustkitError,
    UsageError,
)
from trustkit.fips import known_answers as known
from trustkit.fips import select
from trustkit.fips.algorithms import algorithms_for
from trustkit.fips.hashing import sha256
from trustkit.fips.libcrypto.library import Library
from trustkit.fips.provider import PrivateKey
from trustkit.fips.providers.openssl import OpenSslProvider
from trustkit.fips.providers.pyca import PycaProvider
from trustkit.fips.select import provider

KINDS = ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-3072"]


@pytest.fixture(name="openssl", scope="module")
def openssl_() -> OpenSslProvider:
    return OpenSslProvider()


@pytest.fixture(name="keys", scope="module")
def keys_(openssl: OpenSslProvider) -> dict[str, PrivateKey]:
    return {kind: openssl.generate(kind) for kind in KINDS}


@pytest.fixture(name="unchosen")
def unchosen_() -> Iterator[None]:
    yield
    select.choose(select.OPENSSL)


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_leaves_and_comes_back_whole(openssl: OpenSslProvider, keys: dict[str, PrivateKey], kind: str) -> None:
    content = keys[kind].to_pkcs8()
    assert openssl.load_pkcs8(content).public == PycaProvider().load_pkcs8(content).public == keys[kind].public


@pytest.mark.parametrize("kind", KINDS)
def test_what_openssl_signs_pyca_verifies(keys: dict[str, PrivateKey], kind: str) -> None:
    public = keys[kind].public
    for name in algorithms_for(public):
        if name != "ed25519ph":
            PycaProvider().verify(public, name, keys[kind].sign(name, known.MESSAGE), known.MESSAGE)


@pytest.mark.parametrize("kind", KINDS)
def test_what_pyca_signs_openssl_verifies(openssl: OpenSslProvider, keys: dict[str, PrivateKey], kind: str) -> None:
    theirs = PycaProvider().load_pkcs8(keys[kind].to_pkcs8())
    for name in algorithms_for(theirs.public):
        if name != "ed25519ph":
            openssl.verify(theirs.public, name, theirs.sign(name, known.MESSAGE), known.MESSAGE)


def test_a_key_whose_public_half_is_anothers_is_malformed(openssl: OpenSslProvider) -> None:
    one, other = openssl.generate("ecdsa-p256"), openssl.generate("ecdsa-p256")
    content = one.to_pkcs8()
    mixed = content.replace(one.public.spki_der[-64:], other.public.spki_der[-64:])
    assert mixed != content
    with pytest.raises(MalformedError):
        openssl.load_pkcs8(mixed)


def test_bytes_after_a_private_key_are_malformed(openssl: OpenSslProvider, keys: dict[str, PrivateKey]) -> None:
    with pytest.raises(MalformedError):
        openssl.load_pkcs8(keys["ed25519"].to_pkcs8() + b"\0")


def x25519_pkcs8() -> bytes:
    algorithm = der.encode(der.SEQUENCE, bytes.fromhex("06032b656e"))
    secret = der.encode(der.OCTET_STRING, der.encode(der.OCTET_STRING, bytes(range(32))))
    return der.encode(der.SEQUENCE, der.encode_unsigned(0), algorithm, secret)


def secp256k1_pkcs8() -> bytes:
    names = bytes.fromhex("06072a8648ce3d020106052b8104000a")
    secret = der.encode(der.SEQUENCE, der.encode_unsigned(1), der.encode(der.OCTET_STRING, bytes(31) + b"\7"))
    return der.encode(
        der.SEQUENCE, der.encode_unsigned(0), der.encode(der.SEQUENCE, names), der.encode(der.OCTET_STRING, secret)
    )


@pytest.mark.parametrize("content", [x25519_pkcs8(), secp256k1_pkcs8()])
def test_keys_of_kinds_not_used_here_are_refused(openssl: OpenSslProvider, content: bytes) -> None:
    with pytest.raises(AlgorithmNotApprovedError):
        openssl.load_pkcs8(content)


@pytest.mark.parametrize("kind", ["ecdsa-p256", "rsa-3072"])
def test_a_signature_is_checked_over_a_digest_too(
    openssl: OpenSslProvider, keys: dict[str, PrivateKey], kind: str
) -> None:
    key = keys[kind]
    name = algorithms_for(key.public)[0]
    openssl.verify_digest(key.public, name, key.sign(name, known.MESSAGE), sha256(known.MESSAGE))


@pytest.mark.parametrize("kind", ["ecdsa-p256", "rsa-3072"])
def test_another_digest_proves_nothing(openssl: OpenSslProvider, keys: dict[str, PrivateKey], kind: str) -> None:
    key = keys[kind]
    name = algorithms_for(key.public)[0]
    with pytest.raises(SignatureMismatchError):
        openssl.verify_digest(key.public, name, key.sign(name, known.MESSAGE), sha256(b"another"))


@pytest.mark.parametrize("length", [0, 20, 31, 33, 64])
def test_a_digest_of_another_length_is_malformed(
    openssl: OpenSslProvider, keys: dict[str, PrivateKey], length: int
) -> None:
    key = keys["ecdsa-p256"]
    signature = key.sign("ecdsa-p256-sha256", known.MESSAGE)
    with pytest.raises(MalformedError):
        openssl.verify_digest(key.public, "ecdsa-p256-sha256", signature, bytes(length))


@pytest.mark.parametrize("kind", ["ed25519", "rsa-3072"])
def test_schemes_that_bind_the_message_are_not_checked_over_a_digest(
    openssl: OpenSslProvider, keys: dict[str, PrivateKey], kind: str
) -> None:
    name = {"ed25519": "ed25519", "rsa-3072": "rsa-pss-sha256"}[kind]
    size = 64 if kind == "ed25519" else 32
    with pytest.raises(AlgorithmNotApprovedError):
        openssl.verify_digest(keys[kind].public, name, bytes(384), bytes(size))


def test_a_hash_may_be_asked_for_in_between(openssl: OpenSslProvider) -> None:
    running = openssl.hasher("sha256")
    running.update(b"one")
    between = running.digest()
    running.update(memoryview(b" two"))
    assert (between, running.digest()) == (sha256(b"one"), sha256(b"one two"))


def test_more_keys_than_are_kept_still_verify(openssl: OpenSslProvider) -> None:
    made = [openssl.generate("ed25519") for _ in range(70)]
    for key in (*made, made[0]):
        openssl.verify(key.public, "ed25519", key.sign("ed25519", known.MESSAGE), known.MESSAGE)


def test_a_library_that_is_not_there_is_an_error_with_a_way_out() -> None:
    with pytest.raises(CryptoError, match=r"libcrypto\.so\.none") as caught:
        Library("libcrypto.so.none")
    assert "crypto.provider" in caught.value.next_step


def test_a_library_that_is_no_openssl_3_is_an_error() -> None:
    with pytest.raises(CryptoError, match="cannot be used"):
        Library("libc.so.6")


def test_the_chosen_provider_does_the_hashing(unchosen: None) -> None:
    select.choose(select.PYCRYPTODOME)
    assert provider().name == "pycryptodome"


@pytest.mark.parametrize("name", ["", "OpenSSL", "fips"])
def test_a_provider_nobody_knows_is_not_replaced_by_another(unchosen: None, name: str) -> None:
    with pytest.raises(TrustkitError) as caught:
        select.choose(name or "none")
    assert isinstance(caught.value, UsageError)
    assert provider().name == "openssl"
