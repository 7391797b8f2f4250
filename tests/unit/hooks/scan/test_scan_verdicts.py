"""What a scan compares with: the last verdict on an image under its name, however far back it lies."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from peers import images
from trustkit.admission.gate import Gate
from trustkit.admission.judge import Kit
from trustkit.admission.policies import read_policy, trust_roots
from trustkit.audit.log import DecisionLog
from trustkit.audit.query import Query
from trustkit.errors import UnreachableError
from trustkit.fips.select import provider
from trustkit.hooks.scan.checkpoint import Checkpoint
from trustkit.hooks.scan.judging import Scan, scanned
from trustkit.hooks.scan.result import Result
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
        self.time, self.broken = datetime(2026, 11, 23, 21, 0, tzinfo=UTC), False

    def now(self) -> datetime:
        return self.time

    def open(self, ref: ImageRef) -> LayoutFolder:
        if self.broken:
            raise UnreachableError("the registry does not answer")
        return LayoutFolder(Path(ref.path))

    def gate(self, mode: str) -> Gate:
        file = self.folder / "policy.yaml"
        file.write_text(POLICY.replace("MODE", mode))
        policy = read_policy(file)
        kit = Kit(self.open, (), provider(), policy, trust_roots(policy), self.now)
        return Gate(kit._replace(means=means_of(policy)), self.log)

    def decide(self, mode: str, ref: ImageRef | None = None) -> None:
        self.time += timedelta(minutes=1)
        self.gate(mode).decide(ref or self.ref, ASKED)

    def found(self, name: str = "web") -> Found:
        return Found("registry", name, str(self.ref), "trustkit", False, self.ref)

    def scan(self, mode: str, *found: Found) -> Result:
        """Scan to the end, and return what is said of the first image."""
        self.time += timedelta(minutes=1)
        checkpoint = Checkpoint(self.folder / "scan.jsonl", mode, self.time)
        scan = Scan(self.gate(mode), self.log.records, "root", checkpoint)
        results = list(scanned(scan, found or (self.found(),), lambda _done, _of: None))
        checkpoint.finish()
        return results[0].result


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def outage(scene: Scene, times: int) -> None:
    gate, scene.broken = scene.gate(ADMITS), True
    for _ in range(times):
        scene.time += timedelta(minutes=1)
        with pytest.raises(UnreachableError):
            gate.decide(scene.ref, ASKED)
    scene.broken = False


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
