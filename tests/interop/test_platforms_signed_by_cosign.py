"""Images for several platforms, signed by the real cosign: what counts as covered by `verify.subjects.index`."""

import pytest

from peers import images
from peers.registry import Registry
from peers.tools import Cosign
from peers.trustkit import Trustkit

POLICY = """apiVersion: trustkit.dev/v1
kind: Policy
metadata: {{name: platforms}}
spec:
  trust: {{keys: {{release: {{pem: {key}}}}}}}
  verify: {{subjects: {{index: {subjects}}}, signatures: {{key: release}}}}
"""
ARM = images.build(architecture="arm64", files={"etc/arch": b"arm64"})
AMD = images.build(files={"etc/arch": b"amd64"})
# what BuildKit puts beside the platforms
BUILDKIT = images.build(files={"etc/provenance": b"{}"}, config={"User": "1"})
INDEX = images.index({"linux/amd64": AMD, "linux/arm64": ARM, "unknown/unknown": BUILDKIT})


FLAGS = {
    "cosign2": ("--tlog-upload=false",),
    "cosign3": ("--use-signing-config=false", "--tlog-upload=false"),
}


class Scene:
    def __init__(self, trustkit: Trustkit, registry: Registry, repository: str, tool: str) -> None:
        self.trustkit, self.registry, self.repository = trustkit, registry, repository
        self.tool, self.cosign = tool, Cosign(tool, trustkit.home.parent / "cosign")
        self.private, self.public = self.cosign.generate_key()
        self.index = registry.push(INDEX, repository, "latest")
        self.amd, self.arm = (images.digest_of(one.manifest) for one in (AMD, ARM))

    def sign(self, *digests: str, recursive: bool = False) -> None:
        options = (*FLAGS[self.tool], "--yes", *(["--recursive"] if recursive else []))
        for digest in digests:
            name = self.registry.reference(self.repository, digest)
            self.cosign.must("sign", "--key", self.private, *options, name)

    def verify(self, subjects: str, platform: str = "linux/amd64") -> tuple[int, str]:
        """Return the exit status and what was said."""
        file = self.trustkit.home / f"{subjects}.yaml"
        file.write_text(POLICY.format(key=self.public, subjects=subjects))
        name = self.registry.reference(self.repository)
        done = self.trustkit.run("verify", "--policy", file, "--platform", platform, name)
        return done.status, done.said

    def admitted(self) -> set[str]:
        found = {name: self.verify(name)[0] for name in ("indexOnly", "allReferenced", "platform")}
        assert set(found.values()) <= {0, 1}
        return {name for name, status in found.items() if status == 0}


@pytest.fixture(params=sorted(FLAGS))
def scene(request: pytest.FixtureRequest, trustkit: Trustkit, registry: Registry, repository: str) -> Scene:
    return Scene(trustkit, registry, repository, request.param)


def test_cosigns_recursive_signatures_cover_everything(scene: Scene) -> None:
    scene.sign(scene.index, recursive=True)
    assert scene.admitted() == {"indexOnly", "allReferenced", "platform"}


def test_a_signature_of_the_index_covers_the_index_alone(scene: Scene) -> None:
    scene.sign(scene.index)
    assert scene.admitted() == {"indexOnly"}


def test_a_signature_of_the_manifest_that_would_run_covers_it_alone(scene: Scene) -> None:
    scene.sign(scene.amd)
    assert scene.admitted() == {"platform"}
    assert scene.verify("platform", "linux/arm64")[0] == 1


def test_all_platforms_without_the_index_are_not_all(scene: Scene) -> None:
    scene.sign(scene.amd, scene.arm)
    assert scene.admitted() == {"platform"}


def test_buildkits_attestations_need_no_signature(scene: Scene) -> None:
    scene.sign(scene.index, scene.amd, scene.arm)
    assert scene.admitted() == {"indexOnly", "allReferenced", "platform"}


def test_the_missing_platform_is_named(scene: Scene) -> None:
    scene.sign(scene.index, scene.amd)
    status, told = scene.verify("allReferenced")
    assert (status, "linux/arm64: requires a signature by release" in told) == (1, True)


def test_in_kubernetes_one_platform_is_not_enough(scene: Scene) -> None:
    scene.sign(scene.amd)
    scene.verify("platform")
    question = scene.trustkit.home / "question.yaml"
    question.write_text(f"image: {scene.registry.reference(scene.repository)}\nrequest: {{engine: kubernetes}}\n")
    words = ("admit", "--request", question, "--policy", scene.trustkit.home / "platform.yaml")
    assert scene.trustkit.run(*words).status == 1
    scene.sign(scene.arm)
    assert scene.trustkit.run(*words).status == 0
