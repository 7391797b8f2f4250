"""A real dockerd and docker's own client, with `trustkit serve docker-authz` between them."""

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from peers import images
from peers.docker import start_plugin
from peers.guarded_docker import AUDIT, NONE, RUNTIME, Guarded, refused, start_guarded, tar
from peers.registry import Registry
from peers.workspace import short_folder
from trustkit.hooks.docker.stored import Dockerd as StoredDockerd


@pytest.fixture(scope="module")
def guarded(registry: Registry) -> Iterator[Guarded]:
    with short_folder("authz") as folder:
        yield from start_guarded(folder, registry)


@pytest.fixture(scope="module")
def lenient(registry: Registry) -> Iterator[Guarded]:
    with short_folder("authz2") as folder:
        words = [
            word for name in ("build", "load", "commit", "archive", "volume-options") for word in ("--allow", name)
        ]
        yield from start_guarded(folder, registry, *words)


def test_a_signed_image_is_pulled_made_and_run(guarded: Guarded) -> None:
    done = guarded.docker("run", "--rm", *NONE, guarded.pushed(), "echo", "ran")
    assert (done.status, done.stdout) == (0, "ran\n"), done.said


def test_an_unsigned_image_is_refused_when_pulled(guarded: Guarded) -> None:
    name = guarded.pushed(sign=False)
    refused(guarded.docker("pull", name), "no valid signature", "built-in/verify.signatures", "next:")
    assert guarded.must("images", "-q", name) == ""


def test_an_unsigned_image_is_refused_when_run(guarded: Guarded) -> None:
    refused(guarded.docker("run", *NONE, guarded.pushed(sign=False), "true"), "built-in/verify.signatures")


def test_an_unsigned_image_in_the_store_is_refused_when_made(guarded: Guarded) -> None:
    name = guarded.pushed(sign=False)
    guarded.bring(name)
    refused(guarded.docker("create", *NONE, name, "true"), "built-in/verify.signatures")


def test_an_unsigned_image_in_the_store_is_refused_by_its_id(guarded: Guarded) -> None:
    name = guarded.pushed(sign=False)
    guarded.bring(name)
    image = guarded.must("images", "-q", "--no-trunc", name)
    refused(guarded.docker("create", *NONE, image, "true"), "built-in/verify.signatures")


def test_another_name_for_an_unsigned_image_does_not_help(guarded: Guarded) -> None:
    good, evil = guarded.pulled(), guarded.pushed(sign=False)
    guarded.bring(evil)
    guarded.must("tag", evil, good)
    refused(guarded.docker("run", *NONE, good, "true"), "built-in/verify.signatures")


def test_another_name_for_a_signed_image_runs(guarded: Guarded) -> None:
    guarded.must("tag", guarded.pulled(), "mine:1")
    assert guarded.must("run", "--rm", *NONE, "mine:1", "echo", "ran") == "ran"


def test_a_tag_that_was_moved_after_create_does_not_stop_what_was_admitted(guarded: Guarded) -> None:
    name = guarded.pulled()
    container = guarded.must("create", *NONE, name, "true")
    guarded.signed.push(images.build(files={"moved": b""}), sign=False)
    guarded.must("start", container)


def test_an_image_that_is_no_longer_trusted_does_not_start(guarded: Guarded) -> None:
    container = guarded.must("create", *NONE, guarded.pulled(), "true")
    key = guarded.signed.key_ring / "release.pub"
    kept = key.read_bytes()
    key.unlink()
    try:
        refused(guarded.docker("start", container))
        refused(guarded.docker("restart", container))
    finally:
        key.write_bytes(kept)


def test_a_running_container_is_judged_again_when_it_restarts(guarded: Guarded) -> None:
    container = guarded.must("run", "-d", *NONE, guarded.pulled(), "sleep", "60")
    guarded.must("restart", "-t", "0", container)
    guarded.must("rm", "-f", container)


@pytest.mark.parametrize("prefix", ["", *(f"/v1.{minor}" for minor in range(24, 42))])
def test_every_version_of_the_api_is_judged(guarded: Guarded, prefix: str) -> None:
    status, said = guarded.post_json(f"{prefix}/containers/create", {"Image": guarded.evil})
    assert (status, "built-in/verify.signatures" in said) == (403, True), said


def test_a_container_made_of_an_unsigned_image_does_not_start(guarded: Guarded) -> None:
    with guarded.policy(AUDIT):
        container = guarded.must("create", "--name", "late", *NONE, guarded.evil, "true")
    refused(guarded.docker("start", container), "built-in/verify.signatures")
    refused(guarded.docker("start", "late"), "built-in/verify.signatures")
    refused(guarded.docker("restart", "late"), "built-in/verify.signatures")


@pytest.mark.parametrize(
    ("flags", "rule"),
    [
        (("--privileged",), "denyPrivileged"), (("--pid", "host"), "denyHostNamespaces"),
        (("--ipc", "host"), "denyHostNamespaces"), (("-v", "/etc:/t"), "denyHostPath"),
        (("--mount", "type=bind,src=/etc,dst=/t"), "denyHostPath"), (("--device", "/dev/null"), "denyHostPath"),
        (("--cap-add", "SYS_ADMIN"), "capabilities"), (("-p", "18080:80"), "denyHostPorts"),
        (("--device-cgroup-rule", "a *:* rwm"), "denyHostPath"),
    ],
)  # fmt: skip
def test_what_a_container_asks_for_is_judged(guarded: Guarded, flags: tuple[str, ...], rule: str) -> None:
    name = guarded.pulled()
    with guarded.policy(RUNTIME):
        guarded.must("run", "--rm", *NONE, name, "true")
        refused(guarded.docker("create", *NONE, *flags, name, "true"), rule)


def test_volumes_of_another_container_are_judged_when_it_starts(guarded: Guarded) -> None:
    name = guarded.pulled()
    guarded.must("create", "--name", "holder", "-v", "/etc:/t", *NONE, name, "true")
    with guarded.policy(RUNTIME):
        container = guarded.must("create", "--volumes-from", "holder", *NONE, name, "true")
        refused(guarded.docker("start", container), "denyHostPath")


def test_a_named_volume_of_a_host_path_is_judged_when_it_starts(lenient: Guarded) -> None:
    name = lenient.pulled()
    lenient.must("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", "device=/etc", "disguised")
    with lenient.policy(RUNTIME):
        container = lenient.must("create", "-v", "disguised:/t", *NONE, name, "true")
        refused(lenient.docker("start", container), "denyHostPath")


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("build", "-"), "build"), (("load",), "load"), (("import", "-", "x:1"), "import"),
        (("commit", "held", "x:2"), "commit"), (("cp", "-", "held:/tmp"), "archive"),
        (("plugin", "install", "x/y"), "plugins"), (("swarm", "init"), "swarm"),
        (("service", "create", "x"), "swarm"), (("volume", "create", "-o", "device=/etc", "v"), "volume-options"),
        (("volume", "create", "-d", "other", "v"), "volume-options"),
        (("exec", "--privileged", "held", "true"), "exec-privileged"),
        (("run", "--runtime", "io.containerd.runc.v2", *NONE, "IMAGE", "true"), "runtime"),
        (("run", "--uts", "host", *NONE, "IMAGE", "true"), "host-namespaces"),
        (("run", "--mount", "type=volume,dst=/t,volume-opt=device=/etc", *NONE, "IMAGE", "true"), "volume-options"),
    ],
)  # fmt: skip
def test_what_no_policy_sees_is_refused_by_class(
    guarded: Guarded, held: str, words: tuple[str, ...], name: str
) -> None:
    given = [held if word == "IMAGE" else word for word in words]
    archive = tar() if words[0] in ("build", "cp", "load", "import") else b""
    refused(guarded.docker(*given, stdin=archive), f"the class {name}:", f"--allow {name}")


@pytest.fixture(scope="module")
def held(guarded: Guarded) -> str:
    """The image of a container `held` that runs."""
    name = guarded.pulled()
    guarded.must("run", "-d", "--name", "held", *NONE, name, "sleep", "600")
    return name


def test_what_a_class_let_through_still_does_not_run(lenient: Guarded) -> None:
    lenient.must("build", "-t", "built:1", "-", stdin=tar())
    refused(lenient.docker("create", *NONE, "built:1", "true"), "no registry vouches")


@pytest.mark.parametrize("name", ["grpc", "session"])
def test_buildkit_is_not_let_through(guarded: Guarded, name: str) -> None:
    status, said = guarded.post(f"/v1.41/{name}", "Connection: Upgrade", "Upgrade: h2c", "Content-Length: 0")
    assert (status, f"--allow {name}" in said) == (403, True), said


def test_a_name_does_not_pass_to_an_unsigned_image_under_a_start(guarded: Guarded) -> None:
    with guarded.policy(AUDIT):
        bad = guarded.must("create", *NONE, guarded.evil, "true")
    for number in range(5):
        good = guarded.must("create", "--name", "web", *NONE, guarded.pulled(), "true")
        with ThreadPoolExecutor(2) as pool:
            start = pool.submit(guarded.docker, "start", "web")
            renames = [pool.submit(guarded.docker, "rename", *pair) for pair in ((good, "was"), (bad, "web"))]
            assert {done.result().status for done in (start, *renames)} <= {0, 1}
        guarded.must("rename", bad, f"bad-{number}")
        guarded.must("rm", "-f", good)
    assert guarded.must("inspect", "--format", "{{.State.Status}}", bad) == "created"


def test_a_name_like_an_id_is_not_given(guarded: Guarded) -> None:
    image = guarded.pulled()
    refused(guarded.docker("create", "--name", "a" * 64, *NONE, image, "true"), "reads like the id")
    container = guarded.must("create", *NONE, image, "true")
    refused(guarded.docker("rename", container, "a" * 64), "reads like the id")
    guarded.must("start", container)


def test_a_name_that_begins_another_id_is_not_started_by(guarded: Guarded) -> None:
    with guarded.policy(AUDIT):
        bad = guarded.must("create", *NONE, guarded.evil, "true")
    image = guarded.pulled()
    good = guarded.must("create", "--name", bad[:12], *NONE, image, "true")
    refused(guarded.docker("start", bad[:12]), "more than one container", bad)
    refused(guarded.docker("restart", bad[:12]), "more than one container", "whole id")
    for name in (good, good[:20]):
        guarded.must("start", name)
    refused(guarded.docker("start", "nobody"), "no container nobody")


def test_dockerd_is_asked_which_containers_have_exactly_a_name(guarded: Guarded) -> None:
    image = guarded.pulled()
    one, _ = (guarded.must("create", "--name", name, *NONE, image, "true") for name in ("exact", "exact-not"))
    asked = StoredDockerd(guarded.daemon.socket)
    assert asked.named("exact") == (one,)
    assert asked.named("xact") == asked.named(one) == ()


def test_a_plain_process_in_a_container_runs(guarded: Guarded, held: str) -> None:
    assert guarded.must("exec", "held", "echo", "in") == "in"


def test_docker_sees_everything(guarded: Guarded, held: str) -> None:
    for words in (("ps", "-a"), ("images",), ("inspect", "held"), ("logs", "held"), ("info",), ("network", "ls"),
                  ("top", "held"), ("history", held), ("volume", "ls"), ("stats", "--no-stream", "held")):  # fmt: skip
        guarded.must(*words)


def test_docker_manages_what_runs(guarded: Guarded) -> None:
    guarded.must("run", "-d", "--name", "m1", *NONE, guarded.pulled(), "sleep", "60")
    for words in (("pause", "m1"), ("unpause", "m1"), ("update", "--memory", "64m", "--memory-swap", "-1", "m1"),
                  ("rename", "m1", "m2"), ("kill", "m2"), ("wait", "m2"), ("rm", "m2"), ("volume", "create", "v1"),
                  ("volume", "rm", "v1")):  # fmt: skip
        guarded.must(*words)


def test_a_create_without_its_body_is_refused(guarded: Guarded) -> None:
    status, said = guarded.post("/containers/create", "Content-Type: application/json", "Content-Length: 0")
    assert (status, "without its body" in said) == (403, True), said


BIG = b" " * (1024 * 1024)
JSON = "Content-Type: application/json"


def evil_body(guarded: Guarded) -> bytes:
    return json.dumps({"Image": guarded.evil, "Cmd": ["true"]}).encode()


def test_a_create_whose_body_is_too_large_to_be_shown_is_refused(guarded: Guarded) -> None:
    for body in (evil_body(guarded) + BIG, BIG + evil_body(guarded)):
        assert guarded.post_json("/containers/create", body)[0] == 403


def test_a_chunked_create_is_judged_or_refused(guarded: Guarded) -> None:
    for body in (evil_body(guarded), evil_body(guarded) + BIG):
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        assert guarded.post("/containers/create", JSON, "Transfer-Encoding: chunked", body=chunked)[0] == 403


def test_a_url_that_ends_like_a_login_hides_no_body(guarded: Guarded) -> None:
    # dockerd before 20.10.24 does not show this body
    assert guarded.post_json("/containers/create?x=/auth", evil_body(guarded))[0] == 403


@pytest.mark.parametrize(
    "path", ["/containers/%63reate", "/v1.41/containers/%63reate", "//containers/create", "/containers/./create",
             "/v1.23/containers/create", "/v1.041/containers/create"],
)  # fmt: skip
def test_another_spelling_of_the_path_is_refused(guarded: Guarded, path: str) -> None:
    # some of these dockerd itself does not serve
    assert guarded.post_json(path, evil_body(guarded))[0] in (301, 400, 403, 404)
    assert guarded.must("ps", "-a", "-q", "--filter", f"ancestor={guarded.evil}", "--filter", "status=running") == ""


@pytest.mark.parametrize("name", ["image", "IMAGE"])
def test_a_second_name_of_the_image_in_other_letters_is_refused(guarded: Guarded, name: str) -> None:
    good = guarded.pulled()
    assert guarded.post_json("/containers/create", {"Image": good, name: guarded.evil})[0] == 403


def test_a_name_twice_is_refused(guarded: Guarded) -> None:
    body = f'{{"Image":"{guarded.pulled()}","Image":"{guarded.evil}"}}'.encode()
    assert guarded.post_json("/containers/create", body)[0] == 403


@pytest.mark.parametrize("first", [True, False])
def test_a_form_does_not_change_what_is_pulled(guarded: Guarded, first: bool) -> None:
    good, evil = guarded.pushed(), guarded.pushed(sign=False)
    types = ["Content-Type: application/x-www-form-urlencoded", JSON]
    form = f"fromImage={evil}".encode()
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(form), form)
    target = f"/images/create?fromImage={good}"
    lines = types if first else types[:1]
    assert guarded.post(target, *lines, "Transfer-Encoding: chunked", body=chunked)[0] == 403
    assert guarded.post(target, *lines, f"Content-Length: {len(form)}", body=form)[0] == 403
    assert guarded.must("images", "-q", evil) == ""


@pytest.mark.parametrize("query", ["fromImage={0}", "fromImage={0}:latest&tag=latest", "fromImage={1}:latest;{0}"])
def test_a_pull_of_what_is_not_one_image_is_refused(guarded: Guarded, query: str) -> None:
    good = guarded.pushed().removesuffix(":latest")
    assert guarded.post(f"/images/create?{query.format(good, good)}", "Content-Length: 0")[0] in (400, 403)


def test_a_pull_by_digest_is_judged(guarded: Guarded) -> None:
    for sign in (True, False):
        name = guarded.pushed(sign=sign)
        digest = guarded.signed.registry.push(guarded.image, guarded.signed.repository)
        done = guarded.docker("pull", f"{name.removesuffix(':latest')}@{digest}")
        assert (done.status == 0) == sign, done.said


def test_every_answer_is_on_record(guarded: Guarded) -> None:
    guarded.docker("pull", guarded.pushed(sign=False))
    guarded.docker("plugin", "install", "x/y")
    found = guarded.trustkit.json("audit", "log", "--kind", "docker")
    assert isinstance(found, list)
    assert [one["outcome"] for one in found[-2:]] == ["deny", "deny"]
    decision = guarded.trustkit.json("audit", "log", "--kind", "decision")
    assert isinstance(decision, list)
    assert decision[-1]["outcome"] == "deny"


def test_without_the_plugin_docker_does_nothing_and_then_again_everything(registry: Registry) -> None:
    with short_folder("authz3") as folder:
        running = start_guarded(folder, registry)
        guarded = next(running)
        container = guarded.must("create", *NONE, guarded.pulled(), "true")
        guarded.plugin.signal(signal.SIGKILL)
        # dockerd tries for half a minute
        status, said = guarded.post(f"/containers/{container}/start", "Content-Length: 0")
        assert (status, "trustkit" in said) == (500, True), said
        again = start_plugin(folder, guarded.trustkit)
        try:
            guarded.must("start", container)
        finally:
            running.close()
            again.stop()


def test_a_registry_that_is_down_refuses_with_the_reason(guarded: Guarded) -> None:
    refused(guarded.docker("pull", "127.0.0.1:1/x/y:1"), "127.0.0.1:1")
