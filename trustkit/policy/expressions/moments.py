"""Timestamps and durations as expressions write them."""

import re
from datetime import UTC, datetime, timedelta

_SPAN = re.compile(r"(\d{1,9})(?:\.(\d{1,6}))?(h|ms|m|us|s)", re.ASCII)
_UNITS = {"h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1000, "us": 1}


def timestamp(written: str) -> datetime | None:
    """Return the time of an RFC 3339 text, None if it is none."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", written, re.ASCII):
        return None
    try:
        return datetime.fromisoformat(written).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def duration(written: str) -> timedelta | None:
    """Return the length of a text like `1h30m` or `-1.5s`, None if it is none."""
    sign, rest = (-1, written[1:]) if written.startswith("-") else (1, written)
    total, at = 0, 0
    while (part := _SPAN.match(rest, at)) is not None:
        unit = _UNITS[part[3]]
        total += int(part[1]) * unit + (int(part[2]) * unit // 10 ** len(part[2]) if part[2] else 0)
        at = part.end()
    return timedelta(microseconds=sign * total) if rest and at == len(rest) else None
