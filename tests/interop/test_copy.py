"""Images with all their evidence, from place to place: what was signed there still verifies, from the copy alone."""

import hashlib
import json
import signal
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from peers.gpg import Containers, Gpg
from peers.images import Image, build, write_docker_archive
from peers.registry import Registry
from peers.tools import Cosign, Ran, run
from peers.trustkit import Trustkit
from peers.workspace import short_folder
from trustkit import limits
from trustkit.codec.oci_build import manifest_bytes
from trustkit.codec.oci_manifest import Manifest
from trustkit.model.digest import Digest
from trustkit.model.image import OCI_EMPTY, OCI_MANIFEST, Descriptor
from trustkit.oci.copy_target import descriptor_of
from trustkit.oci.layout import LayoutFolder

Starter = Callable[..., Registry]

PREDICATE = '{"buildDefinition":{"buildType":"https://example.com/b"},"runDetails":{"builder":{"id":"b"}}}'


class World:
    """An image in one registry, signed in every layout by both cosigns; and another registry without anything."""

    def __init__(self, trustkit: Trustkit, first: Registry, repository: str, cosigns: tuple[Cosign, Cosign]) -> None:
        self.trustkit, self.first, self.repository = trustkit, first, repository
        self.cosign2, self.cosign3 = cosigns
        self.private, self.public = self.cosign2.generate_key()

    def name(self, tag: str = "v1") -> str:
        return self.first.reference(self.repository, tag)

    def sign(self, digest: str) -> None:
        pinned = self.name(digest)
        predicate = self.cosign2.home / "predicate.json"
        predicate.write_text(PREDICATE, encoding="utf-8")
        self.cosign2.must("sign", "--key", self.private, "--tlog-upload=false", "--yes", pinned)
        what = ("--predicate", predicate, "--type", "https://example.com/own")
        self.cosign2.must("attest", "--key", self.private, "--tlog-upload=false", "--yes", *what, pinned)
        self.trustkit.must(
            "sign", "--key", self.private, pinned, env={"TRUSTKIT_PASSWORD": "wonderland"}
        )  # a bundle, as cosign 3's

    def copy(self, source: str, target: str, *more: str) -> Ran:
        return self.trustkit.run("copy", "--all-evidence", *more, source, target)

    def evidence(self, place: str) -> list[str]:
        """Return the formats of what verifies at a place."""
        found = self.trustkit.json("verify", "--key", str(self.public), place)
        assert isinstance(found, dict)
        assert found["verdict"] == "allow", found
        return sorted(str(one["format"]) for one in found["verified"])


@pytest.fixture
def world(
    trustkit: Trustkit, registry: Registry, repository: str, image: Image, cosign2: Cosign, cosign3: Cosign
) -> World:
    made = World(trustkit, registry, repository, (cosign2, cosign3))
    made.sign(registry.push(image, repository, "v1"))
    return made


def test_the_archive_alone_verifies(world: World, tmp_path: Path) -> None:
    archive = f"oci-archive:{tmp_path / 'web.tar'}"
    done = world.copy(world.name(), archive)
    assert done.status == 0, done.said
    assert world.evidence(archive) == world.evidence(world.name())
    attested = ("verify-attestation", "--key", world.public, "--type", "https://example.com/own", archive)
    assert world.trustkit.run(*attested).status == 0


def test_through_an_archive_to_a_registry_where_cosign_verifies_it(
    world: World, referrers_registry: Registry, tmp_path: Path
) -> None:
    archive = f"oci-archive:{tmp_path / 'web.tar'}:v1"
    target = referrers_registry.reference(world.repository)
    assert world.copy(world.name(), archive).status == 0
    done = world.copy(archive, target)
    assert done.status == 0, done.said
    for cosign in (world.cosign2, world.cosign3):
        offline = ("--key", world.public, "--insecure-ignore-tlog=true", target)
        verified = cosign.run("verify", *offline)
        assert verified.status == 0, verified.said
    assert world.evidence(target) == world.evidence(world.name())


def test_through_a_layout_the_digest_stays(world: World, tmp_path: Path) -> None:
    layout = f"oci:{tmp_path / 'layout'}:v1"
    first = json.loads(world.copy(world.name(), layout, "--output", "json").stdout)
    second = json.loads(world.copy(layout, world.name("again"), "--output", "json").stdout)
    assert first["digest"] == second["digest"]
    assert second["stored_blobs"] == 0
    assert world.evidence(world.name("again")) == world.evidence(world.name())


def test_without_all_evidence_only_the_image_goes(world: World, tmp_path: Path) -> None:
    archive = f"oci-archive:{tmp_path / 'web.tar'}"
    assert world.trustkit.run("copy", world.name(), archive).status == 0
    assert world.trustkit.run("verify", "--key", world.public, archive).status == 1


def test_an_index_goes_with_every_platform_and_its_evidence(
    world: World, multi_arch_image: Image, tmp_path: Path
) -> None:
    world.sign(world.first.push(multi_arch_image, world.repository, "many"))
    child = multi_arch_image.children[1].digest
    world.sign(child)
    archive = f"oci-archive:{tmp_path / 'many.tar'}"
    done = world.copy(world.name("many"), archive)
    assert done.status == 0, done.said
    assert world.evidence(archive)
    assert world.evidence(f"{archive}@{child}")


def test_evidence_about_evidence_goes_too(world: World, referrers_registry: Registry, image: Image) -> None:
    source = referrers_registry.reference(world.repository, "v1")
    digest = referrers_registry.push(image, world.repository, "v1")
    password = {"TRUSTKIT_PASSWORD": "wonderland"}
    pinned = referrers_registry.reference(world.repository, digest)
    first = json.loads(
        world.trustkit.must("sign", "--key", world.private, "--output", "json", pinned, env=password).stdout
    )
    about = referrers_registry.reference(world.repository, first[0]["evidence"])
    world.trustkit.must("sign", "--key", world.private, about, env=password)
    done = json.loads(world.copy(source, world.name("deep"), "--output", "json").stdout)
    assert len(done["evidence"]) == 2


def test_a_second_copy_joins_signatures_made_meanwhile(world: World, referrers_registry: Registry) -> None:
    target = referrers_registry.reference(world.repository, "joined")
    assert world.copy(world.name(), target).status == 0
    other = Cosign("cosign2", world.cosign2.home / "other")
    private, public = other.generate_key()
    other.must("sign", "--key", private, "--tlog-upload=false", "--yes", world.name())
    assert world.copy(world.name(), target).status == 0
    for key in (world.public, public):
        assert world.trustkit.run("verify", "--key", key, target).status == 0


def test_a_tag_that_names_another_image_is_kept(world: World, tmp_path: Path) -> None:
    old = world.first.push(build(command=("/bin/false",)), world.repository, "taken")
    done = world.copy(world.name(), world.name("taken"))
    assert done.status == 2
    assert old in done.stderr
    assert world.trustkit.run("verify", "--key", world.public, world.name("taken")).status == 1
    assert world.copy(world.name(), world.name("taken"), "--overwrite").status == 0
    assert world.trustkit.run("verify", "--key", world.public, world.name("taken")).status == 0


def test_an_archive_that_is_there_is_kept(world: World, tmp_path: Path) -> None:
    file = tmp_path / "web.tar"
    file.write_bytes(b"mine")
    assert world.copy(world.name(), f"oci-archive:{file}").status == 2
    assert file.read_bytes() == b"mine"
    assert world.copy(world.name(), f"oci-archive:{file}", "--overwrite").status == 0


def test_the_same_image_gives_the_same_archive(world: World, tmp_path: Path) -> None:
    for name in ("a.tar", "b.tar"):
        assert world.copy(world.name(), f"oci-archive:{tmp_path / name}").status == 0
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()


def test_a_tampered_layer_is_refused_and_nothing_appears(world: World, image: Image, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    assert world.copy(world.name(), f"oci:{layout}:v1").status == 0
    blob = layout / "blobs/sha256" / image.layers[0].removeprefix("sha256:")
    content = bytearray(blob.read_bytes())
    content[100] ^= 1
    blob.write_bytes(content)
    target = tmp_path / "web.tar"
    done = world.copy(f"oci:{layout}:v1", f"oci-archive:{target}")
    assert done.status == 1, done.said
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith(".web")) == []
    assert not target.exists()


def test_a_tampered_layer_never_gets_its_tag_in_a_registry(world: World, image: Image, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    assert world.copy(world.name(), f"oci:{layout}:v1").status == 0
    blob = layout / "blobs/sha256" / image.layers[0].removeprefix("sha256:")
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    target = world.first.reference(f"{world.repository}-new", "v1")
    assert world.copy(f"oci:{layout}:v1", target).status == 1
    assert world.trustkit.run("verify", "--key", world.public, target).status == 3


def test_a_missing_referrer_is_an_error_and_nothing_appears(world: World, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    assert world.copy(world.name(), f"oci:{layout}:v1").status == 0
    listed = json.loads((layout / "index.json").read_bytes())["manifests"]
    bundle = next(one["digest"] for one in listed if not one.get("annotations"))
    manifest = json.loads((layout / "blobs/sha256" / bundle.removeprefix("sha256:")).read_bytes())
    (layout / "blobs/sha256" / manifest["layers"][0]["digest"].removeprefix("sha256:")).unlink()
    done = world.copy(f"oci:{layout}:v1", f"oci-archive:{tmp_path / 'web.tar'}")
    assert done.status == 3, done.said
    assert not (tmp_path / "web.tar").exists()


def test_an_archive_of_docker_is_a_source_and_no_target(world: World, image: Image, tmp_path: Path) -> None:
    write_docker_archive(image, tmp_path / "saved.tar", "web:1")
    assert world.copy(f"docker-archive:{tmp_path / 'saved.tar'}", f"oci:{tmp_path / 'layout'}:v1").status == 0
    assert world.copy(world.name(), f"docker-archive:{tmp_path / 'out.tar'}").status == 2


def test_the_archive_is_a_layout_that_skopeo_reads(world: World, tmp_path: Path) -> None:
    archive = f"oci-archive:{tmp_path / 'web.tar'}:v1"
    assert world.copy(world.name(), archive).status == 0
    done = run(["skopeo", "--insecure-policy", "copy", archive, f"dir:{tmp_path / 'dir'}"])
    assert done.status == 0, done.said
    with tarfile.open(tmp_path / "web.tar") as tar:
        assert "oci-layout" in tar.getnames()


@pytest.fixture
def gpg() -> Iterator[tuple[Gpg, Containers]]:
    with short_folder("gpg") as folder:
        made = Gpg(folder / "gpg")
        try:
            yield made, Containers(folder / "containers", made)
        finally:
            made.stop()


def test_gpg_signatures_beside_a_registry_travel_in_the_archive(
    world: World, gpg: tuple[Gpg, Containers], tmp_path: Path
) -> None:
    signer, containers = gpg
    fingerprint = signer.key("Release <release@example.com>")
    world.trustkit.env["GNUPGHOME"] = str(signer.home)
    world.trustkit.env["TRUSTKIT_REGISTRY_REGISTRIES_D"] = str(containers.registries_d)
    world.trustkit.must("sign", "--format", "simple-signing", "--key", f"gpg:{fingerprint}", world.name())
    archive = f"oci-archive:{tmp_path / 'web.tar'}"
    assert world.copy(world.name(), archive).status == 0
    ring = signer.public(fingerprint)
    known = f"exactReference={world.name()}"
    assert world.trustkit.run("verify", "--gpg-key", ring, "--signed-identity", known, archive).status == 0


def test_a_large_layer_goes_in_pieces_to_every_registry(
    world: World, registry: Registry, referrers_registry: Registry, tmp_path: Path
) -> None:
    content = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(700_000))
    digest = registry.push(build(files={"large": content}), world.repository, "large")
    for target in (registry.reference(f"{world.repository}-copy", "v1"), referrers_registry.reference("large", "v1")):
        done = world.copy(world.name("large"), target)
        assert done.status == 0, done.said
        pulled = run(["skopeo", "--insecure-policy", "copy", "--src-tls-verify=false",
                      f"docker://{target}", f"dir:{tmp_path / target.replace('/', '_')}"])  # fmt: skip
        assert pulled.status == 0, pulled.said
        shown = json.loads(world.trustkit.run("inspect", "--evidence", "--output", "json", target).stdout)
        assert shown[0]["digest"] == digest


def test_a_blob_that_the_registry_spoilt_is_refused(world: World, image: Image, start_registry: Starter) -> None:
    spoilt = start_registry()
    spoilt.push(image, world.repository, "v1")
    file = spoilt.blob(image.layers[0])
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    target = world.first.reference(f"{world.repository}-new", "v1")
    done = world.copy(spoilt.reference(world.repository, "v1"), target)
    assert done.status == 1, done.said
    assert world.trustkit.run("verify", "--key", world.public, target).status == 3


def test_more_referrers_than_can_be_read_are_an_error(world: World, image: Image, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    assert world.copy(world.name(), f"oci:{layout}:v1").status == 0
    place = LayoutFolder(layout)
    subject = Descriptor(OCI_MANIFEST, Digest.parse(image.digest), len(image.manifest))
    config = Descriptor(OCI_EMPTY, place.put_blob(b"{}"), 2)
    for number in range(limits.EVIDENCE_ITEMS):
        manifest = Manifest(OCI_MANIFEST, config, (), subject, "example/note", {"number": str(number)})
        content = manifest_bytes(manifest)
        place.attach(descriptor_of(content, OCI_MANIFEST), content, subject.digest)
    done = world.copy(f"oci:{layout}:v1", f"oci-archive:{tmp_path / 'web.tar'}")
    assert done.status == 1
    assert "more than 64 referrers" in done.stderr
    assert not (tmp_path / "web.tar").exists()


def test_a_listed_size_that_is_wrong_is_refused(world: World, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    assert world.copy(world.name(), f"oci:{layout}:v1").status == 0
    index = json.loads((layout / "index.json").read_bytes())
    for one in index["manifests"]:
        one["size"] += 0 if one.get("annotations") else 1
    (layout / "index.json").write_text(json.dumps(index), encoding="utf-8")
    assert world.copy(f"oci:{layout}:v1", f"oci-archive:{tmp_path / 'web.tar'}").status == 1


def test_a_copy_that_is_killed_leaves_no_tag_and_no_archive(world: World, tmp_path: Path) -> None:
    content = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(700_000))
    world.first.push(build(files={"large": content}), world.repository, "large")
    process = world.trustkit.start("copy", world.name("large"), f"oci-archive:{tmp_path / 'web.tar'}")
    process.wait_until(lambda: any(tmp_path.glob(".web.tar.*")))
    process.signal(signal.SIGKILL)
    process.stop()
    assert not (tmp_path / "web.tar").exists()


def test_a_digest_that_is_another_image_is_a_mistake(world: World) -> None:
    other = world.first.push(build(command=("/bin/false",)), world.repository, "other")
    assert world.copy(world.name(), f"{world.first.host}/{world.repository}-x@{other}").status == 2


def test_by_digest_no_tag_is_made(world: World, image: Image) -> None:
    target = f"{world.first.host}/{world.repository}-x@{image.digest}"
    assert world.copy(world.name(), target).status == 0
    assert world.evidence(target) == world.evidence(world.name())
    assert world.trustkit.run("verify", "--key", world.public, target.partition("@")[0]).status == 3
