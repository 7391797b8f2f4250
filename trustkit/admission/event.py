"""A decision as an audit event: everything an auditor needs to see why it fell so.

The body is JSON-shaped and always fits an entry of the log: long lists and texts are cut, the same way
each time, and `omitted` counts what each list lost.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from trustkit import __version__, limits
from trustkit.codec.canonical_json import canonical
from trustkit.errors import TrustkitError
from trustkit.fips.hashing import digest_of
from trustkit.model.audit import AuditEvent
from trustkit.model.crypto import ModuleStatus
from trustkit.model.decision import DENY, Decision, Finding
from trustkit.model.digest import Digest
from trustkit.model.evidence import Rejection
from trustkit.model.facts import RequestFacts
from trustkit.model.grant import GrantUse
from trustkit.model.judgement import Judgement
from trustkit.model.keys import KeyRevocation
from trustkit.model.reference import ImageRef
from trustkit.model.revocations import KEY
from trustkit.model.signature import VerifiedSignature
from trustkit.model.values import NamedTuple
from trustkit.signing.trust.roots import TrustedKey, TrustRoots

KIND = "decision"
UNKNOWN = "unknown"
# The rest of an entry: time, kind, outcome, subject, and the log's own fields.
_BODY_BYTES = limits.AUDIT_ENTRY_BYTES - 4096


class Context(NamedTuple):
    """What the gate knows beside the judgement; `note`: what is wrong with the policy on disk, if that is another.

    `trial`: the file of a policy that is only tried, or the command that only looks: nobody is admitted or refused.
    """

    crypto: ModuleStatus
    trust: TrustRoots
    policy: Digest
    policy_name: str
    note: str = ""
    trial: str = ""


class _Cut(NamedTuple):
    """How much of lists and texts is kept."""

    items: int
    chars: int


# Tried in this order until the body fits; the last always does.
_CUTS = (_Cut(64, 1024), _Cut(32, 512), _Cut(16, 256), _Cut(8, 128), _Cut(2, 64), _Cut(0, 64))


def decision_event(judgement: Judgement, context: Context) -> AuditEvent:
    """Return the event that records a judgement."""
    body = _fitting(lambda cut: _decision_body(judgement, context, cut))
    return AuditEvent(judgement.facts.now, KIND, judgement.decision.verdict, judgement.image.digest, body)


def inconclusive_event(
    ref: ImageRef, request: RequestFacts, error: TrustkitError, context: Context, now: datetime
) -> AuditEvent:
    """Return the event for a judgement that ended in an error: nothing runs, and the log says why.

    Bytes that lie are a refusal (outcome `deny`); a registry that is silent is none (`unknown`).
    """
    refused = error.exit_status == 1

    def body(cut: _Cut) -> dict[str, object]:
        return {
            **_common(ref, request, context, cut),
            "verdict": DENY if refused else UNKNOWN,
            "error": {
                "code": error.code,
                "message": _text(error.message, cut),
                "details": {_text(k, cut): _text(v, cut) for k, v in sorted(error.details.items())[: cut.items]},
            },
        }

    return AuditEvent(now, KIND, DENY if refused else UNKNOWN, ref.digest, _fitting(body))


def trust_digest(trust: TrustRoots) -> Digest:
    """Return one digest for the keys that were trusted and those given up; the order of keys does not matter."""
    keys: list[object] = [*sorted((_trusted(key) for key in trust.keys), key=canonical)]
    lost = [[one.what, *_revocation(one.lost)] for one in trust.revoked.of(KEY).values()]
    return digest_of(canonical([*keys, {"revoked": lost}] if lost else keys))


def _trusted(key: TrustedKey) -> dict[str, object]:
    return {
        "name": _clean(key.name),
        "fingerprint": key.key.fingerprint,
        "algorithms": sorted(key.algorithms),
        "not_before": key.not_before.isoformat() if key.not_before else "",
        "not_after": key.not_after.isoformat() if key.not_after else "",
        "revoked": _revocation(key.revoked) if key.revoked else [],
    }


def _revocation(lost: KeyRevocation) -> list[object]:
    return [lost.at.isoformat(), _clean(lost.reason), lost.allow_before]


def _fitting(make: Callable[[_Cut], dict[str, object]]) -> dict[str, object]:
    body: dict[str, object] = {}
    for cut in _CUTS:
        body = make(cut)
        if len(canonical(body)) <= _BODY_BYTES:
            return body
    return body


def _common(ref: ImageRef, request: RequestFacts, context: Context, cut: _Cut) -> dict[str, object]:
    crypto = context.crypto
    noted = {"note": _text(context.note, cut)} if context.note else {}
    return {
        "reference": _text(ref.given, _CUTS[0]),
        "name": _text(str(ref), _CUTS[0]),
        "request": _request(request, cut),
        "policy": {"name": _text(context.policy_name, cut), "digest": str(context.policy), **noted},
        "crypto": {
            "provider": _text(crypto.provider, cut),
            "version": _text(crypto.version, cut),
            "library": _text(crypto.library, cut),
            "mode": _text(crypto.mode, cut),
            "validated": crypto.validated,
            "certificate": _text(crypto.certificate, cut),
            "module": _text(crypto.module, cut),
            "sha256": crypto.sha256,
        },
        "trust_roots": str(trust_digest(context.trust)),
        "trustkit": __version__,
        **({"trial": _text(context.trial, _CUTS[0])} if context.trial else {}),
    }


def _decision_body(judgement: Judgement, context: Context, cut: _Cut) -> dict[str, object]:
    facts, decision, report = judgement.facts, judgement.decision, judgement.facts.report
    deciding = decision.deciding
    # the decision, not the gate, knows which policy really decided
    of_decision = context._replace(policy=decision.policy, policy_name=decision.policy_name, crypto=facts.crypto)
    about = facts.image
    lists = {
        "labels": _kept([[_text(name, cut), _text(value, cut)] for name, value in about.labels], cut),
        "history": _kept([_text(item, cut) for item in about.history], cut),
        "children": _kept(
            [[str(one.digest), "index" if one.nested else _text(str(one.platform), cut)] for one in about.children], cut
        ),
        "findings": _kept([_finding(item, cut) for item in decision.findings], cut),
        "accepted": _kept([_signature(item, facts.crypto, cut) for item in report.accepted], cut),
        "rejected": _kept([_rejection(item, cut) for item in report.rejected], cut),
        "unrecognised": _kept([str(item) for item in report.unrecognised], cut),
        "notes": _kept([_text(item, cut) for item in report.notes], cut),
    }
    sizes = (
        about.labels, about.history, about.children, decision.findings, report.accepted, report.rejected,
        report.unrecognised, report.notes,
    )  # fmt: skip
    omitted = {
        name: len(whole) - len(kept)
        for (name, kept), whole in zip(lists.items(), sizes, strict=True)
        if len(whole) > len(kept)
    }
    return {
        **_common(facts.image.ref, facts.request, of_decision, cut),
        "root": str(judgement.image.root.digest),
        "manifest": str(judgement.image.manifest.digest),
        "platform": _text(str(facts.image.platform), cut),
        "verdict": decision.verdict,
        "mode": decision.mode,
        **({"revoked": _text(facts.revoked, cut)} if facts.revoked else {}),
        "rule": _text(deciding.rule, cut) if deciding else "",
        "reason": _text(deciding.message, cut) if deciding else "",
        "complete": report.complete,
        "configured": bool(judgement.image.config_bytes),
        "created": about.created.isoformat() if about.created else "",
        "user": _text(about.user, cut),
        "size_bytes": about.size_bytes,
        "layers": about.layers,
        **lists,
        "omitted": omitted,
        **_excused(decision, cut),
    }


def _excused(decision: Decision, cut: _Cut) -> dict[str, object]:
    """Return until when the decision holds, if it rests on something that ends, and the grants if it does on those."""
    found: dict[str, object] = {"until": decision.until.isoformat()} if decision.until else {}
    if decision.grants:
        found["grants"] = [_grant(use, cut) for use in decision.grants]
    return found


def _grant(use: GrantUse, cut: _Cut) -> dict[str, object]:
    return {
        "id": use.id,
        "rules": _kept([_text(rule, cut) for rule in use.rules], cut),
        "requester": _text(use.requester, cut),
        "approvers": _kept([_text(name, cut) for name in use.approvers], cut),
        "reason": _text(use.reason, cut),
        "until": use.until.isoformat(),
    }


def _request(request: RequestFacts, cut: _Cut) -> dict[str, object]:
    body: dict[str, object] = {}
    for name, value in request._asdict().items():
        if isinstance(value, tuple):
            body[name] = _kept(
                [[_text(part, cut) for part in item] if isinstance(item, tuple) else _text(str(item), cut)
                 for item in value], cut)  # fmt: skip
            if len(value) > cut.items:
                body[f"{name}_omitted"] = len(value) - cut.items
        else:
            body[name] = value if isinstance(value, bool) else _text(str(value), cut)
    return body


def _finding(finding: Finding, cut: _Cut) -> dict[str, object]:
    return {
        "rule": _text(finding.rule, cut),
        "verdict": finding.verdict,
        "enforced": finding.enforced,
        "message": _text(finding.message, cut),
        "evidence": _kept([str(item) for item in finding.evidence], cut),
        "next_step": _text(finding.next_step, cut),
    }


def _signature(item: VerifiedSignature, crypto: ModuleStatus, cut: _Cut) -> dict[str, object]:
    return {
        "format": _text(item.format, cut),
        "kind": item.kind,
        "fingerprint": item.signer.fingerprint,
        "trust_root": _text(item.signer.trust_root, cut),
        "algorithm": _text(item.algorithm, cut),
        "key_bits": item.signer.key_bits,
        "approved": crypto.approves(item.algorithm),
        "evidence": str(item.evidence),
        "of": str(item.subject),
        "subject": _text(item.signer.subject, cut),
        "issuer": _text(item.signer.issuer, cut),
        "claims": _kept([[oid, _text(value, cut)] for oid, value in item.signer.claims], cut),
        "claimed_name": _text(item.claimed_name, cut),
        "log": _text(item.log, cut),
        "logs": item.logs,
        "annotations": _kept([[_text(name, cut), _text(value, cut)] for name, value in item.annotations], cut),
        "predicate_type": _text(item.statement.predicate_type, cut) if item.statement else "",
        "signed_at": item.signed_at.isoformat() if item.signed_at else "",
        "time_source": _text(item.time_source, cut),
        **({"unenforced": _kept([_text(one, cut) for one in item.unenforced], cut)} if item.unenforced else {}),
    }


def _rejection(item: Rejection, cut: _Cut) -> dict[str, object]:
    return {
        "evidence": str(item.evidence),
        "format": _text(item.format, cut),
        "code": item.code,
        "message": _text(item.message, cut),
    }


def _kept(values: Sequence[object], cut: _Cut) -> list[object]:
    return list(values[: cut.items])


def _text(value: str, cut: _Cut) -> str:
    clean = _clean(value)
    return clean if len(clean) <= cut.chars else clean[: cut.chars] + f"… ({len(clean)} characters)"


def _clean(value: str) -> str:
    # evidence and requests may carry lone surrogates, which no JSON text can
    return value.encode("utf-8", "replace").decode("utf-8")
