"""The fixtures themselves: each peer starts, does its work and is gone afterwards."""

import http.client
import json
import ssl
import subprocess
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from peers import engines, images, workspace
from peers.misbehaving import Answer, MisbehavingRegistry
from peers.processes import Process, alive, listens_on_socket
from peers.registry import Registry, Tls
from peers.registry import referrers_registry as run_referrers_registry
from peers.tools import Cosign

ACCEPT = f"{images.OCI_MANIFEST}, {images.OCI_INDEX}, */*"


def get(url: str) -> bytes:
    """Return what a plain GET brings."""
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": ACCEPT}), timeout=10) as answer:
        return bytes(answer.read())


def test_the_same_image_has_the_same_digest() -> None:
    assert images.build(files={"a": b"1"}).digest == images.build(files={"a": b"1"}).digest


def test_a_pushed_image_comes_back_byte_for_byte(registry: Registry, repository: str, image: images.Image) -> None:
    digest = registry.push(image, repository, "1")
    assert get(f"http://{registry.host}/v2/{repository}/manifests/{digest}") == image.manifest


def test_a_blob_of_the_registry_is_a_file(registry: Registry, repository: str, image: images.Image) -> None:
    registry.push(image, repository, "1")
    assert registry.blob(image.layers[0]).read_bytes() == image.blobs[image.layers[0]]


def test_an_index_is_pushed_with_its_children(
    registry: Registry, repository: str, multi_arch_image: images.Image
) -> None:
    registry.push(multi_arch_image, repository, "1")
    child = multi_arch_image.children[1]
    assert get(f"http://{registry.host}/v2/{repository}/manifests/{child.digest}") == child.manifest


def test_a_registry_with_a_password_takes_the_right_one(
    start_registry: Callable[..., Registry], image: images.Image
) -> None:
    guarded = start_registry(password=True)
    assert guarded.push(image, "app", "1") == image.digest


def test_a_registry_with_a_password_refuses_without(
    start_registry: Callable[..., Registry], image: images.Image
) -> None:
    guarded = start_registry(password=True)
    with pytest.raises(images.PeerError, match="401"):
        images.push(image, guarded.host, "app", "1")


def test_one_registry_has_the_referrers_api(referrers_registry: Registry, repository: str, image: images.Image) -> None:
    referrers_registry.push(image, repository, "1")
    answer = json.loads(get(f"http://{referrers_registry.host}/v2/{repository}/referrers/{image.digest}"))
    assert answer["manifests"] == []


def test_a_stopped_registry_is_gone() -> None:
    with run_referrers_registry() as running:
        pid = running.process.pid
    assert not alive(pid)


@pytest.mark.parametrize("name", ["cosign2", "cosign3"])
def test_cosign_makes_a_key(name: str, tmp_path: Path) -> None:
    private, public = Cosign(name, tmp_path).generate_key()
    assert b"ENCRYPTED SIGSTORE PRIVATE KEY" in private.read_bytes()
    assert public.read_bytes().startswith(b"-----BEGIN PUBLIC KEY-----")


def test_containerd_answers_and_runs_no_cri(containerd: engines.Containerd) -> None:
    assert listens_on_socket(containerd.socket)
    assert "grpc.v1.cri" not in containerd.ctr("plugins", "ls").stdout


def test_a_cleared_folder_has_no_processes_and_no_mounts() -> None:
    with workspace.short_folder("self") as folder:
        sleeper = Process(["sleep", "600"], log=folder / "log", env={"TRUSTKIT_HOME": str(folder)})
        (folder / "m").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "none", str(folder / "m")], check=True)
    assert not sleeper.running()
    assert not folder.exists()


def test_a_network_namespace_has_only_loopback(netns: str) -> None:
    links = engines.ip("-n", netns, "-o", "link").splitlines()
    assert [line.split(": ")[1] for line in links if "DOWN" not in line] == ["lo"]


def test_the_fake_follows_its_script_and_then_serves(
    misbehaving_registry: MisbehavingRegistry, image: images.Image
) -> None:
    misbehaving_registry.serve(image, "app", "1")
    misbehaving_registry.script("GET", "/v2/app/manifests/1", Answer(503))
    with pytest.raises(urllib.error.HTTPError, match="503"):
        get(f"http://{misbehaving_registry.host}/v2/app/manifests/1")
    assert get(f"http://{misbehaving_registry.host}/v2/app/manifests/1") == image.manifest


def test_the_fake_cuts_a_body_short(misbehaving_registry: MisbehavingRegistry) -> None:
    misbehaving_registry.always("GET", "/x", Answer(body=b"0123456789", cut_at=4))
    with pytest.raises(http.client.IncompleteRead):
        get(f"http://{misbehaving_registry.host}/x")


def test_the_fake_speaks_tls(misbehaving_tls_registry: MisbehavingRegistry, tls: Tls) -> None:
    context = ssl.create_default_context(cafile=str(tls.ca_file))
    with urllib.request.urlopen(f"https://{misbehaving_tls_registry.host}/v2/", context=context) as answer:
        assert answer.status == 200


def test_archives_hold_the_image(tmp_path: Path, image: images.Image) -> None:
    images.write_oci_archive(image, tmp_path / "oci.tar", "1")
    images.write_docker_archive(image, tmp_path / "docker.tar", "app:1")
    with tarfile.open(tmp_path / "oci.tar") as tar:
        assert f"blobs/sha256/{image.digest.removeprefix('sha256:')}" in tar.getnames()
    with tarfile.open(tmp_path / "docker.tar") as tar:
        assert "manifest.json" in tar.getnames()
