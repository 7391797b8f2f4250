"""NIST's CAVP responses, whole files, on every provider, the FIPS module too: no wrong accept, no wrong reject.

A valid response is refused all the same for an exponent below 2^16 + 1 (FIPS 186-5 A.1.1), and for a PSS salt
that is not as long as the digest (RFC 7518 3.5; NIST's file uses 10 bytes).
"""

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from nist_responses import CURVES, DIGESTS, VECTORS, blocks
from peers.fips import EVERY_PROVIDER, crypto_named
from trustkit.errors import AlgorithmNotApprovedError, MalformedError, SignatureMismatchError
from trustkit.fips import spki
from trustkit.fips.ecdsa_signature import from_numbers
from trustkit.fips.parse import public_key_from_spki

LEAST_EXPONENT = 65537

Case = tuple[bytes, str, bytes, bytes, str]


def ecdsa() -> Iterator[Case]:
    for heading, fields in blocks(VECTORS / "asymmetric/ECDSA/FIPS_186-3/SigVer.rsp", "Result"):
        curve, _, digest = heading.partition(",")
        if curve not in CURVES or digest not in DIGESTS:
            continue
        x, y, r, s = (int(fields[name], 16) for name in ("Qx", "Qy", "R", "S"))
        try:
            key = spki.ec_spki(CURVES[curve], x, y)
        except OverflowError:
            continue
        expected = "valid" if fields["Result"].startswith("P") else "invalid"
        algorithm = f"{CURVES[curve]}-{DIGESTS[digest]}"
        yield key, algorithm, from_numbers(r, s), bytes.fromhex(fields["Msg"]), expected


def rsa(name: str, scheme: str) -> Iterator[Case]:
    for heading, fields in blocks(VECTORS / "asymmetric/RSA/FIPS_186-2" / name, "Result"):
        if fields["SHAAlg"] not in DIGESTS or int(heading.partition("= ")[2]) < 2048:
            continue
        exponent = int(fields["e"], 16)
        passes = fields["Result"].startswith("P")
        if exponent < LEAST_EXPONENT:
            expected = "refused"
        else:
            expected = "valid" if passes and scheme == "rsa-pkcs1v15" else "invalid"
        key = spki.rsa_spki(int(fields["n"], 16), exponent)
        algorithm = f"{scheme}-{DIGESTS[fields['SHAAlg']]}"
        yield key, algorithm, bytes.fromhex(fields["S"]), bytes.fromhex(fields["Msg"]), expected


SUITES = {
    "ecdsa": (ecdsa, 100),
    "rsa-pkcs1": (lambda: rsa("SigVer15_186-3.rsp", "rsa-pkcs1v15"), 100),
    "rsa-pss": (lambda: rsa("SigVerPSS_186-3.rsp", "rsa-pss"), 100),
}


def verdict(provider: str, case: Case) -> str:
    key_der, algorithm, signature, message, _ = case
    try:
        crypto_named(provider).verify(public_key_from_spki(key_der), algorithm, signature, message)
    except AlgorithmNotApprovedError:
        return "refused"
    except (SignatureMismatchError, MalformedError):
        return "invalid"
    return "valid"


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_every_response_gets_nist_s_verdict(provider: str, suite: str) -> None:
    make, fewest = SUITES[suite]
    answers = Counter((case[4], verdict(provider, case)) for case in make())
    assert {pair: count for pair, count in answers.items() if pair[0] != pair[1]} == {}
    assert answers.total() >= fewest


@pytest.mark.parametrize("length", ["ShortMsg", "LongMsg"])
@pytest.mark.parametrize("digest", ["256", "384", "512"])
@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_every_digest_is_nist_s(provider: str, digest: str, length: str) -> None:
    wrong = total = 0
    for _, fields in blocks(VECTORS / f"hashes/SHA2/SHA{digest}{length}.rsp", "MD"):
        running = crypto_named(provider).hasher(f"sha{digest}")
        running.update(bytes.fromhex(fields["Msg"])[: int(fields["Len"]) // 8])
        wrong += running.digest().hex() != fields["MD"]
        total += 1
    assert wrong == 0
    assert total > 50


def gcm() -> Iterator[tuple[bytes, bytes, bytes, bytes | None]]:
    """Yield key, sealed, what stands beside it, and the content (None: refused) of 96-bit nonces and whole tags."""
    for name in ("gcmDecrypt", "gcmEncryptExtIV"):
        for bits in (128, 192, 256):
            yield from _gcm_cases((VECTORS / f"ciphers/AES/GCM/{name}{bits}.rsp").read_text())


def _gcm_cases(text: str) -> Iterator[tuple[bytes, bytes, bytes, bytes | None]]:
    for block in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^(\w+) = ?(\S*)$", block, re.MULTILINE))
        if "Key" not in fields or len(fields["IV"]) != 24 or len(fields["Tag"]) != 32:
            continue
        sealed = bytes.fromhex(fields["IV"] + fields["CT"] + fields["Tag"])
        content = None if "FAIL" in block else bytes.fromhex(fields["PT"])
        yield bytes.fromhex(fields["Key"]), sealed, bytes.fromhex(fields["AAD"]), content


def wrapped() -> Iterator[tuple[bytes, bytes, bool, bytes | None]]:
    """Yield key, wrapped key, whether padded, and what was wrapped (None: refused)."""
    for path in sorted((VECTORS / "keywrap/kwtestvectors").glob("K*_AD_???.txt")):
        for block in re.split(r"\n\s*\n", path.read_text()):
            fields = dict(re.findall(r"^([KCP]) = (\w+)$", block, re.MULTILINE))
            if "C" in fields:
                content = bytes.fromhex(fields["P"]) if "P" in fields else None
                yield bytes.fromhex(fields["K"]), bytes.fromhex(fields["C"]), path.name.startswith("KWP"), content


@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_every_sealed_content_gets_nist_s_verdict(provider: str) -> None:
    wrong = total = 0
    for key, sealed, associated, content in gcm():
        try:
            opened = crypto_named(provider).unseal(key, sealed, associated)
        except MalformedError:
            opened = None
        wrong, total = wrong + (opened != content), total + 1
    assert wrong == 0
    assert total > 500


@pytest.mark.parametrize("provider", EVERY_PROVIDER)
def test_every_wrapped_key_gets_nist_s_verdict(provider: str) -> None:
    wrong = total = 0
    for key, ciphertext, padded, content in wrapped():
        try:
            found = crypto_named(provider).unwrap(key, ciphertext, padded=padded)
        except MalformedError:
            found = None
        wrong, total = wrong + (found != content), total + 1
    assert wrong == 0
    assert total > 500
