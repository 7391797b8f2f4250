"""A private dockerd in namespaces of its own, with registries of this machine within reach, and docker's own client."""

import ctypes
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from peers.engines import network_namespace
from peers.processes import PeerError, Process, listens_on_socket
from peers.tools import Ran, clean_environment, peer, run
from peers.trustkit import Trustkit

_CLONE_NEWNET = 0x40000000
# dockerd looks for plugins in /run/docker and keeps a key in /etc/docker, whatever it is told otherwise.
_SHELL = 'mount --bind "$1/run" /run/docker && mount --bind "$1/etc" /etc/docker && shift && exec "$@"'


class Release(NamedTuple):
    """Which dockerd and client, and how it stores images."""

    client: str = "docker"
    server: str = "dockerd"
    options: tuple[str, ...] = ("--storage-driver=vfs",)


DEBIAN12 = Release()
NEWEST = Release("docker28", "dockerd28")
# images are kept by containerd, as new installations of Docker 29 do
CONTAINERD_STORE = Release(
    "docker28", "dockerd28", ("--storage-driver=native", "--feature=containerd-snapshotter=true")
)


class Dockerd(NamedTuple):
    """A running dockerd; the sockets of its plugins are in `run/plugins` of its folder."""

    folder: Path
    socket: Path
    process: Process
    release: Release = DEBIAN12

    def docker(self, *args: str | Path, stdin: bytes = b"", timeout: float = 60) -> Ran:
        """Run docker's own client against this instance."""
        environment = clean_environment(
            DOCKER_HOST=f"unix://{self.socket}", HOME=str(self.folder), DOCKER_CONFIG=str(self.folder / "client"),
            DOCKER_BUILDKIT="0",
        )  # fmt: skip
        return run([peer(self.release.client), *args], env=environment, stdin=stdin, timeout=timeout)

    def must(self, *args: str | Path, stdin: bytes = b"") -> str:
        """Run docker's client and return what it says. Raises PeerError when it fails."""
        done = self.docker(*args, stdin=stdin)
        if done.status != 0:
            raise PeerError(done.said)
        return done.stdout.strip()

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send these bytes, and return status and the rest of the answer; the connection ends with it."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(str(self.socket))
            with suppress(BrokenPipeError):
                connection.sendall(request)
            answer = b""
            with suppress(ConnectionResetError):
                while part := connection.recv(65536):
                    answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), body


@contextmanager
def dockerd(
    folder: Path, *, ports: Sequence[int] = (), plugins: Sequence[str] = (), release: Release = DEBIAN12
) -> Iterator[Dockerd]:
    """Run dockerd in `folder`, asking these plugins; it reaches these ports of this machine's loopback."""
    if os.geteuid() != 0:
        raise PeerError("dockerd needs root")
    for name in ("run/plugins", "etc", "client"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for path in (Path("/run/docker"), Path("/etc/docker")):
        path.mkdir(exist_ok=True)
    where = folder / "docker.sock"
    options = ["--host", f"unix://{where}", "--data-root", str(folder / "data"), "--exec-root", str(folder / "exec"),
               "--pidfile", str(folder / "pid"), "--bridge=none", "--iptables=false", "--ip6tables=false",
               "--ip-forward=false", *release.options,
               *(f"--authorization-plugin={name}" for name in plugins)]  # fmt: skip
    programs = clean_environment()
    programs["PATH"] = f"{peer(release.server).parent}:{programs['PATH']}"
    with network_namespace() as netns, _relays(netns, ports):
        inside = ["nsenter", f"--net=/run/netns/{netns}", "unshare", "--mount", "--", "sh", "-c", _SHELL, "sh"]
        process = Process([*inside, str(folder), str(peer(release.server)), *options], log=folder / "log", env=programs)
        try:
            process.wait_until(lambda: listens_on_socket(where), 60)
            yield Dockerd(folder, where, process, release)
        finally:
            process.stop()


@contextmanager
def authorized(
    folder: Path, trustkit: Trustkit, port: int, *words: str, release: Release = DEBIAN12
) -> Iterator[tuple[Dockerd, Process]]:
    """Run dockerd, and the plugin it asks: `trustkit serve docker-authz` with these words more."""
    plugin = start_plugin(folder, trustkit, *words)
    try:
        with dockerd(folder, ports=[port], plugins=["trustkit"], release=release) as daemon:
            yield daemon, plugin
    finally:
        plugin.stop()


def start_plugin(folder: Path, trustkit: Trustkit, *words: str) -> Process:
    """Start the plugin of the dockerd in `folder`."""
    where = folder / "run/plugins/trustkit.sock"
    sockets = ("--socket", where, "--docker-socket", folder / "docker.sock")
    plugin = trustkit.start("serve", "docker-authz", *sockets, *words)
    plugin.wait_until(lambda: listens_on_socket(where))
    return plugin


@contextmanager
def _relays(netns: str, ports: Sequence[int]) -> Iterator[None]:
    listeners = [_listener(netns, port) for port in ports]
    threads = [threading.Thread(target=_accept, args=pair) for pair in zip(listeners, ports, strict=True)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        # dockerd has ended by now, and with it the connections
        for listener, thread in zip(listeners, threads, strict=True):
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            listener.close()


def _listener(netns: str, port: int) -> socket.socket:
    """Return a socket that listens in the namespace: a thread of its own enters it, makes the socket and ends."""
    made: list[socket.socket] = []

    def make() -> None:
        with Path(f"/run/netns/{netns}").open("rb") as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                return
        made.append(socket.create_server(("127.0.0.1", port)))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if not made:
        raise PeerError(f"cannot listen in the namespace {netns}")
    return made[0]


def _accept(listener: socket.socket, port: int) -> None:
    threads = []
    with suppress(OSError):
        while True:
            inside, _ = listener.accept()
            threads.append(threading.Thread(target=_relay, args=(inside, port)))
            threads[-1].start()
    for thread in threads:
        thread.join()


def _relay(inside: socket.socket, port: int) -> None:
    with suppress(OSError), inside, socket.create_connection(("127.0.0.1", port)) as outside:
        back = threading.Thread(target=_copy, args=(outside, inside))
        back.start()
        _copy(inside, outside)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
