"""Facts to Decision: pure, total, and closed by default.

    no section matches the image        deny (unless every document says otherwise in onNoMatch)
    a matching section has no rules     deny
    nothing demands verified evidence   deny: a policy that forgot `verify` admits nothing
    a rule of an enforcing section denies   deny
    else                                allow; findings of warn and audit sections are reported

The documents of the cluster decide so among themselves. Documents of the request's namespace are asked besides:
what one of them denies is denied, and nothing they say allows what the cluster's documents deny.

A section in mode warn or audit reports and never decides; so does one in mode enforce until its `warnUntil`.
A rule that denies allows if an exemption covers everything its section denies, and says so.
"""

from collections.abc import Callable

from trustkit.model.decision import ALLOW, DENY, Decision, Finding
from trustkit.model.facts import Facts
from trustkit.policy.document import AUDIT, ENFORCE, WARN, Policy, Section
from trustkit.policy.scope import matching

_NAMES_SHOWN = 4


def evaluate(policy: Policy, facts: Facts) -> Decision:
    """Return the decision of the policy on these facts. Never raises."""
    sections = matching(policy, facts)
    own = tuple(section for section in sections if section.namespace)
    if not own:
        return _decided(policy, sections, facts)
    cluster = _decided(policy, tuple(section for section in sections if not section.namespace), facts)
    findings = [finding for section in own for finding in _findings(section, facts)]
    denied = not cluster.allowed or any(finding.enforced and finding.verdict == DENY for finding in findings)
    mode = _strictest({cluster.mode, *(_mode(section, facts) for section in own)})
    return cluster._replace(
        verdict=DENY if denied else ALLOW,
        findings=(*cluster.findings, *findings),
        policy_name=f"{cluster.policy_name}+{_names(own)}",
        mode=mode,
    )


def _decided(policy: Policy, sections: tuple[Section, ...], facts: Facts) -> Decision:
    """Return the decision of the cluster's documents that match."""
    if not sections:
        return _unmatched(policy, facts)
    findings = [finding for section in sections for finding in _findings(section, facts)]
    mode = _strictest({_mode(section, facts) for section in sections})
    if not any(rule.demands_evidence for section in sections for rule in section.rules):
        findings.append(_nothing_demanded(sections[0], facts, enforced=mode == ENFORCE))
    denied = any(finding.enforced and finding.verdict == DENY for finding in findings)
    return Decision(DENY if denied else ALLOW, tuple(findings), policy.digest, _names(sections), mode)


def _findings(section: Section, facts: Facts) -> list[Finding]:
    enforced = _mode(section, facts) == ENFORCE
    if not section.rules:
        step = "add spec.verify to the policy"
        return [Finding(f"{section.name}/rules", DENY, enforced, "the policy has no rules", (), step)]
    outcomes = [(rule.id, rule.judge(facts)) for rule in section.rules]
    # anything but a clear ALLOW denies
    denied = [rule for rule, outcome in outcomes if outcome.verdict != ALLOW]
    exempt = _exempt(section, denied, facts) if denied and section.exemptions else None
    found: list[Finding] = []
    for rule, outcome in outcomes:
        verdict, message = ALLOW if outcome.verdict == ALLOW else DENY, outcome.message
        if verdict == DENY and exempt is not None:
            verdict, message = exempt[0], exempt[1](message)
        step = outcome.next_step if verdict == DENY else ""
        found.append(Finding(f"{section.name}/{rule}", verdict, enforced, message, outcome.evidence, step))
    return found


def _exempt(section: Section, denied: list[str], facts: Facts) -> tuple[str, Callable[[str], str]]:
    """Return the verdict on every rule that denies, of a section with exemptions, and what becomes of its message."""
    from trustkit.policy.exemptions import exemption_for

    exempted = exemption_for(section.exemptions, denied, facts)
    one = exempted.found
    if one is None:
        return DENY, lambda message: f"{message}; {exempted.note}" if exempted.note else message
    prefix = f"exempt by {one.id} until {one.expires.isoformat()}, approved by {', '.join(one.approved_by)}"
    return ALLOW, lambda message: f"{prefix} ({one.reason}): {message}"


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
