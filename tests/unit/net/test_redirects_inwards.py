"""A registry cannot send us to addresses that only mean something on this machine or its link."""

import pytest

from trustkit.errors import ProtocolError
from trustkit.net.http import HttpClient, HttpOptions, Request
from trustkit.net.url import Url, is_machines_own

INWARDS = (
    "169.254.169.254", "2852039166", "0xa9fea9fe", "169.16689662", "0.0.0.0", "0", "127.1", "0x7f.1", "localhost",
    "[fe80::1]", "[febf::1]", "[::]", "[::1]", "[0:0::1]", "[::ffff:169.254.169.254]", "[::ffff:127.0.0.1]",
)  # fmt: skip
OUTWARDS = ("storage.example", "192.0.2.1", "[2001:db8::1]", "[fec0::1]", "169.253.0.1", "1e100.example")
ASKED = Request("GET", Url("https", "registry.example", 443, "/v2/app/blobs/x"), leaves_host=True)


@pytest.fixture(name="client")
def client_() -> HttpClient:
    return HttpClient(HttpOptions())


@pytest.mark.parametrize("host", INWARDS)
def test_a_blob_is_not_fetched_from_this_machine_or_its_link(client: HttpClient, host: str) -> None:
    with pytest.raises(ProtocolError, match="into this machine"):
        client._redirected(ASKED, f"https://{host}/blob")


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[::]"])
def test_not_even_a_registry_on_this_machine_sends_to_its_link(client: HttpClient, host: str) -> None:
    asked = ASKED._replace(url=ASKED.url._replace(host="localhost"))
    with pytest.raises(ProtocolError, match="into this machine"):
        client._redirected(asked, f"https://{host}/blob")


@pytest.mark.parametrize("host", OUTWARDS)
def test_a_blob_may_lie_elsewhere(client: HttpClient, host: str) -> None:
    assert client._redirected(ASKED, f"https://{host}/blob").url.host == host


def test_what_looks_like_an_address_and_is_none_is_a_name() -> None:
    assert not is_machines_own("[::1::]")
