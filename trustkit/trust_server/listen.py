"""The TCP socket: bounded connections, TLS where a certificate is given, and time for requests in flight at the end."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from trustkit.errors import ConfigError
from trustkit.trust_server.connection import Connection
from trustkit.trust_server.message import Application

_BACKLOG = 256
_HANDSHAKE_SECONDS = 10.0
_GRACE_SECONDS = 10.0
_MOST_PORT = 65535


class Address(NamedTuple):
    """Where to listen: a literal IP address and a port; port 0 takes a free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Return the address in `IP:PORT` or `[IPv6]:PORT`. Raises ConfigError."""
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        try:
            ipaddress.ip_address(host)
        except ValueError as error:
            message = f"{text!r} is no address to listen on"
            raise ConfigError(message, next_step="write IP:PORT, such as 127.0.0.1:4443 or [::]:4443") from error
        if not port.isdecimal() or len(port) > len(str(_MOST_PORT)) or int(port) > _MOST_PORT:
            raise ConfigError(f"{text[:80]!r} names no port", next_step="write IP:PORT, such as 127.0.0.1:4443")
        return cls(host, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.host).is_loopback


class Tls(NamedTuple):
    """The server's certificate chain and key, both PEM files."""

    certificate: Path
    key: Path


def bind(address: Address, tls: Tls | None) -> socket.socket:
    """Return the listening socket. Raises ConfigError: in use, or without TLS where others could listen."""
    if tls is None and not address.is_loopback:
        raise ConfigError(
            f"{address.host} can be reached from elsewhere, and there is no TLS certificate",
            next_step="give --tls-cert and --tls-key, or listen on 127.0.0.1 behind a proxy that has them",
        )
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address.host, address.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        message = f"cannot listen on {address.host}:{address.port}: {(error.strerror or str(error)).lower()}"
        raise ConfigError(message, next_step="choose another address with --listen") from error
    return listener


@contextlib.asynccontextmanager
async def listening(
    listener: socket.socket, application: Application, tls: ssl.SSLContext | None, most_connections: int
) -> AsyncIterator[None]:
    """Serve `application` on the socket within the block; afterwards requests in flight get a few seconds."""
    running: dict[asyncio.Task[None], Connection] = {}

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(running) >= most_connections:
            writer.close()
            return
        connection = Connection(reader, writer, application)
        running[task] = connection
        task.add_done_callback(lambda done: running.pop(done, None))
        await connection.run()

    handshake = _HANDSHAKE_SECONDS if tls else None
    server = await asyncio.start_server(connected, sock=listener, ssl=tls, ssl_handshake_timeout=handshake)
    try:
        yield
    finally:
        server.close()
        for task, connection in list(running.items()):
            if connection.idle:
                task.cancel()
        if running:
            _, late = await asyncio.wait(list(running), timeout=_GRACE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
