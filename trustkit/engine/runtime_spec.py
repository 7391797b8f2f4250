"""The OCI runtime spec of a container, with docker's defaults (runtime-spec 1.0, config.md and config-linux.md).

One function, `runtime_spec`, from plain values to JSON bytes: the same values give the same bytes, so a start can
compare them with what containerd holds.
"""

import json
import os
import resource
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trustkit.engine import capabilities, cgroups, seccomp
from trustkit.engine.users import User
from trustkit.errors import UsageError
from trustkit.model.run import RunSpec

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_OPEN_FILES = 1048576
_CPU_PERIOD_MICROSECONDS = 100_000
_NANO = 1_000_000_000
_MEMORY_MINIMUM_BYTES = 6 * 1024 * 1024
_MASKED = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
)
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_HARDENED = ("nosuid", "noexec", "nodev")
# (major, minor) of null, zero, full, random, urandom, tty, console, ptmx, pts/*, net/tun; None is any.
_DEVICES = ((1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2), (136, None), (10, 200))
_SYSCTLS = {"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647"}
_HOST_HOSTNAME = "/proc/sys/kernel/hostname"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the machine contributes to a spec; `netns` is empty for the host's own network."""

    id: str
    netns: str
    files: Mapping[str, Path]
    volumes: Mapping[str, Path]
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Process:
    """What runs: resolved user, arguments, environment, folder."""

    user: User
    arguments: tuple[str, ...]
    environment: tuple[str, ...]
    working_directory: str
    terminal: bool
    capabilities: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return the `process` object."""
        soft, hard = open_files()
        limits = [{"type": "RLIMIT_NOFILE", "soft": soft, "hard": hard}]
        sets = list(self.capabilities)
        return {
            "terminal": self.terminal,
            "user": {"uid": self.user.uid, "gid": self.user.gid, "additionalGids": list(self.user.groups)},
            "args": list(self.arguments),
            "env": list(self.environment),
            "cwd": self.working_directory,
            # Nothing inheritable: a set-capability file must not gain more (CVE-2022-24769).
            "capabilities": {"bounding": sets, "effective": sets, "permitted": sets},
            "rlimits": limits,
            "oomScoreAdj": 0,
        }


def open_files() -> tuple[int, int]:
    """Return soft and hard RLIMIT_NOFILE: docker's million, or our own hard limit, which we may not raise."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    return limit, limit


def hostname_of(spec: RunSpec, container: str) -> str:
    """Return the container's host name: as given, the host's own on its network, else the short id."""
    if spec.hostname:
        return spec.hostname
    if spec.network == "host":
        return Path(_HOST_HOSTNAME).read_text("ascii").strip()
    return container[:12]


def process_of(
    spec: RunSpec, image_config: Mapping[str, object], arguments: tuple[str, ...], user: User, hostname: str
) -> Process:
    """Return the main process.

    Raises UsageError for no command, a bad folder or variable.
    """
    if not arguments or not arguments[0]:
        raise UsageError("no command specified", next_step="give a command: the image names none")
    folder = spec.working_directory or str(image_config.get("WorkingDir") or "/")
    if not folder.startswith("/"):
        message = f"the working directory {folder!r} is not an absolute path"
        raise UsageError(message, next_step="begin it with /")
    from_image = image_config.get("Env")
    environment = environment_of(
        [_PATH, f"HOSTNAME={hostname}", *(["TERM=xterm"] if spec.terminal else [])],
        [item for item in from_image if isinstance(item, str)] if isinstance(from_image, list) else [],
        spec.environment,
        home=user.home,
    )
    granted = capabilities.effective(spec.capabilities_added, spec.capabilities_dropped, privileged=spec.privileged)
    return Process(user, arguments, environment, folder, spec.terminal, granted)


def environment_of(*parts: Iterable[str], home: str) -> tuple[str, ...]:
    """Return the variables, later ones winning; `HOME` comes from the user unless set.

    Raises UsageError.
    """
    found: dict[str, str] = {}
    for item in (variable for part in parts for variable in part):
        name, equals, value = item.partition("=")
        if not name or "\0" in item:
            message = f"invalid environment variable: {item[:80]!r}"
            raise UsageError(message, next_step="write NAME=value")
        if equals:
            found[name] = value
        else:
            found.pop(name, None)
    found.setdefault("HOME", home)
    return tuple(f"{name}={value}" for name, value in found.items())


def runtime_spec(spec: RunSpec, process: Process, around: Surroundings, hostname: str) -> bytes:
    """Return the whole spec as JSON.

    Raises UsageError for impossible limits or mounts.
    """
    document = {
        "ociVersion": "1.0.2",
        "process": process.to_json(),
        "root": {"path": "rootfs", "readonly": spec.read_only},
        "hostname": hostname,
        "mounts": _mounts(spec, around),
        "annotations": dict(around.annotations),
        "linux": _linux(spec, process, around),
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _linux(spec: RunSpec, process: Process, around: Surroundings) -> dict[str, object]:
    linux: dict[str, object] = {
        "namespaces": _namespaces(around.netns),
        "cgroupsPath": cgroups.path_of(around.id),
        "resources": _resources(spec),
        "sysctl": dict(_SYSCTLS) if around.netns else {},
    }
    if spec.privileged:
        linux["devices"] = _host_devices()
        return linux
    linux["maskedPaths"] = list(_MASKED)
    linux["readonlyPaths"] = list(_READ_ONLY)
    linux["seccomp"] = seccomp.default_profile(_architecture(), process.capabilities)
    return linux


def _architecture() -> str:
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64", "loongarch64": "loong64"}.get(machine, machine)


def _namespaces(netns: str) -> list[dict[str, str]]:
    kinds = ["mount", "pid", "uts", "ipc"]
    if cgroups.version() == 2:  # noqa: PLR2004  (the version's number)
        kinds.append("cgroup")
    found = [{"type": kind} for kind in kinds]
    return [*found, {"type": "network", "path": netns}] if netns else found


def _resources(spec: RunSpec) -> dict[str, object]:
    found: dict[str, object] = {"devices": _device_rules(privileged=spec.privileged)}
    if spec.memory_bytes:
        if spec.memory_bytes < _MEMORY_MINIMUM_BYTES:
            message = f"a memory limit of {spec.memory_bytes} bytes is too small"
            raise UsageError(message, next_step="give at least 6m")
        memory = {"limit": spec.memory_bytes}
        if _swap_is_counted():
            memory["swap"] = 2 * spec.memory_bytes
        found["memory"] = memory
    if spec.nano_cpus:
        if spec.nano_cpus > (os.cpu_count() or 1) * _NANO:
            message = f"{spec.nano_cpus / _NANO:g} CPUs are more than the {os.cpu_count()} of this machine"
            raise UsageError(message, next_step="give a smaller number to --cpus")
        quota = spec.nano_cpus * _CPU_PERIOD_MICROSECONDS // _NANO
        found["cpu"] = {"period": _CPU_PERIOD_MICROSECONDS, "quota": max(quota, 1000)}
    return found


def _swap_is_counted() -> bool:
    if cgroups.version() == 2:  # noqa: PLR2004  (the version's number)
        return True
    return Path("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes").exists()


def _device_rules(*, privileged: bool) -> list[dict[str, object]]:
    if privileged:
        return [{"allow": True, "access": "rwm"}]
    rules: list[dict[str, object]] = [{"allow": False, "access": "rwm"}]
    rules += [{"allow": True, "type": kind, "access": "m"} for kind in ("c", "b")]
    for major, minor in _DEVICES:
        rule: dict[str, object] = {"allow": True, "type": "c", "major": major, "access": "rwm"}
        rules.append(rule if minor is None else rule | {"minor": minor})
    return rules


def _host_devices() -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for folder, folders, files in os.walk("/dev"):
        folders[:] = [name for name in folders if name not in ("pts", "shm", "mqueue", "fd")]
        for name in files:
            path = f"{folder}/{name}"
            info = os.lstat(path)
            kind = "c" if stat.S_ISCHR(info.st_mode) else "b" if stat.S_ISBLK(info.st_mode) else ""
            if kind and path != "/dev/console":
                numbers = {"major": os.major(info.st_rdev), "minor": os.minor(info.st_rdev)}
                owner = {"uid": info.st_uid, "gid": info.st_gid, "fileMode": stat.S_IMODE(info.st_mode)}
                found.append({"type": kind, "path": path, **numbers, **owner})
    return sorted(found, key=lambda device: str(device["path"]))


def _mounts(spec: RunSpec, around: Surroundings) -> list[dict[str, object]]:
    write = "rw" if spec.privileged else "ro"
    pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]
    found = [
        _mount("proc", "/proc", "proc", *_HARDENED),
        _mount("tmpfs", "/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _mount("devpts", "/dev/pts", "devpts", *pts),
        _mount("sysfs", "/sys", "sysfs", *_HARDENED, write),
        _mount("cgroup", "/sys/fs/cgroup", "cgroup", *_HARDENED, write),
        _mount("mqueue", "/dev/mqueue", "mqueue", *_HARDENED),
        _mount("shm", "/dev/shm", "tmpfs", *_HARDENED, "mode=1777", "size=65536k"),  # noqa: S108  (the container's)
    ]
    wanted = {mount.target for mount in spec.mounts}
    access = "ro" if spec.read_only else "rw"
    for target, path in around.files.items():
        if target not in wanted:
            found.append(_bind(str(path), target, access))
    binds = [(mount.source, mount.target, mount.read_only) for mount in spec.mounts if mount.is_bind]
    binds += [(str(path), target, _is_read_only(spec, target)) for target, path in around.volumes.items()]
    # A mount inside another one's target must come after it.
    for source, target, read_only in sorted(binds, key=lambda item: item[1].count("/")):
        if not target.startswith("/") or os.path.normpath(target) == "/":
            message = f"invalid mount target {target!r}"
            raise UsageError(message, next_step="give an absolute path inside the container, other than /")
        found.append(_bind(source, target, "ro" if read_only else "rw"))
    return found


def _is_read_only(spec: RunSpec, target: str) -> bool:
    return any(mount.read_only for mount in spec.mounts if mount.target == target)


def _mount(source: str, target: str, kind: str, *options: str) -> dict[str, object]:
    return {"destination": target, "type": kind, "source": source, "options": list(options)}


def _bind(source: str, target: str, access: str) -> dict[str, object]:
    return _mount(source, target, "bind", "rbind", "rprivate", access)
