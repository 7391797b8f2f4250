"""Every known type of predicate is summed up in words; what breaks its type is told, never shown as if it held."""

import json

import pytest

from predicate_samples import SAMPLES
from trustkit.cli.predicate_words import words_of
from trustkit.model.signature import Statement


def words(predicate_type: str, value: object) -> str:
    return "\n".join(words_of(Statement(predicate_type, json.dumps(value).encode())))


@pytest.mark.parametrize("predicate_type", SAMPLES)
def test_every_known_type_is_summed_up(predicate_type: str) -> None:
    found = words(predicate_type, SAMPLES[predicate_type])
    assert found
    assert "says nothing" not in found


@pytest.mark.parametrize(
    ("predicate_type", "expected"),
    [
        ("https://slsa.dev/provenance/v1", "built by   https://git.example/.github/workflows/release.yml@refs/tags/v1"),
        ("https://cosign.sigstore.dev/attestation/vuln/v1", "critical   CVE-2026-0001"),
        ("https://spdx.dev/Document", "lists      1 packages of shop/web"),
        ("https://openvex.dev/ns/v0.2.0", "not_affected CVE-2026-0001 (vulnerable_code_not_in_execute_path)"),
        ("https://slsa.dev/verification_summary/v1", "result     PASSED: SLSA_BUILD_LEVEL_3"),
    ],
)
def test_the_words_say_what_matters(predicate_type: str, expected: str) -> None:
    assert expected in words(predicate_type, SAMPLES[predicate_type])


@pytest.mark.parametrize("predicate_type", SAMPLES)
@pytest.mark.parametrize("value", [[], {}, "text", 7])
def test_what_breaks_its_type_is_told(predicate_type: str, value: object) -> None:
    found = words(predicate_type, value)
    assert "says nothing that its type allows" in found or "custom" in predicate_type or "cosign" in predicate_type


def test_an_unknown_type_has_no_words() -> None:
    assert words("https://example.com/p", {"a": 1}) == ""


def test_many_findings_stay_few_lines() -> None:
    statements = [{"vulnerability": f"CVE-2026-{n:04}", "status": "fixed"} for n in range(500)]
    document = SAMPLES["https://openvex.dev/ns/v0.2.0"]
    assert isinstance(document, dict)
    found = words("https://openvex.dev/ns/v0.2.0", {**document, "statements": statements})
    assert found.endswith("and        495 more")
