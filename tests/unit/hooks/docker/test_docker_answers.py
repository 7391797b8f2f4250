"""Answers to dockerd: a refusal whatever goes wrong, and names that stay with their containers."""

import asyncio
import base64
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trustkit.admission.batched_log import BatchedLog
from trustkit.errors import AuditError, SourceError
from trustkit.hooks.docker import deciding
from trustkit.hooks.docker.deciding import Answer, Decider
from trustkit.hooks.docker.judging import Judge
from trustkit.hooks.docker.names import Names, require_lasting
from trustkit.hooks.docker.question import parse_question
from trustkit.hooks.docker.routes import route_of
from trustkit.hooks.docker.stored import Dockerd
from trustkit.hooks.errors import HookRefusedError
from trustkit.model.audit import AuditEvent, AuditRecord
from trustkit.model.digest import Digest

_LEAF = Digest.parse("sha256:" + "0" * 64)
ID = "a" * 64


class Log:
    """Keeps events, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.events: list[AuditEvent] = []
        self.error = error

    def append_many(self, events: tuple[AuditEvent, ...]) -> tuple[AuditRecord, ...]:
        if self.error:
            raise self.error
        self.events += events
        return tuple(AuditRecord(number, event, _LEAF) for number, event in enumerate(events))


def message(method: str, target: str, document: object = None) -> bytes:
    told: dict[str, object] = {"RequestMethod": method, "RequestUri": target}
    if document is not None:
        told["RequestBody"] = base64.b64encode(json.dumps(document).encode()).decode()
    return json.dumps(told).encode()


PULL = message("POST", "/images/create?fromImage=a.example/b&tag=1")


def no_gate() -> None:
    raise SourceError("a.example is silent", next_step="try later")


@pytest.fixture
def answers(tmp_path) -> Callable[..., list[Answer]]:
    def ask(*messages: bytes, log: Log | None = None, gate: Callable[[], object] = no_gate) -> list[Answer]:
        async def run() -> list[Answer]:
            records = BatchedLog(log or Log())
            judge = Judge(gate, Dockerd(tmp_path / "none.sock"), frozenset({"build"}))
            decider = Decider(judge, Names(lambda: 0.0), records, lambda: datetime(2026, 1, 1, tzinfo=UTC))
            try:
                return [await decider.answer(one) for one in messages]
            finally:
                records.close()

        return asyncio.run(run())

    return ask


def test_a_read_is_answered_without_record_and_gate(answers):
    log = Log(AuditError("full"))
    assert answers(message("GET", "/v1.41/containers/a/json"), log=log)[0].allowed


def test_what_starts_nothing_is_on_record(answers):
    log = Log()
    assert answers(message("POST", "/containers/a/stop"), message("POST", "/build"), log=log)[1].allowed
    assert [(event.kind, event.outcome, event.body["name"]) for event in log.events] == [
        ("docker", "allow", "POST /containers/a/stop"), ("docker", "allow", "POST /build"),
    ]  # fmt: skip


@pytest.mark.parametrize("target", ["/containers/a/stop", "/build", "/containers/a/pause"])
def test_without_a_record_nothing_goes_on(answers, target):
    answer = answers(message("POST", target), log=Log(AuditError("the disk is full")))[0]
    assert (answer.allowed, "the disk is full" in answer.message) == (False, True)


def test_a_registry_that_is_silent_refuses_with_reason_and_next_step(answers):
    log = Log()
    assert answers(PULL, log=log) == [Answer(False, "a.example is silent; next: try later")]
    assert [event.outcome for event in log.events] == ["unknown"]


@pytest.mark.parametrize(
    "asked",
    [
        message("POST", "/containers/a/start"), message("POST", "/containers/a/restart"),
        message("POST", "/containers/create", {"Image": "a"}),
    ],
)  # fmt: skip
def test_a_dockerd_that_does_not_answer_refuses(answers, asked):
    answer = answers(asked)[0]
    assert (answer.allowed, "dockerd at" in answer.message) == (False, True)


def test_a_name_with_two_readings_is_refused(answers):
    answer = answers(message("POST", "/containers/create?name=web&name=other", {"Image": "a"}))[0]
    assert (answer.allowed, "twice" in answer.message) == (False, True)


def test_a_fault_of_ours_refuses(answers):
    def broken() -> None:
        raise ZeroDivisionError

    answer = answers(PULL, gate=broken)[0]
    assert (answer.allowed, "internal error" in answer.message) == (False, True)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"RequestMethod":"POST"}'])
def test_a_message_that_cannot_be_read_refuses(answers, content):
    log = Log()
    assert answers(content, log=log)[0].allowed is False
    assert [event.outcome for event in log.events] == ["deny"]


def test_no_decision_in_time_refuses(answers, monkeypatch):
    monkeypatch.setattr(deciding, "_SECONDS", 0.05)
    free = threading.Event()
    try:

        def slow() -> None:
            threading.Timer(0.5, free.set).start()
            free.wait()
            no_gate()

        answer = answers(PULL, gate=slow)[0]
    finally:
        free.set()
    assert (answer.allowed, "no decision within" in answer.message) == (False, True)


def test_a_refused_request_holds_no_name(answers):
    start, rename = message("POST", "/containers/a/start"), message("POST", "/containers/b/rename?name=a")
    assert [answer.allowed for answer in answers(start, rename)] == [False, True]


def begin(names: Names, method: str, target: str) -> None:
    question = parse_question(message(method, target))
    names.begin(route_of(question), question)


START = "/containers/web/start"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (START, "/containers/x/rename?name=web"), (START, "/containers/web/rename?name=y"),
        (START, "/containers/create?name=web"), (START, "/containers/create?name=/web"),
        ("/containers/x/rename?name=web", START), ("/containers/create?name=web", START),
        ("/containers/web/restart", "/containers/x/rename?name=web"),
        ("/containers/abc/start", "/containers/create?name=abc"),
        # the id of a new container may begin so, and the container of that name be removed
        ("/containers/abc/start", "/containers/create"), ("/containers/create?name=web", "/containers/abc/restart"),
        (f"/containers/{ID[1:]}/start", "/containers/create"),
    ],
)  # fmt: skip
def test_a_name_does_not_pass_on_while_it_is_started(first: str, second: str) -> None:
    names = Names(lambda: 0.0)
    begin(names, "POST", first)
    with pytest.raises(HookRefusedError, match="just being started or named"):
        begin(names, "POST", second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (START, START), (START, "/containers/create?name=other"), (START, "/containers/create"),
        (f"/containers/{ID}/start", "/containers/x/rename?name=web"), (START, "/containers/web/stop"),
        (f"/containers/{ID}/start", "/containers/create"), ("/containers/create?name=a", "/containers/create?name=b"),
        ("/containers/x/rename?name=a", "/containers/y/rename?name=b"),
    ],
)  # fmt: skip
def test_other_names_do_not_wait(first: str, second: str) -> None:
    names = Names(lambda: 0.0)
    begin(names, "POST", first)
    begin(names, "POST", second)


def test_a_name_is_free_once_the_start_is_done() -> None:
    names = Names(lambda: 0.0)
    begin(names, "POST", START)
    names.end(parse_question(message("POST", START)))
    begin(names, "POST", "/containers/x/rename?name=web")


def test_a_start_that_never_ends_is_forgotten() -> None:
    clock = iter([0.0, 500.0])
    names = Names(lambda: next(clock))
    begin(names, "POST", START)
    begin(names, "POST", "/containers/x/rename?name=web")


def test_the_end_of_one_create_leaves_the_name_of_another_held() -> None:
    names = Names(lambda: 0.0)
    for name in ("web", "other"):
        begin(names, "POST", f"/containers/create?name={name}")
    names.end(parse_question(message("POST", "/containers/create?name=other")))
    with pytest.raises(HookRefusedError, match="just being started or named"):
        begin(names, "POST", START)


@pytest.mark.parametrize("target", [f"/containers/create?name={ID}", f"/containers/x/rename?name=/{ID}"])
def test_no_container_is_named_like_an_id(target: str) -> None:
    with pytest.raises(HookRefusedError, match="reads like the id"):
        begin(Names(lambda: 0.0), "POST", target)


def test_names_that_cannot_be_held_any_more_are_refused() -> None:
    names = Names(lambda: 0.0)
    for number in range(4096):
        begin(names, "POST", f"/containers/create?name=n{number}")
    with pytest.raises(HookRefusedError, match="4096 containers"):
        begin(names, "POST", START)


OTHER = "abc" + "0" * 61


class Listing(Dockerd):
    """A dockerd with these containers, by id, and their names."""

    def __init__(self, **names: str) -> None:
        self._names = names

    def _ask(self, path: str, what: str) -> object:
        return [{"Id": one, "Names": [f"/{name}"]} for one, name in self._names.items()]


@pytest.mark.parametrize(
    ("name", "found"),
    [("web", ID), ("aaa", ID), (ID, ID), ("abc", OTHER), ("abcdef", ID), ("abc0000", OTHER), (OTHER, OTHER)],
)
def test_a_name_that_leads_to_one_container_alone_is_taken(name: str, found: str) -> None:
    require_lasting(name, found, Listing(**{ID: "abcdef", OTHER: "web"}))


@pytest.mark.parametrize(
    ("name", "found", "names"),
    [
        # a name that is also the beginning of another's id: remove the one, and it leads to the other
        ("abc", ID, {ID: "abc", OTHER: "web"}), ("a", ID, {ID: "a", OTHER: "web"}),
        # a name that looks like an id: rename it away, and another to it
        ("b" * 64, ID, {ID: "b" * 64}),
        # an id that is also a name
        (ID, ID, {ID: "web", OTHER: ID}),
    ],
)  # fmt: skip
def test_a_name_that_could_lead_to_another_container_is_refused(name: str, found: str, names: dict[str, str]) -> None:
    with pytest.raises(HookRefusedError, match="more than one container"):
        require_lasting(name, found, Listing(**names))


def test_a_container_that_is_not_there_is_not_started() -> None:
    class Empty(Dockerd):
        def _ask(self, path: str, what: str) -> object:
            return None

    judge = Judge(no_gate, Empty(Path("/none")))
    with pytest.raises(HookRefusedError, match="no container web"):
        judge.start(parse_question(message("POST", START)), "web")
