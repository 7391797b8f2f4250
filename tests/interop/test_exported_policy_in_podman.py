"""A policy of ours, exported as policy.json, in the hands of the real podman (and so of CRI-O's library)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from peers import images
from peers.registry import Registry
from peers.signed import Signed
from peers.tools import Ran, run
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
    def __init__(self, trustkit: Trustkit, signed: Signed, folder: Path) -> None:
        self.trustkit, self.signed, self.folder = trustkit, signed, folder
        (folder / "policy.yaml").write_text(POLICY.replace("KEY", str(signed.key_ring / "release.pub")))
        self.exported = folder / "policy.json"
        made = trustkit.must("policy", "export", folder / "policy.yaml", "--to", "policy.json")
        self.exported.write_text(made.stdout)
        attached = trustkit.user_home / ".config" / "containers" / "registries.d"
        attached.mkdir(parents=True)
        (attached / "default.yaml").write_text("default-docker:\n  use-sigstore-attachments: true\n")

    def podman(self, reference: str) -> Ran:
        where = ["--root", self.folder / "root", "--runroot", self.folder / "run", "--storage-driver", "vfs"]
        words = ["podman", *where, "pull", "--tls-verify=false", "--signature-policy", self.exported, reference]
        return run(words, env=self.trustkit.env)

    def ours(self, reference: str) -> int:
        return self.trustkit.run("admit", "--policy", self.folder / "policy.yaml", reference).status


@pytest.fixture
def world(trustkit: Trustkit, registry: Registry, repository: str) -> Iterator[World]:
    # podman wants a run root of at most 50 characters
    with short_folder("pod") as folder:
        yield World(trustkit, Signed(trustkit, registry, repository), folder)


def test_podman_reads_the_export_and_never_pulls_without_checking(world: World, image: images.Image) -> None:
    reference = world.signed.push(image)
    done = world.podman(reference)
    # Debian builds podman 4 without sigstore: there a key of ours admits nothing, which fails closed.
    assert done.status == 0 or "sigstore disabled" in done.stderr, done.said
    assert world.ours(reference) == 0


def test_podman_refuses_what_we_refuse(world: World, image: images.Image) -> None:
    reference = world.signed.push(image, sign=False)
    done = world.podman(reference)
    assert done.status != 0
    assert "signature" in done.stderr, done.said
    assert world.ours(reference) == 1
