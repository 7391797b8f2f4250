"""Whatever is put into a `pkcs11:` URI comes out of it again, and whatever else is read only raises our errors."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from trustkit.codec.pkcs11_uri import Pkcs11Uri, parse_pkcs11_uri
from trustkit.errors import TrustkitError

VALUES = st.text(st.characters(exclude_categories=("C", "Z")), max_size=20)
TEXT = st.none() | VALUES
URIS = st.tuples(
    *[TEXT] * 5,
    st.none() | st.sampled_from(("3", "2.40")),
    *[TEXT] * 2,
    st.none() | st.sampled_from(("private", "public", "cert")),
    st.none() | st.binary(max_size=20),
    *[TEXT] * 2,
    st.none() | st.integers(0, 2**31),
    TEXT,
    st.none(),
    *[TEXT] * 2,
).map(Pkcs11Uri._make)


@given(URIS)
def test_a_uri_written_and_read_is_the_same(uri: Pkcs11Uri) -> None:
    assert parse_pkcs11_uri(str(uri)) == uri


@given(st.text(max_size=200) | st.text("pkcs11:token=;?&%20-value", max_size=60))
def test_any_text_raises_our_errors_only(text: str) -> None:
    with suppress(TrustkitError):
        parse_pkcs11_uri("pkcs11:" + text)
    with suppress(TrustkitError):
        parse_pkcs11_uri(text)
