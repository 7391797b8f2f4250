"""What of the host a bundle's mounts reach, beside what its engine put there itself (runtime-spec config.md)."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from trustkit.errors import MalformedError
from trustkit.hooks import fields
from trustkit.hooks.fields import Members
from trustkit.hooks.oci.bundle import Bundle
from trustkit.hooks.oci.mount_table import Mounted, mount_table
from trustkit.model.values import NamedTuple

# File systems that show nothing of the host's disks; any other is taken for a device or a share of the host.
_VIRTUAL = frozenset({"proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2"})
_BINDS = frozenset({"bind", "rbind"})
# The host's IPC namespace is judged by its own name; its memory and queues come with it.
_IPC = ("/dev/shm", "/dev/mqueue")  # noqa: S108  (the kernel's)
_USERDATA = re.compile(r"(?P<folder>/.*/[a-z0-9]+-containers)/(?P<id>[0-9a-f]{64})/userdata/(?P<file>[^/]+)")
# containerd's CRI plugin keeps the same for a pod.
_SANDBOX = re.compile(r"(?P<folder>/.*/io\.containerd\.grpc\.v1\.cri/sandboxes)/(?P<id>[0-9a-f]{64})/(?P<file>[^/]+)")
# What containers of one pod take from its first one.
_SHARED_FILES = frozenset({"hosts", "resolv.conf", "hostname", "shm", ".containerenv"})
_KUBELET = re.compile(
    r"/var/lib/kubelet/pods/(?P<uid>[0-9a-f-]{36})/(?:etc-hosts|volumes/.+|volume-subpaths/.+|containers/[^/]+/[^/]+)"
)
_POD_UID = "io.kubernetes.pod.uid"
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class Surroundings(NamedTuple):
    """What the engine keeps for the container: its id, and the folders under which files of its own lie."""

    container: str
    volumes: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()


def host_mounts(bundle: Bundle, around: Surroundings, *, host_ipc: bool) -> tuple[str, ...]:
    """Return the host's paths and devices that are mounted, as written and as they really are.

    Raises MalformedError.
    """
    found: set[str] = set()
    mounted = mount_table()
    for mount in fields.items(bundle.config, "mounts"):
        kind, source = fields.text(mount, "type"), fields.text(mount, "source")
        if "\0" in source:
            raise MalformedError("the source of a mount holds a zero byte")
        if not _BINDS.isdisjoint(fields.texts(mount, "options")) or kind in _BINDS or not kind:
            real = os.path.realpath(bundle.folder / source)
            if (host_ipc and source in _IPC) or _is_the_engines(Path(real), bundle, around, mounted):
                continue
            found |= {source, real}
        elif kind not in _VIRTUAL:
            found |= _beneath(kind, source, mount)
    return tuple(sorted(found - {""}))


def _beneath(kind: str, source: str, mount: Members) -> set[str]:
    """Return what another file system stands on: a device, a share, or the layers of an overlay."""
    options = (option.partition("=") for option in fields.texts(mount, "options"))
    layers = (value for name, _, value in options if name in {"lowerdir", "upperdir", "workdir"})
    found = {path for value in layers for path in value.split(":")}
    return found or {source or kind}


def _is_the_engines(real: Path, bundle: Bundle, around: Surroundings, mounted: Mapping[str, Mounted]) -> bool:
    """Whether the engine made what lies there for containers, and nothing of the host was mounted over it."""
    path = str(real)
    kubelet = _KUBELET.fullmatch(path)
    if kubelet:
        # the kubelet mounts volumes there, and host paths elsewhere; its folder is root's
        return kubelet["uid"] == bundle.annotations.get(_POD_UID, "")
    if path in mounted and mounted[path].kind != "tmpfs":
        return False
    if any(real.is_relative_to(folder) for folder in around.folders):
        return True
    if any(real.parent.parent == volumes and real.name == "_data" for volumes in around.volumes):
        return True
    return _is_made_for(path, around.container)


def _is_made_for(path: str, container: str) -> bool:
    """Whether a path is of the container's own folder, or a file that a pod's containers share."""
    kept = _SANDBOX.fullmatch(path) or _USERDATA.fullmatch(path)
    if kept is None or not _is_closed(Path(kept["folder"])):
        return False
    return kept["id"] == container or kept["file"] in _SHARED_FILES


def _is_closed(folder: Path) -> bool:
    """Whether only the engine's user can have made something in the folder of its containers."""
    try:
        status = folder.stat()
    except OSError:
        return False
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & _WRITABLE_BY_OTHERS
