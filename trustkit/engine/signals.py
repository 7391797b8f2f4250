"""Signals by name or number."""

import signal

from trustkit.errors import UsageError

_LAST = 64


def number_of(text: str) -> int:
    """Return the number of `KILL`, `SIGKILL`, `9` or `RTMIN+3`.

    Raises UsageError.
    """
    if text.isascii() and text.isdigit() and 0 < int(text[:3]) <= _LAST:
        return int(text)
    name, _, offset = text.upper().removeprefix("SIG").partition("+")
    found = next((int(item) for item in signal.Signals if item.name == f"SIG{name}"), None)
    if found is not None and (not offset or (name == "RTMIN" and offset.isdigit())):
        return found + int(offset or 0)
    message = f"invalid signal: {text[:40]!r}"
    raise UsageError(message, next_step="write a name such as TERM or a number such as 15")
