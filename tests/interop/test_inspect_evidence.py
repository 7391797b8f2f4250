"""`trustkit inspect --evidence` on what real cosigns made: every item, whether it verifies, and why not."""

import json
from pathlib import Path

import pytest

from peers.images import Image
from peers.notation import Notation
from peers.registry import Registry
from peers.tools import Cosign
from peers.trustkit import Trustkit

PASSWORD = {"TRUSTKIT_PASSWORD": "wonderland"}


class World:
    """An image signed in three places by one key, with an attestation whose manifest is signed again."""

    def __init__(self, trustkit: Trustkit, registry: Registry, name: str, cosign: Cosign) -> None:
        self.trustkit, self.registry, self.name = trustkit, registry, name
        self.private, self.public = cosign.generate_key()
        self.stranger = Cosign("cosign2", cosign.home / "stranger").generate_key()[1]
        cosign.must("sign", "--key", self.private, "--tlog-upload=false", "--yes", name)
        predicate = cosign.home / "predicate.json"
        predicate.write_text("{}", encoding="utf-8")
        what = ("--predicate", predicate, "--type", "https://example.com/own")
        cosign.must("attest", "--key", self.private, "--tlog-upload=false", "--yes", *what, name)
        signed = json.loads(trustkit.must("sign", "--key", self.private, "--output", "json", name, env=PASSWORD).stdout)
        self.bundle = signed[0]["evidence"]
        about = f"{name.rpartition(':')[0]}@{self.bundle}"
        trustkit.must("sign", "--key", self.private, about, env=PASSWORD)

    def look(self, *more: str | Path, place: str = "") -> dict[str, object]:
        found = self.trustkit.json("inspect", "--evidence", *map(str, more), place or self.name)
        assert isinstance(found, list), found
        return found[0]


@pytest.fixture
def world(trustkit: Trustkit, registry: Registry, repository: str, image: Image, cosign2: Cosign) -> World:
    registry.push(image, repository, "v1")
    return World(trustkit, registry, registry.reference(repository, "v1"), cosign2)


def items(node: dict) -> list[dict]:
    """Return all items of a tree."""
    return [*node["items"], *(item for each in node["evidence"] for item in items(each))]


def test_every_item_is_shown_and_verified(world: World) -> None:
    found = items(world.look("--key", world.public))
    assert sorted(item["format"] for item in found) == ["bundle", "bundle", "cosign", "cosign-attestation"]
    assert {item["verdict"] for item in found} == {"verified"}
    (attestation,) = (item for item in found if item["format"] == "cosign-attestation")
    assert attestation["signed"][0]["predicate_type"] == "https://example.com/own"


def test_evidence_about_evidence_hangs_below_it(world: World) -> None:
    tree = world.look("--key", world.public)
    (bundle,) = (each for each in tree["evidence"] if each["digest"] == world.bundle)
    assert [item["verdict"] for item in items({"items": [], "evidence": bundle["evidence"]})] == ["verified"]


def test_an_item_of_a_stranger_says_which_check_failed(world: World) -> None:
    found = items(world.look("--key", world.stranger))
    assert {item["verdict"] for item in found} == {"rejected"}
    assert all(item["code"].startswith("verification.") for item in found)
    assert all("trusted" in item["reason"] for item in found)


def test_what_no_format_knows_is_shown_as_such(world: World, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    world.trustkit.must("copy", "--all-evidence", world.name, f"oci:{layout}:v1")
    _add_referrer(layout, world.look()["digest"])
    found = items(world.look("--key", world.public, place=f"oci:{layout}:v1"))
    (stranger,) = (item for item in found if item["verdict"] == "unrecognised")
    assert stranger["media_type"] == "text/plain"


def test_the_tree_names_signers_and_reasons(world: World) -> None:
    shown = world.trustkit.run("inspect", "--evidence", "--key", world.public, world.name).stdout
    assert shown.count("✔ signature") == 3
    assert "✔ attestation https://example.com/own" in shown
    refused = world.trustkit.run("inspect", "--evidence", "--key", world.stranger, world.name).stdout
    assert refused.count("✘") == 4
    assert "verification.untrusted_signer" in refused or "verification.signature" in refused


def test_an_image_without_evidence_says_so(world: World, repository: str, image: Image) -> None:
    world.registry.push(image, f"{repository}-bare", "v1")
    bare = world.registry.reference(f"{repository}-bare", "v1")
    done = world.trustkit.run("inspect", "--evidence", bare)
    assert done.status == 0
    assert "no evidence" in done.stdout


def test_platforms_of_an_index_are_shown(world: World, repository: str, multi_arch_image: Image) -> None:
    world.registry.push(multi_arch_image, f"{repository}-many", "v1")
    tree = world.look(place=world.registry.reference(f"{repository}-many", "v1"))
    assert [each["place"] for each in tree["evidence"]] == ["platform linux/amd64", "platform linux/arm64"]


def test_nothing_is_recorded(world: World) -> None:
    before = world.trustkit.run("audit", "log", "--output", "json").stdout
    world.look("--key", world.public)
    assert world.trustkit.run("audit", "log", "--output", "json").stdout == before


def test_an_image_that_is_not_there_is_an_error(world: World) -> None:
    assert world.trustkit.run("inspect", "--evidence", world.name + "-none").status == 3


def test_keys_without_evidence_are_a_mistake(world: World) -> None:
    assert world.trustkit.run("inspect", "--key", world.public, "web").status == 2


def _add_referrer(layout: Path, subject: object) -> None:
    from trustkit.codec.oci_build import manifest_bytes
    from trustkit.codec.oci_manifest import Manifest
    from trustkit.model.digest import Digest
    from trustkit.model.image import OCI_EMPTY, OCI_MANIFEST, Descriptor
    from trustkit.oci.copy_target import descriptor_of
    from trustkit.oci.layout import LayoutFolder

    place = LayoutFolder(layout)
    about = Digest.parse(str(subject))
    root = place.manifest(str(about))
    config = Descriptor(OCI_EMPTY, place.put_blob(b"{}"), 2)
    layer = Descriptor("text/plain", place.put_blob(b"a note"), 6)
    whole = Descriptor(OCI_MANIFEST, about, root.descriptor.size_bytes)
    content = manifest_bytes(Manifest(OCI_MANIFEST, config, (layer,), whole, "example/note"))
    place.attach(descriptor_of(content, OCI_MANIFEST), content, about)


def test_a_notation_signature_is_judged_under_the_policy(
    trustkit: Trustkit, registry: Registry, repository: str, image: Image, tmp_path: Path
) -> None:
    reference = registry.reference(repository, registry.push(image, repository, "v1"))
    notation = Notation(tmp_path)
    notation.sign(reference)
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"""apiVersion: trustkit.dev/v1
kind: Policy
metadata: {{name: notation}}
spec:
  trust: {{roots: {{x509: {{acme: {notation.root}}}}}, certificates: {{release: {{root: acme, subjects: ["O=acme"]}}}}}}
  verify: {{signatures: {{x509: release}}}}
""")
    found = trustkit.json("inspect", "--evidence", "--policy", policy, reference)
    assert isinstance(found, list)
    (item,) = items(found[0])
    assert (item["format"], item["verdict"]) == ("notation", "verified")
    assert item["signed"][0]["subject"] == "CN=signer,O=acme,ST=WA,C=US"
