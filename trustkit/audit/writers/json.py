"""The report as JSON: the values of `audit.report` under their names; times are RFC 3339 UTC."""

import json
from datetime import datetime
from typing import ClassVar

from trustkit.audit.entry import moment_text
from trustkit.audit.report import SCHEMA, Report


class JsonWriter:
    """Writes `trustkit.audit.report/v1`; members are only ever added to it."""

    api: ClassVar[int] = 1
    name: ClassVar[str] = "json"
    media_type: ClassVar[str] = "application/json"

    def write(self, report: Report) -> bytes:
        """Return the file's content."""
        plain = _plain(report)
        members = plain if isinstance(plain, dict) else {}
        document = {"schema": SCHEMA, "intact": report.log.intact, **members}
        return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, bytes):
        return value.hex()
    names = getattr(value, "_fields", None)
    if isinstance(value, tuple):
        if names is not None:
            return {name: _plain(member) for name, member in zip(names, value, strict=True)}
        return [_plain(member) for member in value]
    return value
