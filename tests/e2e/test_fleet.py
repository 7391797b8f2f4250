"""Two webhooks that share a real Redis or PostgreSQL: one fetch for both, and revocations that hold for both."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from peers import counting, images
from peers.postgres import postgres
from peers.processes import wait_until
from peers.redis import redis
from peers.signed import Signed
from peers.trustkit import Trustkit
from peers.webhook import WebhookServer
from peers.workspace import short_folder
from trustkit.codec.shared_entry import MANIFEST, Answer, Entry, read_entry, write_entry
from trustkit.fips.select import provider
from trustkit.fleet.open_store import open_store
from trustkit.fleet.sealed import HEAD_BYTES, Seal, read_key

STORES = ("redis", "postgres")
ENTRY_BYTES = 1 << 21
both = pytest.mark.parametrize("store_url", STORES, indirect=True)


@pytest.fixture(scope="module")
def store_url(request) -> Iterator[str]:
    if getattr(request, "param", "redis") == "redis":
        with redis() as running:
            yield running.url
    else:
        with postgres() as cluster:
            yield cluster.database()


class Fleet:
    """Two nodes with policy, key and store in common, before one registry whose requests are counted."""

    def __init__(self, folder: Path, url: str, door, registry, repository: str, **settings: str) -> None:
        self.door, self.key = door, folder / "fleet.key"
        self.nodes = []
        for name in ("a", "b"):
            (folder / name / "state").mkdir(parents=True, mode=0o700)
            node = Trustkit(folder / name / "state")
            node.env |= {"TRUSTKIT_CACHE_URL": url, "TRUSTKIT_CACHE_KEY_FILE": str(self.key), **settings}
            self.nodes.append(node)
        self.a, self.b = self.nodes
        self.signed = Signed(self.a, registry, repository)
        (self.b.home / "keys").mkdir()
        ring = "release.pub"
        (self.b.home / "keys" / ring).write_bytes((self.a.home / "keys" / ring).read_bytes())
        self.a.must("fleet", "init")
        self.store = open_store(url, 2, None)
        self.seal = Seal(read_key(self.key), provider())

    def push(self, image, tag="v1", *, sign=True) -> str:
        """Push an image and return it by digest, as seen through the counting door."""
        name = self.signed.push(image, tag, sign=sign)
        digest = self.signed.registry.push(image, self.signed.repository, tag)
        return f"{self.door.host}/{name.partition('/')[2].partition(':')[0]}@{digest}"

    def entry_name(self, decision: dict[str, Any], reference: str) -> str:
        """Return under which name a node looks for an image's evidence, told by the record of a decision on one."""
        name, _, digest = reference.partition("@")
        scope = (decision["policy"]["digest"], decision["trust_roots"])
        return self.seal.name("entry", *scope, name, digest, "anonymous")


@pytest.fixture
def fleet(store_url, registry, repository) -> Iterator[Fleet]:
    with short_folder("fleet") as folder, counting.counting_door(registry.host) as door:
        found = Fleet(folder, store_url, door, registry, repository)
        yield found
        found.store.close()


@contextmanager
def webhooks(nodes, tls, folder: Path) -> Iterator[list[WebhookServer]]:
    with ExitStack() as stack:
        running = []
        for number, node in enumerate(nodes):
            place = folder / f"webhook-{number}"
            place.mkdir()
            one = WebhookServer(node, tls, place)
            stack.callback(one.process.stop)
            running.append(one)
        for one in running:
            one.process.wait_until(one.ready)
        yield running


def decisions(node: Trustkit) -> list[dict[str, Any]]:
    """Return what a node recorded about images, the oldest first."""
    found = json.loads(node.must("audit", "log", "--output", "json").stdout)
    told = sorted((one for one in found if one["kind"] == "decision"), key=lambda one: one["number"])
    return [one["body"] for one in told]


@both
def test_two_nodes_make_one_fetch(fleet, tls, tmp_path, image):
    name = fleet.push(image)
    with webhooks(fleet.nodes, tls, tmp_path) as (first, second):
        assert first.allows(name)
        fetched = len(fleet.door.requests)
        assert second.allows(name)
    assert fetched > 0
    assert len(fleet.door.requests) == fetched


def test_an_unsigned_image_is_shared_with_nobody(fleet, tls, tmp_path):
    name = fleet.push(images.build(files={"n": b"unsigned"}), sign=False)
    with webhooks(fleet.nodes, tls, tmp_path) as (first, second):
        assert not first.allows(name)
        fetched = len(fleet.door.requests)
        assert not second.allows(name)
    assert len(fleet.door.requests) == 2 * fetched


@both
def test_a_revocation_on_one_node_denies_on_the_other(fleet, tls, tmp_path):
    name = fleet.push(images.build(files={"n": b"revoked"}))
    with webhooks([fleet.b], tls, tmp_path) as (other,):
        assert other.allows(name)
        fleet.a.must("fleet", "revoke", name, "--reason", "the build machine was broken into")
        wait_until(lambda: not other.allows(name), "a denial", 5)
        said = json.dumps(decisions(fleet.b)[-1])
    assert "the build machine was broken into" in said


def test_a_command_on_another_node_refuses_a_revoked_image_at_once(fleet):
    name = fleet.push(images.build(files={"n": b"at once"}))
    assert fleet.b.run("verify", name).status == 0
    fleet.a.must("fleet", "revoke", name, "--reason", "lost")
    done = fleet.b.run("verify", name)
    assert (done.status, "revocations/image" in done.stdout) == (1, True), done.said


def test_key_revoke_for_the_fleet_reaches_the_other_node(fleet):
    name = fleet.push(images.build(files={"n": b"key revoke"}))
    fleet.a.must("key", "revoke", "release", "--reason", "stolen laptop", "--fleet")
    done = fleet.b.run("verify", name)
    assert (done.status, "stolen laptop" in done.said) == (1, True), done.said


def test_key_revoke_for_the_fleet_is_finished_by_a_second_try(fleet, store_url):
    name = fleet.push(images.build(files={"n": b"second try"}))
    words = ("key", "revoke", "release", "--reason", "stolen laptop", "--fleet")
    done = fleet.a.run(*words, env={"TRUSTKIT_CACHE_URL": "redis://127.0.0.1:1"})
    assert (done.status, "on this machine, and not for the fleet" in done.stderr) == (4, True), done.said
    assert "give the same command again" in done.stderr
    assert (fleet.a.run("verify", name).status, fleet.b.run("verify", name).status) == (1, 0)
    fleet.a.must(*words)
    assert fleet.b.run("verify", name).status == 1
    told = json.loads(fleet.a.must("audit", "log", "--output", "json").stdout)
    kinds = [one["kind"] for one in sorted(told, key=lambda one: one["number"])]
    assert [kind for kind in kinds if "revo" in kind] == ["key.revoked", "revocation.published"]


def test_an_entry_that_nobody_of_the_fleet_made_is_not_used(fleet, tls, tmp_path):
    name = fleet.push(images.build(files={"n": b"poisoned"}))
    with webhooks(fleet.nodes, tls, tmp_path) as (first, second):
        assert first.allows(name)
        fetched = len(fleet.door.requests)
        place = fleet.entry_name(decisions(fleet.a)[-1], name)
        good = fleet.store.get(place, ENTRY_BYTES)
        assert good is not None
        fleet.store.put(place, good[:-10] + b"0123456789", 60)
        assert second.allows(name)
        assert len(fleet.door.requests) == 2 * fetched
        assert "that no node of this fleet made" in json.dumps(decisions(fleet.b)[-1]["notes"])


def test_another_images_evidence_never_admits_even_under_the_fleets_key(fleet, tls, tmp_path):
    good = fleet.push(images.build(files={"n": b"good"}), "good")
    bad = fleet.push(images.build(files={"n": b"bad"}), "bad", sign=False)
    with webhooks(fleet.nodes, tls, tmp_path) as (first, second):
        assert first.allows(good)
        told = decisions(fleet.a)[-1]
        value = fleet.store.get(fleet.entry_name(told, good), ENTRY_BYTES)
        entry = read_entry(value[HEAD_BYTES:])
        place = fleet.entry_name(told, bad)
        fleet.store.put(place, fleet.seal.close(place, write_entry(as_if_for(entry, good, bad))), 60)
        assert not second.allows(bad)
        assert "proves nothing" in json.dumps(decisions(fleet.b)[-1]["notes"])


def as_if_for(entry: Entry, good: str, bad: str) -> Entry:
    """Return the entry with the good image's signatures where the bad one's would lie."""
    hexes = [one.rpartition(":")[2] for one in (good, bad)]
    tag, moved = (f"sha256-{digits}.sig" for digits in hexes)
    answers = {key: value for key, value in entry.answers.items() if hexes[0] not in key[1]}
    signature = entry.answers[MANIFEST, tag]
    assert isinstance(signature, Answer)
    return entry._replace(answers={**answers, (MANIFEST, moved): signature})


def test_a_list_of_revocations_that_was_wiped_comes_back_from_a_node(fleet):
    digest = f"sha256:{'7' * 64}"
    fleet.a.must("fleet", "revoke", digest, "--reason", "lost")
    name = fleet.seal.name("revocations")
    fleet.store.put(name, fleet.seal.close(name, b'{"revoked":[]}'), 3600)
    fleet.a.must("fleet", "list")
    assert digest in fleet.b.must("fleet", "list").stdout


def test_a_list_that_somebody_wrote_without_the_key_denies(fleet):
    name = fleet.push(images.build(files={"n": b"forged list"}))
    place = fleet.seal.name("revocations")
    fleet.store.put(place, b"trustkit-1" + bytes(32) + b'{"revoked":[]}', 3600)
    done = fleet.b.run("verify", name)
    assert (done.status, "never read" in done.said) == (3, True), done.said


def test_a_node_that_was_never_told_of_a_list_denies(fleet, store_url):
    name = fleet.push(images.build(files={"n": b"no list"}))
    fleet.key.write_text("ab" * 32)
    done = fleet.b.run("verify", name)
    assert (done.status, "fleet init" in done.said) == (3, True), done.said


def test_revocations_of_this_machine_alone_do_not_count_as_the_fleets_list(trustkit):
    key = trustkit.home / "key"
    key.write_text("cd" * 32)
    key.chmod(0o600)
    shared = {"TRUSTKIT_CACHE_URL": "redis://127.0.0.1:1", "TRUSTKIT_CACHE_KEY_FILE": str(key)}
    trustkit.must("fleet", "revoke", f"sha256:{'7' * 64}", "--reason", "lost")
    done = trustkit.run("fleet", "status", env=shared)
    assert (done.status, "never read" in done.said) == (3, True), done.said


@pytest.mark.parametrize("kind", STORES)
def test_a_store_that_is_killed_leaves_local_work_and_then_denies(kind, registry, repository, tls, tmp_path):
    with ExitStack() as stack:
        folder = stack.enter_context(short_folder("fleet"))
        door = stack.enter_context(counting.counting_door(registry.host))
        running = stack.enter_context(redis() if kind == "redis" else postgres())
        url = running.url if kind == "redis" else running.database()
        fleet = Fleet(folder, url, door, registry, repository, TRUSTKIT_CACHE_GRACE="8", TRUSTKIT_CACHE_TIMEOUT="1")
        first, second = (fleet.push(images.build(files={"n": name}), name.decode()) for name in (b"one", b"two"))
        (webhook,) = stack.enter_context(webhooks([fleet.a], tls, tmp_path))
        assert webhook.allows(first)
        server = running.process if kind == "redis" else running.server
        server.signal(signal.SIGKILL)
        wait_until(lambda: not server.running(), "the end of the store")
        assert webhook.allows(second)
        assert "other nodes" in json.dumps(decisions(fleet.a)[-1]["notes"])
        assert "revocations are those read at" in fleet.a.run("fleet", "status").stdout
        wait_until(lambda: not webhook.allows(second), "the end of grace", 25)
        assert "nothing is allowed without it" in json.dumps(decisions(fleet.a)[-1])


def test_a_store_that_hangs_delays_no_more_than_its_time_out(trustkit, registry, repository):
    name = Signed(trustkit, registry, repository).push(images.build(files={"n": b"hang"}))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        trustkit.env["TRUSTKIT_CACHE_URL"] = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        (trustkit.home / "key").write_text("cd" * 32)
        (trustkit.home / "key").chmod(0o600)
        trustkit.env |= {"TRUSTKIT_CACHE_KEY_FILE": str(trustkit.home / "key"), "TRUSTKIT_CACHE_TIMEOUT": "1"}
        done = trustkit.run("verify", name)
    assert (done.status, "stopped answering" in done.said) == (3, True), done.said
    assert done.seconds < 5


def test_fips_mode_shares_through_redis_and_refuses_postgresql(fips):
    with redis() as running:
        fips.env |= {"TRUSTKIT_CACHE_URL": running.url, "TRUSTKIT_CACHE_KEY_FILE": str(fips.home / "fleet.key")}
        fips.must("fleet", "init")
        fips.must("fleet", "revoke", f"sha256:{'7' * 64}", "--reason", "lost")
        assert "7" * 64 in fips.must("fleet", "list").stdout
    done = fips.run("fleet", "status", env={"TRUSTKIT_CACHE_URL": "postgresql://127.0.0.1:1/x"})
    assert (done.status != 0, "FIPS" in done.said) == (True, True), done.said
