"""Grants of this machine: put in force, shown, listed, taken away."""

import argparse
import os
from pathlib import Path

from trustkit import app
from trustkit.admission.grant_standing import Standing, holds, standings
from trustkit.admission.grants import evidence_of, read_file
from trustkit.audit.events import grant_added, grant_removed
from trustkit.audit.log import DecisionLog
from trustkit.cli.break_glass.reviewing import reviews_of
from trustkit.cli.break_glass.words import print_grant, print_json
from trustkit.cli.client.layouts import whole
from trustkit.cli.on_record import done, noting
from trustkit.cli.output import as_json, mark, plain, table
from trustkit.cli.words import actor
from trustkit.config import Config, load
from trustkit.durable import storage_error
from trustkit.errors import RefusedGrantError, SubjectMismatchError
from trustkit.model.audit import AuditRecord
from trustkit.model.image import Descriptor
from trustkit.model.reference import ImageRef
from trustkit.oci.push import Sending, push
from trustkit.signing.grant_file import GrantFile


def add(arguments: argparse.Namespace) -> int:
    """Put a grant that the policy takes on this machine, or beside its image. Raises RefusedGrantError."""
    config = load(os.environ)
    grant = read_file(Path(arguments.file))
    with app.open_log(config) as log:
        found = standings(grant, app.open_gate(config, log=log).kit)
        if not holds(found):
            raise RefusedGrantError(
                f"the policy in force does not take grant {grant.says.id}: {_reason(found)}",
                next_step="docs/break-glass.md says what a grant needs",
            )
        where, record = _put(config, log, grant, arguments.push)
    if arguments.output == "json":
        print_json(grant, {"where": where, "record": record.sequence})
    else:
        print(f"in force until {grant.says.not_after.isoformat()}: {plain(where)}")
        print_grant(grant)
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Show a grant; 1 if the policy in force does not take it. Raises UsageError, MalformedError."""
    config = load(os.environ)
    file = Path(arguments.file)
    grant = read_file(file if file.exists() else app.open_grants(config).find(arguments.file))
    with app.open_log(config) as log:
        found = standings(grant, app.open_gate(config, log=log).kit)
    good = holds(found)
    if arguments.output == "json":
        print_json(grant, {"holds": good, "sections": found})
        return 0 if good else 1
    print_grant(grant)
    for one in found:
        print(f"  {plain(one.section)}: {plain(one.problem or 'takes it')}")
    print(mark("holds" if good else f"does not hold: {plain(_reason(found))}", good=good))
    return 0 if good else 1


def list(arguments: argparse.Namespace) -> int:  # noqa: A001  (the action's name)
    """List grants, and their uses; with --check 1 if a review is overdue. Raises StorageError, AuditError."""
    config = load(os.environ)
    now = app.now()
    with app.open_log(config) as log:
        kit = app.open_gate(config, log=log).kit
    rows = [(grant, standings(grant, kit)) for _, grant in app.open_grants(config).every()]
    uses = [one for one in reviews_of(config, now) if one.state]
    overdue = any(one.state == "overdue" for one in uses)
    if arguments.output == "json":
        as_json({
            "grants": [
                {"id": grant.says.id, "image": str(grant.image), "name": grant.name, "holds": holds(found),
                 "reason": "" if holds(found) else _reason(found), "until": grant.says.not_after}
                for grant, found in rows
            ],
            "reviews": uses,
        })  # fmt: skip
        return 1 if overdue and arguments.check else 0
    headers = ("GRANT", "IMAGE", "RULES", "REQUESTER", "UNTIL (UTC)", "STATE")
    table(headers, [_row(grant, found) for grant, found in rows])
    if uses:
        print()
        table(("GRANT USED", "TIMES", "IMAGE", "REASON", "REVIEW BY (UTC)", "STATE"), [
            (one.grant, str(one.uses), one.reference, one.reason,
             one.review_by.strftime("%Y-%m-%d %H:%M") if one.review_by else "-", one.state)
            for one in uses
        ])  # fmt: skip
    return 1 if overdue and arguments.check else 0


def remove(arguments: argparse.Namespace) -> int:
    """Take a grant from this machine; from that moment it does not count. Raises UsageError, StorageError."""
    config = load(os.environ)
    file = app.open_grants(config).find(arguments.id)
    grant = read_file(file)
    with app.open_log(config) as log:
        try:
            file.unlink()
        except OSError as error:
            raise storage_error(file, error) from error
        event = grant_removed(app.now(), grant=grant.says.id, image=grant.image, reference=grant.name, actor=actor())
        (record,) = done(log, f"grant {grant.says.id} is removed from this machine", [event])
    if arguments.output == "json":
        print_json(grant, {"removed": True, "record": record.sequence})
    else:
        print(f"removed {grant.says.id}; what it let run goes on running")
    return 0


def _row(grant: GrantFile, found: tuple[Standing, ...]) -> tuple[str, ...]:
    says = grant.says
    state = "holds" if holds(found) else _reason(found)
    until = says.not_after.strftime("%Y-%m-%d %H:%M")
    return says.id, f"{grant.name}@{grant.image.short}", ", ".join(says.rules), str(says.requester), until, state


def _reason(found: tuple[Standing, ...]) -> str:
    return "; ".join(dict.fromkeys(one.problem for one in found)) or "it has no terms of break-glass"


def _put(config: Config, log: DecisionLog, grant: GrantFile, given: str) -> tuple[str, AuditRecord]:
    """Put the grant on this machine or beside the image named, and on record; return where, and the record."""
    says = grant.says
    event = grant_added(
        app.now(), grant=says.id, image=grant.image, reference=grant.name, until=says.not_after, actor=actor()
    )
    with noting(log, f"grant {says.id}", event, unsent=False) as sent:
        if given:
            where = _push(config, grant, given, lambda digest: sent.append(str(digest)))
        else:
            where = str(app.open_grants(config).add(grant, app.now()))
    (record,) = done(log, f"grant {says.id} is in force ({where})", [event._replace(at=app.now())])
    return where, record


def _push(config: Config, grant: GrantFile, given: str, sending: Sending) -> str:
    """Put the grant's signatures beside the image in a repository, and return where. Raises SourceError."""
    from trustkit.codec.grant import PREDICATE_TYPE
    from trustkit.signing.sign import bundled

    ref = ImageRef.parse(whole(given))
    place = app.Sources(config).repository(ref)
    root = place.manifest(ref.at).descriptor
    if root.digest != grant.image:
        raise SubjectMismatchError(f"{given} is {root.digest}, and the grant is about {grant.image}")
    subject = Descriptor(root.media_type, root.digest, root.size_bytes)
    for item in evidence_of(grant):
        push(bundled(item.content, PREDICATE_TYPE), subject, place, sending)
    return str(ref.with_digest(root.digest))
