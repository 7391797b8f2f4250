"""The create request: what is served, and that nothing else is dropped in silence."""

import json
from pathlib import Path

import pytest

from trustkit.errors import UsageError
from trustkit.model.run import Mount
from trustkit.server.shapes import create, execution, facts, mounts

# What docker 28 sends for `docker run --rm IMAGE true`, shortened by fields of the same kind.
PLAIN_HOST = {
    "Binds": None, "ContainerIDFile": "", "LogConfig": {"Type": "", "Config": {}}, "NetworkMode": "default",
    "PortBindings": {}, "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}, "AutoRemove": True,
    "ConsoleSize": [24, 80], "CapAdd": None, "Dns": [], "IpcMode": "", "PidMode": "", "SecurityOpt": None,
    "BlkioDeviceReadBps": [], "Devices": [], "MemorySwappiness": -1, "OomKillDisable": False, "PidsLimit": 0,
    "MaskedPaths": None, "ReadonlyPaths": None,
}  # fmt: skip


def parse(host: dict[str, object] | None = None, **config: object) -> create.CreateRequest:
    return create.parse(json.dumps({"Image": "x", **config, "HostConfig": host or {}}).encode(), "")


def test_a_plain_docker_run_is_served() -> None:
    spec = parse(PLAIN_HOST, Cmd=["true"], NetworkingConfig={"EndpointsConfig": {"default": {"IPAMConfig": None}}}).spec
    assert (spec.command, spec.network, spec.auto_remove) == (("true",), "bridge", True)


@pytest.mark.parametrize(
    "host",
    [
        {"PidMode": "host"}, {"IpcMode": "host"}, {"UTSMode": "host"}, {"UsernsMode": "host"}, {"CgroupnsMode": "host"},
        {"Devices": [{"PathOnHost": "/dev/sda"}]}, {"DeviceCgroupRules": ["c 1:3 rwm"]},
        {"DeviceRequests": [{"Count": -1}]},
        {"SecurityOpt": ["seccomp=unconfined"]}, {"SecurityOpt": ["no-new-privileges"]}, {"VolumesFrom": ["other"]},
        {"MaskedPaths": []}, {"ReadonlyPaths": []}, {"NetworkMode": "container:other"}, {"NetworkMode": "mynet"},

        {"Tmpfs": {"/t": ""}}, {"Devices": [{}]}, {"Dns": [""]}, {"PortBindings": {"80/tcp": None}},
        {"PidsLimit": 100}, {"Sysctls": {"net.ipv4.ip_forward": "1"}}, {"GroupAdd": ["docker"]},
        {"RestartPolicy": {"Name": "always"}}, {"PortBindings": {"80/tcp": [{"HostPort": "80"}]}},
        {"SomethingNew": True}, {"Runtime": 3}, {"Memory": 1024}, {"Memory": -1}, {"Memory": True}, {"NanoCpus": "1"},
        {"privileged": True}, {"PRIVILEGED": False, "Privileged": True}, {"pidmode": "host"}, {"CapAdd": [1]},
    ],
)  # fmt: skip
def test_a_host_setting_that_is_not_served_is_refused(host: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        parse(host)


@pytest.mark.parametrize(
    "bind",
    [
        "/a", "/a:", "/a:b", ":/b", "/a:/b:rshared", "/a:/b:z", "/a:/b:ro,shared", "/a:/", "/a:/b/../c", "../a:/b",
        "name with blank:/b", "/a:/b:nocopy",
    ],
)  # fmt: skip
def test_a_bind_that_is_not_understood_is_refused(bind: str) -> None:
    with pytest.raises(UsageError):
        parse({"Binds": [bind]})


@pytest.mark.parametrize(
    "mount",
    [
        {"Type": "tmpfs", "Target": "/t"},
        {"Type": "npipe", "Source": "/a", "Target": "/t"},
        {"Type": "bind", "Source": "/", "Target": "/t", "BindOptions": {"Propagation": "rshared"}},
        {"Type": "bind", "Source": "/", "Target": "/t", "BindOptions": {"NonRecursive": True}},
        {"Type": "bind", "Source": "name", "Target": "/t"},
        {"Type": "volume", "Source": "/", "Target": "/t"},
        {"Type": "volume", "Source": "v", "Target": "/t", "VolumeOptions": {"NoCopy": True}},
        {"Type": "bind", "Source": "/no/such/path", "Target": "/t"},
        {"Type": "bind", "Source": "/", "Target": "t"},
    ],
)
def test_a_mount_of_another_kind_is_refused(mount: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        parse({"Mounts": [mount]})


def test_two_mounts_on_one_target_are_refused() -> None:
    with pytest.raises(UsageError):
        parse({"Binds": ["/a:/t", "/b:/t"]})


@pytest.mark.parametrize(
    "body",
    [
        b'{"Image":"good","Image":"evil"}', b'{"Image":"good","image":"evil"}', b'{"image":"evil"}', b"[]", b"{", b"{}",
        b'{"Image":"x","Cmd":[1]}', b'{"Image":"x","Env":["=x"]}', b'{"Image":"x","Labels":{"a":1}}',
        b'{"Image":"x","Healthcheck":{"Test":["CMD","x"]}}', b'{"Image":"x","Volumes":{"/anonymous":{}}}',
        b'{"Image":"x","MacAddress":"02:42:ac:11:00:02"}', b'{"Image":"x\\u0000y"}', b'{"Image":"x","HostConfig":[]}',
        b'{"Image":"x","NetworkingConfig":{"EndpointsConfig":{"n":{"Aliases":["a"]}}}}',
    ],
)  # fmt: skip
def test_a_body_that_two_readers_may_read_differently_or_that_asks_for_more_is_refused(body: bytes) -> None:
    with pytest.raises(UsageError):
        create.parse(body, "")


def test_a_symbolic_link_is_judged_as_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "innocent").symlink_to("/etc")
    assert mounts.pinned((Mount(str(tmp_path / "innocent"), "/t"),))[0].source == "/etc"


def test_the_facts_name_every_way_out_of_the_container() -> None:
    host: dict[str, object] = {
        "Binds": ["/etc:/t:ro", "volume:/v"], "NetworkMode": "host", "Privileged": True, "CapAdd": ["net_admin"],
    }  # fmt: skip
    found = create.facts_of(parse(host, User="nobody").spec, "alice")
    assert found.actor == "alice"
    assert (found.privileged, found.host_network, found.host_mounts) == (True, True, ("/etc",))
    assert (found.capabilities_added, found.user, found.seccomp) == (("NET_ADMIN",), "nobody", "unconfined")


def test_facts_survive_being_kept_with_the_container() -> None:
    wanted = parse({"CapDrop": ["ALL"]}, Cmd=["a", "b"])
    found = create.facts_of(wanted.spec, "alice")
    assert facts.kept(facts.keep(wanted.kept, found, None)) == (found, None)


@pytest.mark.parametrize(
    "body", [b"{}", b'{"Cmd":[]}', b'{"Cmd":["x"],"Privileged":true}', b'{"Cmd":["x"],"CMD":["y"]}']
)
def test_an_exec_that_asks_for_nothing_or_too_much_is_refused(body: bytes) -> None:
    with pytest.raises(UsageError):
        execution.parse(body)
