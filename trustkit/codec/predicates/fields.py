"""Members of a predicate, read within bounds; every error names `what`.

Predicates are open: members that are not known here are tolerated, and never looked at. A member that
is known has the type its specification gives it, or the whole predicate is refused.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from trustkit.codec.strict_json import as_list, as_object, as_text
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple

# Names, versions, URIs, identifiers; purls and licence expressions are the longest of them.
TEXT_CHARS = 8192
# Packages of an image, vulnerabilities of a scan: the largest real ones have some 20 000.
ITEMS = 100_000
_DIGESTS = 16
_DIGEST_CHARS = 256
# RFC 3339 5.6; Go writes up to nine digits of a second, datetime reads six.
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)\Z", re.ASCII)
_MICROSECOND_CHARS = 7

Read = TypeVar("Read")
Digests = tuple[tuple[str, str], ...]


class Resource(NamedTuple):
    """An artifact that a predicate points at (in-toto ResourceDescriptor, SLSA material)."""

    uri: str
    digests: Digests = ()
    name: str = ""


def members(value: object, what: str) -> dict[str, object]:
    """Return the members of an object; null ones count as absent. Raises MalformedError."""
    return {name: item for name, item in as_object(value, what).items() if item is not None}


def inner(holder: Mapping[str, object], name: str, what: str) -> dict[str, object]:
    """Return the members of an object inside, none if it is absent. Raises MalformedError."""
    found = holder.get(name)
    return {} if found is None else members(found, f"{what} {name}")


def text(holder: Mapping[str, object], name: str, what: str) -> str:
    """Return a text, empty if it is absent. Raises MalformedError, LimitExceededError."""
    found = holder.get(name)
    return "" if found is None else bounded(as_text(found, f"{what} {name}"), f"{what} {name}")


def required(holder: Mapping[str, object], name: str, what: str) -> str:
    """Return a text that is there and not empty. Raises MalformedError, LimitExceededError."""
    found = text(holder, name, what)
    if not found:
        raise MalformedError(f"{what} has no {name}")
    return found


def bounded(value: str, what: str) -> str:
    """Return the text if it is short enough. Raises LimitExceededError."""
    if len(value) > TEXT_CHARS:
        raise LimitExceededError(f"{what} has {len(value)} characters; {TEXT_CHARS} are allowed")
    return value


def flag(holder: Mapping[str, object], name: str, what: str) -> bool:
    """Return a boolean, False if it is absent. Raises MalformedError."""
    found = holder.get(name, False)
    if not isinstance(found, bool):
        raise MalformedError(f"{what} {name} must be true or false")
    return found


def each(
    holder: Mapping[str, object], name: str, what: str, read: Callable[[object, str], Read], limit: int = ITEMS
) -> tuple[Read, ...]:
    """Return what `read` makes of each element of an array; none if it is absent.

    Raises MalformedError, LimitExceededError.
    """
    found = holder.get(name)
    if found is None:
        return ()
    items = as_list(found, f"{what} {name}")
    if len(items) > limit:
        raise LimitExceededError(f"{what} has {len(items)} {name}; {limit} are allowed")
    return tuple(read(item, f"{what} {name}") for item in items)


def one_text(value: object, what: str) -> str:
    """Return an element that is a text. Raises MalformedError, LimitExceededError."""
    return bounded(as_text(value, what), what)


def moment(holder: Mapping[str, object], name: str, what: str) -> datetime | None:
    """Return a time in UTC, None if it is absent or empty. Raises MalformedError. RFC 3339."""
    found = text(holder, name, what)
    if not found:
        return None
    parts = _MOMENT.match(found)
    if parts is None:
        raise _no_time(found, f"{what} {name}")
    fraction = (parts[2] or "")[:_MICROSECOND_CHARS]
    try:
        at = datetime.fromisoformat(parts[1] + fraction.ljust(_MICROSECOND_CHARS, "0") * bool(fraction) + parts[3])
        return at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _no_time(found, f"{what} {name}") from error


def digests(value: object, what: str) -> Digests:
    """Return a digest set in the order of its algorithms. Raises MalformedError, LimitExceededError."""
    found = members(value, what)
    if len(found) > _DIGESTS:
        raise LimitExceededError(f"{what} names {len(found)} digests; {_DIGESTS} are allowed")
    for name, item in found.items():
        if len(as_text(item, f"{what} {name[:32]}")) > _DIGEST_CHARS:
            raise LimitExceededError(f"{what} {name[:32]} is over {_DIGEST_CHARS} characters")
    return tuple(sorted((name, str(item)) for name, item in found.items()))


def resource(value: object, what: str) -> Resource:
    """Return a resource descriptor. Raises MalformedError, LimitExceededError."""
    found = members(value, what)
    return Resource(
        text(found, "uri", what),
        digests(found.get("digest", {}), f"{what} digest"),
        text(found, "name", what),
    )


def _no_time(written: str, what: str) -> MalformedError:
    return MalformedError(f"{what} is no time of RFC 3339: {written[:48]!r}")
