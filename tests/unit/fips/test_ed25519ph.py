"""Ed25519ph, which cosign 3.1 writes: OpenSSL's own where it has it, else pycryptodome's, and the records say whose."""

import pytest

from peers import newer_openssl
from trustkit.errors import AlgorithmNotApprovedError, SelfTestError, SignatureMismatchError
from trustkit.fips import known_answers as known
from trustkit.fips.parse import public_key_from_spki
from trustkit.fips.providers.openssl import OpenSslProvider
from trustkit.fips.select import provider
from trustkit.fips.selftest import SelfTestedProvider
from trustkit.model.keys import PublicKey

# RFC 8032 section 7.3.
PUBLIC = "302a300506032b6570032100ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf"
SIGNATURE = (
    "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
    "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406"
)
ON_NEWER = f"""
from trustkit.errors import SignatureMismatchError
from trustkit.fips.parse import public_key_from_spki
from trustkit.fips.select import provider

key = public_key_from_spki(bytes.fromhex("{PUBLIC}"))
crypto = provider("openssl")
crypto.verify(key, "ed25519ph", bytes.fromhex("{SIGNATURE}"), b"abc")
try:
    crypto.verify(key, "ed25519ph", bytes.fromhex("{SIGNATURE}"), b"abd")
except SignatureMismatchError:
    print("by", crypto.status().library)
"""


@pytest.fixture(name="key")
def key_() -> PublicKey:
    return public_key_from_spki(bytes.fromhex(PUBLIC))


def test_the_known_answer_of_rfc_8032_is_accepted(key: PublicKey) -> None:
    provider("openssl").verify(key, "ed25519ph", bytes.fromhex(SIGNATURE), b"abc")


def test_another_message_is_refused(key: PublicKey) -> None:
    with pytest.raises(SignatureMismatchError):
        provider("openssl").verify(key, "ed25519ph", bytes.fromhex(SIGNATURE), b"abd")


@pytest.mark.parametrize("at", range(0, 64, 7))
def test_a_changed_signature_is_refused(key: PublicKey, at: int) -> None:
    changed = bytearray.fromhex(SIGNATURE)
    changed[at] ^= 1
    with pytest.raises(SignatureMismatchError):
        provider("openssl").verify(key, "ed25519ph", bytes(changed), b"abc")


def test_it_is_no_plain_ed25519_signature(key: PublicKey) -> None:
    with pytest.raises(SignatureMismatchError):
        provider("openssl").verify(key, "ed25519", bytes.fromhex(SIGNATURE), b"abc")


def test_a_plain_signature_is_no_ed25519ph() -> None:
    name, spki, signature = known.VERIFY["eddsa"]
    assert name == "ed25519"
    with pytest.raises(SignatureMismatchError):
        provider("openssl").verify(
            public_key_from_spki(bytes.fromhex(spki)), "ed25519ph", bytes.fromhex(signature), known.MESSAGE
        )


def test_an_older_openssl_by_itself_refuses(key: PublicKey) -> None:
    crypto = OpenSslProvider()
    if crypto.has_ed25519ph:
        crypto.verify(key, "ed25519ph", bytes.fromhex(SIGNATURE), b"abc")
        return
    with pytest.raises(AlgorithmNotApprovedError, match="pre-hash"):
        crypto.verify(key, "ed25519ph", bytes.fromhex(SIGNATURE), b"abc")


def test_records_say_who_checks_it() -> None:
    named = "eddsa-ph by pycryptodome" in provider("openssl").status().library
    assert named is not OpenSslProvider().has_ed25519ph


def test_openssl_from_3_2_checks_it_itself() -> None:
    done = newer_openssl.run(ON_NEWER)
    assert done.stdout.startswith("by OpenSSL 3.5"), done.stderr
    assert "pycryptodome" not in done.stdout


def test_who_fails_its_self_test_checks_nothing(key: PublicKey, monkeypatch: pytest.MonkeyPatch) -> None:
    name, spki, signature = known.VERIFY["eddsa-ph"]
    monkeypatch.setitem(known.VERIFY, "eddsa-ph", (name, spki, "00" + signature[2:]))
    other = SelfTestedProvider(provider("pycryptodome")._inner)  # type: ignore[attr-defined]
    crypto = SelfTestedProvider(OpenSslProvider(), {"eddsa-ph": "pycryptodome"}, lambda _: other)
    with pytest.raises(SelfTestError):
        crypto.verify(key, "ed25519ph", bytes.fromhex(SIGNATURE), b"abc")
