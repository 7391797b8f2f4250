"""Ways past the webhook that a registry, or whoever makes a pod, may try: never an allow, always a reason."""

import http.client
import json
import ssl
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from peers.images import Image, build, push
from peers.misbehaving import Answer, MisbehavingRegistry
from peers.processes import Process, free_port
from peers.registry import Registry, Tls
from peers.reviews import container, encoded, pod_spec, review, workload
from peers.signed import Signed
from peers.trustkit import Trustkit

FORGED = {
    "trustkit.dev/verified": "true",
    "trustkit.dev/decision": '{"verdict":"allow"}',
    "policy.sigstore.dev/include": "false",
}
IMAGE = build(files={"etc/lie": b"x"})


class Webhook(NamedTuple):
    port: int
    process: Process

    def said(self, image: str, seconds: int = 20, **metadata: Any) -> str:
        """Return why a pod of this image is refused; nothing if it is allowed."""
        document = review(workload("Pod", pod_spec(container(image)), **metadata))
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=60)
        try:
            connection.request("POST", f"/validate?timeout={seconds}s", encoded(document))
            answer = connection.getresponse()
            assert answer.status == 200
            found = json.loads(answer.read())["response"]
        finally:
            connection.close()
        return "" if found["allowed"] else found["status"]["message"]


@pytest.fixture
def signed(trustkit: Trustkit, registry: Registry, repository: str) -> Signed:
    return Signed(trustkit, registry, repository)


@pytest.fixture
def webhook(trustkit: Trustkit, tls: Tls, signed: Signed) -> Iterator[Webhook]:
    port = free_port()
    words = ("--listen", f"127.0.0.1:{port}", "--tls-cert", tls.certificate_file, "--tls-key", tls.key_file)
    running = Webhook(port, trustkit.start("serve", "webhook", *words))
    try:
        running.process.wait_until(lambda: ready(port))
        yield running
    finally:
        running.process.stop()


def ready(port: int) -> bool:
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=ssl._create_unverified_context(), timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def test_what_was_admitted_of_one_repository_says_nothing_of_another(
    webhook: Webhook, signed: Signed, image: Image, registry: Registry
) -> None:
    digest = image.digest
    good = f"{signed.push(image).rsplit(':', 1)[0]}@{digest}"
    assert webhook.said(good) == ""
    other = f"{signed.repository}-copy"
    push(image, registry.host, other)
    assert "verify.signatures" in webhook.said(f"{registry.host}/{other}@{digest}")


def test_what_a_tag_was_admitted_as_is_not_remembered_by_the_tag(
    webhook: Webhook, signed: Signed, image: Image
) -> None:
    name = signed.push(image).rsplit(":", 1)[0]
    assert webhook.said(f"{name}:latest@{image.digest}") == ""
    evil = build(files={"etc/evil": b"1"})
    signed.push(evil, sign=False)
    assert "verify.signatures" in webhook.said(f"{name}:latest@{evil.digest}")


@pytest.mark.parametrize("where", ["annotations", "labels"])
def test_a_pod_that_says_it_was_verified_is_judged_all_the_same(
    webhook: Webhook, signed: Signed, image: Image, where: str
) -> None:
    name = signed.push(image, sign=False).rsplit(":", 1)[0]
    assert "verify.signatures" in webhook.said(f"{name}@{image.digest}", **{where: FORGED})


LIES = {
    "another manifest": (Answer(200, b'{"schemaVersion":2}', {"Content-Type": IMAGE.media_type}), "sha256"),
    "a rate limit": (Answer(429, b"{}", {"Retry-After": "86400"}), "429"),
    "a fault": (Answer(503, b"{}", {"Retry-After": "86400"}), "503"),
    "no answer": (Answer(hang=True), ""),
    "an answer without end": (Answer(200, b"x" * 65536, {"Content-Type": IMAGE.media_type}, endless=True), ""),
    "a redirect inwards": (Answer(307, b"", {"Location": "http://169.254.169.254/latest"}), ""),
    "a place elsewhere": (Answer(307, b"", {"Location": "https://elsewhere.example/x"}), "another host"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_registry_that_lies_or_is_silent_is_refused_in_time_with_a_reason(
    webhook: Webhook, misbehaving_registry: MisbehavingRegistry, lie: str
) -> None:
    answer, reason = LIES[lie]
    misbehaving_registry.serve(IMAGE, "app", "1")
    misbehaving_registry.always("GET", f"/v2/app/manifests/{IMAGE.digest}", answer)
    misbehaving_registry.always("HEAD", f"/v2/app/manifests/{IMAGE.digest}", answer)
    started = time.monotonic()
    said = webhook.said(f"{misbehaving_registry.host}/app@{IMAGE.digest}", seconds=5)
    assert said.startswith("trustkit: ")
    assert reason in said
    assert time.monotonic() - started < 5
