"""Protobuf's JSON as sigstore writes it: names in two spellings, 64-bit numbers as text, null for absent.

Specification: protobuf.dev, "ProtoJSON Format". Stricter here: unknown members, one field under both its
names, and base64 in any spelling but two (with and without padding) are refused.
"""

from trustkit.codec import base64
from trustkit.codec.strict_json import as_list, as_object, as_text
from trustkit.errors import LimitExceededError, MalformedError

_MOST_DIGITS = 20
_MOST_INT64 = (1 << 63) - 1


def members(value: object, what: str, names: tuple[str, ...]) -> dict[str, object]:
    """Return the members under their camelCase names; null means absent.

    Raises MalformedError for unknown names, and for one field under both its names.
    """
    spellings = {spelling: name for name in names for spelling in (name, _snake(name))}
    found: dict[str, object] = {}
    for spelling, member in as_object(value, what).items():
        name = spellings.get(spelling)
        if name is None:
            raise MalformedError(f"{what} has an unknown member {spelling[:80]!r}")
        if name in found:
            raise MalformedError(f"{what} has {name} twice, under both its names")
        found[name] = member
    return {name: member for name, member in found.items() if member is not None}


def padded(value: dict[str, object], name: str) -> dict[str, object]:
    """Return the members with the padding that may be left off one member's base64."""
    text = value.get(name)
    return {**value, name: text + "=" * (-len(text) % 4)} if isinstance(text, str) else value


def as_bytes(value: object, what: str) -> bytes:
    """Return the bytes of base64 in either alphabet, padded or not. Raises MalformedError."""
    text = as_text(value, what)
    return base64.decode_either(text + "=" * (-len(text) % 4), what)


def as_unsigned(value: object, what: str) -> int:
    """Return an int64 or uint64 of zero or more, written as text or number; absent is zero. MalformedError."""
    if value is None:
        return 0
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_INT64:
        raise MalformedError(f"{what} is not a number from 0 to 2^63 - 1")
    return value


def bounded(value: object, what: str, most: int) -> list[object]:
    """Return a list of at most so many elements; absent is empty. Raises MalformedError, LimitExceededError."""
    items = as_list([] if value is None else value, what)
    if len(items) > most:
        raise LimitExceededError(f"{what} has {len(items)} elements; {most} are allowed")
    return items


def _snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
