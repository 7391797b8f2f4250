"""What operators and functions take and give, and how Python writes them."""

from collections.abc import Container, Mapping

from trustkit.policy.expressions.kinds import BOOL, INT, LIST, MAP, SPAN, TEXT, TIME, Kind
from trustkit.policy.expressions.loops import MACROS
from trustkit.policy.expressions.reader import malformed
from trustkit.policy.expressions.syntax import Binary, Call

_ORDERED = (INT, TEXT, TIME, SPAN)
_METHODS = {"startsWith": "startswith", "endsWith": "endswith"}
# operator, kinds of both sides, kind of the result, Python
_ARITHMETIC: Mapping[tuple[str, Kind, Kind], tuple[Kind, str]] = {
    ("+", INT, INT): (INT, "whole({} + {})"),
    ("-", INT, INT): (INT, "whole({} - {})"),
    ("*", INT, INT): (INT, "whole({} * {})"),
    ("/", INT, INT): (INT, "quotient({}, {})"),
    ("%", INT, INT): (INT, "remainder({}, {})"),
    ("+", TEXT, TEXT): (TEXT, "join({}, {})"),
    ("-", TIME, TIME): (SPAN, "({} - {})"),
    ("+", TIME, SPAN): (TIME, "({} + {})"),
    ("+", SPAN, TIME): (TIME, "({} + {})"),
    ("-", TIME, SPAN): (TIME, "({} - {})"),
    ("+", SPAN, SPAN): (SPAN, "({} + {})"),
    ("-", SPAN, SPAN): (SPAN, "({} - {})"),
}


def operation(node: Binary, left: Kind, right: Kind, objects: Container[str]) -> tuple[Kind, str]:
    """Return what an operator makes of two kinds; `objects` are compared with nothing. Raises MalformedError."""
    sign = node.operator
    if sign in ("==", "!=") and left == right and left.name not in objects:
        return BOOL, f"({{}} {sign} {{}})"
    if sign in ("<", "<=", ">", ">=") and left == right and left in _ORDERED:
        return BOOL, f"({{}} {sign} {{}})"
    if sign == "in" and right.name == LIST and right.of == left and left.name not in objects:
        return BOOL, "({} in F.over({}))"
    if sign == "in" and right.name == MAP and left == TEXT:
        return BOOL, "({} in {})"
    if sign == "+" and left == right and left.name == LIST:
        return left, "F.join({}, {})"
    found = _ARITHMETIC.get((sign, left, right))
    if found is None:
        raise malformed(node.at, f"{sign!r} cannot stand between {left} and {right}")
    return found


def function(node: Call, kinds: tuple[Kind, ...]) -> tuple[Kind, str]:
    """Return what a function makes of values of these kinds. Raises MalformedError."""
    if node.name == "size" and len(kinds) == 1 and (kinds[0] == TEXT or kinds[0].name in (LIST, MAP)):
        return INT, "len({})"
    if node.name == "string" and node.target is None and kinds in ((INT,), (TEXT,)):
        return TEXT, "str({})"
    if node.target is not None and kinds == (TEXT, TEXT):
        if node.name in _METHODS:
            return BOOL, f"{{}}.{_METHODS[node.name]}({{}})"
        if node.name == "contains":
            # the text is evaluated first, as written
            return BOOL, "F.search({}).__contains__({})"
    known = ("size", "string", "startsWith", "endsWith", "contains", "matches", "has", *MACROS)
    if node.name not in known:
        raise malformed(node.at, f"unknown function {node.name[:64]!r}{suggested(node.name, known)}")
    raise malformed(node.at, f"{node.name} cannot be called with {', '.join(map(str, kinds)) or 'nothing'}")


def suggested(word: str, known: tuple[str, ...]) -> str:
    """Return what a message says after an unknown name: the one that was meant, or some that are known."""
    from difflib import get_close_matches

    near = get_close_matches(word[:64], known, n=1)
    return f" (did you mean {near[0]}?)" if near else f"; known are {', '.join(sorted(known)[:16])}"
