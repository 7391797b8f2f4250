"""One connection to one host: TCP, TLS where the URL says so, and a limit on every wait."""

import select
import socket
from collections.abc import Callable
from time import monotonic
from typing import Any, TypeVar

from trustkit import limits
from trustkit.errors import DroppedConnectionError, UnreachableError
from trustkit.model.values import NamedTuple
from trustkit.net.reach import MACHINE, NAMES, reach_of
from trustkit.net.tls import TlsContext
from trustkit.net.url import Url

_A = TypeVar("_A")
_T = TypeVar("_T")
_SEND_BYTES = 256 * 1024
_LOCAL_FIX = "check that the registry is running and that the name and port are right"


class _Place(NamedTuple):
    """An address of a host, and how far inwards it lies."""

    family: int
    address: tuple[Any, ...]
    reach: int


class QuietSocket(socket.socket):
    """A socket that ends with whoever held it, without a warning: a source has no end to call."""

    def __del__(self) -> None:
        """Close."""
        self.close()


class Timeouts(NamedTuple):
    """Seconds to connect, and seconds an answer may take beyond what its size excuses."""

    connect_seconds: float = limits.CONNECT_SECONDS
    read_seconds: float = limits.READ_SECONDS


class Connection:
    """A socket whose waits are counted, so that neither silence nor dripping keeps us for ever."""

    def __init__(self, opened: socket.socket, url: Url, timeouts: Timeouts, reach: int) -> None:
        """Take over a connected socket whose peer lies so far inwards."""
        self.reach = reach
        self._socket = opened
        self._name = url.authority
        self._timeouts = timeouts
        self._waited = 0.0
        self._received = 0

    def send(self, head: bytes, body: bytes) -> None:
        """Send a request and start counting. Raises UnreachableError, DroppedConnectionError."""
        self._waited = 0.0
        self._received = 0
        content = memoryview(head + body)
        self._socket.settimeout(self._timeouts.read_seconds)
        for start in range(0, len(content), _SEND_BYTES):
            self._guarded(self._socket.sendall, content[start : start + _SEND_BYTES])

    def receive(self, count: int) -> bytes:
        """Return up to `count` bytes, b"" at the end. Raises UnreachableError."""
        excused = self._received / limits.SLOWEST_BYTES_PER_SECOND
        left = self._timeouts.read_seconds + excused - self._waited
        if left <= 0:
            raise self._too_slow()
        self._socket.settimeout(left)
        started = monotonic()
        chunk = self._guarded(self._socket.recv, count)
        self._waited += monotonic() - started
        self._received += len(chunk)
        return chunk

    @property
    def is_stale(self) -> bool:
        """Whether an idle connection has something to read: its end, or bytes nobody asked for."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close, quietly."""
        self._socket.close()

    def _guarded(self, call: Callable[[_A], _T], argument: _A) -> _T:
        try:
            return call(argument)
        except TimeoutError as error:
            raise self._too_slow() from error
        except OSError as error:
            raise DroppedConnectionError(
                f"{self._name} dropped the connection: {_reason(error)}", next_step="try again"
            ) from error

    def _too_slow(self) -> UnreachableError:
        return UnreachableError(
            f"{self._name} stopped answering: {self._received} bytes in {self._timeouts.read_seconds:g} seconds",
            next_step="try again later, or look at the registry's load and logs",
            host=self._name,
        )


def connect(url: Url, timeouts: Timeouts, tls: Callable[[], TlsContext], reach: int = MACHINE) -> Connection:
    """Return a connection to the URL's host, at an address that lies no further inwards than `reach`.

    `tls` is only called for https. Raises UnreachableError.
    """
    host = url.host.strip("[]")
    try:
        opened, found = _connected(_places(url, host, reach), timeouts.connect_seconds)
    except socket.gaierror as error:
        raise _unreachable(url, f"the name is not known ({_reason(error)})") from error
    except TimeoutError as error:
        seconds = f"{timeouts.connect_seconds:g}"
        raise _unreachable(url, f"no connection within {seconds} seconds") from error
    except OSError as error:
        raise _unreachable(url, _reason(error)) from error
    if url.scheme == "https":
        opened = _encrypted(opened, host, url, tls)
    return Connection(opened, url, timeouts, found)


def _places(url: Url, host: str, reach: int) -> list[_Place]:
    """Return where the name leads, as far as we may go. The addresses that are judged are those that are connected to.

    Raises UnreachableError, OSError.
    """
    # As bytes: a text name is run through the IDNA codec, which costs 2 ms to import.
    found = socket.getaddrinfo(host.encode("ascii"), url.port, type=socket.SOCK_STREAM)
    places = [_Place(family, address, reach_of(str(address[0]))) for family, _, _, _, address in found]
    allowed = [place for place in places if place.reach <= min(reach, MACHINE)]
    if places and not allowed:
        place = places[0]
        raise UnreachableError(
            f"{url.authority} lies {NAMES[place.reach]} ({place.address[0]}), where it may not be asked",
            next_step="name it in registry.private_hosts if that is where it belongs"
            if place.reach <= MACHINE
            else "link-local, multicast and reserved addresses are never asked",
            host=url.authority,
        )
    return allowed


def _connected(places: list[_Place], seconds: float) -> tuple[socket.socket, int]:
    """Return the first place's socket that opens, and how far inwards it is. Raises OSError."""
    failed: OSError = OSError("the name has no address")
    for place in places:
        opened = QuietSocket(place.family, socket.SOCK_STREAM)
        try:
            opened.settimeout(seconds)
            opened.connect(place.address)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            opened.close()
            failed = error
        else:
            return opened, place.reach
    try:
        raise failed
    finally:
        # its traceback has this frame: the two would keep each other alive
        del failed


def _encrypted(opened: socket.socket, host: str, url: Url, tls: Callable[[], TlsContext]) -> socket.socket:
    import ssl

    try:
        return tls().wrap_socket(opened, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        opened.close()
        raise UnreachableError(
            f"{url.authority}: its certificate does not verify: {error.verify_message}",
            next_step="name the authority that issued it as the CA file; trustkit never skips this",
            host=url.authority,
        ) from error
    except TimeoutError as error:
        opened.close()
        raise _unreachable(url, "the TLS handshake hangs") from error
    except OSError as error:
        opened.close()
        failed = _unreachable(url, f"TLS: {_reason(error)}")
        failed.details["tls"] = "handshake"
        raise failed from error


def _unreachable(url: Url, reason: str) -> UnreachableError:
    return UnreachableError(f"cannot reach {url.authority}: {reason}", next_step=_LOCAL_FIX, host=url.authority)


def _reason(error: OSError) -> str:
    # ssl errors carry "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1)"
    text = (error.strerror or str(error) or type(error).__name__).split(" (_ssl.c")[0]
    return text.lower() if text.istitle() or text[:1].isupper() else text
