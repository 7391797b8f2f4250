"""The real podman runs containers through `trustkit-runtime`, which asks the policy and then becomes runc."""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from peers import images
from peers.guarded_docker import RUNTIME
from peers.podman import RUNTIME as WRAPPER
from peers.podman import Asking, asking, guarded
from peers.registry import Registry
from peers.signed import daemon_pids
from peers.tools import Ran, run

NONE = ("--rm", "--net=none")


@pytest.fixture(scope="module")
def engine(registry: Registry) -> Iterator[Asking]:
    with asking(registry, guarded) as running:
        yield running


@pytest.fixture(scope="module")
def held(engine: Asking) -> str:
    """A signed image, for tests that do not change it."""
    return engine.pulled()


def refused(done: Ran, *reasons: str) -> None:
    assert done.status != 0, done.said
    assert "ran" not in done.stdout
    for reason in ("trustkit", *reasons):
        assert reason in done.stderr, done.said


def test_a_signed_image_runs(engine: Asking, held: str) -> None:
    done = engine.run("run", *NONE, held, "echo", "ran")
    assert (done.status, done.stdout) == (0, "ran\n"), done.said


def test_an_unsigned_image_is_refused_with_the_rule(engine: Asking) -> None:
    refused(engine.run("run", *NONE, engine.pulled(sign=False), "echo", "ran"), "built-in/verify.signatures")


def test_an_unsigned_image_is_refused_by_its_id(engine: Asking) -> None:
    engine.pulled(sign=False)
    identity = engine.image.config.removeprefix("sha256:")
    refused(engine.run("run", *NONE, identity, "echo", "ran"), "built-in/verify.signatures")


def test_another_name_for_an_unsigned_image_does_not_help(engine: Asking) -> None:
    good, evil = engine.pulled(), engine.pulled(sign=False)
    engine.must("tag", evil, good)
    refused(engine.run("run", *NONE, good, "echo", "ran"), "trustkit")


def test_another_name_for_a_signed_image_runs(engine: Asking, held: str) -> None:
    engine.must("tag", held, "mine:1")
    assert engine.must("run", *NONE, "mine:1", "echo", "ran") == "ran"


def test_a_tag_that_moved_after_create_does_not_stop_what_was_admitted(engine: Asking) -> None:
    name = engine.pulled()
    container = engine.must("create", "--net=none", name, "true")
    engine.podman.pull(engine.signed.push(images.build(files={"moved": b""}), sign=False))
    engine.must("start", container)


def test_an_image_of_an_index_runs(engine: Asking) -> None:
    arm = images.build(architecture="arm64", files={"etc/arch": b"arm64"})
    both = images.index({"linux/amd64": images.build(files={"of": b"index"}), "linux/arm64": arm})
    assert engine.must("run", *NONE, engine.pulled(both), "echo", "ran") == "ran"


def test_an_image_whose_key_is_no_longer_trusted_does_not_start_again(engine: Asking, held: str) -> None:
    container = engine.must("create", "--net=none", held, "true")
    engine.must("start", container)
    key = engine.signed.key_ring / "release.pub"
    content = key.read_bytes()
    key.unlink()
    try:
        refused(engine.run("start", container), "built-in/verify.signatures")
    finally:
        key.write_bytes(content)


def test_what_was_committed_here_does_not_run(engine: Asking, held: str) -> None:
    container = engine.must("create", "--net=none", held, "true")
    engine.must("commit", "--quiet", container, "committed:1")
    refused(engine.run("run", *NONE, "committed:1", "echo", "ran"))


def test_a_folder_is_no_image(engine: Asking, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    shutil.copy(images.BUSYBOX, tmp_path / "bin/sh")
    refused(engine.run("run", *NONE, "--rootfs", tmp_path, "/bin/sh", "-c", "echo ran"), "made of a folder")


@pytest.mark.parametrize(
    ("flags", "rule"),
    [
        (("--privileged",), "denyPrivileged"),
        (("--pid=host",), "denyHostNamespaces"),
        (("--ipc=host",), "denyHostNamespaces"),
        (("-v", "/etc:/host"), "denyHostPath"),
        (("--mount", "type=bind,source=/,target=/host"), "denyHostPath"),
        (("--device", "/dev/fuse"), "denyHostPath"),
        (("--cap-add", "SYS_ADMIN"), "capabilities.add"),
        (("--cap-add", "ALL"), "capabilities.add"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_what_a_container_asks_for_is_judged(engine: Asking, held: str, flags: tuple[str, ...], rule: str) -> None:
    with engine.policy(RUNTIME):
        refused(engine.run("run", *NONE, *flags, held, "echo", "ran"), f"test/require.runtime.{rule}")


def test_the_hosts_network_is_judged(engine: Asking, held: str) -> None:
    with engine.policy(RUNTIME):
        refused(engine.run("run", "--rm", "--net=host", held, "echo", "ran"), "require.runtime.denyHostNamespaces")


def test_a_published_port_is_judged(engine: Asking, held: str) -> None:
    with engine.policy(RUNTIME):
        refused(engine.run("run", "--rm", "-p", "127.0.0.1:18043:80", held, "echo", "ran"), "denyHostPorts", "18043")


def test_a_volume_that_stands_for_a_host_path_is_judged(engine: Asking, held: str) -> None:
    engine.must("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", "device=/etc", "disguised")
    with engine.policy(RUNTIME):
        refused(engine.run("run", *NONE, "-v", "disguised:/host", held, "echo", "ran"), "denyHostPath")


@pytest.mark.parametrize(
    "flags", [(), ("-v", "own:/data"), ("--tmpfs", "/t"), ("--user", "1000"), ("--read-only",)], ids=str
)
def test_what_reaches_nothing_of_the_host_runs(engine: Asking, held: str, flags: tuple[str, ...]) -> None:
    with engine.policy(RUNTIME):
        assert engine.must("run", *NONE, *flags, held, "echo", "ran") == "ran"


def test_a_container_in_the_hosts_uts_namespace_is_refused(engine: Asking, held: str) -> None:
    refused(engine.run("run", *NONE, "--uts=host", held, "echo", "ran"), "UTS")


@pytest.fixture(scope="module")
def waiting(engine: Asking, held: str) -> str:
    return engine.must("run", "-d", "--net=none", "--user", "1000", held, "sleep", "600")


def test_a_plain_process_in_a_container_runs(engine: Asking, waiting: str) -> None:
    assert engine.must("exec", waiting, "echo", "ran") == "ran"


def test_a_privileged_process_in_a_container_is_judged(engine: Asking, waiting: str) -> None:
    with engine.policy(RUNTIME):
        refused(engine.run("exec", "--privileged", waiting, "echo", "ran"), "require.runtime.")


def test_root_in_a_container_of_somebody_else_is_judged(engine: Asking, waiting: str) -> None:
    with engine.policy(RUNTIME.replace("denyPrivileged", "denyRootUser")):
        refused(engine.run("exec", "--user", "0", waiting, "echo", "ran"), "denyRootUser")


def test_podman_manages_what_runs(engine: Asking, held: str) -> None:
    container = engine.must("run", "-d", "--net=none", held, "sleep", "60")
    engine.must("kill", "--signal", "KILL", container)
    assert engine.must("wait", container) == "137"
    engine.must("rm", container)


def test_a_policy_that_does_not_load_runs_nothing(engine: Asking, held: str) -> None:
    with engine.policy("nonsense"):
        refused(engine.run("run", *NONE, held, "echo", "ran"))


def test_a_decision_is_on_record_with_what_was_asked_for(engine: Asking, held: str) -> None:
    engine.run("run", *NONE, "--cap-add", "SYS_TIME", held, "true")
    newest = json.dumps(engine.decisions()[-1])
    assert all(word in newest for word in ('"podman"', "SYS_TIME")), newest


def test_in_fips_mode_nothing_runs_without_the_daemon(engine: Asking, held: str) -> None:
    config = engine.trustkit.home / "config.toml"
    config.write_text('[fips]\nmode = "module"\n')
    try:
        refused(engine.run("run", *NONE, held, "echo", "ran"), "the daemon decides")
    finally:
        config.unlink()


def test_a_registry_that_is_down_runs_nothing(
    engine: Asking, start_registry: Callable[..., Registry], image: images.Image
) -> None:
    gone = start_registry()
    gone.push(image, "gone/app", "latest")
    name = gone.reference("gone/app")
    engine.podman.pull(name)
    gone.process.stop()
    refused(engine.run("run", *NONE, name, "echo", "ran"), f"cannot reach {gone.host}")


@pytest.fixture
def daemon(engine: Asking) -> Iterator[None]:
    """A daemon, for one test alone: it keeps a policy that others spoil."""
    engine.trustkit.must("info")
    yield
    for pid in daemon_pids(engine.trustkit.home):
        os.kill(pid, signal.SIGTERM)
    while daemon_pids(engine.trustkit.home):
        time.sleep(0.05)


def test_a_running_daemon_decides(engine: Asking, daemon: None) -> None:
    held, evil = engine.pulled(), engine.pulled(sign=False)
    before = len(engine.decisions())
    assert engine.must("run", *NONE, held, "echo", "ran") == "ran"
    refused(engine.run("run", *NONE, evil, "echo", "ran"), "built-in/verify.signatures")
    with engine.policy(RUNTIME):
        refused(engine.run("run", *NONE, "--privileged", held, "echo", "ran"), "denyPrivileged")
    assert len(engine.decisions()) == before + 3


# --- a bundle in the hands of whoever calls the runtime ---


@pytest.fixture
def bundle(engine: Asking, held: str) -> Iterator[tuple[str, Path]]:
    """A container and its bundle, as podman leaves it once the container was made; it may be changed."""
    container = engine.must("create", "--net=none", held, "echo", "ran")
    engine.must("init", container)
    folder = Path(engine.must("inspect", "--format", "{{.OCIConfigPath}}", container)).parent
    yield container, folder
    engine.must("rm", "--force", "--time=0", container)


def create(engine: Asking, container: str, folder: Path, *words: str) -> Ran:
    """Call the wrapper as an engine does; the runtime behind it only says what it was given."""
    own = (f"--trustkit-home={engine.trustkit.home}", "--trustkit-runtime=/bin/echo")
    return run([WRAPPER, *own, *words, "create", "--bundle", folder, container], env=engine.podman.env)


def rewrite(folder: Path, change: object) -> None:
    file = folder / "config.json"
    document = json.loads(file.read_bytes())
    change(document)
    file.write_text(json.dumps(document))


def test_a_bundle_as_podman_made_it_goes_to_the_runtime_unchanged(engine: Asking, bundle: tuple[str, Path]) -> None:
    done = create(engine, *bundle, "--root", "/run/x")
    assert (done.status, done.stdout.split()[:4]) == (0, ["--root", "/run/x", "create", "--bundle"]), done.said


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda config: config["root"].update(path="/"), "not the container's own layer"),
        (lambda config: config["root"].update(path="../../.."), "not the container's own layer"),
        (lambda config: config.pop("root"), "no root file system"),
        (lambda config: config["linux"].update(namespaces=[{"type": "pid"}]), "mount namespace"),
        (lambda config: config.update(Process=config["process"]), "must be written 'process'"),
        (lambda config: config["linux"].update(netDevices={"eth0": {"name": "eth0"}}), "netDevices"),
        (lambda config: config.update(vm={"kernel": {"path": "/boot/vmlinuz"}}), "'vm'"),
    ],
    ids=range(7),
)
def test_a_bundle_that_was_tampered_with_is_refused(
    engine: Asking, bundle: tuple[str, Path], change: object, reason: str
) -> None:
    rewrite(bundle[1], change)
    refused(create(engine, *bundle), reason)


def test_a_bundle_that_others_can_write_is_refused(engine: Asking, bundle: tuple[str, Path]) -> None:
    (bundle[1] / "config.json").chmod(0o666)
    refused(create(engine, *bundle), "changed by others")


def test_a_bundle_of_another_container_is_refused(engine: Asking, bundle: tuple[str, Path]) -> None:
    refused(create(engine, "f" * 64, bundle[1]), "the bundle is of the container")


def test_a_bundle_of_no_known_store_is_refused(engine: Asking, bundle: tuple[str, Path], tmp_path: Path) -> None:
    shutil.copy(bundle[1] / "config.json", tmp_path)
    refused(create(engine, bundle[0], tmp_path), "nothing says which image")


def test_layers_that_are_not_the_images_are_refused(engine: Asking, bundle: tuple[str, Path]) -> None:
    file = engine.podman.store / "vfs-layers/layers.json"
    before = file.read_text()
    digest = json.loads(before)[0]["diff-digest"]
    file.write_text(before.replace(digest, "sha256:" + "0" * 64))
    try:
        refused(create(engine, *bundle), "layers are not those of")
    finally:
        file.write_text(before)


def test_an_image_that_is_said_to_be_another_one_is_refused(engine: Asking, bundle: tuple[str, Path]) -> None:
    container, folder = bundle
    engine.pulled()
    file = engine.podman.store / "vfs-containers/containers.json"
    before = file.read_text()
    own = next(one for one in json.loads(before) if one["id"] == container)["image"]
    other = next(
        one["id"]
        for one in json.loads((engine.podman.store / "vfs-images/images.json").read_text())
        if one["id"] != own
    )
    file.write_text(before.replace(f'"image":"{own}"', f'"image":"{other}"'))
    try:
        refused(create(engine, container, folder))
    finally:
        file.write_text(before)


def test_the_reason_is_in_the_log_that_the_engine_reads(
    engine: Asking, bundle: tuple[str, Path], tmp_path: Path
) -> None:
    rewrite(bundle[1], lambda config: config["root"].update(path="/"))
    create(engine, *bundle, "--log", str(tmp_path / "log"), "--log-format", "json")
    told = json.loads((tmp_path / "log").read_text())
    assert (told["level"], "own layer" in told["msg"]) == ("error", True)
