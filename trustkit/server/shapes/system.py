"""The engine itself as Docker's JSON: version, info, events."""

import json
import os

from trustkit import __version__
from trustkit.engine.values import EngineEvent, EngineInfo
from trustkit.model.crypto import MODES, ModuleStatus
from trustkit.server import versions

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}


def architecture() -> str:
    """Return this machine's architecture in Go's words."""
    machine = os.uname().machine
    return _ARCHITECTURES.get(machine, machine)


def version(info: EngineInfo) -> dict[str, object]:
    """Return the answer of `GET /version`."""
    newest, oldest = versions.text_of(versions.NEWEST), versions.text_of(versions.OLDEST)
    details = {"ApiVersion": newest, "MinAPIVersion": oldest, "Os": "linux", "Arch": architecture()}
    return {
        "Platform": {"Name": "trustkit"},
        "Components": [
            {"Name": "Engine", "Version": __version__, "Details": details},
            {"Name": "containerd", "Version": info.containerd_version, "Details": {}},
            {"Name": info.runtime, "Version": info.runtime_version, "Details": {}},
        ],
        "Version": __version__,
        "ApiVersion": newest,
        "MinAPIVersion": oldest,
        "GitCommit": "",
        "GoVersion": "",
        "Os": "linux",
        "Arch": architecture(),
        "KernelVersion": info.kernel,
        "BuildTime": "",
    }


def cryptography(status: ModuleStatus, usage: dict[str, dict[str, int]]) -> dict[str, object]:
    """Return what `GET /info` says of the module that does the maths, for `docker info` and `trustkit fips status`."""
    security = ["name=seccomp,profile=builtin"]
    if status.mode != MODES[0]:
        # what Docker's engines show in FIPS mode (STIG V-235777); the words behind it claim no more than is known
        security.append(f"name=fips,profile={status.mode}; {status.standing}")
    about = {name: value for name, value in status._asdict().items() if name != "approved"}
    return {"SecurityOptions": security, "Trustkit": {"crypto": about, **usage}}


def information(info: EngineInfo, socket: str, warnings: tuple[str, ...] = ()) -> dict[str, object]:
    """Return the answer of `GET /info` but for `cryptography`."""
    return {
        "ID": "",
        "Name": os.uname().nodename,
        "ServerVersion": __version__,
        "OSType": "linux",
        "OperatingSystem": "Linux",
        "Architecture": os.uname().machine,
        "KernelVersion": info.kernel,
        "NCPU": os.cpu_count() or 1,
        "MemTotal": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "Containers": info.containers,
        "ContainersRunning": info.running,
        "ContainersPaused": 0,
        "ContainersStopped": info.containers - info.running,
        "Images": info.images,
        "Driver": info.snapshotter,
        "DriverStatus": [["containerd", info.containerd_version], ["socket", socket]],
        "LoggingDriver": "json-file",
        "CgroupDriver": "cgroupfs",
        "CgroupVersion": str(info.cgroup_version),
        "DefaultRuntime": info.runtime,
        "Runtimes": {info.runtime: {"path": info.runtime}},
        "Plugins": {"Volume": ["local"], "Network": ["bridge", "host", "none"], "Authorization": None, "Log": []},
        "Swarm": {"LocalNodeState": "inactive"},
        "RegistryConfig": {},
        "IndexServerAddress": "",
        "MemoryLimit": True,
        "SwapLimit": False,
        "CpuCfsQuota": True,
        "IPv4Forwarding": True,
        "LiveRestoreEnabled": True,
        "ExperimentalBuild": False,
        "Warnings": list(warnings),
    }


def event_line(event: EngineEvent) -> bytes:
    """Return one line of `GET /events`."""
    attributes = dict(event.attributes)
    members = {
        "status": event.action,
        "id": event.subject,
        "from": attributes.get("image", ""),
        "Type": event.kind,
        "Action": event.action,
        "Actor": {"ID": event.subject, "Attributes": attributes},
        "scope": "local",
        "time": int(event.at.timestamp()),
        "timeNano": int(event.at.timestamp() * 1_000_000) * 1000,
    }
    return json.dumps(members).encode() + b"\n"
