"""The parts an expression is made of; `at` is the place in its text, from 0."""

from trustkit.model.values import NamedTuple


class Literal(NamedTuple):
    """A number, a text, true or false."""

    at: int
    value: int | str | bool


class Name(NamedTuple):
    """A variable."""

    at: int
    name: str


class Select(NamedTuple):
    """`of.name`."""

    at: int
    of: "Node"
    name: str


class Index(NamedTuple):
    """`of[key]`."""

    at: int
    of: "Node"
    key: "Node"


class Call(NamedTuple):
    """`name(arguments)`, or `target.name(arguments)`."""

    at: int
    name: str
    target: "Node | None"
    arguments: "tuple[Node, ...]"


class ListOf(NamedTuple):
    """`[items]`."""

    at: int
    items: "tuple[Node, ...]"


class Unary(NamedTuple):
    """`!of` or `-of`."""

    at: int
    operator: str
    of: "Node"


class Binary(NamedTuple):
    """`left operator right`."""

    at: int
    operator: str
    left: "Node"
    right: "Node"


class Chain(NamedTuple):
    """Two or more parts joined by one of `&&` and `||`."""

    at: int
    operator: str
    parts: "tuple[Node, ...]"


class Choice(NamedTuple):
    """`condition ? yes : no`."""

    at: int
    condition: "Node"
    yes: "Node"
    no: "Node"


_NODES = (Literal, Name, Select, Index, Call, ListOf, Unary, Binary, Chain, Choice)
Node = Literal | Name | Select | Index | Call | ListOf | Unary | Binary | Chain | Choice


def inside(node: Node) -> tuple[Node, ...]:
    """Return the parts directly inside a node."""
    found: list[Node] = []
    for value in node[1:]:
        if isinstance(value, _NODES):
            found.append(value)
        elif isinstance(value, tuple):
            found += [part for part in value if isinstance(part, _NODES)]
    return tuple(found)


def shape(node: Node) -> str:
    """Return what the node says, whatever its place."""
    words = [str(value) for value in node[1:] if isinstance(value, str | int | bool)]
    return f"{type(node).__name__}({','.join([*words, *map(shape, inside(node))])})"


def same(one: Node, other: Node) -> bool:
    """Whether two nodes say the same."""
    return shape(one) == shape(other)
