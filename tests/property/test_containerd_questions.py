"""Whatever containerd, or somebody in its place, says: our errors or the image by its digest."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from trustkit.errors import TrustkitError
from trustkit.hooks.containerd import DESCRIPTOR_TYPE, pulled

DIGEST = "sha256:" + "a" * 64
WORDS = st.one_of(st.text(max_size=20), st.sampled_from(["-name", "-digest", DIGEST, "-stdin-media-type", "a.b/c:1"]))


@given(st.lists(WORDS, max_size=8), st.binary(max_size=200))
def test_any_flags_and_bytes(words: list[str], stdin: bytes) -> None:
    with contextlib.suppress(TrustkitError):
        assert pulled(words, stdin).digest is not None


@given(st.binary(max_size=300))
def test_any_descriptor(stdin: bytes) -> None:
    flags = ["-name", "a.example/b:1", "-digest", DIGEST, "-stdin-media-type", DESCRIPTOR_TYPE]
    with contextlib.suppress(TrustkitError):
        assert str(pulled(flags, stdin).digest) == DIGEST
