"""What a container asks for, in Docker's words, as facts."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from trustkit.errors import TrustkitError
from trustkit.hooks.docker.container import read_created, read_stored, without_image_command
from trustkit.hooks.errors import HookRequestError


def created(host: Mapping[str, object] | None = None, **config: object):
    return read_created({"Image": "a", **config, "HostConfig": host or {}}, "")


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"image": "evil"}, "image"), ({"IMAGE": "evil"}, "IMAGE"), ({"hostConfig": {}}, "hostConfig"),
        ({"HostConfig": {"privileged": True}}, "privileged"),
        ({"HostConfig": {"Devices": [{"pathOnHost": "/"}]}}, "path"),
        ({"HostConfig": {"bind\u017f": ["/:/h"]}}, "bind"), ({"HostConfig": {"networ\u212aMode": "host"}}, "networ"),
        ({"HostConfig": {"Mounts": [{"Type": "bind", "source": "/"}]}}, "source"),
        ({"NetworkingConfig": {"endpointsConfig": {"host": {}}}}, "endpoints"),
        ({"HostConfig": {"PortBindings": {"80/tcp": [{"hostport": "80"}]}}}, "hostport"),
    ],
)  # fmt: skip
def test_a_member_in_other_letters_is_refused(config: dict[str, object], name: str) -> None:
    with pytest.raises(HookRequestError, match=name):
        read_created({"Image": "good", **config}, "")


@pytest.mark.parametrize(
    "config",
    [
        {"Other": 1}, {"HostConfig": {"Annotations": {"run.oci.handler": ""}}}, {"HostConfig": {"Other": [0]}},
        {"HostConfig": {"Mounts": [{"Type": "image", "Source": "evil", "Target": "/e"}]}},
        {"HostConfig": {"Mounts": [{"Type": "npipe"}]}}, {"HostConfig": {"SecurityOpt": ["other=1"]}},
        {"HostConfig": {"SecurityOpt": ["no-new-privileges=maybe"]}},
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused(config: dict[str, object]) -> None:
    with pytest.raises(HookRequestError):
        read_created({"Image": "good", **config}, "")


@pytest.mark.parametrize(
    "config",
    [
        {"Image": 1}, {"HostConfig": []}, {"HostConfig": {"Privileged": "true"}}, {"HostConfig": {"Binds": [1]}},
        {"HostConfig": {"PortBindings": {"80/tcp": "80"}}}, {"HostConfig": {"Devices": ["/dev/sda"]}}, {"Image": ""},
        {"HostConfig": {"Privileged": 1}},
    ],
)  # fmt: skip
def test_a_member_of_another_kind_is_refused(config: dict[str, object]) -> None:
    with pytest.raises(TrustkitError):
        read_created({"Image": "good", **config}, "")


def test_a_new_member_that_asks_for_nothing_passes() -> None:
    assert created({"Annotations": None}, Other="").image == "a"


@pytest.mark.parametrize(
    ("host", "fact", "value"),
    [
        ({"Privileged": True}, "privileged", True), ({"Privileged": True}, "seccomp", "unconfined"),
        ({"NetworkMode": "host"}, "host_network", True), ({"NetworkMode": "bridge"}, "host_network", False),
        ({"PidMode": "host"}, "host_pid", True), ({"IpcMode": "host"}, "host_ipc", True),
        ({"CapAdd": ["cap_net_admin", "SYS_TIME"]}, "capabilities_added", ("NET_ADMIN", "SYS_TIME")),
        ({"CapDrop": ["all"]}, "capabilities_dropped", ("ALL",)),
        ({"Binds": ["/srv:/a:ro", "name:/b"]}, "host_mounts", ("/srv",)),
        ({"Mounts": [{"Type": "bind", "Source": "/srv", "Target": "/a"}]}, "host_mounts", ("/srv",)),
        ({"Devices": [{"PathOnHost": "/dev/sda"}]}, "devices", ("/dev/sda",)),
        ({"DeviceCgroupRules": ["a *:* rwm"]}, "devices", ("cgroup a *:* rwm",)),
        ({"DeviceRequests": [{"Driver": "nvidia", "Count": -1}]}, "devices", ("driver nvidia",)),
        ({"PortBindings": {"80/tcp": [{"HostPort": "8080"}], "1/tcp": None}}, "host_ports", ("8080",)),
        ({"PublishAllPorts": True}, "host_ports", ("0",)), ({"Sysctls": {"a.b": "1"}}, "sysctls", ("a.b",)),
        ({"ReadonlyRootfs": True}, "read_only", True), ({"MaskedPaths": []}, "proc_mount", "Unmasked"),
        ({"MaskedPaths": None}, "proc_mount", "default"), ({"ReadonlyPaths": ["/proc/bus"]}, "proc_mount", "Unmasked"),
        ({"SecurityOpt": ["seccomp=unconfined"]}, "seccomp", "unconfined"),
        ({"SecurityOpt": ["seccomp:unconfined"]}, "seccomp", "unconfined"),
        ({"SecurityOpt": ["seccomp={}"]}, "seccomp", "localhost/{}"),
        ({"SecurityOpt": ["apparmor=unconfined"]}, "apparmor", "unconfined"),
        ({"SecurityOpt": ["no-new-privileges"]}, "new_privileges", False),
        ({"SecurityOpt": ["no-new-privileges:false"]}, "new_privileges", True),
        ({"SecurityOpt": ["label=type:spc_t", "label=level:s0"]}, "selinux", "::spc_t"),
        ({"SecurityOpt": ["label=disable"]}, "selinux", "::disable"),
        ({"SecurityOpt": ["systempaths=unconfined"]}, "proc_mount", "Unmasked"),
    ],
)  # fmt: skip
def test_a_demand_becomes_a_fact(host: dict[str, object], fact: str, value: object) -> None:
    assert getattr(created(host).request, fact) == value


def test_a_network_of_the_host_among_the_endpoints_is_seen() -> None:
    assert created(NetworkingConfig={"EndpointsConfig": {"host": {}}}).request.host_network


def test_a_link_is_judged_as_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    assert "/etc" in created({"Binds": [f"{tmp_path}/link:/x"]}).request.host_mounts


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ({"UTSMode": "host"}, "host-namespaces"), ({"UsernsMode": "host"}, "host-namespaces"),
        ({"CgroupnsMode": "host"}, "host-namespaces"), ({"VolumeDriver": "sshfs"}, "volume-options"),
        (
            {"Mounts": [{"Type": "volume", "VolumeOptions": {"DriverConfig": {"Options": {"device": "/"}}}}]},
            "volume-options",
        ),
        ({"Mounts": [{"Type": "volume", "VolumeOptions": {"DriverConfig": {"Name": "sshfs"}}}]}, "volume-options"),
    ],
)  # fmt: skip
def test_what_no_policy_sees_needs_its_class(host: dict[str, object], name: str) -> None:
    assert created(host).classes == (name,)


def test_a_stored_container_shows_volumes_of_others() -> None:
    told = {
        "Config": {"Image": "a"},
        "HostConfig": {"VolumesFrom": ["b"]},
        "Mounts": [{"Type": "bind", "Source": "/srv"}, {"Type": "volume", "Name": "v", "Source": "/var/lib/v"}],
    }
    asked = read_stored(told, "")
    assert (asked.request.host_mounts, asked.volumes) == (("/srv",), ("v",))


def test_a_command_of_the_image_is_none_of_the_request() -> None:
    asked = created(Entrypoint=["/run"], Cmd=["own"])
    image = {"Entrypoint": ["/run"], "Cmd": ["images"]}
    request = without_image_command(asked.request, {"Entrypoint": ["/run"], "Cmd": ["own"]}, image)
    assert request.command == ("own",)
