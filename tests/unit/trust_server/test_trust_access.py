"""Who may do what on the trust server: passwords, tokens, names of repositories."""

import base64
import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustkit.codec import jwt
from trustkit.errors import RequestError, TrustkitError
from trustkit.fips.ecdsa_signature import numbers
from trustkit.fips.password import hash_password
from trustkit.fips.select import provider
from trustkit.model.keys import ECDSA_P256_SHA256
from trustkit.trust_server.names import place_of
from trustkit.trust_server.passwords import PasswordAccess, read_users
from trustkit.trust_server.tokens import TokenAccess, TokenService

NOW = datetime(2026, 11, 24, tzinfo=UTC)
GUN = "registry.example/team/app"
PUSH = frozenset({"pull", "push"})
KEY = provider().generate("ecdsa-p256")
CLAIMS = {
    "iss": "tokens.example",
    "aud": "notary",
    "sub": "alice",
    "exp": int((NOW + timedelta(minutes=5)).timestamp()),
    "access": [{"type": "repository", "name": GUN, "actions": ["pull", "push"]}],
}


@pytest.fixture
def passwords(tmp_path):
    file = tmp_path / "users.toml"
    file.write_text(
        f'[[user]]\nname = "alice"\npassword = "{hash_password(b"wonderland", 100_000)}"\n'
        'repositories = ["registry.example/team/*"]\nactions = ["pull", "push"]\n'
    )
    return PasswordAccess(read_users(file), provider())


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


def status_of(call):
    with pytest.raises(RequestError) as refused:
        call()
    return refused.value.details["status"]


def test_a_right_password_is_admitted(passwords):
    assert passwords.admit(basic("alice:wonderland"), GUN, PUSH, NOW) == "alice"


@pytest.mark.parametrize(
    "given_", ["", "Bearer x", "Basic !", basic("alice:wrong"), basic("bob:wonderland"), basic(":"), basic("alice")]
)
def test_nobody_else_is_admitted(passwords, given_):
    assert status_of(lambda: passwords.admit(given_, GUN, PUSH, NOW)) == "401"


@pytest.mark.parametrize(
    ("gun", "actions"), [("registry.example/other", PUSH), (GUN, frozenset({"*"}))], ids=["repository", "action"]
)
def test_a_user_may_do_no_more_than_granted(passwords, gun, actions):
    assert status_of(lambda: passwords.admit(basic("alice:wonderland"), gun, actions, NOW)) == "403"


def token(claims, *, alg="ES256", key=KEY, crit=False):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    header = {"typ": "JWT", "alg": alg} | ({"crit": ["x"]} if crit else {})
    signed = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"
    r, s = numbers(key.sign(ECDSA_P256_SHA256, signed.encode()))
    return f"Bearer {signed}.{part(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


@pytest.fixture
def tokens():
    service = TokenService("https://tokens.example/token", "notary", "tokens.example", KEY.public)
    return TokenAccess(service, provider())


def test_a_token_of_the_service_is_admitted(tokens):
    assert tokens.admit(token(CLAIMS), GUN, PUSH, NOW) == "alice"


@pytest.mark.parametrize(
    "given_",
    [
        "",
        "Bearer a.b.c",
        token(CLAIMS, key=provider().generate("ecdsa-p256")),
        token(CLAIMS, alg="none"),
        token(CLAIMS, alg="HS256"),
        token(CLAIMS, crit=True),
        token(CLAIMS | {"iss": "other"}),
        token(CLAIMS | {"aud": "other"}),
        token(CLAIMS | {"exp": int((NOW - timedelta(minutes=5)).timestamp())}),
        token(CLAIMS | {"nbf": int((NOW + timedelta(minutes=5)).timestamp())}),
        token({name: value for name, value in CLAIMS.items() if name != "exp"}),
    ],
    ids=["none", "junk", "key", "alg-none", "hmac", "crit", "issuer", "audience", "expired", "early", "endless"],
)
def test_another_token_is_refused(tokens, given_):
    assert status_of(lambda: tokens.admit(given_, GUN, PUSH, NOW)) == "401"


def test_a_token_grants_nothing_elsewhere(tokens):
    assert status_of(lambda: tokens.admit(token(CLAIMS), "registry.example/other", PUSH, NOW)) == "403"


@given(st.text(max_size=200))
def test_any_text_is_a_token_or_refused(text):
    with contextlib.suppress(TrustkitError):
        jwt.parse(text)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"/v2/{GUN}/_trust/tuf/", (GUN, "", 0, "", "")),
        (f"/v2/{GUN}/_trust/tuf/root.json", (GUN, "root", 0, "", "")),
        (f"/v2/{GUN}/_trust/tuf/3.root.json", (GUN, "root", 3, "", "")),
        (f"/v2/{GUN}/_trust/tuf/targets/a.{'0' * 64}.json", (GUN, "targets/a", 0, "0" * 64, "")),
        ("/v2/127.0.0.1:5000/app/_trust/tuf/timestamp.key", ("127.0.0.1:5000/app", "", 0, "", "timestamp")),
    ],
)
def test_a_path_names_what_it_says(path, expected):
    assert tuple(place_of(path)) == expected


@pytest.mark.parametrize(
    ("gun", "name", "status"),
    [
        ("UPPER/../x", "root.json", "400"),
        ("a//b", "root.json", "400"),
        ("a" * 256, "root.json", "400"),
        (GUN, "other.json", "404"),
        (GUN, "root.key", "404"),
        (GUN, "targets" + "/a" * 9 + ".json", "400"),
        (GUN, "targets/../root.json", "404"),
    ],
)
def test_a_path_outside_the_grammar_names_nothing(gun, name, status):
    assert status_of(lambda: place_of(f"/v2/{gun}/_trust/tuf/{name}")) == status
