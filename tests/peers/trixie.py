"""Programs of Debian 13 on this system: newer libraries lie over its own, in a mount namespace of theirs."""

from pathlib import Path

from peers.processes import PeerError
from peers.tools import ROOT, peer

_LIBRARIES = "usr/lib/x86_64-linux-gnu"
_PACKAGES = ("libsubid5", "libc241")
# Programs start others, and themselves again, so a loader with a path of its own would not do.
_SHELL = f'mount -t overlay overlay -o "lowerdir=$1:/{_LIBRARIES}" /{_LIBRARIES} && shift && exec "$@"'


def trixie(program: str) -> tuple[str | Path, ...]:
    """Return the beginning of a command line that runs this peer. Raises PeerError."""
    return ("unshare", "--mount", "sh", "-c", _SHELL, "sh", ":".join(map(str, _folders())), peer(program))


def netavark() -> Path:
    """Return the folder of podman 5's helper for networks. Raises PeerError."""
    folder = ROOT / ".peers/root/netavark/usr/lib/podman"
    if not folder.is_dir():
        raise PeerError(f"{folder} is missing: run make peers")
    return folder


def _folders() -> list[Path]:
    found = [ROOT / ".peers/root" / package / _LIBRARIES for package in _PACKAGES]
    for folder in found:
        if not folder.is_dir():
            raise PeerError(f"{folder} is missing: run make peers")
    return found
