"""uvicorn's HTTP protocol on a transport that sends together what is written in one step of the event loop.

uvicorn writes the head of an answer and its body apart. Each write is a TLS record of its own, which costs a small
answer a tenth of its processor time.
"""

import asyncio
from typing import Any


class Joined:
    """A transport whose writes go out together, once what runs now has run. All else is the transport's own."""

    def __init__(self, transport: asyncio.Transport) -> None:
        """Write to `transport`."""
        self._transport = transport
        self._written: list[bytes] = []
        self._soon = asyncio.get_running_loop().call_soon
        # asked for every answer
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Send the bytes after those before them."""
        if not self._written:
            self._soon(self._flush)
        self._written.append(data)

    def close(self) -> None:
        """Send what was written, and close."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        """Return what the transport has."""
        return getattr(self._transport, name)

    def _flush(self) -> None:
        if self._written:
            self._transport.write(b"".join(self._written))
            self._written.clear()


def protocol() -> type[asyncio.Protocol]:
    """Return the fastest protocol installed (httptools). Raises ImportError: there is no uvicorn."""
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

    class _Protocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(Joined(transport))

    return _Protocol
