"""The unix socket: made, guarded by file modes, and given up without touching containers."""

import asyncio
import contextlib
import grp
import os
import pwd
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path

from trustkit.durable import make_folder, storage_error
from trustkit.engine.errors import ConflictError
from trustkit.errors import ConfigError
from trustkit.server.http import Connection
from trustkit.server.message import Application

# unix(7): sun_path has 108 bytes with its terminating zero
_PATH_BYTES = 107
_BACKLOG = 128
_CONNECTIONS = 1024
# Seconds that requests in flight get when the daemon ends.
_GRACE_SECONDS = 5.0


def bind(path: Path, group: str = "") -> socket.socket:
    """Return a listening socket that only its owner, or `group` too, may use; a dead one is replaced.

    Raises ConfigError, ConflictError (another daemon answers there), StorageError.
    """
    if len(os.fsencode(path)) > _PATH_BYTES:
        message = f"{path}: a unix socket's path may have {_PATH_BYTES} bytes"
        raise ConfigError(message, next_step="set daemon.socket to a shorter path")
    make_folder(path.parent)
    if _answers(path):
        raise ConflictError(f"{path}: another daemon already answers there", next_step="stop it first")
    gid = _gid_of(group)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        path.unlink(missing_ok=True)
        # No moment in which others could connect: the mode is made by umask, not by a later chmod.
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        if gid is not None:
            os.chown(path, -1, gid)
            path.chmod(0o660)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise storage_error(path, error) from error
    return listener


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _gid_of(group: str) -> int | None:
    if not group:
        return None
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError as error:
        raise ConfigError(f"daemon.group: there is no group {group!r}") from error


def actor_of(connected: socket.socket) -> str:
    """Return the name of the user at the other end, as the kernel knows it (SO_PEERCRED)."""
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid:{uid}"


@contextlib.asynccontextmanager
async def listening(listener: socket.socket, application: Application) -> AsyncIterator[None]:
    """Serve `application` on the socket within the block; afterwards requests in flight get a few seconds."""
    running: dict[asyncio.Task[None], Connection] = {}

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(running) >= _CONNECTIONS:
            writer.close()
            return
        connection = Connection(reader, writer, application, actor_of(writer.get_extra_info("socket")))
        task = asyncio.current_task()
        if task is not None:
            running[task] = connection
            task.add_done_callback(lambda done: running.pop(done, None))
        # asyncio 3.11 reports a connection that was cancelled at the end as an error of ours
        with contextlib.suppress(asyncio.CancelledError):
            await connection.run()

    server = await asyncio.start_unix_server(connected, sock=listener)
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
