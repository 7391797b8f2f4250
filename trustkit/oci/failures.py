"""What a registry's refusal means: HTTP status to error, with the registry's own words bounded."""

from collections.abc import Mapping

from trustkit import limits
from trustkit.codec import strict_json
from trustkit.codec.strict_json import as_list, as_object
from trustkit.errors import (
    MalformedError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    ServerFailedError,
    SourceError,
    UnauthorizedError,
)
from trustkit.model.values import NamedTuple
from trustkit.net.http import Response

_SHOWN_CHARS = 200
_ERRORS: Mapping[int, tuple[type[SourceError], str, str]] = {
    401: (
        UnauthorizedError,
        "wants other credentials",
        "log in with `docker login`, or name the credentials file in the configuration",
    ),
    403: (
        UnauthorizedError,
        "refuses access",
        "ask the registry's operator for access, or log in as somebody who has it",
    ),
    404: (NotFoundError, "does not have it", "check the name, the tag and the registry"),
    429: (RateLimitedError, "asks to come back later", "wait, or log in for a higher limit"),
}


def require_status(response: Response, expected: tuple[int, ...], what: str) -> None:
    """Return if the status is expected; else read the refusal and raise the error it means.

    Raises UnauthorizedError, NotFoundError, RateLimitedError, ServerFailedError, ProtocolError.
    """
    if response.status not in expected:
        raise failure(response, what)


def failure(response: Response, what: str) -> SourceError:
    """Return the error that an unexpected answer means; its body is used up."""
    host, status = response.url.authority, response.status
    said = refusal(response).said
    found = _ERRORS.get(status)
    if found is None and status >= 500:  # noqa: PLR2004
        found = ServerFailedError, "fails", "try again later, or ask the registry's operator"
    kind, meaning, step = found or (
        ProtocolError,
        "answers what the protocol does not foresee",
        "check that this host is a registry",
    )
    words = f": {said}" if said else ""
    message = f"{what}: {host} {meaning} (HTTP {status}{words})"
    return kind(message, next_step=step, host=host, status=str(status))


class Refusal(NamedTuple):
    """A server's own words, printable and short: its code, what it says, and trustkit's code and advice besides."""

    code: str = ""
    said: str = ""
    detail_code: str = ""
    next_step: str = ""


def refusal(response: Response) -> Refusal:
    """Return what the body of a refusal says, nothing if it cannot be read; the body is used up."""
    try:
        content = response.read(limits.ERROR_BODY_BYTES, "the error's body")
        value = strict_json.parse(content, what="the error's body", limit_bytes=limits.ERROR_BODY_BYTES)
        errors = as_list(as_object(value, "the error").get("errors"), "errors")
        first = as_object(errors[0] if errors else {}, "the error")
    except (SourceError, MalformedError):
        return Refusal()
    text = " ".join(str(first[name]) for name in ("code", "message") if first.get(name))
    detail = first.get("detail")
    more = detail if isinstance(detail, dict) else {}
    found = (str(first.get("code", "")), text, str(more.get("code", "")), str(more.get("next_step", "")))
    return Refusal(*map(_shown, found))


def _shown(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)[:_SHOWN_CHARS]
