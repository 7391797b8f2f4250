"""Which handler serves a request: one table, matched on the decoded path without its version."""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from typing import NamedTuple
from urllib.parse import unquote

from trustkit.engine.errors import ConflictError
from trustkit.errors import RequestError
from trustkit.fips.select import standing
from trustkit.server.message import Answer, Application, Request
from trustkit.server.parts import Parts
from trustkit.server.routes import containers, decisions, execution, images, processes, streams, system

Handler = Callable[[Parts, Request, str], Awaitable[Answer]]


# Sent by our own commands: the policy they count on, percent-encoded, and the FIPS mode and module they are in.
POLICY_HEADER, FIPS_HEADER = "x-trustkit-policy", "x-trustkit-fips"


# mode, colon, SHA-256 in hex
_STANDING_CHARS = 80


class Route(NamedTuple):
    """A method, a path whose `{}` is one segment and `{*}` any, and who serves it (None: not yet)."""

    method: str
    path: str
    handler: Handler | None


ROUTES = (
    Route("GET", "/_ping", system.ping),
    Route("HEAD", "/_ping", system.ping),
    Route("GET", "/version", system.version),
    Route("GET", "/info", system.info),
    Route("GET", "/events", system.events),
    Route("POST", "/images/create", images.create),
    Route("GET", "/images/json", images.listed),
    Route("GET", "/images/{*}/json", images.inspect),
    Route("DELETE", "/images/{*}", images.remove),
    Route("GET", "/containers/json", containers.listed),
    Route("POST", "/containers/create", containers.create),
    Route("POST", "/containers/{}/start", containers.start),
    Route("POST", "/containers/{}/rename", containers.rename),
    Route("GET", "/containers/{}/json", containers.inspect),
    Route("DELETE", "/containers/{}", containers.remove),
    Route("POST", "/containers/{}/stop", processes.stop),
    Route("POST", "/containers/{}/kill", processes.kill),
    Route("POST", "/containers/{}/resize", processes.resize),
    Route("POST", "/containers/{}/wait", processes.wait),
    Route("POST", "/containers/{}/attach", streams.attach),
    Route("GET", "/containers/{}/logs", streams.logs),
    Route("POST", "/containers/{}/exec", execution.create),
    Route("POST", "/exec/{}/start", execution.start),
    Route("POST", "/exec/{}/resize", execution.resize),
    Route("GET", "/exec/{}/json", execution.inspect),
    Route("POST", "/trustkit/decisions", decisions.decide),
    *(
        Route(method, path, None)
        for method, path in (
            ("POST", "/auth"), ("GET", "/system/df"), ("POST", "/commit"), ("POST", "/session"), ("POST", "/grpc"),
            ("POST", "/build"), ("POST", "/build/prune"), ("GET", "/images/get"), ("POST", "/images/load"),
            ("POST", "/images/prune"), ("GET", "/images/search"), ("GET", "/images/{*}/history"),
            ("GET", "/images/{*}/get"), ("POST", "/images/{*}/push"), ("POST", "/images/{*}/tag"),
            ("GET", "/distribution/{*}/json"), ("POST", "/containers/prune"), ("GET", "/containers/{}/top"),
            ("GET", "/containers/{}/stats"), ("GET", "/containers/{}/changes"), ("GET", "/containers/{}/export"),
            ("GET", "/containers/{}/archive"), ("HEAD", "/containers/{}/archive"), ("PUT", "/containers/{}/archive"),
            ("POST", "/containers/{}/restart"), ("POST", "/containers/{}/pause"), ("POST", "/containers/{}/unpause"),
            ("POST", "/containers/{}/update"), ("GET", "/containers/{}/attach/ws"), ("GET", "/networks"),
            ("GET", "/networks/{}"), ("POST", "/networks/create"), ("POST", "/networks/prune"),
            ("POST", "/networks/{}/connect"), ("POST", "/networks/{}/disconnect"), ("DELETE", "/networks/{}"),
            ("GET", "/volumes"), ("GET", "/volumes/{}"), ("POST", "/volumes/create"), ("POST", "/volumes/prune"),
            ("DELETE", "/volumes/{}"), ("GET", "/plugins"), ("GET", "/services"),
        )
    ),
)  # fmt: skip


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path).replace(r"\{\*\}", "(.+)").replace(r"\{\}", "([^/]+)") + r"\Z")


_TABLE = tuple((route, _pattern(route.path)) for route in ROUTES)


def _real(path: str) -> str:
    return os.path.realpath(path) if path else ""


async def _require_policy(parts: Parts, asked: str) -> None:
    """Return if the daemon decides by the policy the caller counts on. Raises ConflictError, ConfigError."""
    used = await asyncio.to_thread(lambda: _real(parts.policy_file()))
    if used != await asyncio.to_thread(_real, asked):
        raise ConflictError(
            f"this daemon decides by {used or 'the built-in policy'}, not by {asked[:400]}",
            next_step="name the same policy in both configurations, or stop the daemon and let this command start it",
        )


def _require_fips(asked: str) -> None:
    """Return if this daemon does its maths in the mode and the module the caller does. Raises ConflictError."""
    used = standing()
    if used != asked:
        raise ConflictError(
            f"this daemon's FIPS mode is {_words(used)}, not {_words(asked)}",
            next_step="stop the daemon (trustkit daemon --stop) and let this command start it",
        )


def _words(given: str) -> str:
    mode, _, sha256 = given[:_STANDING_CHARS].partition(":")
    return f"{mode} (module sha256:{sha256})" if sha256 else mode


def application(parts: Parts) -> Application:
    """Return what answers requests with these parts."""

    async def answer(request: Request) -> Answer:
        for route, pattern in _TABLE:
            found = pattern.match(request.path) if route.method == request.method else None
            if found is not None:
                if route.handler is None:
                    raise RequestError(f"{route.method} {route.path} is not served yet", status="501")
                if POLICY_HEADER in request.headers:
                    await _require_policy(parts, unquote(request.headers[POLICY_HEADER]))
                if FIPS_HEADER in request.headers:
                    _require_fips(request.headers[FIPS_HEADER])
                return await route.handler(parts, request, "".join(found.groups()))
        raise RequestError("page not found", status="404")

    return answer
