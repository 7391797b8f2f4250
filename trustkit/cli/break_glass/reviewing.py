"""Uses of grants, and that somebody looked at them."""

import argparse
import os
from datetime import datetime

from trustkit import app
from trustkit.audit.break_glass import OPEN, OVERDUE, GrantReview, grant_reviews
from trustkit.audit.events import grant_reviewed
from trustkit.audit.query import Query, records
from trustkit.cli.output import as_json
from trustkit.cli.words import actor
from trustkit.config import Config, load
from trustkit.errors import UsageError

_NOTE_CHARS = 1000


def review(arguments: argparse.Namespace) -> int:
    """Put on record that every use of a grant until now was looked at. Raises UsageError, AuditError."""
    config, now = load(os.environ), app.now()
    if not arguments.note.strip() or len(arguments.note) > _NOTE_CHARS:
        raise UsageError(f"--note needs words, at most {_NOTE_CHARS} characters")
    found = next((one for one in reviews_of(config, now) if one.grant == arguments.id), None)
    if found is None or found.state not in (OPEN, OVERDUE):
        what = "has no use on record" if found is None else "was looked at already"
        raise UsageError(f"grant {arguments.id[:80]!r} {what}", next_step="trustkit break-glass list")
    with app.open_log(config) as log:
        record = log.append(grant_reviewed(now, grant=found.grant, note=arguments.note, actor=actor()))
    if arguments.output == "json":
        as_json({"grant": found.grant, "uses": found.uses, "was": found.state, "record": record.sequence})
    else:
        print(f"reviewed {found.grant}: {found.uses} use(s), record {record.sequence}")
    return 0


def reviews_of(config: Config, now: datetime) -> tuple[GrantReview, ...]:
    """Return the uses of each grant on record. Raises AuditError, AuditTamperedError, StorageError."""
    return grant_reviews(records(config.audit, Query(kind="breakglass")), now)
