"""Grants on this machine: real signatures, through both gates, on record, and over to the second."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from peers import images
from trustkit import limits
from trustkit.admission.batched_log import BatchedLog
from trustkit.admission.cached_gate import CachedGate, Ruling
from trustkit.admission.gate import Gate
from trustkit.admission.grant_standing import holds, standings
from trustkit.admission.grants import GrantFolder
from trustkit.admission.judge import Kit
from trustkit.admission.policies import read_policy, trust_roots
from trustkit.admission.single_flight import SingleFlight
from trustkit.audit.log import DecisionLog
from trustkit.codec.grant import PREDICATE_TYPE, ClaimedGrant, Requester
from trustkit.errors import AdmissionDenied, LimitExceededError, MalformedError, UnreachableError
from trustkit.fips.parse import public_key_to_pem
from trustkit.fips.select import provider
from trustkit.model.facts import RequestFacts
from trustkit.model.judgement import Judgement
from trustkit.model.reference import ImageRef
from trustkit.oci.layout import LayoutFolder
from trustkit.oci.push import push
from trustkit.signing.formats.bundle import SigstoreBundle
from trustkit.signing.grant_file import GrantFile, draft, read_grant, signed
from trustkit.signing.keys import SigningKey
from trustkit.signing.sign import Subjected, attest, bundled, sign, signed_statement

NOW = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
RELEASE, DEV, ONCALL, STRANGER = (provider().generate("ecdsa-p256") for _ in range(4))
RUN = RequestFacts(actor="alice", purpose="run", privileged=True, user="10001")
RULE = "require.runtime.denyPrivileged"
POLICY = """
apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: prod}
spec:
  trust: {keys: {release: {pem: release.pub}, dev: {pem: dev.pub}, oncall: {pem: oncall.pubREVOKED}}}
  verify: {signatures: {key: release}}
  require: {runtime: {denyPrivileged: true}}
  exceptions:
    breakGlass:
      enabled: true
      grant: signed
      approvers: {count: 1, of: [{key: oncall}]}
      maxDuration: 8h
      skip: [require.runtime.denyPrivileged]
      audit: {reviewWithin: 24h}
"""
REVOKED = ", revoked: {at: '2026-01-01T00:00:00Z', reason: stolen}"


class Scene:
    """A signed image in a layout, a policy with terms, and the folder of grants."""

    def __init__(self, folder: Path) -> None:
        for name, key in (("release", RELEASE), ("dev", DEV), ("oncall", ONCALL)):
            (folder / f"{name}.pub").write_bytes(public_key_to_pem(key.public))
        self.policy = folder / "policy.yaml"
        self.write()
        layout = folder / "images"
        layout.mkdir()
        images.write_layout(images.build(config={"User": "10001"}), layout, "1.0")
        self.place = LayoutFolder(layout)
        self.subject = self.place.manifest("1.0").descriptor
        self.ref = ImageRef.parse(f"oci:{layout}:1.0").with_digest(self.subject.digest)
        push(sign(Subjected(self.subject.digest, self.ref.name), RELEASE), self.subject, self.place)
        self.log = DecisionLog(folder / "audit", provider())
        self.grants = folder / "break-glass"
        self.now, self.broken = NOW, False

    def write(self, revoked: str = "") -> None:
        self.policy.write_text(POLICY.replace("REVOKED", revoked))

    def open(self, ref: ImageRef) -> LayoutFolder:
        if self.broken:
            raise UnreachableError("the registry does not answer")
        return LayoutFolder(Path(ref.path))

    def kit(self) -> Kit:
        policy = read_policy(self.policy)
        folder = GrantFolder(self.grants)
        return Kit(
            self.open, (SigstoreBundle(),), provider(), policy, trust_roots(policy), lambda: self.now, grants=folder
        )

    def gate(self) -> Gate:
        return Gate(self.kit(), self.log)

    def grant(self, *keys: SigningKey, requester: SigningKey = DEV, **changes: object) -> GrantFile:
        says = ClaimedGrant("ab" * 8, "", (RULE,), Requester(requester.public.fingerprint), "INC-7", NOW, NOW + HOUR)
        made = draft(Subjected(self.subject.digest, self.ref.name), says._replace(**changes))
        for key in keys:
            made = signed(made, signed_statement(made.statement, PREDICATE_TYPE, key).content)
        return made

    def put(self, content: bytes, name: str = "") -> None:
        self.grants.mkdir(exist_ok=True)
        digest = self.subject.digest
        (self.grants / (name or f"sha256-{digest.hex}.{'ab' * 8}.jsonl")).write_bytes(content)

    def judged(self) -> Judgement:
        return self.gate().judge(self.ref, RUN)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def reasons(judgement: Judgement) -> str:
    """Everything that is said about why the image is refused."""
    assert not judgement.decision.allowed
    report = judgement.facts.report
    said = [finding.message for finding in judgement.decision.findings]
    return "\n".join([*said, *report.notes, *(item.message for item in report.rejected)])


def test_an_approved_grant_admits_and_both_are_on_record(scene: Scene) -> None:
    GrantFolder(scene.grants).add(scene.grant(DEV, ONCALL), NOW)
    _, record = scene.gate().decide(scene.ref, RUN)
    decision, alert = (one.event for one in scene.log.records())
    assert (record.event, decision.outcome, alert.kind) == (decision, "allow", "breakglass.used")
    assert decision.body["grants"][0]["approvers"] == ["oncall"]
    told = {name: alert.body[name] for name in ("grant", "reason", "review_by", "actor", "rules")}
    assert told == {
        "grant": "ab" * 8, "reason": "INC-7", "review_by": "2026-11-24T21:00:00+00:00", "actor": "alice",
        "rules": [RULE],
    }  # fmt: skip


def test_an_image_that_needs_no_grant_leaves_no_trace_of_one(scene: Scene) -> None:
    scene.put(scene.grant(DEV, ONCALL).to_bytes())
    scene.gate().decide(scene.ref, RUN._replace(privileged=False))
    assert [one.event.kind for one in scene.log.records()] == ["decision"]
    assert "grants" not in scene.log.records()[0].event.body


@pytest.mark.parametrize("purpose", ["verify", "explain"])
def test_who_only_looks_breaks_nothing(scene: Scene, purpose: str) -> None:
    scene.put(scene.grant(DEV, ONCALL).to_bytes())
    scene.gate().decide(scene.ref, RUN._replace(purpose=purpose))
    assert [(one.event.kind, one.event.outcome) for one in scene.log.records()] == [("decision", "allow")]


def test_grants_that_ended_do_not_pile_up(scene: Scene) -> None:
    folder = GrantFolder(scene.grants)
    for number in range(3):
        folder.add(scene.grant(DEV, id=f"{number:016x}", not_after=NOW + number * HOUR + HOUR), NOW)
    folder.add(scene.grant(DEV, id="f" * 16), NOW + HOUR)
    assert len(list(folder.every())) == 3


def test_an_admission_ends_with_its_grant(scene: Scene) -> None:
    scene.put(scene.grant(DEV, ONCALL, not_after=NOW + timedelta(seconds=30)).to_bytes())
    assert scene.gate().admit(scene.ref, RUN).expires_at == NOW + timedelta(seconds=30)


def test_a_grant_that_ended_is_worth_nothing_when_it_is_shown_again(scene: Scene) -> None:
    content = scene.grant(DEV, ONCALL).to_bytes()
    scene.put(content)
    scene.now = NOW + HOUR
    scene.put(content)
    with pytest.raises(AdmissionDenied, match="ended at"):
        scene.gate().admit(scene.ref, RUN)


def test_an_approval_by_a_key_that_nobody_trusts_is_none(scene: Scene) -> None:
    scene.put(scene.grant(DEV, STRANGER).to_bytes())
    assert "needs the approval of oncall; found nobody" in reasons(scene.judged())


def test_an_approval_by_a_revoked_key_is_none(scene: Scene) -> None:
    scene.write(REVOKED)
    scene.put(scene.grant(DEV, ONCALL).to_bytes())
    assert "revoked from 2026-01-01" in reasons(scene.judged())


def test_a_requester_that_only_was_written_down_is_none(scene: Scene) -> None:
    scene.put(scene.grant(ONCALL).to_bytes())
    assert "is not signed by its requester" in reasons(scene.judged())


def test_a_grant_changed_after_signing_proves_nothing(scene: Scene) -> None:
    made = scene.grant(DEV, ONCALL)
    longer = draft(Subjected(made.image, made.name), made.says._replace(not_after=NOW + 2 * HOUR))
    envelopes = [json.loads(bundle) for bundle in made.bundles]
    other = json.loads(signed_statement(longer.statement, PREDICATE_TYPE, STRANGER).content)
    for one in envelopes:
        one["dsseEnvelope"]["payload"] = other["dsseEnvelope"]["payload"]
    scene.put(b"".join(json.dumps(one).encode() + b"\n" for one in envelopes))
    assert "does not fit the content" in reasons(scene.judged())


def test_a_grant_about_another_image_under_this_ones_name_is_noted(scene: Scene) -> None:
    made = scene.grant(DEV)
    other = draft(Subjected(images_digest(), made.name), made.says)
    other = signed(other, signed_statement(other.statement, PREDICATE_TYPE, DEV).content)
    scene.put(signed(other, signed_statement(other.statement, PREDICATE_TYPE, ONCALL).content).to_bytes())
    assert "was left out" in reasons(scene.judged())


def images_digest():
    from trustkit.fips.hashing import digest_of

    return digest_of(b"another image")


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"\n\n", b"x" * (limits.GRANT_FILE_BYTES + 1), b"[]\n" * 100],
    ids=["empty", "no bundle", "blank", "oversize", "many"],
)
def test_a_file_that_is_no_grant_is_noted_and_hides_no_good_one(scene: Scene, content: bytes) -> None:
    scene.put(content)
    assert "was left out" in reasons(scene.judged())
    scene.put(scene.grant(DEV, ONCALL).to_bytes(), f"sha256-{scene.subject.digest.hex}.{'cd' * 8}.jsonl")
    assert scene.judged().decision.allowed


def test_the_folder_brings_in_no_other_evidence_than_grants(scene: Scene) -> None:
    statement = attest(
        Subjected(scene.subject.digest, scene.ref.name), RELEASE, ("https://scan.example/v1", b"{}"), NOW
    )
    with pytest.raises(MalformedError, match="is of type"):
        read_grant(statement.content)
    scene.put(statement.content)
    assert "is of type" in reasons(scene.judged())


def test_signatures_on_different_statements_are_no_grant(scene: Scene) -> None:
    one, other = scene.grant(DEV), scene.grant(ONCALL, reason="something else")
    with pytest.raises(MalformedError, match="different statements"):
        read_grant(one.to_bytes() + other.to_bytes())


def test_a_statement_that_says_more_than_an_approver_is_shown_is_no_grant(scene: Scene) -> None:
    made = scene.grant(DEV)
    statement = json.loads(made.statement)
    statement["subject"][0]["annotations"] = {"and": "more"}
    for payload in (json.dumps(statement).encode(), made.statement + b" "):
        with pytest.raises(MalformedError, match="not written as trustkit writes it"):
            read_grant(signed_statement(payload, PREDICATE_TYPE, DEV).content)


def test_a_file_with_too_many_signatures_is_no_grant(scene: Scene) -> None:
    with pytest.raises(LimitExceededError):
        read_grant(scene.grant(DEV).to_bytes() * (limits.GRANT_SIGNATURES + 1))


def test_a_grant_beside_the_image_counts_as_one_on_this_machine_does(scene: Scene) -> None:
    for bundle in scene.grant(DEV, ONCALL).bundles:
        push(bundled(bundle, PREDICATE_TYPE), scene.subject, scene.place)
    assert scene.judged().decision.grants[0].approvers == ("oncall",)


def test_one_grant_in_both_places_is_one_grant(scene: Scene) -> None:
    made = scene.grant(DEV, ONCALL)
    for bundle in made.bundles:
        push(bundled(bundle, PREDICATE_TYPE), scene.subject, scene.place)
    scene.put(made.to_bytes())
    assert len(scene.judged().decision.grants) == 1


def test_the_standing_of_a_grant_is_known_before_it_is_needed(scene: Scene) -> None:
    assert holds(standings(scene.grant(DEV, ONCALL), scene.kit()))
    wide = standings(scene.grant(DEV, ONCALL, rules=(RULE, "verify.signatures")), scene.kit())
    assert (holds(wide), "lets no grant" in wide[0].problem) == (False, True)
    strange = standings(scene.grant(STRANGER, requester=STRANGER), scene.kit())
    assert (holds(strange), "anybody whom the policy trusts" in strange[0].problem) == (False, True)


class Cached:
    """The gate with a memory, and one loop for all its requests."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.gate = CachedGate(scene.gate(), SingleFlight(8, 64), BatchedLog(scene.log))

    def rule(self, after: timedelta = timedelta()) -> Ruling:
        self.scene.now += after
        return asyncio.run(self.gate.rule(self.scene.ref, RUN))


def test_a_grant_holds_at_once_while_the_registry_is_down(scene: Scene) -> None:
    cached = Cached(scene)
    assert not cached.rule().allowed
    scene.broken = True
    scene.put(scene.grant(DEV, ONCALL).to_bytes())
    assert cached.rule(timedelta(seconds=2)).allowed


def test_a_remembered_decision_ends_with_its_grant_and_not_a_moment_later(scene: Scene) -> None:
    scene.put(scene.grant(DEV, ONCALL, not_after=NOW + timedelta(seconds=10)).to_bytes())
    cached = Cached(scene)
    assert cached.rule(timedelta(seconds=9.9)).allowed
    assert cached.rule(timedelta(seconds=0.09)).allowed
    assert not cached.rule(timedelta(seconds=0.01)).allowed


def test_a_remembered_grant_ends_when_its_file_is_removed(scene: Scene) -> None:
    scene.put(scene.grant(DEV, ONCALL).to_bytes())
    cached = Cached(scene)
    assert cached.rule().allowed
    next(scene.grants.iterdir()).unlink()
    assert not cached.rule(timedelta(seconds=2)).allowed


def test_each_use_of_a_grant_is_told_also_where_decisions_are_kept(scene: Scene) -> None:
    scene.put(scene.grant(DEV, ONCALL).to_bytes())
    cached = Cached(scene)
    for _ in range(3):
        cached.rule(timedelta(seconds=0.1))
    assert [one.event.kind for one in scene.log.records()] == ["decision", "breakglass.used"] * 3


def test_no_answer_that_a_grant_allowed_is_remembered(scene: Scene) -> None:
    scene.put(scene.grant(DEV, ONCALL).to_bytes())
    cached = Cached(scene)
    ruling = cached.rule()
    cached.gate.remember("question", "answer", (ruling,))
    assert (ruling.allowed, cached.gate.remembered("question")) == (True, None)


ENDING = {
    "exemption": (
        "  exceptions: {exemptions: [{id: e, images: ['oci:/**'], skip: [require.runtime.denyPrivileged], reason: r, "
        "approvedBy: [me], expires: 'AT'}]}\n"
    ),
    "rollout": "  enforcement: {rollout: {warnUntil: 'AT'}}\n",
}


@pytest.mark.parametrize("kind", ENDING)
def test_a_remembered_decision_ends_with_what_it_rests_on(scene: Scene, kind: str) -> None:
    ends = (NOW + timedelta(seconds=10)).isoformat()
    text = POLICY.replace("REVOKED", "").partition("  exceptions:")[0]
    scene.policy.write_text(text + ENDING[kind].replace("AT", ends))
    cached = Cached(scene)
    assert cached.rule(timedelta(seconds=9.5)).allowed
    assert cached.rule(timedelta(seconds=0.49)).allowed
    assert not cached.rule(timedelta(seconds=0.01)).allowed
