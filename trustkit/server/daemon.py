"""The daemon's life: listen, answer, write exits on record, and leave containers running when it ends."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

from trustkit.model.audit import AuditRecord
from trustkit.server import ledger, listen, router
from trustkit.server.parts import Parts


async def serve(
    parts: Parts,
    *,
    group: str = "",
    records: Callable[[], Iterable[AuditRecord]] | None = None,
    ready: Callable[[], None] | None = None,
) -> None:
    """Answer on `parts.socket` until SIGTERM or SIGINT; the engine stays the caller's to close.

    `records` reads the decision log, so that exits no daemon saw are put on record. `ready` is called once
    the socket answers. Raises ConfigError, ConflictError, StorageError, AuditError.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    listener = listen.bind(parts.socket, group)
    try:
        # Subscribed before anything can happen, so that no exit is missed.
        events = parts.engine.events(*ledger.WATCHED)
        if records is not None:
            await ledger.catch_up(parts, await asyncio.to_thread(lambda: ledger.unfinished(records())))
        watch = ledger.Watch(parts)
        watch.know(await parts.engine.list(every=True))
        watching = asyncio.gather(watch.follow(events), watch.retry())
        async with listen.listening(listener, router.application(parts)):
            if ready is not None:
                ready()
            await stop.wait()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await ledger.leave(parts)
    finally:
        listener.close()
        _forget(parts.socket)


def _forget(socket: Path) -> None:
    with contextlib.suppress(OSError):
        socket.unlink()
