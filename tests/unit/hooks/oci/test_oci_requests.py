"""What a bundle's configuration asks for, as policies see it."""

from pathlib import Path

import pytest

from trustkit.engine import capabilities
from trustkit.errors import TrustkitError
from trustkit.hooks.oci.bundle import Bundle
from trustkit.hooks.oci.filters import seccomp_of
from trustkit.hooks.oci.mounts import Surroundings
from trustkit.hooks.oci.request import own_command, read_request
from trustkit.model.facts import RequestFacts

ID = "a" * 64
MASKED = [
    "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
    "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
]  # fmt: skip
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
NAMESPACES = [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")]
PLAIN_CAPABILITIES = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETFCAP",
    "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
]  # fmt: skip


def asked(*, process: object = None, linux: object = None, mounts: object = (), **top: object) -> RequestFacts:
    """Return the facts of a plain container with these changes."""
    config = {
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs"},
        "mounts": list(mounts),
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": ["sh"],
            "capabilities": {"bounding": PLAIN_CAPABILITIES},
            **(process or {}),
        },
        "linux": {
            "namespaces": NAMESPACES,
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
            "seccomp": {"defaultAction": "SCMP_ACT_ERRNO"},
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            **(linux or {}),
        },
        **top,
    }
    around = Surroundings(ID, (Path("/var/lib/engine/volumes"),))
    return read_request(Bundle(Path("/nowhere"), config), around, "podman")


def test_a_plain_container_asks_for_nothing() -> None:
    plain = RequestFacts(purpose="run", engine="podman", user="0", command=("sh",))
    assert asked()._replace(capabilities_dropped=()) == plain


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"process": {"noNewPrivileges": True}}, "new_privileges", False),
        ({"process": {"user": {"uid": 1000, "gid": 0}}}, "user", "1000"),
        ({"root": {"path": "rootfs", "readonly": True}}, "read_only", True),
        ({"linux": {"namespaces": NAMESPACES[1:]}}, "host_pid", True),
        ({"linux": {"namespaces": [NAMESPACES[0], *NAMESPACES[2:]]}}, "host_network", True),
        ({"linux": {"namespaces": [*NAMESPACES[:2], *NAMESPACES[3:]]}}, "host_ipc", True),
        (
            {
                "linux": {
                    "namespaces": [{"type": "network", "path": "/proc/self/ns/net"}, NAMESPACES[0], *NAMESPACES[2:]]
                }
            },
            "host_network",
            True,
        ),
        (
            {"linux": {"namespaces": [{"type": "pid", "path": "/nowhere"}, *NAMESPACES[1:]]}},
            "host_pid",
            True,
        ),
        ({"linux": {"seccomp": {}}}, "seccomp", "unconfined"),
        ({"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}}}, "seccomp", "unconfined"),
        ({"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG"}}}, "seccomp", "unconfined"),
        ({"linux": {"maskedPaths": MASKED[1:]}}, "proc_mount", "Unmasked"),
        ({"linux": {"readonlyPaths": []}}, "proc_mount", "Unmasked"),
        ({"linux": {"sysctl": {"kernel.msgmax": "1"}}}, "sysctls", ("kernel.msgmax",)),
        ({"linux": {"sysctl": {"net.ipv4.ping_group_range": "0 0"}}}, "sysctls", ()),
        ({"linux": {"devices": [{"path": "/dev/sda", "type": "b", "major": 8, "minor": 0}]}}, "devices", ("/dev/sda",)),
        ({"linux": {"devices": [{"path": "/dev/null", "type": "c", "major": 1, "minor": 3}]}}, "devices", ()),
        (
            {"linux": {"resources": {"devices": [{"allow": True, "type": "b", "major": 8, "access": "rwm"}]}}},
            "devices",
            ("cgroup b 8:* rwm",),
        ),
        ({"process": {"selinuxLabel": "system_u:system_r:spc_t:s0"}}, "selinux", "::spc_t"),
        ({"process": {"apparmorProfile": "unconfined"}}, "apparmor", "unconfined"),
        ({"process": {"apparmorProfile": "mine"}}, "apparmor", "localhost/mine"),
        ({"process": {"apparmorProfile": "containers-default-0.50.1"}}, "apparmor", "default"),
        ({"annotations": {"io.podman.annotations.privileged": "TRUE"}}, "privileged", True),
    ],
)
def test_each_privilege_is_a_fact(change: dict[str, object], field: str, value: object) -> None:
    assert getattr(asked(**change), field) == value


def with_capabilities(*names: str, where: str = "bounding") -> RequestFacts:
    return asked(process={"capabilities": {where: [f"CAP_{name}" for name in names]}})


def test_no_capabilities_count_as_all_dropped() -> None:
    assert "ALL" in with_capabilities().capabilities_dropped


def test_the_one_that_may_be_added_again_counts_as_all_dropped_and_it_added() -> None:
    found = with_capabilities("NET_BIND_SERVICE")
    assert ("ALL" in found.capabilities_dropped, found.capabilities_added) == (True, ("NET_BIND_SERVICE",))


@pytest.mark.parametrize("where", ["bounding", "effective", "permitted", "inheritable", "ambient"])
def test_a_capability_in_any_set_is_added(where: str) -> None:
    assert with_capabilities("CHOWN", "SYS_ADMIN", where=where).capabilities_added == ("SYS_ADMIN",)


def test_a_default_capability_that_is_missing_is_dropped() -> None:
    found = asked().capabilities_dropped
    assert ("NET_RAW" in found, "ALL" in found) == (True, False)


def test_everything_at_once_is_privileged_whatever_annotations_say() -> None:
    everything = {"capabilities": {"bounding": list(capabilities.bounding())}}
    annotations = {"io.podman.annotations.privileged": "FALSE"}
    linux = {"maskedPaths": []}
    assert asked(process=everything, linux=linux, annotations=annotations).privileged


@pytest.mark.parametrize(
    ("mount", "reached"),
    [
        ({"type": "bind", "source": "/etc", "options": ["rbind"]}, ("/etc",)),
        ({"type": "none", "source": "/etc", "options": ["rbind"]}, ("/etc",)),
        ({"type": "tmpfs", "source": "/etc", "options": ["bind"]}, ("/etc",)),
        ({"source": "/etc"}, ("/etc",)),
        ({"type": "ext4", "source": "/dev/sda1"}, ("/dev/sda1",)),
        ({"type": "overlay", "source": "overlay", "options": ["lowerdir=/a:/b", "upperdir=/c"]}, ("/a", "/b", "/c")),
        ({"type": "bind", "source": "/var/lib/engine/volumes/x/_data", "options": ["rbind"]}, ()),
        ({"type": "bind", "source": "/var/lib/engine/volumes/x/_data/../../..", "options": ["rbind"]},
         ("/var/lib/engine", "/var/lib/engine/volumes/x/_data/../../..")),
        ({"type": "bind", "source": f"/tmp/x-containers/{ID}/userdata/hosts", "options": ["bind"]},
         (f"/tmp/x-containers/{ID}/userdata/hosts",)),
        ({"type": "proc", "source": "proc"}, ()),
    ],
    ids=range(10),
)  # fmt: skip
def test_what_a_mount_reaches_of_the_host(mount: dict[str, object], reached: tuple[str, ...]) -> None:
    assert asked(mounts=[{"destination": "/x", **mount}]).host_mounts == reached


def test_a_link_to_a_host_path_is_that_path(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    found = asked(mounts=[{"destination": "/x", "type": "bind", "source": str(tmp_path / "link")}])
    assert "/etc" in found.host_mounts


@pytest.mark.parametrize(("mode", "is_own"), [(0o700, True), (0o777, False)])
def test_files_of_the_engine_count_only_where_nobody_else_writes(tmp_path: Path, mode: int, is_own: bool) -> None:
    file = tmp_path / f"vfs-containers/{ID}/userdata/hosts"
    file.parent.mkdir(parents=True)
    file.write_text("")
    (tmp_path / "vfs-containers").chmod(mode)
    found = asked(mounts=[{"destination": "/etc/hosts", "type": "bind", "source": str(file)}])
    assert (found.host_mounts == ()) is is_own


UID = "0c6a9f5e-7e8f-4b6b-9a53-3c1de2cf6a10"


@pytest.mark.parametrize(("uid", "is_own"), [(UID, True), ("", False)])
def test_a_pods_volumes_are_its_own_only(uid: str, is_own: bool) -> None:
    source = f"/var/lib/kubelet/pods/{UID}/volumes/kubernetes.io~empty-dir/data"
    mounts = [{"destination": "/x", "type": "bind", "source": source}]
    assert (asked(mounts=mounts, annotations={"io.kubernetes.pod.uid": uid}).host_mounts == ()) is is_own


@pytest.mark.parametrize(
    "change",
    [
        {"linux": {"namespaces": NAMESPACES[:4]}},
        {"linux": {"namespaces": [*NAMESPACES, {"type": "pid"}]}},
        {"linux": {"namespaces": [*NAMESPACES, {"type": "new"}]}},
        {"linux": {"namespaces": [*NAMESPACES[:3], NAMESPACES[4]]}},
        {"linux": {"namespaces": [*NAMESPACES, {"type": "user", "path": "/proc/self/ns/user"}]}},
        {"process": {"user": {"uid": "0"}}},
        {"process": {"user": {"uid": -1}}},
        {"process": {"newMember": 1}},
        {"process": {"capabilities": {"new": ["CAP_SYS_ADMIN"]}}},
        {"process": {"NoNewPrivileges": True}},
    ],
    ids=range(10),
)
def test_what_no_policy_can_look_at_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(TrustkitError):
        asked(**change)


@pytest.mark.parametrize(
    ("rule", "held", "found"),
    [
        ({"names": ["read"], "action": "SCMP_ACT_ALLOW"}, (), "default"),
        ({"names": ["kexec_load"], "action": "SCMP_ACT_ERRNO"}, (), "default"),
        ({"names": ["kexec_load"], "action": "SCMP_ACT_ALLOW"}, ("SYS_BOOT",), "default"),
        ({"names": ["kexec_load"], "action": "SCMP_ACT_ALLOW"}, (), "localhost/bundle"),
        ({"names": ["swapon"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0}]}, ("SYS_ADMIN",), "localhost/bundle"),
        ({"names": ["kexec_load"], "action": "SCMP_ACT_LOG"}, (), "localhost/bundle"),
    ],
)
def test_a_filter_that_lets_more_through_is_no_default(rule: object, held: tuple[str, ...], found: str) -> None:
    linux = {"seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [rule]}}
    assert seccomp_of(linux, frozenset(held)) == found


def test_a_filter_with_a_listener_is_no_default() -> None:
    linux = {"seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "listenerPath": "/run/x"}}
    assert seccomp_of(linux, frozenset()) == "localhost/listener"


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (("/entry", "serve"), ()),
        (("/entry", "other"), ("other",)),
        (("/entry",), ()),
        (("sh", "-c", "x"), ("sh", "-c", "x")),
        (("/run/podman-init", "--", "/entry", "serve"), ()),
    ],
)
def test_words_of_the_image_were_not_asked_for(words: tuple[str, ...], given: tuple[str, ...]) -> None:
    assert own_command(words, ("/entry",), ("serve",)) == given
