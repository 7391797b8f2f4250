"""Whatever bytes come as a grant, a grant or our error comes out; and a grant is read as it was written."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from trustkit.codec.canonical_json import canonical
from trustkit.codec.grant import PREDICATE_TYPE, ClaimedGrant, Requester, grant_value, parse_grant
from trustkit.errors import TrustkitError
from trustkit.fips.hashing import digest_of
from trustkit.fips.select import provider
from trustkit.signing.grant_file import draft, read_grant, signed
from trustkit.signing.sign import Subjected, signed_statement

NOW = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = provider().generate("ecdsa-p256")
WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), min_size=1, max_size=40)
RULES = st.lists(st.from_regex(r"[a-z]{1,9}[.][a-zA-Z]{1,9}", fullmatch=True), min_size=1, max_size=8, unique=True)
REQUESTERS = st.text("0123456789abcdef", min_size=64, max_size=64).map(lambda key: Requester(key, "", "")) | st.tuples(
    WORDS, WORDS
).map(lambda names: Requester("", *names))
GRANTS = st.builds(
    lambda grant_id, namespace, rules, requester, reason, seconds: ClaimedGrant(
        grant_id, namespace, tuple(rules), requester, reason, NOW, NOW + timedelta(seconds=seconds)
    ),
    st.text("0123456789abcdef", min_size=16, max_size=64),
    st.text("abcdefghijklmnopqrstuvwxyz-", max_size=63),
    RULES,
    REQUESTERS,
    WORDS,
    st.integers(1, 10**9),
)
MEMBERS = st.sampled_from(["id", "namespace", "rules", "requester", "reason", "notBefore", "notAfter", "more"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
WHOLE = draft(
    Subjected(digest_of(b"image"), "registry.example/app"),
    ClaimedGrant(
        "ab" * 8, "", ("require.sbom",), Requester(KEY.public.fingerprint), "r", NOW, NOW + timedelta(hours=1)
    ),
)
FILE = signed(WHOLE, signed_statement(WHOLE.statement, PREDICATE_TYPE, KEY).content).to_bytes()


@given(GRANTS)
def test_a_grant_is_read_as_it_was_written(grant: ClaimedGrant) -> None:
    assert parse_grant(canonical(grant_value(grant))) == grant


@given(st.binary(max_size=400))
def test_any_bytes_are_a_grant_or_our_error(content: bytes) -> None:
    try:
        parse_grant(content)
    except TrustkitError:
        return


@given(
    GRANTS, st.sampled_from(["id", "namespace", "rules", "requester", "reason", "notBefore", "notAfter", "more"]), JSON
)
def test_a_grant_with_another_member_is_a_grant_or_our_error(grant: ClaimedGrant, name: str, value: object) -> None:
    try:
        found = parse_grant(json.dumps({**grant_value(grant), name: value}).encode())
    except TrustkitError:
        return
    assert found.not_before < found.not_after
    assert 0 < len(found.rules) <= 32


@given(st.integers(0, len(FILE) - 1), st.integers(0, 255))
def test_a_file_with_a_changed_byte_is_a_file_or_our_error(at: int, byte: int) -> None:
    try:
        read_grant(FILE[:at] + bytes([byte]) + FILE[at + 1 :])
    except TrustkitError:
        return


@given(st.integers(0, len(FILE)))
def test_a_file_cut_short_is_no_other_grant(length: int) -> None:
    try:
        found = read_grant(FILE[:length])
    except TrustkitError:
        return
    assert found.says == WHOLE.says
