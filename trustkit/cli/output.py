"""What people and programs read: tables, JSON, and one clear line for an error."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TextIO

from trustkit.errors import TrustkitError

_STEP = 1000


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], out: TextIO | None = None) -> None:
    """Print columns as wide as their widest cell, two blanks apart; control characters are shown."""
    out = out or sys.stdout
    cells = [[str(header) for header in headers], *[[plain(cell) for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headers))]
    for row in cells:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(line.rstrip(), file=out)


def as_json(value: object, out: TextIO | None = None) -> None:
    """Print a value as indented JSON; named tuples become objects, digests and times text.

    On a terminal it is ASCII alone: other letters may be controls, or turn the direction of writing.
    """
    import json

    out = out or sys.stdout
    shown = json.dumps(jsonable(value), indent=2, ensure_ascii=out.isatty())
    # DEL is the one control character that JSON need not escape and ASCII has.
    print(shown.replace("\x7f", "\\u007f"), file=out)


def jsonable(value: object) -> object:
    """Return the value in JSON's own shapes."""
    if isinstance(value, dict):
        return {str(name): jsonable(member) for name, member in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict") and type(value).__str__ is object.__str__:
        return {name: jsonable(member) for name, member in value._asdict().items()}
    if isinstance(value, (list, tuple)) and type(value).__str__ is object.__str__:
        return [jsonable(member) for member in value]
    return _scalar(value)


def _scalar(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    # What has words of its own (Digest, Platform, Path) is those words.
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def print_place(place: Mapping[str, str] | None) -> None:
    """Print which token or service signed, if one did."""
    if place:
        print("  signed in  " + ", ".join(f"{name} {plain(value)}" for name, value in place.items() if value))


def plain(text: object) -> str:
    """Return text that cannot move a terminal's cursor: control characters are escaped."""
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)


def fail(error: TrustkitError) -> int:
    """Print the error and what to do next on standard error, and return its exit status."""
    message = "\n  ".join(plain(line) for line in error.message.splitlines() or [""])
    word = "refused: " if error.exit_status == 1 else ""
    print(f"trustkit: {word}{message}", file=sys.stderr)
    if error.next_step:
        print(f"  next: {plain(error.next_step)}", file=sys.stderr)
    return error.exit_status


def ago(moment: datetime, now: datetime | None = None) -> str:
    """Return `5 minutes ago`, as docker does."""
    seconds = int(((now or datetime.now(UTC)) - moment).total_seconds())
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {word}{'s' if count != 1 else ''} ago"
    return "now"


def size_of(count: int) -> str:
    """Return bytes in decimal units, as docker does."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < _STEP:
            return f"{value:.3g}{unit}"
        value /= _STEP
    return f"{value:.3g}TB"


def mark(text: str, *, good: bool) -> str:
    """Colour a word green or red on a terminal."""
    if not sys.stdout.isatty():
        return text
    return f"\033[{32 if good else 31}m{text}\033[0m"
