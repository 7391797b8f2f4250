"""Typed readers of nodes: each returns a checked value or raises PolicySyntaxError at the node."""

from datetime import UTC, datetime

from trustkit.errors import PolicySyntaxError
from trustkit.policy.nodes import BOOLEAN, INTEGER, LIST, MAPPING, TEXT, Node, refuse, shown

# A list in a policy; real ones have tens of entries.
_LIST_ITEMS = 1024
_TEXT_CHARS = 65_536


class Fields:
    """A mapping with a closed set of fields.

    A field of the language that this version does not implement is refused by name: a policy must
    not seem to require what nothing checks.
    """

    def __init__(self, node: Node, known: tuple[str, ...], later: tuple[str, ...] = ()) -> None:
        """Check that the node is a mapping of these fields. Raises PolicySyntaxError."""
        self.node = node
        self._members = mapping(node)
        for name, value in self._members.items():
            if name in later:
                raise unsupported(value)
            if name not in known:
                raise _unknown(value, name, known + later)

    def get(self, name: str) -> Node | None:
        """Return the field's value, if it is given."""
        return self._members.get(name)

    def require(self, name: str) -> Node:
        """Return the field's value. Raises PolicySyntaxError if it is missing."""
        found = self._members.get(name)
        if found is None:
            raise refuse(self.node, f"the field {name!r} is missing")
        return found

    def exactly_one(self, *names: str) -> Node:
        """Return the one field given among these. Raises PolicySyntaxError for none or several."""
        given = [self._members[name] for name in names if name in self._members]
        if len(given) != 1:
            raise refuse(self.node, f"give exactly one of {', '.join(names)}")
        return given[0]

    def flag(self, name: str) -> bool:
        """Return a field that is true or false, and false when absent."""
        found = self._members.get(name)
        return boolean(found) if found is not None else False


def unsupported(node: Node, what: str = "") -> PolicySyntaxError:
    """Make the refusal of a part of the language that this version does not enforce."""
    reason = f"{what + ': ' if what else ''}not supported yet"
    return refuse(node, reason, "remove it: this version cannot enforce it, so it will not ignore it either")


def mapping(node: Node) -> dict[str, Node]:
    """Return the members of a mapping."""
    if node.kind != MAPPING:
        raise _wrong(node, MAPPING)
    return dict(node.members)


def items(node: Node) -> tuple[Node, ...]:
    """Return the elements of a list that has at least one."""
    if node.kind != LIST:
        raise _wrong(node, LIST)
    if not node.items:
        raise refuse(node, "the list is empty")
    if len(node.items) > _LIST_ITEMS:
        raise refuse(node, f"more than {_LIST_ITEMS} elements")
    return node.items


def text(node: Node) -> str:
    """Return non-empty text."""
    if node.kind != TEXT:
        hint = "; put it in quotes" if node.kind in (BOOLEAN, INTEGER) else ""
        raise refuse(node, f"must be text, not {node.kind}{hint}")
    value = str(node.scalar)
    if not value or len(value) > _TEXT_CHARS:
        raise refuse(node, "the text is empty or too long")
    return value


def texts(node: Node) -> tuple[str, ...]:
    """Return a list of distinct texts."""
    values = tuple(text(item) for item in items(node))
    for number, value in enumerate(values):
        if value in values[:number]:
            raise refuse(node.items[number], f"{shown(value)} is listed twice")
    return values


def boolean(node: Node) -> bool:
    """Return true or false."""
    if node.kind != BOOLEAN:
        raise _wrong(node, BOOLEAN)
    return node.scalar is True


def integer(node: Node, low: int, high: int) -> int:
    """Return an integer in these bounds."""
    if node.kind != INTEGER or not isinstance(node.scalar, int):
        raise _wrong(node, INTEGER)
    if not low <= node.scalar <= high:
        raise refuse(node, f"must be between {low} and {high}, not {node.scalar}")
    return node.scalar


def choice(node: Node, allowed: tuple[str, ...], later: tuple[str, ...] = ()) -> str:
    """Return one of the allowed words."""
    value = text(node)
    if value in later:
        raise unsupported(node, shown(value))
    if value not in allowed:
        raise refuse(node, f"{shown(value)} is not one of {', '.join(allowed)}{_suggest(value, allowed)}")
    return value


def moment(node: Node) -> datetime:
    """Return an RFC 3339 time; it must name its time zone."""
    value = text(node)
    try:
        at = datetime.fromisoformat(value)
    except ValueError as error:
        raise refuse(node, f"{shown(value)} is not a time", "write 2027-06-30T00:00:00Z") from error
    if at.tzinfo is None:
        raise refuse(node, f"{shown(value)} has no time zone", "write 2027-06-30T00:00:00Z")
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise refuse(node, f"{shown(value)} is out of range") from error


def _wrong(node: Node, wanted: str) -> PolicySyntaxError:
    return refuse(node, f"must be {wanted}, not {node.kind}")


def _unknown(value: Node, name: str, fields: tuple[str, ...]) -> PolicySyntaxError:
    return refuse(value, f"unknown field{_suggest(name, fields)}")


def _suggest(word: str, choices: tuple[str, ...]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word[:64], choices, n=1)
    return f" (did you mean {near[0]}?)" if near else ""
