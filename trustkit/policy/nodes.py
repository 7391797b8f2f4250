"""Nodes of a policy document: every value knows its file, line and path."""

from collections.abc import Mapping
from types import MappingProxyType

from trustkit.errors import PolicySyntaxError
from trustkit.model.values import NamedTuple

TEXT = "text"
INTEGER = "an integer"
NUMBER = "a number"
BOOLEAN = "true or false"
NULL = "nothing"
LIST = "a list"
MAPPING = "a mapping"

_SHOWN_CHARS = 80


class Node(NamedTuple):
    """One value of a document; exactly one of `scalar`, `items` and `members` has meaning, by `kind`."""

    file: str
    line: int
    path: str
    kind: str
    scalar: str | int | bool | None = None
    items: "tuple[Node, ...]" = ()
    members: "Mapping[str, Node]" = MappingProxyType({})

    def plain(self) -> object:
        """Return the value as plain data, for digests."""
        if self.kind == MAPPING:
            return {name: node.plain() for name, node in self.members.items()}
        if self.kind == LIST:
            return [node.plain() for node in self.items]
        return self.scalar


def refuse(node: Node, reason: str, next_step: str = "") -> PolicySyntaxError:
    """Make the error that points at this node."""
    return located(node.file, node.line, node.path, reason, next_step)


def located(file: str, line: int, path: str, reason: str, next_step: str = "") -> PolicySyntaxError:
    """Make the error that names file, line and path."""
    where = f"{file}:{line}: {path}: " if path else f"{file}:{line}: "
    return PolicySyntaxError(
        where + reason,
        next_step=next_step or "correct the policy; docs/policy.md lists every field",
        file=file,
        line=str(line),
        path=path,
    )


def shown(text: str) -> str:
    """Return text from outside, cut and quoted for a message."""
    return repr(text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "...")
