"""Nobody makes us ask further inwards than he may: addresses are judged after names are looked up."""

import socket
from collections.abc import Iterator
from threading import Thread

import pytest

from trustkit.errors import UnreachableError
from trustkit.net.connection import Timeouts, connect
from trustkit.net.http import HttpClient, HttpOptions, Request
from trustkit.net.reach import MACHINE, NOWHERE, PRIVATE, WORLD, reach_of
from trustkit.net.tls import tls_context
from trustkit.net.url import Url

ADDRESSES = {
    WORLD: ("8.8.8.8", "172.32.0.1", "100.128.0.1", "11.0.0.1", "2606:4700::1111", "2001:db8::1", "::ffff:8.8.8.8",
            "64:ff9b:1::808:808", "64:ff9b:1:fffe::808:808", "64:ff9b:1:808:8:800::", "::ffff:0:808:808",
            "168.63.129.15", "fe00::1"),
    PRIVATE: (
        "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "198.18.0.1",
        "fd12:3456::1", "fc00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::",
        "fec0::1", "feff::1", "fd00:ec3::1", "fd00:42::43", "fd20:cf::254", "::ffff:0:a00:1",
        # a translator's own prefix: of 96, 64, 56 and 48 bits, with an address of the world behind the others
        "64:ff9b:1::a00:1", "64:ff9b:1:0:a:0:108:808", "64:ff9b:1:a::108:808", "64:ff9b:1:a00:0:100:808:808",
    ),
    MACHINE: ("127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1"),
    NOWHERE: (
        "169.254.169.254", "0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255", "100.100.100.200", "192.0.0.192",
        "fe80::1", "fe80::1%eth0", "febf::1", "ff02::1", "::", "::127.0.0.1", "::ffff:169.254.169.254", "fd00:ec2::254",
        "168.63.129.16", "::ffff:168.63.129.16", "fd00:ec2::23", "fd00:ec2::253", "fd00:ec2:1::1", "fd20:ce::254",
        "fd00:c1::a9fe:a9fe", "fd00:42::42", "64:ff9b::6464:64c8", "64:ff9b::a83f:8110", "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe", "64:ff9b:1:a9fe:a9:fe00::", "64:ff9b:1:a9fe:a9:fe00:808:808",
        "64:ff9b:1:a9:fe:a9fe:808:808", "64:ff9b:1:0:a9:fea9:fe08:808", "64:ff9b:1::", "64:ff9b:1::e000:1",
        "::ffff:0:a9fe:a9fe", "2002:a9fe:a9fe::", "", "x", "1.2.3.4.5",
    ),
}  # fmt: skip
QUICK = Timeouts(1, 1)


@pytest.fixture(name="port")
def port_() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            while True:
                try:
                    one, _ = server.accept()
                except OSError:
                    return
                with one:
                    one.recv(65536)
                    one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        Thread(target=answer, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def asked(port: int, host: str = "127.0.0.1") -> Request:
    return Request("GET", Url("http", host, port, "/"))


@pytest.mark.parametrize(("reach", "address"), [(reach, one) for reach, many in ADDRESSES.items() for one in many])
def test_every_address_lies_where_it_lies(reach: int, address: str) -> None:
    assert reach_of(address) == reach


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f000001", "[::1]", "localhost"])
def test_this_machine_is_not_asked_where_only_the_world_may_be(port: int, host: str) -> None:
    with pytest.raises(UnreachableError, match="on this machine"):
        connect(Url("https", host, port, "/"), QUICK, lambda: tls_context(None), WORLD)


def test_a_name_that_leads_inwards_is_not_asked(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: found)
    with pytest.raises(UnreachableError, match=r"on this machine \(127\.0\.0\.1\)"):
        connect(Url("http", "rebound.example", port, "/"), QUICK, lambda: tls_context(None), PRIVATE)


def test_of_several_addresses_only_those_allowed_are_tried(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", port)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: found)
    opened = connect(Url("http", "two.example", port, "/"), QUICK, lambda: tls_context(None))
    assert opened.reach == MACHINE
    opened.close()


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "0.0.0.0", "2852039166"])
def test_nothing_is_ever_asked_on_the_link(host: str) -> None:
    client = HttpClient(HttpOptions(insecure_hosts=(host,), private_hosts=(host,), timeouts=QUICK))
    with pytest.raises(UnreachableError, match="where nothing is asked"):
        client.send(asked(80, host))


def test_a_client_of_the_world_asks_no_machine_but_those_named(port: int) -> None:
    with pytest.raises(UnreachableError, match="on this machine"):
        HttpClient(HttpOptions(reach=WORLD, timeouts=QUICK)).send(asked(port))
    named = HttpClient(HttpOptions(reach=WORLD, timeouts=QUICK, private_hosts=(f"127.0.0.1:{port}",)))
    assert named.send(asked(port)).read(10, "the answer") == b"ok"


def test_another_port_of_a_named_host_is_not_named(port: int) -> None:
    client = HttpClient(HttpOptions(reach=WORLD, timeouts=QUICK, private_hosts=(f"127.0.0.1:{port + 1}",)))
    with pytest.raises(UnreachableError, match="on this machine"):
        client.send(asked(port))


def test_a_connection_kept_for_another_request_is_no_way_in(port: int) -> None:
    client = HttpClient(HttpOptions(timeouts=QUICK))
    assert client.send(asked(port)).read(10, "the answer") == b"ok"
    with pytest.raises(UnreachableError, match="on this machine"):
        client.send(asked(port)._replace(reach=WORLD))


def test_who_is_redirected_may_go_no_further_in_than_who_sent_him() -> None:
    client = HttpClient(HttpOptions())
    request = Request("GET", Url("https", "registry.example", 443, "/"), leaves_host=True)
    assert client._redirected(request, "https://storage.example/x", WORLD).reach == WORLD
    assert client._redirected(request._replace(reach=PRIVATE), "https://storage.example/x", MACHINE).reach == PRIVATE
