"""A registry's credentials are told to its own token service, and to nobody whom it merely names."""

import pytest

from trustkit.errors import ProtocolError, UnreachableError
from trustkit.net.connection import Timeouts
from trustkit.net.credentials import Credential
from trustkit.net.http import HttpClient, HttpOptions
from trustkit.net.reach import WORLD
from trustkit.net.url import Url
from trustkit.oci.auth import Authenticator, Refused

SCOPE = "repository:app:pull"
# What would be asked is closed: whoever gets past the check fails to connect.
CLIENT = HttpClient(HttpOptions(timeouts=Timeouts(0.2, 0.2)))


def credential() -> Credential:
    return Credential("me", "secret")


def answer(registry: str, realm: str, hosts: tuple[str, ...] = (), *, anonymous: bool = False) -> None:
    refused = Refused(Url("https", registry, 443, "/"), SCOPE, (f'Bearer realm="https://{realm}/token"',), WORLD)
    Authenticator(CLIENT, hosts).answer(refused, "", (lambda: None) if anonymous else credential)


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        ("registry.corp.example", "evil.example"),
        ("registry.corp.example", "corp.example.evil.test"),
        ("registry.shop.co.uk", "evil.co.uk"),
        ("registry.shop.com.au", "evil.com.au"),
        ("192.0.2.1", "192.0.2.2"),
        ("[2001:db8::1]", "[2001:db8::2]"),
        ("registry.invalid", "token.test"),
    ],
)
def test_credentials_are_not_told_to_another_domain(registry: str, realm: str) -> None:
    with pytest.raises(ProtocolError, match="credentials"):
        answer(registry, realm)


@pytest.mark.parametrize(
    ("registry", "realm"),
    [("registry-1.docker.invalid", "auth.docker.invalid"), ("registry.git.invalid", "git.invalid")],
)
def test_a_service_of_the_same_domain_is_asked(registry: str, realm: str) -> None:
    with pytest.raises(UnreachableError, match="cannot reach"):
        answer(registry, realm)


def test_a_service_that_the_configuration_names_is_asked() -> None:
    with pytest.raises(UnreachableError, match="cannot reach"):
        answer("registry.corp.invalid", "sso.other-corp.test", ("sso.other-corp.test",))


def test_without_credentials_there_is_nothing_to_tell() -> None:
    with pytest.raises(UnreachableError, match="cannot reach"):
        answer("registry.corp.invalid", "token.other.test", anonymous=True)


def test_a_registry_in_the_world_sends_nobody_into_a_private_network() -> None:
    with pytest.raises(UnreachableError, match="in a private network"):
        answer("10.0.0.1", "10.0.0.1")
