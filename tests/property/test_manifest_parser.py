import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from trustkit.codec.oci_manifest import parse, parse_config
from trustkit.errors import TrustkitError

NAMES = st.sampled_from(
    ["schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "digest", "size", "urls", "platform",
     "annotations", "rootfs", "type", "diff_ids", "os", "architecture", "Labels", "User"]
)  # fmt: skip
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-1, 9), st.floats(allow_nan=False), st.text(max_size=9),
    st.sampled_from(["sha256:" + "a" * 64, "application/vnd.oci.image.manifest.v1+json", "layers"]),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=8), max_leaves=30
)


@given(st.dictionaries(NAMES, VALUES, max_size=8))
def test_any_document_is_parsed_or_refused(document):
    content = json.dumps(document).encode()
    for read in (parse, parse_config):
        with suppress(TrustkitError):
            read(content)


@given(st.binary(max_size=300))
def test_any_bytes_are_parsed_or_refused(content):
    for read in (parse, parse_config):
        with suppress(TrustkitError):
            read(content)
