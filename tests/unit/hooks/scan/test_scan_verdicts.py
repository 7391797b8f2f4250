"""What a scan compares with: the last verdict on an image under its name; and what it puts on record if that flips."""

import os
import signal
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from peers import images
from trustkit.admission.gate import AuditLog, Gate
from trustkit.admission.judge import Kit
from trustkit.admission.policies import read_policy, trust_roots
from trustkit.audit.log import DecisionLog
from trustkit.audit.query import Query
from trustkit.errors import AuditTamperedError, DigestMismatchError, StorageError, TrustkitError, UnreachableError
from trustkit.fips.select import provider
from trustkit.hooks.scan.checkpoint import Checkpoint
from trustkit.hooks.scan.judging import Scan, scanned
from trustkit.hooks.scan.result import Result
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.facts import RequestFacts
from trustkit.model.found import Found
from trustkit.model.reference import ImageRef
from trustkit.oci.layout import LayoutFolder
from trustkit.policy.document import means_of

ASKED = RequestFacts(actor="alice")
# The image is not signed: modes of a policy that let it run, or not.
ADMITS, REFUSES = "audit", "enforce"
POLICY = """apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: test}
spec:
  enforcement: {mode: MODE}
"""


class Scene:
    """One image in a layout, and policies that admit it or not; every question is a minute later."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.layout = folder, folder / "images"
        self.layout.mkdir()
        images.write_layout(images.build(), self.layout, "1.0")
        digest = LayoutFolder(self.layout).manifest("1.0").descriptor.digest
        self.ref = ImageRef.parse(f"oci:{self.layout}:1.0").with_digest(digest)
        self.log = DecisionLog(folder / "audit", provider())
        self.time = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
        self.failure: TrustkitError | None = None

    def now(self) -> datetime:
        return self.time

    def open(self, ref: ImageRef) -> LayoutFolder:
        if self.failure:
            raise self.failure
        return LayoutFolder(Path(ref.path))

    def gate(self, mode: str, log: AuditLog | None = None, trial: str = "") -> Gate:
        file = self.folder / "policy.yaml"
        file.write_text(POLICY.replace("MODE", mode))
        policy = read_policy(file)
        kit = Kit(self.open, (), provider(), policy, trust_roots(policy), self.now)
        return Gate(kit._replace(means=means_of(policy)), log or self.log, trial=trial)

    def decide(self, mode: str, ref: ImageRef | None = None, *, trial: str = "", purpose: str = "verify") -> None:
        self.time += timedelta(minutes=1)
        self.gate(mode, trial=trial).decide(ref or self.ref, ASKED._replace(purpose=purpose))

    def found(self, name: str = "web") -> Found:
        return Found("registry", name, str(self.ref), "trustkit", False, self.ref)

    def checkpoint(self, identity: str) -> Checkpoint:
        return Checkpoint(self.folder / "scan.jsonl", identity, self.time)

    def scan(self, mode: str, *found: Found, trial: str = "", identity: str = "one") -> Result:
        """Scan to the end, and return what is said of the first image."""
        self.time += timedelta(minutes=1)
        with self.checkpoint(identity) as checkpoint:
            scan = Scan(self.gate(mode, trial=trial), self.log.records, "root", checkpoint)
            results = list(scanned(scan, found or (self.found(),), lambda _done, _of: None))
            checkpoint.finish()
        return results[0].result

    def flips(self) -> list[AuditRecord]:
        return self.log.records(Query(kind="scan.flipped"))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def outage(scene: Scene, times: int) -> None:
    gate, scene.failure = scene.gate(ADMITS), UnreachableError("the registry does not answer")
    for _ in range(times):
        scene.time += timedelta(minutes=1)
        with pytest.raises(UnreachableError):
            gate.decide(scene.ref, ASKED)
    scene.failure = None


def test_what_was_never_judged_does_not_flip(scene: Scene) -> None:
    result = scene.scan(REFUSES)
    assert (result.verdict, result.before, result.flips) == ("deny", "", False)


def test_what_was_admitted_flips(scene: Scene) -> None:
    scene.decide(ADMITS)
    result = scene.scan(REFUSES)
    assert (result.before, result.flips, result.cause) == ("allow", True, "new policy")


def test_an_outage_hides_no_verdict(scene: Scene) -> None:
    scene.decide(ADMITS)
    outage(scene, 40)
    assert len(scene.log.records(Query(kind="decision", outcome="unknown"))) == 40
    assert scene.scan(REFUSES).flips


def test_an_outage_makes_no_flip_of_what_was_refused_before_it(scene: Scene) -> None:
    scene.decide(ADMITS)
    scene.decide(REFUSES)
    outage(scene, 40)
    assert scene.scan(REFUSES).before == "deny"


def test_the_last_of_both_verdicts_counts(scene: Scene) -> None:
    scene.decide(REFUSES)
    scene.decide(ADMITS)
    assert scene.scan(REFUSES).before == "allow"


@pytest.mark.parametrize("mode", [ADMITS, REFUSES])
def test_verdicts_on_its_bytes_under_another_name_neither_count_nor_hide_its_own(scene: Scene, mode: str) -> None:
    scene.decide(ADMITS)
    other = scene.folder / "other"
    other.symlink_to(scene.layout)
    elsewhere = ImageRef.parse(f"oci:{other}:1.0").with_digest(scene.ref.digest)
    for _ in range(70):
        scene.decide(mode, elsewhere)
    result = scene.scan(REFUSES)
    assert (result.before, result.flips) == ("allow", True)


# --- what is put on record ----------------------------------------------------------------------------


def test_each_place_of_a_flip_is_on_record_right_behind_the_decision(scene: Scene) -> None:
    scene.decide(ADMITS)
    result = scene.scan(REFUSES, scene.found("web"), scene.found("db"))
    told = scene.flips()
    assert [one.sequence for one in told] == [result.record + 1, result.record + 2]
    assert [one.event.body["where"] for one in told] == ["registry: web", "registry: db"]
    body = told[0].event.body
    assert (body["rule"], body["cause"], body["actor"]) == (result.rule, "new policy", "root")
    assert (body["before"], "trial" in body) == (0, False)


def test_what_was_refused_before_is_no_flip_on_record(scene: Scene) -> None:
    scene.decide(REFUSES)
    scene.scan(REFUSES)
    scene.scan(ADMITS)
    assert scene.flips() == []


def test_a_flip_is_told_once_while_nothing_changes(scene: Scene) -> None:
    scene.decide(ADMITS)
    assert scene.scan(REFUSES).flips
    assert not scene.scan(REFUSES).flips
    assert len(scene.flips()) == 1


def test_what_is_admitted_again_can_flip_again(scene: Scene) -> None:
    for _ in range(2):
        scene.decide(ADMITS)
        assert scene.scan(REFUSES).flips
    assert len(scene.flips()) == 2


def test_bytes_that_are_others_now_flip_the_image(scene: Scene) -> None:
    scene.decide(ADMITS)
    scene.failure = DigestMismatchError("the manifest has another digest")
    result = scene.scan(ADMITS)
    assert (result.verdict, result.flips, result.cause) == ("deny", True, "evidence")
    (told,) = scene.flips()
    assert (told.event.body["rule"], told.event.body["reason"]) == (scene.failure.code, scene.failure.message)


def test_a_silent_registry_flips_nothing(scene: Scene) -> None:
    scene.decide(ADMITS)
    scene.failure = UnreachableError("the registry does not answer")
    assert (scene.scan(ADMITS).verdict, scene.flips()) == ("unknown", [])


class FullDisk:
    def append(self, event: AuditEvent) -> AuditRecord:
        raise StorageError("no space left on device")

    def append_many(self, events: Iterable[AuditEvent]) -> tuple[AuditRecord, ...]:
        raise StorageError(f"no space left on device for {len(list(events))} events")


def test_decision_and_flip_are_on_record_together_or_not_at_all(scene: Scene) -> None:
    scene.decide(ADMITS)
    scene.time += timedelta(minutes=1)
    checkpoint = scene.checkpoint("one")
    scan = Scan(scene.gate(REFUSES, log=FullDisk()), scene.log.records, "root", checkpoint)
    with pytest.raises(StorageError, match="for 2 events"):
        list(scanned(scan, [scene.found()], lambda _done, _of: None))
    assert checkpoint.done == {}


def test_a_log_that_was_tampered_with_ends_the_scan(scene: Scene) -> None:
    def records(_wanted: Query) -> list[AuditRecord]:
        raise AuditTamperedError("log entry 0 was altered")

    checkpoint = scene.checkpoint("one")
    with pytest.raises(AuditTamperedError):
        list(scanned(Scan(scene.gate(ADMITS), records, "root", checkpoint), [scene.found()], lambda _done, _of: None))
    assert checkpoint.done == {}


# --- scans that were killed ---------------------------------------------------------------------------


class Killed(Checkpoint):
    """Kills the process when the first decision is on record and its result is not kept."""

    def add(self, asked: str, result: Result) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def kill_between_decision_and_checkpoint(scene: Scene) -> None:
    scene.time += timedelta(minutes=1)
    scene.log.close()
    child = os.fork()
    if child == 0:
        try:
            scene.log = DecisionLog(scene.folder / "audit", provider())
            checkpoint = Killed(scene.folder / "scan.jsonl", "one", scene.time)
            scan = Scan(scene.gate(REFUSES), scene.log.records, "root", checkpoint)
            list(scanned(scan, [scene.found()], lambda _done, _of: None))
        finally:
            os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


def test_a_kill_between_decision_and_checkpoint_leaves_both_records(scene: Scene) -> None:
    scene.decide(ADMITS)
    kill_between_decision_and_checkpoint(scene)
    assert [one.event.kind for one in scene.log.records()] == ["decision", "decision", "scan.flipped"]
    with scene.checkpoint("one") as checkpoint:
        assert checkpoint.done == {}


def test_a_killed_scan_that_goes_on_tells_of_the_flip_and_records_it_no_second_time(scene: Scene) -> None:
    scene.decide(ADMITS)
    kill_between_decision_and_checkpoint(scene)
    assert scene.scan(REFUSES).flips
    assert len(scene.flips()) == 1


def test_a_killed_scan_that_does_not_go_on_has_left_the_flip_on_record(scene: Scene) -> None:
    scene.decide(ADMITS)
    kill_between_decision_and_checkpoint(scene)
    assert scene.scan(REFUSES, identity="another revocation").before == "deny"
    assert len(scene.flips()) == 1


def test_a_killed_scan_that_goes_on_records_the_places_that_are_new(scene: Scene) -> None:
    scene.decide(ADMITS)
    kill_between_decision_and_checkpoint(scene)
    scene.scan(REFUSES, scene.found("web"), scene.found("db"))
    assert [one.event.body["where"] for one in scene.flips()] == ["registry: web", "registry: db"]


# --- policies that are only tried ---------------------------------------------------------------------


def test_a_trial_says_so_on_record(scene: Scene) -> None:
    scene.decide(ADMITS)
    assert scene.scan(REFUSES, trial="/stricter.yaml").flips
    assert [one.event.body.get("trial") for one in scene.log.records()] == [None, "/stricter.yaml", "/stricter.yaml"]


def test_a_trial_that_refuses_hides_no_flip(scene: Scene) -> None:
    scene.decide(ADMITS)
    scene.scan(REFUSES, trial="/stricter.yaml")
    result = scene.scan(REFUSES)
    assert (result.before, result.flips) == ("allow", True)
    assert ["trial" in one.event.body for one in scene.flips()] == [True, False]


def test_a_trial_that_admits_makes_no_flip(scene: Scene) -> None:
    scene.decide(REFUSES)
    scene.scan(ADMITS, trial="/laxer.yaml")
    assert (scene.scan(REFUSES).before, scene.flips()) == ("deny", [])


def test_a_trial_compares_with_the_machines_verdicts_and_its_own(scene: Scene) -> None:
    scene.scan(ADMITS, trial="/laxer.yaml")
    assert scene.scan(REFUSES, trial="/stricter.yaml").before == ""
    assert scene.scan(REFUSES, trial="/laxer.yaml").flips
    scene.decide(ADMITS)
    assert scene.scan(REFUSES, trial="/stricter.yaml").flips


# --- what somebody only looked at ---------------------------------------------------------------------

# As commands say on record; an explanation of before they did is told by its purpose.
LOOKS = [{"trial": "verify"}, {"trial": "explain", "purpose": "explain"}, {"purpose": "explain"}]


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_that_refuses_hides_no_flip(scene: Scene, look: dict[str, str]) -> None:
    scene.decide(ADMITS)
    for _ in range(40):
        scene.decide(REFUSES, **look)
    result = scene.scan(REFUSES)
    assert (result.before, result.flips, len(scene.flips())) == ("allow", True, 1)


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_that_admits_makes_no_flip(scene: Scene, look: dict[str, str]) -> None:
    scene.decide(REFUSES)
    scene.decide(ADMITS, **look)
    assert (scene.scan(REFUSES).before, scene.flips()) == ("deny", [])


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_is_nothing_that_a_trial_compares_with(scene: Scene, look: dict[str, str]) -> None:
    scene.decide(ADMITS, **look)
    assert scene.scan(REFUSES, trial="/stricter.yaml").before == ""


def test_a_look_that_found_nothing_out_says_so_too(scene: Scene) -> None:
    scene.failure = DigestMismatchError("the manifest has another digest")
    with pytest.raises(DigestMismatchError):
        scene.decide(ADMITS, trial="verify")
    scene.failure = None
    assert scene.scan(REFUSES).before == ""
