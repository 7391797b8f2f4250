"""Revoked images and keys count for nothing, whatever the policy says."""

from datetime import UTC, datetime, timedelta

import pytest

from peers import images
from trustkit.admission.evidence import evidence_of
from trustkit.admission.gate import Gate
from trustkit.admission.judge import Kit, establish
from trustkit.admission.policies import read_policy, trust_roots
from trustkit.admission.replay import replay
from trustkit.audit.log import DecisionLog
from trustkit.errors import StorageError
from trustkit.fips.parse import public_key_to_pem
from trustkit.fips.select import provider
from trustkit.fleet.revocations import FILE, KnownRevocations
from trustkit.model.facts import RequestFacts
from trustkit.model.keys import KeyRevocation
from trustkit.model.reference import ImageRef
from trustkit.model.revocations import IMAGE, KEY, Revocation, Revocations
from trustkit.model.signature import SIGNATURE, SignerIdentity, VerifiedSignature
from trustkit.oci.layout import LayoutFolder
from trustkit.oci.push import push
from trustkit.signing.formats.bundle import SigstoreBundle
from trustkit.signing.sign import BUNDLE, Subjected, sign

NOW = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
SIGNER = provider().generate("ecdsa-p256")
POLICY = """\
apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: mine}
spec:
  trust: {keys: {release: {pem: release.pub}}}
  verify: {signatures: {anyOf: [{key: release}]}}
  enforcement: {mode: MODE}
"""


class Scene:
    def __init__(self, folder, mode="enforce") -> None:
        layout_folder = folder / "images"
        layout_folder.mkdir()
        images.write_layout(images.build(), layout_folder, "1.0")
        layout = LayoutFolder(layout_folder)
        self.image = layout.manifest("1.0").descriptor
        self.ref = ImageRef.parse(f"oci:{layout_folder}:1.0")
        push(sign(Subjected(self.image.digest, self.ref.name), SIGNER, BUNDLE), self.image, layout)
        (folder / "release.pub").write_bytes(public_key_to_pem(SIGNER.public))
        (folder / "policy.yaml").write_text(POLICY.replace("MODE", mode))
        policy = read_policy(folder / "policy.yaml")
        self.known = KnownRevocations(folder / "home")
        self.gate = Gate(
            Kit(
                lambda _: LayoutFolder(layout_folder),
                (SigstoreBundle(),),
                provider(),
                policy,
                trust_roots(policy),
                lambda: NOW,
                revocations=self.known,
            ),
            DecisionLog(folder / "audit", provider()),
        )

    def decision(self):
        return self.gate.judge(self.ref, RequestFacts()).decision

    def revoke(self, kind, what, at=NOW) -> None:
        self.known.publish((Revocation(kind, what, "", "alice", KeyRevocation(at, "stolen")),), NOW)


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


def test_without_revocations_the_policy_decides(scene):
    assert scene.decision().allowed


def test_a_revoked_image_is_refused_by_a_rule_of_its_own(scene):
    scene.revoke(IMAGE, str(scene.image.digest))
    found = scene.decision()
    assert (found.allowed, found.deciding.rule) == (False, "revocations/image")


@pytest.mark.parametrize("mode", ["warn", "audit"])
def test_a_policy_that_only_reports_lets_no_revoked_image_pass(tmp_path, mode):
    scene = Scene(tmp_path, mode)
    assert scene.decision().allowed
    scene.revoke(IMAGE, str(scene.image.digest))
    assert not scene.decision().allowed


def test_another_image_that_was_revoked_changes_nothing(scene):
    scene.revoke(IMAGE, f"sha256:{'5' * 64}")
    assert scene.decision().allowed


def test_what_a_revoked_key_signed_is_rejected(scene):
    scene.revoke(KEY, SIGNER.public.fingerprint)
    judgement = scene.gate.judge(scene.ref, RequestFacts())
    assert not judgement.decision.allowed
    assert [one.code for one in judgement.facts.report.rejected] == ["verification.key_revoked"]


def test_the_time_of_a_revocation_spares_nothing(scene):
    scene.revoke(KEY, SIGNER.public.fingerprint, at=NOW + timedelta(days=1))
    assert not scene.decision().allowed


def test_a_broken_file_of_revocations_decides_nothing(scene, tmp_path):
    scene.revoke(IMAGE, f"sha256:{'5' * 64}")
    (tmp_path / "home" / FILE).write_text("2026-11-23T21:00:00+00:00\n{}")
    with pytest.raises(StorageError, match="no list of revocations"):
        scene.decision()


def test_a_record_says_that_the_image_was_revoked_and_replays_so(scene):
    scene.revoke(IMAGE, str(scene.image.digest))
    _, record = scene.gate.decide(scene.ref, RequestFacts())
    assert "stolen" in record.event.body["revoked"]
    assert not replay(record, scene.gate.kit.policy).flips


def test_a_signer_of_content_trust_whom_the_ring_or_a_trust_root_gave_up_is_rejected(scene):
    """The gate asks trust servers beside the evidence, and rejects what a revoked key signed there as well."""
    kit = scene.gate.kit
    signer = SignerIdentity("ab" * 32, "tuf:app", "targets")
    fact = VerifiedSignature(
        "content-trust", SIGNATURE, scene.image.digest, signer, "ecdsa-p256-sha256", scene.image.digest
    )
    asking = kit._replace(ask_repository=lambda report, *_: report._replace(accepted=(*report.accepted, fact)))
    lost = Revocation(KEY, "ab" * 32, "", "the key ring", KeyRevocation(NOW, "stolen"))
    revoking = asking._replace(trust=kit.trust._replace(revoked=Revocations((lost,))))
    for one, counts in ((asking, True), (revoking, False)):
        report = establish(scene.ref, one).report
        assert (fact in report.accepted) is counts
        assert [item.code for item in report.rejected] == ([] if counts else ["verification.key_revoked"])
        shown = [item for beside in evidence_of(scene.ref, one).evidence for item in beside.items]
        verdicts = {item.verdict for item in shown if item.format == "content-trust"}
        assert verdicts == {"verified" if counts else "rejected"}
