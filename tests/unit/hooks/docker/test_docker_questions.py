"""Requests to Docker's API that dockerd and its plugin could read differently."""

import base64
import json

import pytest

from trustkit.errors import MalformedError, TrustkitError
from trustkit.hooks.docker.question import Question, parse_question
from trustkit.hooks.docker.routes import CLASSES, GATE, READ, ROUTES, require_allowed, route_of
from trustkit.hooks.errors import HookRefusedError, HookRequestError


def message(method: str, target: str, body: bytes = b"", **headers: str) -> bytes:
    told: dict[str, object] = {"RequestMethod": method, "RequestUri": target, "RequestHeaders": headers}
    if body:
        told["RequestBody"] = base64.b64encode(body).decode()
    return json.dumps(told).encode()


def question(method: str, target: str, body: bytes = b"", **headers: str) -> Question:
    return parse_question(message(method, target, body, **headers))


@pytest.mark.parametrize("version", ["", *(f"/v1.{minor}" for minor in range(24, 53))])
def test_every_prefix_names_the_same_route(version: str) -> None:
    assert route_of(question("POST", f"{version}/containers/create?name=x")).route.name == "create"


@pytest.mark.parametrize("version", ["/v1.23", "/v1.12", "/v1.0"])
def test_a_version_that_starts_with_configurations_is_refused(version: str) -> None:
    with pytest.raises(HookRequestError, match="reads requests differently"):
        question("POST", f"{version}/containers/a/start")


@pytest.mark.parametrize("version", ["/v1", "/v2.0", "/v1.041", "/v1.41.0", "/v.", "/v1..41", "/v1.9999"])
def test_an_unknown_version_is_refused(version: str) -> None:
    with pytest.raises(HookRequestError, match="unknown version"):
        question("POST", f"{version}/containers/create")


@pytest.mark.parametrize(
    "path",
    [
        "/containers/%63reate", "//containers/create", "/containers//create", "/containers/./create",
        "/containers/../containers/create", "/containers/create/", "containers/create", "http://x/containers/create",
        "/containers/create%2f", "/containers/create%00", "/containers/create\\", "/containers/create#x", "", "/",
        "/containers/crea te", "/containers/cr\u00e9ate", "/v1.41//containers/create",
    ],
)  # fmt: skip
def test_a_path_that_is_not_plain_is_refused(path: str) -> None:
    with pytest.raises(HookRequestError, match="no plain path"):
        question("POST", path)


@pytest.mark.parametrize("path", ["/images/a/b%40sha256%3Aabc/json", "/images/a/b%40sha256:abc/json"])
def test_escapes_in_names_of_images_are_undone(path: str) -> None:
    assert question("GET", path).path == "/images/a/b@sha256:abc/json"


@pytest.mark.parametrize(
    "query", ["fromImage=a;fromImage=b", "tag=a&tag=b", "tag=a&t%61g=b", "tag=%zz", "tag=%", "tag=%ff", "tag=%00"]
)
def test_a_query_with_two_readings_is_refused(query: str) -> None:
    with pytest.raises(HookRequestError):
        question("POST", f"/images/create?{query}").fields()


def test_a_query_is_unescaped_once() -> None:
    assert question("POST", "/images/create?fromImage=a%2Fb&tag=%2541&x=").fields() == {
        "fromImage": "a/b", "tag": "%41", "x": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": "14"},
        {"Content-Type": "application/json"},  # chunked: a length is not told
        {"Content-Type": "text/plain"},
        {"Content-Length": "2000000"},
    ],
)
def test_a_body_that_is_not_shown_is_refused_where_none_may_be(headers: dict[str, str]) -> None:
    with pytest.raises(HookRequestError, match="does not show"):
        question("POST", "/images/create?fromImage=a&tag=b", **headers).require_no_body()


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain", "Content-Length": "0"}])
def test_a_request_without_a_body_passes_where_none_may_be(headers: dict[str, str]) -> None:
    question("POST", "/containers/a/start", **headers).require_no_body()


def test_a_body_is_refused_where_none_may_be() -> None:
    with pytest.raises(HookRequestError, match="may not have"):
        question("POST", "/containers/a/start", b"{}").require_no_body()


@pytest.mark.parametrize("target", ["/containers/create", "/containers/create?x=/auth"])
def test_a_document_that_is_not_shown_is_refused(target: str) -> None:
    with pytest.raises(HookRequestError, match="without its body"):
        question("POST", target, **{"Content-Type": "application/json", "Content-Length": "900"}).document()


@pytest.mark.parametrize(
    "body", [b'{"Image":"a","Image":"b"}', b"[]", b'{"Image":"a"} x', b'\xef\xbb\xbf{"Image":"a"}', b'{"A":' * 100]
)
def test_a_document_with_two_readings_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedError):
        question("POST", "/containers/create", body).document()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{", b'{"RequestMethod":1}', b'{"RequestUri":"/info","RequestUri":"/x"}',
        b'{"requesturi":"/info"}',
        b'{"RequestUri":"/info","Other":1}', b'{"RequestUri":"/info","RequestBody":"*"}',
        b'{"RequestUri":"/info","RequestHeaders":{"a":1}}', b'{"RequestUri":"/info","RequestHeaders":{"A":"","a":""}}',
        b" " * (4 * 1024 * 1024 + 1),
    ],
)  # fmt: skip
def test_a_message_that_is_no_message_is_refused(content: bytes) -> None:
    with pytest.raises(TrustkitError):
        parse_question(content)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/unknown"), ("PATCH", "/containers/create"), ("CONNECT", "/info"), ("POST", "/containers/a/b/start"),
        ("GET", "/debug/pprof/cmdline"), ("PUT", "/containers/a/start"), ("GET", "/grpc"), ("post", "/info"),
        ("OPTIONS", "/info"), ("DELETE", "/containers"),
    ],
)  # fmt: skip
def test_an_unknown_route_is_refused(method: str, target: str) -> None:
    with pytest.raises(HookRequestError, match="no request that is answered here"):
        route_of(question(method, target))


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("POST /build?t=a&t=b", "build"), ("POST /grpc", "grpc"), ("POST /session", "session"),
        ("POST /images/load", "load"), ("POST /commit?container=a", "commit"), ("PUT /containers/a/archive", "archive"),
        ("POST /containers/a/checkpoints", "checkpoint"), ("POST /plugins/pull?remote=a", "plugins"),
        ("POST /plugins/a/b:c/enable", "plugins"), ("POST /plugins/a/upgrade", "plugins"),
        ("DELETE /plugins/a", "plugins"),
        ("POST /swarm/init", "swarm"), ("POST /services/create", "swarm"), ("POST /secrets/create", "swarm"),
        ("POST /configs/create", "swarm"),
    ],
)  # fmt: skip
def test_what_brings_or_runs_the_unjudged_needs_its_class(line: str, name: str) -> None:
    method, _, target = line.partition(" ")
    assert route_of(question(method, target)).route.name == name
    with pytest.raises(HookRefusedError, match=name):
        require_allowed((name,), frozenset(CLASSES) - {name})


def test_the_gate_stands_before_every_way_to_an_image() -> None:
    assert {route.path for route in ROUTES if route.how == GATE} == {
        "/containers/create", "/containers/{}/start", "/containers/{}/restart", "/images/create",
    }  # fmt: skip


def test_what_is_answered_at_once_only_looks() -> None:
    assert {route.method for route in ROUTES if route.how == READ} == {"GET", "HEAD"}
