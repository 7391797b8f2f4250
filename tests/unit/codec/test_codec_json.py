"""Strict JSON in, canonical JSON out."""

import struct
from collections.abc import Callable

import pytest

from trustkit import limits
from trustkit.codec.canonical_json import Canonical, canonical
from trustkit.codec.strict_json import as_bool, as_int, as_list, as_object, as_text, parse
from trustkit.errors import LimitExceededError, MalformedError


def _parse(content: bytes, *, fold_names: bool = True) -> object:
    return parse(content, what="document", limit_bytes=1 << 24, fold_names=fold_names)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"[1] x",
        b"[1,]",
        b"[01]",
        b"[1.]",
        b"[+1]",
        b"{'a':1}",
        b'{"a":1,"a":2}',
        b'{"a":1,"A":2}',
        '{"k":1,"\u212a":2}'.encode(),
        b'{"x":[{"a":1,"\\u0061":2}]}',
        b"[NaN]",
        b"[Infinity]",
        b"[-Infinity]",
        b"[1e999]",
        b"[18446744073709551616]",
        b"[-9223372036854775809]",
        b'["\\ud800"]',
        b'["\\udc00\\ud800"]',
        b'{"\\udfff":1}',
        b"\xef\xbb\xbf{}",
        b'"\xed\xa0\x80"',
        b'"\xff"',
        b'"\xc0\x80"',
        b'["\x01"]',
        b'"a',
        b'"\\x"',
        "[\uff11]".encode(),
        "{}".encode("utf-16"),
    ],
)
def test_what_readers_may_disagree_about_is_malformed(content: bytes) -> None:
    with pytest.raises(MalformedError, match="document"):
        _parse(content)


def test_names_that_differ_by_case_are_kept_where_asked() -> None:
    assert _parse(b'{"a":1,"A":2}', fold_names=False) == {"a": 1, "A": 2}


def test_a_surrogate_pair_is_one_character() -> None:
    assert _parse(b'"\\ud83d\\ude00"') == "\U0001f600"


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"]]]]":'])
def test_deep_nesting_is_stopped_before_the_parser(opening: bytes) -> None:
    with pytest.raises(LimitExceededError):
        _parse(opening * 100_000)


def test_the_allowed_depth_is_read() -> None:
    assert _parse(b"[" * limits.JSON_DEPTH + b"]" * limits.JSON_DEPTH)


def test_brackets_inside_text_are_no_nesting() -> None:
    assert _parse(b'["' + b"[" * 1000 + b'\\"]"]') == ["[" * 1000 + '"]']


def test_too_many_elements_are_stopped() -> None:
    with pytest.raises(LimitExceededError):
        _parse(b"[" + b"0," * limits.JSON_NODES + b"0]")


def test_too_many_bytes_are_stopped() -> None:
    with pytest.raises(LimitExceededError):
        parse(b"[    ]", what="document", limit_bytes=5)


@pytest.mark.parametrize(
    ("narrow", "value"),
    [(as_object, []), (as_list, {}), (as_text, None), (as_int, True), (as_int, 1.0), (as_bool, 1)],
)
def test_another_kind_of_value_is_malformed(narrow: Callable[[object, str], object], value: object) -> None:
    with pytest.raises(MalformedError, match="member"):
        narrow(value, "member")


# RFC 8785 appendix B: IEEE 754 bits and their text.
_NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize(("bits", "text"), _NUMBERS.items())
def test_numbers_are_written_as_rfc_8785_lists_them(bits: str, text: str) -> None:
    assert canonical(struct.unpack(">d", bytes.fromhex(bits))[0]).decode() == text


def test_names_are_sorted_by_utf16_units() -> None:
    # RFC 8785 3.2.3.
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    expected = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    written = _parse(canonical(dict.fromkeys(names, 0)))
    assert list(as_object(written, "names")) == expected


def test_text_is_escaped_as_little_as_possible() -> None:
    # RFC 8785 3.2.2.2.
    text = '\u20ac$\x0f\nA\'B"\\\\"/\x7f\u2028'
    assert canonical(text) == b'"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/\x7f\xe2\x80\xa8"'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", (1 << 53) + 1, 10**400, {"\ud800": 1}])
def test_values_without_canonical_json_are_malformed(value: object) -> None:
    with pytest.raises(MalformedError):
        canonical(value)


@pytest.mark.parametrize("value", [b"x", {1: 2}, object()])
def test_what_is_no_json_at_all_is_a_bug(value: object) -> None:
    with pytest.raises(TypeError):
        canonical(value)


def test_what_was_written_already_is_taken_as_it_is() -> None:
    assert canonical({"b": Canonical('[{"a":1}]'), "a": [Canonical("2")]}) == b'{"a":[2],"b":[{"a":1}]}'
