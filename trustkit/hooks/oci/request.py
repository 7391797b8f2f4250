"""A bundle's configuration as the facts that policies judge (runtime-spec config.md, config-linux.md).

A bundle states what a container gets, not what somebody asked for: a capability is added if Docker's default set has
it not, and dropped if it is not there. What cannot be told from the default counts as wider than it.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from trustkit.engine import capabilities
from trustkit.hooks import fields
from trustkit.hooks.docker.security import MASKED, READ_ONLY
from trustkit.hooks.errors import HookRequestError
from trustkit.hooks.fields import Members
from trustkit.hooks.oci.bundle import Bundle
from trustkit.hooks.oci.filters import seccomp_of
from trustkit.hooks.oci.mounts import Surroundings, host_mounts
from trustkit.hooks.oci.namespaces import shared_with_host
from trustkit.model.facts import RequestFacts

_SETS = ("bounding", "effective", "permitted", "inheritable", "ambient")
_PROCESS = frozenset(
    {
        "terminal", "consoleSize", "user", "args", "env", "cwd", "capabilities", "rlimits", "noNewPrivileges",
        "apparmorProfile", "oomScoreAdj", "scheduler", "selinuxLabel", "ioPriority", "execCPUAffinity",
    }
)  # fmt: skip
_PRIVILEGED = "io.podman.annotations.privileged"
# What engines set by themselves: every process may ping, and every port may be listened on in a network of one's own.
_USUAL_SYSCTLS = {
    ("net.ipv4.ping_group_range", "0 0"),
    ("net.ipv4.ping_group_range", "0 2147483647"),
    ("net.ipv4.ip_unprivileged_port_start", "0"),
}
# Numbers of null, zero, full, random, urandom, tty, console, ptmx, net/tun; 136 is any terminal.
_USUAL_DEVICES = {(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2), (136, None), (10, 200)}
_INIT = ("/dev/init", "/run/podman-init", "/sbin/docker-init")
_SYSTEM = ("system_u", "system_r")
_APPARMOR_DEFAULTS = ("docker-default", "crio-default", "cri-containerd.apparmor.d")
_APPARMOR_SWITCH = Path("/sys/module/apparmor/parameters/enabled")
# Parts of SYS_ADMIN since Linux 5.8 and 5.9, which older engines leave out of "all".
_SPLIT_OFF = frozenset({"PERFMON", "BPF", "CHECKPOINT_RESTORE"})
# Pod Security's restricted profile lets this one be added after all were dropped.
_HARMLESS = frozenset({"NET_BIND_SERVICE"})


def read_request(bundle: Bundle, around: Surroundings, engine: str) -> RequestFacts:
    """Return what running the bundle asks for; `user` and `command` are as the process has them.

    Raises HookRequestError, HookRequestError, MalformedError.
    """
    linux, process = bundle.linux, bundle.process
    fields.require_known(process, _PROCESS, "process")
    shared = shared_with_host(linux)
    held = _capabilities(process)
    privileged = _is_privileged(bundle, held)
    return RequestFacts(
        purpose="run",
        engine=engine,
        privileged=privileged,
        host_network="network" in shared,
        host_pid="pid" in shared,
        host_ipc="ipc" in shared,
        host_mounts=host_mounts(bundle, around, host_ipc="ipc" in shared),
        capabilities_added=_added(held),
        capabilities_dropped=_dropped(held),
        devices=_devices(linux),
        user=str(_uid(fields.mapping(process, "user"))),
        read_only=fields.flag(fields.mapping(bundle.config, "root"), "readonly"),
        command=fields.texts(process, "args"),
        sysctls=_sysctls(linux),
        seccomp="unconfined" if privileged else seccomp_of(linux, held),
        apparmor=_apparmor(process),
        selinux=_selinux(process),
        new_privileges=not fields.flag(process, "noNewPrivileges"),
        proc_mount=_proc_mount(linux),
    )


def own_command(arguments: tuple[str, ...], entrypoint: tuple[str, ...], default: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words that are not the image's; engines join what was asked for with what the image says."""
    words = arguments[2:] if arguments[:1] and arguments[0] in _INIT and arguments[1:2] == ("--",) else arguments
    if words[: len(entrypoint)] != entrypoint:
        return words
    given = words[len(entrypoint) :]
    return () if given == default else given


def _uid(user: Members) -> int:
    uid = fields.number(user, "uid") or 0
    if uid < 0:
        raise HookRequestError(f"process.user.uid {uid} is no user")
    return uid


def _capabilities(process: Members) -> frozenset[str]:
    told = fields.mapping(process, "capabilities")
    fields.require_known(told, frozenset(_SETS), "process.capabilities")
    words = (word for name in _SETS for word in fields.texts(told, name))
    return frozenset(word.upper().removeprefix("CAP_") for word in words)


def _names(full: Iterable[str]) -> frozenset[str]:
    return frozenset(name.removeprefix("CAP_") for name in full)


def _added(held: frozenset[str]) -> tuple[str, ...]:
    usual = _names(capabilities.DEFAULT)
    return tuple(sorted(held if held & usual <= _HARMLESS else held - usual))


def _dropped(held: frozenset[str]) -> tuple[str, ...]:
    """Return what is not there, and ALL if of the default at most the one is left that ALL may be dropped but for."""
    usual = _names(capabilities.DEFAULT)
    missing = sorted(_names(capabilities.ALL) - held)
    return ("ALL", *missing) if held & usual <= _HARMLESS else tuple(missing)


def _is_privileged(bundle: Bundle, held: frozenset[str]) -> bool:
    """Whether the engine says so, or nothing that an unprivileged container lacks is missing."""
    if bundle.annotations.get(_PRIVILEGED, "").lower() == "true":
        return True
    everything = _names(capabilities.bounding()) - _SPLIT_OFF <= held
    rules = fields.items(fields.mapping(bundle.linux, "resources"), "devices")
    every_device = bool(rules) and rules[-1].get("allow") is True and not rules[-1].get("type")
    return everything and (every_device or not fields.texts(bundle.linux, "maskedPaths"))


def _devices(linux: Members) -> tuple[str, ...]:
    found = set()
    for device in fields.items(linux, "devices"):
        if (fields.number(device, "major"), fields.number(device, "minor")) not in _USUAL_DEVICES:
            found.add(fields.text(device, "path"))
    for rule in fields.items(fields.mapping(linux, "resources"), "devices"):
        if rule.get("allow") is True and not _is_usual(rule):
            kind, access = fields.text(rule, "type") or "a", fields.text(rule, "access")
            which = (fields.number(rule, name) for name in ("major", "minor"))
            numbers = ":".join("*" if number is None else str(number) for number in which)
            found.add(f"cgroup {kind} {numbers} {access}")
    return tuple(sorted(found))


def _is_usual(rule: Members) -> bool:
    if fields.text(rule, "access") == "m":
        return True  # a node may be made, and not opened
    major, minor = fields.number(rule, "major"), fields.number(rule, "minor")
    return fields.text(rule, "type") == "c" and ((major, minor) in _USUAL_DEVICES or (major, None) in _USUAL_DEVICES)


def _sysctls(linux: Members) -> tuple[str, ...]:
    told = fields.mapping(linux, "sysctl")
    return tuple(sorted(name for name in told if (name, fields.text(told, name)) not in _USUAL_SYSCTLS))


def _apparmor(process: Members) -> str:
    name = fields.text(process, "apparmorProfile")
    if name in _APPARMOR_DEFAULTS or name.startswith("containers-default-"):
        return "default"
    if name and name != "unconfined":
        return f"localhost/{name[:60]}"
    return "unconfined" if name or _has_apparmor() else "default"


def _has_apparmor() -> bool:
    try:
        return _APPARMOR_SWITCH.read_text(encoding="ascii").startswith("Y")
    except OSError:
        return False


def _selinux(process: Members) -> str:
    """Return user, role and type as a request would have chosen them; the system's own user and role are no choice."""
    parts = fields.text(process, "selinuxLabel").split(":")[:3]
    if len(parts) < 3:  # noqa: PLR2004  (user, role, type)
        return ""
    chosen = ["" if part in _SYSTEM else part for part in parts[:2]]
    return ":".join([*chosen, parts[2]])


def _proc_mount(linux: Mapping[str, object]) -> str:
    for name, wanted in (("maskedPaths", MASKED), ("readonlyPaths", READ_ONLY)):
        if not wanted <= set(fields.texts(linux, name)):
            return "Unmasked"
    return "default"
