"""One connection of the server: framing, limits, hijacking."""

import json

import pytest

from peers.http_bytes import recording, talk
from trustkit import limits
from trustkit.errors import AdmissionDenied, UnreachableError
from trustkit.server.message import Answer, Duplex, Hijack, Reply, Request, StreamReply

GET = b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n"


def test_two_pipelined_requests_get_two_answers_in_order() -> None:
    seen: list[Request] = []
    said = talk(recording(seen), GET + GET.replace(b"_ping", b"info"))
    assert [request.path for request in seen] == ["/_ping", "/info"]
    assert said.count(b"HTTP/1.1 200") == 2


def test_a_chunked_body_arrives_whole() -> None:
    seen: list[Request] = []
    talk(
        recording(seen),
        b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"2\r\nde\r\n0\r\n\r\n",
    )
    assert seen[0].body == b"abcde"


def test_a_client_that_waits_for_100_continue_is_told_to_go_on() -> None:
    head = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    seen: list[Request] = []
    assert talk(recording(seen), head, b"ab").startswith(b"HTTP/1.1 100")
    assert seen[0].body == b"ab"


def test_a_version_prefix_is_taken_off_the_path() -> None:
    seen: list[Request] = []
    talk(recording(seen), GET.replace(b"/_ping", b"/v1.41/containers/json"))
    assert (seen[0].path, seen[0].version) == ("/containers/json", (1, 41))


def test_a_path_is_decoded_once_before_it_is_routed() -> None:
    seen: list[Request] = []
    talk(recording(seen), GET.replace(b"/_ping", b"/containers/%63reate%2541"))
    assert seen[0].path == "/containers/create%41"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"\x00\x01\x02\r\n\r\n", 400),
        (b"GET /x HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (b"GET /x HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (GET.replace(b"/_ping", b"/%ff"), 400),
        (GET.replace(b"/_ping", b"/a%00b"), 400),
        (GET.replace(b"/_ping", b"/x?a=1&a=2"), 400),
        (GET.replace(b"/_ping", b"/v1.999/x"), 400),
        (GET.replace(b"/_ping", b"/v1.10/x"), 400),
        (GET.replace(b"/_ping", b"/x?" + b"&".join(b"a%d=1" % n for n in range(65))), 400),
        (b"GET /" + b"a" * (3 * limits.HEADER_BYTES) + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
    ],
)
def test_bytes_that_are_no_request_are_refused_and_reach_no_route(request_bytes: bytes, status: int) -> None:
    seen: list[Request] = []
    said = talk(recording(seen), request_bytes)
    assert int(said.split(b" ")[1]) == status
    assert "message" in json.loads(said.partition(b"\r\n\r\n")[2])
    assert seen == []


def test_a_body_announced_too_large_is_refused_before_it_is_read() -> None:
    head = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (limits.API_BODY_BYTES + 1)
    assert talk(recording([]), head).startswith(b"HTTP/1.1 413")


def test_a_chunked_body_that_grows_too_large_is_refused() -> None:
    piece = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    head = b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b"HTTP/1.1 413" in talk(recording([]), head, *[piece] * 9)


def test_a_half_sent_request_reaches_no_route() -> None:
    seen: list[Request] = []
    talk(recording(seen), b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
    assert seen == []


def test_a_fault_in_a_route_is_500_without_its_traceback() -> None:
    async def broken(request: Request) -> Answer:
        raise ZeroDivisionError("secret")

    said = talk(recording([], broken), GET)
    assert said.startswith(b"HTTP/1.1 500")
    assert b"secret" not in said


@pytest.mark.parametrize(("error", "status", "exit_status"), [
    (AdmissionDenied("no", next_step="sign it", rule="r"), 403, 1),
    (UnreachableError("silent"), 504, 3),
])  # fmt: skip
def test_an_error_carries_what_our_command_line_needs(error: Exception, status: int, exit_status: int) -> None:
    async def refusing(request: Request) -> Answer:
        raise error

    said = talk(recording([], refusing), GET)
    told = json.loads(said.partition(b"\r\n\r\n")[2])["trustkit"]
    assert (int(said.split(b" ")[1]), told["exit_status"]) == (status, exit_status)


def test_a_head_request_gets_headers_only() -> None:
    said = talk(recording([]), GET.replace(b"GET", b"HEAD"))
    assert said.startswith(b"HTTP/1.1 200")
    assert said.endswith(b"\r\n\r\n")


def test_a_stream_is_closed_when_the_client_goes_away() -> None:
    closed: list[bool] = []

    async def endless(request: Request) -> Answer:
        import asyncio

        async def chunks():  # type: ignore[no-untyped-def]
            yield b"first"
            await asyncio.Event().wait()

        async def close() -> None:
            closed.append(True)

        return StreamReply(chunks(), close=close)

    said = talk(recording([], endless), GET)
    assert b"first" in said
    assert closed == [True]


def _echo() -> Hijack:
    async def serve(duplex: Duplex) -> None:
        while data := await duplex.read():
            await duplex.write(data.upper())

    async def close() -> None:
        return

    return Hijack(serve, close)


@pytest.mark.parametrize("upgrade", [True, False])
def test_a_hijacked_connection_carries_raw_bytes_also_those_sent_early(upgrade: bool) -> None:
    async def taken(request: Request) -> Answer:
        return _echo()

    wish = b"Connection: Upgrade\r\nUpgrade: tcp\r\n" if upgrade else b""
    said = talk(recording([], taken), b"POST /x HTTP/1.1\r\nHost: x\r\n" + wish + b"\r\nearly", b"late")
    head, _, rest = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 UPGRADED" if upgrade else b"HTTP/1.1 200 OK")
    assert rest == b"EARLYLATE"


def test_bytes_after_a_hijack_are_never_a_second_request() -> None:
    seen: list[Request] = []

    async def taken(request: Request) -> Answer:
        return _echo()

    upgrade = b"POST /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    talk(recording(seen, taken), upgrade + GET)
    assert len(seen) == 1


def test_a_refused_upgrade_gets_the_error_in_http() -> None:
    async def refusing(request: Request) -> Answer:
        raise UnreachableError("silent")

    upgrade = b"POST /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
    assert talk(recording([], refusing), upgrade).startswith(b"HTTP/1.1 504")


def test_a_no_content_answer_has_no_length() -> None:
    async def empty(request: Request) -> Answer:
        return Reply(204)

    assert b"ontent-Length" not in talk(recording([], empty), GET)
