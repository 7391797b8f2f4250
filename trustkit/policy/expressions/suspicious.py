"""Shapes of expressions that are right by the grammar and rarely what was meant."""

from trustkit.policy.expressions.syntax import Binary, Call, Chain, Literal, Node, inside, shape

_ANCHORS = 2


def empty_all(node: Node) -> tuple[int, ...]:
    """Return the columns of `all` whose list nobody asked to have elements."""
    return tuple(_empty_all(node, frozenset()))


def open_matches(node: Node) -> tuple[str, ...]:
    """Return the patterns of `matches` that fit a part of the text."""
    found = []
    if isinstance(node, Call) and node.name == "matches" and node.arguments:
        pattern = node.arguments[-1]
        if isinstance(pattern, Literal) and isinstance(pattern.value, str):
            anchored = pattern.value.startswith("^") + pattern.value.endswith("$")
            found += [pattern.value] if anchored < _ANCHORS else []
    return (*found, *(text for part in inside(node) for text in open_matches(part)))


def _empty_all(node: Node, sized: frozenset[str]) -> list[int]:
    if isinstance(node, Chain) and node.operator == "&&":
        sized = sized | {text for part in node.parts for text in _sized(part)}
    found = []
    if isinstance(node, Call) and node.name == "all" and node.target is not None and shape(node.target) not in sized:
        found.append(node.at + 1)
    return found + [column for part in inside(node) for column in _empty_all(part, sized)]


def _sized(node: Node) -> list[str]:
    """Return the list that a part like `items.size() > 0` asks to have elements."""
    if not isinstance(node, Binary) or node.operator not in (">", ">=", "!=", "<", "<=", "=="):
        return []
    sides = (node.left, node.right)
    return [shape(given) for side in sides if isinstance(side, Call) and side.name == "size" for given in _given(side)]


def _given(call: Call) -> tuple[Node, ...]:
    return (*((call.target,) if call.target is not None else ()), *call.arguments)
