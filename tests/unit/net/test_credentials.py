import base64
import json

import pytest

from trustkit.errors import ConfigError
from trustkit.net.credentials import Credential, find

SECRET = "wonderland"


def packed(user="alice", password=SECRET):
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def look(tmp_path):
    def look(members, host="r.example", repository=""):
        file = tmp_path / "config.json"
        file.write_text(members if isinstance(members, str) else json.dumps(members))
        return find([tmp_path / "absent.json", file], host, repository)

    return look


@pytest.fixture
def helper(tmp_path, monkeypatch):
    def helper(script):
        path = tmp_path / "docker-credential-test"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return helper


@pytest.mark.parametrize("key", ["r.example", "https://r.example", "https://r.example/v1/"])
def test_a_host_is_found_under_its_names(look, key):
    assert look({"auths": {key: packed()}}) == Credential("alice", SECRET)


@pytest.mark.parametrize("host", ["docker.io", "registry-1.docker.io"])
def test_the_hub_is_found_under_its_old_name(look, host):
    assert look({"auths": {"https://index.docker.io/v1/": packed()}}, host) == Credential("alice", SECRET)


def test_the_most_specific_name_wins(look):
    auths = {"r.example": packed("all"), "r.example/a": packed("part")}
    assert look({"auths": auths}, repository="a/b").user == "part"
    assert look({"auths": auths}, repository="ab").user == "all"


def test_an_identity_token_is_kept_apart(look):
    assert look({"auths": {"r.example": {"identitytoken": "I"}}}) == Credential("", "", "I")


@pytest.mark.parametrize(
    "members", [{}, {"auths": {}}, {"auths": {"other.example": packed()}}, {"auths": {"r.example": {}}}]
)
def test_nothing_is_found_for_others(look, members):
    assert look(members) is None


@pytest.mark.parametrize(
    "members",
    ["", "[]", '{"auths":{},"auths":{}}', {"auths": ["x"]}, {"auths": {"r.example": {"auth": "!"}}},
     {"auths": {"r.example": {"auth": "YWxpY2U="}}}, {"credHelpers": {"r.example": "../evil"}}],
)  # fmt: skip
def test_a_broken_file_is_told_without_its_secrets(look, members):
    with pytest.raises(ConfigError) as caught:
        look(members)
    assert SECRET not in caught.value.message


def test_a_helper_is_asked(look, helper):
    helper('read host; echo "{\\"Username\\":\\"$host\\",\\"Secret\\":\\"s\\"}"')
    assert look({"credHelpers": {"r.example": "test"}}) == Credential("r.example", "s")


def test_a_helper_may_give_an_identity_token(look, helper):
    helper('echo \'{"Username":"<token>","Secret":"s"}\'')
    assert look({"credsStore": "test"}) == Credential("", "", "s")


def test_a_store_that_knows_nothing_leaves_it_to_the_file(look, helper):
    helper("echo credentials not found in native keychain; exit 1")
    assert look({"credsStore": "test", "auths": {"r.example": packed()}}) == Credential("alice", SECRET)


@pytest.mark.parametrize("script", ["exit 1", "echo nonsense", "echo '{}'", "true"])
def test_a_helper_that_fails_is_told(look, helper, script):
    helper(script)
    with pytest.raises(ConfigError, match="docker-credential-test"):
        look({"credsStore": "test"})


def test_a_credential_shows_no_secret():
    assert SECRET not in f"{Credential('a', SECRET, SECRET)} {Credential('a', SECRET)!r}"
