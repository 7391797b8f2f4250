"""Strength by SP 800-57, and the end of 112 bits."""

from datetime import date

import pytest

from trustkit.fips.algorithms import ALGORITHMS, CURVES
from trustkit.model.strength import LAST_DAY_OF_112_BITS, strength, transition


@pytest.mark.parametrize(
    ("algorithm", "bits", "expected"),
    [
        ("rsa-pss-sha256", 1024, 0),
        ("rsa-pss-sha256", 2047, 0),
        ("rsa-pss-sha256", 2048, 112),
        ("rsa-pkcs1v15-sha512", 3072, 128),
        ("rsa-pkcs1v15-sha512", 7680, 192),
        ("rsa-pkcs1v15-sha512", 15360, 256),
        ("ecdsa-p256-sha512", 0, 128),
        ("ed25519", 0, 128),
        ("dsa-sha1", 4096, 0),
        ("", 0, 0),
    ],
)
def test_strength_is_that_of_the_table(algorithm: str, bits: int, expected: int) -> None:
    assert strength(algorithm, bits) == expected


def test_every_algorithm_has_a_strength() -> None:
    assert [row.name for row in ALGORITHMS.values() if not strength(row.name, 3072)] == []


@pytest.mark.parametrize("kind", CURVES)
def test_a_curve_has_half_its_bits(kind: str) -> None:
    assert strength(f"{kind}-sha256", 0) == min(CURVES[kind].bits // 2, 256)


def test_only_112_bits_are_on_their_way_out() -> None:
    today = date(2026, 11, 24)
    assert "2030-12-31" in transition("rsa-pss-sha256", 2048, today)
    assert transition("rsa-pss-sha256", 3072, today) == transition("ed25519", 256, today) == ""


def test_after_the_last_day_the_words_are_of_the_past() -> None:
    assert " end with " in transition("rsa-pss-sha256", 2048, LAST_DAY_OF_112_BITS)
    assert " ended with " in transition("rsa-pss-sha256", 2048, date(2031, 1, 1))
