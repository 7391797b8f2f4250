from datetime import UTC, datetime

import pytest

from policy_facts import attestation, facts, rejection, signature, spec
from trustkit import limits
from trustkit.admission.event import Context, decision_event, inconclusive_event, trust_digest
from trustkit.audit.entry import to_bytes
from trustkit.errors import DigestMismatchError, TrustkitError, UnreachableError
from trustkit.model.audit import AuditEvent
from trustkit.model.facts import Facts, RequestFacts
from trustkit.model.image import Descriptor, ResolvedImage
from trustkit.model.judgement import Judgement
from trustkit.model.keys import KeyRevocation
from trustkit.model.revocations import KEY, Revocation, Revocations
from trustkit.policy.evaluate import evaluate
from trustkit.signing.trust.roots import TrustRoots

SIGNED = "  verify: {signatures: {key: one}}\n"


def event_of(about: Facts) -> tuple[AuditEvent, Context]:
    decision = evaluate(spec(SIGNED), about)
    what = Descriptor("", about.image.digest, 1)
    image = ResolvedImage(about.image.ref, what, b"", what, b"", what, b"{}", (), about.image.platform)
    context = Context(about.crypto, TrustRoots(), decision.policy, "test")
    return decision_event(Judgement(image, about, decision), context), context


@pytest.mark.parametrize("letter", ["a", "\x00", "\U0001f512", "\ud800"])
def test_the_largest_decision_fits_an_entry_of_the_log(letter: str) -> None:
    long = letter * 5000
    request = RequestFacts(actor=long, user=long, command=(long,) * 500, host_mounts=(long,) * 500)
    evidence = [signature("one", number=n)._replace(claimed_name=long, format=long) for n in range(64)]
    rejected = tuple(rejection(f"{n}")._replace(message=long) for n in range(64))
    event, _ = event_of(facts(*evidence, request=request, rejected=rejected))
    assert len(to_bytes(event)) <= limits.AUDIT_ENTRY_BYTES
    assert event.body["omitted"]["accepted"] == 64 - len(event.body["accepted"])
    assert event.body["request"]["command_omitted"] == 500 - len(event.body["request"]["command"])


def test_cutting_is_the_same_each_time() -> None:
    about = facts(*(attestation("one", number=n) for n in range(60)), rejected=(rejection("x" * 5000),) * 60)
    assert to_bytes(event_of(about)[0]) == to_bytes(event_of(about)[0])


def test_an_ordinary_decision_is_kept_whole() -> None:
    event, _ = event_of(facts(signature("one"), rejected=(rejection("no"),)))
    assert event.body["omitted"] == {}
    assert (event.body["rule"], event.body["reason"]) == ("test/verify.signatures", "signed by one")


@pytest.mark.parametrize(
    ("error", "outcome"), [(UnreachableError("no answer"), "unknown"), (DigestMismatchError("changed"), "deny")]
)
def test_a_silent_registry_is_unknown_and_lying_bytes_are_refused(error: TrustkitError, outcome: str) -> None:
    about = facts()
    _, context = event_of(about)
    event = inconclusive_event(about.image.ref, about.request, error, context, about.now)
    assert event.outcome == outcome
    assert event.body["error"]["code"] == error.code
    assert to_bytes(event)


def test_the_trust_digest_tells_what_was_given_up() -> None:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    lost = [Revocation(KEY, what * 32, "", "the key ring", KeyRevocation(at, "r")) for what in ("ab", "cd")]
    digests = {trust_digest(TrustRoots(revoked=Revocations(tuple(lost[:count])))) for count in range(3)}
    assert len(digests) == 3


def test_the_trust_digest_does_not_depend_on_order() -> None:
    assert trust_digest(TrustRoots()) == trust_digest(TrustRoots(()))
