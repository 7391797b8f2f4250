"""Grants between us and the real cosign, and grants by identities that certificates name."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers import fake_sigstore
from peers.fake_sigstore import FakeSigstore
from peers.images import Image
from peers.logs import records
from peers.registry import Registry
from peers.relay import relay
from peers.signed import Signed
from peers.tools import Cosign, Ran
from peers.trustkit import Trustkit

IDP = "https://idp.example"
RULE = "require.image.registries"
TYPE = "https://trustkit.dev/break-glass/v1"
POLICY = """
apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: prod}
spec:
  trust:
    keys: {release: {pem: keys/release.pub}, dev: {pem: keys/dev.pub}, oncall: {pem: keys/oncall.pub}}
    roots: {sigstore: {sigstore: root.json}}
    identities: {people: {issuer: 'https://idp.example', subjectRegex: '.*@acme[.]example'}}
  verify: {signatures: {key: release}}
  require: {image: {registries: [nowhere.example]}}
  exceptions:
    breakGlass:
      enabled: true
      grant: signed
      approvers: {count: 1, of: [oncall, people]}
      maxDuration: 8h
      skip: [require.image.registries]
"""


@pytest.fixture(scope="module")
def services() -> Iterator[FakeSigstore]:
    with fake_sigstore.serve() as fake:
        yield fake


class Scene:
    """A signed image that the policy refuses, and people who may let it through."""

    def __init__(self, trustkit: Trustkit, signed: Signed, services: FakeSigstore, image: Image) -> None:
        self.trustkit, self.services = trustkit, services
        trustkit.env["TRUSTKIT_PASSWORD"] = "x"
        for name in ("dev", "oncall"):
            trustkit.must("key", "generate", name)
        self.root = trustkit.home / "root.json"
        self.root.write_text(json.dumps(services.trusted_root()))
        (trustkit.home / "policy.yaml").write_text(POLICY)
        (trustkit.home / "config.toml").write_text('[trust]\npolicy = "policy.yaml"\n')
        self.image, self.file = signed.push(image), trustkit.home / "grant.jsonl"

    def person(self, who: str) -> tuple[str, ...]:
        url = self.services.url
        token = fake_sigstore.identity_token(f"{who}@acme.example", IDP)
        stamp = ("--timestamp-url", f"{url}/api/v1/timestamp", "--trusted-root", str(self.root))
        return ("--identity-token", token, "--fulcio-url", url, "--rekor-url", url, *stamp)

    def request(self, *who: str) -> None:
        words = ("--rule", RULE, "--reason", "INC-7", "--for", "1h", "-o", self.file)
        self.trustkit.must("break-glass", "request", self.image, *words, *who)

    def approve(self, *who: str) -> Ran:
        return self.trustkit.run("break-glass", "approve", self.file, *who)

    def add(self) -> Ran:
        return self.trustkit.run("break-glass", "add", self.file)

    def admitted(self) -> bool:
        return self.trustkit.run("admit", self.image).status == 0


@pytest.fixture
def scene(trustkit: Trustkit, registry: Registry, repository: str, services: FakeSigstore, image: Image) -> Scene:
    return Scene(trustkit, Signed(trustkit, registry, repository), services, image)


def test_people_ask_and_approve_by_their_identities(scene: Scene) -> None:
    scene.request(*scene.person("alice"))
    mine = scene.approve(*scene.person("alice"))
    assert (mine.status, "is yours" in mine.stderr) == (1, True), mine.said
    assert scene.approve(*scene.person("bob")).status == 0
    assert scene.add().status == 0
    done = scene.trustkit.json("admit", scene.image)
    assert isinstance(done, dict)
    assert done["verdict"] == "allow"
    assert any(
        "requested by people (alice@acme.example), approved by people" in one["message"] for one in done["findings"]
    )


def test_a_person_who_signs_twice_approves_nothing(scene: Scene) -> None:
    scene.request(*scene.person("alice"))
    scene.file.write_bytes(scene.file.read_bytes() * 2)
    done = scene.add()
    assert (done.status, "nobody but its requester" in done.stderr) == (1, True), done.said
    assert not scene.admitted()


def test_the_real_cosign_verifies_the_signatures_of_a_grant(scene: Scene, cosign3: Cosign) -> None:
    scene.request("--key", "dev")
    assert scene.approve("--key", "oncall").status == 0
    scene.trustkit.must("break-glass", "add", scene.file, "--push", scene.image)
    words = ("--type", TYPE, "--insecure-ignore-tlog", "--private-infrastructure", scene.image)
    for name in ("dev", "oncall"):
        cosign3.must("verify-attestation", "--key", scene.trustkit.home / "keys" / f"{name}.pub", *words)
    stranger = cosign3.generate_key()[1]
    assert cosign3.run("verify-attestation", "--key", stranger, *words).status != 0
    assert scene.admitted()


def test_a_grant_that_may_be_beside_its_image_is_on_record_as_unknown(scene: Scene, registry: Registry) -> None:
    scene.request("--key", "dev")
    assert scene.approve("--key", "oncall").status == 0
    with relay(registry.host) as way:
        way.refuses = lambda asked: asked.startswith("PUT ") and "/manifests/" in asked
        beside = f"{way.host}/{scene.image.partition('/')[2]}"
        done = scene.trustkit.run("break-glass", "add", scene.file, "--push", beside)
    assert done.status == 3, done.said
    (record,) = records(scene.trustkit, "breakglass.added")
    assert (record["outcome"], "may_be_published" in str(record["body"])) == ("unknown", True)


def test_a_grant_that_the_real_cosign_attests_counts(scene: Scene, cosign3: Cosign, tmp_path: Path) -> None:
    private, public = cosign3.generate_key()
    (scene.trustkit.home / "keys" / "oncall.pub").write_bytes(public.read_bytes())
    scene.request("--key", "dev")
    shown = scene.trustkit.json("break-glass", "show", scene.file)
    assert isinstance(shown, dict)
    names = ("id", "namespace", "rules", "requester", "reason", "notBefore", "notAfter")
    predicate = tmp_path / "grant.json"
    predicate.write_text(json.dumps({name: shown[name] for name in names}))
    digest = str(shown["image"])
    pinned = f"{scene.image.rpartition(':')[0]}@{digest}"
    words = ("--use-signing-config=false", "--tlog-upload=false", "--type", TYPE, "--predicate", predicate)
    assert not scene.admitted()
    cosign3.must("attest", "--key", private, *words, "--yes", pinned)
    assert not scene.admitted()
    # an approval alone is none: who asks has to have signed as well
    scene.trustkit.must("attest", "--key", "dev", "--type", TYPE, "--predicate", predicate, pinned)
    assert scene.admitted()
