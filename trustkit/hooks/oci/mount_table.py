"""What is mounted where, as the kernel says (proc_pid_mountinfo(5))."""

import re

from trustkit.model.values import NamedTuple

_ESCAPE = re.compile(r"\\([0-7]{3})")


class Mounted(NamedTuple):
    """A file system that is mounted: its kind, and the options of the file system itself."""

    kind: str
    options: dict[str, str]


def mount_table() -> dict[str, Mounted]:
    """Return the topmost mount at each point."""
    found = {}
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        for line in table:
            words = line.rstrip("\n").split(" ")
            dash = words.index("-")
            options = (option.partition("=") for option in words[dash + 3].split(","))
            values = {name: _plain(value) for name, _, value in options}
            found[_plain(words[4])] = Mounted(words[dash + 1], values)
    return found


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)
