"""Whatever a predicate holds, reading it raises only our errors, and mutations never crash it."""

import copy
import json
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from predicate_samples import SAMPLES
from trustkit.codec.predicates.read import READERS, read, read_value
from trustkit.errors import TrustkitError

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
)


def places(value, path=()):
    """Yield the path of every member and element."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inside in steps:
        yield (*path, step)
        yield from places(inside, (*path, step))


@given(st.sampled_from(sorted(READERS)), values)
def test_any_json_value_is_read_or_refused(name, value):
    with suppress(TrustkitError):
        read_value(name, value)


@given(st.sampled_from(sorted(READERS)), st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(name, content):
    with suppress(TrustkitError):
        read(name, content)


@settings(max_examples=400)
@given(st.data())
def test_a_sample_with_one_part_replaced_is_read_or_refused(data):
    name = data.draw(st.sampled_from(sorted(SAMPLES)))
    whole = copy.deepcopy(SAMPLES[name])
    path = data.draw(st.sampled_from(sorted(places(whole), key=repr)))
    holder = whole
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = data.draw(values)
    with suppress(TrustkitError):
        read_value(name, whole)


@given(st.sampled_from(sorted(SAMPLES)))
def test_reading_depends_on_the_content_alone(name):
    content = json.dumps(SAMPLES[name]).encode()
    assert read(name, content) == read(name, content)
