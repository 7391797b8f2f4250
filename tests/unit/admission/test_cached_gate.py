"""What is proven about an image is fetched once and kept for as long as it holds; every decision is on record."""

import asyncio
import gc
import weakref
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Lock

import pytest

from peers import images
from trustkit import limits
from trustkit.admission.batched_log import BatchedLog
from trustkit.admission.cache import Cache
from trustkit.admission.cached_gate import CachedGate, Ruling
from trustkit.admission.gate import Gate
from trustkit.admission.judge import Kit
from trustkit.admission.policies import builtin_policy, read_policy, trust_roots
from trustkit.admission.single_flight import SingleFlight
from trustkit.audit.log import DecisionLog
from trustkit.errors import (
    AuditError,
    LimitExceededError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    StorageError,
    UnauthorizedError,
    UnreachableError,
)
from trustkit.fips.parse import public_key_to_pem
from trustkit.fips.select import provider
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.facts import RequestFacts
from trustkit.model.reference import ImageRef
from trustkit.oci.layout import LayoutFolder
from trustkit.oci.push import push
from trustkit.policy.document import means_of
from trustkit.signing.formats.bundle import SigstoreBundle
from trustkit.signing.sign import BUNDLE, Subjected, sign

NOW = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
RUN = RequestFacts(actor="alice", purpose="run", engine="kubernetes")
KEY = provider().generate("ecdsa-p256")


HEAD = """apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: test}
spec:
  trust: {keys: {mine: {pem: mine.pub}}}
"""
SIGNED = "  verify: {signatures: {key: mine}}\n"
NAMED = SIGNED + "  enforcement: {onError: warn, acknowledgeFailOpen: ops}\n"


class FullDisk:
    def append_many(self, events):
        raise StorageError("no space left on device")


class Scene:
    """A layout with one image behind a door that counts who opens it."""

    def __init__(self, folder: Path, *, signed: bool = True) -> None:
        self.layout = folder / "images"
        self.layout.mkdir()
        images.write_layout(images.build(config={"User": "10001"}), self.layout, "1.0")
        layout = LayoutFolder(self.layout)
        subject = layout.manifest("1.0").descriptor
        self.tagged = ImageRef.parse(f"oci:{self.layout}:1.0")
        self.ref = self.tagged.with_digest(subject.digest)
        if signed:
            push(sign(Subjected(subject.digest, self.ref.name), KEY, BUNDLE), subject, layout)
        self.log = DecisionLog(folder / "audit", provider())
        self.opened, self.lock, self.go = 0, Lock(), Event()
        self.go.set()
        self.broken, self.failure = False, UnreachableError
        self.now = NOW

    def open(self, ref):
        with self.lock:
            self.opened += 1
        assert self.go.wait(30)
        if self.broken:
            raise self.failure("the registry does not answer")
        return LayoutFolder(Path(ref.path))

    def gate(self, log=None, spec: str = "") -> CachedGate:
        """Return the gate of the built-in policy, or of one whose `spec` goes on like this."""
        policy = builtin_policy({"mine": public_key_to_pem(KEY.public)})
        if spec:
            (self.layout.parent / "mine.pub").write_bytes(public_key_to_pem(KEY.public))
            (self.layout.parent / "policy.yaml").write_text(HEAD + spec)
            policy = read_policy(self.layout.parent / "policy.yaml")
        kit = Kit(self.open, (SigstoreBundle(),), provider(), policy, trust_roots(policy), lambda: self.now)
        kit = kit._replace(means=means_of(policy))
        return CachedGate(Gate(kit, self.log), SingleFlight(8, 64), BatchedLog(log or self.log))


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


def rule(gate, ref, request=RUN) -> Ruling:
    return asyncio.run(gate.rule(ref, request))


def rule_after(scene, seconds, gate, ref):
    scene.now += timedelta(seconds=seconds)
    return rule(gate, ref)


def test_a_signed_image_is_allowed(scene):
    assert rule(scene.gate(), scene.ref).allowed


def test_an_unsigned_image_is_denied(tmp_path):
    scene = Scene(tmp_path, signed=False)
    assert not rule(scene.gate(), scene.ref).allowed


def test_500_requests_at_once_make_one_fetch(scene):
    gate = scene.gate()
    scene.go.clear()

    async def ask():
        asked = [asyncio.create_task(gate.rule(scene.ref, RUN)) for _ in range(500)]
        await asyncio.sleep(0)
        scene.go.set()
        return await asyncio.gather(*asked)

    rulings = asyncio.run(ask())
    assert (scene.opened, all(one.allowed for one in rulings)) == (1, True)


def test_a_second_request_fetches_nothing(scene):
    gate = scene.gate()
    rule(gate, scene.ref)
    rule(gate, scene.ref, RUN._replace(privileged=True))
    assert scene.opened == 1


def test_a_tag_is_resolved_anew_each_time(scene):
    gate = scene.gate()
    rule(gate, scene.tagged)
    rule(gate, scene.tagged)
    assert scene.opened == 2


def test_what_is_proven_ends(scene):
    gate = scene.gate()
    rule(gate, scene.ref)
    rule_after(scene, limits.CACHED_SECONDS, gate, scene.ref)
    assert scene.opened == 2


def test_a_clock_set_back_ends_what_was_kept(scene):
    gate = scene.gate()
    rule(gate, scene.ref)
    rule_after(scene, -60, gate, scene.ref)
    assert scene.opened == 2


def test_that_nothing_was_proven_is_soon_asked_again(tmp_path):
    scene = Scene(tmp_path, signed=False)
    gate = scene.gate()
    rule(gate, scene.ref)
    rule_after(scene, limits.CACHED_UNPROVEN_SECONDS, gate, scene.ref)
    assert scene.opened == 2


def test_a_silent_registry_denies_with_its_reason(scene):
    scene.broken = True
    found = rule(scene.gate(), scene.ref)
    assert (found.allowed, "does not answer" in found.message) == (False, True)


def test_a_failure_is_kept_for_seconds_only(scene):
    gate = scene.gate()
    scene.broken = True
    rule(gate, scene.ref)
    rule(gate, scene.ref)
    assert scene.opened == 1
    scene.broken = False
    assert rule_after(scene, limits.CACHED_FAILURE_SECONDS, gate, scene.ref).allowed


def test_without_a_record_there_is_no_ruling(scene):
    with pytest.raises(StorageError):
        rule(scene.gate(FullDisk()), scene.ref)


def test_every_request_names_a_record_that_says_why(scene):
    found = rule(scene.gate(), scene.ref)
    assert scene.log.records()[found.record].event.outcome == "allow"


def test_a_decision_that_stays_the_same_is_recorded_in_full_once(scene):
    gate = scene.gate()
    first = rule(gate, scene.ref)
    assert rule_after(scene, 60, gate, scene.ref).record == first.record
    assert scene.log.size == 1


def test_a_flood_of_images_stays_within_bounds():
    cache: Cache[int] = Cache(10, 100)
    for number in range(1000):
        cache.put(number, number, (NOW, NOW + timedelta(hours=1)), 25)
    assert (len(cache), cache.bytes) == (4, 100)


def test_a_value_larger_than_the_whole_is_not_kept():
    cache: Cache[int] = Cache(10, 100)
    cache.put("large", 1, (NOW, NOW + timedelta(hours=1)), 101)
    assert cache.get("large", NOW) is None


def test_work_beyond_the_bound_is_refused():
    async def ask():
        flights: SingleFlight[int] = SingleFlight(1, 1)
        go = Event()
        first = asyncio.create_task(flights.run("a", lambda: 1 if go.wait(30) else 0))
        await asyncio.sleep(0)
        try:
            with pytest.raises(LimitExceededError):
                await flights.run("b", lambda: 2)
        finally:
            go.set()
        return await first

    assert asyncio.run(ask()) == 1


@pytest.mark.parametrize(("cache", "seconds"), [("{positiveTtl: 1m}", 60), ("{positiveTtl: 0s}", 0)])
def test_a_policy_says_for_how_long_proof_is_kept(scene, cache, seconds):
    gate = scene.gate(spec=SIGNED + f"  cache: {cache}\n")
    rule(gate, scene.ref)
    if seconds:
        rule_after(scene, seconds - 1, gate, scene.ref)
        assert scene.opened == 1
    rule_after(scene, 1, gate, scene.ref)
    assert scene.opened == 2


def test_a_policy_says_for_how_long_a_failure_is_kept(scene):
    scene.broken = True
    gate = scene.gate(spec=SIGNED + "  cache: {negativeTtl: 0s}\n")
    rule(gate, scene.ref)
    rule(gate, scene.ref)
    assert scene.opened == 2


def test_a_policy_says_how_many_images_are_kept(scene, tmp_path):
    (tmp_path / "other").mkdir()
    other = Scene(tmp_path / "other")
    gate = scene.gate(spec=SIGNED + "  cache: {maxEntries: 1}\n")
    for ref in (scene.ref, other.ref, scene.ref):
        rule(gate, ref)
    assert scene.opened == 3


def test_silence_lets_an_image_through_if_somebody_answers_for_it(scene, caplog):
    scene.broken = True
    found = rule(scene.gate(spec=NAMED), scene.ref)
    assert (found.allowed, found.record) == (True, 0)
    assert "ops answers for it" in found.warnings[0]
    assert "ops answers for it" in caplog.text
    event = scene.log.records()[0].event
    assert (event.outcome, event.body["verdict"], event.body["fail_open"]) == ("unknown", "unknown", "ops")


@pytest.mark.parametrize("failure", [NotFoundError, UnauthorizedError, ProtocolError, LimitExceededError])
def test_what_a_registry_said_lets_nothing_through(scene, failure):
    scene.broken, scene.failure = True, failure
    assert not rule(scene.gate(spec=NAMED), scene.ref).allowed


def test_rate_limits_are_silence(scene):
    scene.broken, scene.failure = True, RateLimitedError
    assert rule(scene.gate(spec=NAMED), scene.ref).allowed


def test_an_unsigned_image_is_denied_whoever_answers_for_silence(tmp_path):
    scene = Scene(tmp_path, signed=False)
    assert not rule(scene.gate(spec=NAMED), scene.ref).allowed


def test_a_tag_is_not_let_through_unseen(scene):
    scene.broken = True
    assert not rule(scene.gate(spec=NAMED), scene.tagged).allowed


def test_nobody_lets_an_image_through_that_no_document_is_about(scene):
    scene.broken = True
    spec = NAMED + "  match: {images: ['other.example/**']}\n"
    assert not rule(scene.gate(spec=spec), scene.ref).allowed


def test_every_document_about_an_image_must_let_it_through(scene):
    scene.broken = True
    strict = HEAD.replace("name: test", "name: strict") + SIGNED
    assert not rule(scene.gate(spec=f"{NAMED}---\n{strict}"), scene.ref).allowed


def test_what_the_request_alone_shows_is_refused_all_the_same(scene):
    scene.broken = True
    gate = scene.gate(spec=NAMED + "  require: {runtime: {denyPrivileged: true}}\n")
    assert rule(gate, scene.ref).allowed
    assert not rule(gate, scene.ref, RUN._replace(privileged=True)).allowed


def test_without_a_record_nothing_is_let_through(scene):
    scene.broken = True
    with pytest.raises(StorageError):
        rule(scene.gate(FullDisk(), spec=NAMED), scene.ref)


TAGGED = SIGNED + "  require: {expressions: [{id: t, rule: \"image.tag == '1.0'\", message: only 1.0}]}\n"


def test_a_decision_on_one_tag_says_nothing_of_another(scene):
    gate = scene.gate(spec=TAGGED)
    named = [rule(gate, scene.ref._replace(tag=tag)).allowed for tag in ("1.0", "evil", "1.0", "")]
    assert named == [True, False, True, False]


def test_a_decision_on_one_spelling_says_nothing_of_another(scene):
    gate = scene.gate(
        spec=SIGNED + "  require: {expressions: [{id: r, rule: \"image.reference == 'a'\", message: m}]}\n"
    )
    assert [rule(gate, scene.ref._replace(given=given)).allowed for given in ("a", "b")] == [True, False]


def test_a_trust_server_is_asked_about_each_tag(scene):
    gate = scene.gate()
    asked = []
    gate._kit = gate._kit._replace(ask_repository=lambda report, ref, _: asked.append(ref.tag) or report)
    for tag in ("prod", "dev", "prod"):
        rule_after(scene, 200, gate, scene.ref._replace(tag=tag))
    assert asked == ["prod", "dev"]


def test_a_trust_server_is_asked_about_two_tags_that_come_at_once(scene):
    gate = scene.gate()
    asked = []
    gate._kit = gate._kit._replace(ask_repository=lambda report, ref, _: asked.append(ref.tag) or report)

    async def both():
        await asyncio.gather(*(gate.rule(scene.ref._replace(tag=tag), RUN) for tag in ("prod", "dev")))

    asyncio.run(both())
    assert sorted(asked) == ["dev", "prod"]


def test_an_answer_by_an_older_list_of_revocations_is_not_kept(scene):
    gate = scene.gate()
    ruling = rule(gate, scene.ref)
    gate.remember("new", "answer", (ruling,))
    gate.remember("old", "answer", (ruling, ruling._replace(revocations=-1)))
    assert (gate.remembered("new"), gate.remembered("old")) == ("answer", None)


def at_once(log, *events):
    """Return what became of events that are put on record together."""

    async def ask():
        batched = BatchedLog(log)
        return await asyncio.gather(*(batched.append(event) for event in events), return_exceptions=True)

    return asyncio.run(ask())


def test_an_event_that_no_entry_holds_fails_alone(scene):
    small = AuditEvent(NOW, "review", "allow", None, {})
    large = small._replace(body={"text": "x" * limits.AUDIT_ENTRY_BYTES})
    found = at_once(scene.log, small, large, small)
    assert [type(one) for one in found] == [AuditRecord, AuditError, AuditRecord]


def test_a_log_that_takes_nothing_fails_every_event():
    class Latched:
        def append_many(self, events):
            raise AuditError("takes nothing after a failure")

    small = AuditEvent(NOW, "review", "allow", None, {})
    assert [type(one) for one in at_once(Latched(), small, small)] == [AuditError, AuditError]


def test_an_error_does_not_keep_alive_what_it_passed_through(scene):
    """Not even until the garbage collector comes: a flood of images that cannot be fetched would fill the memory."""
    gate, refused = scene.gate(), []

    class RingedError(UnreachableError):
        """An error that a frame of its own traceback names."""

    def open_and_fail(ref):
        failed = RingedError("the registry does not answer")
        refused.append(weakref.ref(failed))
        raise failed

    gate._kit = gate._kit._replace(open_source=open_and_fail)
    gc.disable()
    try:
        for _ in range(2):
            assert not rule(gate, scene.ref).allowed
    finally:
        gc.enable()
    assert [one() for one in refused] == [None]
