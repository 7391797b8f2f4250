"""What dockerd asks its authorization plugins (docs.docker.com/engine/extend/plugins_authorization), read strictly.

The plugin and dockerd read one request each in their own way; a request that they could read differently is refused:
paths with escapes, empty or dot segments; queries with `;` or a name twice; and bodies that dockerd does not show
(larger than 1 MiB, chunked, of another media type, or behind a URL that ends like that of a login).
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote_plus

from trustkit import limits
from trustkit.codec import base64, strict_json
from trustkit.codec.strict_json import as_object
from trustkit.errors import MalformedError
from trustkit.hooks.errors import HookRequestError
from trustkit.model.values import NamedTuple

READS = ("GET", "HEAD", "OPTIONS")
# Request Message of the protocol; dockerd writes `null` for what it does not have.
_MEMBERS = (
    "User", "UserAuthNMethod", "RequestMethod", "RequestUri", "RequestBody", "RequestHeaders",
    "RequestPeerCertificates", "ResponseStatusCode", "ResponseBody", "ResponseHeaders",
)  # fmt: skip
_PATH = re.compile(r"(?:/[A-Za-z0-9_.:@+~=-]+)+\Z")
_VERSION = re.compile(r"/v1\.(0|[1-9][0-9]{0,2})(?=/)")
_VERSION_LIKE = re.compile(r"/v[0-9.]*(?:/|\Z)")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# Before 1.24 a start could bring a configuration of its own.
_FIRST_MINOR = 24
_JSON = "application/json"


class Question(NamedTuple):
    """One request to dockerd's API: `path` has no version; `query` and `body` are as sent; `actor` is TLS's name."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    actor: str

    def fields(self) -> dict[str, str]:
        """Return the query, each name once. Raises HookRequestError."""
        if ";" in self.query:
            raise HookRequestError("the query has a ';', which not every reader takes for a separator")
        found: dict[str, str] = {}
        for part in filter(None, self.query.split("&")):
            name, _, value = (_unescaped(piece) for piece in part.partition("="))
            if name in found:
                raise HookRequestError(f"the query says {name[:40]!r} twice")
            found[name] = value
        return found

    def require_no_body(self) -> None:
        """Return if dockerd sees no body either. Raises HookRequestError."""
        if self.body:
            raise HookRequestError(f"{self.method} {self.path[:120]} has a body, which it may not have")
        # Without a length the body may be chunked, and of a form's type that the last of two headers hides.
        if self.headers.get("content-length", "") != "0" and "content-type" in self.headers:
            raise HookRequestError("the request may have a body that dockerd does not show its plugins")
        if self.headers.get("content-length", "0") != "0":
            raise HookRequestError("the request has a body that dockerd does not show its plugins")

    def document(self) -> dict[str, object]:
        """Return the JSON object in the body. Raises HookRequestError, MalformedError, LimitExceededError."""
        if not self.body:
            raise HookRequestError(
                f"{self.method} {self.path[:120]} came without its body",
                next_step=f"send it with Content-Type: {_JSON}, at most 1 MiB, not chunked",
            )
        # labels and options are free maps, whose names may differ by case; those of structures are checked by readers
        told = strict_json.parse(self.body, what="body", limit_bytes=limits.AUTHZ_BODY_BYTES, fold_names=False)
        return as_object(told, "body")


def parse_question(content: bytes) -> Question:
    """Read dockerd's message about a request. Raises MalformedError, LimitExceededError, HookRequestError."""
    members = as_object(
        strict_json.parse(content, what="message", limit_bytes=limits.AUTHZ_MESSAGE_BYTES, fold_names=False), "message"
    )
    if unknown := [name for name in members if name not in _MEMBERS]:
        raise HookRequestError(f"dockerd's message has the unknown member {unknown[0][:40]!r}")
    method = _text(members, "RequestMethod")
    target = _text(members, "RequestUri")
    path, _, query = target.partition("?")
    plain = require_plain_path(path, read=method in READS)
    return Question(method, plain, query, _headers(members), _body(members), _text(members, "User"))


def require_plain_path(path: str, *, read: bool = False) -> str:
    """Return the path without its version. Raises HookRequestError: somebody could read it differently."""
    # clients escape these two in names of images; they separate nothing
    plain = re.sub(r"%40|%3[Aa]", lambda found: "@" if found[0] == "%40" else ":", path)
    if not _PATH.match(plain) or any(part in (".", "..") for part in plain.split("/")):
        raise HookRequestError(
            f"{path[:120]!r} is no plain path", next_step="write it without escapes, empty and dot segments"
        )
    found = _VERSION.match(plain)
    if found is None and _VERSION_LIKE.match(plain):
        raise HookRequestError(f"{path[:120]!r} has an unknown version", next_step="write it as /v1.41/...")
    if found and not read and int(found[1]) < _FIRST_MINOR:
        raise HookRequestError(
            f"API 1.{found[1]} reads requests differently", next_step=f"use API 1.{_FIRST_MINOR} or later"
        )
    return plain[found.end() :] if found else plain


def _unescaped(text: str) -> str:
    if _BAD_ESCAPE.search(text):
        raise HookRequestError("the query has a '%' that escapes nothing")
    try:
        found = unquote_plus(text, errors="strict")
    except UnicodeDecodeError as error:
        raise HookRequestError("the query is not UTF-8") from error
    if not found.isprintable():
        raise HookRequestError("the query has characters that cannot be shown")
    return found


def _text(members: Mapping[str, object], name: str) -> str:
    found = members.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise MalformedError(f"message: {name} is no text")
    return found


def _headers(members: Mapping[str, object]) -> dict[str, str]:
    told = members.get("RequestHeaders")
    if told is None:
        return {}
    found: dict[str, str] = {}
    for name, value in as_object(told, "message: RequestHeaders").items():
        lower = name.lower()
        if not isinstance(value, str) or lower in found:
            raise MalformedError(f"message: the header {name[:40]!r} is no text, or occurs twice")
        found[lower] = value
    return found


def _body(members: Mapping[str, object]) -> bytes:
    return base64.decode(_text(members, "RequestBody"), "message: RequestBody")
