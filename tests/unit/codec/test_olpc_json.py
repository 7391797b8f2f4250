import pytest

from trustkit.codec import olpc_json
from trustkit.errors import LimitExceededError, MalformedError


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": [True, False, None]}, b'{"a":[true,false,null],"b":1}'),
        ('a"b\\c', b'"a\\"b\\\\c"'),
        ("tab\tline\nnul\x00<&>/", b'"tab\tline\nnul\x00<&>/"'),
        ({"é": "ü", "z": {}, "Z": []}, '{"Z":[],"z":{},"é":"ü"}'.encode()),
        # by code point, where UTF-16 would sort the other way round
        ({"\U0001f600": 1, "\uffee": 2}, '{"\uffee":2,"\U0001f600":1}'.encode()),
        (-5, b"-5"),
    ],
)
def test_writes_the_one_form(value, expected):
    assert olpc_json.encode(value) == expected


@pytest.mark.parametrize("value", [1.5, {"a": 0.0}, "\ud800"])
def test_refuses_what_has_no_one_form(value):
    with pytest.raises(MalformedError):
        olpc_json.encode(value)


def test_refuses_deep_nesting():
    value: object = 1
    for _ in range(70):
        value = [value]
    with pytest.raises(LimitExceededError):
        olpc_json.encode(value)


@pytest.mark.parametrize("value", [{1: 2}, object()])
def test_a_value_that_is_no_json_is_a_bug_of_the_caller(value):
    with pytest.raises(TypeError):
        olpc_json.encode(value)
