"""Notary v1's REST interface: which path asks for what, and who may ask (`notary/docs/reference`, server API)."""

import asyncio
import logging
import re
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from trustkit import limits
from trustkit.codec.notary_build import key_value
from trustkit.codec.notary_tuf import ROOT, TIMESTAMP
from trustkit.errors import NotFoundError, RequestError
from trustkit.trust_server.access import EVERYTHING, PULL, PUSH, Access, OpenAccess
from trustkit.trust_server.files import read
from trustkit.trust_server.message import Application, Reply, Request, cached, json_reply
from trustkit.trust_server.names import Place, place_of, require_gun
from trustkit.trust_server.publish import DELETION, Publisher, parts_of
from trustkit.trust_server.server_keys import ServerKeys, public_of
from trustkit.trust_server.storage import Change, Storage

_LOG = logging.getLogger(__name__)
_FEED = "/_trust/changefeed"
_FEED_RECORDS = 100
_NUMBER = re.compile(r"[0-9]{1,18}\Z")
_PULLING = frozenset({PULL})
_PUSHING = frozenset({PULL, PUSH})
_ALL = frozenset({EVERYTHING})


class Service(NamedTuple):
    """The parts that routes need."""

    storage: Storage
    keys: ServerKeys
    publisher: Publisher
    access: Access
    now: Callable[[], datetime]


def application(service: Service) -> Application:
    """Return the server as one function of requests. What blocks runs in threads."""

    async def answer(request: Request) -> Reply:
        method = "GET" if request.method == "HEAD" else request.method
        if request.path in ("/v2/", "/v2"):
            return await _simple(request, method, lambda: _probe(service, request))
        if request.path == "/_notary_server/health":
            return await _simple(request, method, lambda: _health(service))
        if request.path.startswith("/v2/") and request.path.endswith(_FEED):
            return await _simple(request, method, lambda: _feed(service, request))
        return await _Repository(service, request, place_of(request.path)).answer(method)

    return answer


async def _simple(request: Request, method: str, reply: Callable[[], Reply]) -> Reply:
    if method != "GET":
        raise _not_allowed(request)
    return await asyncio.to_thread(reply)


def _not_allowed(request: Request) -> RequestError:
    return RequestError(f"{request.method[:20]} means nothing here", status="405")


def _probe(service: Service, request: Request) -> Reply:
    """Clients ask here first, to learn how to prove who they are."""
    service.access.admit(_authorization(request), "", frozenset(), service.now())
    return json_reply({})


def _health(service: Service) -> Reply:
    service.storage.probe()
    return json_reply({})


def _feed(service: Service, request: Request) -> Reply:
    """The changes of one repository, or of all: for those who may read all of them."""
    gun = request.path.removeprefix("/v2").removesuffix(_FEED).removeprefix("/")
    service.access.admit(_authorization(request), require_gun(gun) if gun else "*", _PULLING, service.now())
    after, count = _number(request, "change_id", 0), _number(request, "records", _FEED_RECORDS)
    found = service.storage.changes(after, min(count, limits.TRUST_CHANGES), gun)
    return json_reply({"count": len(found), "records": [_record(number, change) for number, change in found]})


def _record(number: int, change: Change) -> dict[str, object]:
    """As notary-server writes it, with who did it beside."""
    version, _, rest = change.detail.partition(" ")
    return {
        "ID": str(number),
        "CreatedAt": change.at.isoformat().replace("+00:00", "Z"),
        "GUN": change.gun,
        "Version": int(version) if version.isdecimal() else 0,
        "SHA256": rest.partition(" ")[0],
        "Category": change.action,
        "Actor": change.actor,
    }


def _number(request: Request, name: str, default: int) -> int:
    """Return a parameter of the query; one value, of as many digits as a database's integer holds."""
    given = [value for item in request.query.split("&") for key, _, value in [item.partition("=")] if key == name]
    if not given:
        return default
    if len(given) != 1 or not _NUMBER.match(given[0]):
        raise RequestError(f"{name} is no number from 0 on", status="400")
    return int(given[0])


def _authorization(request: Request) -> str:
    return request.headers.get("authorization", "")


class _Repository:
    """A request for one repository."""

    def __init__(self, service: Service, request: Request, place: Place) -> None:
        self._service = service
        self._request = request
        self._place = place
        self._who = ""

    async def answer(self, method: str) -> Reply:
        """Return the answer. Raises TrustkitError."""
        place = self._place
        kind = "key" if place.key else "file" if place.role else "all"
        routes: dict[tuple[str, str], tuple[frozenset[str], Callable[[], Reply]]] = {
            ("GET", "file"): (_PULLING, self._file),
            ("GET", "key"): (_PUSHING, self._key),
            ("POST", "key"): (_ALL, self._rotate),
            ("DELETE", "all"): (_ALL, self._delete),
        }
        if (method, kind) == ("POST", "all"):
            await asyncio.to_thread(self._admit, _PUSHING)
            body = await self._request.body(limits.TRUST_UPLOAD_BYTES)
            return await asyncio.to_thread(self._publish, body)
        if (method, kind) not in routes:
            raise _not_allowed(self._request)
        actions, reply = routes[method, kind]
        await asyncio.to_thread(self._admit, actions)
        return await asyncio.to_thread(reply)

    def _admit(self, actions: frozenset[str]) -> None:
        now = self._service.now()
        self._who = self._service.access.admit(_authorization(self._request), self._place.gun, actions, now)

    def _file(self) -> Reply:
        gun, role, version, sha256, _ = self._place
        storage = self._service.storage
        if sha256:
            found = storage.by_digest(gun, role, sha256)
        elif version:
            found = storage.by_version(gun, role, version)
        else:
            if role == TIMESTAMP:
                self._service.publisher.refresh(gun, self._service.now())
            found = storage.current(gun, role)
        if found is None:
            raise NotFoundError(f"{gun} has no such {role}", next_step="publish it first")
        public = isinstance(self._service.access, OpenAccess)
        return cached(found.content, named_by_digest=bool(sha256), public=public)

    def _key(self) -> Reply:
        """The key in force; for a repository without a root, the one that it will be."""
        place, named = self._place, self._named()
        held = self._service.keys.named(place.gun, place.key, named)
        key = public_of(held) if held else self._service.keys.pending(place.gun, place.key, named)
        return json_reply(key_value(key))

    def _rotate(self) -> Reply:
        """A new key, in force once a root names it."""
        place = self._place
        return json_reply(key_value(self._service.keys.pending(place.gun, place.key, self._named())))

    def _named(self) -> frozenset[str]:
        root = self._service.storage.current(self._place.gun, ROOT)
        if root is None:
            return frozenset()
        return frozenset(read(ROOT, root.content, new=False).root.roles[self._place.key].key_ids)

    def _publish(self, body: bytes) -> Reply:
        uploaded = parts_of(body, self._request.headers.get("content-type", ""))
        self._service.publisher.publish(self._place.gun, uploaded, self._who, self._service.now())
        _LOG.info("%s published %s: %s", self._who, self._place.gun, ", ".join(sorted(uploaded)))
        return Reply(200)

    def _delete(self) -> Reply:
        gun = self._place.gun
        self._service.storage.delete(gun, Change(self._service.now(), gun, DELETION, self._who, ""))
        _LOG.info("%s deleted %s", self._who, gun)
        return Reply(200)
