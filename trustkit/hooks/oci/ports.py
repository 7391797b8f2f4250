"""The host's ports that a container's monitor holds for it: a bundle does not say them.

Podman and CRI-O bind every published port of a container and give the sockets to conmon, which calls the runtime.
"""

import os
import re
from pathlib import Path

from trustkit.hooks.errors import HookEngineError
from trustkit.hooks.oci.callers import nearest

_TABLES = ("tcp", "tcp6", "udp", "udp6")
_SOCKET = re.compile(r"socket:\[(\d+)\]\Z")
# proc_pid_net(5): a listening TCP socket, and a UDP socket without a peer
_ADDRESS, _STATE, _INODE = 1, 3, 9
_MONITOR = "conmon"
_WAITING = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}


def published_ports(process: int) -> tuple[str, ...]:
    """Return the ports that the monitor above a process holds; none if no monitor called it. Raises HookEngineError."""
    monitor = nearest(process, _MONITOR)
    return held_ports(monitor) if monitor else ()


def held_ports(monitor: int) -> tuple[str, ...]:
    """Return the ports on which a process waits. Raises HookEngineError."""
    found: set[int] = set()
    try:
        inodes = _sockets(monitor)
        for table in _TABLES if inodes else ():
            lines = Path(f"/proc/{monitor}/net/{table}").read_text(encoding="ascii").splitlines()[1:]
            for row in map(str.split, lines):
                if row[_INODE] in inodes and row[_STATE] == _WAITING[table]:
                    found.add(int(row[_ADDRESS].rpartition(":")[2], 16))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise HookEngineError(f"which ports the process {monitor} holds cannot be seen: {reason}") from error
    return tuple(map(str, sorted(found)))


def _sockets(process: int) -> set[str]:
    found = set()
    for entry in os.scandir(f"/proc/{process}/fd"):
        target = _SOCKET.match(str(Path(entry.path).readlink()))
        if target:
            found.add(target[1])
    return found
