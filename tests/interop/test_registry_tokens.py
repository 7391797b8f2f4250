"""A real registry that wants Bearer tokens of a token service."""

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from peers import images
from peers.registry import LOGIN, Registry, docker_registry
from peers.token_service import TokenService, token_service
from peers.trustkit import Trustkit

PASSPHRASE = {"TRUSTKIT_PASSWORD": "secret"}


@pytest.fixture(name="service")
def service_(tmp_path: Path) -> Iterator[TokenService]:
    with token_service(tmp_path) as service:
        yield service


@pytest.fixture(name="guarded")
def guarded_(service: TokenService) -> Iterator[Registry]:
    with docker_registry(extra=service.configuration()) as registry:
        yield registry


@pytest.fixture(name="reference")
def reference_(trustkit: Trustkit, guarded: Registry, repository: str, tmp_path: Path) -> str:
    """An image that skopeo pushed with alice's password; trustkit's user has logged in as alice."""
    layout = tmp_path / "layout"
    images.write_layout(images.build(files={"name": b"guarded"}), layout, "v1")
    reference = guarded.reference(repository, "v1")
    subprocess.run(
        ["skopeo", "copy", "-q", "--dest-tls-verify=false", "--dest-creds", LOGIN, f"oci:{layout}:v1", f"docker://{reference}"],
        check=True, capture_output=True,
    )  # fmt: skip
    login(trustkit, guarded, LOGIN)
    trustkit.must("key", "generate", "release", env=PASSPHRASE)
    return reference


def login(trustkit: Trustkit, registry: Registry, credentials: str) -> None:
    """Keep a password where `docker login` keeps it."""
    folder = trustkit.user_home / ".docker"
    folder.mkdir(exist_ok=True, mode=0o700)
    secret = base64.b64encode(credentials.encode()).decode()
    (folder / "config.json").write_text(json.dumps({"auths": {registry.host: {"auth": secret}}}))


def test_signing_and_verifying_ask_for_the_scopes_they_need(
    trustkit: Trustkit, reference: str, repository: str, service: TokenService
) -> None:
    service.asked.clear()
    trustkit.must("sign", "--key", "release", reference, env=PASSPHRASE)
    trustkit.must("verify", reference)
    assert f"repository:{repository}:pull" in service.asked
    assert {f"repository:{repository}:pull,push", f"repository:{repository}:push,pull"} & set(service.asked)


def test_verifying_asks_for_no_right_to_push(trustkit: Trustkit, reference: str, service: TokenService) -> None:
    trustkit.must("sign", "--key", "release", reference, env=PASSPHRASE)
    service.asked.clear()
    trustkit.must("verify", reference)
    assert [scope for scope in service.asked if "push" in scope] == []


def test_a_wrong_password_is_not_a_verdict(trustkit: Trustkit, reference: str, guarded: Registry) -> None:
    login(trustkit, guarded, "alice:wrong")
    done = trustkit.run("verify", reference)
    assert done.status == 3, done.said
    assert "docker login" in done.stderr


def test_without_a_login_nothing_is_known(trustkit: Trustkit, reference: str) -> None:
    (trustkit.user_home / ".docker" / "config.json").unlink()
    assert trustkit.run("verify", reference).status == 3


def test_a_token_without_the_right_to_push_signs_nothing(
    trustkit: Trustkit, reference: str, service: TokenService
) -> None:
    service.grants = ["pull"]
    done = trustkit.run("sign", "--key", "release", reference, env=PASSPHRASE)
    assert done.status == 3, done.said


def test_a_token_without_the_right_to_pull_is_not_a_verdict(
    trustkit: Trustkit, reference: str, service: TokenService
) -> None:
    service.grants = []
    assert trustkit.run("verify", reference).status == 3
