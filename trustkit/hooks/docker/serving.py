"""The plugin's life: a unix socket that dockerd finds, HTTP/1.1 over it (h11), and an orderly end."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import struct
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import h11

from trustkit import limits
from trustkit.admission.batched_log import BatchedLog
from trustkit.admission.gate import AuditLog, Gate
from trustkit.durable import make_folder, storage_error
from trustkit.errors import ConfigError, LimitExceededError
from trustkit.hooks.docker.deciding import Decider
from trustkit.hooks.docker.judging import Judge
from trustkit.hooks.docker.names import Names
from trustkit.hooks.docker.stored import Dockerd
from trustkit.model.values import NamedTuple

_LOG = logging.getLogger(__name__)
# unix(7): sun_path has 108 bytes with its terminating zero
_PATH_BYTES = 107
_CHUNK_BYTES = 65536
_BODY_SECONDS = 30.0
_GRACE_SECONDS = 5.0
_FOLDER_MODE = 0o755
_RESPONSE = b"/AuthZPlugin.AuthZRes"
_TYPE = ("Content-Type", "application/vnd.docker.plugins.v1.2+json")


class Settings(NamedTuple):
    """Where dockerd finds the plugin, where the plugin finds dockerd, and the classes of requests that are allowed."""

    socket: Path
    dockerd: Path
    allowed: frozenset[str] = frozenset()


async def serve(
    load: Callable[[], Gate], log: AuditLog, now: Callable[[], datetime], settings: Settings, ready: Callable[[], None]
) -> None:
    """Answer until SIGTERM or SIGINT. Raises ConfigError, StorageError, AuditError."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.set_default_executor(ThreadPoolExecutor(limits.PARALLEL_FETCHES, "judge"))
    await asyncio.to_thread(load)
    records = BatchedLog(log)
    judge = Judge(load, Dockerd(settings.dockerd), settings.allowed)
    plugin = _Plugin(Decider(judge, Names(time.monotonic), records, now))
    listener = _bind(settings.socket)
    server = await asyncio.start_unix_server(plugin.connected, sock=listener)
    try:
        ready()
        await stop.wait()
    finally:
        server.close()
        await plugin.close()
        settings.socket.unlink(missing_ok=True)
        records.close()


class _Plugin:
    """All connections of dockerd's."""

    def __init__(self, decider: Decider) -> None:
        self._decider = decider
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests, if it is dockerd's."""
        task = asyncio.current_task()
        if task is None or len(self._tasks) >= limits.AUTHZ_CONNECTIONS:
            writer.close()
            return
        self._tasks.add(task)
        try:
            _require_dockerd(writer.get_extra_info("socket"))
            # asyncio 3.11 reports a connection that was cancelled at the end as an error of ours
            with contextlib.suppress(ConnectionError, TimeoutError, asyncio.CancelledError, h11.ProtocolError):
                await self._requests(task, reader, writer)
        except LimitExceededError as error:
            _LOG.error("%s", error.message)
        except PermissionError as error:
            _LOG.error("%s", error)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def close(self) -> None:
        """Let what is being answered be answered."""
        self._stopping = True
        if self._busy:
            await asyncio.wait(set(self._busy), timeout=_GRACE_SECONDS)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _requests(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.HEADER_BYTES)
        while (asked := await _request(http, reader)) is not None:
            head, body = asked
            self._busy.add(task)
            try:
                content = await self._content(head, body)
                writer.write(_response(http, 200 if content else 404, content))
                await writer.drain()
            finally:
                self._busy.discard(task)
            if self._stopping or http.our_state is not h11.DONE or http.their_state is not h11.DONE:
                return
            http.start_next_cycle()

    async def _content(self, head: h11.Request, body: bytes) -> bytes:
        """Return the answer; nothing for what is no question of the protocol."""
        if head.method != b"POST":
            return b""
        if head.target == b"/Plugin.Activate":
            return _encoded({"Implements": ["authz"]})
        if head.target == _RESPONSE:
            self._decider.finished(body)
            return _encoded({"Allow": True})
        if head.target != b"/AuthZPlugin.AuthZReq":
            return b""
        answer = await self._decider.answer(body)
        return _encoded({"Allow": True} if answer.allowed else {"Allow": False, "Msg": answer.message})


async def _request(http: h11.Connection, reader: asyncio.StreamReader) -> tuple[h11.Request, bytes] | None:
    """Return one request with its body; None at the end. Raises LimitExceededError, h11.ProtocolError, TimeoutError."""
    head: h11.Request | None = None
    body = bytearray()
    until: float | None = None
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            # dockerd keeps idle connections for as long as it likes
            async with asyncio.timeout_at(until):
                http.receive_data(await reader.read(_CHUNK_BYTES))
        elif isinstance(event, h11.Request):
            head, until = event, asyncio.get_running_loop().time() + _BODY_SECONDS
        elif isinstance(event, h11.Data):
            if len(body) <= limits.AUTHZ_MESSAGE_BYTES:
                body += event.data
            elif head is None or head.target != _RESPONSE:
                raise LimitExceededError(f"a message of dockerd may have {limits.AUTHZ_MESSAGE_BYTES} bytes")
            # else a long list of dockerd's, which it shows whole, and which decides nothing
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return head, bytes(body)
        else:
            return None


def _response(http: h11.Connection, status: int, content: bytes) -> bytes:
    headers = [_TYPE, ("Content-Length", str(len(content)))]
    parts = (h11.Response(status_code=status, headers=headers), h11.Data(data=content), h11.EndOfMessage())
    return b"".join(http.send(part) or b"" for part in parts)


def _encoded(answer: object) -> bytes:
    return json.dumps(answer).encode()


def _require_dockerd(connected: socket.socket) -> None:
    """Return if the other end is root's or our own user's (SO_PEERCRED). Raises PermissionError."""
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    if uid not in (0, os.geteuid()):
        raise PermissionError(f"the user {uid} is not dockerd's")


def _bind(path: Path) -> socket.socket:
    """Return a listening socket for its owner alone; a dead one is replaced. Raises ConfigError, StorageError."""
    if len(os.fsencode(path)) > _PATH_BYTES:
        raise ConfigError(f"{path}: a unix socket's path may have {_PATH_BYTES} bytes", next_step="give a shorter one")
    make_folder(path.parent, mode=_FOLDER_MODE)
    if _answers(path):
        raise ConfigError(f"{path}: another plugin already answers there", next_step="stop it first")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    # no moment in which others could connect: the mode is made by umask, not by a later chmod
    before = os.umask(0o177)
    try:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        listener.listen()
    except OSError as error:
        listener.close()
        raise storage_error(path, error) from error
    finally:
        os.umask(before)
    return listener


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2)
        return probe.connect_ex(str(path)) == 0
