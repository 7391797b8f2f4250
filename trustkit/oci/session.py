"""Calls on registries: which scheme and mirror, authentication, and trying again.

A session is shared by all sources of one process, so that connections, tokens and what was learnt
about hosts are too.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING  # noqa: TID251  (loaded with the first challenge)

from trustkit import limits
from trustkit.errors import (
    DroppedConnectionError,
    ProtocolError,
    RateLimitedError,
    TrustkitError,
    UnreachableError,
)
from trustkit.fips.hashing import random_bytes
from trustkit.model.reference import DEFAULT_REGISTRY, ImageRef
from trustkit.model.values import NamedTuple
from trustkit.net.connection import Timeouts
from trustkit.net.http import HttpClient, HttpOptions, Request, Response
from trustkit.net.reach import MACHINE, WORLD
from trustkit.net.tls import TlsContext, tls_context
from trustkit.net.url import Url, is_loopback, split_host
from trustkit.oci.failures import failure

if TYPE_CHECKING:
    from trustkit.net.credentials import Credential
    from trustkit.oci.auth import Authenticator

_HUB_HOST = "registry-1.docker.io"
_RETRIED = (429, 500, 502, 503, 504)
_PORTS = {"https": 443, "http": 80}
_FIRST_PAUSE_SECONDS = 0.25


class RegistryOptions(NamedTuple):
    """How registries are reached.

    `insecure` names hosts that may be spoken to without TLS (this machine always may); `mirrors`
    maps a registry to hosts (`host[:port][/prefix]`) that are read from first. `credential_files`
    are read in order, docker's config.json or containers' auth.json; `login` and then `credential_texts` (the same, of
    somebody else) come before them. Without
    `private_networks` only `private_hosts` may lie in them or on this machine. `auth_hosts` may be told credentials.
    With `same_site` blobs come from the registry's own domain only.
    """

    insecure: tuple[str, ...] = ()
    ca_file: Path | None = None
    mirrors: Mapping[str, tuple[str, ...]] = {}
    credential_files: tuple[Path, ...] = ()
    login: "Credential | None" = None
    timeouts: Timeouts = Timeouts()
    tries: int = limits.TRIES
    pause: Callable[[float], None] = time.sleep
    make_tls_context: Callable[[Path | None], TlsContext] = tls_context
    private_networks: bool = True
    private_hosts: tuple[str, ...] = ()
    auth_hosts: tuple[str, ...] = ()
    credential_texts: tuple[bytes, ...] = ()
    same_site: bool = False


class Endpoint(NamedTuple):
    """One place a repository is read from: the registry itself or a mirror of it."""

    host: str
    repository: str
    name: str
    is_mirror: bool = False


class Call(NamedTuple):
    """One request to a registry, and which statuses are no failure; `scope` if it is about no repository."""

    method: str
    target: str
    what: str
    expected: tuple[int, ...] = (200,)
    headers: Mapping[str, str] = {}
    body: bytes = b""
    leaves_host: bool = False
    actions: str = "pull"
    scope: str = ""


def http_options(options: RegistryOptions) -> HttpOptions:
    """Return what a client that speaks to registries may do. Who is named in the configuration may lie anywhere."""
    mirrors = (urls for listed in options.mirrors.values() for urls in listed)
    named = tuple(mirror.partition("://")[2] or mirror for mirror in mirrors)
    return HttpOptions(
        options.ca_file,
        options.insecure,
        options.timeouts,
        options.make_tls_context,
        MACHINE if options.private_networks else WORLD,
        (*options.private_hosts, *(name.partition("/")[0] for name in named)),
        options.same_site,
    )


class RegistrySession:
    """Everything shared between calls."""

    def __init__(self, options: RegistryOptions) -> None:
        """Begin without connections, tokens or knowledge."""
        self.options = options
        self._client = HttpClient(http_options(options))
        # Loaded with the first challenge: most evidence lies open, and start-up time is a feature.
        self._auth: Authenticator | None = None
        self._auth_lock = Lock()
        self._schemes: dict[str, str] = {}

    def endpoints(self, ref: ImageRef) -> tuple[Endpoint, ...]:
        """Return the mirrors of a registry and, last, the registry itself."""
        found = []
        for mirror in self.options.mirrors.get(ref.registry, ()):
            bare = mirror.removeprefix("https://").removeprefix("http://").strip("/")
            host, _, prefix = bare.partition("/")
            path = f"{prefix}/{ref.repository}" if prefix else ref.repository
            found.append(Endpoint(host, path, host, is_mirror=True))
        host = _HUB_HOST if ref.registry == DEFAULT_REGISTRY else ref.registry
        return (*found, Endpoint(host, ref.repository, ref.registry))

    def call(self, endpoint: Endpoint, call: Call) -> Response:
        """Return an answer with an expected status, trying again where that may help.

        Raises SourceError, LimitExceededError, ConfigError.
        """
        attempt = 0
        while True:
            attempt += 1
            retry_after = ""
            try:
                response = self._authorized(endpoint, call)
                if response.status in call.expected:
                    return response
                retry_after = response.head.get("retry-after")
                error: TrustkitError = failure(response, call.what)
            except DroppedConnectionError as dropped:
                error = dropped
            else:
                if response.status not in _RETRIED:
                    raise error
            if attempt >= self.options.tries:
                raise error
            self.pause(attempt, retry_after, error)

    def read(self, endpoint: Endpoint, call: Call, limit_bytes: int) -> tuple[Response, bytes]:
        """Return an answer and its whole body, asking again if it breaks off.

        Raises SourceError, LimitExceededError, ConfigError.
        """
        for attempt in range(1, self.options.tries):
            response = self.call(endpoint, call)
            try:
                return response, response.read(limit_bytes, call.what)
            except DroppedConnectionError as error:
                self.pause(attempt, "", error)
        response = self.call(endpoint, call)
        return response, response.read(limit_bytes, call.what)

    def pause(self, attempt: int, retry_after: str, error: TrustkitError) -> None:
        """Wait before another try: doubling, with jitter, or as long as the registry asks.

        Raises the error at once if the registry asks for more patience than we have.
        """
        asked = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0
        if asked > limits.RETRY_PAUSE_SECONDS:
            if isinstance(error, RateLimitedError):
                error.next_step = f"wait {asked:g} seconds, or log in for a higher limit"
            raise error
        doubled = _FIRST_PAUSE_SECONDS * 2 ** (attempt - 1)
        jitter = 0.5 + random_bytes(1)[0] / 512
        self.options.pause(max(asked, min(doubled * jitter, limits.RETRY_PAUSE_SECONDS)))

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _authorized(self, endpoint: Endpoint, call: Call) -> Response:
        scope = call.scope or f"repository:{endpoint.repository}:{call.actions}"
        sent = self._authorization(endpoint, scope)
        response = self._exchange(endpoint, call, sent)
        challenges = response.head.get_all("www-authenticate")
        if response.status != 401 or not challenges:  # noqa: PLR2004
            return response
        origin = self._origin(endpoint.host, self._schemes[endpoint.host])
        from trustkit.oci.auth import Refused

        auth = self._authenticator()
        refused = Refused(origin, scope, challenges, response.reach)
        if not auth.answer(refused, sent, lambda: self._credential(endpoint)):
            return response
        response.read(limits.ERROR_BODY_BYTES, "the challenge's body")
        return self._exchange(endpoint, call, self._authorization(endpoint, scope))

    def _authorization(self, endpoint: Endpoint, scope: str) -> str:
        """Return the Authorization value to send; none to a host that was not spoken to yet."""
        scheme = self._schemes.get(endpoint.host)
        if self._auth is None or not scheme:
            return ""
        return self._auth.header(self._origin(endpoint.host, scheme), scope)

    def _authenticator(self) -> "Authenticator":
        from trustkit.oci.auth import Authenticator

        with self._auth_lock:
            if self._auth is None:
                self._auth = Authenticator(self._client, self.options.auth_hosts)
            return self._auth

    def _credential(self, endpoint: Endpoint) -> "Credential | None":
        from trustkit.net.credentials import find, find_in

        if self.options.login is not None and not endpoint.is_mirror:
            return self.options.login
        if found := find_in(self.options.credential_texts, endpoint.name, endpoint.repository):
            return found
        return find(self.options.credential_files, endpoint.name, endpoint.repository)

    def _exchange(self, endpoint: Endpoint, call: Call, authorization: str) -> Response:
        known = self._schemes.get(endpoint.host)
        if known:
            return self._send(endpoint, known, call, authorization)
        first, *others = self._candidates(endpoint.host)
        try:
            response = self._send(endpoint, first, call, authorization)
        except (ProtocolError, UnreachableError) as error:
            # silence is silence in either scheme; only a refusal of this one is worth the other
            silent = first == "http" and not isinstance(error, (ProtocolError, DroppedConnectionError))
            if not others or silent:
                raise
            try:
                response, first = self._send(endpoint, others[0], call, authorization), others[0]
            except UnreachableError as second:
                # a failed handshake only says that the other scheme was the right one
                if second.details.get("tls") == "handshake":
                    raise error from None
                raise
        # Go's servers answer plain HTTP on a TLS port with 400
        if response.status == 400 and first == "http" and others:  # noqa: PLR2004
            response.close()
            response, first = self._send(endpoint, "https", call, authorization), "https"
        self._schemes[endpoint.host] = first
        return response

    def _send(self, endpoint: Endpoint, scheme: str, call: Call, authorization: str) -> Response:
        url = self._origin(endpoint.host, scheme)._replace(target=call.target)
        headers = dict(call.headers)
        if authorization:
            headers["Authorization"] = authorization
        return self._client.send(Request(call.method, url, headers, call.body, call.leaves_host))

    def _origin(self, host: str, scheme: str) -> Url:
        return Url(scheme, *split_host(host, _PORTS[scheme]), "/")

    def _candidates(self, host: str) -> tuple[str, ...]:
        url = self._origin(host, "https")
        if is_loopback(url.host):
            return "http", "https"
        return ("https", "http") if self._client.may_be_plain(url) else ("https",)
