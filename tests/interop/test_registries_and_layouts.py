"""Real registries, real skopeo, real cosign: the same image by every way it can come."""

import json
import shutil
import subprocess
import threading
from collections.abc import Mapping
from typing import NamedTuple

import pytest

from peers import images
from trustkit.errors import NotFoundError, UnauthorizedError, UsageError
from trustkit.model.digest import Digest
from trustkit.model.evidence import REFERRERS, TAG_SUFFIX, Place
from trustkit.model.image import Platform
from trustkit.model.reference import ImageRef
from trustkit.net.credentials import Credential
from trustkit.oci.gather import gather
from trustkit.oci.layout import LayoutFolder
from trustkit.oci.open_source import open_repository, open_source
from trustkit.oci.push import push
from trustkit.oci.registry import RegistryOptions
from trustkit.oci.resolve import resolve

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
SIG, ATT, REFERRER = Place(TAG_SUFFIX, ".sig"), Place(TAG_SUFFIX, ".att"), Place(REFERRERS, BUNDLE)
PLACES = (SIG, ATT, REFERRER)
OPTIONS = RegistryOptions()


class Made(NamedTuple):
    place: Place
    media_type: str
    content: bytes
    annotations: Mapping[str, str]
    artifact_type: str = ""
    manifest_annotations: Mapping[str, str] = {}
    config_type: str = ""


def signature(number):
    return Made(SIG, SIMPLE, b'{"n":%d}' % number, {"dev.cosignproject.cosign/signature": str(number)})


def bundle(number):
    note = {"dev.sigstore.bundle.content": "dsse-envelope"}
    return Made(REFERRER, BUNDLE, b'{"n":%d}' % number, {}, BUNDLE, note)


def fetched(text, options=OPTIONS, platform=None):
    ref = ImageRef.parse(text)
    source = open_source(ref, options)
    found = resolve(ref, source, platform)
    for layer in found.layers:
        for _ in source.stream(layer):
            pass
    return found


def skopeo(*args):
    subprocess.run(["skopeo", "--insecure-policy", "copy", "-q", *args], check=True, capture_output=True, timeout=60)


def test_an_image_is_resolved_and_read(registry, repository, image):
    registry.push(image, repository, "1")
    found = fetched(registry.reference(repository, "1"))
    assert (str(found.digest), str(found.platform)) == (image.digest, "linux/amd64")


def test_a_platform_is_chosen(registry, repository, multi_arch_image):
    registry.push(multi_arch_image, repository, "1")
    found = fetched(registry.reference(repository, "1"), platform=Platform("linux", "arm64"))
    assert str(found.digest) == multi_arch_image.digest
    assert str(found.manifest.digest) == multi_arch_image.children[1].digest
    assert str(found.platform) == "linux/arm64"


@pytest.mark.parametrize("fixture", ["image", "multi_arch_image"])
def test_a_platform_that_is_not_there_lists_what_is(registry, repository, fixture, request):
    registry.push(request.getfixturevalue(fixture), repository, "1")
    with pytest.raises(NotFoundError, match="linux/amd64"):
        fetched(registry.reference(repository, "1"), platform=Platform("linux", "s390x"))


@pytest.mark.parametrize("tag", ["2", "sha256:" + "0" * 64])
def test_a_missing_image_is_not_found(registry, repository, image, tag):
    registry.push(image, repository, "1")
    with pytest.raises(NotFoundError, match=repository):
        fetched(registry.reference(repository, tag))


def test_a_registry_behind_a_password(start_registry, image, tmp_path):
    registry = start_registry(password=True)
    registry.push(image, "app", "1")
    with pytest.raises(UnauthorizedError):
        fetched(registry.reference("app", "1"))
    with pytest.raises(UnauthorizedError):
        fetched(registry.reference("app", "1"), OPTIONS._replace(login=Credential("alice", "no")))
    file = tmp_path / "config.json"
    login = {"auth": "YWxpY2U6d29uZGVybGFuZA=="}
    file.write_text(json.dumps({"auths": {registry.host: login}}))
    assert fetched(registry.reference("app", "1"), OPTIONS._replace(credential_files=(file,)))


def test_a_registry_behind_tls(start_registry, tls, image, tmp_path):
    registry = start_registry(tls=tls)
    images.write_layout(image, tmp_path / "l", "1")
    skopeo("--dest-tls-verify=false", f"oci:{tmp_path}/l:1", f"docker://{registry.reference('app', '1')}")
    assert fetched(registry.reference("app", "1"), OPTIONS._replace(ca_file=tls.ca_file))


def test_skopeo_writes_layouts_and_archives_that_are_read(registry, repository, image, tmp_path):
    registry.push(image, repository, "1")
    source = f"docker://{registry.reference(repository, '1')}"
    for target in (f"oci:{tmp_path}/layout:1", f"oci-archive:{tmp_path}/oci.tar:1"):
        skopeo("--src-tls-verify=false", source, target)
        assert str(fetched(target).digest) == image.digest
        assert str(fetched(target.removesuffix(":1")).digest) == image.digest
    skopeo("--src-tls-verify=false", source, f"docker-archive:{tmp_path}/docker.tar:app:1")
    first, again = (fetched(f"docker-archive:{tmp_path}/docker.tar{name}") for name in ("", ":docker.io/library/app:1"))
    assert first.digest == again.digest
    assert first.config_bytes == image.blobs[image.config]


def test_skopeo_reads_the_layout_that_is_written(image, tmp_path):
    layout = LayoutFolder.create(tmp_path / "ours")
    for content in image.blobs.values():
        layout.put_blob(content)
    layout.put_manifest(image.manifest, image.media_type, "1")
    skopeo(f"oci:{tmp_path}/ours:1", f"oci:{tmp_path}/theirs:1")
    assert str(fetched(f"oci:{tmp_path}/theirs:1").digest) == image.digest


def test_a_gzipped_archive_is_read(image, tmp_path):
    images.write_oci_archive(image, tmp_path / "a.tar", "1")
    subprocess.run(["gzip", tmp_path / "a.tar"], check=True)
    assert str(fetched(f"oci-archive:{tmp_path}/a.tar.gz:1").digest) == image.digest


def test_two_images_in_a_layout_must_be_told_apart(image, tmp_path):
    images.write_layout(image, tmp_path / "l", "1")
    images.write_layout(images.build(files={"x": b"x"}), tmp_path / "l", "2")
    with pytest.raises(UsageError, match="1, 2"):
        fetched(f"oci:{tmp_path}/l")


@pytest.fixture(params=["registry", "referrers_registry", "layout"])
def pushed(request, repository, image, tmp_path):
    if request.param == "layout":
        images.write_layout(image, tmp_path / "l", "1")
        return f"oci:{tmp_path}/l:1"
    registry = request.getfixturevalue(request.param)
    registry.push(image, repository, "1")
    return registry.reference(repository, "1")


def found_at(text, places=PLACES):
    ref = ImageRef.parse(text)
    source = open_source(ref, OPTIONS)
    return gather(resolve(ref, source, None).digest, places, source)


def attach(text, *made):
    ref = ImageRef.parse(text)
    where = open_repository(ref, OPTIONS)
    subject = resolve(ref, where, None).root
    return [push(each, subject, where) for each in made]


def test_an_unsigned_image_has_no_evidence(pushed):
    assert found_at(pushed) == ((), True, ())


def test_everything_attached_is_found_again(pushed):
    made = (signature(1), signature(2), bundle(3), bundle(4), signature(5))
    attach(pushed, *made)
    found = found_at(pushed)
    assert found.complete
    assert {each.content for each in found.items} == {each.content for each in made}
    notes = {each.content: dict(each.annotations) for each in found.items}
    assert notes[made[0].content] == made[0].annotations
    assert notes[made[2].content] == made[2].manifest_annotations
    assert fetched(pushed)


def test_attaching_the_same_twice_changes_nothing(pushed):
    once = attach(pushed, signature(1), bundle(2))
    assert attach(pushed, signature(1), bundle(2)) == once
    assert len(found_at(pushed).items) == 2


def test_other_referrers_are_noted_and_not_read(pushed):
    attach(pushed, bundle(1)._replace(artifact_type="application/x-other"))
    found = found_at(pushed)
    assert (found.items, found.complete) == ((), True)
    assert "application/x-other" in found.notes[0]


def test_signers_at_the_same_time_lose_nothing(pushed):
    threads = [threading.Thread(target=attach, args=(pushed, signature(n))) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found_at(pushed, (SIG,)).items) == 3


def test_what_cosign_signs_is_found(registry, repository, image, cosign2, cosign3):
    digest = registry.push(image, repository, "1")
    reference = registry.reference(repository, digest)
    for cosign in (cosign2, cosign3):
        private, _ = cosign.generate_key()
        extra = ["--tlog-upload=false"] if cosign is cosign2 else ["--use-signing-config=false", "--tlog-upload=false"]
        cosign.must("sign", "--key", private, *extra, reference)
    found = found_at(reference)
    assert {each.media_type for each in found.items} == {SIMPLE, BUNDLE}


def test_a_blob_changed_on_the_registrys_disk_is_not_read(start_registry, image):
    from trustkit.errors import DigestMismatchError

    registry = start_registry()
    registry.push(image, "app", "1")
    path = registry.blob(image.layers[0])
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DigestMismatchError):
        fetched(registry.reference("app", "1"))


def test_evidence_that_vanished_makes_the_result_incomplete(tmp_path, image):
    images.write_layout(image, tmp_path / "l", "1")
    text = f"oci:{tmp_path}/l:1"
    attach(text, signature(1), bundle(2))
    (gone,) = [each.digest for each in found_at(text).items if each.media_type == SIMPLE]
    (tmp_path / "l/blobs/sha256" / gone.hex).unlink()
    found = found_at(text)
    assert (len(found.items), found.complete) == (1, False)


def test_a_layout_without_its_marker_is_none(image, tmp_path):
    images.write_layout(image, tmp_path / "l", "1")
    (tmp_path / "l/oci-layout").unlink()
    with pytest.raises(NotFoundError):
        fetched(f"oci:{tmp_path}/l:1")
    shutil.rmtree(tmp_path / "l")
    with pytest.raises(NotFoundError):
        fetched(f"oci:{tmp_path}/l:1")


def test_a_digest_names_an_image_of_a_layout(image, tmp_path):
    images.write_layout(image, tmp_path / "l", "1")
    found = fetched(f"oci:{tmp_path}/l@{image.digest}")
    assert found.digest == Digest.parse(image.digest)
