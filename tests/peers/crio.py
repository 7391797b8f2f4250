"""Bundles as CRI-O writes them for a runtime; CRI-O itself is in none of the package sources that tests can use.

Its store is containers/storage, as podman's, so a real bundle of podman is rewritten after CRI-O's
server/container_create_linux.go: its annotations, namespaces of a pod by path, files of the pod's first container.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peers.podman import RUNTIME, Podman
from peers.processes import Process
from peers.tools import Ran, run
from peers.trustkit import Trustkit

_CAPABILITIES = (
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE", "CAP_KILL",
)  # fmt: skip
_MASKED = (
    "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
    "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
)  # fmt: skip
_READ_ONLY = ("/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_POD = "4f7a8f0e-0d0c-4d4c-9d9c-6a5c7c1f2b3d"
_PODS = f"/var/lib/kubelet/pods/{_POD}"


@contextmanager
def pod_namespaces(folder: Path) -> Iterator[dict[str, str]]:
    """Give files of namespaces that a pod's containers join."""
    process = Process(
        ["unshare", "--ipc", "--uts", "--net", "sh", "-c", "echo ready; exec sleep 600"], log=folder / "pod.log", env={}
    )
    try:
        process.wait_until(lambda: b"ready" in (folder / "pod.log").read_bytes())
        where = f"/proc/{process.pid}/ns"
        yield {"network": f"{where}/net", "ipc": f"{where}/ipc", "uts": f"{where}/uts"}
    finally:
        process.stop()


def made(podman: Podman, image: str, *flags: str) -> tuple[str, Path]:
    """Make a container of an image without asking anybody, and return its id and the folder of its bundle."""
    unasked = podman.unasked()
    container = unasked.must("create", "--net=none", *flags, image, "true")
    unasked.must("init", container)
    return container, podman.store / f"vfs-containers/{container}/userdata"


def rewrite(
    folder: Path, image: str, container: str, namespaces: Mapping[str, str], *, privileged: bool = False
) -> None:
    """Write the bundle's configuration anew, as CRI-O would have done it."""
    file = folder / "config.json"
    config: dict[str, Any] = json.loads(file.read_bytes())
    config["annotations"] = _annotations(image, container, folder)
    linux = config["linux"]
    linux["namespaces"] = [
        {"type": "pid"}, {"type": "mount"}, *({"type": kind, "path": path} for kind, path in namespaces.items())
    ]  # fmt: skip
    if not privileged:
        held = list(_CAPABILITIES)
        config["process"]["capabilities"] = {"bounding": held, "effective": held, "permitted": held}
        linux["maskedPaths"], linux["readonlyPaths"] = list(_MASKED), list(_READ_ONLY)
    config["mounts"] += [
        _bind(f"{_PODS}/etc-hosts", "/etc/hosts"),
        _bind(f"{_PODS}/containers/app/0a1b2c3d", "/dev/termination-log"),
        _bind(f"{_PODS}/volumes/kubernetes.io~projected/kube-api-access-x7k2p",
              "/var/run/secrets/kubernetes.io/serviceaccount"),
    ]  # fmt: skip
    file.write_text(json.dumps(config))


def create(trustkit: Trustkit, folder: Path, container: str) -> Ran:
    """Call the wrapper as conmon calls CRI-O's runtime; the runtime behind it only says what it was given."""
    own = (f"--trustkit-home={trustkit.home}", "--trustkit-runtime=/bin/echo")
    known = ("--root=/run/runc", "--systemd-cgroup")
    return run([RUNTIME, *own, *known, "create", "--bundle", folder, "--pid-file", folder / "pidfile", container],
               env=trustkit.env)  # fmt: skip


def _bind(source: str, target: str) -> dict[str, object]:
    return {"destination": target, "type": "bind", "source": source, "options": ["rw", "rbind", "rprivate"]}


def _annotations(image: str, container: str, folder: Path) -> dict[str, str]:
    crio = {
        "Annotations": json.dumps({"io.kubernetes.container.restartCount": "0"}), "ContainerID": container,
        "ContainerName": "k8s_app_web_shop_0", "ContainerType": "container", "Created": "2026-01-02T03:04:05.6789Z",
        "IP.0": "10.85.0.7", "Image": image, "ImageName": image, "ImageRef": image, "Labels": "{}",
        "LogPath": "/var/log/pods/shop_web/app/0.log", "Metadata": '{"name":"app"}', "MountPoint": str(folder),
        "Name": "k8s_app_web_shop_0", "ResolvPath": "/run/containers/storage/resolv.conf", "SandboxID": "f" * 64,
        "SandboxName": "k8s_web_shop_0", "SeccompProfilePath": "RuntimeDefault", "Stdin": "false", "TTY": "false",
        "Volumes": "[]",
    }  # fmt: skip
    kubernetes = {"container.name": "app", "pod.name": "web", "pod.namespace": "shop", "pod.uid": _POD}
    return {
        "io.container.manager": "cri-o",
        **{f"io.kubernetes.cri-o.{name}": value for name, value in crio.items()},
        **{f"io.kubernetes.{name}": value for name, value in kubernetes.items()},
    }
