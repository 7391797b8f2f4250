"""What compiled expressions call: arithmetic of 64 bits, bounded work, and CEL's way with errors.

Specification: google/cel-spec doc/langdef.md, "Evaluation". An error in one part of `&&`, `||`, `all` or
`exists` does not matter if the other parts decide: that is what `both`, `either`, `every` and `some` are for. They are
tried only after the plain Python of the same expression failed.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import TypeVar

FUEL = 100_000
TEXT_CHARS = 65_536
_LOW, _HIGH = -(2**63), 2**63
# A character of a text that is searched costs less than an element that is looked at.
_CHARS_PER_UNIT = 256

Value = TypeVar("Value")
Part = Callable[[], bool]


class ExpressionError(ValueError):
    """An operation has no result: overflow, division by zero, no such key."""


class FuelError(Exception):
    """The expression does more work than allowed; nothing makes up for that."""


FAILURES = (ArithmeticError, LookupError, ValueError, TypeError, AttributeError)


class Fuel:
    """The work left to one evaluation."""

    # of the class until some is spent: many evaluations spend none, and a constructor would cost as much as they do
    units = FUEL

    def over(self, values: Collection[Value]) -> Collection[Value]:
        """Return the values, paid for one by one."""
        self.units -= len(values) + 1
        if self.units < 0:
            raise FuelError
        return values

    def search(self, text: str) -> str:
        """Return the text, paid for by its length."""
        self.units -= len(text) // _CHARS_PER_UNIT + 1
        if self.units < 0:
            raise FuelError
        return text

    def join(self, one: tuple[Value, ...], other: tuple[Value, ...]) -> tuple[Value, ...]:
        """Return both lists as one."""
        self.over(one)
        self.over(other)
        return one + other


def whole(value: int) -> int:
    """Return a result that fits 64 bits. Raises ExpressionError."""
    if not _LOW <= value < _HIGH:
        raise ExpressionError("the number does not fit 64 bits")
    return value


def quotient(one: int, other: int) -> int:
    """Return the quotient, cut towards zero. Raises ZeroDivisionError, ExpressionError."""
    found = abs(one) // abs(other)
    return whole(found if (one < 0) == (other < 0) else -found)


def remainder(one: int, other: int) -> int:
    """Return the remainder, with the sign of the first number. Raises ZeroDivisionError."""
    found = abs(one) % abs(other)
    return -found if one < 0 else found


def join(one: str, other: str) -> str:
    """Return both texts as one. Raises ExpressionError."""
    if len(one) + len(other) > TEXT_CHARS:
        raise ExpressionError(f"a text of more than {TEXT_CHARS} characters")
    return one + other


def item(values: tuple[Value, ...], at: int) -> Value:
    """Return an element of a list. Raises ExpressionError."""
    if not 0 <= at < len(values):
        raise ExpressionError("no such element")
    return values[at]


def some_value(value: Value | None) -> Value:
    """Return a fact that may be missing. Raises ExpressionError."""
    if value is None:
        raise ExpressionError("the fact is missing")
    return value


def parameters(texts: tuple[tuple[tuple[str, ...], str], ...]) -> dict[str, dict[str, str]]:
    """Return the texts two levels deep in a build's parameters, by both names."""
    found: dict[str, dict[str, str]] = {}
    for path, value in texts:
        if len(path) == 2:  # noqa: PLR2004
            found.setdefault(path[0], {})[path[1]] = value
    return found


def negated(span: timedelta) -> timedelta:
    """Return the duration backwards."""
    return -span


def both(*parts: Part) -> bool:
    """Whether every part is true; a false one decides whatever the others do."""
    return _decided(parts, decisive=False)


def either(*parts: Part) -> bool:
    """Whether a part is true; a true one decides whatever the others do."""
    return _decided(parts, decisive=True)


def every(fuel: Fuel, values: Collection[Value], test: Callable[[Value], bool]) -> bool:
    """Whether the test is true of all values."""
    return both(*(_of(test, value) for value in fuel.over(values)))


def some(fuel: Fuel, values: Collection[Value], test: Callable[[Value], bool]) -> bool:
    """Whether the test is true of a value."""
    return either(*(_of(test, value) for value in fuel.over(values)))


def _of(test: Callable[[Value], bool], value: Value) -> Part:
    return lambda: test(value)


def _decided(parts: tuple[Part, ...], *, decisive: bool) -> bool:
    failure: Exception | None = None
    for part in parts:
        try:
            if part() is decisive:
                return decisive
        except FAILURES as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return not decisive


# The names compiled code may use, and nothing else: no builtins, no modules.
NAMES: Mapping[str, object] = {
    "__builtins__": {},
    "FuelError": FuelError, "len": len, "tuple": tuple, "dict": dict, "str": str,
    "whole": whole, "quotient": quotient, "remainder": remainder, "join": join, "item": item,
    "some_value": some_value, "negated": negated, "parameters": parameters,
    "both": both, "either": either, "every": every, "some": some,
}  # fmt: skip
