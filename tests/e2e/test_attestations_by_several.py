"""`verify-attestation` shows what was stated, and counts different signers."""

import json
from pathlib import Path

import pytest

from peers.images import Image
from peers.registry import Registry
from peers.trustkit import Trustkit
from predicate_samples import SAMPLES

SCAN = "https://cosign.sigstore.dev/attestation/vuln/v1"


@pytest.fixture
def attested(trustkit: Trustkit, registry: Registry, image: Image, repository: str, tmp_path: Path) -> str:
    """An image whose scan one key attested twice, with a second key in the ring."""
    reference = registry.reference(repository, registry.push(image, repository))
    trustkit.env["TRUSTKIT_PASSWORD"] = "correct horse"
    (tmp_path / "scan.json").write_text(json.dumps(SAMPLES[SCAN]))
    for name in ("one", "two"):
        trustkit.must("key", "generate", name)
    for _ in range(2):
        trustkit.must("attest", "--key", "one", "--type", "vuln", "--predicate", tmp_path / "scan.json", reference)
    return reference


def test_the_scan_is_summed_up(trustkit: Trustkit, attested: str) -> None:
    done = trustkit.run("verify-attestation", "--key", "one", "--type", "vuln", attested)
    assert (done.status, "critical   CVE-2026-0001" in done.stdout) == (0, True), done.said
    shown = trustkit.json("verify-attestation", "--key", "one", "--type", "vuln", attested)
    assert isinstance(shown, dict)
    assert "critical   CVE-2026-0001" in shown["verified"][0]["statement"]["summary"]


def test_two_signers_are_asked_for_and_counted(trustkit: Trustkit, attested: str, tmp_path: Path) -> None:
    asked = ("verify-attestation", "--key", "one", "--key", "two", "--type", "vuln")
    assert trustkit.run(*asked, attested).status == 0
    done = trustkit.run(*asked, "--threshold", "2", attested)
    assert (done.status, "found only one" in done.stdout) == (1, True), done.said
    trustkit.must("attest", "--key", "two", "--type", "vuln", "--predicate", tmp_path / "scan.json", attested)
    assert trustkit.run(*asked, "--threshold", "2", attested).status == 0


@pytest.mark.parametrize("threshold", ["0", "-1", "3", "two"])
def test_a_threshold_that_cannot_be_met_is_a_mistake(threshold: str, trustkit: Trustkit, attested: str) -> None:
    asked = ("verify-attestation", "--key", "one", "--key", "two", "--type", "vuln")
    done = trustkit.run(*asked, f"--threshold={threshold}", attested)
    assert done.status == len(("usage", "mistake")), done.said
