"""HTTP/1.1 over one connection (RFC 9112, by h11): deadlines for everything a client sends, bodies on demand."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

import h11

from trustkit import limits
from trustkit.errors import LimitExceededError, RequestError, TrustkitError
from trustkit.trust_server.failures import reply_of
from trustkit.trust_server.message import Application, Reply, Request

_LOG = logging.getLogger(__name__)
_CHUNK_BYTES = 65536
# Seconds a client may keep an idle connection, and take for its header lines.
_IDLE_SECONDS = 75.0
_HEADER_SECONDS = 15.0
# Seconds for any body, beside the time its size excuses.
_BODY_SECONDS = 15.0
_WRITE_SECONDS = 60.0
# What is still read of a client that was refused, and how long.
_LINGER_BYTES = 1024 * 1024
_LINGER_SECONDS = 2.0
# h11's states of a client whose request has been read to its end, whether another may follow or not.
_WHOLE = frozenset({h11.DONE, h11.MUST_CLOSE, h11.CLOSED})


class _ClientGone(Exception):  # noqa: N818  (no fault: the end of a connection)
    """The client closed, or is too slow."""


class Connection:
    """One client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, application: Application) -> None:
        """Serve `application` to the client."""
        self._reader = reader
        self._writer = writer
        self._application = application
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
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(self._writer.wait_closed(), 5)

    async def _cycle(self) -> bool:
        """Answer one request; return whether another may follow."""
        self.idle = True
        try:
            head = await self._head()
        except h11.RemoteProtocolError as error:
            fault = RequestError(f"not an HTTP request: {error}", status=str(error.error_status_hint))
            await self._send(reply_of(fault), head_only=False)
            return False
        if head is None:
            return False
        self.idle = False
        reply = await self._answer(head)
        await self._send(reply, head_only=head.method == b"HEAD")
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _answer(self, head: h11.Request) -> Reply:
        try:
            if not any(name in {b"content-length", b"transfer-encoding"} for name, _ in head.headers):
                await self._body(0)
            return await self._application(_request(head, self._body))
        except _ClientGone:
            raise
        except TrustkitError as error:
            reply = reply_of(error)
            if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                _LOG.error("%r %r: %s", head.method, head.target, error.message)
            return reply
        except h11.RemoteProtocolError as error:
            return reply_of(RequestError(f"not an HTTP request: {error}", status=str(error.error_status_hint)))
        except Exception:  # noqa: BLE001  (the last line of defence: no request ends the server)
            _LOG.exception("%s %s", head.method, head.target)
            return reply_of(TrustkitError("internal error; the server's log has the details"))

    # reading

    async def _head(self) -> h11.Request | None:
        """Return the next request line and headers; None when the client has said its last."""
        started = asyncio.get_running_loop().time()
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                return event
            if event is not h11.NEED_DATA:
                return None
            begun = bool(self._http.trailing_data[0])
            await self._receive(started + (_HEADER_SECONDS if begun else _IDLE_SECONDS))

    async def _body(self, most_bytes: int) -> bytes:
        """Return the whole body. Raises LimitExceededError."""
        if self._http.their_state in _WHOLE:
            return b""
        if self._http.they_are_waiting_for_100_continue:
            self._writer.write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
        body = bytearray()
        started = asyncio.get_running_loop().time()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                await self._receive(started + _BODY_SECONDS + len(body) / limits.SLOWEST_BYTES_PER_SECOND)
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > most_bytes:
                    raise LimitExceededError(f"the request's body is larger than the {most_bytes} bytes allowed here")
            elif isinstance(event, h11.EndOfMessage):
                return bytes(body)
            else:
                raise _ClientGone

    async def _receive(self, deadline: float) -> None:
        async with asyncio.timeout_at(deadline):
            data = await self._reader.read(_CHUNK_BYTES)
        if not data and self._http.their_state is h11.SEND_BODY:
            raise _ClientGone
        self._http.receive_data(data)

    # answering

    async def _send(self, reply: Reply, *, head_only: bool) -> None:
        unread = self._http.their_state not in _WHOLE
        headers = [("Server", "trustkit"), *reply.headers]
        if reply.body:
            headers.append(("Content-Type", reply.media_type))
        if reply.status not in {204, 304}:
            headers.append(("Content-Length", str(len(reply.body))))
        if unread:
            headers.append(("Connection", "close"))
        data = self._http.send(h11.Response(status_code=reply.status, headers=headers)) or b""
        if reply.body and not head_only:
            data += self._http.send(h11.Data(data=reply.body)) or b""
        data += self._http.send(h11.EndOfMessage()) or b""
        self._writer.write(data)
        async with asyncio.timeout(_WRITE_SECONDS):
            await self._writer.drain()
        if unread:
            await self._linger()

    async def _linger(self) -> None:
        """Read on for a moment: closing with unread bytes would take the answer away from a client still sending."""
        if self._writer.can_write_eof():
            self._writer.write_eof()
        left = _LINGER_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                while left > 0 and (data := await self._reader.read(_CHUNK_BYTES)):
                    left -= len(data)


def _request(head: h11.Request, body: Callable[[int], Awaitable[bytes]]) -> Request:
    """Return the request, its path decoded exactly once. Raises RequestError."""
    path_bytes, _, query = head.target.partition(b"?")
    try:
        path = unquote_to_bytes(path_bytes).decode("ascii")
    except UnicodeDecodeError as error:
        raise RequestError("the request's path has characters that no route has", status="404") from error
    headers: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name = raw_name.decode("latin-1")
        if name in headers and name in {"authorization", "content-type", "content-length"}:
            raise RequestError(f"the header {name} is given twice", status="400")
        headers[name] = raw_value.decode("latin-1")
    return Request(head.method.decode("ascii"), path, headers, body, query.decode("latin-1"))
