"""ML-DSA (FIPS 204): the known answers of every provider that has it, and the reason of every one that has not.

The published signatures bind a context; here none is used, so each of them must be refused, and its key come out right.
The system's libcrypto is 3.0, which cannot drive the FIPS module's ML-DSA; another process runs on Debian's 3.5.
"""

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers import newer_openssl
from peers.fips import EVERY_PROVIDER, crypto_named
from trustkit.errors import AlgorithmNotApprovedError, MalformedError, SignatureMismatchError
from trustkit.fips import spki
from trustkit.fips.parse import public_key_from_spki
from trustkit.fips.provider import CryptoProvider, PrivateKey
from trustkit.model.keys import PublicKey

_FOUND = importlib.util.find_spec("cryptography_vectors")
assert _FOUND is not None
assert _FOUND.origin is not None
VECTORS = Path(_FOUND.origin).parent / "asymmetric" / "MLDSA"
KINDS = ["ml-dsa-44", "ml-dsa-65", "ml-dsa-87"]
MESSAGE = b"a message"
WITHOUT = [name for name in EVERY_PROVIDER if name != "pyca"]
ON_NEWER = """
import sys
from test_ml_dsa import verdicts
import json
print(json.dumps(verdicts(sys.argv[1])))
"""


def answers(kind: str) -> Iterator[tuple[PublicKey, bytes, bytes, bytes]]:
    """Yield key, seed, message and signature (with a context) of each response."""
    text = (VECTORS / f"kat_MLDSA_{kind.removeprefix('ml-dsa-')}_det_pure.rsp").read_text()
    for block in re.split(r"\n(?=count = )", text):
        fields = dict(re.findall(r"^(\w+) = ?(\S*)$", block, re.MULTILINE))
        message = bytes.fromhex(fields["msg"])
        signature = bytes.fromhex(fields["sm"])[: -len(message)]
        key = public_key_from_spki(spki.ml_dsa_spki(kind, bytes.fromhex(fields["pk"])))
        yield key, bytes.fromhex(fields["xi"]), message, signature


def refuses(crypto: CryptoProvider, key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether the provider calls the signature wrong."""
    try:
        crypto.verify(key, key.kind, signature, message)
    except (SignatureMismatchError, MalformedError):
        return True
    return False


def verdicts(provider: str) -> dict[str, list[int]]:
    """Return of each set: responses, keys that come out right, signatures refused, and own ones that `pyca` takes."""
    crypto, found = crypto_named(provider), {}
    for kind in KINDS:
        total = same = refused = crossed = 0
        for key, seed, message, signature in answers(kind):
            total += 1
            refused += refuses(crypto, key, signature, message)
            private = crypto.load_pkcs8(spki.ml_dsa_pkcs8(kind, seed))
            same += private.public == key and private.to_pkcs8() == spki.ml_dsa_pkcs8(kind, seed)
            crossed += crosses(private, crypto, crypto_named("pyca"))
        found[kind] = [total, same, refused, crossed]
    return found


def crosses(private: PrivateKey, one: CryptoProvider, other: CryptoProvider) -> bool:
    """Whether each takes what the other signs, and neither takes it changed."""
    again = other.load_pkcs8(private.to_pkcs8())
    for maker, checker in ((private, other), (again, one)):
        signature = maker.sign(private.public.kind, MESSAGE)
        checker.verify(private.public, private.public.kind, signature, MESSAGE)
        changed = (signature[:-1], bytes((signature[0] ^ 1,)) + signature[1:], signature + b"\0", b"")
        if not all(refuses(checker, private.public, wrong, MESSAGE) for wrong in changed):
            return False
        if not refuses(checker, private.public, signature, MESSAGE + b"\0"):
            return False
    return True


def require_right(found: dict[str, list[int]]) -> None:
    assert set(found) == set(KINDS)
    assert all(len(set(counts)) == 1 and counts[0] >= 20 for counts in found.values()), found


def test_cryptography_gives_every_known_answer() -> None:
    require_right(verdicts("pyca"))


@pytest.mark.parametrize("provider", ["openssl", "ossl-fips"])
def test_openssl_3_5_gives_every_known_answer(provider: str) -> None:
    here = str(Path(__file__).parent)
    done = newer_openssl.run(f"import sys; sys.path.insert(0, {here!r})\n" + ON_NEWER, provider)
    assert done.returncode == 0, done.stderr
    require_right(json.loads(done.stdout))


def test_the_module_calls_its_ml_dsa_approved() -> None:
    done = newer_openssl.run("""
from peers.fips import fips_provider
crypto = fips_provider()
key = crypto.generate("ml-dsa-65")
crypto.verify(key.public, "ml-dsa-65", key.sign("ml-dsa-65", b"m"), b"m")
print(crypto.module.approved_services["ml-dsa-65"])
""")
    assert done.stdout == "2\n", done.stderr


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("provider", WITHOUT)
def test_who_has_no_ml_dsa_makes_no_key_and_says_why(provider: str, kind: str) -> None:
    with pytest.raises(AlgorithmNotApprovedError, match=r"needs libcrypto 3\.5|has no ML-DSA"):
        crypto_named(provider).generate(kind)


@pytest.mark.parametrize("provider", WITHOUT)
def test_who_has_no_ml_dsa_checks_no_signature_and_says_why(provider: str) -> None:
    key, _, message, signature = next(answers("ml-dsa-44"))
    with pytest.raises(AlgorithmNotApprovedError, match=r"needs libcrypto 3\.5|has no ML-DSA"):
        crypto_named(provider).verify(key, "ml-dsa-44", signature, message)


@pytest.mark.parametrize("provider", WITHOUT)
def test_who_has_no_ml_dsa_takes_no_private_key(provider: str) -> None:
    with pytest.raises(AlgorithmNotApprovedError):
        crypto_named(provider).load_pkcs8(spki.ml_dsa_pkcs8("ml-dsa-44", bytes(32)))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_seed_of_another_length_is_malformed(length: int) -> None:
    with pytest.raises(MalformedError):
        crypto_named("pyca").load_pkcs8(spki.ml_dsa_pkcs8("ml-dsa-44", bytes(length)))


def test_a_private_key_without_its_seed_is_not_read() -> None:
    with pytest.raises(MalformedError, match="seed"):
        crypto_named("pyca").load_pkcs8((VECTORS / "mldsa65_noseed_priv.der").read_bytes())


@pytest.mark.parametrize(("kind", "of"), [("ml-dsa-44", "ml-dsa-65"), ("ml-dsa-87", "ml-dsa-44")])
def test_a_key_with_the_identifier_of_another_set_is_refused(kind: str, of: str) -> None:
    with pytest.raises((MalformedError, AlgorithmNotApprovedError)):
        public_key_from_spki(spki.ml_dsa_spki(kind, bytes(spki.ML_DSA[of])))


def test_a_signature_of_one_set_is_none_of_another() -> None:
    key = crypto_named("pyca").generate("ml-dsa-44")
    with pytest.raises(AlgorithmNotApprovedError):
        crypto_named("pyca").verify(key.public, "ml-dsa-65", key.sign("ml-dsa-44", MESSAGE), MESSAGE)
