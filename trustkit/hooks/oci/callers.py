"""Who called the runtime: processes above this one."""

from pathlib import Path

_GENERATIONS = 4


def nearest(process: int, name: str) -> int:
    """Return the nearest process of a name, from this one upwards, or 0. The kernel knows 15 characters of a name."""
    for _ in range(_GENERATIONS):
        try:
            told, _, rest = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
        except OSError:
            return 0
        if told.partition("(")[2] == name:
            return process
        process = int(rest.split()[1])
        if not process:
            return 0
    return 0


def argument_of(process: int, option: str) -> str:
    """Return the word after an option of a process, or nothing."""
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
        return words[words.index(option.encode()) + 1].decode()
    except (OSError, ValueError, IndexError):
        return ""
