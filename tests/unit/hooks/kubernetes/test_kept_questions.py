"""What was read of reviews and kept answers for equal reviews only; read at once or slowly, a review says the same."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peers.reviews import container, encoded, pod_spec, review, workload
from trustkit import limits
from trustkit.errors import MalformedError
from trustkit.hooks.kubernetes.images import wanted_images
from trustkit.hooks.kubernetes.json_text import Object, text_of
from trustkit.hooks.kubernetes.pods import KINDS, CustomPath, parse_custom_path
from trustkit.hooks.kubernetes.questions import Question, Questions
from trustkit.hooks.kubernetes.review import Review, _at_once, _read_slowly, parse_review

IMAGE = "registry.example/app@sha256:" + "ab" * 32
APPARMOR = {"container.apparmor.security.beta.kubernetes.io/app": "unconfined"}


def pod(image: str = IMAGE, **changes: Any) -> Any:
    members = {key: changes.pop(key) for key in ("name", "namespace", "annotations", "labels") if key in changes}
    return workload("Pod", pod_spec(container(image, **changes.pop("container", {})), **changes), **members)


def asked(document: Any, **request: Any) -> Review:
    return parse_review(encoded(review(document, **request)))


def said(found: Review) -> Review:
    """Return the review with the text of whatever is ever looked at."""
    return found._replace(new=looked_at(found.new), old=looked_at(found.old))


def looked_at(found: Object | None) -> Any:
    names = ("metadata", "template", "spec", "status")
    return None if found is None else {name: text_of(found[name]) for name in names if name in found}


def test_pods_that_differ_in_their_names_ask_the_same() -> None:
    questions = Questions()
    one = questions.of(asked(pod(name="web-1"), uid="a"))
    assert one is questions.of(asked(pod(name="web-2", labels={"x": "y"}), uid="b"))


@pytest.mark.parametrize(
    "other",
    [
        asked(pod("registry.example/evil")),
        asked(pod(container={"securityContext": {"privileged": True}})),
        asked(pod(hostNetwork=True)),
        asked(pod(namespace="other")),
        asked(pod(annotations=APPARMOR)),
        asked(pod(), userInfo={"username": "mallory"}),
        asked(pod(ephemeralContainers=[container("registry.example/evil", "debug")])),
    ],
)
def test_whatever_a_policy_may_look_at_makes_another_question(other: Review) -> None:
    questions = Questions()
    first, second = questions.of(asked(pod())), questions.of(other)
    assert first is not None
    assert second is not None
    assert first is not second
    assert second.uses == tuple(dict.fromkeys(wanted_images(other).new))


@pytest.mark.parametrize("kind", [kind.kind for kind in KINDS])
def test_a_question_holds_what_is_read_of_a_review(kind: str) -> None:
    found = asked(workload(kind, pod_spec(container(IMAGE), container("registry.example/side", "side"))))
    question = Questions().of(found)
    assert question is not None
    assert set(question.uses) == set(wanted_images(found).new)


@pytest.mark.parametrize(
    "other",
    [
        asked(pod(), old=pod()),
        asked(pod(), operation="UPDATE"),
        asked({"kind": "Workflow", "apiVersion": "example.com/v1", "metadata": {"name": "w"}, "spec": {}}),
    ],
)
def test_only_new_objects_of_known_kinds_are_questions(other: Review) -> None:
    assert Questions().of(other) is None


def test_a_kind_with_a_path_of_its_own_is_no_question() -> None:
    path = CustomPath(asked(pod()).kind, *parse_custom_path("a.b/C=spec.x", "pod")[1:])
    assert Questions().of(asked(pod()), (path,)) is None


def test_a_pod_that_is_refused_is_refused_each_time() -> None:
    questions, broken = Questions(), asked(pod(container={"securityContext": 3}))
    for _ in range(2):
        with pytest.raises(MalformedError):
            questions.of(broken)


def test_few_are_kept_and_none_that_is_large() -> None:
    questions = Questions()
    for number in range(limits.QUESTIONS + 10):
        questions.of(asked(pod(f"registry.example/app:{number}")))
    assert len(questions._kept) == limits.QUESTIONS
    large = asked(pod(f"registry.example/{'a' * limits.QUESTION_BYTES}"))
    assert questions.of(large) is not questions.of(large)


@pytest.mark.parametrize("request_", [{}, {"dryRun": True}, {"subResource": "ephemeralcontainers"}, {"name": ""}])
def test_a_review_of_the_api_server_is_read_at_once_and_says_the_same_slowly(request_: dict[str, Any]) -> None:
    text = encoded(review(pod(), **request_)).removesuffix(b"\n")
    at_once = _at_once(text)
    assert at_once is not None
    assert said(at_once) == said(_read_slowly(text))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b'"uid":', b'"uid":"first","uid":', 1),
        lambda text: text.replace(b'"object":', b'"object":null,"object":', 1),
        lambda text: text.replace(b'"operation":', b' "operation":', 1),
        lambda text: text.replace(b'"namespace":"shop"', b'"namespace":"sh\\u006fp"', 1),
        lambda text: text.replace(b'"request":{', b'"request":{"unknown":1,', 1),
        lambda text: text.replace(b'"spec":{', b'"spec":{},"spec":{', 1),
        lambda text: text.replace(b'"metadata":{', b'"metadata":{"annotations":{},"annotations":{},', 1),
        lambda text: text.replace(b'"metadata":{', b'"data":{},"metadata":{', 1),
        lambda text: text + b" ",
    ],
)
def test_any_other_spelling_is_read_slowly(change: Any) -> None:
    text = encoded(review(pod())).removesuffix(b"\n")
    assert change(text) != text
    assert _at_once(change(text)) is None


@given(st.data())
def test_at_once_never_says_anything_else_than_slowly(data: st.DataObject) -> None:
    text = bytearray(json.dumps(review(pod()), separators=(",", ":")).encode())
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at] = data.draw(st.sampled_from(b'"\\{}[],:x1 '))
    found = _at_once(bytes(text))
    if found is not None:
        assert said(found) == said(_read_slowly(bytes(text)))


def test_of_equal_questions_one_is_found_out_first() -> None:
    seen: list[str] = []

    async def ask(question: Question, name: str) -> None:
        await question.found_out()
        with question.finding_out():
            seen.append(name)
            await asyncio.sleep(0)
            seen.append(name)

    async def both() -> None:
        question = Question(())
        await asyncio.gather(ask(question, "a"), ask(question, "b"))

    asyncio.run(both())
    assert seen == ["a", "a", "b", "b"]


def test_a_question_whose_answer_was_not_found_out_can_be_asked_again() -> None:
    async def fail() -> None:
        question = Question(())
        with pytest.raises(ValueError, match="nothing"), question.finding_out():
            raise ValueError("nothing")
        await asyncio.wait_for(question.found_out(), 1)

    asyncio.run(fail())
