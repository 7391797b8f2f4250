"""What a break-glass grant lets through, and everything it does not: terms, signers, time, place, rules."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from policy_facts import IMAGE, NOW, OTHER_IMAGE, facts, fingerprint_of, refused, said, signature, spec
from trustkit.codec.grant import PREDICATE_TYPE
from trustkit.errors import PolicySyntaxError
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.digest import Digest
from trustkit.model.facts import Facts, RequestFacts
from trustkit.model.signature import SignerIdentity, Statement, VerifiedSignature
from trustkit.policy.document import ATTESTATIONS, Policy, reads
from trustkit.policy.evaluate import evaluate
from trustkit.policy.exporting import admission_policy, containers, notation
from trustkit.policy.exporting.exported import Exported
from trustkit.policy.lint import lint

BODY = "  verify: {signatures: {key: one}}\n  require: {runtime: {denyPrivileged: true, denyHostPath: true}}\n"
SKIPPED = "test/require.runtime.denyPrivileged"
RUN = RequestFacts(purpose="run", user="10001", privileged=True)
HOUR = timedelta(hours=1)


def terms(**changes: str) -> str:
    """The policy with its terms of break-glass; a change of nothing takes the field away."""
    fields = {
        "enabled": "true",
        "grant": "signed",
        "approvers": "{count: 1, of: [{key: two}], notRequester: true}",
        "maxDuration": "8h",
        "skip": "[require.runtime.denyPrivileged]",
        "neverSkip": "[verify.signatures]",
        "audit": "{alert: true, reviewWithin: 24h}",
    } | changes
    written = ", ".join(f"{name}: {value}" for name, value in fields.items() if value)
    return BODY + f"  exceptions: {{breakGlass: {{{written}}}}}\n"


def when(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def grant(
    *keys: str, image: Digest = IMAGE, requester: str | dict[str, str] = "three", **changes: object
) -> list[VerifiedSignature]:
    """One grant, signed by these keys: verified statements with the same bytes."""
    predicate: dict[str, object] = {
        "id": "00112233aabbccdd",
        "namespace": "",
        "rules": ["require.runtime.denyPrivileged"],
        "requester": requester if isinstance(requester, dict) else {"key": fingerprint_of(f"{requester}.pub".encode())},
        "reason": "INC-7",
        "notBefore": when(NOW - HOUR),
        "notAfter": when(NOW + HOUR),
        **changes,
    }
    return [said(key, PREDICATE_TYPE, predicate)._replace(subject=image) for key in keys]


def about(*items: VerifiedSignature, request: RequestFacts = RUN, now: datetime = NOW) -> Facts:
    return facts(signature("one"), *items, request=request, now=now)


def test_without_a_grant_the_rule_denies() -> None:
    refused(spec(terms()), about(), SKIPPED)


def test_an_approved_grant_lets_the_rule_be_broken_and_says_by_whom_and_why() -> None:
    decision = evaluate(spec(terms()), about(*grant("three", "two")))
    assert (decision.verdict, decision.until) == (ALLOW, NOW + HOUR)
    finding = next(item for item in decision.findings if item.rule == SKIPPED)
    assert finding.message.startswith("broken by grant 00112233aabbccdd until ")
    assert "requested by three (key " in finding.message
    assert "approved by two (INC-7): refuses the request: it is privileged" in finding.message
    use = decision.grants[0]
    assert (use.rules, use.approvers, use.alert) == (("require.runtime.denyPrivileged",), ("two",), True)
    assert use.review_within == timedelta(hours=24)


def test_a_decision_that_needs_no_grant_names_none() -> None:
    decision = evaluate(spec(terms()), about(*grant("three", "two"), request=RUN._replace(privileged=False)))
    assert (decision.verdict, decision.grants, decision.until) == (ALLOW, (), None)


def test_a_grant_holds_until_its_last_second_and_no_longer() -> None:
    policy, items = spec(terms()), grant("three", "two")
    assert evaluate(policy, about(*items, now=NOW + HOUR - timedelta(microseconds=1))).verdict == ALLOW
    assert "ended at" in refused(policy, about(*items, now=NOW + HOUR), SKIPPED)


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        (grant("three"), "needs the approval of two; found nobody"),
        (grant("two", requester="two"), "is approved by nobody but its requester, two"),
        (grant("two"), "is not signed by its requester"),
        (grant("three", "one"), "needs the approval of two; found nobody"),
        (grant("three", "two", notBefore=when(NOW + timedelta(seconds=1))), "only"),
        (grant("three", "two", notBefore=when(NOW - 8 * HOUR)), "longer than the 8:00:00 that the policy allows"),
        (grant("three", "two", namespace="production"), "is for namespace production, not no namespace"),
        (grant("three", "two", rules=["require.runtime.denyHostPath"]), "does not name require.runtime.denyPriv"),
        (grant("three", "two", rules=["require.runtime.deny"]), "does not name require.runtime.denyPriv"),
    ],
    ids=["unapproved", "self", "not requested", "stranger", "early", "too long", "namespace", "rule", "half a rule"],
)
def test_a_grant_that_does_not_hold_changes_nothing_and_the_refusal_says_why(
    items: list[VerifiedSignature], reason: str
) -> None:
    assert reason in refused(spec(terms()), about(*items), SKIPPED)


def test_nobody_approves_himself_under_a_second_name_of_his_key() -> None:
    policy = spec(terms(approvers="{count: 1, of: [{key: twin}]}"))
    message = refused(policy, about(*grant("one", requester="one")), SKIPPED)
    assert "is approved by nobody but its requester" in message


def test_nobody_approves_himself_with_two_signatures_of_his_key() -> None:
    mine = grant("two", requester="two")
    again = [item._replace(evidence=OTHER_IMAGE) for item in mine]
    refused(spec(terms()), about(*mine, *again), SKIPPED)


def test_one_key_under_two_names_is_one_approver() -> None:
    of = "[{key: one}, {key: twin}, {key: two}]"
    policy = spec(terms(approvers=f"{{count: 2, of: {of}}}"))
    assert "found only one" in refused(policy, about(*grant("three", "one")), SKIPPED)
    assert evaluate(policy, about(*grant("three", "one", "two"))).verdict == ALLOW


def test_an_approval_of_other_bytes_is_none() -> None:
    other = grant("two", reason="something else")
    refused(spec(terms()), about(*grant("three"), *other), SKIPPED)


def test_a_grant_about_another_image_is_none() -> None:
    refused(spec(terms()), about(*grant("three", "two", image=OTHER_IMAGE)), SKIPPED)


def test_a_grant_is_good_in_its_namespace_alone() -> None:
    policy, items = spec(terms()), grant("three", "two", namespace="production")
    assert evaluate(policy, about(*items, request=RUN._replace(namespace="production"))).verdict == ALLOW
    refused(policy, about(*items, request=RUN._replace(namespace="production-2")), SKIPPED)


def test_only_whom_the_policy_names_may_ask() -> None:
    policy = spec(terms(requesters="[{key: one}]"))
    assert "was not for its requester to ask" in refused(policy, about(*grant("three", "two")), SKIPPED)
    assert evaluate(policy, about(*grant("one", "two", requester="one"))).verdict == ALLOW


def test_a_requester_whose_key_is_no_longer_trusted_may_not_ask() -> None:
    policy = spec(terms())
    section = policy.sections[0]
    ended = tuple(
        one._replace(not_after=NOW - HOUR) if one.name == "three" else one for one in section.break_glass.requesters
    )
    late = section._replace(break_glass=section.break_glass._replace(requesters=ended))
    message = refused(policy._replace(sections=(late,)), about(*grant("three", "two")), SKIPPED)
    assert "which is not trusted after" in message


def test_what_the_policy_never_lets_be_broken_wins_over_what_it_does() -> None:
    policy = spec(terms(skip="[require.runtime]", neverSkip="[require.runtime.denyPrivileged]"))
    items = grant("three", "two", rules=["require.runtime"])
    assert "the policy never lets it be broken" in refused(policy, about(*items), SKIPPED)
    mounted = RUN._replace(privileged=False, host_mounts=("/etc",))
    assert evaluate(policy, about(*items, request=mounted)).verdict == ALLOW


def test_a_grant_breaks_no_rule_that_the_policy_did_not_offer() -> None:
    items = grant("three", "two", rules=["require.runtime", "verify.signatures"])
    mounted = RUN._replace(privileged=False, host_mounts=("/etc",))
    message = refused(spec(terms()), about(*items, request=mounted), "test/require.runtime.denyHostPath")
    assert "the policy lets no grant do so" in message


def test_a_grant_does_not_admit_what_nobody_signed() -> None:
    items = grant("three", "two", rules=["require.runtime.denyPrivileged", "verify.signatures"])
    message = refused(spec(terms()), facts(*items, request=RUN), "test/verify.signatures")
    assert "cannot break verify.signatures: the policy never lets it be broken" in message


def test_two_grants_do_not_widen_each_other() -> None:
    policy = spec(terms(skip="[require.runtime]"))
    one = grant("three", "two")
    other = grant("three", "two", id="ffeeddccbbaa0099", rules=["require.runtime.denyHostPath"])
    both = about(*one, *other, request=RUN._replace(host_mounts=("/etc",)))
    refused(policy, both, SKIPPED)


def test_a_grant_and_an_exemption_do_not_widen_each_other() -> None:
    exemption = (
        "exemptions: [{id: e, images: ['registry.corp.example/**'], skip: [require.runtime.denyHostPath], reason: r, "
        f"approvedBy: [me], expires: '{when(NOW + 24 * HOUR)}'}}], "
    )
    policy = spec(terms().replace("exceptions: {", "exceptions: {" + exemption))
    both = about(*grant("three", "two"), request=RUN._replace(host_mounts=("/etc",)))
    refused(policy, both, SKIPPED)


def test_a_section_without_terms_is_broken_by_no_grant() -> None:
    refused(spec(BODY), about(*grant("three", "two")), SKIPPED)


def test_terms_that_are_not_enabled_are_no_terms() -> None:
    refused(spec(terms(enabled="false")), about(*grant("three", "two")), SKIPPED)


@pytest.mark.parametrize(
    "content",
    [b"{}", b"[]", b"", b"{" * 100, b'{"id":"00112233aabbccdd"}', b'{"id":1,"id":2}', b"\xff"],
)
def test_a_signed_statement_that_is_no_grant_is_none(content: bytes) -> None:
    items = [item._replace(statement=Statement(PREDICATE_TYPE, content)) for item in grant("three", "two")]
    refused(spec(terms()), about(*items), SKIPPED)


def test_a_statement_of_another_type_is_no_grant() -> None:
    items = [
        item._replace(
            statement=Statement("https://other.example/v1", item.statement.predicate if item.statement else b"")
        )
        for item in grant("three", "two")
    ]
    refused(spec(terms()), about(*items), SKIPPED)


IDENTITIES = """
  trust:
    keys: {one: {pem: one.pub}}
    roots: {sigstore: root.json}
    identities: {oncall: {issuer: 'https://id.example', subjectRegex: '.*@corp[.]example'}}
"""


def by(subject: str) -> VerifiedSignature:
    """The grant that alice asks for, signed by whom a certificate names."""
    one = grant("one", requester={"issuer": "https://id.example", "subject": "alice@corp.example"})[0]
    return one._replace(signer=SignerIdentity("f" * 64, "sigstore:sigstore", subject, "https://id.example"))


def test_identities_ask_and_approve_and_stay_apart() -> None:
    policy = spec(IDENTITIES + terms(approvers="{count: 1, of: [{identity: oncall}]}"), keys=False)
    asked = by("alice@corp.example")
    again = asked._replace(evidence=OTHER_IMAGE)
    assert "nobody but its requester" in refused(policy, about(asked, again), SKIPPED)
    refused(policy, about(asked, by("mallory@evil.example")), SKIPPED)
    assert evaluate(policy, about(asked, by("bob@corp.example"))).verdict == ALLOW


def test_a_policy_with_terms_reads_attestations() -> None:
    assert ATTESTATIONS in reads(spec(terms()))
    assert ATTESTATIONS not in reads(spec(BODY))


def test_in_a_section_that_only_warns_no_grant_is_spent() -> None:
    decision = evaluate(
        spec(terms().replace(BODY, "  enforcement: {mode: warn}\n" + BODY)), about(*grant("three", "two"))
    )
    assert (decision.verdict, decision.grants) == (ALLOW, ())
    assert any(item.verdict == DENY and item.rule == SKIPPED for item in decision.findings)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"grant": "label"}, "is not one of signed"),
        ({"grant": ""}, "'grant' is missing"),
        ({"enabled": ""}, "'enabled' is missing"),
        ({"approvers": ""}, "'approvers' is missing"),
        ({"approvers": "{count: 0, of: [{key: two}]}"}, "between 1 and 64"),
        ({"approvers": "{count: 2, of: [{key: one}, {key: twin}]}"}, "can never be reached"),
        ({"approvers": "{count: 1, of: [{key: nobody}]}"}, "unknown key"),
        ({"approvers": "{count: 1, of: []}"}, "the list is empty"),
        ({"approvers": "{count: 1, of: [{key: two}], notRequester: false}"}, "who asks must not approve"),
        ({"requesters": "[]"}, "the list is empty"),
        ({"maxDuration": ""}, "'maxDuration' is missing"),
        ({"maxDuration": "8y"}, "no duration"),
        ({"maxDuration": "8d"}, "at most 7 days"),
        ({"skip": ""}, "'skip' is missing"),
        ({"skip": "[all]"}, "names no rule of its own"),
        ({"skip": "[verify]"}, "names no rule of its own"),
        ({"skip": "[require.sbom]"}, "no rule of this policy is called"),
        ({"neverSkip": "[verify.signature]"}, "no rule of this policy is called"),
        ({"audit": "{reviewWithin: soon}"}, "no duration"),
        ({"audit": "{mail: me}"}, "unknown field"),
        ({"after": "x"}, "unknown field"),
    ],
)
def test_terms_that_are_not_complete_are_refused(changes: dict[str, str], reason: str) -> None:
    with pytest.raises(PolicySyntaxError) as caught:
        spec(terms(**changes))
    assert reason in caught.value.message


def test_exceptions_without_any_are_refused() -> None:
    with pytest.raises(PolicySyntaxError, match="the mapping is empty"):
        spec(BODY + "  exceptions: {}\n")


def test_a_rollout_and_an_exemption_tell_until_when_the_decision_holds() -> None:
    ends = NOW + timedelta(minutes=5)
    waiting = f"  enforcement: {{rollout: {{warnUntil: '{when(ends)}'}}}}\n" + BODY
    assert evaluate(spec(waiting), facts()).until == ends
    exempt = BODY + (
        "  exceptions: {exemptions: [{id: e, images: ['registry.corp.example/**'], "
        f"skip: [require.runtime.denyPrivileged], reason: r, approvedBy: [me], expires: '{when(ends)}'}}]}}\n"
    )
    assert evaluate(spec(exempt), about()).until == ends


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, []),
        ({"neverSkip": "", "skip": "[verify.signatures]"}, ["open-break-glass"]),
        ({"audit": ""}, ["no-review"]),
        ({"audit": "{alert: false}"}, ["no-review"]),
    ],
)
def test_lint_finds_terms_that_are_wider_than_meant(changes: dict[str, str], codes: list[str]) -> None:
    found = [one.code for one in lint(spec(terms(**changes)), NOW)]
    assert [code for code in found if code in ("open-break-glass", "no-review")] == codes


@pytest.mark.parametrize("export", [containers.export, notation.export, admission_policy.export])
def test_an_export_says_that_grants_are_left_out(export: Callable[[Policy], Exported]) -> None:
    assert any("break-glass grants are left out" in one for one in export(spec(terms())).left_out)
