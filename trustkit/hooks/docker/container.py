"""A container's configuration, as a client sends it or as dockerd shows it, as the facts that policies judge.

Sent ones are read strictly: an unknown member that asks for something is refused, for nobody knows what it asks.
"""

import os

from trustkit.errors import MalformedError
from trustkit.hooks import fields
from trustkit.hooks.docker.security import read_options, read_paths
from trustkit.hooks.errors import HookRequestError
from trustkit.hooks.fields import Members
from trustkit.model.facts import RequestFacts
from trustkit.model.values import NamedTuple

ENGINE = "docker"
_HOST_MODE = "host"
_CONFIG = frozenset(
    {
        "Hostname", "Domainname", "User", "AttachStdin", "AttachStdout", "AttachStderr", "ExposedPorts", "Tty",
        "OpenStdin", "StdinOnce", "Env", "Cmd", "Healthcheck", "ArgsEscaped", "Image", "Volumes", "WorkingDir",
        "Entrypoint", "NetworkDisabled", "MacAddress", "OnBuild", "Labels", "StopSignal", "StopTimeout", "Shell",
        "HostConfig", "NetworkingConfig",
    }
)  # fmt: skip
_HOST = frozenset(
    {
        # read below
        "Binds", "Mounts", "NetworkMode", "PortBindings", "PublishAllPorts", "CapAdd", "CapDrop", "Privileged",
        "ReadonlyRootfs", "Runtime", "PidMode", "IpcMode", "UTSMode", "UsernsMode", "CgroupnsMode", "SecurityOpt",
        "Sysctls", "Devices", "DeviceCgroupRules", "DeviceRequests", "MaskedPaths", "ReadonlyPaths", "VolumeDriver",
        # without influence on what a container reaches; volumes of others are seen when it starts
        "ContainerIDFile", "LogConfig", "RestartPolicy", "AutoRemove", "VolumesFrom", "ConsoleSize", "Dns",
        "DnsOptions", "DnsSearch", "ExtraHosts", "GroupAdd", "Cgroup", "Links", "OomScoreAdj", "StorageOpt", "Tmpfs",
        "ShmSize", "Isolation", "Init", "CpuShares", "Memory", "NanoCpus", "CgroupParent", "BlkioWeight",
        "BlkioWeightDevice", "BlkioDeviceReadBps", "BlkioDeviceWriteBps", "BlkioDeviceReadIOps",
        "BlkioDeviceWriteIOps", "CpuPeriod", "CpuQuota", "CpuRealtimePeriod", "CpuRealtimeRuntime", "CpusetCpus",
        "CpusetMems", "KernelMemory", "KernelMemoryTCP", "MemoryReservation", "MemorySwap", "MemorySwappiness",
        "OomKillDisable", "PidsLimit", "Ulimits", "CpuCount", "CpuPercent", "IOMaximumIOps", "IOMaximumBandwidth",
    }
)  # fmt: skip
_MOUNT = frozenset(
    {"Type", "Source", "Target", "ReadOnly", "Consistency", "BindOptions", "VolumeOptions", "TmpfsOptions"}
)
_VOLUME_OPTIONS = frozenset({"NoCopy", "Labels", "DriverConfig", "Subpath"})
_DRIVER = frozenset({"Name", "Options"})


class Asked(NamedTuple):
    """The image as named, the facts, the classes that must be allowed, the runtime if one is named, and its volumes."""

    image: str
    request: RequestFacts
    classes: tuple[str, ...]
    runtime: str = ""
    volumes: tuple[str, ...] = ()


def read_created(config: Members, actor: str) -> Asked:
    """Return what the body of a create request asks for. Raises HookRequestError, MalformedError."""
    fields.require_known(config, _CONFIG, "the configuration")
    host = fields.mapping(config, "HostConfig")
    fields.require_known(host, _HOST, "HostConfig")
    networking = fields.mapping(config, "NetworkingConfig")
    fields.require_known(networking, frozenset({"EndpointsConfig"}), "NetworkingConfig")
    image = fields.text(config, "Image")
    if not image:
        raise HookRequestError("the configuration names no image")
    networks = fields.mapping(networking, "EndpointsConfig")
    return Asked(
        image=image,
        request=_facts(config, host, networks, actor),
        classes=_classes(host, created=True),
        runtime=fields.text(host, "Runtime"),
    )


def read_stored(told: Members, actor: str) -> Asked:
    """Return what a container that dockerd shows was made with. Raises HookRequestError, MalformedError."""
    config, host = fields.mapping(told, "Config"), fields.mapping(told, "HostConfig")
    networks = fields.mapping(fields.mapping(told, "NetworkSettings"), "Networks")
    request = _facts(config, host, networks, actor)
    mounted = fields.items(told, "Mounts")
    # volumes of other containers are among these
    sources = tuple(fields.text(mount, "Source") for mount in mounted if fields.text(mount, "Type") == "bind")
    volumes = (fields.text(mount, "Name") for mount in mounted if fields.text(mount, "Type") == "volume")
    return Asked(
        image=fields.text(config, "Image"),
        request=request._replace(host_mounts=_paths((*request.host_mounts, *sources))),
        classes=_classes(host, created=False),
        runtime=fields.text(host, "Runtime"),
        volumes=tuple(sorted(set(volumes))),
    )


def without_image_command(request: RequestFacts, config: Members, image_config: Members) -> RequestFacts:
    """Return the request with the command that it gives itself; dockerd shows it joined with the image's."""
    given = [
        fields.texts(config, name)
        for name in ("Entrypoint", "Cmd")
        if fields.texts(config, name) != fields.texts(image_config, name)
    ]
    return request._replace(command=tuple(word for words in given for word in words))


def _facts(config: Members, host: Members, networks: Members, actor: str) -> RequestFacts:
    privileged = fields.flag(host, "Privileged")
    security = read_options(fields.texts(host, "SecurityOpt"))
    return RequestFacts(
        actor=actor,
        purpose="run",
        engine=ENGINE,
        privileged=privileged,
        host_network=_HOST_MODE in networks or fields.text(host, "NetworkMode") == _HOST_MODE,
        host_pid=fields.text(host, "PidMode") == _HOST_MODE,
        host_ipc=fields.text(host, "IpcMode") == _HOST_MODE,
        host_mounts=_host_mounts(host),
        host_ports=_ports(host),
        capabilities_added=_capabilities(host, "CapAdd"),
        capabilities_dropped=_capabilities(host, "CapDrop"),
        devices=_devices(host),
        user=fields.text(config, "User"),
        read_only=fields.flag(host, "ReadonlyRootfs"),
        command=fields.texts(config, "Entrypoint") + fields.texts(config, "Cmd"),
        sysctls=tuple(sorted(fields.mapping(host, "Sysctls"))),
        # dockerd does not filter the calls of privileged containers, whatever the options say
        seccomp="unconfined" if privileged else security.seccomp,
        apparmor=security.apparmor,
        selinux=security.selinux,
        new_privileges=security.new_privileges,
        proc_mount=read_paths(host) if security.paths else "Unmasked",
    )


def _classes(host: Members, *, created: bool) -> tuple[str, ...]:
    """Return what must be allowed by name, because no policy can look at it."""
    found = []
    modes = ("UTSMode", "UsernsMode", "CgroupnsMode") if created else ("UTSMode", "UsernsMode")
    # on control groups of version 1 dockerd itself puts host for CgroupnsMode
    if any(fields.text(host, name) == _HOST_MODE for name in modes):
        found.append("host-namespaces")
    drivers = [fields.text(host, "VolumeDriver")]
    for mount in fields.items(host, "Mounts"):
        options = fields.mapping(mount, "VolumeOptions")
        fields.require_known(options, _VOLUME_OPTIONS, "VolumeOptions")
        driver = fields.mapping(options, "DriverConfig")
        fields.require_known(driver, _DRIVER, "DriverConfig")
        drivers.append("options" if fields.mapping(driver, "Options") else fields.text(driver, "Name"))
    if any(driver not in ("", "local") for driver in drivers):
        found.append("volume-options")
    return tuple(found)


def _host_mounts(host: Members) -> tuple[str, ...]:
    binds = (bind.partition(":")[0] for bind in fields.texts(host, "Binds"))
    sources = [source for source in binds if source.startswith("/")]
    for mount in fields.items(host, "Mounts"):
        fields.require_known(mount, _MOUNT, "Mounts")
        kind = fields.text(mount, "Type")
        if kind not in ("bind", "volume", "tmpfs"):
            raise HookRequestError(f"Mounts: the type {kind[:40]!r} is not known here", next_step="use bind or volume")
        if kind == "bind":
            sources.append(fields.text(mount, "Source"))
    return _paths(sources)


def _paths(sources: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Return host paths as written and as they really are: a link to / is a mount of /."""
    return tuple(sorted({*sources, *(os.path.realpath(source) for source in sources if "\0" not in source)}))


def _ports(host: Members) -> tuple[str, ...]:
    """Return the host's ports; 0 is one that dockerd chooses."""
    found = {"0"} if fields.flag(host, "PublishAllPorts") else set()
    for bindings in fields.mapping(host, "PortBindings").values():
        listed = bindings if isinstance(bindings, list) else []
        if not isinstance(bindings, list | None) or not all(isinstance(one, dict) for one in listed):
            raise MalformedError("PortBindings must be an object of lists of objects")
        for one in listed:
            fields.require_known(one, frozenset({"HostIp", "HostPort"}), "PortBindings")
            found.add(fields.text(one, "HostPort") or "0")
    return tuple(sorted(found))


def _capabilities(host: Members, name: str) -> tuple[str, ...]:
    return tuple(sorted({word.upper().removeprefix("CAP_") for word in fields.texts(host, name)}))


def _devices(host: Members) -> tuple[str, ...]:
    found = set()
    for device in fields.items(host, "Devices"):
        fields.require_known(device, frozenset({"PathOnHost", "PathInContainer", "CgroupPermissions"}), "Devices")
        found.add(fields.text(device, "PathOnHost"))
    found |= {f"cgroup {rule}" for rule in fields.texts(host, "DeviceCgroupRules")}
    found |= {f"driver {fields.text(one, 'Driver')}" for one in fields.items(host, "DeviceRequests")}
    return tuple(sorted(found))
