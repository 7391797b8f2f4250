"""How programs end that engines start: one line that says why, and a status."""

import os
from typing import NoReturn


def leave(status: int, reason: str, descriptor: int = 1) -> NoReturn:
    """End with one line for the engine; one that cannot be told the reason is told no."""
    text = "".join(char if char.isprintable() else "?" for char in reason)[:1000]
    try:
        os.write(descriptor, text.encode("utf-8", "replace") + b"\n")
    except OSError:
        status = status or 1
    os._exit(status)
