"""Times in files and messages: RFC 3339 with a zone, brought to UTC."""

from datetime import UTC, datetime

from trustkit.errors import MalformedError

_SHOWN_CHARS = 40


def zoned_time(text: str, what: str) -> datetime:
    """Return the time in UTC. Raises MalformedError: it is none, names no zone, or leaves the calendar in UTC."""
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise MalformedError(f"{what} has a time without a zone: {text[:_SHOWN_CHARS]!r}")
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise MalformedError(f"{what} has a time that is none: {text[:_SHOWN_CHARS]!r}") from error
