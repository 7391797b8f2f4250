"""Show and refresh whom certificates are trusted by: sigstore's trusted_root.json.

It comes with trustkit and is never refreshed unless asked: `trustkit trusted-root update` fetches the newest one
from the public-good instance, or from --mirror, whose first root.json is given once with --root.
"""

import argparse
import os
from pathlib import Path

from trustkit import limits
from trustkit.cli.identities import bounded_content, root_content
from trustkit.cli.output import as_json, table
from trustkit.cli.words import actor


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the two actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    show = actions.add_parser("show", help="list logs and authorities, and when they were in use")
    show.add_argument("--trusted-root", metavar="FILE", help="look at this one")
    show.add_argument("--output", choices=("table", "json"), default="table")
    update = actions.add_parser("update", help="fetch the newest one (TUF)")
    update.add_argument("--mirror", metavar="URL", help="a TUF repository other than sigstore's")
    update.add_argument("--root", metavar="FILE", help="its root.json, the first time")


def run(arguments: argparse.Namespace) -> int:
    """Do it. Raises UsageError, MalformedError, SourceError, VerificationError, StorageError, AuditError."""
    return _show(arguments) if arguments.action == "show" else _update(arguments)


def _show(arguments: argparse.Namespace) -> int:
    from trustkit.config import load
    from trustkit.signing.trust.files import root_from_file

    root = root_from_file(root_content(arguments.trusted_root, load(os.environ)), "sigstore")
    rows = [
        (what, name, _date(start), _date(end))
        for what, items in (
            ("log", [(one.base_url, one.not_before, one.not_after) for one in root.logs]),
            ("certificate log", [(one.base_url, one.not_before, one.not_after) for one in root.ct_logs]),
            ("authority", [(one.name, one.not_before, one.not_after) for one in root.certificate_authorities]),
            ("timestamps", [(one.name, one.not_before, one.not_after) for one in root.timestamp_authorities]),
        )
        for name, start, end in items
    ]
    if arguments.output == "json":
        as_json([dict(zip(("kind", "name", "from", "until"), row, strict=True)) for row in rows])
    else:
        table(("KIND", "NAME", "FROM", "UNTIL"), rows)
    return 0


def _update(arguments: argparse.Namespace) -> int:
    from trustkit.app import now, open_log
    from trustkit.audit.events import sigstore_updated
    from trustkit.cli.on_record import done
    from trustkit.config import load
    from trustkit.fips.hashing import digest_of
    from trustkit.signing.trust.refresh import PUBLIC_MIRROR, refresh
    from trustkit.signing.trust_root.door import open_door

    config = load(os.environ)
    mirror = arguments.mirror or PUBLIC_MIRROR
    with open_log(config) as log:
        open_door()
        given = bounded_content(Path(arguments.root), limits.TRUSTED_ROOT_BYTES) if arguments.root else None
        written = refresh(config.home / "sigstore", mirror, given)
        digest = digest_of(bounded_content(written, limits.TRUSTED_ROOT_BYTES))
        done(log, f"{written} is up to date", [sigstore_updated(now(), mirror=mirror, digest=digest, actor=actor())])
    print(f"{written} is up to date")
    return 0


def _date(at: object) -> str:
    return "" if at is None else str(at)[:10]
