"""Members of a JSON object by kind, with Go's rule that null and absent are the zero value.

Names are compared exactly: the strict parser has already refused documents in which two differ only by case,
and a name in the wrong case is refused as unknown instead of being read as Go would.
"""

from collections.abc import Mapping

from trustkit import limits
from trustkit.codec import strict_json
from trustkit.errors import MalformedError, UsageError

Members = Mapping[str, object]


def body_of(content: bytes, what: str) -> Members:
    """Return the JSON object of a request's body, empty for an empty body. Raises UsageError."""
    if not content.strip():
        return {}
    try:
        # Free maps (labels, bind options) may differ by case only; fixed names are checked by `require_known`.
        value = strict_json.parse(content, what=what, limit_bytes=limits.API_BODY_BYTES, fold_names=False)
        return strict_json.as_object(value, what)
    except MalformedError as error:
        raise UsageError(error.message) from error


def require_known(members: Members, known: frozenset[str] | set[str], what: str) -> None:
    """Refuse a name that is a known one in other letters: a reader in Go would have obeyed it. Raises UsageError."""
    folded = {name.casefold(): name for name in known}
    for name in members:
        if name not in known and name.casefold() in folded:
            raise UsageError(f"{what}: {name!r} must be written {folded[name.casefold()]!r}")


def is_zero(value: object) -> bool:
    """Whether a value asks for nothing: null, false, 0 or empty. A map with keys asks, whatever their values are."""
    return value is None or value is False or value in (0, "", [], {})


def is_zero_structure(value: object) -> bool:
    """Whether every member of a structure (an object whose names are fixed) asks for nothing."""
    return isinstance(value, Mapping) and all(is_zero(member) for member in value.values())


def text(members: Members, name: str) -> str:
    """A string. Raises UsageError."""
    value = members.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(name, "a string")
    if "\0" in value:
        raise UsageError(f"{name} has a zero byte")
    return value


def integer(members: Members, name: str) -> int:
    """An integer. Raises UsageError."""
    value = members.get(name)
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(name, "an integer")
    return value


def flag(members: Members, name: str) -> bool:
    """A boolean. Raises UsageError."""
    value = members.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise _wrong(name, "true or false")
    return value


def texts(members: Members, name: str) -> tuple[str, ...]:
    """A list of strings. Raises UsageError."""
    return optional_texts(members, name) or ()


def optional_texts(members: Members, name: str) -> tuple[str, ...] | None:
    """A list of strings, or None when it is null or absent; one string counts as a list. Raises UsageError."""
    value = members.get(name)
    if value is None:
        return None
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        raise _wrong(name, "a list of strings")
    return tuple(_item(item, name) for item in value)


def _item(item: object, name: str) -> str:
    if not isinstance(item, str) or "\0" in item:
        raise _wrong(name, "a list of strings")
    return item


def mapping(members: Members, name: str) -> Members:
    """An object. Raises UsageError."""
    value = members.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(name, "an object")
    return value


def items(members: Members, name: str) -> tuple[Members, ...]:
    """A list of objects. Raises UsageError."""
    value = members.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _wrong(name, "a list of objects")
    return tuple(item for item in value if isinstance(item, dict))


def _wrong(name: str, kind: str) -> UsageError:
    return UsageError(f"{name} must be {kind}")
