"""Which of the host's namespaces a bundle uses (runtime-spec config-linux.md, Namespaces)."""

from contextlib import suppress
from pathlib import Path

from trustkit.hooks import fields
from trustkit.hooks.errors import HookRefusedError
from trustkit.hooks.fields import Members

_FILES = {
    "pid": "pid", "network": "net", "mount": "mnt", "ipc": "ipc", "uts": "uts", "user": "user", "cgroup": "cgroup",
    "time": "time",
}  # fmt: skip
# Without one of these there is no container; policies judge network, pid and ipc.
_JUDGED = ("network", "pid", "ipc")


def shared_with_host(linux: Members) -> frozenset[str]:
    """Return which of network, pid and ipc are the host's.

    Raises HookRefusedError: the mount namespace is, or UTS alone, which no policy can look at.
    """
    own: dict[str, str] = {}
    for one in fields.items(linux, "namespaces"):
        kind = fields.text(one, "type")
        if kind not in _FILES or kind in own:
            raise HookRefusedError(f"the namespace {kind[:40]!r} is not known here, or named twice")
        own[kind] = fields.text(one, "path")
    shared = {kind for kind in _FILES if kind not in own or (own[kind] and _is_host(kind, own[kind]))}
    if "mount" in shared:
        raise HookRefusedError("it would run in the host's mount namespace, so outside of any root file system")
    if "uts" in shared and "network" not in shared:
        message = "it would share the host's UTS namespace, and policies cannot look at that"
        raise HookRefusedError(message, next_step="run it without --uts=host")
    if "user" in own and own["user"] and _is_host("user", own["user"]):
        raise HookRefusedError("it names the host's user namespace by its path", next_step="leave the namespace out")
    return frozenset(kind for kind in _JUDGED if kind in shared)


def _is_host(kind: str, path: str) -> bool:
    """Whether a namespace's file is ours or that of the first process; one that cannot be looked at counts as it is.

    An engine in a container starts others beside itself: its own namespaces are the host of those.
    """
    try:
        wanted = Path(path).stat()
        own = Path(f"/proc/self/ns/{_FILES[kind]}").stat()
    except OSError:
        return True
    hosts = [own]
    # the first process of a machine may have rights that its root has not, and then its namespaces are not shown
    with suppress(OSError):
        hosts.append(Path(f"/proc/1/ns/{_FILES[kind]}").stat())
    return any((wanted.st_dev, wanted.st_ino) == (host.st_dev, host.st_ino) for host in hosts)
