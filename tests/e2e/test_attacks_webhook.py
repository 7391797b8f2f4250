"""Ways past the webhook that a registry, or whoever makes a pod, may try: never an allow, always a reason."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peers.images import Image, build, push
from peers.misbehaving import Answer, MisbehavingRegistry
from peers.registry import Registry, Tls
from peers.reviews import container, pod_spec, review, workload
from peers.signed import Signed
from peers.trustkit import Trustkit
from peers.webhook import WebhookServer, webhook

FORGED = {
    "trustkit.dev/verified": "true",
    "trustkit.dev/decision": '{"verdict":"allow"}',
    "policy.sigstore.dev/include": "false",
}
IMAGE = build(files={"etc/lie": b"x"})


@pytest.fixture
def signed(trustkit: Trustkit, registry: Registry, repository: str) -> Signed:
    return Signed(trustkit, registry, repository)


@pytest.fixture
def server(trustkit: Trustkit, tls: Tls, signed: Signed, tmp_path: Path) -> Iterator[WebhookServer]:
    with webhook(trustkit, tls, tmp_path) as running:
        yield running


def said(server: WebhookServer, image: str, timeout: str = "20s", **metadata: Any) -> str:
    """Return why a pod of this image is refused; nothing if it is allowed."""
    document = review(workload("Pod", pod_spec(container(image)), **metadata))
    found = server.answer("/validate", document, timeout)
    return "" if found["allowed"] else found["status"]["message"]


def test_what_was_admitted_of_one_repository_says_nothing_of_another(
    server: WebhookServer, signed: Signed, image: Image, registry: Registry
) -> None:
    digest = image.digest
    good = f"{signed.push(image).rsplit(':', 1)[0]}@{digest}"
    assert said(server, good) == ""
    other = f"{signed.repository}-copy"
    push(image, registry.host, other)
    assert "verify.signatures" in said(server, f"{registry.host}/{other}@{digest}")


def test_what_a_tag_was_admitted_as_is_not_remembered_by_the_tag(
    server: WebhookServer, signed: Signed, image: Image
) -> None:
    name = signed.push(image).rsplit(":", 1)[0]
    assert said(server, f"{name}:latest@{image.digest}") == ""
    evil = build(files={"etc/evil": b"1"})
    signed.push(evil, sign=False)
    assert "verify.signatures" in said(server, f"{name}:latest@{evil.digest}")


@pytest.mark.parametrize("where", ["annotations", "labels"])
def test_a_pod_that_says_it_was_verified_is_judged_all_the_same(
    server: WebhookServer, signed: Signed, image: Image, where: str
) -> None:
    name = signed.push(image, sign=False).rsplit(":", 1)[0]
    assert "verify.signatures" in said(server, f"{name}@{image.digest}", **{where: FORGED})


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
    server: WebhookServer, misbehaving_registry: MisbehavingRegistry, lie: str
) -> None:
    answer, reason = LIES[lie]
    misbehaving_registry.serve(IMAGE, "app", "1")
    misbehaving_registry.always("GET", f"/v2/app/manifests/{IMAGE.digest}", answer)
    misbehaving_registry.always("HEAD", f"/v2/app/manifests/{IMAGE.digest}", answer)
    started = time.monotonic()
    message = said(server, f"{misbehaving_registry.host}/app@{IMAGE.digest}", "5s")
    assert message.startswith("trustkit: ")
    assert reason in message
    assert time.monotonic() - started < 5
