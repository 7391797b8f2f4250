"""The real webhook when many ask at once: one fetch for one image, bounded memory for many, an answer in time."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from threading import Barrier, Thread

import pytest

from peers import counting, images
from peers.misbehaving import Answer
from peers.reviews import container, encoded, pod_spec, review, workload
from peers.signed import Signed
from peers.webhook import WebhookServer, pod, webhook

REVIEWS, CONNECTIONS = 500, 50
FLOOD, IMAGES = 2100, 50
DIGEST = "a" * 64


@pytest.fixture
def server(trustkit, tls, tmp_path):
    with webhook(trustkit, tls, tmp_path) as running:
        yield running


def ask_many(server: WebhookServer, bodies: list[bytes]) -> list[bool]:
    """Return whether each review was allowed; all are asked over so many connections at once."""
    answers: list[bool] = []
    start = Barrier(CONNECTIONS)

    def work(mine: list[bytes]) -> None:
        connection = server.connect()
        connection.connect()
        start.wait(60)
        for body in mine:
            connection.request("POST", "/validate?timeout=30s", body)
            answers.append(json.loads(connection.getresponse().read())["response"]["allowed"])
        connection.close()

    threads = [Thread(target=work, args=(bodies[number::CONNECTIONS],)) for number in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def resident_kib(server: WebhookServer) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def test_500_reviews_at_once_for_one_uncached_image_make_one_fetch(trustkit, registry, repository, tls, tmp_path):
    signed = Signed(trustkit, registry, repository)
    signed.push(images.build(files={"n": b"crowd"}))
    digest = registry.push(images.build(files={"n": b"crowd"}), repository)
    with counting.counting_door(registry.host) as door, webhook(trustkit, tls, tmp_path) as server:
        name = f"{door.host}/{repository}@{digest}"
        # all of them come while the registry has not answered yet
        door.open.clear()
        releasing = Thread(target=release, args=(door,))
        releasing.start()
        answers = ask_many(server, [encoded(pod(name))] * REVIEWS)
        releasing.join()
        asked = list(door.requests)
    assert answers == [True] * REVIEWS
    assert len(asked) == len(set(asked)), asked
    assert asked.count(f"GET /v2/{repository}/manifests/sha256-{digest.removeprefix('sha256:')}.sig") == 1


def release(door: counting.Door) -> None:
    """Let the registry answer once as many reviews wait as there are connections, give or take."""
    deadline = time.monotonic() + 20
    while not door.requests and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.5)
    door.open.set()


def test_a_flood_of_distinct_images_leaves_memory_bounded(server):
    def flood(first: int) -> int:
        names = [f"127.0.0.1:1/shop/web@sha256:{number:064x}" for number in range(first, first + FLOOD)]
        pods = [names[start : start + IMAGES] for start in range(0, FLOOD, IMAGES)]
        specs = [pod_spec(*(container(name, f"c{n}") for n, name in enumerate(part))) for part in pods]
        assert not any(ask_many(server, [encoded(review(workload("Pod", spec))) for spec in specs]))
        return resident_kib(server)

    # the first two fill the memory up to its bound of 4,096 images; the third replaces what is in it
    sizes = [flood(turn * FLOOD) for turn in range(3)]
    assert sizes[2] - sizes[1] < 24 * 1024, sizes
    assert sizes[2] < 256 * 1024, sizes


def test_a_review_is_answered_before_the_api_servers_deadline(server, misbehaving_registry, trustkit):
    misbehaving_registry.script("GET", f"/v2/shop/web/manifests/sha256:{DIGEST}", Answer(hang=True))
    name = f"{misbehaving_registry.host}/shop/web@sha256:{DIGEST}"
    taken = []
    for _ in range(2):
        started = time.monotonic()
        found = server.answer("/validate", pod(name), timeout="3s")
        taken.append(time.monotonic() - started)
        assert (found["allowed"], "within 2.4 seconds" in found["status"]["message"]) == (False, True), found
    assert statistics.median(taken) < 3
    said = json.loads(trustkit.must("audit", "log", "--output", "json").stdout)
    assert "unknown" in {one["outcome"] for one in said if one["kind"] == "review"}


def test_the_deadline_of_a_tag_is_kept_by_the_mutating_webhook_too(server, misbehaving_registry):
    misbehaving_registry.script("GET", "/v2/shop/web/manifests/v1", Answer(hang=True))
    started = time.monotonic()
    found = server.answer("/mutate", pod(f"{misbehaving_registry.host}/shop/web:v1"), timeout="2s")
    assert (found["allowed"], time.monotonic() - started < 2) == (False, True), found
