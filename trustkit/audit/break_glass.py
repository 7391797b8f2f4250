"""Uses of break-glass grants on record, and whether somebody looked at them in time."""

from collections.abc import Sequence
from datetime import datetime

from trustkit.audit.words import text
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.values import NamedTuple

USED = "breakglass.used"
REVIEWED = "breakglass.reviewed"
# What became of the uses of a grant; OPEN ones without a time by which to look at them never are OVERDUE.
DONE, OPEN, OVERDUE = "reviewed", "open", "overdue"


class GrantReview(NamedTuple):
    """All uses of one grant. `review_by`: when the first use that nobody looked at is due."""

    grant: str
    first_at: datetime
    last_at: datetime
    uses: int
    records: tuple[int, ...]
    reference: str
    digest: str
    rules: tuple[str, ...]
    requester: str
    approvers: tuple[str, ...]
    reason: str
    until: str
    review_by: datetime | None = None
    reviewed_at: datetime | None = None
    reviewer: str = ""
    note: str = ""
    state: str = OPEN


# Numbers of records that are listed for one grant.
_RECORDS = 64


def grant_reviews(records: Sequence[AuditRecord], now: datetime) -> tuple[GrantReview, ...]:
    """Return what these records say of each grant that was used, in order of its first use.

    A review closes the uses before it; a later use has to be looked at anew.
    """
    found: dict[str, GrantReview] = {}
    for record in sorted(records, key=lambda one: one.sequence):
        event = record.event
        grant = text(event.body, "grant")
        if event.kind == USED:
            found[grant] = _used(found.get(grant), record, grant)
        elif event.kind == REVIEWED and grant in found:
            found[grant] = found[grant]._replace(
                state=DONE, review_by=None, reviewed_at=event.at, reviewer=text(event.body, "actor"),
                note=text(event.body, "note"),
            )  # fmt: skip
    return tuple(_dated(one, now) for one in found.values())


def _used(known: GrantReview | None, record: AuditRecord, grant: str) -> GrantReview:
    event = record.event
    if known is None:
        known = _first(event, grant)
    due = known.review_by if known.state == OPEN and known.review_by else _moment(text(event.body, "review_by"))
    numbers = (*known.records, record.sequence)[:_RECORDS]
    return known._replace(last_at=event.at, uses=known.uses + 1, records=numbers, review_by=due, state=OPEN)


def _first(event: AuditEvent, grant: str) -> GrantReview:
    body = event.body
    return GrantReview(
        grant=grant,
        first_at=event.at,
        last_at=event.at,
        uses=0,
        records=(),
        reference=text(body, "reference"),
        digest=str(event.subject) if event.subject else "",
        rules=_texts(body.get("rules")),
        requester=text(body, "requester"),
        approvers=_texts(body.get("approvers")),
        reason=text(body, "reason"),
        until=text(body, "until"),
    )


def _dated(one: GrantReview, now: datetime) -> GrantReview:
    late = one.state == OPEN and one.review_by is not None and one.review_by < now
    return one._replace(state=OVERDUE) if late else one


def _moment(written: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()
