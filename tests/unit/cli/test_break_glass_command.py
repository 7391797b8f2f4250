"""`trustkit break-glass`: asked, approved, put in force, looked at; and everybody who may not."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from peers import images
from trustkit import app
from trustkit.cli.main import run
from trustkit.errors import MalformedError, RefusedGrantError, SubjectMismatchError, TrustkitError, UsageError
from trustkit.fips import keyfile
from trustkit.fips.parse import public_key_to_pem
from trustkit.fips.select import provider
from trustkit.model.reference import ImageRef
from trustkit.oci.layout import LayoutFolder
from trustkit.oci.push import push
from trustkit.signing.sign import Subjected, sign

KEYS = {name: provider().generate("ecdsa-p256") for name in ("release", "dev", "oncall", "stranger")}
FILES = {name: keyfile.write(key, b"x") for name, key in KEYS.items()}
POLICY = """
apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: prod}
spec:
  trust: {keys: {release: {pem: release.pub}, dev: {pem: dev.pub}, oncall: {pem: oncall.pub}}}
  verify:
    signatures: {key: release}
    attestations: {scan: {type: https://scan.example/v1, by: {key: release}}}
  exceptions:
    breakGlass:
      enabled: true
      grant: signed
      approvers: {count: 1, of: [{key: oncall}]}
      maxDuration: 8h
      skip: [verify.attestations.scan]
      neverSkip: [verify.signatures]
      audit: {alert: true, reviewWithin: 24h}
"""
RULE = "verify.attestations.scan"


class Scene:
    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        for name, key in KEYS.items():
            (folder / f"{name}.pub").write_bytes(public_key_to_pem(key.public))
            self.write(name, FILES[name])
        (folder / "policy.yaml").write_text(POLICY)
        self.image = self.stored("images")
        self.grant = folder / "grant.jsonl"

    def write(self, name: str, key: bytes) -> None:
        file = self.folder / f"{name}.key"
        file.touch(mode=0o600)
        file.write_bytes(key)

    def stored(self, name: str) -> str:
        layout = self.folder / name
        layout.mkdir()
        images.write_layout(images.build(files={"name": name.encode()}), layout, "1.0")
        place, ref = LayoutFolder(layout), f"oci:{layout}:1.0"
        subject = place.manifest("1.0").descriptor
        push(sign(Subjected(subject.digest, ImageRef.parse(ref).name), KEYS["release"]), subject, place)
        return ref

    def run(self, *words: str | Path) -> int:
        return run([*map(str, words)])

    def json(self, *words: str | Path) -> dict[str, object]:
        self.capsys.readouterr()
        self.run(*words, "--output", "json")
        found = json.loads(self.capsys.readouterr().out)
        assert isinstance(found, dict)
        return found

    def key(self, name: str) -> tuple[str, str]:
        return "--key", f"{self.folder}/{name}.key"

    def request(self, by: str = "dev", rule: str = RULE, span: str = "4h", *more: str) -> None:
        words = ("--rule", rule, "--reason", "INC-7", "--for", span, "-o", self.grant)
        assert self.run("break-glass", "request", self.image, *words, *self.key(by), *more) == 0

    def approve(self, by: str = "oncall") -> None:
        assert self.run("break-glass", "approve", self.grant, *self.key(by)) == 0

    def add(self, *more: str) -> dict[str, object]:
        return self.json("break-glass", "add", self.grant, *more)

    def admitted(self) -> bool:
        return self.run("admit", self.image) == 0


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Scene:
    monkeypatch.setenv("TRUSTKIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRUSTKIT_TRUST_POLICY", str(tmp_path / "policy.yaml"))
    monkeypatch.setenv("TRUSTKIT_PASSWORD", "x")
    monkeypatch.delenv("TRUSTKIT_CONFIG", raising=False)
    return Scene(tmp_path, capsys)


def test_a_grant_goes_from_request_to_review(scene: Scene) -> None:
    assert not scene.admitted()
    scene.request()
    scene.approve()
    grant = scene.add()["id"]
    assert scene.admitted()
    listed = scene.json("break-glass", "list")
    assert [(one["id"], one["holds"]) for one in listed["grants"]] == [(grant, True)]
    assert [(one["grant"], one["uses"], one["state"]) for one in listed["reviews"]] == [(grant, 1, "open")]
    assert scene.run("break-glass", "review", str(grant), "--note", "scanner mended") == 0
    reviews = scene.json("break-glass", "list")["reviews"]
    assert (reviews[0]["state"], reviews[0]["note"]) == ("reviewed", "scanner mended")


def test_a_removed_grant_no_longer_counts(scene: Scene) -> None:
    scene.request()
    scene.approve()
    grant = str(scene.add()["id"])
    assert scene.run("break-glass", "remove", grant) == 0
    assert not scene.admitted()
    with pytest.raises(UsageError, match="no grant"):
        scene.run("break-glass", "remove", grant)


def test_a_grant_pushed_beside_its_image_counts(scene: Scene) -> None:
    scene.request()
    scene.approve()
    scene.add("--push", scene.image)
    assert not (scene.folder / "home" / "break-glass").exists()
    assert scene.admitted()


def test_a_grant_is_not_pushed_beside_another_image(scene: Scene) -> None:
    scene.request()
    scene.approve()
    with pytest.raises(SubjectMismatchError):
        scene.add("--push", scene.stored("other"))


def test_who_asks_does_not_approve(scene: Scene) -> None:
    scene.request(by="oncall")
    with pytest.raises(RefusedGrantError, match="is yours"):
        scene.approve()


def test_who_asks_does_not_approve_by_a_second_name_of_the_key(scene: Scene) -> None:
    scene.request(by="oncall")
    scene.write("second", FILES["oncall"])
    with pytest.raises(RefusedGrantError, match="is yours"):
        scene.approve(by="second")


@pytest.mark.parametrize(
    ("request_by", "rule", "span", "approve_by", "reason"),
    [
        ("dev", RULE, "4h", "", "needs the approval of oncall"),
        ("dev", RULE, "4h", "stranger", "needs the approval of oncall"),
        ("stranger", RULE, "4h", "oncall", "is not signed by its requester"),
        ("dev", RULE, "9h", "oncall", "holds longer than"),
        ("dev", "verify.signatures", "4h", "oncall", "never lets it be broken"),
        ("dev", "require.sbom", "4h", "oncall", "lets no grant do so"),
    ],
)
def test_what_the_policy_does_not_take_is_not_put_in_force(
    scene: Scene, request_by: str, rule: str, span: str, approve_by: str, reason: str
) -> None:
    scene.request(request_by, rule, span)
    if approve_by:
        scene.approve(approve_by)
    with pytest.raises(RefusedGrantError) as caught:
        scene.add()
    assert reason in caught.value.message
    assert scene.run("break-glass", "show", scene.grant) == 1
    assert not scene.admitted()


def test_without_terms_no_grant_is_taken(scene: Scene) -> None:
    (scene.folder / "policy.yaml").write_text(POLICY.partition("  exceptions:")[0])
    scene.request()
    scene.approve()
    with pytest.raises(RefusedGrantError, match="no terms of break-glass"):
        scene.add()


def test_a_grant_that_ended_is_approved_by_nobody(scene: Scene) -> None:
    scene.request("dev", RULE, "30m", "--from", "2020-01-01")
    with pytest.raises(RefusedGrantError, match="ended at"):
        scene.approve()


def test_a_request_writes_over_nothing(scene: Scene) -> None:
    scene.request()
    with pytest.raises(UsageError, match="already there"):
        scene.request()


@pytest.mark.parametrize("span", ["0h", "4", "soon", "-1h"])
def test_a_span_that_is_none_is_refused(scene: Scene, span: str) -> None:
    with pytest.raises((UsageError, SystemExit)):
        scene.request("dev", RULE, span)
    assert not scene.grant.exists()


@pytest.mark.parametrize("rule", ["", "a b", "x" * 300])
def test_a_rule_that_is_none_is_refused(scene: Scene, rule: str) -> None:
    with pytest.raises(MalformedError):
        scene.request("dev", rule)


def test_a_file_that_is_no_grant_is_refused(scene: Scene) -> None:
    scene.grant.write_text("{}")
    with pytest.raises(TrustkitError):
        scene.approve()


def test_a_review_that_is_late_is_overdue_and_told_by_the_status(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.request()
    scene.approve()
    grant = str(scene.add()["id"])
    assert scene.admitted()
    assert scene.run("break-glass", "list", "--check") == 0
    later = app.now() + timedelta(hours=25)
    monkeypatch.setattr(app, "now", lambda: later)
    assert scene.json("break-glass", "list")["reviews"][0]["state"] == "overdue"
    assert scene.run("break-glass", "list", "--check") == 1
    scene.run("break-glass", "review", grant, "--note", "late, and fine")
    assert scene.run("break-glass", "list", "--check") == 0


def test_what_was_never_used_has_nothing_to_review(scene: Scene) -> None:
    scene.request()
    scene.approve()
    grant = str(scene.add()["id"])
    with pytest.raises(UsageError, match="has no use on record"):
        scene.run("break-glass", "review", grant, "--note", "x")


def what_if(scene: Scene, draft: str) -> dict[str, object]:
    (scene.folder / "draft.yaml").write_text(draft)
    return scene.json("policy", "what-if", scene.folder / "draft.yaml")


def test_what_if_does_not_call_it_a_flip_that_a_grant_let_through(scene: Scene) -> None:
    scene.request()
    scene.approve()
    scene.add()
    assert scene.admitted()
    found = what_if(scene, POLICY)
    assert (found["flips"], len(found["unknown"])) == ([], 1)
    assert "let it through then, and records hold no grants" in found["unknown"][0]["reason"]


PLAIN = POLICY.partition("  verify:")[0] + "  verify: {signatures: {key: release}}\n"
TERMS = """
  exceptions:
    breakGlass:
      {enabled: true, grant: signed, approvers: {count: 1, of: [oncall]}, maxDuration: 1h, skip: [verify.signatures]}
"""


def test_what_if_knows_that_terms_alone_let_nothing_through(scene: Scene) -> None:
    (scene.folder / "policy.yaml").write_text(PLAIN)
    assert scene.admitted()
    found = what_if(scene, PLAIN.replace("key: release}", "key: dev}") + TERMS)
    assert (len(found["flips"]), found["unknown"]) == (1, [])
