"""Labels of namespaces, read from an API server over TLS: fresh, or an error."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from peers.namespaces import ApiServer, api_server
from peers.processes import free_port
from trustkit import limits
from trustkit.errors import TrustkitError
from trustkit.hooks.kubernetes.namespaces import ApiServer as Where
from trustkit.hooks.kubernetes.namespaces import Namespaces

NAME = ("kubernetes.io/metadata.name", "shop")


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 29, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def server(tls, tmp_path: Path) -> Iterator[ApiServer]:
    with api_server(tls, tmp_path / "account") as running:
        running.labels["shop"] = {"env": "prod", "Env": "test"}
        yield running


def where(server: ApiServer, port: int = 0) -> Where:
    account = server.account
    return Where(f"https://127.0.0.1:{port or server.server_port}", account / "token", account / "ca.crt")


def ask(found: Where, *names: str, clock: Clock | None = None, later: float = 0.0) -> list[object]:
    """Return the labels of each name in turn, `later` seconds apart."""
    clock = clock or Clock()

    async def run() -> list[object]:
        reader = Namespaces(found, clock)
        try:
            answers: list[object] = []
            for name in names:
                answers.append(await reader.labels(name))
                clock.at += timedelta(seconds=later)
            return answers
        finally:
            reader.close()

    return asyncio.run(run())


def refusal(found: Where, name: str = "shop") -> TrustkitError:
    with pytest.raises(TrustkitError) as caught:
        ask(found, name)
    return caught.value


def test_labels_are_told_with_the_name_as_one_of_them(server: ApiServer) -> None:
    assert ask(where(server), "shop") == [(("Env", "test"), ("env", "prod"), NAME)]


def test_a_namespace_cannot_claim_another_name(server: ApiServer) -> None:
    server.labels["shop"] = {NAME[0]: "kube-system"}
    assert ask(where(server), "shop") == [(NAME,)]


def test_labels_are_kept_for_some_seconds_and_not_longer(server: ApiServer) -> None:
    ask(where(server), "shop", "shop", later=limits.NAMESPACE_SECONDS - 1)
    assert len(server.asked) == 1
    ask(where(server), "shop", "shop", later=limits.NAMESPACE_SECONDS)
    assert len(server.asked) == 3


def test_a_clock_that_was_set_back_does_not_keep_them_longer(server: ApiServer) -> None:
    ask(where(server), "shop", "shop", later=-3600)
    assert len(server.asked) == 2


@pytest.mark.parametrize("name", ["../pods", "Shop", "a/b", "", "shop?watch=1", "x" * 64, "shop\r\nHost: x"])
def test_a_name_that_no_namespace_has_is_not_asked_for(server: ApiServer, name: str) -> None:
    refusal(where(server), name)
    assert server.asked == []


def test_a_namespace_that_is_not_there_is_an_error(server: ApiServer) -> None:
    assert "does not exist" in refusal(where(server), "none").message


def test_without_the_right_to_read_the_next_step_is_to_grant_it(server: ApiServer) -> None:
    (server.account / "token").write_text("another")
    assert "right to get namespaces" in refusal(where(server)).next_step


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_token_that_cannot_be_read_is_an_error(server: ApiServer, content: bytes | None) -> None:
    token = server.account / "token"
    token.write_bytes(content) if content else token.unlink()
    assert "no usable token" in refusal(where(server)).message


def test_a_token_that_was_renewed_is_used(server: ApiServer) -> None:
    token = server.account / "token"
    good = token.read_text()
    token.write_text("old")
    refusal(where(server))
    token.write_text(good)
    assert ask(where(server), "shop")


def test_a_server_of_another_authority_is_not_believed(server: ApiServer) -> None:
    (server.account / "ca.crt").unlink()
    refusal(where(server))
    assert server.asked == []


def test_a_server_that_is_down_is_an_error(server: ApiServer) -> None:
    assert refusal(where(server, free_port())).code == "source.unreachable"


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"\xff",
        b'{"kind":"Namespace"}',
        b'{"kind":"Namespace","metadata":{"name":"other","labels":{}}}',
        b'{"kind":"Pod","metadata":{"name":"shop","labels":{}}}',
        b'{"kind":"Namespace","metadata":{"name":"shop","labels":{"a":1}}}',
        b'{"kind":"Namespace","metadata":{"name":"shop","labels":[]}}',
        b'{"kind":"Namespace","metadata":{"name":"shop","labels":{"a":"1","a":"2"}}}',
        b"[" * 10_000,
        b" " * (limits.NAMESPACE_BYTES + 1),
    ],
)
def test_an_answer_that_is_no_such_namespace_is_an_error(server: ApiServer, body: bytes) -> None:
    server.body = body
    refusal(where(server))
