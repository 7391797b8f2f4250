"""Parallel requests that are told 401 at once: one answer serves them all."""

import pytest

from trustkit.net.credentials import Credential
from trustkit.net.http import HttpClient, HttpOptions
from trustkit.net.url import Url
from trustkit.oci.auth import Authenticator, Refused

URL = Url("https", "registry.example", 443, "/")
SCOPE = "repository:app:pull"
BASIC = ('Basic realm="x"',)


@pytest.fixture(name="auth")
def auth_() -> Authenticator:
    return Authenticator(HttpClient(HttpOptions()))


def credential() -> Credential:
    return Credential("me", "secret")


def test_the_second_of_two_401s_may_use_the_answer_to_the_first(auth: Authenticator) -> None:
    assert auth.answer(Refused(URL, SCOPE, BASIC), "", credential)
    assert auth.answer(Refused(URL, SCOPE, BASIC), "", credential)
    assert auth.header(URL, SCOPE).startswith("Basic ")


def test_an_answer_that_was_sent_and_refused_is_not_tried_again(auth: Authenticator) -> None:
    auth.answer(Refused(URL, SCOPE, BASIC), "", credential)
    assert not auth.answer(Refused(URL, SCOPE, BASIC), auth.header(URL, SCOPE), credential)


def test_a_bearer_answer_of_another_thread_is_used_without_asking_for_a_token(auth: Authenticator) -> None:
    auth._headers[URL.authority, SCOPE] = "Bearer new"
    assert auth.answer(Refused(URL, SCOPE, ('Bearer realm="https://auth.invalid/token"',)), "Bearer old", credential)
    assert auth.header(URL, SCOPE) == "Bearer new"
