"""HTTP/1.1 over one connection (RFC 9112, by h11): bounded requests, streamed answers, hijacking.

A client may take the connection over with `Upgrade: tcp` (answered 101), or, as old ones do, without
(answered 200 and no framing). The body of a request is read whole, within `limits.API_BODY_BYTES`.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl, unquote_to_bytes

import h11

from trustkit import limits
from trustkit.errors import RequestError, TrustkitError, UsageError
from trustkit.server import versions
from trustkit.server.message import Answer, Application, Hijack, Reply, Request, StreamReply
from trustkit.server.status import reply_of

_LOG = logging.getLogger(__name__)
_CHUNK_BYTES = 65536
# Seconds a client may keep an idle connection, take for its header lines, and for its whole body.
_IDLE_SECONDS = 300.0
_HEADER_SECONDS = 15.0
_BODY_SECONDS = 60.0
_QUERY_FIELDS = 64
# How much, and how long, is still read of a client that was refused.
_LINGER_BYTES = 4 * limits.API_BODY_BYTES
_LINGER_SECONDS = 2.0


class _ClientGone(Exception):  # noqa: N818  (no fault: the end of a connection)
    """The client closed, or is too slow."""


class Connection:
    """One client."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        application: Application,
        actor: str,
    ) -> None:
        """Serve `application` to the client, of whom the kernel says it is `actor`."""
        self._reader = reader
        self._writer = writer
        self._application = application
        self._actor = actor
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.HEADER_BYTES)
        self.idle = True

    async def run(self) -> None:
        """Answer requests until the connection ends."""
        try:
            while await self._cycle():
                self._http.start_next_cycle()
        except (_ClientGone, ConnectionError, TimeoutError):
            pass
        finally:
            self._writer.close()
            with contextlib.suppress(ConnectionError, TimeoutError):
                await asyncio.wait_for(self._writer.wait_closed(), 5)

    async def _cycle(self) -> bool:
        """Answer one request; return whether another may follow."""
        self.idle = True
        try:
            request = await self._request()
        except h11.RemoteProtocolError as error:
            await self._refuse(RequestError(f"not an HTTP request: {error}", status=str(error.error_status_hint)))
            return False
        except TrustkitError as error:
            await self._refuse(error)
            return False
        if request is None:
            return False
        answer = await self._answer(request)
        if isinstance(answer, Hijack):
            await self._hijack(answer)
            return False
        if isinstance(answer, StreamReply):
            await self._stream(answer, head_only=request.method == "HEAD")
        else:
            await self._reply(answer, head_only=request.method == "HEAD")
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _answer(self, request: Request) -> Answer:
        try:
            return await self._application(request)
        except TrustkitError as error:
            return reply_of(error)
        except Exception:  # noqa: BLE001  (the last line of defence: no request ends the daemon)
            _LOG.exception("%s %s", request.method, request.path)
            return reply_of(TrustkitError("internal error; the daemon's log has the details"))

    # reading

    async def _request(self) -> Request | None:
        """Read one request; None when the client has said its last."""
        head: h11.Request | None = None
        body = bytearray()
        started = asyncio.get_running_loop().time()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                await self._receive(started, head)
            elif isinstance(event, h11.Request):
                head = event
                self.idle = False
                started = asyncio.get_running_loop().time()
                _require_small(head)
                await self._continue()
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > limits.API_BODY_BYTES:
                    raise _too_large()
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return _parsed(head, bytes(body), self._actor)
            else:
                return None

    async def _receive(self, started: float, head: h11.Request | None) -> None:
        begun = bool(self._http.trailing_data[0])
        allowed = _BODY_SECONDS if head else _HEADER_SECONDS if begun else _IDLE_SECONDS
        deadline = started + allowed
        async with asyncio.timeout_at(deadline):
            data = await self._reader.read(_CHUNK_BYTES)
        if not data and head is not None:
            raise _ClientGone
        self._http.receive_data(data)

    async def _continue(self) -> None:
        if self._http.they_are_waiting_for_100_continue:
            await self._send(h11.InformationalResponse(status_code=100, headers=[]))

    # answering

    async def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._writer.write(data)
            await self._writer.drain()

    async def _refuse(self, error: TrustkitError) -> None:
        """Answer bytes that are no request we could serve, then let go of the connection."""
        if self._http.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            reply = reply_of(error)
            closing = Reply(reply.status, reply.body, headers=(("Connection", "close"),))
            await self._reply(closing, head_only=False)
            await self._linger()

    async def _linger(self) -> None:
        """Read on for a moment: closing with unread bytes would take the answer away from a client still sending."""
        self._writer.write_eof()
        left = _LINGER_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                while left > 0 and (data := await self._reader.read(_CHUNK_BYTES)):
                    left -= len(data)

    async def _reply(self, reply: Reply, *, head_only: bool) -> None:
        headers = [*_fixed_headers(reply.media_type if reply.body else ""), *reply.headers]
        # RFC 9110 8.6: neither 1xx, 204 nor 304 carries a length
        if reply.status not in {204, 304}:
            headers.append(("Content-Length", str(len(reply.body))))
        response = h11.Response(status_code=reply.status, headers=headers)
        data = self._http.send(response) or b""
        if reply.body and not head_only:
            data += self._http.send(h11.Data(data=reply.body)) or b""
        data += self._http.send(h11.EndOfMessage()) or b""
        self._writer.write(data)
        await self._writer.drain()

    async def _stream(self, reply: StreamReply, *, head_only: bool) -> None:
        """Send headers at once, then chunks until their end, or until the client goes away."""
        try:
            await self._send(h11.Response(status_code=200, headers=_fixed_headers(reply.media_type)))
            if not head_only:
                await self._chunks(reply.chunks)
            await self._send(h11.EndOfMessage())
        finally:
            if reply.close is not None:
                await reply.close()

    async def _chunks(self, chunks: AsyncIterator[bytes]) -> None:
        sending = asyncio.ensure_future(self._send_all(chunks))
        # The next bytes of the client: a pipelined request, or its end.
        watching = asyncio.ensure_future(self._reader.read(_CHUNK_BYTES))
        try:
            await asyncio.wait({sending, watching}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done() and not watching.cancelled():
                data = watching.result()
                if not data and not sending.done():
                    raise _ClientGone
                self._http.receive_data(data)
            await sending
        finally:
            for task in (sending, watching):
                task.cancel()
            await asyncio.gather(sending, watching, return_exceptions=True)

    async def _send_all(self, chunks: AsyncIterator[bytes]) -> None:
        async for chunk in chunks:
            if chunk:
                await self._send(h11.Data(data=chunk))

    # leaving HTTP

    async def _hijack(self, hijack: Hijack) -> None:
        upgrade = str(self._http.their_state) == "MIGHT_SWITCH_PROTOCOL"
        media_type = ("Content-Type", hijack.media_type)
        try:
            if upgrade:
                headers = [media_type, ("Connection", "Upgrade"), ("Upgrade", "tcp")]
                switch = h11.InformationalResponse(status_code=101, headers=headers, reason=b"UPGRADED")
                await self._send(switch)
            else:
                # No length and no chunks, which h11 would not write: the bytes that follow are no HTTP.
                self._writer.write(f"HTTP/1.1 200 OK\r\n{media_type[0]}: {media_type[1]}\r\n\r\n".encode())
                await self._writer.drain()
            await hijack.serve(_Stream(self._reader, self._writer, self._http.trailing_data[0]))
        finally:
            await hijack.close()


class _Stream:
    """The raw connection after a hijack; the bytes h11 had already read come first."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes) -> None:
        self._reader = reader
        self._writer = writer
        self._first = first

    async def read(self) -> bytes:
        if self._first:
            data, self._first = self._first, b""
            return data
        return await self._reader.read(_CHUNK_BYTES)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()


def _fixed_headers(media_type: str) -> list[tuple[str, str]]:
    headers = [
        ("Api-Version", versions.text_of(versions.NEWEST)),
        ("Docker-Experimental", "false"),
        ("Ostype", "linux"),
        ("Server", "trustkit (linux)"),
    ]
    return [*headers, ("Content-Type", media_type)] if media_type else headers


def _too_large() -> RequestError:
    return RequestError(f"the request's body is larger than {limits.API_BODY_BYTES} bytes", status="413")


def _require_small(head: h11.Request) -> None:
    for name, value in head.headers:
        # h11 has checked that it is a number
        if name == b"content-length" and int(value) > limits.API_BODY_BYTES:
            raise _too_large()


def _parsed(head: h11.Request, body: bytes, actor: str) -> Request:
    """Return the request, its path decoded exactly once. Raises UsageError."""
    path_bytes, _, query_bytes = head.target.partition(b"?")
    try:
        path = unquote_to_bytes(path_bytes).decode()
        fields = parse_qsl(
            query_bytes.decode("ascii"), keep_blank_values=True, max_num_fields=_QUERY_FIELDS, errors="strict"
        )
    except (UnicodeDecodeError, ValueError) as error:
        raise UsageError("the request's path or query is not URL-encoded UTF-8") from error
    query = dict(fields)
    if len(query) != len(fields):
        raise UsageError("a query parameter is given twice")
    if not path.startswith("/") or not path.isprintable():
        raise UsageError("the request's path has characters that no route has")
    version, rest = versions.split(path)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    return Request(head.method.decode("ascii"), rest, query, headers, body, actor, version)
