"""`trustkit scan` judges again what runs in real engines and lies in a real registry."""

from __future__ import annotations

import fcntl
import http.server
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from peers import counting, docker, images
from peers.misbehaving import Answer
from peers.processes import wait_until
from peers.signed import Signed
from peers.trustkit import Trustkit
from peers.workspace import short_folder
from trustkit.fips.parse import public_key_to_pem
from trustkit.fips.select import provider
from trustkit.hooks.scan.checkpoint import Checkpoint
from trustkit.hooks.scan.judging import Shard
from trustkit.hooks.scan.result import Result

NOTHING_SIGNED = """\
apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: stricter}
spec:
  trust: {keys: {other: {pem: other.pub}}}
  verify: {signatures: {anyOf: [{key: other}]}}
"""


@pytest.fixture
def signed(trustkit: Trustkit, registry, repository: str) -> Signed:
    return Signed(trustkit, registry, repository)


def scan(trustkit: Trustkit, *words: str | Path) -> tuple[int, dict[str, Any]]:
    done = trustkit.run("scan", *words, "--output", "json")
    assert done.stdout, done.said
    return done.status, json.loads(done.stdout)


def by_name(found: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one for one in found["images"]}


def at(signed: Signed) -> str:
    return f"{signed.registry.host}/{signed.repository}"


def test_a_repository_is_judged_tag_by_tag(trustkit, signed):
    good = signed.push(images.build(files={"n": b"good"}), "good")
    bad = signed.push(images.build(files={"n": b"bad"}), "bad", sign=False)
    status, found = scan(trustkit, at(signed))
    assert {name: one["verdict"] for name, one in by_name(found).items()} == {good: "allow", bad: "deny"}
    # nothing of it runs, and nothing of it was ever admitted
    assert status == 0


def test_every_repository_of_a_catalog_is_judged(trustkit, start_registry):
    alone = start_registry()
    one, other = Signed(trustkit, alone, "shop/web"), "shop/db"
    names = {one.push(images.build(), "v1"), alone.reference(other, "v1")}
    alone.push(images.build(), other, "v1")
    assert set(by_name(scan(trustkit, "--registry", alone.host)[1])) == names


def test_a_catalog_is_read_page_by_page(trustkit, misbehaving_registry):
    pages = {
        "/v2/_catalog?n=500": ({"repositories": ["a"]}, "</v2/_catalog?n=500&last=a>; rel=next"),
        "/v2/_catalog?n=500&last=a": ({"repositories": ["b"]}, ""),
        "/v2/a/tags/list?n=500": ({"name": "a", "tags": None}, ""),
        "/v2/b/tags/list?n=500": ({"name": "b", "tags": ["v1", f"sha256-{'a' * 64}.sig"]}, ""),
    }
    for path, (body, link) in pages.items():
        headers = {"Link": link} if link else {}
        misbehaving_registry.script("GET", path, Answer(200, json.dumps(body).encode(), headers))
    status, found = scan(trustkit, "--registry", misbehaving_registry.host)
    assert (status, [one["verdict"] for one in found["images"]]) == (3, ["unknown"])


def test_a_registry_that_is_down_leaves_the_others_results(trustkit, signed):
    signed.push(images.build(files={"n": b"kept"}), "kept")
    status, found = scan(trustkit, at(signed), "--registry", "127.0.0.1:1")
    assert (status, len(found["images"]), found["failed"][0]["place"]) == (3, 1, "registry 127.0.0.1:1")


def test_a_registry_that_hangs_ends_by_its_time_out(trustkit, misbehaving_registry):
    misbehaving_registry.script("GET", "/v2/_catalog?n=500", Answer(hang=True))
    trustkit.env["TRUSTKIT_REGISTRY_TIMEOUT"] = "1"
    status, found = scan(trustkit, "--registry", misbehaving_registry.host)
    assert (status, found["failed"][0]["error"]) == (3, "source.unreachable")


@pytest.mark.parametrize("cause", ["revocation", "new policy", "expiry"])
def test_what_was_admitted_and_is_no_longer_is_told_with_its_cause(trustkit, signed, tmp_path, cause):
    name = signed.push(images.build(files={"n": cause.encode()}), "v1")
    assert scan(trustkit, at(signed))[0] == 0
    if cause == "revocation":
        trustkit.must("fleet", "revoke", name, "--reason", "stolen")
    elif cause == "new policy":
        stranger = provider().generate("ecdsa-p256").public
        (tmp_path / "other.pub").write_bytes(public_key_to_pem(stranger))
        (tmp_path / "policy.yaml").write_text(NOTHING_SIGNED)
        trustkit.env["TRUSTKIT_TRUST_POLICY"] = str(tmp_path / "policy.yaml")
    else:
        ended = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
        public = trustkit.home / "keys" / "release.pub"
        (tmp_path / "release.pub").write_bytes(public.read_bytes())
        public.unlink()
        trustkit.must("key", "import", "release", tmp_path / "release.pub", "--not-after", ended)
    status, found = scan(trustkit, at(signed))
    one = by_name(found)[name]
    assert (status, one["flips"], one["before"], one["cause"]) == (1, True, "allow", cause), one
    assert "scan.flipped" in trustkit.must("audit", "log", "--output", "json").stdout


def test_shards_are_disjoint_and_complete(trustkit, signed):
    count = 3
    names = {signed.push(images.build(files={"n": b"%d" % n}), f"t{n}", sign=False) for n in range(12)}
    parts = []
    for number in range(count):
        trustkit.env["JOB_COMPLETION_INDEX"] = str(number)
        parts.append(set(by_name(scan(trustkit, at(signed), "--shard", str(count))[1])))
    assert set().union(*parts) == names
    assert sum(map(len, parts)) == len(names)


@pytest.mark.parametrize("text", ["2/2", "x", "1/0", "-1/2", "3"])
def test_an_odd_shard_is_refused(trustkit, text):
    assert trustkit.run("scan", "--shard", text, "127.0.0.1:1/x").status == 2


def begun(trustkit: Trustkit, lines: int) -> Path:
    """Wait for so many lines of the one scan under way, and return its file."""
    files: list[Path] = []

    def enough() -> bool:
        files[:] = (trustkit.home / "scan").glob("*.jsonl")
        return bool(files) and files[0].read_bytes().count(b"\n") >= lines

    wait_until(enough, f"{lines} lines")
    assert len(files) == 1
    return files[0]


def test_a_scan_that_was_killed_goes_on_where_it_was(trustkit, signed, registry):
    with counting.counting_door(registry.host) as door:
        for number in range(24):
            signed.push(images.build(files={"n": b"kill-%d" % number}), f"t{number}", sign=False)
        target = f"{door.host}/{signed.repository}"
        running = trustkit.start("scan", target)
        file = begun(trustkit, 5)
        running.signal(signal.SIGKILL)
        running.stop()
        done = file.read_bytes().count(b"\n") - 1
        assert 4 <= done < 24
        with file.open("ab") as stream:
            stream.write(b'{"asked": "torn')
        before = len(door.requests)
        status, found = scan(trustkit, target)
        judged = {path.split("/manifests/")[1] for path in door.requests[before:] if "/manifests/t" in path}
    assert (status, len(found["images"]), len(judged)) == (0, 24, 24 - done)
    assert not file.exists()


UNSIGNED = """\
apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: unsigned}
spec:
  enforcement: {mode: MODE}
"""


def put_in_force(trustkit: Trustkit, file: Path, mode: str) -> None:
    """Make a policy that lets unsigned images run (`audit`), or not (`enforce`), the machine's own."""
    file.write_text(UNSIGNED.replace("MODE", mode))
    trustkit.env["TRUSTKIT_TRUST_POLICY"] = str(file)


def records(trustkit: Trustkit, kind: str) -> list[dict[str, Any]]:
    told = trustkit.must("audit", "log", "--output", "json").stdout
    return [one for one in json.loads(told) if one["kind"] == kind]


def flips(trustkit: Trustkit) -> list[dict[str, Any]]:
    return [one["body"] for one in records(trustkit, "scan.flipped")]


def decisions(trustkit: Trustkit) -> list[dict[str, Any]]:
    return records(trustkit, "decision")


@pytest.mark.parametrize("goes_on", [True, False])
def test_no_flip_is_lost_when_a_scan_is_killed(trustkit, signed, tmp_path, goes_on):
    names = {signed.push(images.build(files={"n": b"flip-%d" % n}), f"t{n}", sign=False) for n in range(24)}
    put_in_force(trustkit, tmp_path / "policy.yaml", "audit")
    assert scan(trustkit, at(signed))[0] == 0
    put_in_force(trustkit, tmp_path / "policy.yaml", "enforce")
    running = trustkit.start("scan", at(signed))
    begun(trustkit, 5)
    running.signal(signal.SIGKILL)
    running.stop()
    assert 4 <= len(flips(trustkit)) < 24
    if not goes_on:
        trustkit.must("fleet", "revoke", f"{at(signed)}@sha256:{'0' * 64}", "--reason", "another")
    # without the results of the killed scan, its verdicts are the ones before: their flips are on record
    status, found = scan(trustkit, at(signed))
    assert (status, sum(one["flips"] for one in found["images"]) == 24) == (1, goes_on)
    assert sorted(one["reference"] for one in flips(trustkit)) == sorted(names)


def test_a_policy_that_is_only_tried_hides_no_flip(trustkit, signed, tmp_path):
    name = signed.push(images.build(files={"n": b"trial"}), "v1", sign=False)
    own, other = tmp_path / "policy.yaml", tmp_path / "other.yaml"
    put_in_force(trustkit, own, "audit")
    assert scan(trustkit, at(signed))[0] == 0
    other.write_text(UNSIGNED.replace("MODE", "enforce"))
    assert scan(trustkit, at(signed), "--policy", other)[0] == 1
    assert [one["trial"] for one in flips(trustkit)] == [str(other)]
    put_in_force(trustkit, own, "enforce")
    # named or not, the machine's own policy is no trial
    status, found = scan(trustkit, at(signed), "--policy", own)
    assert (status, by_name(found)[name]["before"]) == (1, "allow")
    assert [one.get("trial", "") for one in flips(trustkit)] == [str(other), ""]
    assert scan(trustkit, at(signed))[0] == 0


@pytest.mark.parametrize(
    ("words", "trial"),
    [
        (("verify", "--policy", "OTHER"), "verify"),
        (("verify", "--key", "OTHER-KEY"), "verify"),
        (("verify", "--containers-policy", "OTHER-JSON"), "verify"),
        (("verify-attestation", "--key", "OTHER-KEY"), "verify"),
        (("verify",), "verify"),
        (("policy", "explain", "--policy", "OTHER"), "explain"),
        (("policy", "explain", "--privileged"), "explain"),
        (("admit", "--policy", "OTHER"), "OTHER"),
    ],
)
def test_a_look_at_an_image_hides_no_flip(trustkit, signed, tmp_path, words, trial):
    name = signed.push(images.build(files={"n": "-".join(words).encode()}), "v1", sign=False)
    own, other, key = tmp_path / "policy.yaml", tmp_path / "other.yaml", tmp_path / "other.pub"
    other.write_text(UNSIGNED.replace("MODE", "enforce"))
    key.write_bytes(public_key_to_pem(provider().generate("ecdsa-p256").public))
    (tmp_path / "policy.json").write_text('{"default": [{"type": "reject"}]}')
    files = {"OTHER": str(other), "OTHER-KEY": str(key), "OTHER-JSON": str(tmp_path / "policy.json")}
    put_in_force(trustkit, own, "audit")
    trustkit.must("admit", name)
    put_in_force(trustkit, own, "enforce")
    assert trustkit.run(*(files.get(word, word) for word in words), name).status == 1
    assert [one["body"].get("trial") for one in decisions(trustkit)] == [None, files.get(trial, trial)]
    status, found = scan(trustkit, at(signed))
    assert (status, by_name(found)[name]["before"], len(flips(trustkit))) == (1, "allow", 1)


def test_what_scripts_ask_of_the_machines_own_policy_is_no_look(trustkit, signed, tmp_path):
    name = signed.push(images.build(files={"n": b"own"}), "v1", sign=False)
    put_in_force(trustkit, own := tmp_path / "policy.yaml", "audit")
    trustkit.must("admit", "--policy", own, name)
    put_in_force(trustkit, own, "enforce")
    assert by_name(scan(trustkit, at(signed))[1])[name]["flips"]


def test_a_scan_by_another_policy_sees_what_scripts_admitted_by_it(trustkit, signed, tmp_path):
    name = signed.push(images.build(files={"n": b"scripts"}), "v1", sign=False)
    other = tmp_path / "other.yaml"
    other.write_text(UNSIGNED.replace("MODE", "audit"))
    trustkit.must("admit", "--policy", other, name)
    other.write_text(UNSIGNED.replace("MODE", "enforce"))
    assert by_name(scan(trustkit, at(signed), "--policy", other)[1])[name]["flips"]
    assert by_name(scan(trustkit, at(signed))[1])[name]["before"] == ""


def test_a_checkpoint_of_another_scan_or_of_yesterday_does_not_count(tmp_path):
    now = datetime(2026, 11, 23, tzinfo=UTC)

    def kept(scan, at):
        with Checkpoint(tmp_path / "scan", scan, at) as checkpoint:
            found = dict(checkpoint.done)
            checkpoint.add("image", Result("allow"))
        return found

    assert [bool(kept("one", now + timedelta(hours=hours))) for hours in (0, 1, 25, 26)] == [False, True, False, True]
    assert not kept("other", now + timedelta(hours=26))


def test_the_same_scan_twice_at_once_is_refused_and_another_one_is_not(trustkit, signed, tmp_path):
    for number in range(24):
        signed.push(images.build(files={"n": b"twice-%d" % number}), f"t{number}", sign=False)
    put_in_force(trustkit, tmp_path / "policy.yaml", "audit")
    other = tmp_path / "other.yaml"
    other.write_text(UNSIGNED.replace("MODE", "enforce"))
    running = trustkit.start("scan", at(signed))
    file = begun(trustkit, 2)
    running.signal(signal.SIGKILL)
    running.stop()
    before = file.read_bytes()
    with file.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        second = trustkit.run("scan", at(signed))
        tried = scan(trustkit, at(signed), "--policy", other)[1]
    assert (second.status, "under way in another process" in second.stderr) == (4, True)
    assert file.read_bytes() == before
    assert {one["verdict"] for one in tried["images"]} == {"deny"}


@pytest.mark.parametrize(
    "words",
    [
        ("foo",),
        ("/tmp/x",),
        ("127.0.0.1:1/Upper",),
        ("--registry", "bad host"),
        ("--registry", "127.0.0.1:1/x"),
        ("--kubernetes", "foo"),
    ],
)
def test_words_that_name_no_place_are_a_usage_error_and_no_scan(trustkit, words):
    assert trustkit.run("scan", *words).status == 2
    assert not (trustkit.home / "audit").exists()


def test_every_image_is_in_exactly_one_shard():
    for asked in (f"image-{number}" for number in range(200)):
        assert sum(Shard(number, 7).has(asked) for number in range(7)) == 1


# --- what runs ----------------------------------------------------------------------------------------


def test_a_container_of_the_own_engine_whose_image_was_revoked_is_told_of(trustkit, signed):
    name = signed.push(images.build(), "v1")
    trustkit.must("run", "-d", "--name", "web", "--network", "none", name, "sleep", "600")
    status, found = scan(trustkit)
    assert (status, [(one["name"], one["running"], one["verdict"]) for one in found["images"]]) == (
        0, [("web", True, "allow")],
    )  # fmt: skip
    trustkit.must("fleet", "revoke", name, "--reason", "stolen")
    status, found = scan(trustkit, "--engine")
    assert (status, found["images"][0]["cause"], found["images"][0]["matters"]) == (1, "revocation", True)


def test_dockers_containers_are_judged_by_their_registry_digests(trustkit, signed, registry):
    good = signed.push(images.build(files={"n": b"docker good"}), "good")
    bad = signed.push(images.build(files={"n": b"docker bad"}), "bad", sign=False)
    with (
        short_folder("scan") as folder,
        docker.dockerd(folder, ports=[int(registry.host.rpartition(":")[2])]) as engine,
    ):
        for number, name in enumerate((good, bad)):
            engine.must("run", "-d", "--network", "none", "--name", f"c{number}", name, "sleep", "600")
        engine.must("commit", "c0", "here:1")
        engine.must("run", "-d", "--network", "none", "--name", "built", "here:1", "sleep", "600")
        engine.must("create", "--network", "none", "--name", "idle", bad, "true")
        status, found = scan(trustkit, "--docker", engine.socket)
    told = {name: (one["running"], one["verdict"]) for name, one in by_name(found).items()}
    assert told == {
        "c0": (True, "allow"), "c1": (True, "deny"), "built": (True, "deny"), "idle": (False, "deny"),
    }  # fmt: skip
    assert status == 1


def test_a_dockerd_that_is_away_is_told_of(trustkit, tmp_path):
    status, found = scan(trustkit, "--docker", tmp_path / "none.sock")
    assert (status, found["failed"][0]["error"]) == (3, "hook.engine")


def test_containerds_containers_of_every_namespace_are_judged(trustkit, signed, start_containerd):
    good = signed.push(images.build(files={"n": b"ctr good"}), "good")
    bad = signed.push(images.build(files={"n": b"ctr bad"}), "bad", sign=False)
    engine, name_of = start_containerd(), f"scan-{os.getpid()}"
    for namespace, name in (("shop", good), ("k8s.io", bad)):
        for words in (
            ("images", "pull", "--plain-http", "--snapshotter", "native", name),
            ("run", "--detach", "--snapshotter", "native", name, name_of, "/bin/sleep", "600"),
        ):
            done = engine.ctr(*words, namespace=namespace)
            assert done.status == 0, done.said
    status, found = scan(trustkit, "--containerd", engine.socket)
    told = {one["place"]: (one["running"], one["verdict"]) for one in found["images"]}
    assert (status, told) == (1, {"containerd shop": (True, "allow"), "containerd k8s.io": (True, "deny")})
    status, found = scan(trustkit, "--containerd", engine.socket, "--namespace", "shop")
    assert (status, len(found["images"])) == (0, 1)
    for namespace in ("shop", "k8s.io"):
        engine.ctr("tasks", "kill", "-s", "SIGKILL", name_of, namespace=namespace)
        engine.ctr("tasks", "delete", "--force", name_of, namespace=namespace)


class ApiServer:
    """A fake: it lists pods as an API server does, two a page, to whoever has the token."""

    def __init__(self) -> None:
        self.pods: list[dict[str, Any]] = []
        self.url = ""


@contextmanager
def api_server() -> Iterator[ApiServer]:
    fake = ApiServer()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            allowed = self.headers.get("Authorization") == "Bearer t0ken" and self.path.startswith("/api/v1/pods?")
            start = int(self.path.rpartition("continue=")[2]) if "continue=" in self.path else 0
            following = str(start + 2) if start + 2 < len(fake.pods) else ""
            body = {"kind": "PodList", "metadata": {"continue": following}, "items": fake.pods[start : start + 2]}
            content = json.dumps(body if allowed else {"kind": "Status"}).encode()
            self.send_response(200 if allowed else 403)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def listed(name: str, image: str, image_id: str = "", *, static: bool = False) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": "shop"}
    if static:
        metadata["annotations"] = {"kubernetes.io/config.mirror": "5f4dcc3b"}
    state = {"name": "app", "image": image, "imageID": image_id, "state": {"running": {}} if image_id else {}}
    spec = {"containers": [{"name": "app", "image": image}]}
    return {"metadata": metadata, "spec": spec, "status": {"containerStatuses": [state]}}


def test_pods_are_judged_by_the_digests_their_nodes_report(trustkit, signed, tmp_path):
    (tmp_path / "token").write_text("t0ken\n")
    good = signed.push(images.build(files={"n": b"pod good"}), "good")
    bad = signed.push(images.build(files={"n": b"pod bad"}), "bad", sign=False)
    ids = [
        signed.registry.push(images.build(files={"n": what}), signed.repository) for what in (b"pod good", b"pod bad")
    ]
    good_id, bad_id = (f"{at(signed)}@{digest}" for digest in ids)
    with api_server() as cluster:
        cluster.pods = [
            listed("signed", good, good_id),
            listed("static", bad, bad_id, static=True),
            listed("pinned", bad_id, bad_id),
            listed("waiting", good),
            listed("odd", good, "sha256:" + "0" * 64),
        ]
        words = ("--kubernetes", cluster.url, "--kubernetes-token", tmp_path / "token")
        status, found = scan(trustkit, *words)
    told = {one["name"].partition("/")[0]: (one["place"], one["verdict"]) for one in found["images"]}
    assert told == {
        "signed": ("kubernetes shop", "allow"),
        "static": ("kubernetes shop (static pod)", "deny"),
        "pinned": ("kubernetes shop", "deny"),
        "waiting": ("kubernetes shop", "unknown"),
        "odd": ("kubernetes shop", "deny"),
    }
    assert status == 1


def test_an_api_server_that_refuses_is_told_of(trustkit, tmp_path):
    (tmp_path / "token").write_text("wrong")
    with api_server() as cluster:
        status, found = scan(trustkit, "--kubernetes", cluster.url, "--kubernetes-token", tmp_path / "token")
    assert (status, "does not list pods" in found["failed"][0]["message"]) == (3, True)
