"""A policy of ours, exported as policy.json, in the hands of the real podman 4 and 5 (and so of CRI-O's library)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from peers import images
from peers.podman import Podman, podman5
from peers.registry import Registry
from peers.signed import Signed
from peers.tools import Cosign, Ran
from peers.trustkit import Trustkit
from peers.workspace import short_folder

POLICY = """
apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: exported}
spec:
  trust: {keys: {release: {pem: KEY}}}
  verify: {signatures: {key: release}}
"""


class World:
    def __init__(self, trustkit: Trustkit, signed: Signed, folder: Path, program: Sequence[str | Path]) -> None:
        self.trustkit, self.signed, self.folder = trustkit, signed, folder
        self.engine = Podman(folder, program=program)
        (folder / "policy.yaml").write_text(POLICY.replace("KEY", str(signed.key_ring / "release.pub")))
        self.exported = folder / "policy.json"
        made = trustkit.must("policy", "export", folder / "policy.yaml", "--to", "policy.json")
        self.exported.write_text(made.stdout)
        attached = folder / ".config/containers/registries.d"
        attached.mkdir(parents=True)
        (attached / "default.yaml").write_text("default-docker:\n  use-sigstore-attachments: true\n")

    def podman(self, reference: str) -> Ran:
        return self.engine.run("pull", "--tls-verify=false", "--signature-policy", self.exported, reference)

    def ours(self, reference: str) -> int:
        return self.trustkit.run("admit", "--policy", self.folder / "policy.yaml", reference).status


def world_of(trustkit: Trustkit, signed: Signed, program: Sequence[str | Path]) -> Iterator[World]:
    # podman wants a run root of at most 50 characters
    with short_folder("pod") as folder:
        yield World(trustkit, signed, folder, program)


@pytest.fixture
def signed(trustkit: Trustkit, registry: Registry, repository: str) -> Signed:
    return Signed(trustkit, registry, repository)


@pytest.fixture
def world(trustkit: Trustkit, signed: Signed) -> Iterator[World]:
    yield from world_of(trustkit, signed, podman5())


@pytest.fixture
def old_world(trustkit: Trustkit, signed: Signed) -> Iterator[World]:
    yield from world_of(trustkit, signed, ("podman",))


def test_podman_pulls_what_we_admit(world: World, image: images.Image) -> None:
    reference = world.signed.push(image)
    done = world.podman(reference)
    assert (done.status, world.ours(reference)) == (0, 0), done.said


def test_podman_refuses_what_we_refuse(world: World, image: images.Image) -> None:
    reference = world.signed.push(image, sign=False)
    done = world.podman(reference)
    assert (done.status != 0, "no signature exists" in done.stderr, world.ours(reference)) == (True, True, 1), done.said


def test_podman_refuses_what_another_key_signed(world: World, image: images.Image, cosign2: Cosign) -> None:
    reference = world.signed.push(image, sign=False)
    stranger, _ = cosign2.generate_key("stranger")
    cosign2.must(
        "sign", "--key", stranger, "--tlog-upload=false", "--yes", reference.replace(":latest", f"@{image.digest}")
    )
    done = world.podman(reference)
    assert (done.status != 0, "invalid signature" in done.stderr, world.ours(reference)) == (True, True, 1), done.said


def test_podman_without_sigstore_pulls_nothing_that_needs_a_key(old_world: World, image: images.Image) -> None:
    done = old_world.podman(old_world.signed.push(image))
    # Debian builds podman 4 without sigstore: there a key of ours admits nothing, which fails closed
    assert (done.status != 0, "sigstore disabled" in done.stderr) == (True, True), done.said
