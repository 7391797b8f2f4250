"""The webhook as a raw ASGI application: /validate, /mutate, /healthz, /readyz.

A review that can be answered is answered with HTTP 200, a denial too: any other status makes the API server fall back
on its failurePolicy and hides the reason.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any

from trustkit import limits
from trustkit.errors import LimitExceededError, MalformedError, TrustkitError
from trustkit.hooks.kubernetes.deciding import Decider, explained
from trustkit.hooks.kubernetes.review import Answer, Review, parse_review, uid_of, write_answer

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_LOG = logging.getLogger(__name__)
# kube-apiserver adds `?timeout=10s`, the webhook's timeoutSeconds
_TIMEOUT = re.compile(rb"(?:^|&)timeout=(\d{1,6}(?:\.\d{1,6})?)(ms|s|m)(?:&|\Z)")
_UNITS = {b"ms": 0.001, b"s": 1.0, b"m": 60.0}
_DEFAULT_SECONDS, _MOST_SECONDS = 10.0, 30.0
# What is left for the way back, and for putting a late answer on record.
_SPARE_SHARE, _RECORD_SECONDS = 0.8, 0.5
_JSON = [(b"content-type", b"application/json")]
_TEXT = [(b"content-type", b"text/plain; charset=utf-8")]


class Webhook:
    """Answers HTTP requests of API servers and kubelets."""

    def __init__(self, decider: Decider, state: Callable[[], tuple[str, str]]) -> None:
        """Answer as `decider` does; `state` says why nothing can be decided now, and what else is worth knowing."""
        self._decider, self._told = decider, state
        self._ways = {"/validate": decider.validate, "/mutate": decider.mutate}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        way = self._ways.get(scope["path"])
        if way is None:
            status, content = self._state(scope["path"])
            await _respond(send, status, content, _TEXT)
        elif scope["method"] != "POST":
            await _respond(send, 405, b"post an AdmissionReview\n", _TEXT)
        else:
            try:
                body = await _body(receive)
            except LimitExceededError as error:
                await _respond(send, 413, error.message.encode(), _TEXT)
                return
            content = await self._answered(way, body, _seconds(scope["query_string"]))
            if content:
                await _respond(send, 200, content, _JSON)
            else:
                await _respond(send, 400, b"not an AdmissionReview that can be answered\n", _TEXT)

    async def _answered(self, way: Callable[[Review, float], Awaitable[Answer]], body: bytes, seconds: float) -> bytes:
        """Return the bytes of the answer, a denial whatever goes wrong; nothing if the review has no uid."""
        try:
            review = parse_review(body)
        except MalformedError as error:
            uid = uid_of(body)
            return write_answer(uid, Answer(allowed=False, message=f"trustkit: {explained(error)}")) if uid else b""
        seconds = min(seconds * _SPARE_SHARE, self._decider.seconds())
        try:
            answer = await way(review, seconds)
        except TimeoutError:
            answer = await self._refused(review, f"nothing was decided within {seconds:.1f} seconds")
        except TrustkitError as error:
            answer = await self._refused(review, explained(error))
        except Exception:  # noqa: BLE001  (the last line of defence: a denial, never a dropped connection)
            _LOG.exception("a fault of ours")
            answer = await self._refused(review, "a fault of ours; the webhook's own log says more")
        return write_answer(review.uid, answer)

    async def _refused(self, review: Review, reason: str) -> Answer:
        message = f"trustkit: {reason}"
        try:
            return await asyncio.wait_for(self._decider.refuse(review, message), _RECORD_SECONDS)
        except (TimeoutError, TrustkitError) as error:
            _LOG.error("a refusal is not on record: %s", error)
            return Answer(allowed=False, message=message)

    def _state(self, path: str) -> tuple[int, bytes]:
        if path == "/healthz":
            return 200, b"ok\n"
        if path != "/readyz":
            return 404, b"no such path\n"
        unready, note = self._told()
        return (503, f"{unready}\n".encode()) if unready else (200, f"ok\n{note}".encode())


@lru_cache(maxsize=64)
def _seconds(query: bytes) -> float:
    found = _TIMEOUT.search(query)
    return min(float(found[1]) * _UNITS[found[2]], _MOST_SECONDS) if found else _DEFAULT_SECONDS


async def _body(receive: Receive) -> bytes:
    """Return the request's body. Raises LimitExceededError."""
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise LimitExceededError("the request was given up")
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > limits.REVIEW_BYTES:
            raise LimitExceededError(f"a review may have {limits.REVIEW_BYTES} bytes")
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _respond(send: Send, status: int, content: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", str(len(content)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": content})
