"""X.509, CMS and RFC 3161 from strangers: any bytes give a value or one of our errors."""

import base64
import contextlib
import json
import lzma
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustkit.codec import certificate_extensions as extensions
from trustkit.codec import der, timestamp
from trustkit.codec.certificate import Certificate, Extension, parse_certificate
from trustkit.codec.cms import parse_signed_data
from trustkit.codec.der_time import certificate_time, generalized_time
from trustkit.codec.distinguished_name import escape, parse_name
from trustkit.errors import MalformedError, TrustkitError
from trustkit.fips.select import provider
from trustkit.signing.pki import sct
from trustkit.signing.pki.chain import CODE_SIGNING, verify_chain
from trustkit.signing.timestamp import verify_timestamp

VECTORS = Path(__file__).parents[1] / "conformance" / "vectors" / "own-sigstore.tar.xz"
with lzma.open(VECTORS) as packed, tarfile.open(fileobj=packed) as members:
    _stream = members.extractfile("own-sigstore-v1-tsa/bundle.sigstore.json")
    assert _stream is not None
    MATERIAL = json.loads(_stream.read())["verificationMaterial"]
LEAF = base64.b64decode(MATERIAL["certificate"]["rawBytes"])
RESPONSE = base64.b64decode(MATERIAL["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"])
TOKEN = timestamp.token_of(RESPONSE)
CERTIFICATE = parse_certificate(LEAF)
INFO = parse_signed_data(TOKEN).content
AT = datetime(2026, 11, 24, tzinfo=UTC)

READERS: dict[str, Callable[[bytes], object]] = {
    "certificate": parse_certificate,
    "name": parse_name,
    "cms": parse_signed_data,
    "token": timestamp.token_of,
    "info": timestamp.parse_timestamp_info,
    "certificate id": lambda content: timestamp.parse_certificate_id(content, version_2=False),
    "certificate id 2": lambda content: timestamp.parse_certificate_id(content, version_2=True),
    "time": lambda content: certificate_time(der.Reader(content, "t"), "t"),
    "generalized time": lambda content: generalized_time(der.Reader(content, "t"), "t"),
    "certificate timestamps": sct.timestamps,
    "verified": lambda content: verify_timestamp(content, b"m", (), provider()),
}
EXTENSIONS: dict[str, Callable[[Certificate], object]] = {
    extensions.BASIC_CONSTRAINTS: extensions.basic_constraints,
    extensions.KEY_USAGE: extensions.key_usage,
    extensions.EXTENDED_KEY_USAGE: extensions.extended_key_usage,
    extensions.SUBJECT_ALTERNATIVE_NAME: extensions.subject_alternative_names,
    extensions.SUBJECT_KEY_IDENTIFIER: extensions.subject_key_identifier,
    extensions.CRL_DISTRIBUTION_POINTS: extensions.crl_addresses,
    extensions.AUTHORITY_INFORMATION_ACCESS: extensions.ocsp_addresses,
    sct.SCT_LIST: sct.precertificate,
}
PRIMITIVE = (1, 2, 3, 4, 5, 6, 10, 12, 19, 23, 24, 0x80, 0x81, 0x86)
# DER whose tags and lengths fit, whatever they mean: gets further into readers than random bytes
values = st.recursive(
    st.builds(der.encode, st.sampled_from(PRIMITIVE), st.binary(max_size=20)),
    lambda inner: st.builds(
        lambda tag, parts: der.encode(tag, *parts),
        st.sampled_from((0x30, 0x31, 0xA0, 0xA1, 0xA3, 0xA4)),
        st.lists(inner, max_size=5),
    ),
    max_leaves=25,
)  # fmt: skip


def mutated(content: bytes) -> st.SearchStrategy[bytes]:
    """Return the content with one byte changed, a piece cut out, or a piece put in."""
    places = st.integers(0, len(content) - 1)
    return st.one_of(
        st.builds(lambda at, new: content[:at] + bytes((new,)) + content[at + 1 :], places, st.integers(0, 255)),
        st.builds(lambda at, count: content[:at] + content[at + count :], places, st.integers(1, 40)),
        st.builds(lambda at, new: content[:at] + new + content[at:], places, st.binary(min_size=1, max_size=20)),
    )


def trying(reader: Callable[..., object], *arguments: object) -> None:
    """Call a reader; only our errors may come out."""
    with contextlib.suppress(TrustkitError):
        reader(*arguments)


@pytest.mark.parametrize("name", READERS)
@given(content=st.one_of(st.binary(max_size=300), values))
def test_any_bytes(name: str, content: bytes) -> None:
    trying(READERS[name], content)


@pytest.mark.parametrize("oid", EXTENSIONS)
@given(content=st.one_of(st.binary(max_size=200), values))
def test_any_bytes_in_an_extension(oid: str, content: bytes) -> None:
    trying(EXTENSIONS[oid], CERTIFICATE._replace(extensions=(Extension(oid, True, content),)))


@given(mutated(LEAF))
def test_a_changed_certificate(content: bytes) -> None:
    def read() -> None:
        found = parse_certificate(content)
        str(found.subject)
        for reader in EXTENSIONS.values():
            trying(reader, found)
        trying(lambda: verify_chain(found, (), (found,), at=AT, crypto=provider(), purpose=CODE_SIGNING))
        # a certificate that says other things than the one signed has other signed bytes
        assert content == LEAF or found != CERTIFICATE

    trying(read)


@given(mutated(RESPONSE))
def test_a_changed_response(content: bytes) -> None:
    trying(parse_signed_data, content)
    trying(lambda: parse_signed_data(timestamp.token_of(content)))
    trying(lambda: verify_timestamp(content, b"m", (), provider()))


@given(mutated(INFO))
def test_changed_timestamp_information(content: bytes) -> None:
    trying(timestamp.parse_timestamp_info, content)


@given(st.datetimes(datetime(1950, 1, 1), datetime(2049, 12, 31)))  # noqa: DTZ001  (the strategy wants naive ones)
def test_times_are_read_as_written(moment: datetime) -> None:
    whole = moment.replace(microsecond=0, tzinfo=UTC)
    short = der.encode(0x17, whole.strftime("%y%m%d%H%M%SZ").encode())
    long = der.encode(0x18, whole.strftime("%Y%m%d%H%M%SZ").encode())
    for content in (short, long):
        assert certificate_time(der.Reader(content, "t"), "t") == whole
    assert generalized_time(der.Reader(long, "t"), "t") == whole


@pytest.mark.parametrize(
    "text",
    [
        "20261332000000Z", "20260229000000Z", "20260101240000Z", "20260101006000Z", "20260101000060Z",
        "20260101000000", "20260101000000+0100", "20260101000000.0Z", "20260101000000.10Z", "20260101000000.Z",
        "00000101000000Z", "2026010100000Z", "2026-1-1000000Z", "20260101000000Z\n", "20260101000000Z ",
    ],
)  # fmt: skip
def test_times_that_are_none(text: str) -> None:
    content = der.encode(0x18, text.encode())
    for reader in (certificate_time, generalized_time):
        with pytest.raises(MalformedError):
            reader(der.Reader(content, "t"), "t")


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=30))
def test_a_value_of_a_name_is_kept_and_escaped(value: str) -> None:
    attribute = der.encode(0x30, der.encode_oid("2.5.4.3"), der.encode(0x0C, value.encode()))
    name = parse_name(der.encode(0x30, der.encode(0x31, attribute)))
    assert name.attributes[0].value == value
    assert str(name) == f"CN={escape(value)}"
    # no unescaped separator is left that a reader of the text could take for a second attribute
    kept = escape(value).replace("\\\\", "")
    assert all(kept[at - 1] == "\\" for at, letter in enumerate(kept) if letter in ",+;")


def test_a_timestamp_authoritys_token_is_read() -> None:
    found = timestamp.parse_timestamp_info(INFO)
    assert found.at.tzinfo is UTC


NESTED = 3000


@pytest.mark.parametrize("name", READERS)
def test_deep_nesting_is_refused_or_read_flat(name: str) -> None:
    content = b""
    for _ in range(NESTED):
        content = der.encode(der.SEQUENCE, content)
    with pytest.raises(TrustkitError):
        READERS[name](content)
