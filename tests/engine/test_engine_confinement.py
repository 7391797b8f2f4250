"""What a container may not do, by docker's defaults, tried from inside."""

import subprocess
from pathlib import Path

import pytest

from peers import images
from peers.engine_bench import Bench
from trustkit.model.run import Mount


def test_capabilities_are_dockers_default(engine: Bench) -> None:
    _, text = engine.output("grep", "Cap", "/proc/self/status")
    found = dict(line.split(":\t") for line in text.splitlines())
    expected = "00000000a80425fb"
    assert found == {
        "CapInh": "0" * 16, "CapPrm": expected, "CapEff": expected, "CapBnd": expected, "CapAmb": "0" * 16
    }  # fmt: skip


def test_capabilities_are_added_and_dropped(engine: Bench) -> None:
    fields = {"capabilities_added": ("net_admin",), "capabilities_dropped": ("ALL",)}
    _, text = engine.output("grep", "CapEff", "/proc/self/status", **fields)
    assert int(text.split()[1], 16) == 1 << 12


def test_another_user_has_no_effective_capabilities(engine: Bench) -> None:
    _, text = engine.output("sh", "-c", "id -u; grep CapEff /proc/self/status", user="nobody")
    assert text.split() == ["65534", "CapEff:", "0" * 16]


@pytest.mark.parametrize(
    "command", ["unshare -m true", "mount -t tmpfs none /mnt", "hostname evil", "unshare -U true", "dmesg"]
)
def test_calls_that_reach_out_fail_with_eperm(engine: Bench, command: str) -> None:
    code, text = engine.output("sh", "-c", f"mkdir -p /mnt; {command}")
    assert code != 0
    assert "not permitted" in text or "denied" in text


def test_seccomp_stops_a_namespace_even_for_an_admin(engine: Bench) -> None:
    """Without the filter, unshare(CLONE_NEWUSER) needs no capability: only seccomp can refuse it."""
    code, text = engine.output("sh", "-c", "grep Seccomp: /proc/self/status; exec 2>&1; unshare -U true")
    assert (code != 0, text.split()[1]) == (True, "2")


def test_clone3_is_answered_as_unknown_and_keyctl_refused(engine: Bench, tmp_path: Path) -> None:
    source = tmp_path / "probe.c"
    source.write_text(
        "#include <errno.h>\n#include <stdio.h>\n#include <sys/syscall.h>\n#include <unistd.h>\n"
        "#include <sys/socket.h>\n"
        'int main(void) { long r = syscall(435, 0, 0); printf("%d ", r < 0 ? errno : 0);'
        ' r = syscall(SYS_keyctl, 0, -3, 0); printf("%d ", r < 0 ? errno : 0);'
        ' r = socket(38, 5, 0); printf("%d ", r < 0 ? errno : 0);'
        ' r = syscall(425, 1, 0); printf("%d\\n", r < 0 ? errno : 0); return 0; }\n'
    )
    binary = tmp_path / "probe"
    subprocess.run(["cc", "-static", "-o", binary, source], capture_output=True, check=True)
    image = engine.pull(images.build(files={"probe": binary.read_bytes()}))
    _, text = engine.output("/probe", image=image)
    assert text.split() == ["38", "1", "1", "1"]


@pytest.mark.parametrize("path", ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/acpi/x", "/sys/firmware/x"])
def test_masked_paths_show_nothing(engine: Bench, path: str) -> None:
    _, text = engine.output("sh", "-c", f"cat {path} 2>/dev/null | head -c 100")
    assert text == ""


@pytest.mark.parametrize("path", ["/proc/sys/kernel/hostname", "/proc/sysrq-trigger", "/sys/kernel/x"])
def test_readonly_paths_cannot_be_written(engine: Bench, path: str) -> None:
    code, text = engine.output("sh", "-c", f"echo x > {path}")
    assert code != 0
    assert "Read-only" in text or "nonexistent" in text or "denied" in text


def test_a_read_only_root_is_read_only(engine: Bench) -> None:
    code, text = engine.output("sh", "-c", "touch /x", read_only=True)
    assert (code, "Read-only" in text) == (1, True)


def test_the_memory_limit_kills(engine: Bench) -> None:
    container = engine.create(
        "sh", "-c", "tail -c 64m /dev/zero | cat > /dev/null; tail /dev/zero", memory_bytes=16 << 20
    )
    engine.start(container)
    assert engine.run(engine.service.wait(container)).code == 137
    assert engine.run(engine.service.inspect(container)).out_of_memory


def test_a_cpu_limit_is_set(engine: Bench) -> None:
    command = "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d' ' -f1 /sys/fs/cgroup/cpu.max"
    _, text = engine.output("sh", "-c", command, nano_cpus=500_000_000)
    assert text.strip() == "50000"


def test_no_network_has_only_loopback(engine: Bench) -> None:
    _, text = engine.output("sh", "-c", "ls /sys/class/net; ping -c1 -W1 127.0.0.1 > /dev/null && echo up")
    assert text.split() == ["lo", "up"]


def test_the_bridge_has_eth0_and_reaches_its_gateway(engine: Bench) -> None:
    gateway = "ip route | sed -n 's/default via \\([0-9.]*\\).*/\\1/p'"
    script = f"ls /sys/class/net; ping -c1 -W2 $({gateway}) > /dev/null && echo reached; tail -1 /etc/hosts; hostname"
    code, text = engine.output("sh", "-c", script, network="bridge", hostname="named")
    words = text.split()
    assert (code, words[:3], words[-2:]) == (0, ["eth0", "lo", "reached"], ["named", "named"])


def test_two_containers_on_the_bridge_reach_each_other(engine: Bench) -> None:
    first = engine.create("sleep", "60", network="bridge")
    engine.start(first)
    address = engine.run(engine.service.inspect(first)).network.address
    assert engine.output("ping", "-c1", "-W2", address, network="bridge")[0] == 0


def test_a_removed_container_leaves_no_interface_and_frees_its_address(engine: Bench) -> None:
    addresses = set()
    for _ in range(2):
        container = engine.create("true", network="bridge")
        engine.start(container)
        engine.run(engine.service.wait(container))
        addresses.add(engine.run(engine.service.inspect(container)).network.address)
        engine.run(engine.service.remove(container))
    assert len(addresses) == 1


def test_the_host_network_is_the_host_s(engine: Bench) -> None:
    _, text = engine.output("readlink", "/proc/self/ns/net", network="host")
    assert text.strip() == str(Path("/proc/self/ns/net").readlink())


def test_privileged_lifts_the_filter_and_the_masks(engine: Bench) -> None:
    code, text = engine.output("sh", "-c", "grep Seccomp: /proc/self/status; mount -t tmpfs none /tmp", privileged=True)
    assert (code, text.split()[1]) == (0, "0")


def test_a_bind_mount_shows_the_host_s_folder(engine: Bench, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("from the host")
    mounts = (Mount(str(tmp_path), "/rw"), Mount(str(tmp_path), "/ro", read_only=True))
    code, text = engine.output("sh", "-c", "cat /rw/in; echo back > /rw/out; echo no > /ro/no", mounts=mounts)
    assert (code != 0, "from the host" in text, (tmp_path / "out").read_text()) == (True, True, "back\n")


def test_a_named_volume_is_filled_once_and_stays(engine: Bench) -> None:
    image = engine.pull(images.build(files={"data/seed": b"s"}))
    mounts = (Mount("shelf", "/data"),)
    assert engine.output("sh", "-c", "cat /data/seed; echo more > /data/more", image=image, mounts=mounts)[1] == "s"
    assert engine.output("ls", "/data", image=image, mounts=mounts)[1].split() == ["more", "seed"]


def test_the_image_s_declared_volume_goes_with_the_container(engine: Bench) -> None:
    image = engine.pull(images.build(config={"Volumes": {"/var/lib/x": {}}}))
    container = engine.create("true", image=image)
    folder = engine.settings.directory / "volumes"
    before = set(folder.iterdir())
    engine.run(engine.service.remove(container, volumes=True))
    assert len(before - set(folder.iterdir())) == 1


def test_environment_entrypoint_and_folder_come_from_image_and_request(engine: Bench) -> None:
    image = engine.pull(
        images.build(
            config={"Env": ["PATH=/bin", "A=image", "B=image"], "Entrypoint": ["sh", "-c"], "WorkingDir": "/new/dir"}
        )
    )
    fields = {"environment": ("A=asked",), "image": image}
    _, text = engine.output("echo $A $B $HOME; pwd", **fields)
    assert text.split() == ["asked", "image", "/root", "/new/dir"]
