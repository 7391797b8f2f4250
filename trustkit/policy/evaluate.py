"""Facts to Decision: pure, total, and closed by default.

    no section matches the image        deny (unless every document says otherwise in onNoMatch)
    a matching section has no rules     deny
    nothing demands verified evidence   deny: a policy that forgot `verify` admits nothing
    a rule of an enforcing section denies   deny
    else                                allow; findings of warn and audit sections are reported

A section in mode warn or audit reports and never decides.
"""

from trustkit.model.decision import ALLOW, DENY, Decision, Finding
from trustkit.model.facts import Facts
from trustkit.policy.document import AUDIT, ENFORCE, WARN, Policy, Section
from trustkit.policy.scope import matching

_NAMES_SHOWN = 4


def evaluate(policy: Policy, facts: Facts) -> Decision:
    """Return the decision of the policy on these facts. Never raises."""
    sections = matching(policy, facts)
    if not sections:
        return _unmatched(policy, facts)
    findings = [finding for section in sections for finding in _findings(section, facts)]
    mode = _strictest(sections)
    if not any(rule.demands_evidence for section in sections for rule in section.rules):
        findings.append(_nothing_demanded(sections[0], facts, enforced=mode == ENFORCE))
    denied = any(finding.enforced and finding.verdict == DENY for finding in findings)
    return Decision(DENY if denied else ALLOW, tuple(findings), policy.digest, _names(sections), mode)


def _findings(section: Section, facts: Facts) -> list[Finding]:
    enforced = section.mode == ENFORCE
    if not section.rules:
        step = "add spec.verify to the policy"
        return [Finding(f"{section.name}/rules", DENY, enforced, "the policy has no rules", (), step)]
    found: list[Finding] = []
    for rule in section.rules:
        outcome = rule.judge(facts)
        found.append(
            Finding(
                f"{section.name}/{rule.id}",
                # anything but a clear ALLOW denies
                ALLOW if outcome.verdict == ALLOW else DENY,
                enforced,
                outcome.message,
                outcome.evidence,
                outcome.next_step,
            )
        )
    return found


def _strictest(sections: tuple[Section, ...]) -> str:
    modes = {section.mode for section in sections}
    if modes <= {AUDIT}:
        return AUDIT
    return WARN if modes <= {AUDIT, WARN} else ENFORCE


def _nothing_demanded(section: Section, facts: Facts, *, enforced: bool) -> Finding:
    message = f"no rule about {facts.image.ref.name} demands a signature or an attestation"
    step = "add spec.verify.signatures, or set enforcement.mode to warn or audit to let unsigned images run"
    return Finding(f"{section.name}/verify", DENY, enforced, message, (), step)


def _unmatched(policy: Policy, facts: Facts) -> Decision:
    wishes = {section.on_no_match for section in policy.sections}
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
