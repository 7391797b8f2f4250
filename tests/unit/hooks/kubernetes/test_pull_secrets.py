"""Pull secrets, read from an API server over TLS: what is used of them, and what is passed over or refused."""

import asyncio
import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from peers.namespaces import ApiServer, api_server
from peers.registry import Tls
from trustkit import limits
from trustkit.admission.judge import PullCredentials
from trustkit.errors import LimitExceededError, MalformedError, TrustkitError
from trustkit.hooks.kubernetes.api_server import ApiServer as Where
from trustkit.hooks.kubernetes.pull_secrets import Pull, PullSecrets
from trustkit.net.credentials import Credential, find_in

HOST = "registry.example"
START = datetime(2026, 11, 29, tzinfo=UTC)


@pytest.fixture
def server(tls: Tls, tmp_path: Path) -> Iterator[ApiServer]:
    with api_server(tls, tmp_path / "account") as running:
        running.add_secret("shop", "one", {HOST: "alice:secret"})
        running.add_secret("shop", "two", {"other.example": "bob:hidden"})
        yield running


def ask(server: ApiServer, *pulls: Pull, namespace: str = "shop", later: float = 0.0) -> list[PullCredentials]:
    """Return what each pod may pull with, asked `later` seconds after one another."""
    moments = [START]

    async def run() -> list[PullCredentials]:
        account = server.account
        where = Where(f"https://127.0.0.1:{server.server_port}", account / "token", account / "ca.crt")
        reader = PullSecrets(where, lambda: moments[-1])
        found = []
        try:
            for pull in pulls:
                found.append(await reader.credentials(namespace, pull))
                moments.append(moments[-1] + timedelta(seconds=later))
        finally:
            reader.close()
        return found

    return asyncio.run(run())


def test_the_secrets_of_a_pod_are_its_credentials(server: ApiServer) -> None:
    (found,) = ask(server, Pull(("one", "two")))
    assert find_in(found.texts, HOST) == Credential("alice", "secret")
    assert find_in(found.texts, "other.example") == Credential("bob", "hidden")
    assert find_in(found.texts, "third.example") is None


def test_other_secrets_are_other_credentials(server: ApiServer) -> None:
    one, two, both = ask(server, Pull(("one",)), Pull(("two",)), Pull(("one", "two")))
    assert len({one.name, two.name, both.name, ""}) == 4


def test_the_same_bytes_under_another_name_are_the_same_credentials(server: ApiServer) -> None:
    server.add_secret("shop", "copy", {HOST: "alice:secret"})
    one, copy = ask(server, Pull(("one",)), Pull(("copy",)))
    assert one.name == copy.name


def test_credentials_show_no_secret(server: ApiServer) -> None:
    (found,) = ask(server, Pull(("one",)))
    assert "secret" not in repr(found).replace("Pull", "")
    assert base64.b64encode(b"alice:secret").decode() not in repr(found)


def test_a_secret_is_read_again_after_a_while(server: ApiServer) -> None:
    ask(server, Pull(("one",)), Pull(("one",)), later=limits.PULL_SECRET_SECONDS - 1)
    assert server.asked.count("shop/secrets/one") == 1
    ask(server, Pull(("one",)), Pull(("one",)), later=limits.PULL_SECRET_SECONDS)
    assert server.asked.count("shop/secrets/one") == 3


@pytest.mark.parametrize("name", ["missing", "forbidden", "token"])
def test_what_is_no_readable_pull_secret_is_passed_over(server: ApiServer, name: str) -> None:
    server.forbidden.add("shop/secrets/forbidden")
    server.add("Secret", "shop", "token", type="Opaque", data={".dockerconfigjson": "e30="})
    (found,) = ask(server, Pull((name,)))
    assert found == PullCredentials()


def test_without_secrets_the_service_account_is_asked(server: ApiServer) -> None:
    server.add("ServiceAccount", "shop", "default", imagePullSecrets=[{"name": "one"}])
    (found,) = ask(server, Pull())
    assert find_in(found.texts, HOST) is not None


def test_with_secrets_the_service_account_is_not_asked(server: ApiServer) -> None:
    ask(server, Pull(("one",), "builder"))
    assert server.asked == ["shop/secrets/one"]


@pytest.mark.parametrize(
    "members",
    [
        {"type": "kubernetes.io/dockerconfigjson", "data": {}},
        {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "!"}},
        {"type": "kubernetes.io/dockerconfigjson", "data": []},
    ],
)
def test_a_broken_secret_is_refused(server: ApiServer, members: dict[str, object]) -> None:
    server.add("Secret", "shop", "broken", **members)
    with pytest.raises(MalformedError, match="the secret broken"):
        ask(server, Pull(("broken",)))


@pytest.mark.parametrize("name", ["../pods/x", "a/b", "A", "", "a?b", "x" * 300])
@pytest.mark.parametrize("where", ["namespace", "secret"])
def test_a_name_that_no_object_has_is_not_asked_for(server: ApiServer, name: str, where: str) -> None:
    pull, namespace = (Pull((name,)), "shop") if where == "secret" else (Pull(("one",)), name)
    with pytest.raises(MalformedError, match="no name of Kubernetes"):
        ask(server, pull, namespace=namespace)
    assert server.asked == []


def test_a_service_account_with_too_many_secrets_is_refused(server: ApiServer) -> None:
    many = [{"name": f"s{number}"} for number in range(limits.PULL_SECRETS + 1)]
    server.add("ServiceAccount", "shop", "default", imagePullSecrets=many)
    with pytest.raises(LimitExceededError):
        ask(server, Pull())


def test_another_object_than_asked_for_is_refused(server: ApiServer) -> None:
    server.objects["shop/secrets/one"] = {"kind": "Secret", "metadata": {"name": "other"}}
    with pytest.raises(TrustkitError, match="something else"):
        ask(server, Pull(("one",)))


@pytest.mark.parametrize("text", [b"", b"[]", b'{"auths":[1]}', b'{"auths":{"registry.example":{"auth":"!"}}}'])
def test_texts_that_are_no_configuration_are_malformed(text: bytes) -> None:
    with pytest.raises(MalformedError):
        find_in((text,), HOST)


def test_programs_that_a_text_names_are_not_asked() -> None:
    text = json.dumps({"credsStore": "evil", "credHelpers": {HOST: "evil"}}).encode()
    assert find_in((text,), HOST) is None
