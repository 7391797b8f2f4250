"""Raw bytes to one server connection and back, without a listening socket."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

from trustkit.server.http import Connection
from trustkit.server.message import Answer, Application, Reply, Request

Seen = list[Request]


def recording(seen: Seen, answer: Callable[[Request], Awaitable[Answer]] | None = None) -> Application:
    """Return an application that notes requests and answers OK, or as `answer` does."""

    async def application(request: Request) -> Answer:
        seen.append(request)
        return await answer(request) if answer else Reply(body=b"OK", media_type="text/plain")

    return application


def talk(application: Application, *pieces: bytes, seconds: float = 10.0) -> bytes:
    """Send pieces one by one, end our side, and return everything the server said until it closed."""
    return asyncio.run(_talk(application, pieces, seconds))


async def _talk(application: Application, pieces: tuple[bytes, ...], seconds: float) -> bytes:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=theirs)
    serving = asyncio.ensure_future(Connection(reader, writer, application, "tester").run())
    client_reader, client_writer = await asyncio.open_connection(sock=ours)

    async def send() -> None:
        for piece in pieces:
            client_writer.write(piece)
            await asyncio.sleep(0)
        try:
            await client_writer.drain()
            client_writer.write_eof()
        except OSError:
            # The server has already hung up, which is an answer too
            return

    async with asyncio.timeout(seconds):
        sending = asyncio.ensure_future(send())
        try:
            said = await client_reader.read()
        except ConnectionError:
            said = b""
        await sending
        await serving
    client_writer.close()
    return said
