"""Paths, mirrors and namespaces' labels bear any text: they are read, or refused as ours."""

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st

from policy_facts import HEAD, read
from trustkit.errors import TrustkitError
from trustkit.hooks.kubernetes.namespaces import _labels
from trustkit.policy.document import means_of

paths = st.one_of(
    st.text(max_size=40), st.lists(st.sampled_from(["$", ".a", "[*]", "['b']", "..", "[0]", "?"])).map("".join)
)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(paths)
def test_a_path_is_read_whole_or_refused(path: str) -> None:
    item = json.dumps({"group": "e.com", "kind": "W", "podSpec": path})
    with contextlib.suppress(TrustkitError):
        (found,) = means_of(read(f"{HEAD}spec: {{match: {{customPaths: [{item}]}}}}\n")).paths
        assert "".join("[*]" if step == "[*]" else f".{step}" for step in found.steps) == path[1:].replace(
            "['b']", ".b"
        )


@given(st.sampled_from(["cache", "registry"]), plain)
def test_any_value_is_read_or_refused(field: str, value: object) -> None:
    with contextlib.suppress(TrustkitError):
        means_of(read(f"{HEAD}spec: {{{field}: {json.dumps(value)}}}\n"))


@given(plain)
def test_any_metadata_is_labels_or_an_error(labels: object) -> None:
    for metadata in ({"name": "shop", "labels": labels}, labels):
        with contextlib.suppress(TrustkitError):
            found = _labels({"kind": "Namespace", "metadata": metadata}, "shop")
            assert ("kubernetes.io/metadata.name", "shop") in found
