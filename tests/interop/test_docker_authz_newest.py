"""The plugin beside a dockerd of today, with images in its own store and in containerd's."""

import json
from collections.abc import Iterator

import pytest

from peers.docker import CONTAINERD_STORE, NEWEST
from peers.guarded_docker import AUDIT, NONE, RUNTIME, Guarded, refused, start_guarded, tar
from peers.registry import Registry
from peers.workspace import short_folder
from trustkit.hooks.docker.stored import Dockerd


@pytest.fixture(scope="module", params=[NEWEST, CONTAINERD_STORE], ids=["own", "containerd"])
def guarded(request: pytest.FixtureRequest, registry: Registry) -> Iterator[Guarded]:
    with short_folder("authz28") as folder:
        yield from start_guarded(folder, registry, "--allow", "build", release=request.param)


def test_a_signed_image_is_pulled_made_and_run(guarded: Guarded) -> None:
    done = guarded.docker("run", "--rm", *NONE, guarded.pushed(), "echo", "ran")
    assert (done.status, done.stdout) == (0, "ran\n"), done.said


def test_a_signed_image_runs_by_another_name_and_by_its_id(guarded: Guarded) -> None:
    name = guarded.pulled()
    guarded.must("tag", name, "mine:1")
    for known in ("mine:1", guarded.must("images", "-q", "--no-trunc", name)):
        assert guarded.must("run", "--rm", *NONE, known, "echo", "ran") == "ran"


def test_an_unsigned_image_is_refused_when_pulled_made_and_started(guarded: Guarded) -> None:
    refused(guarded.docker("pull", guarded.pushed(sign=False)), "built-in/verify.signatures")
    refused(guarded.docker("create", *NONE, guarded.evil, "true"), "built-in/verify.signatures")
    with guarded.policy(AUDIT):
        container = guarded.must("create", *NONE, guarded.evil, "true")
    refused(guarded.docker("start", container), "built-in/verify.signatures")


def test_the_name_of_a_signed_image_on_an_unsigned_one_does_not_help(guarded: Guarded) -> None:
    good = guarded.pulled()
    guarded.must("tag", guarded.evil, good)
    refused(guarded.docker("run", *NONE, good, "true"), "built-in/verify.signatures")


def test_a_name_that_begins_another_id_is_not_started_by(guarded: Guarded) -> None:
    with guarded.policy(AUDIT):
        bad = guarded.must("create", *NONE, guarded.evil, "true")
    good = guarded.must("create", "--name", bad[:12], *NONE, guarded.pulled(), "true")
    refused(guarded.docker("start", bad[:12]), "more than one container", bad)
    guarded.must("start", good)
    assert Dockerd(guarded.daemon.socket).named(bad[:12]) == (good,)


def test_what_was_built_here_does_not_run(guarded: Guarded) -> None:
    guarded.must("build", "-t", "127.0.0.1:1/built:1", "-", stdin=tar())
    refused(guarded.docker("create", *NONE, "127.0.0.1:1/built:1", "true"))


def test_what_a_container_asks_for_is_judged(guarded: Guarded) -> None:
    name = guarded.pulled()
    with guarded.policy(RUNTIME):
        guarded.must("run", "--rm", *NONE, name, "true")
        refused(guarded.docker("run", "--privileged", *NONE, name, "true"), "denyPrivileged")
        refused(guarded.docker("run", "-v", "/etc:/t", *NONE, name, "true"), "denyHostPath")


@pytest.mark.parametrize("minor", [44, 47, 51])
def test_a_body_that_is_not_shown_is_refused(guarded: Guarded, minor: int) -> None:
    body = json.dumps({"Image": guarded.evil}).encode()
    target, kind = f"/v1.{minor}/containers/create", "Content-Type: application/json"
    assert guarded.post_json(target, body + b" " * (1 << 20))[0] == 403
    assert guarded.post(target, kind, "Content-Length: 0")[0] == 403
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    assert guarded.post(target, kind, "Transfer-Encoding: chunked", body=chunked)[0] == 403


@pytest.mark.parametrize("prefix", ["", *(f"/v1.{minor}" for minor in range(44, 52))])
def test_every_version_of_the_api_is_judged(guarded: Guarded, prefix: str) -> None:
    status, said = guarded.post_json(f"{prefix}/containers/create", {"Image": guarded.evil})
    assert (status, "built-in/verify.signatures" in said) == (403, True), said
