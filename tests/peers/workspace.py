"""Folders with short names, emptied of processes, mounts and files when a test ends.

Unix socket paths may have 107 bytes, and pytest's own folders are longer than that.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from peers.processes import alive, kill_trees, pids_with_argument, pids_with_environment

PREFIX = "tk-"
_TRIES = 5


@contextmanager
def short_folder(name: str) -> Iterator[Path]:
    """Give a folder such as `/tmp/tk-home-4711-ab12cd`, and clear it away with everything that lives in it."""
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{name}-{os.getpid()}-", dir="/tmp"))
    try:
        yield folder
    finally:
        clear(folder)


def clear(folder: Path) -> None:
    """Kill what was started for `folder`, unmount what is mounted in it, and remove it."""
    while found := [*pids_with_environment(f"TRUSTKIT_HOME={folder}"), *pids_with_argument(str(folder))]:
        kill_trees(found)
    containers = [task.name for task in folder.glob("**/io.containerd.runtime.v2.task/*/*")]
    for container in containers:
        remove_cgroups(container)
    # the kernel's list of mounts may miss one while others come and go
    for _ in range(_TRIES):
        for mount in mounts_below(folder):
            subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


def mounts_below(folder: Path) -> list[str]:
    """Return the mount points inside `folder`, the deepest first."""
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    points = [line.split(" ")[1].encode().decode("unicode_escape") for line in lines]
    return sorted((point for point in points if point.startswith(f"{folder}/")), key=len, reverse=True)


def remove_cgroups(container: str) -> None:
    """Remove the control groups a killed container left behind."""
    for root in Path("/sys/fs/cgroup").glob(f"**/{container}"):
        below = sorted((path for path in root.rglob("*") if path.is_dir()), reverse=True)
        for group in [*below, root]:
            with suppress(OSError):
                group.rmdir()


def sweep() -> None:
    """Clear folders whose test run was killed before it could do so itself."""
    for folder in Path("/tmp").glob(f"{PREFIX}*-*-*"):
        owner = folder.name.split("-")[-2]
        if owner.isdigit() and not alive(int(owner)):
            clear(folder)
