"""Images of a registry that wants a password, judged with the credentials that pods bring along."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from peers.images import Image, write_layout
from peers.namespaces import ApiServer, api_server
from peers.registry import LOGIN, Registry, Tls, docker_registry
from peers.reviews import container, pod_spec, review, workload
from peers.trustkit import Trustkit
from peers.webhook import WebhookServer, webhook

SECRETS: list[dict[str, str]] = [{"name": "regcred"}]
PASSPHRASE = {"TRUSTKIT_PASSWORD": "x"}


class Cluster(NamedTuple):
    webhook: WebhookServer
    api: ApiServer
    image: str
    host: str

    def said(self, namespace: str = "shop", kind: str = "Pod", **spec: Any) -> str:
        """Return why such an object is refused; nothing if it is allowed."""
        document = review(workload(kind, pod_spec(container(self.image), **spec), namespace=namespace))
        found = self.webhook.answer("/validate", document)
        return "" if found["allowed"] else found["status"]["message"]


@pytest.fixture(scope="module")
def private() -> Iterator[Registry]:
    with docker_registry(password=True) as registry:
        yield registry


@pytest.fixture
def pinned(private: Registry, repository: str, image: Image, trustkit: Trustkit, tmp_path: Path) -> str:
    """A signed image that only alice may pull; the webhook has no credentials of its own."""
    write_layout(image, tmp_path / "layout", "v1")
    reference = private.reference(repository, "v1")
    push = ["skopeo", "copy", "-q", "--dest-tls-verify=false", "--dest-creds", LOGIN]
    subprocess.run([*push, f"oci:{tmp_path / 'layout'}:v1", f"docker://{reference}"], check=True, capture_output=True)
    login = tmp_path / "login.json"
    login.write_text(auth_file(private.host), encoding="ascii")
    trustkit.must("key", "generate", "release", env=PASSPHRASE)
    trustkit.must("sign", "--key", "release", reference, env={**PASSPHRASE, "TRUSTKIT_REGISTRY_AUTH_FILE": str(login)})
    return private.reference(repository, image.digest)


@pytest.fixture
def cluster(trustkit: Trustkit, tls: Tls, pinned: str, private: Registry, tmp_path: Path) -> Iterator[Cluster]:
    with api_server(tls, tmp_path / "account") as api:
        api.add_secret("shop", "regcred", {private.host: LOGIN})
        trustkit.env.update(api.variables)
        more = ("--pull-secrets", "--service-account", api.account)
        with webhook(trustkit, tls, tmp_path, *more) as running:
            yield Cluster(running, api, pinned, private.host)


def auth_file(host: str) -> str:
    import base64
    import json

    return json.dumps({"auths": {host: {"auth": base64.b64encode(LOGIN.encode()).decode()}}})


def test_a_pod_with_its_pull_secret_is_admitted(cluster: Cluster) -> None:
    assert cluster.said(imagePullSecrets=SECRETS) == ""


def test_what_one_pods_secret_showed_is_not_told_to_another_pod(cluster: Cluster) -> None:
    assert cluster.said(imagePullSecrets=SECRETS) == ""
    assert "401" in cluster.said() or "log in" in cluster.said()


def test_a_secret_of_another_namespace_is_not_used(cluster: Cluster) -> None:
    assert cluster.said(imagePullSecrets=SECRETS) == ""
    assert cluster.said("other", imagePullSecrets=SECRETS) != ""
    assert "other/secrets/regcred" in cluster.api.asked


def test_a_wrong_password_is_refused(cluster: Cluster) -> None:
    cluster.api.add_secret("shop", "wrong", {cluster.host: "alice:no"})
    assert cluster.said(imagePullSecrets=[{"name": "wrong"}]) != ""


def test_a_template_uses_the_secrets_of_its_service_account(cluster: Cluster) -> None:
    cluster.api.add("ServiceAccount", "shop", "builder", imagePullSecrets=SECRETS)
    assert cluster.said(kind="Deployment", serviceAccountName="builder") == ""
    assert cluster.said(kind="Deployment", serviceAccountName="nobody") != ""


def test_where_secrets_may_not_be_read_there_are_none(cluster: Cluster) -> None:
    cluster.api.forbidden.add("shop/secrets/regcred")
    assert cluster.said(imagePullSecrets=SECRETS) != ""


def test_a_secret_starts_no_program(cluster: Cluster, tmp_path: Path) -> None:
    helper = tmp_path / "docker-credential-evil"
    helper.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n", encoding="ascii")
    helper.chmod(0o755)
    cluster.api.add_secret("shop", "evil", {}, credsStore="evil", credHelpers={cluster.host: "evil"})
    assert cluster.said(imagePullSecrets=[{"name": "evil"}]) != ""
    assert not (tmp_path / "ran").exists()


def test_an_api_server_that_is_broken_admits_nothing(cluster: Cluster) -> None:
    cluster.api.body = b"{"
    assert "the secret regcred" in cluster.said(imagePullSecrets=SECRETS)


def test_pull_secrets_need_a_service_account(trustkit: Trustkit, tls: Tls) -> None:
    files = ("--tls-cert", tls.certificate_file, "--tls-key", tls.key_file)
    done = trustkit.run("serve", "webhook", "--listen", "127.0.0.1:0", *files, "--pull-secrets")
    assert done.status == 2, done.said
