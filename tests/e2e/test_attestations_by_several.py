"""`verify-attestation` shows what was stated, and counts different signers."""

import json
from pathlib import Path

import pytest

from peers.images import Image, build
from peers.registry import Registry
from peers.tools import Cosign
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


PEERS = [("bundle", "cosign3"), ("legacy", "cosign2")]


class Pair:
    """Two images that differ, two keys, and what is stated about both."""

    def __init__(self, trustkit: Trustkit, registry: Registry, repository: str, folder: Path) -> None:
        self.trustkit = trustkit
        pushed = [registry.push(build(files={"name": name}), repository) for name in (b"web", b"worker", b"other")]
        self.web, self.worker, self.other = (registry.reference(repository, digest) for digest in pushed)
        trustkit.env["TRUSTKIT_PASSWORD"] = "correct horse"
        for name in ("one", "two"):
            trustkit.must("key", "generate", name)
        (folder / "built.json").write_text('{"built": "here"}')
        self.given = ("--type", "https://shop.example/build", "--predicate", folder / "built.json")

    def attest(self, layout: str, *images: str, keys: tuple[str, ...] = ("one", "two")) -> list[dict[str, str]]:
        words = [word for key in keys for word in ("--key", key)]
        found = self.trustkit.json("attest", *words, "--layout", layout, *self.given, *images)
        assert isinstance(found, list), found
        return found

    def both_signed(self, image: str) -> int:
        asked = ("verify-attestation", "--key", "one", "--key", "two", "--threshold", "2", *self.given[:2])
        return self.trustkit.run(*asked, image).status


@pytest.fixture
def pair(trustkit: Trustkit, registry: Registry, repository: str, tmp_path: Path) -> Pair:
    return Pair(trustkit, registry, repository, tmp_path)


@pytest.mark.parametrize(("layout", "peer"), PEERS)
def test_one_statement_about_two_images_by_two_keys_counts_for_each(
    pair: Pair, layout: str, peer: str, tmp_path: Path
) -> None:
    made = pair.attest(layout, pair.web, pair.worker)
    assert len(made) == 4
    # the tags of both images hold the same one envelope; bundles are about one image each
    assert len({one["evidence"] for one in made}) == (4 if layout == "bundle" else 1)
    assert (pair.both_signed(pair.web), pair.both_signed(pair.worker), pair.both_signed(pair.other)) == (0, 0, 1)
    cosign = Cosign(peer, tmp_path / peer)
    for key in ("one", "two"):
        public = pair.trustkit.home / "keys" / f"{key}.pub"
        judged = ("verify-attestation", "--key", public, "--insecure-ignore-tlog=true", *pair.given[:2])
        assert cosign.run(*judged, pair.worker).status == 0


@pytest.mark.parametrize("layout", ["bundle", "legacy"])
def test_the_statement_names_every_image_and_is_attached_to_no_other(pair: Pair, layout: str) -> None:
    pair.attest(layout, pair.web, pair.worker)
    assert pair.trustkit.run("verify-attestation", "--key", "one", *pair.given[:2], pair.other).status == 1
    found = json.loads(pair.trustkit.run("audit", "log", "--kind", "image.signed", "--output", "json").stdout)
    assert {one["body"]["reference"] for one in found} == {pair.web, pair.worker}


def test_a_key_under_two_names_signs_once_or_not_at_all(pair: Pair, tmp_path: Path) -> None:
    pair.trustkit.must("key", "export", "one", "--format", "cosign", "--to", tmp_path / "one.key")
    done = pair.trustkit.run("attest", "--key", "one", "--key", tmp_path / "one.key", *pair.given, pair.web)
    assert (done.status, "one key signs twice" in done.stderr) == (2, True), done.said


def test_an_image_that_is_not_there_leaves_the_others_unattested(pair: Pair) -> None:
    missing = pair.web[:-4] + "0000"
    done = pair.trustkit.run("attest", "--key", "one", *pair.given, pair.web, missing)
    assert done.status == 3, done.said
    assert pair.trustkit.run("verify-attestation", "--key", "one", *pair.given[:2], pair.web).status == 1
