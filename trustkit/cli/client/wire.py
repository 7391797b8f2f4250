"""HTTP/1.1 over the daemon's unix socket: just enough, because importing a library costs more than a container.

`_socket` is the C module below `socket`, which alone would take 4 ms. Only our own daemon is spoken to, and its
answers are bounded all the same.
"""

import _socket
import os
import sys
from collections.abc import Iterator, Mapping

from trustkit import limits
from trustkit.engine.errors import DaemonUnreachableError
from trustkit.errors import ConfigError, ProtocolError

_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/:@")
_READ_BYTES = 65536
_NONE: Mapping[str, str] = {}
# What the caller counts on: a policy (percent-encoded), and a FIPS mode; `docker` sends neither.
POLICY_HEADER, FIPS_HEADER = "X-Trustkit-Policy", "X-Trustkit-Fips"
_ANSWER_BYTES = 64 * 1024 * 1024
_CONNECT_SECONDS = 10.0
# struct ucred of unix(7): pid, uid, gid
_CREDENTIALS_BYTES = 12


def quote(text: str) -> str:
    """Percent-encode a path or query value (RFC 3986 2.1)."""
    return "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in text.encode("utf-8", "surrogateescape"))


class Connection:
    """One connection; requests one after the other, or one stream, or one hijack."""

    def __init__(self, path: str) -> None:
        """Connect. Raises DaemonUnreachableError."""
        self.socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self.buffer = b""
        self.headers: dict[str, str] = {}
        try:
            self.socket.settimeout(_CONNECT_SECONDS)
            self.socket.connect(path)
            self.socket.settimeout(None)
        except OSError as error:
            self.socket.close()
            reason = (error.strerror or str(error)).lower()
            message = f"the daemon does not answer on {path}: {reason}"
            raise DaemonUnreachableError(message, next_step="start it with `trustkit daemon`") from error
        self._require_own(path)

    def _require_own(self, path: str) -> None:
        """Return if the daemon is root's or this user's: anybody else's could say that anything was admitted."""
        credentials = self.socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, _CREDENTIALS_BYTES)
        owner = int.from_bytes(credentials[4:8], sys.byteorder)
        if owner not in (0, os.geteuid()):
            self.socket.close()
            message = f"{path}: user {owner} listens there, who is neither root nor you"
            raise ConfigError(message, next_step="find out why, or set daemon.socket to another path")

    def send(
        self, method: str, target: str, body: bytes = b"", *, upgrade: bool = False, demands: Mapping[str, str] = _NONE
    ) -> None:
        """Send a request, with headers of what the daemon must fulfil to serve it. Raises DaemonUnreachableError."""
        head = f"{method} {target} HTTP/1.1\r\nHost: trustkit\r\nContent-Length: {len(body)}\r\n"
        if body:
            head += "Content-Type: application/json\r\n"
        for name, value in demands.items():
            head += f"{name}: {quote(value)}\r\n"
        if upgrade:
            head += "Connection: Upgrade\r\nUpgrade: tcp\r\n"
        try:
            self.socket.sendall(head.encode("ascii") + b"\r\n" + body)
        except OSError as error:
            raise _gone() from error

    def head(self) -> int:
        """Read status and headers, and return the status. Raises ProtocolError, DaemonUnreachableError."""
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            if len(self.buffer) > limits.HEADER_BYTES:
                raise ProtocolError("the daemon's answer has endless headers")
            self.more()
        lines = self.buffer[:end].decode("latin-1").split("\r\n")
        self.buffer = self.buffer[end + 4 :]
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        try:
            return int(lines[0].split(" ", 2)[1])
        except (IndexError, ValueError) as error:
            raise ProtocolError(f"the daemon's answer is no HTTP: {lines[0][:80]!r}") from error

    def body(self) -> bytes:
        """Read a whole body. Raises ProtocolError, DaemonUnreachableError."""
        found, size = [], 0
        for chunk in self.chunks():
            size += len(chunk)
            if size > _ANSWER_BYTES:
                raise ProtocolError("the daemon's answer is too large")
            found.append(chunk)
        return b"".join(found)

    def chunks(self) -> Iterator[bytes]:
        """Yield a body as it comes. Raises ProtocolError, DaemonUnreachableError."""
        if self.headers.get("transfer-encoding") == "chunked":
            while (size := self._number(self.line(), 16)) > 0:
                yield from self._exactly(size)
                self.line()
            self.line()
        elif "content-length" in self.headers:
            yield from self._exactly(self._number(self.headers["content-length"], 10))

    def line(self) -> str:
        """Read one line of framing."""
        while (end := self.buffer.find(b"\r\n")) < 0:
            if len(self.buffer) > limits.HEADER_BYTES:
                raise ProtocolError("the daemon's answer has an endless line")
            self.more()
        line, self.buffer = self.buffer[:end], self.buffer[end + 2 :]
        return line.decode("latin-1")

    def more(self) -> None:
        """Read what has come into the buffer. Raises DaemonUnreachableError at the end."""
        try:
            data = self.socket.recv(_READ_BYTES)
        except OSError as error:
            raise _gone() from error
        if not data:
            raise _gone()
        self.buffer += data

    def close(self) -> None:
        """Let go."""
        self.socket.close()

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size > 0:
            if not self.buffer:
                self.more()
            data, self.buffer = self.buffer[:size], self.buffer[size:]
            size -= len(data)
            yield data

    @staticmethod
    def _number(text: str, base: int) -> int:
        try:
            return int(text, base)
        except ValueError as error:
            raise ProtocolError(f"the daemon's answer has no length: {text[:40]!r}") from error


def _gone() -> DaemonUnreachableError:
    return DaemonUnreachableError(
        "the daemon went away in the middle of an answer",
        next_step="containers go on without it; look at daemon.log in the state directory and try again",
    )
