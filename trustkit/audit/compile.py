"""Records to Report: counting and joining, nothing else; members a record lacks stay empty."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from trustkit import __version__
from trustkit.audit.break_glass import DONE, GrantReview, grant_reviews
from trustkit.audit.report import (
    Change,
    Interval,
    ModuleUse,
    PolicyUse,
    Refusal,
    Report,
    Run,
    Signer,
    Totals,
)
from trustkit.audit.verify import LogReport
from trustkit.audit.words import about, mapping, mappings, module_of, reason, text
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.crypto import ModuleStatus
from trustkit.model.values import NamedTuple

_DECISION = "decision"
_REFUSED_START = "container.refused"
_UNDONE = ("failed", "unknown")
# What may be admitted from then on is another: families of kinds, and whole ones.
CHANGES = (
    "policy.", "key.", "image.", "log.", "breakglass.", "revocation.", "trust.", "content_trust.", "scan.flipped",
)  # fmt: skip
# Up to this length of time a bar is an hour, beyond it a day.
_HOURS = timedelta(hours=48)
# More bars than this cannot be told apart.
_MOST_BARS = 366


class Period(NamedTuple):
    """From when (inclusive) to when (exclusive); None leaves that side open."""

    since: datetime | None = None
    until: datetime | None = None


def compile_report(
    records: Sequence[AuditRecord],
    log: LogReport,
    *,
    now: datetime,
    checkpoint: bytes = b"",
    period: Period = Period(),  # noqa: B008  (an immutable value)
    grants: Sequence[AuditRecord] | None = None,
) -> Report:
    """Return the report on these records, which should be those of the period.

    `grants` are the break-glass records of all time, `records` if left out: the period chooses which grants are
    listed, and how they stand is told by what was recorded until now.
    """
    reviews = grant_reviews(records if grants is None else grants, now)
    decisions = [record for record in records if record.event.kind == _DECISION]
    refused = [r for r in records if _is_refusal(r.event)]
    runs = _runs(records, decisions)
    intervals, by_hour = _intervals(decisions)
    warnings = tuple(warning for record in decisions for warning in _warnings(record))
    return Report(
        made_at=now,
        made_by=f"trustkit {__version__}",
        since=period.since,
        until=period.until,
        log=log,
        checkpoint=checkpoint.decode("utf-8", "replace"),
        totals=_totals(records, decisions, runs, len(warnings)),
        intervals=intervals,
        by_hour=by_hour,
        runs=runs,
        unsigned_runs=sum(not run.signers for run in runs),
        signers=_signers(decisions),
        refusals=tuple(_refusal(record) for record in refused),
        unknown=tuple(_refusal(r) for r in records if _is_judged(r.event) and r.event.outcome == "unknown"),
        warnings=warnings,
        rules=tuple(Counter(_refusal(record).rule for record in refused).most_common()),
        policies=_policies(decisions),
        modules=_modules(decisions),
        changes=tuple(_change(record) for record in records if record.event.kind.startswith(CHANGES)),
        break_glass=tuple(one for one in reviews if _is_listed(one, period)),
    )


def _is_listed(grant: GrantReview, period: Period) -> bool:
    """Whether a grant was used or looked at in the period, or had still to be looked at then."""
    if period.until is not None and grant.first_at >= period.until:
        return False
    is_due = grant.state != DONE and grant.review_by is not None
    last = max(grant.last_at, grant.reviewed_at or grant.last_at)
    return is_due or period.since is None or last >= period.since


def _is_judged(event: AuditEvent) -> bool:
    return event.kind in {_DECISION, _REFUSED_START}


def _is_refusal(event: AuditEvent) -> bool:
    return _is_judged(event) and event.outcome == "deny"


def _totals(
    records: Sequence[AuditRecord], decisions: Sequence[AuditRecord], runs: Sequence[Run], warned: int
) -> Totals:
    outcomes = Counter(record.event.outcome for record in decisions)
    return Totals(
        records=len(records),
        allowed=outcomes["allow"],
        refused=outcomes["deny"],
        unknown=outcomes["unknown"],
        started=len(runs),
        images=len({_digest(record.event) for record in decisions} - {""}),
        warned=warned,
    )


def _runs(records: Sequence[AuditRecord], decisions: Sequence[AuditRecord]) -> tuple[Run, ...]:
    by_number = {record.sequence: record for record in decisions}
    runs: list[Run] = []
    open_runs: dict[str, int] = {}
    for record in records:
        event = record.event
        container = text(event.body, "container")
        if event.kind == "container.started":
            open_runs[container] = len(runs)
            runs.append(_run(record, by_number))
        elif event.kind == "container.exited" and container in open_runs:
            at = open_runs.pop(container)
            code = text(event.body, "exit_code") or event.outcome
            runs[at] = runs[at]._replace(ended_at=event.at, exit_code=code)
    return tuple(runs)


def _run(record: AuditRecord, decisions: Mapping[int, AuditRecord]) -> Run:
    event = record.event
    number = event.body.get("decision")
    decision = decisions.get(number) if isinstance(number, int) else None
    accepted = mappings(decision.event.body, "accepted") if decision else []
    return Run(
        started_at=event.at,
        record=record.sequence,
        container=text(event.body, "container"),
        name=text(event.body, "name"),
        reference=text(event.body, "reference"),
        digest=_digest(event),
        actor=text(event.body, "actor"),
        decision=number if isinstance(number, int) else None,
        signers=tuple(dict.fromkeys(_signer_name(item) for item in accepted)),
    )


def _signers(decisions: Sequence[AuditRecord]) -> tuple[Signer, ...]:
    found: dict[tuple[str, str, str], tuple[set[str], set[str], set[int]]] = {}
    for record in decisions:
        for item in mappings(record.event.body, "accepted"):
            key = (text(item, "trust_root"), text(item, "fingerprint"), text(item, "algorithm"))
            formats, images, numbers = found.setdefault(key, (set(), set(), set()))
            formats.add(text(item, "format"))
            images.add(_digest(record.event))
            numbers.add(record.sequence)
    signers = [
        Signer(*key, tuple(sorted(formats)), len(images), len(numbers))
        for key, (formats, images, numbers) in found.items()
    ]
    return tuple(sorted(signers, key=lambda signer: (-signer.decisions, signer.trust_root)))


def _refusal(record: AuditRecord) -> Refusal:
    event = record.event
    body = event.body
    deciding = _deciding(body)
    request = mapping(body, "request")
    error = mapping(body, "error")
    return Refusal(
        at=event.at,
        record=record.sequence,
        reference=text(body, "name") if event.kind == _DECISION else text(body, "reference"),
        digest=_digest(event),
        actor=text(request, "actor") or text(body, "actor"),
        purpose=text(request, "purpose") or ("start" if event.kind == _REFUSED_START else ""),
        rule=text(body, "rule") or text(deciding, "rule") or text(error, "code") or text(body, "code"),
        message=reason(event) or text(deciding, "message"),
        next_step=text(deciding, "next_step"),
        policy=text(mapping(body, "policy"), "name"),
    )


def _warnings(record: AuditRecord) -> list[Refusal]:
    """Return what would have been refused had the rule been enforced."""
    whole = _refusal(record)
    return [
        whole._replace(rule=text(item, "rule"), message=text(item, "message"), next_step=text(item, "next_step"))
        for item in mappings(record.event.body, "findings")
        if item.get("enforced") is False and item.get("verdict") == "deny"
    ]


def _deciding(body: Mapping[str, object]) -> Mapping[str, object]:
    for item in mappings(body, "findings"):
        if item.get("enforced") is not False and item.get("verdict") == "deny":
            return item
    return {}


def _policies(decisions: Sequence[AuditRecord]) -> tuple[PolicyUse, ...]:
    found: dict[tuple[str, str, str], PolicyUse] = {}
    for record in decisions:
        event = record.event
        policy = mapping(event.body, "policy")
        key = (text(policy, "name"), text(policy, "digest"), text(event.body, "mode"))
        if not key[1]:
            continue
        use = found.get(key) or PolicyUse(*key, 0, 0, event.at, event.at)
        found[key] = use._replace(
            allowed=use.allowed + (event.outcome == "allow"),
            refused=use.refused + (event.outcome == "deny"),
            last_at=event.at,
        )
    return tuple(found.values())


def _modules(decisions: Sequence[AuditRecord]) -> tuple[ModuleUse, ...]:
    counted: Counter[ModuleStatus] = Counter()
    for record in decisions:
        if crypto := mapping(record.event.body, "crypto"):
            counted[module_of(crypto)] += 1
    return tuple(_used(module, count) for module, count in counted.most_common())


def _used(module: ModuleStatus, decisions: int) -> ModuleUse:
    shown = {name: value for name, value in module._asdict().items() if name in ModuleUse._fields}
    return ModuleUse(**shown, decisions=decisions)


def _change(record: AuditRecord) -> Change:
    event = record.event
    policy = mapping(event.body, "policy")
    # a signature that may not be there is not shown as one that is
    words = about(event) if event.outcome not in _UNDONE else f"{event.outcome}: {about(event)}"
    given_up = text(event.body, "what") if event.kind == "revocation.published" else ""
    for detail in (text(policy, "name"), text(policy, "digest"), text(event.body, "fingerprint"), given_up):
        words = words if detail in words else f"{words} {detail}".strip()
    return Change(event.at, record.sequence, event.kind, words, text(event.body, "actor"))


def _intervals(decisions: Sequence[AuditRecord]) -> tuple[tuple[Interval, ...], bool]:
    if not decisions:
        return (), False
    times = [record.event.at for record in decisions]
    by_hour = max(times) - min(times) <= _HOURS
    counted: Counter[tuple[datetime, str]] = Counter()
    for record in decisions:
        start = record.event.at.replace(minute=0, second=0, microsecond=0)
        counted[(start if by_hour else start.replace(hour=0), record.event.outcome)] += 1
    starts = _without_gaps({start for start, _ in counted}, timedelta(hours=1) if by_hour else timedelta(days=1))
    rows = [Interval(s, *(counted[(s, name)] for name in ("allow", "deny", "unknown"))) for s in starts]
    return tuple(rows), by_hour


def _without_gaps(starts: set[datetime], step: timedelta) -> list[datetime]:
    """Return every interval from first to last, so that quiet ones show; only the busy ones of a long time."""
    first, last = min(starts), max(starts)
    count = (last - first) // step + 1
    return [first + number * step for number in range(count)] if count <= _MOST_BARS else sorted(starts)


def _signer_name(item: Mapping[str, object]) -> str:
    return text(item, "trust_root") or text(item, "fingerprint")[:16]


def _digest(event: AuditEvent) -> str:
    return "" if event.subject is None else str(event.subject)
