"""YAML text to located nodes, on PyYAML's parser events and not on its loader.

So nothing is constructed from tags, and the YAML 1.1 readings that surprise people (`no` as false,
`1:30` as 90) do not happen. Refused: anchors and aliases (a few lines of them expand to gigabytes),
tags, duplicate keys, keys that are not text, nesting beyond `limits.POLICY_DEPTH`, text beyond
`limits.POLICY_BYTES`. This is the only module that imports PyYAML; import it when a policy is read.
"""

import re
from collections.abc import Iterator

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from trustkit import limits
from trustkit.policy.nodes import BOOLEAN, INTEGER, LIST, MAPPING, NULL, NUMBER, TEXT, Node, located, shown

# YAML 1.2 core schema, section 10.3.2, without octal and hexadecimal.
_INTEGER = re.compile(r"-?[0-9]{1,18}\Z")
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_KEY_CHARS = 80


def documents(content: bytes, file: str) -> tuple[Node, ...]:
    """Read every document of a YAML stream; empty documents are left out. Raises PolicySyntaxError."""
    if len(content) > limits.POLICY_BYTES:
        raise located(file, 1, "", f"larger than {limits.POLICY_BYTES} bytes")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise located(file, line, "", "not UTF-8") from error
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        found = _Builder(yaml.parse(text, Loader=loader), file).documents()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = f"not YAML: {error.problem or error.context or 'syntax error'}"
        raise located(file, mark.line + 1 if mark else 1, "", reason) from error
    except yaml.YAMLError as error:
        raise located(file, 1, "", f"not YAML: {shown(str(error))}") from error
    return tuple(node for node in found if node.kind != NULL)


class _Builder:
    """Builds nodes from events; the recursion is as deep as the document, which is bounded."""

    def __init__(self, events: Iterator[Event], file: str) -> None:
        self._events = events
        self._file = file

    def documents(self) -> list[Node]:
        """Read to the end of the stream."""
        found: list[Node] = []
        for event in self._events:
            if isinstance(event, StreamStartEvent | DocumentStartEvent | DocumentEndEvent):
                continue
            if isinstance(event, StreamEndEvent):
                break
            found.append(self._node(event, "", 1))
        return found

    def _node(self, event: Event, path: str, depth: int) -> Node:

        mark = event.start_mark
        line = mark.line + 1 if mark else 1
        if getattr(event, "anchor", None) is not None or isinstance(event, AliasEvent):
            raise located(self._file, line, path, "anchors and aliases are not allowed; write the value out")
        # `!` alone on a quoted scalar is how libyaml says "not plain"
        if getattr(event, "tag", None) not in (None, "!"):
            raise located(self._file, line, path, "tags are not allowed")
        if depth > limits.POLICY_DEPTH:
            raise located(self._file, line, "", f"nested deeper than {limits.POLICY_DEPTH} levels")
        if isinstance(event, MappingStartEvent):
            return self._mapping(line, path, depth)
        if isinstance(event, SequenceStartEvent):
            return self._list(line, path, depth)
        if isinstance(event, ScalarEvent):
            return _scalar(Node(self._file, line, path, TEXT, event.value), plain=event.style in (None, ""))
        raise located(self._file, line, path, "not YAML: unexpected end")

    def _mapping(self, line: int, path: str, depth: int) -> Node:

        members: dict[str, Node] = {}
        for event in self._events:
            if isinstance(event, MappingEndEvent):
                break
            key = self._node(event, path, depth + 1)
            if key.kind in (LIST, MAPPING, NULL):
                raise located(self._file, key.line, path, f"a key must be text, not {key.kind}")
            name = str(event.value) if isinstance(event, ScalarEvent) else ""
            inner = f"{path}.{_path_part(name)}" if path else _path_part(name)
            if name in members:
                first = members[name].line
                raise located(self._file, key.line, inner, f"given twice (first on line {first})")
            members[name] = self._node(next(self._events), inner, depth + 1)._replace(line=key.line)
        return Node(self._file, line, path, MAPPING, members=members)

    def _list(self, line: int, path: str, depth: int) -> Node:

        items: list[Node] = []
        for event in self._events:
            if isinstance(event, SequenceEndEvent):
                break
            items.append(self._node(event, f"{path}[{len(items)}]", depth + 1))
        return Node(self._file, line, path, LIST, items=tuple(items))


def _path_part(name: str) -> str:
    if name.isprintable() and len(name) <= _KEY_CHARS:
        return name
    return shown(name)


def _scalar(node: Node, *, plain: bool) -> Node:
    text = str(node.scalar)
    if not plain:
        return node
    if text in ("", "~", "null"):
        return node._replace(kind=NULL, scalar=None)
    if text in ("true", "false"):
        return node._replace(kind=BOOLEAN, scalar=text == "true")
    if _INTEGER.match(text):
        return node._replace(kind=INTEGER, scalar=int(text))
    if _NUMBER.match(text):
        return node._replace(kind=NUMBER)
    return node
