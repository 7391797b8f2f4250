"""The body of `POST /containers/create`: Docker's container configuration to a RunSpec and its RequestFacts.

Everything asked for is either served or refused: a field that would loosen or tighten a container and is not
served here must not be dropped in silence. Fields without influence on a run are listed as ignored.
"""

import json
from typing import NamedTuple

from trustkit.engine import request
from trustkit.errors import UsageError
from trustkit.model.facts import RequestFacts
from trustkit.model.run import RunSpec
from trustkit.server.shapes import fields, mounts
from trustkit.server.shapes.fields import Members

_CONFIG = frozenset(
    {
        "Hostname", "User", "Tty", "OpenStdin", "StdinOnce", "Env", "Cmd", "Image", "WorkingDir", "Entrypoint",
        "NetworkDisabled", "Labels", "StopSignal", "StopTimeout", "Volumes", "HostConfig", "NetworkingConfig",
    }
)  # fmt: skip
# What the client wants to see (attach) or what the image already says; no influence on the container.
_CONFIG_IGNORED = frozenset(
    {"AttachStdin", "AttachStdout", "AttachStderr", "ExposedPorts", "ArgsEscaped", "OnBuild", "Shell"}
)
_HOST = frozenset(
    {
        "Binds", "Mounts", "NetworkMode", "AutoRemove", "CapAdd", "CapDrop", "Privileged", "ReadonlyRootfs", "Memory",
        "NanoCpus", "Runtime",
    }
)  # fmt: skip
# Where the client wrote the id, its window's size, and where our log driver is the only one.
_HOST_IGNORED = frozenset({"ContainerIDFile", "ConsoleSize"})
# Names a request may carry with exactly these values, which are what the engine does anyway.
_HOST_DEFAULTS: dict[str, tuple[object, ...]] = {
    "RestartPolicy": ({"Name": "no", "MaximumRetryCount": 0}, {"Name": "no"}),
    "LogConfig": ({"Type": "json-file", "Config": {}}, {"Type": "json-file"}, {"Type": "json-file", "Config": None}),
    "IpcMode": ("private",),
    "CgroupnsMode": ("private",),
    "Isolation": ("default",),
    "MemorySwappiness": (-1,),
    "ShmSize": (64 * 1024 * 1024,),
    "SecurityOpt": (["seccomp=builtin"],),
}
_STRUCTURES = frozenset({"RestartPolicy", "LogConfig"})
# Only to notice them in other letters: what `require_known` compares with, beside the above.
_HOST_REFUSED = frozenset(
    {
        "Annotations", "BlkioWeight", "Cgroup", "CgroupParent", "CpuPeriod", "CpuQuota", "CpuShares", "CpusetCpus",
        "DeviceCgroupRules", "DeviceRequests", "Devices", "Dns", "ExtraHosts", "GroupAdd", "Init", "Links",
        "MaskedPaths", "OomKillDisable", "OomScoreAdj", "PidMode", "PidsLimit", "PortBindings", "PublishAllPorts",
        "ReadonlyPaths", "Sysctls", "Tmpfs", "Ulimits", "UTSMode", "UsernsMode", "VolumesFrom",
    }
)  # fmt: skip
_NETWORKS = {"": "bridge", "default": "bridge", "bridge": "bridge", "none": "none", "host": "host"}
# The smallest memory limit Docker accepts.
_LEAST_MEMORY_BYTES = 6 * 1024 * 1024


class CreateRequest(NamedTuple):
    """What was asked: the image as named, what to run, and the request to keep with the container."""

    image: str
    spec: RunSpec
    kept: str


def parse(body: bytes, name: str) -> CreateRequest:
    """Read the body strictly; `name` is the query's. Raises UsageError naming the field."""
    config = fields.body_of(body, "the container configuration")
    fields.require_known(config, _CONFIG | _CONFIG_IGNORED, "the container configuration")
    _refuse_unserved(config, _CONFIG | _CONFIG_IGNORED, {}, "")
    host = fields.mapping(config, "HostConfig")
    known = _HOST | _HOST_IGNORED | _HOST_REFUSED | frozenset(_HOST_DEFAULTS)
    fields.require_known(host, known, "HostConfig")
    _refuse_unserved(host, _HOST | _HOST_IGNORED, _HOST_DEFAULTS, "HostConfig.")
    _require_plain_networking(config)
    image = fields.text(config, "Image")
    if not image:
        raise UsageError("Image is missing")
    spec = _spec(config, host, name)
    return CreateRequest(image, spec, json.dumps(_kept(config, host, spec)))


def facts_of(spec: RunSpec, actor: str) -> RequestFacts:
    """Return what policies are told of a run, by the very function with which the engine checks it again.

    The image's user is filled in by the gate, which is the first to know the image. Raises UsageError.
    """
    return request.facts_of(spec, {}, actor=actor)


def _refuse_unserved(
    members: Members, served: frozenset[str], defaults: dict[str, tuple[object, ...]], path: str
) -> None:
    for name, value in members.items():
        if name in served or fields.is_zero(value) or _is_default(name, value, defaults):
            continue
        # These are never zero by Go's rules yet ask for nothing more than the default.
        if name in {"MaskedPaths", "ReadonlyPaths"} and value is None:
            continue
        shown = json.dumps(value)[:80]
        raise UsageError(
            f"{path}{name}={shown} is not supported, and is not ignored because it changes what the container may do",
            next_step=f"leave {path}{name} out",
        )
    for name in ("MaskedPaths", "ReadonlyPaths"):
        # Empty is not zero here: it takes the masks away.
        if members.get(name) is not None:
            raise UsageError(f"{path}{name} is not supported: the default masks stay", next_step="leave it out")


def _is_default(name: str, value: object, defaults: dict[str, tuple[object, ...]]) -> bool:
    # True is 1 in Python, and neither of them is the other's JSON.
    same = any(value == default and type(value) is type(default) for default in defaults.get(name, ()))
    return same or (name in _STRUCTURES and fields.is_zero_structure(value))


def _require_plain_networking(config: Members) -> None:
    endpoints = fields.mapping(fields.mapping(config, "NetworkingConfig"), "EndpointsConfig")
    for name, endpoint in endpoints.items():
        if name not in _NETWORKS or not (fields.is_zero(endpoint) or fields.is_zero_structure(endpoint)):
            raise UsageError(
                f"NetworkingConfig.EndpointsConfig.{name} is not supported",
                next_step="use --network none, host or bridge, without addresses or aliases",
            )


def _spec(config: Members, host: Members, name: str) -> RunSpec:
    return RunSpec(
        name=name,
        command=_command(config, "Cmd"),
        entrypoint=_command(config, "Entrypoint"),
        environment=_environment(config),
        working_directory=fields.text(config, "WorkingDir"),
        user=fields.text(config, "User"),
        hostname=fields.text(config, "Hostname"),
        terminal=fields.flag(config, "Tty"),
        open_stdin=fields.flag(config, "OpenStdin"),
        stdin_once=fields.flag(config, "StdinOnce"),
        mounts=mounts.parse(config, host),
        memory_bytes=_memory(host),
        nano_cpus=_at_least_zero(host, "NanoCpus"),
        read_only=fields.flag(host, "ReadonlyRootfs"),
        privileged=fields.flag(host, "Privileged"),
        capabilities_added=_capabilities(host, "CapAdd"),
        capabilities_dropped=_capabilities(host, "CapDrop"),
        network=_network(config, host),
        auto_remove=fields.flag(host, "AutoRemove"),
        labels=_labels(config),
        stop_signal=fields.text(config, "StopSignal"),
        runtime=fields.text(host, "Runtime"),
    )


def _command(config: Members, name: str) -> tuple[str, ...] | None:
    """An empty Cmd means the image's, as in Docker; an empty Entrypoint means none."""
    words = fields.optional_texts(config, name)
    return None if words == () and name == "Cmd" else words


def _environment(config: Members) -> tuple[str, ...]:
    environment = fields.texts(config, "Env")
    for entry in environment:
        if entry.startswith("=") or not entry:
            raise UsageError(f"Env: {entry!r} has no name")
    return tuple(entry for entry in environment if "=" in entry)


def _memory(host: Members) -> int:
    memory = _at_least_zero(host, "Memory")
    if 0 < memory < _LEAST_MEMORY_BYTES:
        raise UsageError(f"HostConfig.Memory: the least is 6 MiB, not {memory} bytes")
    return memory


def _at_least_zero(host: Members, name: str) -> int:
    value = fields.integer(host, name)
    if value < 0:
        raise UsageError(f"HostConfig.{name} must not be negative")
    return value


def _capabilities(host: Members, name: str) -> tuple[str, ...]:
    """Capabilities in the one spelling that policies and the engine use: `CAP_NET_ADMIN`, `ALL`."""
    spelled = (word.upper() for word in fields.texts(host, name))
    return tuple(word if word == "ALL" or word.startswith("CAP_") else f"CAP_{word}" for word in spelled)


def _network(config: Members, host: Members) -> str:
    mode = fields.text(host, "NetworkMode")
    if mode not in _NETWORKS:
        raise UsageError(f"HostConfig.NetworkMode={mode!r} is not supported", next_step="use none, host or bridge")
    return "none" if fields.flag(config, "NetworkDisabled") else _NETWORKS[mode]


def _labels(config: Members) -> tuple[tuple[str, str], ...]:
    labels = fields.mapping(config, "Labels")
    return tuple((name, fields.text(labels, name)) for name in labels)


def _kept(config: Members, host: Members, spec: RunSpec) -> dict[str, object]:
    """What `inspect` shows again: the request, with the values in force where defaults were applied."""
    shown = {name: value for name, value in config.items() if name not in {"HostConfig", "NetworkingConfig"}}
    host_shown = {name: value for name, value in host.items() if not fields.is_zero(value)}
    return {"Config": shown, "HostConfig": {**host_shown, "NetworkMode": spec.network, "AutoRemove": spec.auto_remove}}
