"""Who names an image cannot make trustkit ask hosts that only it can reach."""

import json

import pytest

from peers.images import Image
from peers.registry import Registry
from peers.trustkit import Trustkit

CLOSED = {"TRUSTKIT_REGISTRY_ALLOW_PRIVATE_NETWORKS": "false"}


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]:80", "0.0.0.0:5000"])
def test_the_link_is_never_asked_and_nothing_is_admitted(trustkit: Trustkit, host: str) -> None:
    done = trustkit.run("admit", f"{host}/x/y:1", env={"TRUSTKIT_REGISTRY_INSECURE": host})
    assert done.status == 3, done.said
    assert "never asked" in done.stderr


def test_a_registry_inside_is_asked_only_if_it_is_named(
    trustkit: Trustkit, registry: Registry, repository: str, image: Image
) -> None:
    reference = registry.reference(repository, registry.push(image, repository))
    closed = trustkit.run("admit", reference, env=CLOSED)
    assert closed.status == 3, closed.said
    assert "registry.private_hosts" in closed.stderr
    named = trustkit.run("admit", reference, env={**CLOSED, "TRUSTKIT_REGISTRY_PRIVATE_HOSTS": registry.host})
    assert named.status == 1, named.said


def test_that_nobody_was_asked_is_on_record(trustkit: Trustkit) -> None:
    trustkit.run("admit", "169.254.169.254/x/y:1")
    *_, record = json.loads(trustkit.must("audit", "log", "--output", "json").stdout)
    assert "169.254.169.254 lies where nothing is asked" in json.dumps(record)
