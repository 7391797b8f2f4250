"""Times as Docker writes and reads them."""

import re
from datetime import UTC, datetime

from trustkit.errors import UsageError

NEVER = "0001-01-01T00:00:00Z"
_UNIX = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,9})?\Z")


def text_of(moment: datetime | None) -> str:
    """Return RFC 3339 with nanoseconds, or the year 1 for never."""
    if moment is None:
        return NEVER
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def parse(text: str, what: str) -> datetime | None:
    """Read seconds since 1970 or RFC 3339; empty and 0 are None. Raises UsageError."""
    if text in {"", "0"}:
        return None
    try:
        if _UNIX.match(text):
            return datetime.fromtimestamp(float(text), UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(f"{what}: {text[:40]!r} is no time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def seconds_of(text: str) -> int:
    """Return the Unix time of an RFC 3339 text of an image config, 0 when it is none."""
    try:
        return max(int(datetime.fromisoformat(text).timestamp()), 0)
    except (ValueError, OverflowError):
        return 0


def _plural(count: int, word: str) -> str:
    return f"{count} {word}{'s' if count != 1 else ''}"


def duration(start: datetime, end: datetime) -> str:
    """Return `5 minutes`, as Docker's clients show it."""
    seconds = max(int((end - start).total_seconds()), 0)
    if seconds < 1:
        return "Less than a second"
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return _plural(seconds // size, word)
    return _plural(seconds, "second")
