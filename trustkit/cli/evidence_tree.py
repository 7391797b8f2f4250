"""A judgement as a tree for people, and as JSON for programs."""

from datetime import date
from typing import TextIO

from trustkit.cli.output import jsonable, mark, plain
from trustkit.model.audit import AuditRecord
from trustkit.model.crypto import ModuleStatus
from trustkit.model.evidence import Rejection
from trustkit.model.facts import Facts
from trustkit.model.judgement import Judgement
from trustkit.model.signature import ATTESTATION, VerifiedSignature
from trustkit.model.strength import transition


def print_judgement(judgement: Judgement, record: AuditRecord, out: TextIO) -> None:
    """Print the image, every item of evidence, the rules' findings, and who did the maths."""
    branches = [*_evidence(judgement), *_findings(judgement), _module(judgement.facts.crypto)]
    branches.append((f"decision {record.sequence} in the log", []))
    allowed = judgement.decision.allowed
    verdict = mark("admitted" if allowed else "refused", good=allowed)
    image = judgement.image
    print(f"{plain(image.ref.given)}  {verdict}", file=out)
    print(f"{image.digest}  {plain(image.platform)}", file=out)
    for number, (line, leaves) in enumerate(branches):
        last = number == len(branches) - 1
        print(f"{'└─' if last else '├─'} {line}", file=out)
        for leaf in leaves:
            print(f"{'  ' if last else '│ '}    {plain(leaf)}", file=out)


def _evidence(judgement: Judgement) -> list[tuple[str, list[str]]]:
    report = judgement.facts.report
    branches = [_accepted(item, judgement.facts.now.date()) for item in report.accepted]
    branches += [_rejected(item) for item in report.rejected]
    branches += [(f"? not recognised  {digest}", []) for digest in report.unrecognised]
    if not branches:
        branches.append((mark("✘ no signature found", good=False), []))
    branches += [(f"{mark('!', good=False)} {plain(note)}", []) for note in report.notes]
    if not report.complete:
        branches.append((mark("! not all evidence could be read", good=False), []))
    return branches


def _accepted(item: VerifiedSignature, today: date) -> tuple[str, list[str]]:
    signer = item.signer
    what = f"attestation {item.statement.predicate_type}" if item.statement and item.kind == ATTESTATION else item.kind
    leaves = [
        f"signer     {signer.trust_root}  key {signer.fingerprint[:16]}…",
        f"algorithm  {item.algorithm}",
        f"evidence   {item.evidence}",
    ]
    if signer.subject:
        leaves.insert(1, f"identity   {signer.subject}  vouched for by {signer.issuer}")
    if going := transition(item.algorithm, signer.key_bits, today):
        leaves.append(f"warning    {going}")
    if item.log:
        leaves.append(f"log        {item.log}")
    if item.claimed_name:
        leaves.insert(1, f"name       {item.claimed_name}")
    when = item.signed_at.isoformat() + f" ({item.time_source})" if item.signed_at else "no proven time"
    leaves.insert(1, f"when       {when}")
    leaves += [f"not enforced  {failure}" for failure in item.unenforced]
    leaves += [f"annotation {name}={value}" for name, value in item.annotations]
    if item.statement and item.kind == ATTESTATION:
        from trustkit.cli.predicate_words import words_of

        leaves += words_of(item.statement)
    return f"{mark('✔', good=True)} {plain(what)}  {item.format}", leaves


def _rejected(item: Rejection) -> tuple[str, list[str]]:
    return f"{mark('✘', good=False)} {item.code}  {item.format}", [item.message, f"evidence   {item.evidence}"]


def _findings(judgement: Judgement) -> list[tuple[str, list[str]]]:
    decision = judgement.decision
    leaves = []
    for finding in decision.findings:
        note = "" if finding.enforced else " (reported, not enforced)"
        leaves.append(f"{finding.verdict:<5}  {finding.rule}{note}: {finding.message}")
        if finding.next_step and finding.verdict == "deny":
            leaves.append(f"       next: {finding.next_step}")
    return [(f"policy {plain(decision.policy_name or '-')}  {decision.policy}", leaves)]


def _module(status: ModuleStatus) -> tuple[str, list[str]]:
    return f"checked by {plain(status.words)}, {status.standing}", []


def judgement_json(judgement: Judgement, record: AuditRecord) -> object:
    """Return the judgement in JSON's shapes; verified and unverified facts stay apart."""
    image, facts, decision = judgement
    return {
        "image": image.ref.given,
        "reference": str(image.ref),
        "digest": str(image.digest),
        "manifest": str(image.manifest.digest),
        "platform": str(image.platform),
        "verdict": decision.verdict,
        "policy": {"name": decision.policy_name, "digest": str(decision.policy), "mode": decision.mode},
        "findings": jsonable(decision.findings),
        "verified": [_signature_json(item, facts) for item in facts.report.accepted],
        "rejected": jsonable(facts.report.rejected),
        "unrecognised": jsonable(facts.report.unrecognised),
        "complete": facts.report.complete,
        "notes": list(facts.report.notes),
        "crypto": jsonable(facts.crypto),
        "record": record.sequence,
    }


def _signature_json(item: VerifiedSignature, facts: Facts) -> object:
    shape = jsonable(item)
    if isinstance(shape, dict):
        shape["annotations"] = dict(item.annotations)
        shape["warning"] = transition(item.algorithm, item.signer.key_bits, facts.now.date())
        shape["approved"] = facts.crypto.approves(item.algorithm)
        if item.statement:
            from trustkit.cli.predicate_words import words_of
            from trustkit.codec.strict_json import parse

            predicate = item.statement.predicate
            shape["statement"] = {
                "predicateType": item.statement.predicate_type,
                "predicate": parse(predicate, what="predicate", limit_bytes=len(predicate)),
                "summary": words_of(item.statement),
            }
    return shape
