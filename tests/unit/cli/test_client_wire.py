"""The thin client against a peer that answers wrong, late or not at all."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from peers.workspace import short_folder
from trustkit.cli.client.daemon import Daemon, error_of
from trustkit.cli.client.session import Frames, exit_status
from trustkit.cli.client.wire import Connection, quote
from trustkit.engine.errors import DaemonUnreachableError, EngineError
from trustkit.errors import AdmissionDenied, MalformedError, ProtocolError, TrustkitError, UnreachableError


@contextmanager
def answering(said: bytes) -> Iterator[str]:
    with short_folder("wire") as folder, socket.socket(socket.AF_UNIX) as listener:
        path = folder / "s"
        listener.bind(str(path))
        listener.listen(1)

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(said)

        thread = threading.Thread(target=serve)
        thread.start()
        yield str(path)
        thread.join(10)


def test_a_chunked_answer_arrives_whole() -> None:
    with answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n") as path:
        daemon = Daemon(path)
        assert daemon.call("GET", "/x") == [1, 2]
        daemon.close()


@pytest.mark.parametrize(
    "said",
    [
        b"", b"HTTP/1.1", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
    ],
)  # fmt: skip
def test_an_answer_that_breaks_off_is_a_daemon_that_went_away(said: bytes) -> None:
    with answering(said) as path, pytest.raises(DaemonUnreachableError):
        Daemon(path).call("GET", "/x")


@pytest.mark.parametrize(
    "said",
    [
        b"nonsense\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"x" * 70_000,
    ],
)  # fmt: skip
def test_an_answer_that_is_no_http_is_a_protocol_error(said: bytes) -> None:
    with answering(said) as path, pytest.raises((ProtocolError, DaemonUnreachableError)):
        Daemon(path).call("GET", "/x")


def test_an_answer_that_is_no_json_is_malformed() -> None:
    said = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{"
    with answering(said) as path, closing(Daemon(path)) as daemon, pytest.raises(MalformedError):
        daemon.call("GET", "/x")


def test_a_socket_nobody_listens_on_says_which(tmp_path: Path) -> None:
    with pytest.raises(DaemonUnreachableError, match="nobody"):
        Connection(str(tmp_path / "nobody"))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"message":"m","trustkit":{"code":"admission.denied","message":"no"}}', AdmissionDenied),
        (b'{"message":"m","trustkit":{"code":"source.unreachable","message":"no"}}', UnreachableError),
        (b'{"message":"m","trustkit":{"code":"engine.news.of.later","message":"no"}}', EngineError),
        (b'{"message":"m","trustkit":{"code":"","message":"no","details":{"message":"twice"}}}', EngineError),
        (b'{"message":"plain"}', EngineError),
        (b"<html>", EngineError),
        (b"", EngineError),
    ],
)
def test_an_error_comes_back_as_the_class_it_was(body: bytes, kind: type[TrustkitError]) -> None:
    assert type(error_of(500, body)) is kind


@pytest.mark.parametrize("size", [1, 3, 8, 100])
def test_frames_are_taken_apart_wherever_they_are_cut(size: int, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    data = b"\x01\0\0\0\0\0\0\x03out\x02\0\0\0\0\0\0\x03err\x01\0\0\0\0\0\0\0"
    frames = Frames(framed=True)
    for start in range(0, len(data), size):
        frames.write(data[start : start + size])
    assert capfdbinary.readouterr() == (b"out", b"err")


def test_a_wait_that_never_answered_is_no_exit_status() -> None:
    with pytest.raises(DaemonUnreachableError):
        exit_status(b"")


def test_a_wait_that_tells_an_error_is_no_exit_status() -> None:
    with pytest.raises(EngineError, match="boom"):
        exit_status(b'{"StatusCode":125,"Error":{"Message":"boom"}}')


def test_a_query_value_cannot_end_the_request_line() -> None:
    assert quote("a b\r\n&é") == "a%20b%0D%0A%26%C3%A9"
