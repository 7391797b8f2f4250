"""Shapes of expressions that are right by the grammar and rarely what was meant."""

from trustkit.policy.expressions.syntax import Binary, Call, Chain, Literal, Node, inside

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
        sized = sized | {shape for part in node.parts for shape in _sized(part)}
    found = []
    if isinstance(node, Call) and node.name == "all" and node.target is not None and _shape(node.target) not in sized:
        found.append(node.at + 1)
    return found + [column for part in inside(node) for column in _empty_all(part, sized)]


def _sized(node: Node) -> list[str]:
    """Return the list that a part like `items.size() > 0` asks to have elements."""
    if not isinstance(node, Binary) or node.operator not in (">", ">=", "!=", "<", "<=", "=="):
        return []
    sides = (node.left, node.right)
    return [_shape(given) for side in sides if isinstance(side, Call) and side.name == "size" for given in _given(side)]


def _given(call: Call) -> tuple[Node, ...]:
    return (*((call.target,) if call.target is not None else ()), *call.arguments)


def _shape(node: Node) -> str:
    """Return what the node says, whatever its place."""
    words = [str(value) for value in node[1:] if isinstance(value, str | int | bool)]
    return f"{type(node).__name__}({','.join([*words, *map(_shape, inside(node))])})"
