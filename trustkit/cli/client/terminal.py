"""The user's terminal: raw while a container has it, and its size."""

import os
import termios
from collections.abc import Iterator
from contextlib import contextmanager

from trustkit.errors import UsageError


def require_terminal() -> None:
    """Raise UsageError when standard input is no terminal."""
    if not os.isatty(0):
        raise UsageError("the input device is not a TTY", next_step="leave -t out when piping input")


def size() -> tuple[int, int]:
    """Return rows and columns, 0 when there is no terminal."""
    for descriptor in (1, 0, 2):
        try:
            found = os.get_terminal_size(descriptor)
        except OSError:
            continue
        return found.lines, found.columns
    return 0, 0


@contextmanager
def raw() -> Iterator[None]:
    """Pass every key through within the block (cfmakeraw of termios(3)); nothing changes without a terminal."""
    if not os.isatty(0):
        yield
        return
    before = termios.tcgetattr(0)
    changed = termios.tcgetattr(0)
    cut = termios.BRKINT | termios.ICRNL | termios.INPCK | termios.ISTRIP | termios.IXON | termios.INLCR | termios.IGNCR
    changed[0] &= ~cut
    changed[1] &= ~termios.OPOST
    changed[2] = (changed[2] & ~(termios.CSIZE | termios.PARENB)) | termios.CS8
    changed[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.IEXTEN | termios.ISIG)
    changed[6][termios.VMIN], changed[6][termios.VTIME] = 1, 0
    try:
        termios.tcsetattr(0, termios.TCSAFLUSH, changed)
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
