"""Network namespaces as files (bind mounts), made by one thread that leaves its own and comes back.

setns(2) and unshare(2) move only the calling thread, so everything here must run in the network thread.
"""

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trustkit.engine.errors import EngineError
from trustkit.engine.rootfs import bind_mount, unmount

_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS = 0x8914
_SIOCGIFFLAGS = 0x8913
_IFF_UP = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        raise EngineError(f"{what}: {os.strerror(ctypes.get_errno())}")


@contextmanager
def _own_namespace_kept() -> Iterator[None]:
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        # If this fails the thread is lost in a container's network; nothing may run in it again.
        code = _libc.setns(own, _CLONE_NEWNET)
        os.close(own)
        _check(code, "cannot return to the host's network namespace")


@contextmanager
def inside(path: Path) -> Iterator[None]:
    """Run the block in that network namespace.

    Raises EngineError.
    """
    with _own_namespace_kept():
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _check(_libc.setns(descriptor, _CLONE_NEWNET), f"cannot enter {path}")
        finally:
            os.close(descriptor)
        yield


def make(path: Path) -> None:
    """Make a namespace with a working loopback, kept by a bind mount on `path`.

    Raises EngineError.
    """
    path.touch(mode=0o600)
    try:
        with _own_namespace_kept():
            _check(_libc.unshare(_CLONE_NEWNET), "cannot make a network namespace")
            _raise_loopback()
            bind_mount("/proc/thread-self/ns/net", path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def exists(path: Path) -> bool:
    """Whether a namespace is mounted there; after a reboot the bare file may be left."""
    try:
        return path.stat().st_dev != path.parent.stat().st_dev
    except OSError:
        return False


def remove(path: Path) -> None:
    """Let go of the namespace; the kernel removes it, with its interfaces, after its last process."""
    unmount(path)
    path.unlink(missing_ok=True)


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack_from("h", fcntl.ioctl(control, _SIOCGIFFLAGS, request), 16)[0]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))
