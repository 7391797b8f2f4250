"""Whatever the bytes: parsers return or raise TrustkitError; what is written is read back."""

import json
import math
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustkit.codec import base64, der, dsse, intoto, note, pem
from trustkit.codec.canonical_json import canonical
from trustkit.codec.strict_json import parse as parse_json
from trustkit.errors import TrustkitError
from trustkit.fips import keyfile, parse, pbes2
from trustkit.fips.ecdsa_signature import ecdsa_signature_der
from trustkit.fips.select import provider

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 53), 1 << 53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
_MEMBERS = st.sampled_from(
    ["payloadType", "payload", "signatures", "sig", "_type", "subject", "digest", "predicateType"]
)
_DOCUMENTS = st.recursive(
    st.sampled_from(["AQ==", "t", intoto.STATEMENT_V1, 1, None, True]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_MEMBERS, inner, max_size=5),
    max_leaves=20,
).map(lambda value: json.dumps(value).encode())
_DER = st.recursive(
    st.binary(max_size=20),
    lambda inner: st.builds(der.encode, st.sampled_from([2, 3, 4, 6, 48]), st.lists(inner, max_size=3).map(b"".join)),
    max_leaves=12,
)
_PEM = st.builds(pem.encode, st.sampled_from([*keyfile.LABELS, "PUBLIC KEY"]), _DER | _DOCUMENTS)
_NOTES = st.lists(st.sampled_from(["\n", "— ", "a ", "MTIzNHNpZw==", "7\n", "é", "\t", "=", "\u2028"])).map(
    lambda pieces: "".join(pieces).encode()
)
_BYTES = st.binary(max_size=300) | _DOCUMENTS | _DER | _PEM | _NOTES

_PARSERS: dict[str, Callable[[bytes], object]] = {
    "json": lambda content: parse_json(content, what="x", limit_bytes=1 << 16),
    "dsse": dsse.parse,
    "intoto": intoto.parse,
    "note": note.parse,
    "checkpoint": lambda content: note.parse_checkpoint(content.decode("utf-8", "replace")),
    "pem": lambda content: pem.decode_all(content, ("PUBLIC KEY",)),
    "base64": lambda content: base64.decode_either(content.decode("latin-1"), "x"),
    "public key": parse.public_key_from_spki,
    "public key file": parse.public_key_from_pem,
    "private key file": lambda content: keyfile.read(content, b"x", provider(), insecure_allow_plain=True),
    "private key": provider().load_pkcs8,
    "private key, second provider": provider("pycryptodome").load_pkcs8,
    "encrypted key": lambda content: pbes2.decrypt(content, b"x"),
    "signature": lambda content: ecdsa_signature_der(content, "ecdsa-p256"),
}


@pytest.mark.parametrize("name", _PARSERS)
@given(content=_BYTES)
def test_parsers_raise_only_our_errors(name: str, content: bytes) -> None:
    with suppress(TrustkitError):
        _PARSERS[name](content)


@given(_JSON)
def test_canonical_json_is_read_back_and_stable(value: object) -> None:
    written = canonical(value)
    found = parse_json(written, what="x", limit_bytes=1 << 20, fold_names=False)
    assert canonical(found) == written


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_canonical_numbers_keep_their_value(value: float) -> None:
    text = canonical(value).decode()
    assert float(text) == value
    assert math.isfinite(float(text))


@given(st.binary(max_size=200))
def test_base64_has_one_spelling(content: bytes) -> None:
    text = base64.encode(content)
    assert base64.decode(text, "x") == content
    assert base64.decode_either(text.replace("+", "-").replace("/", "_"), "x") == content


@given(st.text(max_size=20), st.binary(max_size=40), st.text(max_size=20), st.binary(max_size=40))
def test_two_payloads_never_share_a_signed_encoding(
    first_type: str, first: bytes, second_type: str, second: bytes
) -> None:
    same = (first_type, first) == (second_type, second)
    assert (dsse.pae(first_type, first) == dsse.pae(second_type, second)) == same
