"""Expressions whose value no fact changes."""

from trustkit.policy.document import Condition
from trustkit.policy.expressions.reader import read
from trustkit.policy.expressions.syntax import Binary, Chain, Literal, Node, Unary, same


def constant(condition: Condition) -> bool | None:
    """Return the value that the expression always has, None if it may have either."""
    return _value(read(str(getattr(condition, "text", "false"))))


def _value(node: Node) -> bool | None:
    if isinstance(node, Literal):
        return node.value if isinstance(node.value, bool) else None
    if isinstance(node, Unary) and node.operator == "!":
        inner = _value(node.of)
        return None if inner is None else not inner
    if isinstance(node, Chain):
        return _chain(node)
    return _compared(node) if isinstance(node, Binary) else None


def _chain(node: Chain) -> bool | None:
    """Return what one deciding part, or all parts together, make of a chain."""
    deciding = node.operator == "||"
    values = [_value(part) for part in node.parts]
    if deciding in values:
        return deciding
    return not deciding if all(value is not None for value in values) else None


def _compared(node: Binary) -> bool | None:
    if node.operator not in ("==", "!="):
        return None
    equal: bool | None = None
    if isinstance(node.left, Literal) and isinstance(node.right, Literal):
        equal = node.left.value == node.right.value
    elif same(node.left, node.right):
        equal = True
    return None if equal is None else equal is (node.operator == "==")
