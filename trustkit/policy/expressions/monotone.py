"""Whether further evidence can turn an expression from true to false.

Signatures and attestations may be looked for (`exists`, `size() > n`, `x in`), joined by `&&` and `||`. Whoever asks
that something is *not* among them, or true of all, has to declare the expression a denial.
"""

from trustkit.policy.expressions.syntax import Binary, Call, Chain, Choice, Index, Name, Node, Select, inside

_EVIDENCE = ("signatures", "attestations")
_GROWING = (">", ">=")
_SHRINKING = ("<", "<=")


def only_grows(node: Node) -> bool:  # noqa: PLR0911  (a case each)
    """Whether the expression stays true when evidence is added."""
    if not _touches(node):
        return True
    match node:
        case Chain(parts=parts):
            return all(only_grows(part) for part in parts)
        case Choice(condition=condition, yes=yes, no=no):
            return not _touches(condition) and only_grows(yes) and only_grows(no)
        case Binary():
            return _compares(node)
        case Call(name="exists", target=target, arguments=arguments) if target is not None:
            return (_is_growing(target) or not _touches(target)) and only_grows(arguments[-1])
        case Call(name="all", target=target, arguments=arguments) if target is not None:
            return not _touches(target) and only_grows(arguments[-1])
    return False


def _compares(node: Binary) -> bool:
    if node.operator in _GROWING:
        return _is_size(node.left) and not _touches(node.right)
    if node.operator in _SHRINKING:
        return not _touches(node.left) and _is_size(node.right)
    return node.operator == "in" and not _touches(node.left) and _is_growing(node.right)


def _is_size(node: Node) -> bool:
    """Whether it is the size of a list that only grows."""
    if not isinstance(node, Call) or node.name != "size":
        return False
    given = (*((node.target,) if node.target is not None else ()), *node.arguments)
    return len(given) == 1 and _is_growing(given[0])


def _is_growing(node: Node) -> bool:
    """Whether it is a list to which further evidence only adds."""
    match node:
        case Name(name="signatures"):
            return True
        case Select(of=Name(name="attestations")) | Index(of=Name(name="attestations")):
            return True
        case Call(name="filter" | "map", target=target, arguments=arguments) if target is not None:
            body = arguments[-1]
            return _is_growing(target) and (only_grows(body) if node.name == "filter" else not _touches(body))
    return False


def _touches(node: Node) -> bool:
    if isinstance(node, Name):
        return node.name in _EVIDENCE
    return any(_touches(part) for part in inside(node))
