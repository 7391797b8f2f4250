"""OLPC canonical JSON: what TUF and Notary v1 sign (securesystemslib and docker/go write the same).

Sorted names, no white space, and in strings only the quote and the backslash escaped; every other
character stands for itself in UTF-8. There are no fractions: two readers would print them differently.
"""

from collections.abc import Mapping

from trustkit import limits
from trustkit.errors import LimitExceededError, MalformedError


def encode(value: object) -> bytes:
    """Return the canonical bytes of None, bool, int, str, sequences and mappings of these.

    Raises MalformedError for fractions and for text without a UTF-8 form, LimitExceededError for deep nesting.
    """
    parts: list[str] = []
    _write(value, parts, 0)
    try:
        return "".join(parts).encode("utf-8")
    except UnicodeEncodeError as error:
        raise MalformedError("text with a lone surrogate has no canonical JSON") from error


def _write(value: object, parts: list[str], depth: int) -> None:
    if depth > limits.JSON_DEPTH:
        message = f"nested deeper than the {limits.JSON_DEPTH} levels canonical JSON is written for"
        raise LimitExceededError(message)
    if isinstance(value, str):
        parts.append(_text(value))
    elif value is None or isinstance(value, bool):
        parts.append({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, int):
        parts.append(str(value))
    elif isinstance(value, float):
        raise MalformedError(f"{value} is no integer, and canonical JSON has no other numbers")
    elif isinstance(value, Mapping):
        _write_object(value, parts, depth)
    elif isinstance(value, list | tuple):
        _write_array(value, parts, depth)
    else:
        raise TypeError(f"{type(value).__name__} has no JSON form")


def _write_object(members: Mapping[object, object], parts: list[str], depth: int) -> None:
    named: list[tuple[str, object]] = []
    for name, member in members.items():
        if not isinstance(name, str):
            raise TypeError(f"{type(name).__name__} cannot name a JSON member")
        named.append((name, member))
    # By code points, which is also the order of the UTF-8 bytes that Go sorts by.
    named.sort(key=lambda member: member[0])
    mark = "{"
    for name, member in named:
        parts += (mark, _text(name), ":")
        _write(member, parts, depth + 1)
        mark = ","
    parts.append("}" if named else "{}")


def _write_array(elements: list[object] | tuple[object, ...], parts: list[str], depth: int) -> None:
    mark = "["
    for element in elements:
        parts.append(mark)
        _write(element, parts, depth + 1)
        mark = ","
    parts.append("]" if elements else "[]")


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
