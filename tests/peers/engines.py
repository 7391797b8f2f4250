"""A private containerd and network namespaces."""

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from peers.processes import PeerError, Process, listens_on_socket
from peers.tools import Ran, clean_environment, peer, run
from peers.workspace import short_folder

_NUMBERS = itertools.count(1)


class Containerd(NamedTuple):
    """A running containerd with root, state and socket of its own, CRI switched off."""

    socket: Path
    root: Path
    state: Path
    log: Path
    process: Process

    def ctr(self, *args: str | Path, namespace: str = "default") -> Ran:
        """Run containerd's own client against this instance."""
        return run(["ctr", "--address", self.socket, "--namespace", namespace, *args])


@contextmanager
def containerd() -> Iterator[Containerd]:
    """Run a private containerd; whatever was started through it is killed and unmounted at the end."""
    program = shutil.which("containerd")
    if program is None or os.geteuid() != 0:
        raise PeerError("containerd is missing or the tests do not run as root: run make setup as root")
    with short_folder("ctr") as folder:
        socket, config = folder / "containerd.sock", folder / "config.toml"
        config.write_text(
            f'version = 2\nroot = "{folder / "root"}"\nstate = "{folder / "state"}"\n'
            'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs",'
            ' "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs",'
            ' "io.containerd.snapshotter.v1.devmapper"]\n'
            f'[grpc]\n  address = "{socket}"\n[ttrpc]\n  address = "{folder / "ttrpc.sock"}"\n'
            f'[plugins."io.containerd.internal.v1.opt"]\n  path = "{folder / "opt"}"\n',
            encoding="utf-8",
        )
        process = Process([program, "--config", str(config)], log=folder / "log", env=clean_environment())
        try:
            process.wait_until(lambda: listens_on_socket(socket))
            yield Containerd(socket, folder / "root", folder / "state", folder / "log", process)
        finally:
            process.stop()


@contextmanager
def containerd2(verifiers: Path, **env: str) -> Iterator[Containerd]:
    """Run containerd 2.1 for pulls alone, with the image verifiers of a folder and these variables."""
    with short_folder("ctr2") as folder:
        socket, config = folder / "containerd.sock", folder / "config.toml"
        config.write_text(
            f'version = 3\nroot = "{folder / "root"}"\nstate = "{folder / "state"}"\n'
            'disabled_plugins = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime",'
            ' "io.containerd.grpc.v1.cri", "io.containerd.nri.v1.nri"]\n'
            f'[grpc]\n  address = "{socket}"\n[ttrpc]\n  address = "{folder / "ttrpc.sock"}"\n'
            f'[plugins."io.containerd.image-verifier.v1.bindir"]\n  bin_dir = "{verifiers}"\n'
            '  max_verifiers = 10\n  per_verifier_timeout = "10s"\n'
            f'[plugins."io.containerd.internal.v1.opt"]\n  path = "{folder / "opt"}"\n',
            encoding="utf-8",
        )
        process = Process([str(peer("containerd2")), "--config", str(config)], log=folder / "log",
                          env=clean_environment(**env))  # fmt: skip
        try:
            process.wait_until(lambda: listens_on_socket(socket))
            yield Containerd(socket, folder / "root", folder / "state", folder / "log", process)
        finally:
            process.stop()


@contextmanager
def network_namespace() -> Iterator[str]:
    """Make a named network namespace with loopback up and give its name; `/run/netns/NAME` is its file."""
    name = f"tk{os.getpid()}n{next(_NUMBERS)}"
    ip("netns", "add", name)
    try:
        ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        ip("netns", "delete", name)


def ip(*args: str) -> str:
    """Run iproute2's command. Raises PeerError with its complaint."""
    done = subprocess.run(["ip", *args], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise PeerError(f"ip {' '.join(args)}: {done.stderr.strip()}")
    return done.stdout
