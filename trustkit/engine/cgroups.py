"""Which cgroup version the machine has, and where our containers' groups are."""

import contextlib
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


def version() -> int:
    """Return 2 for the unified hierarchy, 1 for the legacy and the hybrid one."""
    return 2 if (_ROOT / "cgroup.controllers").is_file() else 1


def path_of(container: str) -> str:
    """Return the `cgroupsPath` of a container, for the cgroupfs driver of either version."""
    return f"/trustkit/{container}"


def killed_by_memory(container: str) -> bool:
    """Whether the kernel killed a process of the container for its memory limit."""
    if version() == 2:  # noqa: PLR2004  (the version's number)
        file, key = _ROOT / path_of(container)[1:] / "memory.events", "oom_kill"
    else:
        file, key = _ROOT / "memory" / path_of(container)[1:] / "memory.oom_control", "oom_kill"
    try:
        lines = file.read_text("ascii").splitlines()
    except OSError:
        return False
    return any(line.split() != [key, "0"] for line in lines if line.split()[:1] == [key])


def remove_parent() -> None:
    """Remove the groups above our containers' where nothing is in them any more."""
    for place in (_ROOT / "trustkit", *_ROOT.glob("*/trustkit")):
        with contextlib.suppress(OSError):
            place.rmdir()
