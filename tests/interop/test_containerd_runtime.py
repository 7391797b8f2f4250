"""The real containerd makes containers through `trustkit-runtime`, which asks containerd what they are made of."""

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers import engines, images
from peers.engines import Containerd
from peers.guarded_docker import RUNTIME
from peers.registry import Registry
from peers.signed import Signed
from peers.tools import Ran
from peers.trustkit import Trustkit
from peers.workspace import short_folder
from peers.wrapped import engine_runtime

# runc keeps the containers of every containerd of this machine in one folder, so names are told apart by process
NUMBERS = itertools.count()


class World:
    def __init__(self, containerd: Containerd, registry: Registry, folder: Path) -> None:
        home = folder / "state"
        home.mkdir(mode=0o700)
        self.containerd, self.folder = containerd, folder
        self.trustkit = Trustkit(home)
        self.signed = Signed(self.trustkit, registry, "containerd")
        self.runtime = engine_runtime(self.trustkit, folder)

    def pulled(self, *, sign: bool = True, snapshotter: str = "overlayfs") -> str:
        self.signed.repository = f"containerd/{next(NUMBERS)}"
        name = self.signed.push(images.build(files={"name": self.signed.repository.encode()}), sign=sign)
        done = self.containerd.ctr("images", "pull", "--plain-http", f"--snapshotter={snapshotter}", name)
        assert done.status == 0, done.said
        return name

    def run(self, name: str, *flags: str, snapshotter: str = "overlayfs") -> Ran:
        how = ("--rm", "--runc-binary", str(self.runtime), f"--snapshotter={snapshotter}")
        return self.containerd.ctr("run", *how, *flags, name, f"c{os.getpid()}-{next(NUMBERS)}", "/bin/echo", "ran")

    def policy(self, text: str) -> None:
        file = self.folder / f"{next(NUMBERS)}.yaml"
        file.write_text(text.replace("KEY", str(self.signed.key_ring / "release.pub")))
        (self.trustkit.home / "config.toml").write_text(f'[trust]\npolicy = "{file}"\n')


@pytest.fixture(scope="module")
def world(registry: Registry) -> Iterator[World]:
    with engines.containerd() as containerd, short_folder("ctrd") as folder:
        yield World(containerd, registry, folder)


@pytest.fixture
def strict(world: World) -> Iterator[World]:
    world.policy(RUNTIME)
    yield world
    (world.trustkit.home / "config.toml").unlink()


def refused(done: Ran, reason: str) -> None:
    assert (done.status != 0, "ran" in done.stdout, reason in done.stderr) == (True, False, True), done.said


@pytest.mark.parametrize("snapshotter", ["overlayfs", "native"])
def test_a_signed_image_runs(world: World, snapshotter: str) -> None:
    done = world.run(world.pulled(snapshotter=snapshotter), snapshotter=snapshotter)
    assert (done.status, done.stdout) == (0, "ran\n"), done.said


def test_an_unsigned_image_is_refused_with_the_rule(world: World) -> None:
    refused(world.run(world.pulled(sign=False)), "built-in/verify.signatures")


def test_another_name_for_an_unsigned_image_does_not_help(world: World) -> None:
    good, evil = world.pulled(), world.pulled(sign=False)
    assert world.containerd.ctr("images", "tag", "--force", evil, good).status == 0
    refused(world.run(good), "trustkit")


def test_another_name_for_a_signed_image_runs(world: World) -> None:
    other = "registry.example/other:1"
    assert world.containerd.ctr("images", "tag", "--force", world.pulled(), other).status == 0
    assert world.run(other).stdout == "ran\n"


@pytest.mark.parametrize(
    ("flags", "rule"),
    [
        (("--privileged",), "denyPrivileged"),
        (("--net-host",), "denyHostNamespaces"),
        (("--mount", "type=bind,src=/etc,dst=/host,options=rbind:ro"), "denyHostPath"),
        (("--cap-add", "CAP_SYS_ADMIN"), "capabilities.add"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else value,
)
def test_what_a_container_asks_for_is_judged(strict: World, flags: tuple[str, ...], rule: str) -> None:
    refused(strict.run(strict.pulled(), *flags), f"test/require.runtime.{rule}")


def test_a_folder_is_no_image(world: World, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    how = ("--rm", "--runc-binary", str(world.runtime), "--rootfs")
    refused(world.containerd.ctr("run", *how, tmp_path, f"c{os.getpid()}-{next(NUMBERS)}", "/bin/true"), "trustkit")
