"""Requests as JSON: kept with a container so that its next start is judged for the same, or asked by a hook."""

import json

from trustkit.codec import strict_json
from trustkit.engine.errors import ConflictError
from trustkit.errors import MalformedError, UsageError
from trustkit.model.facts import RequestFacts
from trustkit.model.image import Platform

_KEPT_BYTES = 9 * 1024 * 1024


def keep(request: str, facts: RequestFacts, platform: Platform | None) -> str:
    """Return the request's JSON with the facts it was admitted for."""
    members = json.loads(request)  # noqa: TID251  (our own text, made a moment ago)
    return json.dumps({**members, "Facts": facts._asdict(), "Platform": str(platform or "")})


def kept(text: str) -> tuple[RequestFacts, Platform | None]:
    """Return the facts and the platform kept with a container. Raises ConflictError when there are none."""
    try:
        value = strict_json.parse(text.encode(), what="kept request", limit_bytes=_KEPT_BYTES, fold_names=False)
        members = strict_json.as_object(value, "kept request")
        facts = strict_json.as_object(members.get("Facts"), "kept facts")
        platform = strict_json.as_text(members.get("Platform"), "kept platform")
    except MalformedError as error:
        raise ConflictError(
            "the container has no record of what it was admitted for", next_step="remove it and run it again"
        ) from error
    return _facts(facts), Platform(*platform.split("/")) if platform else None


def asked(members: dict[str, object]) -> RequestFacts:
    """Return the facts that a hook states; what it leaves out asks for nothing. Raises UsageError, MalformedError."""
    found = RequestFacts()
    for name, value in members.items():
        if name not in found._fields or name == "namespace_labels":
            raise UsageError(f"the request has the member {name[:60]!r}, which is not known here")
        default = getattr(found, name)
        if isinstance(default, tuple):
            read: object = tuple(strict_json.as_text(item, name) for item in strict_json.as_list(value, name))
        elif isinstance(default, bool):
            read = strict_json.as_bool(value, name)
        else:
            read = strict_json.as_text(value, name)
        found = found._replace(**{name: read})  # type: ignore[arg-type]  # of the default's kind
    return found


def _facts(members: dict[str, object]) -> RequestFacts:
    empty = RequestFacts()
    if set(members) != set(empty._fields):
        raise ConflictError("the container was made by another version of trustkit", next_step="run it again")
    pairs = empty._asdict().items()
    for name, default in pairs:
        value = members[name]
        if isinstance(default, tuple):
            value = tuple(str(item) for item in value) if isinstance(value, list) else ()
        empty = empty._replace(**{name: value})  # type: ignore[arg-type]  # as written by keep()
    return empty
