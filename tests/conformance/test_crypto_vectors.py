"""NIST CAVP and reference vectors: every provider gives every expected answer."""

import json
from pathlib import Path

import pytest

from peers.fips import EVERY_PROVIDER, crypto_named
from trustkit.errors import AlgorithmNotApprovedError, MalformedError, SignatureMismatchError
from trustkit.fips import spki
from trustkit.fips.ecdsa_signature import from_numbers
from trustkit.fips.parse import public_key_from_spki

_FOLDER = Path(__file__).parent / "vectors" / "crypto"
_NOT_FITTING = (SignatureMismatchError, MalformedError)


def _spki_of(case: dict[str, str]) -> bytes:
    if "x" in case:
        kind = case["algorithm"].rpartition("-")[0]
        return spki.ec_spki(kind, int(case["x"], 16), int(case["y"], 16))
    return spki.rsa_spki(int(case["n"], 16), int(case["e"], 16))


def _signature_of(case: dict[str, str]) -> bytes:
    if "r" in case:
        return from_numbers(int(case["r"], 16), int(case["s"], 16))
    return bytes.fromhex(case["signature"])


def _verdict(name: str, case: dict[str, str]) -> str:
    try:
        key = public_key_from_spki(_spki_of(case))
        message = bytes.fromhex(case["message"])
        crypto_named(name).verify(key, case["algorithm"], _signature_of(case), message)
    except AlgorithmNotApprovedError:
        return "refused"
    except _NOT_FITTING:
        return "invalid"
    return "valid"


@pytest.mark.parametrize("suite", ["ecdsa", "rsa"])
@pytest.mark.parametrize("name", EVERY_PROVIDER)
def test_every_vector_gets_its_expected_verdict(suite: str, name: str) -> None:
    cases = json.loads((_FOLDER / f"{suite}.json").read_text())
    wrong = [
        f"{case['algorithm']} {case['comment']}: {verdict} instead of {case['expect']}"
        for case in cases
        if (verdict := _verdict(name, case)) != case["expect"]
    ]
    assert cases
    assert wrong == []
