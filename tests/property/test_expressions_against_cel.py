"""Expressions mean what Google's CEL says they mean: differential fuzzing, value by value and error by error."""

import contextlib
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from cel_expr_python import cel
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trustkit.errors import MalformedError
from trustkit.policy.expressions import kinds
from trustkit.policy.expressions.compile import compile_expression
from trustkit.policy.expressions.kinds import BOOL, INT, SPAN, TEXT, TIME, Member, Schema
from trustkit.policy.expressions.running import FAILURES, FuelError

VARIABLES = {
    "a": INT,
    "b": INT,
    "s": TEXT,
    "t": TEXT,
    "p": BOOL,
    "q": BOOL,
    "li": kinds.list_of(INT),
    "ls": kinds.list_of(TEXT),
    "m": kinds.map_of(TEXT),
    "n": kinds.map_of(INT),
    "at": TIME,
    "span": SPAN,
}
SCHEMA = Schema({name: Member(kind, f"V.{name}") for name, kind in VARIABLES.items()}, {})
_T = cel.Type
ORACLE = cel.NewEnv(
    variables={
        "a": _T.INT, "b": _T.INT, "s": _T.STRING, "t": _T.STRING, "p": _T.BOOL, "q": _T.BOOL,
        "li": _T.List(_T.INT), "ls": _T.List(_T.STRING), "m": _T.Map(_T.STRING, _T.STRING),
        "n": _T.Map(_T.STRING, _T.INT), "at": _T.TIMESTAMP, "span": _T.DURATION,
    }
)  # fmt: skip

short = st.text("abAB/é\U0001f600. ", max_size=5)
small = st.integers(-4, 4)
wide = st.one_of(small, st.integers(-(2**63), 2**63 - 1), st.sampled_from([2**63 - 1, -(2**63), 2**62, -1]))
values = st.fixed_dictionaries(
    {
        "a": wide,
        "b": wide,
        "s": short,
        "t": short,
        "p": st.booleans(),
        "q": st.booleans(),
        "li": st.lists(small, max_size=4),
        "ls": st.lists(short, max_size=4),
        "m": st.dictionaries(st.sampled_from("xyz"), short, max_size=3),
        "n": st.dictionaries(st.sampled_from("xyz"), small, max_size=3),
        "at": st.integers(0, 2**31).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
        "span": st.integers(-(10**12), 10**12).map(lambda number: timedelta(microseconds=number)),
    }
)


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def joined(*parts: "st.SearchStrategy[str] | str") -> "st.SearchStrategy[str]":
    return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts)).map("".join)


def build() -> "tuple[st.SearchStrategy[str], ...]":  # noqa: C901  (the grammar, kind by kind)
    patterns = st.sampled_from(["a", "^a", "b$", "^(a|b)+$", "[^a]", "a.b", "\\\\s", "(?i)A", ""]).filter(bool)

    def numbers(depth: int) -> "st.SearchStrategy[str]":
        leaf = st.one_of(wide.map(str), st.sampled_from("ab"), st.just("0x1F"))
        if not depth:
            return leaf
        inner = numbers(depth - 1)
        return st.one_of(
            leaf,
            joined("(", inner, st.sampled_from([" + ", " - ", " * ", " / ", " % "]), inner, ")"),
            joined("-(", inner, ")"),
            joined("size(", st.one_of(texts(depth - 1), lists(depth - 1), st.just("m")), ")"),
            joined(texts(depth - 1), ".size()"),
            joined("li[", inner, "]"),
            joined("n[", texts(depth - 1), "]"),
            st.sampled_from(["n.x", "n.y"]),
            joined("(", truths(depth - 1), " ? ", inner, " : ", inner, ")"),
        )

    def texts(depth: int) -> "st.SearchStrategy[str]":
        leaf = st.one_of(short.map(quoted), st.sampled_from(["s", "t", "'x'", '"\\u00e9"', "r'\\a'", "'\\x41\\101'"]))
        if not depth:
            return leaf
        inner = texts(depth - 1)
        return st.one_of(
            leaf,
            joined("(", inner, " + ", inner, ")"),
            joined("string(", numbers(depth - 1), ")"),
            joined("ls[", numbers(depth - 1), "]"),
            joined("m[", inner, "]"),
            st.sampled_from(["m.x", "m['y']"]),
            joined("(", truths(depth - 1), " ? ", inner, " : ", inner, ")"),
        )

    def lists(depth: int) -> "st.SearchStrategy[str]":
        leaf = st.just("li")
        if not depth:
            return leaf
        inner = lists(depth - 1)
        return st.one_of(
            leaf,
            joined("[", numbers(depth - 1), ", ", numbers(depth - 1), "]"),
            joined("(", inner, " + ", inner, ")"),
            joined(
                inner, ".filter(v", str(depth), ", v", str(depth), st.sampled_from([" > ", " == "]), numbers(0), ")"
            ),
            joined(
                inner, ".map(v", str(depth), ", v", str(depth), st.sampled_from([" * ", " / ", " - "]), numbers(0), ")"
            ),
        )

    def spans(depth: int) -> "st.SearchStrategy[str]":
        leaf = st.sampled_from(["span", "duration('24h')", "duration('-1.5s')", "duration('1h30m')", "duration('7ms')"])
        if not depth:
            return leaf
        inner = spans(depth - 1)
        return st.one_of(leaf, joined("(", moments(depth - 1), " - ", moments(depth - 1), ")"),
                         joined("(", inner, st.sampled_from([" + ", " - "]), inner, ")"))  # fmt: skip

    def moments(depth: int) -> "st.SearchStrategy[str]":
        leaf = st.sampled_from(["at", "timestamp('2026-11-24T00:00:00Z')", "timestamp('2026-11-24T01:00:00.5+01:00')"])
        return (
            leaf
            if not depth
            else st.one_of(leaf, joined("(", leaf, st.sampled_from([" + ", " - "]), spans(depth - 1), ")"))
        )

    def truths(depth: int) -> "st.SearchStrategy[str]":
        leaf = st.sampled_from(["p", "q", "true", "false"])
        if not depth:
            return leaf
        inner, less = truths(depth - 1), st.sampled_from([" < ", " <= ", " > ", " >= ", " == ", " != "])
        same = st.sampled_from([" == ", " != "])
        asked, over = st.sampled_from([".all", ".exists", ".exists_one"]), st.sampled_from(["", "1 / "])
        return st.one_of(
            leaf,
            joined("(", inner, st.sampled_from([" && ", " || "]), inner, ")"),
            joined("(", inner, " && ", inner, " && ", inner, ")"),
            joined("!", inner),
            joined("(", numbers(depth - 1), less, numbers(depth - 1), ")"),
            joined("(", texts(depth - 1), less, texts(depth - 1), ")"),
            joined("(", moments(depth - 1), less, moments(depth - 1), ")"),
            joined("(", spans(depth - 1), less, spans(depth - 1), ")"),
            joined("(", lists(depth - 1), same, lists(depth - 1), ")"),
            joined("(", inner, same, inner, ")"),
            joined("(", numbers(depth - 1), " in ", lists(depth - 1), ")"),
            joined("(", texts(depth - 1), " in ls)"),
            joined("(", texts(depth - 1), " in m)"),
            joined(texts(depth - 1), st.sampled_from([".startsWith(", ".endsWith(", ".contains("]),
                   texts(depth - 1), ")"),
            joined(texts(depth - 1), ".matches('", patterns, "')"),
            joined("has(m.", st.sampled_from("xyz"), ")"),
            joined(lists(depth - 1), st.sampled_from([".all(w", ".exists(w", ".exists_one(w"]), str(depth), ", ",
                   st.sampled_from(["", "1 / "]), "w", str(depth), less, numbers(0), ")"),
            joined("m", st.sampled_from([".all(k", ".exists(k"]), str(depth), ", m[k", str(depth), "]", less,
                   texts(0), ")"),
            # one macro in another that sees both variables
            joined("li", asked, "(o", str(depth), ", li", asked, "(i", str(depth), ", ", over, "o", str(depth), less,
                   over, "i", str(depth), "))"),
            joined("(li.filter(o", str(depth), ", li", asked, "(i", str(depth), ", ", over, "i", str(depth), less, "o",
                   str(depth), ")) == li.map(o", str(depth), ", ls.filter(i", str(depth), ", i", str(depth),
                   ".size() == o", str(depth), ").size()))"),
            joined("(", inner, " ? ", inner, " : ", inner, ")"),
        )  # fmt: skip

    return tuple(make(3) for make in (numbers, texts, lists, spans, moments, truths))


FAILED = object()


def ours(source: str, data: dict[str, object]) -> object:
    compiled = compile_expression(source, SCHEMA, None)
    facts = SimpleNamespace(
        **{name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
    )
    try:
        found = compiled.value(facts, {})  # type: ignore[arg-type]
    except FAILURES:
        return FAILED
    return list(found) if isinstance(found, tuple) else found


def theirs(source: str, data: dict[str, object]) -> object:
    found = ORACLE.compile(source).eval(data=data)
    return FAILED if found.type() == cel.Type.ERROR else found.plain_value()


PLAIN = {
    "a": 1, "b": 0, "s": "a", "t": "", "p": True, "q": False, "li": [0, 1], "ls": ["a"], "m": {"x": "a"}, "n": {},
    "at": datetime(2026, 1, 1, tzinfo=UTC), "span": timedelta(0),
}  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.one_of(*build()), values)
@example("(1 / b == 1) || true", PLAIN)
@example("!((1 / b == 1) && false)", PLAIN)
@example("li.exists(v, 1 / v == 1)", PLAIN)
@example("li.all(v, 1 / v == 2)", PLAIN)
@example("li.exists_one(v, 1 / v == 1)", PLAIN)
@example("-9223372036854775808 / -1", PLAIN)
@example("-7 % 3 == -1 && -7 / 2 == -3", PLAIN)
@example("li[-1]", PLAIN)
@example("a < b ? 1 / b : a", PLAIN)
@example("li.exists(v, li.all(w, 1 / w == v || v == 0))", PLAIN)
@example("li.map(v, li.filter(w, w > v).size()) == [1, 0]", PLAIN)
def test_an_expression_has_cels_value(source: str, data: dict[str, object]) -> None:
    mine, cels = ours(source, data), theirs(source, data)
    assert type(mine) is type(cels), (source, mine, cels)
    assert mine == cels or mine is cels


tokens = st.sampled_from(
    ["a", "s", "li", "m", ".", "[", "]", "(", ")", "size", "all", "exists", "map", "x", ",", "1", "'a'", "&&", "||",
     "!", "-", "?", ":", "==", "<", "in", "+", "has", "matches", "duration", "timestamp", "\\", "\n", "//", "null", "{",
     "1.5"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.lists(tokens, max_size=30).map(" ".join), st.text(max_size=60)))
def test_any_text_compiles_or_is_refused_by_our_error(source: str) -> None:
    with contextlib.suppress(MalformedError):
        compiled = compile_expression(source, SCHEMA, None)
        with contextlib.suppress(*FAILURES, FuelError):
            compiled.value(SimpleNamespace(**PLAIN), {})  # type: ignore[arg-type]


@settings(max_examples=100, deadline=None)
@given(st.lists(tokens, max_size=12).map(" ".join))
def test_what_compiles_here_compiles_there_with_the_same_kind(source: str) -> None:
    try:
        kind = compile_expression(source, SCHEMA, None).kind
    except MalformedError:
        return
    assert str(ORACLE.compile(source).return_type().name()).lower().startswith(str(kind)[:3])
