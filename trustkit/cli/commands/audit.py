"""Read, prove and report the decision log.

log     the records, newest last; filters narrow them
show    one record whole, with a proof that it is in the log
verify  recompute the log from its bytes: was anything altered, dropped or inserted?
report  what ran, who signed it, what was refused and why; for an auditor
"""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from trustkit import durable, limits
from trustkit.audit.query import Query
from trustkit.cli.numbers import MOST_RECORDS, whole
from trustkit.cli.output import as_json, table
from trustkit.config import load
from trustkit.errors import UsageError
from trustkit.model.audit import AuditRecord

if TYPE_CHECKING:
    from trustkit.model.digest import Digest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the four actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="log|show|verify|report")
    log = actions.add_parser("log", help="list records")
    _add_filters(log)
    log.add_argument("-n", "--tail", type=whole(0, MOST_RECORDS), default=0, metavar="COUNT", help="only the newest")
    show = actions.add_parser("show", help="show one record and its proof")
    show.add_argument("number", type=whole(0, MOST_RECORDS), metavar="NUMBER")
    verify = actions.add_parser("verify", help="prove that no record was altered or dropped")
    verify.add_argument("--checkpoint", metavar="FILE", help="a checkpoint kept elsewhere must fit too")
    report = actions.add_parser("report", help="make the auditor's report")
    _add_filters(report)
    report.add_argument("--html", metavar="FILE", help="write one standalone page")
    report.add_argument("--json", metavar="FILE", help="write JSON (without a file: to standard output)")
    for action in (log, show, verify):
        action.add_argument("--output", choices=("table", "json"), default="table")


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", metavar="TIME", help="2026-01-31 or 2026-01-31T12:00:00Z")
    parser.add_argument("--until", metavar="TIME", help="up to, not including")
    parser.add_argument("--kind", default="", help="such as decision or container")
    parser.add_argument("--outcome", default="", help="allow, deny, ok, failed or unknown")
    parser.add_argument("--digest", metavar="SHA256", help="only records about this image")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked. Raises AuditError, AuditTamperedError, StorageError, UsageError."""
    folder = load(os.environ).audit
    actions = {"log": _log, "show": _show, "verify": _verify, "report": _report}
    return actions[arguments.action](folder, arguments)


def _log(folder: Path, arguments: argparse.Namespace) -> int:
    from trustkit.audit.query import records

    wanted = _query(arguments)
    if arguments.tail:
        wanted = wanted._replace(limit=arguments.tail, newest=True)
    found = sorted(records(folder, wanted), key=lambda record: record.sequence)
    if arguments.output == "json":
        as_json([_record_json(record) for record in found])
        return 0
    rows = [
        (
            str(record.sequence),
            record.event.at.strftime("%Y-%m-%d %H:%M:%S"),
            record.event.kind,
            record.event.outcome,
            record.event.subject.short if record.event.subject else "-",
            _about(record),
        )
        for record in found
    ]
    table(("NUMBER", "TIME (UTC)", "KIND", "OUTCOME", "IMAGE", "ABOUT"), rows)
    return 0


def _about(record: AuditRecord) -> str:
    """The most telling words of a record: the reason of a refusal, else the reference."""
    from trustkit.audit.words import about

    return about(record.event)


def _record_json(record: AuditRecord) -> dict[str, object]:
    event = record.event
    return {
        "number": record.sequence,
        "leaf": str(record.leaf),
        "at": event.at.isoformat(),
        "kind": event.kind,
        "outcome": event.outcome,
        "subject": str(event.subject) if event.subject else None,
        "body": event.body,
    }


def _show(folder: Path, arguments: argparse.Namespace) -> int:
    from trustkit.audit import proof, query

    record = query.record(folder, arguments.number)
    _, text = proof.export(folder, arguments.number)
    as_json({**_record_json(record), "proof": text.splitlines()})
    return 0


def _verify(folder: Path, arguments: argparse.Namespace) -> int:
    from trustkit.app import open_crypto
    from trustkit.audit.verify import require_intact, verify_log

    kept = _kept_checkpoint(arguments.checkpoint) if arguments.checkpoint else None
    report = verify_log(folder, crypto=open_crypto(load(os.environ)), kept=kept)
    if arguments.output == "json":
        as_json({**report._asdict(), "root": report.root.hex(), "intact": report.intact})
    require_intact(report)
    if arguments.output == "table":
        print(f"intact: {report.size} records, none altered, dropped or inserted")
        print(f"  root        {report.root.hex()}")
        print(f"  origin      {report.origin}")
        print(f"  checkpoint  signed, covers {report.signed} records")
        if not kept:
            print("  note        proven against this machine's own key; keep a checkpoint elsewhere and give it")
            print("              with --checkpoint to prove it against whoever holds that key")
    return 0


def _kept_checkpoint(file: str) -> bytes:
    try:
        with Path(file).open("rb") as stream:
            return stream.read(limits.AUDIT_ENTRY_BYTES)
    except OSError as error:
        raise UsageError(f"{file}: {(error.strerror or str(error)).lower()}") from error


def _report(folder: Path, arguments: argparse.Namespace) -> int:
    from trustkit.app import now, open_crypto
    from trustkit.audit.compile import Period, compile_report
    from trustkit.audit.head import read_published
    from trustkit.audit.query import records
    from trustkit.audit.verify import verify_log
    from trustkit.audit.writers import html, json

    # no filter of kind or outcome, and no period: what was reviewed later is not overdue
    of_grants = Query(kind="breakglass")
    config, wanted = load(os.environ), _query(arguments)
    report = compile_report(
        records(folder, wanted),
        verify_log(folder, crypto=open_crypto(config)),
        now=now(),
        checkpoint=read_published(folder) or b"",
        period=Period(wanted.since, wanted.until),
        grants=_about_image(records(folder, of_grants), wanted.subject),
    )
    for file, writer in ((arguments.html, html.HtmlWriter()), (arguments.json, json.JsonWriter())):
        if file:
            durable.write_file(Path(file).absolute(), writer.write(report), mode=0o644)
            print(file)
    if not arguments.html and not arguments.json:
        sys.stdout.write(json.JsonWriter().write(report).decode())
    return 0


def _about_image(found: list[AuditRecord], image: "Digest | None") -> list[AuditRecord]:
    """Return the records of one image's grants: reviews name the grant only."""
    if image is None:
        return found
    grants = {one.event.body.get("grant") for one in found if one.event.subject == image}
    return [one for one in found if one.event.body.get("grant") in grants]


def _query(arguments: argparse.Namespace) -> Query:
    from trustkit.cli.words import digest_of, moment_of

    return Query(
        kind=arguments.kind,
        outcome=arguments.outcome,
        subject=digest_of(arguments.digest) if arguments.digest else None,
        since=moment_of(arguments.since),
        until=moment_of(arguments.until),
    )
