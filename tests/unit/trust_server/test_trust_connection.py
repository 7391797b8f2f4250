"""The trust server's HTTP, spoken to byte by byte over a real socket."""

import asyncio

import pytest

from trustkit.errors import ConfigError, NotFoundError
from trustkit.trust_server.listen import Address, bind, listening
from trustkit.trust_server.message import Reply, Request

MISSING = b"GET /missing HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


async def application(request: Request) -> Reply:
    body = await request.body(10)
    if request.path == "/missing":
        raise NotFoundError("nothing here")
    if request.path == "/fault":
        raise KeyError("secret")
    return Reply(200, f"<{request.path} {body.decode()}>".encode())


def told(*requests, most_connections=8):
    async def talk():
        listener = bind(Address("127.0.0.1", 0), None)
        async with listening(listener, application, None, most_connections):
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.getsockname()[1])
            writer.write(b"".join(requests))
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(), 20)
            writer.close()
            return answer

    return asyncio.run(talk())


def test_an_error_does_not_end_the_connection():
    answer = told(MISSING, LAST)
    assert (answer.count(b"HTTP/1.1 404"), answer.count(b"</last >")) == (1, 1)


def test_a_body_is_handed_over():
    answer = told(b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
    assert b"</p hello>" in answer


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"junk\r\n\r\n", b"400"),
        (b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello world", b"413"),
        (b"GET /%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"404"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nLong: " + b"x" * 300_000 + b"\r\n\r\n", b"431"),
    ],
    ids=["junk", "large", "path", "twice", "headers"],
)
def test_a_bad_request_is_refused(sent, status):
    assert told(sent).startswith(b"HTTP/1.1 " + status)


def test_a_fault_of_ours_is_not_told_in_detail():
    answer = told(b"GET /fault HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 500")
    assert b"secret" not in answer


def test_a_connection_too_many_is_closed():
    try:
        answer = told(LAST, most_connections=0)
    except ConnectionResetError:  # closed before our bytes were read
        answer = b""
    assert answer == b""


def test_no_address_that_others_reach_is_served_without_tls():
    with pytest.raises(ConfigError):
        bind(Address("0.0.0.0", 0), None)
