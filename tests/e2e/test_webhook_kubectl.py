"""The real kubectl against a small API server of the tests, which asks the webhook as kube-apiserver does."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from peers.api_server import ApiServer, api_server
from peers.images import Image, build
from peers.registry import Registry, Tls
from peers.signed import Signed
from peers.tools import peer
from peers.trustkit import Trustkit
from peers.webhook import WebhookServer, webhook

Json = dict[str, Any]
Kubectl = Callable[..., "subprocess.CompletedProcess[str]"]
WARNING_POLICY = """apiVersion: trustkit.dev/v1
kind: Policy
metadata: {name: shop}
spec:
  enforcement: {mode: warn}
  trust: {keys: {nobody: {pem: nobody.pub}}}
  verify: {signatures: {key: nobody}}
"""


class Cluster(NamedTuple):
    server: ApiServer
    webhook: WebhookServer


@pytest.fixture
def signed(trustkit: Trustkit, registry: Registry, repository: str) -> Signed:
    return Signed(trustkit, registry, repository)


@pytest.fixture
def cluster(trustkit: Trustkit, tls: Tls, signed: Signed, tmp_path: Path) -> Iterator[Cluster]:
    with webhook(trustkit, tls, tmp_path) as running, api_server(running.port) as server:
        yield Cluster(server, running)


@pytest.fixture
def kubectl(cluster: Cluster, tmp_path: Path) -> Kubectl:
    def call(*words: str, manifest: Json | None = None) -> "subprocess.CompletedProcess[str]":
        command = [str(peer("kubectl")), "--server", cluster.server.url, *words]
        if manifest is not None:
            file = tmp_path / "manifest.json"
            file.write_text(json.dumps(manifest), encoding="utf-8")
            command += ["--validate=false", "-f", str(file)]
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    return call


def pod(image: str, **spec: object) -> Json:
    metadata = {"name": "web", "namespace": "shop"}
    containers = [{"name": "app", "image": image}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers, **spec}}


def deployment(image: str) -> Json:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": image}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    metadata = {"name": "web", "namespace": "shop"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def test_a_pod_of_a_signed_image_is_stored_pinned(
    cluster: Cluster, kubectl: Kubectl, signed: Signed, image: Image
) -> None:
    done = kubectl("apply", manifest=pod(signed.push(image)))
    assert done.returncode == 0, done.stderr
    assert "@sha256:" in cluster.server.pods["web"]["spec"]["containers"][0]["image"]


@pytest.mark.parametrize("made", [pod, deployment])
def test_kubectl_shows_why_an_unsigned_image_is_refused(
    cluster: Cluster, kubectl: Kubectl, signed: Signed, image: Image, made: Callable[[str], Json]
) -> None:
    done = kubectl("apply", manifest=made(signed.push(image, sign=False)))
    assert (done.returncode, "is not admitted" in done.stderr) == (1, True), done.stderr
    assert not cluster.server.stored


def test_a_deployment_of_a_signed_image_is_stored_pinned(
    cluster: Cluster, kubectl: Kubectl, signed: Signed, image: Image
) -> None:
    done = kubectl("apply", manifest=deployment(signed.push(image)))
    assert done.returncode == 0, done.stderr
    stored = cluster.server.stored["deployments", "web"]
    assert "@sha256:" in stored["spec"]["template"]["spec"]["containers"][0]["image"]


def test_a_dry_run_is_decided_as_well(cluster: Cluster, kubectl: Kubectl, signed: Signed, image: Image) -> None:
    done = kubectl("apply", "--dry-run=server", manifest=pod(signed.push(image, sign=False)))
    assert (done.returncode, "is not admitted" in done.stderr) == (1, True), done.stderr


def test_a_dry_run_of_a_signed_image_stores_nothing(
    cluster: Cluster, kubectl: Kubectl, signed: Signed, image: Image
) -> None:
    done = kubectl("apply", "--dry-run=server", manifest=pod(signed.push(image)))
    assert done.returncode == 0, done.stderr
    assert not cluster.server.stored


def test_an_update_to_an_unsigned_image_leaves_the_old_one(
    cluster: Cluster, kubectl: Kubectl, signed: Signed, image: Image, registry: Registry
) -> None:
    assert kubectl("apply", manifest=deployment(signed.push(image))).returncode == 0
    before = json.dumps(cluster.server.stored["deployments", "web"])
    other = signed.push(build(files={"etc/other": b"unsigned"}), "other", sign=False)
    done = kubectl("replace", manifest=deployment(other))
    assert (done.returncode, "is not admitted" in done.stderr) == (1, True), done.stderr
    assert json.dumps(cluster.server.stored["deployments", "web"]) == before


def test_a_debug_container_of_an_unsigned_image_is_not_added(
    cluster: Cluster, kubectl: Kubectl, signed: Signed, image: Image
) -> None:
    assert kubectl("apply", manifest=pod(signed.push(image))).returncode == 0
    other = signed.push(build(files={"etc/other": b"unsigned"}), "other", sign=False)
    words = ("debug", "web", "-n", "shop", f"--image={other}", "--profile=general")
    done = kubectl(*words)
    assert (done.returncode, "is not admitted" in done.stderr) == (1, True), done.stderr
    assert "ephemeralContainers" not in cluster.server.pods["web"]["spec"]


def test_a_debug_container_of_a_signed_image_is_added_pinned(
    cluster: Cluster, kubectl: Kubectl, signed: Signed, image: Image
) -> None:
    name = signed.push(image)
    assert kubectl("apply", manifest=pod(name)).returncode == 0
    done = kubectl("debug", "web", "-n", "shop", f"--image={name}", "--profile=general")
    assert done.returncode == 0, done.stderr
    (added,) = cluster.server.pods["web"]["spec"]["ephemeralContainers"]
    assert "@sha256:" in added["image"]
    sent = cluster.server.reviews[-1]["request"]
    assert (sent["operation"], sent["subResource"]) == ("UPDATE", "ephemeralcontainers")


def test_a_volume_of_an_unsigned_image_is_refused(
    cluster: Cluster, kubectl: Kubectl, signed: Signed, image: Image
) -> None:
    other = signed.push(build(files={"etc/other": b"unsigned"}), "other", sign=False)
    volume = {"name": "data", "image": {"reference": other}}
    done = kubectl("apply", manifest=pod(signed.push(image), volumes=[volume]))
    assert (done.returncode, "is not admitted" in done.stderr) == (1, True), done.stderr
    assert not cluster.server.stored


def test_what_is_only_warned_of_reaches_kubectls_user(
    cluster: Cluster, kubectl: Kubectl, trustkit: Trustkit, tls: Tls, signed: Signed, image: Image, tmp_path: Path
) -> None:
    trustkit.must("key", "generate", "nobody", env={"TRUSTKIT_PASSWORD": "x"})
    (tmp_path / "nobody.pub").write_text(trustkit.must("key", "export", "nobody").stdout, encoding="ascii")
    (tmp_path / "policy.yaml").write_text(WARNING_POLICY, encoding="utf-8")
    policy = {"TRUSTKIT_TRUST_POLICY": str(tmp_path / "policy.yaml")}
    trustkit.env.update(policy)
    with webhook(trustkit, tls, tmp_path) as again:
        cluster.server.webhook_port = again.port
        done = kubectl("apply", manifest=pod(signed.push(image)))
    assert done.returncode == 0, done.stderr
    assert "Warning: trustkit: " in done.stderr


def test_a_killed_webhook_lets_nothing_be_stored(
    cluster: Cluster, kubectl: Kubectl, signed: Signed, image: Image
) -> None:
    os.kill(cluster.webhook.process.pid, signal.SIGKILL)
    done = kubectl("apply", manifest=pod(signed.push(image)))
    assert (done.returncode, "failed calling webhook" in done.stderr) == (1, True), done.stderr
    assert not cluster.server.stored
