"""The real dockerd makes containers through `trustkit-runtime`, which reads dockerd's own records of its images."""

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers import images
from peers.docker import DEBIAN12, Dockerd, dockerd
from peers.guarded_docker import RUNTIME
from peers.registry import Registry
from peers.signed import Signed
from peers.tools import Ran
from peers.trustkit import Trustkit
from peers.workspace import short_folder
from peers.wrapped import engine_runtime

NONE = ("--rm", "--network=none")
NUMBERS = itertools.count()


class World:
    def __init__(self, trustkit: Trustkit, signed: Signed, daemon: Dockerd) -> None:
        self.trustkit, self.signed, self.daemon = trustkit, signed, daemon
        self.run, self.must = daemon.docker, daemon.must

    def pulled(self, *, sign: bool = True) -> str:
        self.signed.repository = f"docker/{next(NUMBERS)}"
        name = self.signed.push(images.build(files={"name": self.signed.repository.encode()}), sign=sign)
        self.must("pull", "--quiet", name)
        return name


@pytest.fixture(scope="module")
def world(registry: Registry) -> Iterator[World]:
    with short_folder("dkr") as folder:
        home = folder / "state"
        home.mkdir(mode=0o700)
        trustkit = Trustkit(home)
        signed = Signed(trustkit, registry, "docker")
        runtime = engine_runtime(trustkit, folder)
        options = (*DEBIAN12.options, f"--add-runtime=trustkit={runtime}", "--default-runtime=trustkit")
        port = int(registry.host.rpartition(":")[2])
        with dockerd(folder, ports=[port], release=DEBIAN12._replace(options=options)) as daemon:
            yield World(trustkit, signed, daemon)


@pytest.fixture
def strict(world: World) -> Iterator[World]:
    file = world.trustkit.home.parent / "policy.yaml"
    file.write_text(RUNTIME.replace("KEY", str(world.signed.key_ring / "release.pub")))
    (world.trustkit.home / "config.toml").write_text(f'[trust]\npolicy = "{file}"\n')
    yield world
    (world.trustkit.home / "config.toml").unlink()


def refused(done: Ran, reason: str) -> None:
    assert (done.status != 0, "ran" in done.stdout, reason in done.stderr) == (True, False, True), done.said


def test_a_signed_image_runs(world: World) -> None:
    assert world.must("run", *NONE, world.pulled(), "echo", "ran") == "ran"


def test_an_unsigned_image_is_refused_with_the_rule(world: World) -> None:
    refused(world.run("run", *NONE, world.pulled(sign=False), "echo", "ran"), "built-in/verify.signatures")


def test_another_name_for_an_unsigned_image_does_not_help(world: World) -> None:
    good, evil = world.pulled(), world.pulled(sign=False)
    world.must("tag", evil, good)
    refused(world.run("run", *NONE, good, "echo", "ran"), "trustkit")


def test_what_was_committed_here_does_not_run(world: World) -> None:
    container = world.must("create", "--network=none", world.pulled(), "true")
    world.must("commit", container, "committed:1")
    refused(world.run("run", *NONE, "committed:1", "echo", "ran"), "no registry vouches")


@pytest.mark.parametrize(
    ("flags", "rule"),
    [
        (("--privileged",), "denyPrivileged"),
        (("--pid=host",), "denyHostNamespaces"),
        (("-v", "/etc:/host"), "denyHostPath"),
        (("--device", "/dev/fuse"), "denyHostPath"),
        (("--cap-add", "SYS_ADMIN"), "capabilities.add"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_what_a_container_asks_for_is_judged(strict: World, flags: tuple[str, ...], rule: str) -> None:
    refused(strict.run("run", *NONE, *flags, strict.pulled(), "echo", "ran"), f"test/require.runtime.{rule}")


def test_a_volume_of_dockers_own_reaches_nothing_of_the_host(strict: World) -> None:
    assert strict.must("run", *NONE, "-v", "own:/data", strict.pulled(), "echo", "ran") == "ran"


def test_a_privileged_process_in_a_container_is_judged(strict: World) -> None:
    container = strict.must("run", "-d", "--network=none", strict.pulled(), "sleep", "60")
    assert strict.must("exec", container, "echo", "ran") == "ran"
    done = strict.run("exec", "--privileged", container, "echo", "ran")
    # docker's client shows it where the process would have written
    assert (done.status, "require.runtime." in done.stdout) == (126, True), done.said


def test_records_that_name_another_mount_are_refused(world: World, tmp_path: Path) -> None:
    container = world.must("create", "--network=none", world.pulled(), "true")
    file = world.daemon.folder / f"data/image/vfs/layerdb/mounts/{container}/mount-id"
    before = file.read_text()
    file.write_text("0" * 64)
    done = world.run("start", container)
    file.write_text(before)
    refused(done, "trustkit")


def test_a_container_that_dockerd_restarts_by_itself_is_judged_again(world: World) -> None:
    container = world.must("run", "-d", "--restart=always", "--network=none", world.pulled(), "sleep", "600")
    key = world.signed.key_ring / "release.pub"
    content = key.read_bytes()
    key.unlink()
    try:
        process = int(world.must("inspect", "--format", "{{.State.Pid}}", container))
        os.kill(process, signal.SIGKILL)
        world.daemon.process.wait_until(
            lambda: "verify.signatures" in world.must("inspect", "--format", "{{.State.Error}}", container)
        )
        assert world.must("inspect", "--format", "{{.State.Running}}", container) == "false"
    finally:
        key.write_bytes(content)
        world.run("rm", "--force", container)
