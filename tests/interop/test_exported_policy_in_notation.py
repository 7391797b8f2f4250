"""`policy export --to trustpolicy.json`, given to the real notation: it says what trustkit says."""

import json
from pathlib import Path

import pytest

from peers.images import Image, build
from peers.notation import Notation
from peers.registry import Registry
from peers.trustkit import Trustkit

POLICY = """apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: prod}
spec:
  match: {images: IMAGES}
  trust:
    roots: {x509: {acme: ROOT}}
    keys: {one: {pem: KEY}}
    certificates:
      release: {root: acme, subjects: ["C=US, ST=WA, O=acme"]}
      other: {root: acme, subjects: ["C=US, ST=WA, O=x"]}
  verify: {signatures: SIGNATURES}
"""


@pytest.fixture(name="notation", scope="module")
def notation_(tmp_path_factory: pytest.TempPathFactory) -> Notation:
    made = Notation(tmp_path_factory.mktemp("exported"))
    made.trust()
    return made


class Scene:
    def __init__(self, trustkit: Trustkit, notation: Notation, registry: Registry, repository: str) -> None:
        self.trustkit, self.notation, self.registry, self.repository = trustkit, notation, registry, repository
        trustkit.env["TRUSTKIT_PASSWORD"] = "x"
        trustkit.must("key", "generate", "one")

    def export(self, signatures: str, images: str) -> str:
        """Put the policy into notation's hands, and return what was left out."""
        file = self.trustkit.home / "policy.yaml"
        text = (
            POLICY.replace("IMAGES", images).replace("ROOT", str(self.notation.root)).replace("SIGNATURES", signatures)
        )
        file.write_text(text.replace("KEY", str(self.trustkit.home / "keys" / "one.pub")))
        done = self.trustkit.must("policy", "export", file, "--to", "trustpolicy.json")
        self.notation.policy_file.write_text(done.stdout)
        return done.stderr

    def verdicts(self, reference: str) -> tuple[bool, bool]:
        """Whether trustkit and notation let the image pass."""
        ours = self.trustkit.run("verify", "--policy", self.trustkit.home / "policy.yaml", reference)
        return ours.status == 0, self.notation.verify(reference).status == 0


@pytest.fixture
def scene(trustkit: Trustkit, notation: Notation, registry: Registry, repository: str) -> Scene:
    return Scene(trustkit, notation, registry, repository)


def test_notation_admits_and_refuses_as_the_policy_does(scene: Scene, image: Image) -> None:
    name = f"{scene.registry.host}/{scene.repository}"
    reference = f"{name}@{scene.registry.push(image, scene.repository)}"
    unsigned = f"{name}@{scene.registry.push(build(files={'x': b'y'}), scene.repository)}"
    scene.notation.sign(reference)
    for images in ("['**']", f"['{name}']"):
        scene.export("{x509: release}", images)
        assert (scene.verdicts(reference), scene.verdicts(unsigned)) == ((True, True), (False, False))
        scene.export("{x509: other}", images)
        assert scene.verdicts(reference) == (False, False)
    scene.export("{x509: release}", "['elsewhere.example/app']")
    assert scene.verdicts(reference) == (False, False)


def test_what_notation_cannot_say_it_refuses_and_never_lets_pass(scene: Scene, image: Image) -> None:
    reference = f"{scene.registry.host}/{scene.repository}@{scene.registry.push(image, scene.repository)}"
    scene.notation.sign(reference)
    scene.trustkit.must("sign", "--key", "one", reference)
    said = scene.export("{key: one}", "['**']")
    assert "cannot be said there, so the images are denied" in said
    assert scene.verdicts(reference) == (True, False)
    rows = json.loads(Path(scene.notation.policy_file).read_text())["trustPolicies"]
    assert rows[0]["signatureVerification"] == {"level": "strict"}
