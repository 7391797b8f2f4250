"""Members of JSON structures that Go programs read, by kind; null and absent are Go's zero value.

Go matches names of members without regard to case: a known name in other letters is refused, for Go would obey it.
"""

from collections.abc import Mapping

from trustkit.errors import MalformedError
from trustkit.hooks.errors import HookRequestError

Members = Mapping[str, object]


def require_known(members: Members, known: frozenset[str], what: str) -> None:
    """Refuse a known name in other letters, and an unknown one that asks for something. Raises HookRequestError."""
    folded = {_folded(name): name for name in known}
    for name, value in members.items():
        if name in known:
            continue
        if right := folded.get(_folded(name)):
            raise HookRequestError(f"{what}: {name[:60]!r} must be written {right!r}")
        if not is_zero(value):
            message = f"{what} has the member {name[:60]!r}, which is not known here, so its effect is not either"
            raise HookRequestError(message, next_step="leave it out")


def _folded(name: str) -> str:
    # Go's folding (encoding/json) also takes the Kelvin sign for k and the long s for s
    return name.replace("\u212a", "k").replace("\u017f", "s").casefold()


def is_zero(value: object) -> bool:
    """Whether a value asks for nothing: null, false, 0 or empty. A map with keys asks, whatever their values are."""
    return value is None or value is False or value in (0, "", [], {})


def text(members: Members, name: str) -> str:
    """Return a text. Raises MalformedError."""
    value = members.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise MalformedError(f"{name} must be a text")
    return value


def flag(members: Members, name: str) -> bool:
    """Return a boolean. Raises MalformedError."""
    value = members.get(name)
    if value is not None and not isinstance(value, bool):
        raise MalformedError(f"{name} must be true or false")
    return value is True


def number(members: Members, name: str) -> int | None:
    """Return a whole number, or None if there is none. Raises MalformedError."""
    value = members.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise MalformedError(f"{name} must be a whole number")
    return value


def texts(members: Members, name: str) -> tuple[str, ...]:
    """Return a list of texts; one text counts as a list, as in Docker. Raises MalformedError."""
    value = members.get(name)
    found = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise MalformedError(f"{name} must be a list of texts")
    return tuple(found)


def mapping(members: Members, name: str) -> Members:
    """Return an object. Raises MalformedError."""
    value = members.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedError(f"{name} must be an object")
    return value


def items(members: Members, name: str) -> tuple[Members, ...]:
    """Return a list of objects. Raises MalformedError."""
    value = members.get(name)
    found = [] if value is None else value
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise MalformedError(f"{name} must be a list of objects")
    return tuple(found)
