"""Syntax to Python: every name, field and kind is checked against the schema first.

Each expression becomes two functions of one meaning: a plain one, and a careful one that treats errors as CEL does
and is tried only when the plain one failed. The macros in them are functions too (`loops`). Compiled code reaches the
names of `running.NAMES` and its own constants; texts of the policy get into it as constants only, never as Python.
"""

from collections.abc import Callable, Mapping
from typing import Any

from trustkit.errors import MalformedError
from trustkit.model.facts import Facts
from trustkit.model.values import NamedTuple
from trustkit.policy.expressions import moments, operators, reader
from trustkit.policy.expressions.kinds import BOOL, INT, LIST, MAP, SPAN, TEXT, TIME, Kind, Member, Schema, list_of
from trustkit.policy.expressions.loops import GIVEN, MACROS, call, loop, variable
from trustkit.policy.expressions.reader import malformed
from trustkit.policy.expressions.running import FAILURES, NAMES, Fuel, FuelError
from trustkit.policy.expressions.syntax import (
    Binary,
    Call,
    Chain,
    Choice,
    Index,
    ListOf,
    Literal,
    Name,
    Node,
    Select,
    Unary,
)
from trustkit.policy.regex import Regex

DEPTH = 48
MACRO_DEPTH = 4
Function = Callable[[Facts, Mapping[str, object], Fuel], object]


class Condition(NamedTuple):
    """A compiled expression; `uses` are the members of objects it looks at."""

    text: str
    kind: Kind
    plain: Function
    careful: Function
    uses: frozenset[tuple[str, str]] = frozenset()

    def value(self, facts: Facts, statements: Mapping[str, object]) -> object:
        """Return the result. Raises one of FAILURES, or FuelError."""
        try:
            return self.plain(facts, statements, Fuel())
        except FAILURES:
            return self.careful(facts, statements, Fuel())

    def holds(self, facts: Facts, statements: Mapping[str, object]) -> tuple[bool, str]:
        """Return whether it is true, and why it has no result, if so; never raises."""
        try:
            return self.value(facts, statements) is True, ""
        except FuelError:
            return False, "it does more work than allowed"
        except FAILURES as error:
            return False, str(error)[:200] or type(error).__name__


class _Code(NamedTuple):
    """The Python of a part, in both ways."""

    kind: Kind
    plain: str
    careful: str


def _shaped(kind: Kind, shape: str, *parts: _Code) -> _Code:
    """Return a part that is made of others alike in both ways."""
    return _Code(kind, shape.format(*(part.plain for part in parts)), shape.format(*(part.careful for part in parts)))


def compile_expression(text: str, schema: Schema, wanted: Kind | None = BOOL) -> Condition:
    """Return the compiled expression. Raises MalformedError with the column, LimitExceededError."""
    node = reader.read(text)
    writer = _Writer(schema)
    code = writer.write(node, {}, 1)
    if wanted is not None and code.kind != wanted:
        raise MalformedError(f"the result is {code.kind}, not {wanted}")
    functions = (*writer.loops, f"plain = lambda {GIVEN}: {code.plain}", f"careful = lambda {GIVEN}: {code.careful}")
    names: dict[str, Any] = {**NAMES, **writer.constants}
    exec(compile("\n".join(functions), "<expression>", "exec"), names)  # noqa: S102  (our own text)
    return Condition(text, code.kind, names["plain"], names["careful"], frozenset(writer.uses))


class _Writer:
    """Writes nodes as Python; `scope` maps variables of macros to their kind and Python name."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.constants: dict[str, object] = {}
        self.loops: list[str] = []
        self.uses: set[tuple[str, str]] = set()

    def write(self, node: Node, scope: Mapping[str, _Code], depth: int) -> _Code:  # noqa: C901, PLR0911  (a case each)
        """Return the node's code. Raises MalformedError."""
        if depth > DEPTH:
            raise malformed(node.at, f"nested deeper than {DEPTH} operations")
        match node:
            case Literal():
                return self._literal(node)
            case Name():
                return self._name(node, scope)
            case Select():
                return self._select(node, scope, depth)
            case Index():
                return self._index(node, scope, depth)
            case Call():
                return self._call(node, scope, depth)
            case ListOf():
                return self._list(node, scope, depth)
            case Unary():
                return self._unary(node, scope, depth)
            case Binary():
                return self._binary(node, scope, depth)
            case Chain():
                return self._chain(node, scope, depth)
            case Choice():
                return self._choice(node, scope, depth)

    def _constant(self, value: object) -> str:
        name = f"k{len(self.constants)}"
        self.constants[name] = value
        return name

    def _literal(self, node: Literal) -> _Code:
        kind = BOOL if isinstance(node.value, bool) else INT if isinstance(node.value, int) else TEXT
        name = self._constant(node.value)
        return _Code(kind, name, name)

    def _name(self, node: Name, scope: Mapping[str, _Code]) -> _Code:
        if node.name in scope:
            return scope[node.name]
        found = self._schema.variables.get(node.name)
        if found is None:
            known = (*scope, *self._schema.variables)
            raise malformed(node.at, f"unknown name {node.name[:64]!r}{operators.suggested(node.name, known)}")
        self.uses.add(("", node.name))
        return _Code(found.kind, found.read, found.read)

    def _select(self, node: Select, scope: Mapping[str, _Code], depth: int) -> _Code:
        return self._field(self.write(node.of, scope, depth + 1), node)

    def _field(self, of: _Code, node: Select) -> _Code:
        if of.kind.name == MAP and of.kind.of is not None:
            return _shaped(of.kind.of, f"{{}}[{self._constant(node.name)}]", of)
        member = self._member(of.kind, node)
        return _shaped(member.kind, f"some_value({member.read})" if member.optional else member.read, of)

    def _member(self, kind: Kind, node: Select) -> Member:
        members = self._schema.objects.get(kind.name)
        if members is None:
            raise malformed(node.at, f"a value of kind {kind} has no fields")
        found = members.get(node.name)
        if found is None:
            raise malformed(
                node.at, f"{kind} has no field {node.name[:64]!r}{operators.suggested(node.name, tuple(members))}"
            )
        self.uses.add((kind.name, node.name))
        return found

    def _index(self, node: Index, scope: Mapping[str, _Code], depth: int) -> _Code:
        of = self.write(node.of, scope, depth + 1)
        if isinstance(node.key, Literal) and isinstance(node.key.value, str) and of.kind.name in self._schema.objects:
            return self._field(of, Select(node.at, node.of, node.key.value))
        key = self.write(node.key, scope, depth + 1)
        if of.kind.name == LIST and of.kind.of is not None and key.kind == INT:
            return _shaped(of.kind.of, "item({}, {})", of, key)
        if of.kind.name == MAP and of.kind.of is not None and key.kind == TEXT:
            return _shaped(of.kind.of, "{}[{}]", of, key)
        raise malformed(node.at, f"a value of kind {of.kind} has no element by {key.kind}")

    def _list(self, node: ListOf, scope: Mapping[str, _Code], depth: int) -> _Code:
        if not node.items:
            raise malformed(node.at, "an empty list has no kind; compare size() with 0")
        parts = [self.write(item, scope, depth + 1) for item in node.items]
        for item, part in zip(node.items, parts, strict=True):
            if part.kind != parts[0].kind:
                raise malformed(item.at, f"a list of {parts[0].kind} has an element of kind {part.kind}")
        return _shaped(list_of(parts[0].kind), "(" + "{}, " * len(parts) + ")", *parts)

    def _unary(self, node: Unary, scope: Mapping[str, _Code], depth: int) -> _Code:
        of = self.write(node.of, scope, depth + 1)
        if (node.operator, of.kind) not in (("!", BOOL), ("-", INT), ("-", SPAN)):
            raise malformed(node.at, f"{node.operator!r} cannot be put before a value of kind {of.kind}")
        shape = {BOOL: "(not {})", INT: "whole(-{})", SPAN: "negated({})"}[of.kind]
        return _shaped(of.kind, shape, of)

    def _binary(self, node: Binary, scope: Mapping[str, _Code], depth: int) -> _Code:
        left, right = self.write(node.left, scope, depth + 1), self.write(node.right, scope, depth + 1)
        kind, shape = operators.operation(node, left.kind, right.kind, self._schema.objects)
        return _shaped(kind, shape, left, right)

    def _chain(self, node: Chain, scope: Mapping[str, _Code], depth: int) -> _Code:
        parts = [self.write(part, scope, depth + 1) for part in node.parts]
        for part, code in zip(node.parts, parts, strict=True):
            if code.kind != BOOL:
                raise malformed(part.at, f"{node.operator!r} joins what is true or false, not {code.kind}")
        word, function = ("and", "both") if node.operator == "&&" else ("or", "either")
        lazy = ", ".join(f"lambda: {code.careful}" for code in parts)
        return _Code(BOOL, "(" + f" {word} ".join(code.plain for code in parts) + ")", f"{function}({lazy})")

    def _choice(self, node: Choice, scope: Mapping[str, _Code], depth: int) -> _Code:
        condition, yes, no = (self.write(part, scope, depth + 1) for part in (node.condition, node.yes, node.no))
        if condition.kind != BOOL:
            raise malformed(node.at, f"before `?` stands what is true or false, not {condition.kind}")
        if yes.kind != no.kind:
            raise malformed(node.at, f"one choice is {yes.kind}, the other {no.kind}")
        return _shaped(yes.kind, "({} if {} else {})", yes, condition, no)

    def _call(self, node: Call, scope: Mapping[str, _Code], depth: int) -> _Code:
        if node.target is not None and node.name in MACROS:
            return self._macro(node, scope, depth)
        if node.target is None and node.name == "has":
            return self._has(node, scope, depth)
        if node.target is None and node.name in ("timestamp", "duration"):
            return self._moment(node)
        given = (*((node.target,) if node.target is not None else ()), *node.arguments)
        if node.name == "matches":
            return self._matches(node, given, scope, depth)
        parts = [self.write(part, scope, depth + 1) for part in given]
        kind, shape = operators.function(node, tuple(part.kind for part in parts))
        return _shaped(kind, shape, *parts)

    def _matches(self, node: Call, given: tuple[Node, ...], scope: Mapping[str, _Code], depth: int) -> _Code:
        if len(given) != 2 or not isinstance(given[1], Literal) or not isinstance(given[1].value, str):  # noqa: PLR2004
            raise malformed(node.at, "matches takes one text, written out")
        of = self.write(given[0], scope, depth + 1)
        if of.kind != TEXT:
            raise malformed(node.at, f"matches cannot be called with {of.kind}")
        try:
            found_in = self._constant(Regex.compile(given[1].value).found_in)
        except MalformedError as error:
            raise malformed(given[1].at, error.message) from error
        return _shaped(BOOL, f"{found_in}(F.search({{}}))", of)

    def _moment(self, node: Call) -> _Code:
        (given,) = node.arguments if len(node.arguments) == 1 else (None,)
        if not isinstance(given, Literal) or not isinstance(given.value, str):
            raise malformed(node.at, f"{node.name} takes one text, written out")
        kind = TIME if node.name == "timestamp" else SPAN
        value = moments.timestamp(given.value) if kind == TIME else moments.duration(given.value)
        if value is None:
            raise malformed(given.at, f"{given.value[:48]!r} is no {node.name}")
        name = self._constant(value)
        return _Code(kind, name, name)

    def _has(self, node: Call, scope: Mapping[str, _Code], depth: int) -> _Code:
        (given,) = node.arguments if len(node.arguments) == 1 else (None,)
        if not isinstance(given, Select):
            raise malformed(node.at, "has takes one field: has(image.created)")
        of = self.write(given.of, scope, depth + 1)
        if of.kind.name == MAP:
            key = self._constant(given.name)
            return _shaped(BOOL, f"({key} in {{}})", of)
        member = self._member(of.kind, given)
        if not member.optional:
            raise malformed(node.at, f"{of.kind} always has {given.name}; compare its value")
        return _shaped(BOOL, f"({member.read} is not None)", of)

    def _macro(self, node: Call, scope: Mapping[str, _Code], depth: int) -> _Code:
        if len(node.arguments) != 2 or not isinstance(node.arguments[0], Name):  # noqa: PLR2004
            raise malformed(node.at, f"{node.name} takes a new name and an expression: items.{node.name}(x, ...)")
        level = len(scope)
        if level >= MACRO_DEPTH:
            raise malformed(node.at, f"macros nested deeper than {MACRO_DEPTH}")
        asked = node.arguments[0].name
        if asked in scope or asked in self._schema.variables:
            raise malformed(node.arguments[0].at, f"{asked[:64]!r} has a meaning already")
        over = self.write(node.target, scope, depth + 1) if node.target is not None else None
        if over is None or over.kind.name not in (LIST, MAP) or over.kind.of is None:
            raise malformed(node.at, f"{node.name} goes over a list or a map, not {over.kind if over else 'nothing'}")
        name = variable(level)
        element = TEXT if over.kind.name == MAP else over.kind.of
        body = self.write(node.arguments[1], {**scope, asked: _Code(element, name, name)}, depth + 1)
        if node.name != "map" and body.kind != BOOL:
            raise malformed(node.arguments[1].at, f"{node.name} asks what is true or false, not {body.kind}")
        kind = {"filter": list_of(element), "map": list_of(body.kind)}.get(node.name, BOOL)
        plain = self._loop(node.name, level, over.plain, body.plain)
        careful = {"all": "every", "exists": "some"}.get(node.name)
        if careful is None:
            return _Code(kind, plain, self._loop(node.name, level, over.careful, body.careful))
        return _Code(kind, plain, f"{careful}(F, {over.careful}, lambda {name}: {body.careful})")

    def _loop(self, macro: str, level: int, over: str, body: str) -> str:
        function = f"l{len(self.loops)}"
        self.loops.append(loop(function, macro, level, body))
        return call(function, level, over)
