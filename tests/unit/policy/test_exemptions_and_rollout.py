"""What an exemption lets through, and everything it does not; enforcement from a date on."""

from datetime import timedelta

import pytest

from policy_facts import IMAGE, NAME, NOW, facts, refused, signature, spec
from trustkit.errors import PolicySyntaxError
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.facts import RequestFacts
from trustkit.policy.evaluate import evaluate

BODY = "  verify: {signatures: {key: one}}\n  require: {runtime: {denyPrivileged: true, denyHostPath: true}}\n"
RUN = RequestFacts(purpose="run", user="10001", privileged=True)
PRIVILEGED = facts(signature("one"), request=RUN)
BOTH = facts(signature("one"), request=RUN._replace(host_mounts=("/etc",)))
SOON = (NOW + timedelta(days=30)).isoformat()


def exempt(
    *, skip: str = "require.runtime.denyPrivileged", images: str = NAME, expires: str = SOON, more: str = ""
) -> str:
    return (
        f"    - {{id: mesh, images: ['{images}'], skip: [{skip}], reason: SEC-1, approvedBy: [sec@corp.example], "
        f"expires: '{expires}'{more}}}\n"
    )


def policy(*exemptions: str, body: str = BODY) -> str:
    return body + "  exceptions:\n    exemptions:\n" + "".join(exemptions)


@pytest.mark.parametrize(
    "one",
    [
        exempt(),
        exempt(skip="require.runtime"),
        exempt(skip="verify.signatures, require.runtime.denyPrivileged"),
        exempt(images=f"{NAME}@{IMAGE}"),
        exempt(images="registry.corp.example/**"),
    ],
)
def test_an_exempt_rule_allows_and_says_by_whom_and_why(one: str) -> None:
    decision = evaluate(spec(policy(one)), PRIVILEGED)
    assert decision.verdict == ALLOW
    finding = next(item for item in decision.findings if item.rule == "test/require.runtime.denyPrivileged")
    assert finding.message.startswith("exempt by mesh until ")
    assert "approved by sec@corp.example (SEC-1): refuses the request: it is privileged" in finding.message


@pytest.mark.parametrize(
    "one",
    [
        exempt(skip="require.runtime.denyHostPath"),
        exempt(images="registry.corp.example/other/**"),
        exempt(images=f"{NAME}@sha256:{'33' * 32}"),
        exempt(expires=NOW.isoformat()),
        exempt(expires=(NOW - timedelta(days=1)).isoformat()),
        exempt(expires=(NOW + timedelta(days=181)).isoformat()),
        exempt(more=", namespaces: [production]"),
    ],
    ids=["rule", "image", "digest", "ending now", "ended", "too long", "namespace"],
)
def test_an_exemption_for_something_else_changes_nothing(one: str) -> None:
    refused(spec(policy(one)), PRIVILEGED, "test/require.runtime.denyPrivileged")


def test_an_exemption_holds_in_its_namespaces() -> None:
    about = facts(signature("one"), request=RUN._replace(namespace="production"))
    assert evaluate(spec(policy(exempt(more=", namespaces: [production]"))), about).verdict == ALLOW


def test_two_exemptions_do_not_widen_each_other() -> None:
    one, other = exempt(), exempt(skip="require.runtime.denyHostPath").replace("id: mesh", "id: logs")
    assert evaluate(spec(policy(one, other)), PRIVILEGED).verdict == ALLOW
    refused(spec(policy(one, other)), BOTH, "test/require.runtime.denyPrivileged")
    both = exempt(skip="require.runtime.denyPrivileged, require.runtime.denyHostPath")
    assert evaluate(spec(policy(both)), BOTH).verdict == ALLOW


def test_an_exemption_from_runtime_rules_does_not_admit_unsigned_images() -> None:
    refused(spec(policy(exempt())), facts(request=RUN), "test/verify.signatures")


def test_a_refusal_says_why_the_exemption_did_not_help() -> None:
    text = policy(exempt(expires=(NOW - timedelta(days=1)).isoformat()))
    assert "exemption mesh ended at" in refused(spec(text), PRIVILEGED, "test/require.runtime.denyPrivileged")


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (exempt(skip="all"), "names no rule of its own"),
        (exempt(skip="verify"), "names no rule of its own"),
        (exempt(skip="require"), "names no rule of its own"),
        (exempt(skip="require.sbom"), "no rule of this policy is called"),
        (exempt(skip="require.runtime.deny"), "no rule of this policy is called"),
        (exempt(images="**"), "a different policy"),
        (exempt(images=f"{NAME}@sha256:00"), "has no digest"),
        (exempt(images=f"{NAME}:1.0"), "tag or digest"),
        (exempt(expires="2027-01-01"), "has no time zone"),
        (exempt().replace("reason: SEC-1, ", ""), "'reason' is missing"),
        (exempt().replace("reason: SEC-1", "reason: ''"), "empty"),
        (exempt().replace("approvedBy: [sec@corp.example]", "approvedBy: []"), "the list is empty"),
        (exempt().replace(f", expires: '{SOON}'", ""), "'expires' is missing"),
        (exempt() + exempt(), "given twice"),
    ],
)
def test_an_exemption_that_is_not_complete_is_refused(one: str, reason: str) -> None:
    with pytest.raises(PolicySyntaxError) as caught:
        spec(policy(one))
    assert reason in caught.value.message


def rollout(until: object, mode: str = "enforce") -> str:
    return f"  enforcement: {{mode: {mode}, rollout: {{warnUntil: '{until}'}}}}\n" + BODY


def test_until_the_date_a_policy_warns_and_from_then_on_it_enforces() -> None:
    before = evaluate(spec(rollout((NOW + timedelta(seconds=1)).isoformat())), facts())
    assert (before.verdict, before.mode) == (ALLOW, "warn")
    assert any(finding.verdict == DENY and not finding.enforced for finding in before.findings)
    refused(spec(rollout(NOW.isoformat())), facts(), "test/verify.signatures")


@pytest.mark.parametrize("mode", ["warn", "audit"])
def test_a_mode_that_never_enforces_has_nothing_to_roll_out(mode: str) -> None:
    with pytest.raises(PolicySyntaxError, match="nothing to roll out"):
        spec(rollout(NOW.isoformat(), mode))
