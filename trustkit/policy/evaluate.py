"""Facts to Decision: pure, total, and closed by default.

    the image itself was revoked        deny, in every mode and without exemption
    no section matches the image        deny (unless every document says otherwise in onNoMatch)
    a matching section has no rules     deny
    nothing demands verified evidence   deny: a policy that forgot `verify` admits nothing
    a rule of an enforcing section denies   deny
    else                                allow; findings of warn and audit sections are reported

The documents of the cluster decide so among themselves. Documents of the request's namespace are asked besides:
what one of them denies is denied, and nothing they say allows what the cluster's documents deny.

A section in mode warn or audit reports and never decides; so does one in mode enforce until its `warnUntil`.
A rule that denies allows if an exemption or a break-glass grant covers everything its section denies, and says so.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING  # noqa: TID251  (excuses load on demand)

from trustkit.model.decision import ALLOW, DENY, Decision, Finding
from trustkit.model.facts import Facts
from trustkit.model.grant import GrantUse
from trustkit.model.values import NamedTuple
from trustkit.policy.document import AUDIT, ENFORCE, WARN, Policy, Section
from trustkit.policy.scope import matching

if TYPE_CHECKING:  # most policies excuse nothing
    from trustkit.policy.excuse import Excuse

_NAMES_SHOWN = 4
# The rule that no policy writes and every policy has.
REVOKED = "revocations/image"


def evaluate(policy: Policy, facts: Facts) -> Decision:
    """Return the decision of the policy on these facts. Never raises."""
    if facts.revoked:
        step = "run another image; what was revoked is listed by trustkit fleet list"
        finding = Finding(REVOKED, DENY, True, facts.revoked, (), step)
        return Decision(DENY, (finding,), policy.digest, policy.name)
    sections = matching(policy, facts)
    own = tuple(section for section in sections if section.namespace)
    cluster = tuple(section for section in sections if not section.namespace)
    decision = _decided(policy, cluster, _proven_to(policy, facts, ""))
    return _tightened(decision, own, _proven_to(policy, facts, facts.request.namespace)) if own else decision


def _proven_to(policy: Policy, facts: Facts, namespace: str) -> Facts:
    """Return the facts as the keys of the cluster's documents, and of this namespace's, prove them."""
    if not any(section.namespace for section in policy.sections):
        return facts
    from trustkit.policy.tenancy import proven_to

    return proven_to(policy, facts, namespace)


def _tightened(cluster: Decision, own: tuple[Section, ...], facts: Facts) -> Decision:
    """Return the cluster's decision, unless documents of the request's namespace deny."""
    judged = [_judged(section, facts) for section in own]
    findings = tuple(finding for one in judged for finding in one.findings)
    mode = _strictest({cluster.mode, *(_mode(section, facts) for section in own)})
    both = cluster._replace(
        findings=(*cluster.findings, *findings), policy_name=f"{cluster.policy_name}+{_names(own)}", mode=mode
    )
    if not cluster.allowed or _denies(findings):
        return both._replace(verdict=DENY, until=None, grants=())
    rested = _rested(judged)
    until = min((moment for moment in (cluster.until, rested.until) if moment is not None), default=None)
    return both._replace(until=until, grants=(*cluster.grants, *rested.grants))


def _decided(policy: Policy, sections: tuple[Section, ...], facts: Facts) -> Decision:
    """Return the decision of the cluster's documents that match."""
    if not sections:
        return _unmatched(policy, facts)
    judged = [_judged(section, facts) for section in sections]
    findings = [finding for one in judged for finding in one.findings]
    mode = _strictest({_mode(section, facts) for section in sections})
    if not any(rule.demands_evidence for section in sections for rule in section.rules):
        findings.append(_nothing_demanded(sections[0], facts, enforced=mode == ENFORCE))
    names = _names(sections)
    if _denies(findings):
        return Decision(DENY, tuple(findings), policy.digest, names, mode)
    rested = _rested(judged)
    return Decision(ALLOW, tuple(findings), policy.digest, names, mode, rested.until, rested.grants)


class _Judged(NamedTuple):
    """What sections found; `until`: when an excuse or a delay that it rests on ends."""

    findings: tuple[Finding, ...]
    until: datetime | None = None
    grants: tuple[GrantUse, ...] = ()


def _denies(findings: Iterable[Finding]) -> bool:
    return any(finding.enforced and finding.verdict == DENY for finding in findings)


def _rested(judged: Sequence[_Judged]) -> _Judged:
    """Return on what sections rest together, and until when all of it holds."""
    until = min((one.until for one in judged if one.until is not None), default=None)
    return _Judged((), until, tuple(grant for one in judged for grant in one.grants))


def _judged(section: Section, facts: Facts) -> _Judged:
    enforced = _mode(section, facts) == ENFORCE
    waits = section.warn_until if section.mode == ENFORCE and not enforced else None
    if not section.rules:
        step = "add spec.verify to the policy"
        finding = Finding(f"{section.name}/rules", DENY, enforced, "the policy has no rules", (), step)
        return _Judged((finding,), waits)
    outcomes = [(rule.id, rule.judge(facts)) for rule in section.rules]
    # anything but a clear ALLOW denies
    denied = tuple(rule for rule, outcome in outcomes if outcome.verdict != ALLOW)
    excused = _excuse(section, denied, facts, enforced=enforced)
    found: list[Finding] = []
    for rule, outcome in outcomes:
        verdict, message = ALLOW if outcome.verdict == ALLOW else DENY, outcome.message
        if verdict == DENY and excused is not None:
            verdict, message = ALLOW if excused.holds else DENY, excused.told(message)
        step = outcome.next_step if verdict == DENY else ""
        found.append(Finding(f"{section.name}/{rule}", verdict, enforced, message, outcome.evidence, step))
    if waits is not None or excused is None:
        return _Judged(tuple(found), waits)
    return _Judged(tuple(found), excused.until, (excused.grant,) if excused.grant else ())


def _excuse(section: Section, denied: tuple[str, ...], facts: Facts, *, enforced: bool) -> "Excuse | None":
    """Return what excuses the rules that deny; a grant is spent on rules that are enforced only."""
    terms = section.break_glass if enforced else None
    if not denied or not (section.exemptions or terms):
        return None
    from trustkit.policy.excuse import excuse

    return excuse(section.exemptions, terms, denied, facts)


def _mode(section: Section, facts: Facts) -> str:
    waiting = section.mode == ENFORCE and section.warn_until is not None and facts.now < section.warn_until
    return WARN if waiting else section.mode


def _strictest(modes: set[str]) -> str:
    if modes <= {AUDIT}:
        return AUDIT
    return WARN if modes <= {AUDIT, WARN} else ENFORCE


def _nothing_demanded(section: Section, facts: Facts, *, enforced: bool) -> Finding:
    message = f"no rule about {facts.image.ref.name} demands a signature or an attestation"
    step = "add spec.verify.signatures, or set enforcement.mode to warn or audit to let unsigned images run"
    return Finding(f"{section.name}/verify", DENY, enforced, message, (), step)


def _unmatched(policy: Policy, facts: Facts) -> Decision:
    wishes = {section.on_no_match for section in policy.sections if not section.namespace}
    request = facts.request
    message = f"no policy speaks about {facts.image.ref.name} on {request.engine}"
    step = "add the image to spec.match.images of a policy"
    rule = f"{policy.name}/match"
    # the strictest wish wins, so one document cannot open the door for all others
    if wishes == {"allow"}:
        finding = Finding(rule, ALLOW, True, f"{message}; onNoMatch allows it")
        return Decision(ALLOW, (finding,), policy.digest, policy.name)
    if wishes and wishes <= {"allow", "warn"}:
        finding = Finding(rule, DENY, False, message, (), step)
        return Decision(ALLOW, (finding,), policy.digest, policy.name, WARN)
    finding = Finding(rule, DENY, True, message, (), step)
    return Decision(DENY, (finding,), policy.digest, policy.name)


def _names(sections: tuple[Section, ...]) -> str:
    names = "+".join(section.name for section in sections[:_NAMES_SHOWN])
    more = len(sections) - _NAMES_SHOWN
    return f"{names}+{more} more" if more > 0 else names
