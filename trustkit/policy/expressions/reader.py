"""Text to syntax, within bounds. Specification: google/cel-spec doc/langdef.md, "Syntax".

Left out: floating point, unsigned numbers, bytes, null, maps and messages as literals, triple quotes.
"""

import re
from collections.abc import Callable

from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.values import NamedTuple
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

SOURCE_CHARS = 2048
DEPTH = 32
_INT_MAX = 2**63
# One more than the longest number has.
_DIGITS = 20
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+|//[^\n]*)
    |(?P<number>0x[0-9a-fA-F]+|[0-9]+)(?P<odd>[.uU0-9a-zA-Z_]?)
    |(?P<text>[rR]?(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
    |(?P<name>[_a-zA-Z][_a-zA-Z0-9]*)
    |(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]])""",
    re.VERBOSE | re.ASCII,
)
_RESERVED = frozenset(
    (
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
        "null",
    )
)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2}|[abfnrtv\\?'\"`])|\\", re.ASCII)
_PLAIN = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_RELATIONS = ("<", "<=", ">", ">=", "==", "!=", "in")
_LAST_CODE_POINT = 0x10FFFF


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def read(source: str) -> Node:
    """Return the syntax of an expression. Raises MalformedError with the column, LimitExceededError."""
    if len(source) > SOURCE_CHARS:
        raise LimitExceededError(f"longer than {SOURCE_CHARS} characters")
    return _Reader(_tokens(source)).whole()


def malformed(at: int, reason: str) -> MalformedError:
    """Make the error about a place of the text."""
    return MalformedError(f"column {at + 1}: {reason}")


def _tokens(source: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise malformed(at, f"{source[at]!r} is not understood")
        kind = match.lastgroup or ""
        if match["number"]:
            kind = "number"
            if match["odd"]:
                raise malformed(at, "only whole numbers are understood")
        if kind != "space":
            found.append(_Token(kind, match[0], at))
        at = match.end()
    return [*found, _Token("end", "", len(source))]


class _Reader:
    """Recursive descent; every level of nesting is counted."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def whole(self) -> Node:
        """Read to the end."""
        found = self._expression()
        if self._token.kind != "end":
            raise malformed(self._token.at, f"{self._token.text!r} is not expected here")
        return found

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _taken(self, *signs: str) -> _Token | None:
        token = self._token
        if token.text in signs and token.kind in ("sign", "name"):
            self._next += 1
            return token
        return None

    def _expect(self, sign: str) -> None:
        if self._taken(sign) is None:
            raise malformed(self._token.at, f"{sign!r} is expected, not {self._token.text or 'the end'!r}")

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > DEPTH:
            raise LimitExceededError(f"nested deeper than {DEPTH} levels")
        found = self._chain("||")
        mark = self._taken("?")
        if mark is not None:
            yes = self._chain("||")
            self._expect(":")
            found = Choice(mark.at, found, yes, self._expression())
        self._depth -= 1
        return found

    def _chain(self, sign: str) -> Node:
        at = self._token.at
        parts = [self._chain("&&") if sign == "||" else self._relation()]
        while self._taken(sign) is not None:
            parts.append(self._chain("&&") if sign == "||" else self._relation())
        return parts[0] if len(parts) == 1 else Chain(at, sign, tuple(parts))

    def _relation(self) -> Node:
        return self._binary(_RELATIONS, self._sum)

    def _sum(self) -> Node:
        return self._binary(("+", "-"), self._product)

    def _product(self) -> Node:
        return self._binary(("*", "/", "%"), self._unary)

    def _binary(self, signs: tuple[str, ...], read: Callable[[], Node]) -> Node:
        found = read()
        levels = 0
        while (sign := self._taken(*signs)) is not None:
            levels += 1
            if levels > DEPTH:
                raise LimitExceededError(f"more than {DEPTH} operators in a row; use brackets")
            found = Binary(sign.at, sign.text, found, read())
        return found

    def _unary(self) -> Node:
        signs: list[_Token] = []
        while (
            sign := self._taken("!" if not signs or signs[0].text == "!" else "-", "-" if not signs else "")
        ) is not None:
            signs.append(sign)
            if len(signs) > DEPTH:
                raise LimitExceededError(f"more than {DEPTH} operators in a row")
        if signs and signs[-1].text == "-" and self._token.kind == "number":
            found = self._member(self._number(signs.pop()))
        else:
            found = self._member(self._primary())
        for sign in reversed(signs):
            found = Unary(sign.at, sign.text, found)
        return found

    def _member(self, found: Node) -> Node:
        levels = 0
        while (sign := self._taken(".", "[")) is not None:
            levels += 1
            if levels > DEPTH:
                raise LimitExceededError(f"more than {DEPTH} selections in a row")
            if sign.text == "[":
                found = Index(sign.at, found, self._expression())
                self._expect("]")
                continue
            name = self._token
            if name.kind != "name":
                raise malformed(name.at, "a field's name is expected")
            self._next += 1
            if self._taken("(") is not None:
                found = Call(name.at, name.text, found, self._arguments(")"))
            else:
                found = Select(name.at, found, name.text)
        return found

    def _arguments(self, end: str) -> tuple[Node, ...]:
        found: list[Node] = []
        while self._taken(end) is None:
            if found:
                self._expect(",")
                if end == "]" and self._taken(end) is not None:
                    break
            found.append(self._expression())
        return tuple(found)

    def _primary(self) -> Node:
        token = self._token
        if token.kind == "number":
            return self._number(None)
        self._next += 1
        if token.kind == "text":
            return Literal(token.at, _text(token))
        if token.text == "(":
            found = self._expression()
            self._expect(")")
            return found
        if token.text == "[":
            return ListOf(token.at, self._arguments("]"))
        if token.kind == "name" and token.text != "in":
            return self._name(token)
        raise malformed(token.at, f"{token.text or 'the end'!r} is not expected here")

    def _name(self, token: _Token) -> Node:
        if token.text in ("true", "false"):
            return Literal(token.at, token.text == "true")
        if token.text in _RESERVED:
            raise malformed(token.at, f"{token.text!r} is a reserved word")
        if self._taken("(") is not None:
            return Call(token.at, token.text, None, self._arguments(")"))
        return Name(token.at, token.text)

    def _number(self, minus: _Token | None) -> Node:
        token = self._token
        self._next += 1
        digits = token.text.removeprefix("0x")
        value = int(digits[-_DIGITS:], 16 if token.text.startswith("0x") else 10) * (-1 if minus else 1)
        if len(digits.lstrip("0")) >= _DIGITS or not -_INT_MAX <= value < _INT_MAX:
            raise malformed(token.at, "the number does not fit 64 bits")
        return Literal((minus or token).at, value)


def _text(token: _Token) -> str:
    raw = token.text[0] in "rR"
    body = token.text[2:-1] if raw else token.text[1:-1]
    if raw:
        return body

    def unescaped(match: re.Match[str]) -> str:
        code = match[1]
        if not code:
            raise malformed(token.at, "an escape in the text is not understood")
        if code[0] in "xuU" or code[0].isdigit():
            number = int(code[1:], 16) if code[0] in "xuU" else int(code, 8)
            if number > _LAST_CODE_POINT or 0xD800 <= number < 0xE000:  # noqa: PLR2004  (surrogates)
                raise malformed(token.at, "an escape in the text is no code point")
            return chr(number)
        return _PLAIN.get(code, code)

    return _ESCAPE.sub(unescaped, body)
