"""A bounded HTTP/1.1 client: the only network door of the verification path.

Rules: https unless the host is this machine or was named as insecure; a redirect never carries
credentials to another host, never goes from https to http, and leaves the host only for blobs;
every wait, size and count is bounded. Connections are kept and reused per host; a client may be
used by several threads.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from trustkit import __version__, limits
from trustkit.errors import LimitExceededError, ProtocolError, TrustkitError, UnreachableError
from trustkit.model.values import NamedTuple
from trustkit.net import wire
from trustkit.net.connection import Connection, Timeouts, connect
from trustkit.net.reach import MACHINE
from trustkit.net.tls import TlsContext, tls_context
from trustkit.net.url import Url, domain, is_loopback, is_machines_own, join

_REDIRECTS = (301, 302, 303, 307, 308)
_IDLE_CONNECTIONS = 8


class HttpOptions(NamedTuple):
    """What a client may do; `insecure_hosts` (`host` or `host:port`) may be spoken to without TLS.

    `make_tls_context` replaces the context, for a cryptographic module that brings its own TLS. Hosts may lie no
    further inwards than `reach`, but those in `private_hosts` (`host` or `host:port`) on this machine too. With
    `same_site` no redirect leads to another domain.
    """

    ca_file: Path | None = None
    insecure_hosts: tuple[str, ...] = ()
    timeouts: Timeouts = Timeouts()
    make_tls_context: Callable[[Path | None], TlsContext] = tls_context
    reach: int = MACHINE
    private_hosts: tuple[str, ...] = ()
    same_site: bool = False


class Request(NamedTuple):
    """What to ask; `leaves_host` allows redirects to other hosts (blobs in object storage).

    `reach` is how far inwards the host may lie, where somebody else than we chose it.
    """

    method: str
    url: Url
    headers: Mapping[str, str] = {}
    body: bytes = b""
    leaves_host: bool = False
    reach: int = MACHINE


class Response:
    """An answer whose body is still on the wire; read it or close it."""

    def __init__(
        self, head: wire.Head, url: Url, body: Iterator[bytes], finish: Callable[[bool], None], reach: int = MACHINE
    ) -> None:
        """Keep the parts; `finish` is told once whether the body was read whole."""
        self.head = head
        # how far inwards lies who answered
        self.reach = reach
        self.status = head.status
        self.url = url
        self._body = body
        self._finish = finish
        self._ended = False

    def chunks(self) -> Iterator[bytes]:
        """Yield the body. Raises UnreachableError, ProtocolError."""
        whole = False
        try:
            yield from self._body
            whole = True
        finally:
            self._end(whole=whole)

    def close(self) -> None:
        """Give up the rest of the body, and with it the connection."""
        self._end(whole=False)

    def _end(self, *, whole: bool) -> None:
        if not self._ended:
            self._ended = True
            self._finish(whole)

    def read(self, limit_bytes: int, what: str) -> bytes:
        """Return the body whole. Raises LimitExceededError, UnreachableError, ProtocolError."""
        length = self.head.get("content-length")
        if length and int(length) > limit_bytes:
            self.close()
            raise _too_large(what, limit_bytes)
        parts, size = [], 0
        for chunk in self.chunks():
            size += len(chunk)
            if size > limit_bytes:
                self.close()
                raise _too_large(what, limit_bytes)
            parts.append(chunk)
        return b"".join(parts)


class HttpClient:
    """Connections to any number of hosts."""

    def __init__(self, options: HttpOptions) -> None:
        """Begin without connections; TLS is only loaded when first needed."""
        self._options = options
        # deque.append and .pop are atomic, which is all the threads share
        self._idle: dict[tuple[str, str, int], deque[Connection]] = {}
        self._tls: TlsContext | None = None

    def may_be_plain(self, url: Url) -> bool:
        """Whether this host may be spoken to without TLS."""
        named = self._options.insecure_hosts
        return is_loopback(url.host) or url.host in named or f"{url.host}:{url.port}" in named

    def send(self, request: Request) -> Response:
        """Return the final answer, after redirects.

        Raises UnreachableError, ProtocolError, LimitExceededError.
        """
        for _ in range(limits.REDIRECTS + 1):
            response = self._exchange(request)
            if response.status not in _REDIRECTS or request.method not in ("GET", "HEAD"):
                return response
            location = response.head.get("location")
            response.read(limits.ERROR_BODY_BYTES, "the redirect's body")
            request = self._redirected(request, location, response.reach)
        raise ProtocolError(
            f"{request.url.authority} redirects more than {limits.REDIRECTS} times",
            next_step="the registry is misconfigured; ask its operator",
        )

    def close(self) -> None:
        """Close all idle connections."""
        for idle in self._idle.values():
            while idle:
                idle.pop().close()

    def _redirected(self, request: Request, location: str, reach: int = MACHINE) -> Request:
        """Return what to ask next: nobody sends us further inwards than he lies himself. Raises ProtocolError."""
        url, origin = join(request.url, location), request.url
        stays = (url.host, url.port) == (origin.host, origin.port)
        if origin.scheme == "https" and url.scheme == "http":
            raise _bad_redirect(origin, url, "from https to http")
        if stays and url.scheme == origin.scheme:
            return request._replace(url=url)
        upgraded = url.host == origin.host and url.scheme == "https"
        if not request.leaves_host and not upgraded:
            raise _bad_redirect(origin, url, "to another host, which may only serve blobs")
        if self._options.same_site and domain(url.host) != domain(origin.host):
            raise _bad_redirect(origin, url, "to another domain, which the policy does not let it (followRedirects)")
        if url.host != origin.host and is_machines_own(url.host) and not _both_loopback(origin, url):
            raise _bad_redirect(origin, url, "into this machine")
        headers = {k: v for k, v in request.headers.items() if k.lower() != "authorization"}
        return request._replace(url=url, headers=headers, reach=min(request.reach, reach))

    def _exchange(self, request: Request) -> Response:
        url = request.url
        if url.scheme == "http" and not self.may_be_plain(url):
            raise UnreachableError(
                f"{url.authority} is only to be reached without TLS, which is not allowed",
                next_step="use https, or name the host as insecure in the configuration",
                host=url.authority,
            )
        connection = self._connection(url, request.reach)
        try:
            connection.send(_head_bytes(request), request.body)
            reader = wire.Reader(connection.receive)
            head = wire.read_head(reader)
            frame = wire.framing(head, request.method)
            if head.get("content-encoding").lower() not in ("", "identity"):
                raise ProtocolError("the answer is compressed without being asked")
        except TrustkitError as error:
            connection.close()
            raise _about(error, url) from error
        usable = frame.reusable

        def finish(whole: bool) -> None:  # noqa: FBT001  (a callback of one argument)
            if whole and usable and reader.is_empty:
                self._keep(connection, url)
            else:
                connection.close()

        response = Response(head, url, _named(wire.body(reader, frame), url), finish, connection.reach)
        if frame.length == 0:
            # a HEAD answer states a length it does not send, so this is not `read`
            for _ in response.chunks():
                pass
        return response

    def _connection(self, url: Url, reach: int) -> Connection:
        named = self._options.private_hosts
        listed = url.host in named or f"{url.host}:{url.port}" in named
        allowed = MACHINE if listed else min(reach, self._options.reach)
        idle = self._idle.get((url.scheme, url.host, url.port))
        while idle:
            try:
                connection = idle.pop()
            except IndexError:
                break
            if connection.reach <= allowed and not connection.is_stale:
                return connection
            connection.close()
        return connect(url, self._options.timeouts, self._tls_context, allowed)

    def _keep(self, connection: Connection, url: Url) -> None:
        idle = self._idle.setdefault((url.scheme, url.host, url.port), deque())
        if len(idle) < _IDLE_CONNECTIONS:
            idle.append(connection)
        else:
            connection.close()

    def _tls_context(self) -> TlsContext:
        if self._tls is None:
            self._tls = self._options.make_tls_context(self._options.ca_file)
        return self._tls


def _both_loopback(origin: Url, url: Url) -> bool:
    return is_loopback(origin.host) and is_loopback(url.host)


def _head_bytes(request: Request) -> bytes:
    fields = {
        "Host": request.url.authority,
        "User-Agent": f"trustkit/{__version__}",
        "Accept-Encoding": "identity",
        **request.headers,
    }
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        fields["Content-Length"] = str(len(request.body))
    lines = [f"{request.method} {request.url.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    if any("\r" in line or "\n" in line or "\0" in line for line in lines):
        raise ProtocolError("a request header has a line break")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _named(chunks: Iterator[bytes], url: Url) -> Iterator[bytes]:
    """Yield the chunks, and name the host in their errors."""
    try:
        yield from chunks
    except TrustkitError as error:
        raise _about(error, url) from error


def _about(error: TrustkitError, url: Url) -> TrustkitError:
    """Return the same error with the host's name in front."""
    if url.authority in error.message:
        return error
    message = f"{url.authority}: {error.message}"
    step = error.next_step or "try again; if it stays, ask the registry's operator"
    return type(error)(message, next_step=step, host=url.authority)


def _too_large(what: str, limit_bytes: int) -> LimitExceededError:
    return LimitExceededError(f"{what} is larger than the {limit_bytes} bytes allowed")


def _bad_redirect(origin: Url, url: Url, how: str) -> ProtocolError:
    return ProtocolError(
        f"{origin.authority} redirects {how}: {url.scheme}://{url.authority}",
        next_step="use the registry's real name, or ask its operator",
        host=origin.authority,
    )
