"""Canonical JSON: one value, one sequence of bytes (RFC 8785, "JCS")."""

from collections.abc import Mapping
from json.encoder import encode_basestring
from math import isfinite
from typing import Any

from trustkit import limits
from trustkit.errors import LimitExceededError, MalformedError

_EXACT_INTEGER = 1 << 53
# ECMAScript 7.1.12.1: numbers from 10^-6 up to below 10^21 are written without an exponent.
_LEAST_PLAIN_EXPONENT = -6
_MOST_PLAIN_DIGITS = 21


class Canonical:
    """A value that was written already: its canonical text. Whoever makes one answers for that.

    Readers of the log refuse an entry that is not canonical, so a wrong one is found and passes for no other value.
    """

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        """Take the text as it is."""
        self.text = text


def canonical(value: object) -> bytes:
    """Return the canonical bytes of None, bool, int, float, str, Canonical, sequences and mappings of these.

    Raises MalformedError for text without a UTF-8 form and numbers without a double, and
    LimitExceededError for deep nesting. RFC 8785 3.2.
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
    kind = type(value)
    # the common kinds first: the log writes a thousand entries a second
    if isinstance(value, str):
        parts.append(encode_basestring(value))
    elif kind is dict or isinstance(value, Mapping):
        _write_object(value, parts, depth)  # type: ignore[arg-type]
    elif kind is list or isinstance(value, list | tuple):
        _write_array(value, parts, depth)  # type: ignore[arg-type]
    elif value is None or kind is bool:
        parts.append("null" if value is None else "true" if value else "false")
    elif isinstance(value, int | float):
        parts.append(_number(value))
    elif kind is Canonical:
        parts.append(value.text)  # type: ignore[attr-defined]
    else:
        raise TypeError(f"{kind.__name__} has no JSON form")


def _write_object(members: Mapping[object, object], parts: list[str], depth: int) -> None:
    mark = "{"
    for name in _ordered(members):
        value = members[name]
        if type(value) is str:
            parts.append(f"{mark}{encode_basestring(name)}:{encode_basestring(value)}")
        else:
            parts.append(f"{mark}{encode_basestring(name)}:")
            _write(value, parts, depth + 1)
        mark = ","
    parts.append("}" if members else "{}")


def _write_array(elements: list[object] | tuple[object, ...], parts: list[str], depth: int) -> None:
    mark = "["
    for element in elements:
        parts.append(mark)
        _write(element, parts, depth + 1)
        mark = ","
    parts.append("]" if elements else "[]")


def _ordered(members: Mapping[object, object]) -> list[str]:
    """RFC 8785 3.2.3: by UTF-16 code units, which for other than ASCII is not the order of code points."""
    names: list[Any] = list(members)
    try:
        ascii_only = "".join(names).isascii()
    except TypeError:
        kind = next(type(name).__name__ for name in names if not isinstance(name, str))
        raise TypeError(f"{kind} cannot name a JSON member") from None
    if ascii_only:
        names.sort()
    else:
        names.sort(key=lambda name: name.encode("utf-16-be", "surrogatepass"))
    return names


def _number(value: float) -> str:
    """RFC 8785 3.2.2.3: as ECMAScript's Number.prototype.toString writes the double."""
    if isinstance(value, int):
        if -_EXACT_INTEGER <= value <= _EXACT_INTEGER:
            return str(value)
        return _number(_exact_double(value))
    if not isfinite(value):
        raise MalformedError(f"{value} has no JSON form")
    if value == 0:
        return "0"
    return _ecmascript(value)


def _exact_double(value: int) -> float:
    try:
        double = float(value)
    except OverflowError as error:
        raise MalformedError("integer beyond the range of a double") from error
    # The text of a double beyond 2^53 is read back as an integer that is not quite that double.
    if int(double) != value and _ecmascript(double) != str(value):
        raise MalformedError(f"integer {value} does not survive as a double; write it as text")
    return double


def _ecmascript(value: float) -> str:
    """ECMAScript 7.1.12.1, steps 5 to 10, from Python's shortest round-trip digits."""
    sign = "-" if value < 0 else ""
    mantissa, _, power = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    point = len(whole) + int(power or "0")
    padded = whole + fraction
    digits = padded.lstrip("0")
    point -= len(padded) - len(digits)
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= _MOST_PLAIN_DIGITS:
        return sign + digits + "0" * (point - count)
    if 0 < point <= _MOST_PLAIN_DIGITS:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if _LEAST_PLAIN_EXPONENT < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    exponent = point - 1
    tail = f".{digits[1:]}" if count > 1 else ""
    return f"{sign}{digits[0]}{tail}e{'+' if exponent > 0 else '-'}{abs(exponent)}"
