"""Looking into a container's file system before it runs, without being led out of it.

The snapshot's layers are mounted read-only for a moment; paths are resolved by openat2(2) with RESOLVE_IN_ROOT,
so symbolic links, absolute or not, end inside.
"""

import ctypes
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from trustkit.engine.errors import EngineError
from trustkit.engine.protos import types_pb2

_libc = ctypes.CDLL(None, use_errno=True)
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REMOUNT = 1, 2, 4, 8, 4096, 32
_MNT_DETACH = 2
# The same number on every architecture since Linux 5.6.
_SYS_OPENAT2 = 437
_RESOLVE_IN_ROOT = 0x10
_RESOLVE_NO_MAGICLINKS = 0x02
_FLAGS = _MS_RDONLY | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def mount(source: str, target: Path | str, kind: str, flags: int, data: str = "") -> None:
    """Attach a file system to a place in the tree (mount(2)).

    Raises EngineError.
    """
    arguments = (os.fsencode(source), os.fsencode(target), os.fsencode(kind), flags, os.fsencode(data))
    if _libc.mount(arguments[0], arguments[1], arguments[2], ctypes.c_ulong(flags), arguments[4]) != 0:
        code = ctypes.get_errno()
        raise EngineError(f"mount of {source} on {target}: {os.strerror(code)}")


def bind_mount(source: str, target: Path) -> None:
    """Bind a file or folder to another place.

    Raises EngineError.
    """
    mount(source, target, "", _MS_BIND)


def unmount(target: Path) -> None:
    """Detach a mount; nothing happens when there is none."""
    _libc.umount2(os.fsencode(target), _MNT_DETACH)


@contextmanager
def readable(mounts: Sequence[types_pb2.Mount], place: Path) -> Iterator[int]:
    """Give a descriptor of the root of these mounts, read-only.

    The writable layer is taken as one more lower layer, because overlayfs wants no second mount of it.

    Raises EngineError.
    """
    if len(mounts) != 1:
        raise EngineError(f"the snapshotter gave {len(mounts)} mounts for one root file system")
    item = mounts[0]
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    if item.type == "overlay":
        options = dict(option.partition("=")[::2] for option in item.options)
        layers = ":".join(filter(None, (options.get("upperdir"), options.get("lowerdir"))))
        # A single lower layer is no overlay to the kernel; the empty place itself becomes the second.
        mount("overlay", place, "overlay", _FLAGS, f"lowerdir={layers}:{place}")
    else:
        mount(item.source, place, "", _MS_BIND)
    try:
        descriptor = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
    finally:
        unmount(place)
        place.rmdir()


def open_inside(root: int, path: str, flags: int = os.O_RDONLY) -> int | None:
    """Open a path of the container; None when it is not there or not to be opened."""
    how = _OpenHow(flags | os.O_CLOEXEC | os.O_NONBLOCK, 0, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
    opened = _libc.syscall(
        ctypes.c_long(_SYS_OPENAT2),
        ctypes.c_int(root),
        ctypes.c_char_p(os.fsencode(path)),
        ctypes.byref(how),
        ctypes.c_size_t(ctypes.sizeof(how)),
    )
    return opened if opened >= 0 else None


def read_inside(root: int, path: str, limit_bytes: int) -> bytes:
    """Return a file of the container, nothing when it is missing or no plain file, at most `limit_bytes`."""
    descriptor = open_inside(root, path)
    if descriptor is None:
        return b""
    with open(descriptor, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b""
        return file.read(limit_bytes)
