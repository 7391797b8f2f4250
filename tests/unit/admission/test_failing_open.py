"""Who answers for an image that nobody could look at: the cluster's documents about it, all of them, or nobody."""

from typing import NoReturn

import pytest

from policy_facts import HEAD, KEYS, NOW, read
from trustkit.admission.fail_open import answering
from trustkit.admission.judge import Kit
from trustkit.errors import NotFoundError, TrustkitError, UnreachableError
from trustkit.fips.hashing import digest_of
from trustkit.fips.select import provider
from trustkit.model.facts import RequestFacts
from trustkit.model.reference import ImageRef
from trustkit.policy.document import Policy
from trustkit.policy.parse import combine
from trustkit.policy.tenancy import of_namespace
from trustkit.signing.trust.roots import TrustRoots

SIGNED = "  verify: {signatures: {key: one}}\n"
OPEN = "  enforcement: {onError: allow, acknowledgeFailOpen: ops}\n"
ELSEWHERE = "  match: {images: ['other.example/**']}\n"
REF = ImageRef.parse(f"registry.corp.example/team/app@sha256:{'11' * 32}")


def document(body: str, name: str = "test") -> Policy:
    return read(HEAD.replace("name: test", f"name: {name}") + "spec:" + KEYS + body)


def answers(*cluster: str, own: str = "", willing: bool = False, error: TrustkitError | None = None) -> str:
    """Return who answers, by these documents of the cluster and one of the namespace team-a."""
    sections = [document(body, f"d{number}").sections[0] for number, body in enumerate(cluster)]
    if own:
        found = of_namespace(document(own, "own").sections[0], "team-a", digest_of)
        # as if it could be loaded
        sections.append(found._replace(fail_open="mallory") if willing else found)
    policy = combine(sections, digest_of)
    kit = Kit(_closed, (), provider(), policy, TrustRoots(()), lambda: NOW)
    request = RequestFacts(purpose="run", engine="kubernetes", namespace="team-a")
    return answering(REF, request, error or UnreachableError("silence"), kit, NOW)


def _closed(_: ImageRef) -> NoReturn:
    raise AssertionError


def test_the_clusters_document_about_the_image_names_who_answers() -> None:
    assert answers(SIGNED + OPEN) == "ops"


def test_what_was_answered_is_no_silence() -> None:
    assert answers(SIGNED + OPEN, error=NotFoundError("no such image")) == ""


@pytest.mark.parametrize("cluster", [(), (SIGNED + OPEN + ELSEWHERE,)], ids=["no document", "one about others"])
def test_no_document_of_a_namespace_answers_where_the_cluster_names_no_such_image(cluster: tuple[str, ...]) -> None:
    assert answers(*cluster, own=SIGNED, willing=True) == ""


@pytest.mark.parametrize("willing", [True, False])
def test_a_document_of_a_namespace_does_not_answer_for_the_clusters(*, willing: bool) -> None:
    assert answers(SIGNED, own=SIGNED, willing=willing) == ""


def test_every_document_has_to_be_willing() -> None:
    assert answers(SIGNED + OPEN, SIGNED) == ""
    assert answers(SIGNED + OPEN, own=SIGNED) == ""
    assert answers(SIGNED + OPEN, SIGNED + OPEN) == "ops"


@pytest.mark.parametrize("body", ["", "  require: {runtime: {denyPrivileged: true}}\n"])
def test_what_is_denied_when_it_is_looked_at_is_not_let_through_unseen(body: str) -> None:
    assert answers(OPEN + body) == ""


def test_a_document_without_rules_lets_nothing_through_beside_others() -> None:
    assert answers(SIGNED + OPEN, OPEN) == ""


def test_a_document_that_only_warns_lets_it_through() -> None:
    assert answers("  enforcement: {mode: warn, onError: allow, acknowledgeFailOpen: ops}\n") == "ops"
