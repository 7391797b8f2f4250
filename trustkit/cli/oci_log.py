"""The log that an engine names with --log and reads when its runtime fails: one line, as runc writes it."""

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

_CHARS = 1000


def write_refusal(arguments: Sequence[str], reason: str) -> None:
    """Add the reason to the log that the command line names, if it does; a log that cannot be written is no matter.

    The line is read even where the rest of the command line is refused.
    """
    path, kind = _value(arguments, "log"), _value(arguments, "log-format")
    if not path:
        return
    text = "".join(char if char.isprintable() else "?" for char in reason)[:_CHARS]
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, _line(text, at, kind).encode("utf-8", "replace"))
        finally:
            os.close(descriptor)


def _line(text: str, at: str, kind: str) -> str:
    import json

    quoted = json.dumps(text)
    if kind == "json":
        return f'{{"level":"error","msg":{quoted},"time":"{at}"}}\n'
    return f'time="{at}" level=error msg={quoted}\n'


def _value(arguments: Sequence[str], name: str) -> str:
    for at, word in enumerate(arguments):
        if word == f"--{name}" and at + 1 < len(arguments):
            return arguments[at + 1]
        if word.startswith(f"--{name}="):
            return word.partition("=")[2]
    return ""
