"""Whatever bytes come as a notation signature or a revocation list, only our errors come out."""

import json
import lzma
import tarfile
from pathlib import Path

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustkit.codec import cbor
from trustkit.codec.cbor import Tagged
from trustkit.codec.crl import parse_revocation_list
from trustkit.errors import MalformedError, TrustkitError
from trustkit.policy.trust_policy import statements
from trustkit.signing.notation import envelope

ARCHIVE = Path(__file__).resolve().parents[1] / "conformance" / "vectors" / "notation.tar.xz"
LIMIT = 1 << 16


def members(ending: str, case: str) -> bytes:
    with lzma.open(ARCHIVE) as packed, tarfile.open(fileobj=packed) as archive:
        found = {member.name: archive.extractfile(member) for member in archive if member.name.startswith(f"{case}/")}
        if ending:
            file = next(file for name, file in found.items() if name.endswith(ending))
            assert file is not None
            return file.read()
        contents = [file.read() for file in found.values() if file is not None]
    marks = (b'"io.cncf.notary.signingAgent"', b"io.cncf.notary.signingAgent")
    return next(content for content in contents if any(mark in content for mark in marks))


ENVELOPES = {envelope.JWS: members("", "notation-jws-tsa"), envelope.COSE: members("", "notation-cose-tsa")}
LIST = members("nint.crl", "notation-crl-neg-revoked")
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.binary(max_size=40) | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9) | st.integers(0, 99), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(PLAIN)
def test_values_are_read_as_another_library_writes_them(value: object) -> None:
    assert cbor.parse(cbor2.dumps(value, canonical=True), what="value", limit_bytes=LIMIT) == value


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_integers_are_written_as_another_library_writes_them(number: int) -> None:
    assert cbor.encode_integer(number) == cbor2.dumps(number, canonical=True)


@given(st.dictionaries(st.text(max_size=30), st.binary(max_size=30), max_size=30))
def test_a_map_that_we_write_is_read_as_it_was(members: dict[str, bytes]) -> None:
    written = cbor.encode_map((cbor.encode_text(name), cbor.encode_bytes(value)) for name, value in members.items())
    assert cbor2.loads(written) == members
    assert cbor.parse(cbor.encode_tagged(18, written), what="value", limit_bytes=LIMIT) == Tagged(18, members)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_value_or_our_error(content: bytes) -> None:
    try:
        cbor.parse(content, what="value", limit_bytes=LIMIT)
    except TrustkitError:
        return


@pytest.mark.parametrize("media_type", ENVELOPES)
@given(data=st.data())
def test_a_changed_envelope_is_an_envelope_or_our_error(media_type: str, data: st.DataObject) -> None:
    content = bytearray(ENVELOPES[media_type])
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        envelope.read(media_type, bytes(content))
    except TrustkitError:
        return


@given(st.integers(0, len(LIST) - 1), st.integers(0, 255))
def test_a_changed_list_is_a_list_or_our_error(at: int, byte: int) -> None:
    content = bytearray(LIST)
    content[at] = byte
    try:
        parse_revocation_list(bytes(content))
    except TrustkitError:
        return


POLICY: dict[str, object] = {
    "name": "a", "registryScopes": ["r.example/a"], "trustStores": ["ca:a", "tsa:b"],
    "signatureVerification": {"level": "strict", "override": {"expiry": "log"}, "verifyTimestamp": "always"},
    "trustedIdentities": ["x509.subject: C=US, ST=WA, O=a"],
}  # fmt: skip
JSON_VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
SHAPES = st.recursive(
    JSON_VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3)
)


@given(st.sampled_from(sorted(POLICY)), SHAPES)
def test_a_changed_trust_policy_is_one_or_our_error(name: str, value: object) -> None:
    content = json.dumps({"version": "1.0", "trustPolicies": [{**POLICY, name: value}]}).encode()
    try:
        statements(content)
    except TrustkitError:
        return


@given(st.binary(max_size=200))
def test_any_bytes_are_a_trust_policy_or_our_error(content: bytes) -> None:
    with pytest.raises(TrustkitError):
        statements(content)


@pytest.mark.parametrize(
    "content",
    [b"\x18\x17", b"\x19\x00\xff", b"\x9f\xff", b"\x5f\xff", b"\xa2\x01\x01\x01\x02", b"\xa1\x81\x01\x01", b"\x81",
     b"\x61\xff", b"\xf9\x00\x00", b"\xf8\x14", b"\x00\x00", b"", b"\xff", b"\x81" * 40 + b"\x01"],
)  # fmt: skip
def test_other_encodings_of_a_value_are_refused(content: bytes) -> None:
    with pytest.raises(MalformedError):
        cbor.parse(content, what="value", limit_bytes=LIMIT)


def test_a_revocation_list_names_who_and_until_when() -> None:
    found = parse_revocation_list(LIST)
    assert len(found.revoked) == 1
    assert found.next_update is not None
    assert "acme notation intermediate" in str(found.issuer)
