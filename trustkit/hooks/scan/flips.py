"""Flips: what was admitted and is no longer. They go on record with the verdict, whatever becomes of the scan then."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from trustkit.audit.events import scan_flipped
from trustkit.audit.query import Query
from trustkit.audit.words import mapping, reason, text, trial
from trustkit.errors import KeyRevokedError
from trustkit.hooks.scan.result import EVIDENCE, EXPIRY, POLICY, REVOCATION
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.decision import ALLOW, DENY
from trustkit.model.digest import Digest
from trustkit.model.found import Found
from trustkit.model.judgement import Judgement
from trustkit.model.reference import ImageRef
from trustkit.model.values import NamedTuple
from trustkit.policy.evaluate import REVOKED

# Records read at once on the way back to an image's last verdict.
_PAGE = 32
_NAME_CHARS = 512
_REASON_CHARS = 1024
_REVOKED_CODES = (KeyRevokedError.code, "verification.certificate_revoked")
_ENDED_CODES = ("verification.key_expired", "verification.expired", "verification.trust_expired")


class Records(Protocol):
    """The log, for reading."""

    def __call__(self, wanted: Query, /) -> list[AuditRecord]:
        """Return the records asked for. Raises AuditTamperedError, StorageError."""


class Past(NamedTuple):
    """The records as one scan looks at them: when it began, and the file of its policy if that is only tried."""

    records: Records
    started: datetime
    trial: str = ""


def last_verdict(past: Past, ref: ImageRef) -> AuditRecord | None:
    """Return the last verdict on the image under its name, from before this scan. Raises as `Records`.

    What somebody only looked at, or tried another policy by, does not count: nobody was admitted or refused by it.
    """
    allowed = _last(past, ref, ALLOW, 0)
    denied = _last(past, ref, DENY, allowed.sequence + 1 if allowed else 0)
    return denied or allowed


def _last(past: Past, ref: ImageRef, outcome: str, first: int) -> AuditRecord | None:
    """Return the newest decision of one outcome from `first` on: those without a verdict can hide nothing."""
    wanted = Query(first=first, kind="decision", outcome=outcome, subject=ref.digest, until=past.started)
    last: int | None = None
    while True:
        page = past.records(wanted._replace(last=last, newest=True, limit=_PAGE))
        for record in page:
            if _is_about(record, ref) and trial(record.event.body) in ("", past.trial):
                return record
        if len(page) < _PAGE:
            return None
        last = page[-1].sequence - 1


def _is_about(record: AuditRecord, ref: ImageRef) -> bool:
    name = text(record.event.body, "name").partition("@")[0]
    return name == ref.name or name.startswith(f"{ref.name}:")


def flip_events(
    past: Past, places: Sequence[Found], before: AuditRecord | None, event: AuditEvent, judgement: Judgement | None
) -> Iterator[AuditEvent]:
    """Yield what goes on record with a decision: if it flips the image, an event for each place that has it.

    A scan that goes on after a kill judges again what it had not kept; what is on record since it began is left out.
    """
    if before is None or event.subject is None or (before.event.outcome, event.outcome) != (ALLOW, DENY):
        return
    known = _known(past, event.subject)
    about = _about(event, before, cause_of(judgement, before))
    for found in places:
        reference, where = found.image[:_NAME_CHARS], f"{found.place}: {found.name}"[:_NAME_CHARS]
        if (reference, where) not in known:
            body = {"reference": reference, "where": where, "running": found.running, **about}
            yield scan_flipped(event.at, image=event.subject, body=body)


def _known(past: Past, image: Digest) -> set[tuple[str, str]]:
    told = past.records(Query(kind="scan.flipped", subject=image, since=past.started))
    bodies = [one.event.body for one in told if trial(one.event.body) == past.trial]
    return {(text(body, "reference"), text(body, "where")) for body in bodies}


def _about(event: AuditEvent, before: AuditRecord, cause: str) -> dict[str, object]:
    """Return what a flip says of the decision it stands behind, whose number is not known yet."""
    tried = trial(event.body)
    return {
        "rule": text(event.body, "rule") or text(mapping(event.body, "error"), "code"),
        "cause": cause,
        "reason": reason(event)[:_REASON_CHARS],
        "before": before.sequence,
        "actor": text(mapping(event.body, "request"), "actor"),
        **({"trial": tried} if tried else {}),
    }


def cause_of(judgement: Judgement | None, before: AuditRecord) -> str:
    """Return why an image that was admitted is refused now: the most definite reason there is.

    Without a judgement its bytes, or those of its evidence, were refused.
    """
    if judgement is None:
        return EVIDENCE
    deciding = judgement.decision.deciding
    codes = {one.code for one in judgement.facts.report.rejected}
    if (deciding and deciding.rule == REVOKED) or codes & set(_REVOKED_CODES):
        return REVOCATION
    policy = before.event.body.get("policy")
    if isinstance(policy, dict) and policy.get("digest") != str(judgement.decision.policy):
        return POLICY
    if codes & set(_ENDED_CODES) or _names_an_end(judgement):
        return EXPIRY
    return EVIDENCE


def _names_an_end(judgement: Judgement) -> bool:
    return any("expired" in one.message or "not valid at" in one.message for one in judgement.facts.report.rejected)
