"""JSON from outside, read so that no two readers can disagree about it (RFC 8259, RFC 7493).

Refused beyond the grammar: duplicate names, names that differ only by letter case (Go's decoder
takes them for the same member), NaN and Infinity, lone surrogates, a byte order mark, numbers that
do not fit 64 bit, and anything deeper or more numerous than `limits` says.
"""

import re
from collections.abc import Callable
from json import JSONDecodeError, JSONDecoder
from math import isfinite

from trustkit import limits
from trustkit.errors import LimitExceededError, MalformedError

_BOM = b"\xef\xbb\xbf"
# An unterminated string also matches, up to the end: otherwise the search would be quadratic.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_NOT_STRUCTURE = bytes(set(range(256)) - set(b"[]{},"))
_INTEGER_CHARS = 20


class _RefusedError(Exception):
    """Raised inside the decoder's hooks, where the document's name is not known."""


def parse(content: bytes, *, what: str, limit_bytes: int, fold_names: bool = True) -> object:
    """Return the value of one JSON document; `what` names it in errors.

    `fold_names=False` allows names that differ by letter case, for documents that hold free maps
    (labels of an image config). Raises MalformedError, LimitExceededError. RFC 8259.
    """
    if len(content) > limit_bytes:
        message = f"{what} is {len(content)} bytes, more than the {limit_bytes} allowed"
        raise LimitExceededError(message)
    if content.startswith(_BOM):
        raise MalformedError(f"{what} starts with a byte order mark")
    _require_bounded(content, what)
    decoder = _FOLDING if fold_names else _EXACT
    try:
        text = content.decode("utf-8")
        value: object = decoder.decode(text)
    except UnicodeDecodeError as error:
        raise MalformedError(f"{what} is not UTF-8 (byte {error.start})") from error
    except JSONDecodeError as error:
        message = f"{what} is not JSON: {error.msg}, line {error.lineno} column {error.colno}"
        raise MalformedError(message) from error
    except _RefusedError as error:
        raise MalformedError(f"{what}: {error}") from error
    if _SURROGATE_ESCAPE.search(text):
        _require_scalar_text(value, what)
    return value


def as_object(value: object, what: str) -> dict[str, object]:
    """Return `value` if it is a JSON object. Raises MalformedError."""
    if not isinstance(value, dict):
        raise MalformedError(f"{what} must be an object, not {_kind(value)}")
    return value


def as_list(value: object, what: str) -> list[object]:
    """Return `value` if it is a JSON array. Raises MalformedError."""
    if not isinstance(value, list):
        raise MalformedError(f"{what} must be an array, not {_kind(value)}")
    return value


def as_text(value: object, what: str) -> str:
    """Return `value` if it is a JSON string. Raises MalformedError."""
    if not isinstance(value, str):
        raise MalformedError(f"{what} must be a string, not {_kind(value)}")
    return value


def as_int(value: object, what: str) -> int:
    """Return `value` if it is a JSON number without fraction or exponent. Raises MalformedError."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise MalformedError(f"{what} must be an integer, not {_kind(value)}")
    return value


def as_bool(value: object, what: str) -> bool:
    """Return `value` if it is true or false. Raises MalformedError."""
    if not isinstance(value, bool):
        raise MalformedError(f"{what} must be true or false, not {_kind(value)}")
    return value


_KINDS = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    type(None): "null or absent",
}


def _kind(value: object) -> str:
    return _KINDS.get(type(value), type(value).__name__)


def _require_bounded(content: bytes, what: str) -> None:
    """Bound depth and count before the recursive decoder sees the text."""
    opened = content.count(b"[") + content.count(b"{")
    if opened <= limits.JSON_DEPTH and opened + content.count(b",") <= limits.JSON_NODES:
        return
    structure = _STRING.sub(b"", content).translate(None, _NOT_STRUCTURE)
    if structure.count(b",") + structure.count(b"[") + structure.count(b"{") > limits.JSON_NODES:
        message = f"{what} has more than the {limits.JSON_NODES} members and elements allowed"
        raise LimitExceededError(message)
    depth = 0
    for byte in structure.replace(b",", b""):
        depth += 1 if byte in b"[{" else -1
        if depth > limits.JSON_DEPTH:
            message = f"{what} is nested deeper than the {limits.JSON_DEPTH} levels allowed"
            raise LimitExceededError(message)


def _exact_members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        for name, _ in pairs:
            if name not in members:
                raise _RefusedError(f"duplicate name {name[:80]!r}")
            del members[name]
    return members


def _folding_members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = _exact_members(pairs)
    folded = {name.casefold() for name in members}
    if len(folded) != len(members):
        raise _RefusedError(f"names differ only by letter case: {_twins(members)}")
    return members


def _twins(members: dict[str, object]) -> str:
    first: dict[str, str] = {}
    for name in members:
        twin = first.setdefault(name.casefold(), name)
        if twin is not name:
            return f"{twin[:80]!r} and {name[:80]!r}"
    return ""


def _integer(text: str) -> int:
    value = int(text) if len(text) <= _INTEGER_CHARS else 1 << 64
    if not -(1 << 63) <= value < 1 << 64:
        raise _RefusedError(f"integer beyond 64 bit: {text[:24]}")
    return value


def _number(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise _RefusedError(f"number out of range: {text[:24]}")
    return value


def _constant(text: str) -> object:
    raise _RefusedError(f"{text} is no JSON value")


def _decoder(
    members: Callable[[list[tuple[str, object]]], dict[str, object]],
) -> JSONDecoder:
    return JSONDecoder(
        object_pairs_hook=members,
        parse_int=_integer,
        parse_float=_number,
        parse_constant=_constant,
    )


_FOLDING = _decoder(_folding_members)
_EXACT = _decoder(_exact_members)


def _require_scalar_text(value: object, what: str) -> None:
    """Refuse surrogates without a partner: they have no UTF-8 form (RFC 7493 2.1)."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            if not item.isascii() and any("\ud800" <= char <= "\udfff" for char in item):
                raise MalformedError(f"{what} holds a lone surrogate escape")
        elif isinstance(item, dict):
            pending.extend(item)
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
