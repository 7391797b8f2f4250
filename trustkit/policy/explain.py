"""A judgement as lines of text: the verdict, the rule that decided, and the evidence for it."""

from trustkit.model.decision import ALLOW, Finding
from trustkit.model.digest import Digest
from trustkit.model.judgement import Judgement
from trustkit.model.signature import VerifiedSignature


def explain(judgement: Judgement) -> tuple[str, ...]:
    """Return the whole story: image, verdict, deciding rule, every finding, every piece of evidence."""
    facts, decision = judgement.facts, judgement.decision
    lines = [
        f"{facts.image.ref}",
        f"  digest    {facts.image.digest}",
        f"  platform  {facts.image.platform}",
        f"  policy    {decision.policy_name} ({decision.policy.short}), mode {decision.mode}",
        f"  verdict   {decision.verdict}: {because(judgement)}",
        "findings",
    ]
    for finding in decision.findings:
        lines += _finding(finding)
    lines.append("evidence")
    lines += [f"  verified  {_signature(item)}" for item in facts.report.accepted]
    lines += [
        f"  rejected  {item.evidence.short} {item.format}: {item.message} ({item.code})"
        for item in facts.report.rejected
    ]
    lines += [f"  ignored   {digest.short}: no known format" for digest in facts.report.unrecognised]
    if not (facts.report.accepted or facts.report.rejected or facts.report.unrecognised):
        lines.append("  none found")
    lines += [f"  note      {note}" for note in facts.report.notes]
    if not facts.report.complete:
        lines.append("  incomplete: not all evidence could be read")
    crypto = facts.crypto
    lines.append(f"crypto      {crypto.words}, mode {crypto.mode}")
    return tuple(lines)


def because(judgement: Judgement) -> str:
    """Return the reason for the verdict in one sentence, beginning with the rule's id."""
    decision = judgement.decision
    finding = decision.deciding
    if finding is not None:
        return f"{finding.rule}: {finding.message}{_on(finding.evidence, judgement)}"
    would_deny = [finding for finding in decision.findings if finding.verdict != ALLOW]
    if would_deny:
        return f"mode {decision.mode} reports only; {would_deny[0].rule} would deny: {would_deny[0].message}"
    return f"mode {decision.mode} reports only, and every rule is satisfied"


def _on(evidence: tuple[Digest, ...], judgement: Judgement) -> str:
    known = {item.evidence: item for item in judgement.facts.report.accepted}
    named = [f"{digest.short} ({known[digest].format})" for digest in evidence if digest in known]
    return f", on evidence {', '.join(named)}" if named else ""


def _finding(finding: Finding) -> list[str]:
    word = finding.verdict if finding.enforced else f"{finding.verdict} (reported only)"
    lines = [f"  {word}  {finding.rule}: {finding.message}"]
    if finding.next_step:
        lines.append(f"    next: {finding.next_step}")
    return lines


def _signature(item: VerifiedSignature) -> str:
    what = item.statement.predicate_type if item.statement else item.kind
    return f"{item.evidence.short} {item.format} {what} by {item.signer.trust_root}, {item.algorithm}"
