"""podman 5, which keeps its state in SQLite and its networks by netavark, asks `trustkit-runtime` just as podman 4."""

from collections.abc import Iterator

import pytest

from peers.guarded_docker import RUNTIME
from peers.podman import Asking, asking, guarded, podman5
from peers.registry import Registry


@pytest.fixture(scope="module")
def engine(registry: Registry) -> Iterator[Asking]:
    with asking(registry, guarded, podman5()) as running:
        yield running


def test_a_signed_image_runs(engine: Asking) -> None:
    assert engine.must("run", "--rm", "--net=none", engine.pulled(), "echo", "ran") == "ran"


def test_an_unsigned_image_is_refused_with_the_rule(engine: Asking) -> None:
    done = engine.run("run", "--rm", "--net=none", engine.pulled(sign=False), "echo", "ran")
    assert (done.status != 0, "verify.signatures" in done.stderr, done.stdout) == (True, True, ""), done.said


@pytest.mark.parametrize(
    ("flags", "rule"),
    [
        (("--net=none", "--privileged"), "denyPrivileged"),
        (("--net=none", "-v", "/etc:/host"), "denyHostPath"),
        (("-p", "127.0.0.1:18045:80"), "denyHostPorts"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_what_a_container_asks_for_is_judged(engine: Asking, flags: tuple[str, ...], rule: str) -> None:
    name = engine.pulled()
    with engine.policy(RUNTIME):
        done = engine.run("run", "--rm", *flags, name, "echo", "ran")
        assert (done.status != 0, rule in done.stderr, done.stdout) == (True, True, ""), done.said
        assert engine.must("run", "--rm", "--net=none", "-v", "own:/data", name, "echo", "ran") == "ran"
