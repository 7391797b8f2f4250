"""What decides after something changed on disk: the new policy, the one before, or nothing."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from trustkit.admission.in_force import PolicyGate
from trustkit.app import now, policy_gate
from trustkit.audit.log import DecisionLog
from trustkit.config import Config, load
from trustkit.errors import ConfigError, KeyUnavailableError, PolicySyntaxError, TrustkitError
from trustkit.fips.parse import public_key_from_pem, public_key_to_pem
from trustkit.fips.select import provider
from trustkit.model.facts import RequestFacts
from trustkit.model.keys import KeyLife, KeyRevocation
from trustkit.model.reference import ImageRef
from trustkit.policy.document import Policy
from trustkit.signing.key_life import KeyRecord, record_bytes
from trustkit.signing.key_providers import remote

DOCUMENT = """apiVersion: trustkit.dev/v1
kind: Policy
metadata: {{name: {name}}}
spec:
  trust: {{keys: {{release: {{pem: release.pub}}}}, roots: {roots}}}
  verify: {{signatures: {{key: release}}}}
"""
BAD = ("colour: red\n", "- [\n", "", DOCUMENT.format(name="new", roots="{}").replace("release.pub", "missing.pub"))


class Disk:
    """A policy file, its key, a key ring and the settings, as a daemon finds them."""

    def __init__(self, folder: Path) -> None:
        self.home, self.file, self.key = folder / "home", folder / "policy.yaml", folder / "release.pub"
        (self.home / "keys").mkdir(parents=True)
        self.log = DecisionLog(folder / "audit", provider())
        self.environment = {"TRUSTKIT_HOME": str(self.home), "TRUSTKIT_TRUST_POLICY": str(self.file)}
        self.pem = self.write_key()
        self.write()
        self.gate: PolicyGate[Config] = policy_gate(lambda: load(self.environment), self.log)

    def write(self, name: str = "old", roots: str = "{}") -> None:
        self.file.write_text(DOCUMENT.format(name=name, roots=roots))

    def write_key(self) -> bytes:
        pem = public_key_to_pem(provider().generate("ecdsa-p256").public)
        self.key.write_bytes(pem)
        return pem

    def policy(self) -> Policy:
        return self.gate().kit.policy

    def events(self, kind: str) -> list[dict[str, object]]:
        return [record.event.body for record in self.log.records() if record.event.kind == kind]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    found = Disk(tmp_path)
    yield found
    found.log.close()


@pytest.mark.parametrize("text", BAD, ids=["another document", "no YAML", "nothing", "a key that is not there"])
def test_a_bad_document_leaves_the_one_before_in_force(disk: Disk, text: str) -> None:
    before = disk.gate()
    disk.file.write_text(text)
    assert disk.gate() is before
    assert "the policy old of before stays in force" in disk.gate.refused


def test_a_key_that_cannot_be_asked_for_leaves_the_document_before_in_force(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object) -> None:
        raise KeyUnavailableError("the token gives no answer")

    monkeypatch.setattr(remote, "public_pem", silent)
    before = disk.gate()
    disk.file.write_text(DOCUMENT.format(name="new", roots="{}").replace("pem: release.pub", "kms: 'pkcs11:token=no'"))
    assert disk.gate() is before
    assert ("gives no answer" in disk.gate.refused, len(disk.events("policy.refused"))) == (True, 1)


@pytest.mark.parametrize("text", BAD)
def test_a_bad_document_at_the_start_decides_nothing(disk: Disk, text: str) -> None:
    disk.file.write_text(text)
    with pytest.raises(PolicySyntaxError):
        disk.gate()


def test_each_refusal_is_on_record_once(disk: Disk) -> None:
    disk.gate()
    for text in (BAD[0], BAD[0], BAD[1], BAD[1]):
        disk.file.write_text(text)
        disk.gate()
        disk.gate()
    refused = disk.events("policy.refused")
    assert len(refused) == 2
    assert all(event["in_force"] == {"name": "old", "digest": str(disk.policy().digest)} for event in refused)


def test_a_decision_says_that_the_policy_on_disk_is_another(disk: Disk) -> None:
    assert disk.gate().context().note == ""
    disk.file.write_text(BAD[0])
    assert str(disk.file) in disk.gate().context().note


def test_a_mended_document_is_taken_and_recorded(disk: Disk) -> None:
    disk.gate()
    disk.file.write_text(BAD[0])
    disk.gate()
    disk.write("new")
    assert (disk.policy().name, disk.gate.refused) == ("new", "")
    assert [event["policy"]["name"] for event in disk.events("policy.loaded")] == ["old", "new"]


def test_a_document_that_is_put_back_is_recorded_again(disk: Disk) -> None:
    disk.gate()
    disk.file.write_text(BAD[0])
    disk.gate()
    disk.write()
    disk.gate()
    assert [event["policy"]["name"] for event in disk.events("policy.loaded")] == ["old", "old"]


def test_a_policy_that_is_gone_leaves_the_one_before_in_force(disk: Disk) -> None:
    before = disk.gate()
    disk.file.unlink()
    assert disk.gate() is before


def test_settings_that_cannot_be_read_leave_those_before_in_force(disk: Disk) -> None:
    before = disk.gate()
    (disk.home / "config.toml").write_text("[trust\n")
    assert disk.gate() is before
    assert "config.toml" in disk.gate.refused


def test_settings_that_cannot_be_read_at_the_start_decide_nothing(disk: Disk) -> None:
    (disk.home / "config.toml").write_text("[trust\n")
    with pytest.raises(ConfigError):
        disk.gate()


def test_a_key_that_is_taken_away_is_trusted_no_more(disk: Disk) -> None:
    disk.gate()
    disk.key.unlink()
    with pytest.raises(PolicySyntaxError, match=r"release\.pub"):
        disk.gate()


def test_a_key_that_is_taken_away_beside_a_bad_document_is_trusted_no_more(disk: Disk) -> None:
    disk.gate()
    disk.file.write_text(BAD[0])
    disk.key.write_text("no key")
    with pytest.raises(PolicySyntaxError, match=r"release"):
        disk.gate()


def test_a_new_key_counts_although_the_document_is_bad(disk: Disk) -> None:
    disk.gate()
    disk.file.write_text(BAD[0])
    newer = disk.write_key()
    assert [key.pem for key in disk.policy().sections[0].keys] == [newer]


def test_a_root_that_became_malformed_decides_nothing(disk: Disk, tls) -> None:
    root = disk.file.parent / "ca.pem"
    root.write_bytes(tls.certificate_file.read_bytes())
    disk.write(roots="{x509: {ca: ca.pem}}")
    disk.gate()
    root.write_text("no certificate")
    with pytest.raises(PolicySyntaxError, match="no usable ca root"):
        disk.gate()


def test_a_new_document_with_a_malformed_root_leaves_the_one_before_in_force(disk: Disk) -> None:
    before = disk.gate()
    (disk.file.parent / "ca.pem").write_text("no certificate")
    disk.write("new", "{x509: {ca: ca.pem}}")
    assert disk.gate() is before
    assert "no usable ca root" in disk.gate.refused


def test_a_revocation_holds_although_the_document_is_bad(disk: Disk) -> None:
    disk.gate()
    disk.file.write_text(BAD[0])
    lost = KeyLife(revoked=KeyRevocation(now(), "lost"))
    record = record_bytes(KeyRecord(public_key_from_pem(disk.pem).fingerprint, lost))
    (disk.home / "keys" / "release.json").write_bytes(record)
    assert disk.gate().kit.trust.keys[0].revoked is not None


def test_a_revocation_that_cannot_be_read_decides_nothing(disk: Disk) -> None:
    disk.gate()
    (disk.home / "keys" / "release.json").write_text("{")
    with pytest.raises(TrustkitError) as caught:
        disk.gate()
    assert caught.value.code == "usage.key_file"
    assert "nothing is decided" in disk.gate.problem()


def test_the_note_is_in_the_record_of_a_decision(disk: Disk) -> None:
    disk.gate()
    disk.file.write_text(BAD[0])
    with pytest.raises(TrustkitError):
        disk.gate().decide(ImageRef.parse(f"oci:{disk.home}/none"), RequestFacts())
    assert "stays in force" in json.dumps(disk.events("decision")[-1]["policy"])
