"""Containers outlive the daemon and containerd."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from peers import images
from peers.engine_bench import Bench, admit, bench, now
from peers.engines import containerd
from peers.workspace import short_folder
from trustkit.engine.errors import ConflictError, EngineError
from trustkit.engine.service import EngineService
from trustkit.engine.settings import EngineSettings
from trustkit.engine.values import ExecSpec, Status
from trustkit.errors import DigestMismatchError
from trustkit.model.run import RunSpec


def wait_for_log(engine: Bench, container: str, text: str) -> None:
    deadline = time.monotonic() + 30
    while text not in engine.logged(container):
        assert time.monotonic() < deadline, engine.logged(container)
        engine.run(asyncio.sleep(0.02))


def test_a_killed_daemon_finds_its_container_and_its_output(own_engine: Bench) -> None:
    container = own_engine.create(
        "sh", "-c", "echo before; while ! [ -e /go ]; do sleep 0.05; done; echo after; exit 4"
    )
    own_engine.start(container)
    wait_for_log(own_engine, container, "before")
    own_engine.restart_daemon()
    assert own_engine.run(own_engine.service.inspect(container)).status is Status.RUNNING
    session = own_engine.run(own_engine.service.exec_create(container, ExecSpec(("touch", "/go"))))
    own_engine.run(own_engine.service.exec_start(session))
    assert own_engine.run(own_engine.service.wait(container)).code == 4
    assert own_engine.logged(container) == "before\nafter\n"


def test_an_end_without_the_daemon_is_learnt_and_auto_removed(own_engine: Bench) -> None:
    kept = own_engine.create("sh", "-c", "sleep 0.3; exit 6", name="kept")
    gone = own_engine.create("sh", "-c", "sleep 0.3; exit 6", name="gone", auto_remove=True)
    own_engine.start(kept)
    own_engine.start(gone)
    pids = [own_engine.run(own_engine.service.inspect(item)).pid for item in (kept, gone)]
    service = own_engine.service
    own_engine.service = service
    _restart_after_the_end(own_engine, pids)
    assert own_engine.run(own_engine.service.wait(kept)).code == 6
    names = {item.name for item in own_engine.run(own_engine.service.list(every=True))}
    deadline = time.monotonic() + 10
    while "gone" in names and time.monotonic() < deadline:
        own_engine.run(own_engine.service.info())
        names = {item.name for item in own_engine.run(own_engine.service.list(every=True))}
    assert names == {"kept"}


def _wait_for_ends(pids: list[int]) -> None:
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)


def _restart_after_the_end(engine: Bench, pids: list[int]) -> None:
    original = EngineService.open

    async def later(settings: object) -> EngineService:
        _wait_for_ends(pids)
        return await original(settings)  # type: ignore[arg-type]

    EngineService.open = later  # type: ignore[method-assign, assignment]
    try:
        engine.restart_daemon()
    finally:
        EngineService.open = original  # type: ignore[method-assign]


def test_containerd_killed_comes_back_and_nothing_is_lost(own_engine: Bench) -> None:
    container = own_engine.create("sh", "-c", "while ! [ -e /go ]; do sleep 0.05; done; exit 8", open_stdin=True)
    own_engine.start(container)
    before = own_engine.containerd_pid()
    os.kill(before, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while True:
        try:
            session = own_engine.run(own_engine.service.exec_create(container, ExecSpec(("touch", "/go"))))
            own_engine.run(own_engine.service.exec_start(session))
            break
        except EngineError:
            assert time.monotonic() < deadline
    assert own_engine.run(own_engine.service.wait(container)).code == 8
    assert own_engine.containerd_pid() != before


def test_a_new_engine_on_the_same_folder_keeps_images_and_stopped_containers(own_engine: Bench) -> None:
    container = own_engine.create("sh", "-c", "exit 3", name="old")
    own_engine.start(container)
    own_engine.run(own_engine.service.wait(container))
    own_engine.run(own_engine.service.close(stop_containerd=True))
    own_engine.service = own_engine.run(EngineService.open(own_engine.settings))
    view = own_engine.run(own_engine.service.inspect("old"))
    assert (view.status, view.exit_code) == (Status.EXITED, 3)
    own_engine.start(container)
    assert own_engine.run(own_engine.service.wait(container)).code == 3


def test_closing_leaves_no_bridge_no_namespace_no_mount_no_process() -> None:
    with bench() as engine:
        engine.pull()
        engine.output("true", network="bridge")
        bridge = engine.service._parts.network.bridge_name
        assert Path(f"/sys/class/net/{bridge}").exists()
        folder = str(engine.folder)
    assert not Path(f"/sys/class/net/{bridge}").exists()
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        assert folder not in mounts.read()


def test_two_engines_live_side_by_side() -> None:
    with bench() as one, bench() as two:
        for engine in (one, two):
            engine.pull()
            assert engine.output("true", network="bridge")[0] == 0
        assert one.service._parts.network.bridge_name != two.service._parts.network.bridge_name
        addresses = [engine.run(engine.service.list(every=True))[0].network.address for engine in (one, two)]
        assert addresses[0] != addresses[1]


def test_images_are_named_listed_and_removed(own_engine: Bench) -> None:
    other = own_engine.pull(images.build(files={"o": b"1"}))
    own_engine.run(own_engine.service.tag(other.digest, "registry.test/second:1"))
    assert own_engine.run(own_engine.service.image("registry.test/second:1")).digest == other.digest
    assert own_engine.run(own_engine.service.remove_image("registry.test/second:1")) == (
        "untagged:registry.test/second:1",
    )
    gone = own_engine.run(own_engine.service.remove_image(str(other.digest), force=True))
    assert gone[-1] == f"deleted:{other.digest}"
    left = [view.digest for view in own_engine.run(own_engine.service.images())]
    assert left == [own_engine.image.digest]
    spec = RunSpec(command=("true",), network="none")
    assert own_engine.run(own_engine.service.create(admit(own_engine.image, spec), spec, now())).id


def test_a_create_that_was_killed_midway_is_cleaned_away(own_engine: Bench) -> None:
    container = own_engine.create("true", name="half")
    own_engine.run(own_engine.service._parts.tasks.delete_record(container))
    own_engine.restart_daemon()
    assert own_engine.run(own_engine.service.list(every=True)) == ()
    assert own_engine.create("true", name="half")


def test_one_folder_has_one_engine(own_engine: Bench) -> None:
    with pytest.raises(ConflictError):
        own_engine.run(EngineService.open(own_engine.settings))
    assert own_engine.output("true")[0] == 0


def test_an_engine_on_somebody_elses_containerd_checks_over_the_socket() -> None:
    with containerd() as other, bench(containerd_address=other.socket) as engine:
        engine.pull()
        assert engine.output("sh", "-c", "exit 7")[0] == 7
        container = engine.create("true")
        layer = engine.image.layers[0].digest
        path = other.root / "io.containerd.content.v1.content" / "blobs" / "sha256" / layer.hex
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:-1] + b"!")
        with pytest.raises(DigestMismatchError):
            engine.start(container)


def test_no_containerd_is_one_clear_line(tmp_path: Path) -> None:
    with short_folder("none") as folder:
        settings = EngineSettings(folder / "s", folder / "r", now, containerd_binary="/no/containerd")
        with pytest.raises(EngineError, match="containerd cannot be started"):
            asyncio.run(EngineService.open(settings))
