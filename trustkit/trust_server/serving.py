"""The trust server's life: listen, answer until told to stop, let requests in flight finish."""

import asyncio
import logging
import signal
import ssl
from collections.abc import Callable
from typing import NamedTuple

from trustkit.net.tls import server_context
from trustkit.trust_server.listen import Address, Tls, bind, listening
from trustkit.trust_server.routes import Service, application

_LOG = logging.getLogger(__name__)
_CONNECTIONS = 512


class Settings(NamedTuple):
    """Where to listen, and with which certificate."""

    address: Address
    tls: Tls | None


async def serve(service: Service, settings: Settings, ready: Callable[[str], None]) -> None:
    """Answer until SIGTERM or SIGINT. `ready` is called with the server's URL once the socket listens.

    Raises ConfigError.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    context = _context(settings.tls)
    listener = bind(settings.address, settings.tls)
    try:
        async with listening(listener, application(service), context, _CONNECTIONS):
            ready(_url(listener.getsockname(), tls=context is not None))
            await stop.wait()
    finally:
        listener.close()
    _LOG.info("stopped")


def _context(tls: Tls | None) -> ssl.SSLContext | None:
    return server_context(tls.certificate, tls.key) if tls else None


def _url(name: tuple[object, ...], *, tls: bool) -> str:
    host = f"[{name[0]}]" if ":" in str(name[0]) else str(name[0])
    return f"{'https' if tls else 'http'}://{host}:{name[1]}"
