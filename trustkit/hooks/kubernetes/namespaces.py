"""The labels of namespaces, from the API server: a review does not tell them, and who writes one must not either.

Kept for a few seconds. What cannot be found out is an error, never a namespace without labels: rules for it would not
be asked.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from trustkit import limits
from trustkit.admission.cache import Cache
from trustkit.admission.single_flight import SingleFlight
from trustkit.codec.strict_json import as_object, as_text, parse
from trustkit.errors import MalformedError, NotFoundError, UnauthorizedError, UnreachableError
from trustkit.hooks.errors import HookError
from trustkit.model.values import NamedTuple
from trustkit.net.connection import Timeouts
from trustkit.net.http import HttpClient, HttpOptions, Request
from trustkit.net.url import parse as parse_url
from trustkit.policy.scope import NAME_LABEL

Labels = tuple[tuple[str, str], ...]
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_OK, _UNAUTHORIZED, _FORBIDDEN, _MISSING = 200, 401, 403, 404
_RIGHTS = "give the webhook's service account the right to get namespaces, as deploy/kubernetes does"


class ApiServer(NamedTuple):
    """Where the API server is, and the files of a service account: its token, and the authority of the server."""

    url: str
    token: Path
    ca_file: Path


class Namespaces:
    """Reads namespaces, for one event loop."""

    def __init__(self, server: ApiServer, now: Callable[[], datetime]) -> None:
        """Nothing is asked yet."""
        self._server, self._now = server, now
        seconds = limits.NAMESPACE_READ_SECONDS
        self._http = HttpClient(HttpOptions(ca_file=server.ca_file, timeouts=Timeouts(seconds, seconds)))
        self._flights: SingleFlight[Labels] = SingleFlight(limits.NAMESPACE_READS, limits.WAITING_FETCHES)
        self._kept: Cache[Labels] = Cache(limits.CACHED_NAMESPACES)

    async def labels(self, name: str) -> Labels:
        """Return the labels a namespace has, as they were at most some seconds ago. Raises TrustkitError."""
        kept = self._kept.get(name, self._now())
        if kept is not None:
            return kept
        if not _NAME.match(name):
            raise HookError(f"{name[:80]!r} is no namespace, so nothing is known of its labels")
        return await self._flights.run(name, partial(self._read, name))

    def close(self) -> None:
        """Ask no more."""
        self._flights.close()
        self._http.close()

    def _read(self, name: str) -> Labels:
        url = parse_url(f"{self._server.url.rstrip('/')}/api/v1/namespaces/{name}")
        asked = self._now()
        response = self._http.send(Request("GET", url, {"Authorization": f"Bearer {self._token()}"}))
        content = response.read(limits.NAMESPACE_BYTES, f"the namespace {name}")
        what = f"the namespace {name}"
        if response.status == _MISSING:
            raise NotFoundError(f"{what} does not exist, so nothing is known of its labels")
        if response.status in (_UNAUTHORIZED, _FORBIDDEN):
            raise UnauthorizedError(f"the API server does not let us read {what}", next_step=_RIGHTS)
        if response.status != _OK:
            raise UnreachableError(f"the API server answers {response.status} when asked for {what}")
        labels = _labels(content, name, what)
        self._kept.put(name, labels, (asked, asked + timedelta(seconds=limits.NAMESPACE_SECONDS)))
        return labels

    def _token(self) -> str:
        """Return the token, which the kubelet renews."""
        try:
            with self._server.token.open("rb") as file:
                return file.read(limits.TOKEN_BYTES).decode("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            message = f"{self._server.token}: no usable token: {error}"
            raise UnauthorizedError(message, next_step="mount the service account's token") from error


def _labels(content: bytes, name: str, what: str) -> Labels:
    # labels may differ in the case of letters alone
    found = as_object(parse(content, what=what, limit_bytes=limits.NAMESPACE_BYTES, fold_names=False), what)
    metadata = as_object(found.get("metadata"), f"{what}: metadata")
    if found.get("kind") != "Namespace" or metadata.get("name") != name:
        raise MalformedError(f"the API server answers with something else than {what}")
    labels = as_object(metadata.get("labels", {}), f"{what}: labels")
    texts = {key: as_text(value, f"{what}: label {key}") for key, value in labels.items()}
    return tuple(sorted({**texts, NAME_LABEL: name}.items()))
