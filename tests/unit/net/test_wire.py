import pytest

from trustkit import limits
from trustkit.errors import DroppedConnectionError, LimitExceededError, ProtocolError
from trustkit.net import wire


def reader(*parts):
    rest = list(parts)
    return wire.Reader(lambda _: rest.pop(0) if rest else b"")


def answer(content, method="GET"):
    source = reader(content)
    head = wire.read_head(source)
    return b"".join(wire.body(source, wire.framing(head, method)))


def test_a_body_of_stated_length_is_read_in_any_pieces():
    source = reader(b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 5\r\n\r", b"\nab", b"cde")
    frame = wire.framing(wire.read_head(source), "GET")
    assert (b"".join(wire.body(source, frame)), frame.reusable, source.is_empty) == (b"abcde", True, True)


def test_a_chunked_body_is_joined_and_its_trailers_dropped():
    content = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n"
    )
    assert answer(content) == b"abc0123456789"


def test_a_body_without_length_ends_with_the_connection_and_is_not_reused():
    source = reader(b"HTTP/1.1 200 OK\r\n\r\nabc", b"def")
    frame = wire.framing(wire.read_head(source), "GET")
    assert not frame.reusable
    assert b"".join(wire.body(source, frame)) == b"abcdef"


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_some_statuses_have_no_body(status):
    assert answer(b"HTTP/1.1 " + status + b"\r\nContent-Length: 5\r\n\r\n") == b""


def test_an_answer_to_head_has_no_body():
    assert answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD") == b""


def test_informational_answers_are_skipped():
    assert answer(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx") == b"x"


@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\n Content-Length: 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 600 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 9,
    ],
)
def test_ambiguous_or_wrong_answers_are_refused(content):
    with pytest.raises(ProtocolError):
        answer(content)


@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * (limits.HEADER_LINES + 1) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * limits.HEADER_BYTES + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 2000 + b"\r\na\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 200 + b"\r\n",
    ],
    ids=["lines", "bytes", "chunk header", "chunk too long", "trailers"],
)
def test_floods_are_refused(content):
    with pytest.raises(LimitExceededError):
        answer(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
)
def test_a_connection_that_ends_early_is_told(content):
    with pytest.raises(DroppedConnectionError):
        answer(content)
