from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from trustkit import limits
from trustkit.errors import TrustkitError
from trustkit.net import url, wire

PIECES = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.0 404 x", b"\r\n", b"\r\n\r\n", b"\n", b"Content-Length: 5", b"Content-Length: 0",
     b"Transfer-Encoding: chunked", b"5", b"0", b"abcde", b": ", b" ", b"\0", b"Connection: close"]
)  # fmt: skip
STREAM = st.lists(PIECES | st.binary(max_size=20), max_size=30)


@given(STREAM, st.sampled_from(["GET", "HEAD", "PUT"]))
def test_any_stream_is_read_or_refused_within_its_bytes(parts, method):
    rest = list(parts)
    reader = wire.Reader(
        lambda _: next((part for part in iter(lambda: rest.pop(0) if rest else None, None) if part), b"")
    )
    with suppress(TrustkitError):
        head = wire.read_head(reader)
        content = b"".join(wire.body(reader, wire.framing(head, method)))
        assert len(content) <= sum(map(len, parts))


@given(st.binary(max_size=200), st.integers(1, 7))
def test_how_a_stream_is_cut_into_pieces_changes_nothing(tail, step):
    stream = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + tail

    def outcome(size):
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        reader = wire.Reader(lambda _: pieces.pop(0) if pieces else b"")
        try:
            return b"".join(wire.body(reader, wire.framing(wire.read_head(reader), "GET")))
        except TrustkitError as error:
            return type(error)

    assert outcome(step) == outcome(len(stream))


@given(st.text(max_size=80))
def test_any_url_is_read_or_refused(text):
    base = url.parse("https://a.example/v2/")
    with suppress(TrustkitError):
        assert len(str(url.join(base, text))) < limits.HEADER_BYTES
