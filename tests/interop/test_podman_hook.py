"""The real podman and runc run `trustkit-runtime hook` as an OCI hook, from the file that trustkit delivers."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers.guarded_docker import RUNTIME
from peers.podman import RUNTIME as PROGRAM
from peers.podman import Asking, asking
from peers.registry import Registry
from peers.tools import ROOT, Ran, run
from peers.trustkit import Trustkit

DELIVERED = ROOT / "deploy/podman/trustkit-hook.json"


@pytest.fixture(scope="module")
def engine(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    folder = tmp_path_factory.mktemp("hooks")

    def options(trustkit: Trustkit) -> tuple[str | Path, ...]:
        hook = json.loads(DELIVERED.read_text())
        hook["hook"]["path"] = str(PROGRAM)
        hook["hook"]["env"][0] = f"TRUSTKIT_HOME={trustkit.home}"
        (folder / "trustkit.json").write_text(json.dumps(hook))
        return ("--runtime", "runc", "--hooks-dir", folder)

    with asking(registry, options) as running:
        yield running


def refused(done: Ran, reason: str) -> None:
    assert done.status != 0, done.said
    assert "ran" not in done.stdout
    assert reason in done.stderr, done.said


def test_a_signed_image_runs(engine: Asking) -> None:
    assert engine.must("run", "--rm", "--net=none", engine.pulled(), "echo", "ran") == "ran"


def test_an_unsigned_image_is_refused_with_the_rule(engine: Asking) -> None:
    refused(engine.run("run", "--rm", "--net=none", engine.pulled(sign=False), "echo", "ran"), "verify.signatures")


@pytest.mark.parametrize(
    ("flags", "rule"),
    [
        (("--net=none", "--privileged"), "denyPrivileged"),
        (("--net=host",), "denyHostNamespaces"),
        (("-p", "127.0.0.1:18044:80"), "denyHostPorts"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_what_a_container_asks_for_is_judged(engine: Asking, flags: tuple[str, ...], rule: str) -> None:
    name = engine.pulled()
    with engine.policy(RUNTIME):
        refused(engine.run("run", "--rm", *flags, name, "echo", "ran"), f"test/require.runtime.{rule}")


@pytest.mark.parametrize(
    "state", [b"", b"[]", b"{}", b'{"id": "x", "bundle": "relative"}', b'{"id": "", "bundle": "/"}', b"{" * 90]
)
def test_a_state_that_names_no_bundle_is_refused(engine: Asking, state: bytes) -> None:
    done = run([PROGRAM, "hook"], env=engine.trustkit.env, stdin=state)
    assert (done.status, done.stderr.startswith("trustkit: ")) == (1, True), done.said
