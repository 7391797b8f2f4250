"""`trustkit-runtime` on bundles of CRI-O's form, over a real store of containers/storage. CRI-O itself is not run."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from peers import crio
from peers.guarded_docker import POLICY, RUNTIME
from peers.podman import Asking, asking, guarded
from peers.registry import Registry
from peers.tools import Ran

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def engine(registry: Registry) -> Iterator[Asking]:
    with asking(registry, guarded) as running:
        yield running


@pytest.fixture(scope="module")
def namespaces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    with crio.pod_namespaces(tmp_path_factory.mktemp("pod")) as found:
        yield found


@pytest.fixture(scope="module")
def held(engine: Asking) -> str:
    return engine.pulled()


def unchanged(config: dict[str, Any]) -> None:
    """Leave the bundle as CRI-O would have written it."""


def created(
    engine: Asking, image: str, namespaces: Mapping[str, str], change: Change = unchanged, claimed: str = ""
) -> Ran:
    """Have the wrapper make a container of an image, in whose bundle something was changed."""
    container, folder = crio.made(engine.podman, image)
    crio.rewrite(folder, claimed or image, container, namespaces)
    file = folder / "config.json"
    config = json.loads(file.read_bytes())
    change(config)
    file.write_text(json.dumps(config))
    return crio.create(engine.trustkit, folder, container)


def bind(source: str) -> Change:
    mount = {"destination": "/x", "type": "bind", "source": source, "options": ["rbind", "rw"]}
    return lambda config: config["mounts"].append(mount)


def refused(done: Ran, reason: str) -> None:
    assert (done.status, done.stdout, reason in done.stderr) == (1, "", True), done.said


def test_a_signed_image_of_a_pod_goes_to_the_runtime(engine: Asking, held: str, namespaces: Mapping[str, str]) -> None:
    with engine.policy(RUNTIME):
        done = created(engine, held, namespaces)
    assert (done.status, "--systemd-cgroup create --bundle" in done.stdout) == (0, True), done.said
    assert engine.decisions()[-1]["body"]["request"]["engine"] == "cri-o"


def test_an_unsigned_image_is_refused(engine: Asking, namespaces: Mapping[str, str]) -> None:
    refused(created(engine, engine.pulled(sign=False), namespaces), "built-in/verify.signatures")


def test_annotations_that_name_a_signed_image_do_not_help(
    engine: Asking, held: str, namespaces: Mapping[str, str]
) -> None:
    evil = engine.pulled(sign=False)
    refused(created(engine, evil, namespaces, claimed=held), "built-in/verify.signatures")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (bind("/etc"), "denyHostPath"),
        (bind("/var/lib/kubelet/pods"), "denyHostPath"),
        (
            bind("/var/lib/kubelet/pods/00000000-0000-4000-8000-000000000000/volumes/kubernetes.io~secret/x"),
            "denyHostPath",
        ),
        (bind("/var/lib/kubelet/pods/4f7a8f0e-0d0c-4d4c-9d9c-6a5c7c1f2b3d/../../pki"), "denyHostPath"),
        (lambda config: config["linux"]["namespaces"].pop(2), "denyHostNamespaces"),
        (lambda config: config["linux"]["namespaces"][2].update(path="/proc/self/ns/net"), "denyHostNamespaces"),
        (lambda config: config["process"]["capabilities"]["bounding"].append("CAP_NET_ADMIN"), "capabilities.add"),
        (lambda config: config["process"]["capabilities"].update(ambient=["CAP_NET_RAW_"]), "capabilities.add"),
    ],
    ids=range(8),
)
def test_what_a_container_asks_for_is_judged(
    engine: Asking, held: str, namespaces: Mapping[str, str], change: Change, rule: str
) -> None:
    with engine.policy(RUNTIME):
        refused(created(engine, held, namespaces, change), f"test/require.runtime.{rule}")


@pytest.mark.parametrize(("name", "status"), [("cri-o", 0), ("podman", 1)])
def test_a_policy_for_one_engine_holds_for_that_engine(
    engine: Asking, held: str, namespaces: Mapping[str, str], name: str, status: int, tmp_path: Path
) -> None:
    with engine.policy(POLICY + f"  match: {{engines: [{name}]}}\n"):
        assert created(engine, held, namespaces).status == status
