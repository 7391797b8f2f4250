"""Whatever a key's record says is read back, whatever else is read raises our errors, and bounds only ever narrow."""

from contextlib import suppress
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from trustkit.errors import TrustkitError
from trustkit.fips.select import provider
from trustkit.model.keys import KeyLife, KeyRevocation
from trustkit.signing.key_life import KeyRecord, limited, parse_record, record_bytes
from trustkit.signing.trust.roots import TrustedKey, TrustRoots

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
REVOCATIONS = st.builds(KeyRevocation, MOMENTS, TEXT, st.booleans())
LIVES = st.builds(KeyLife, st.none() | MOMENTS, st.none() | MOMENTS, st.none() | REVOCATIONS)
RECORDS = st.builds(
    KeyRecord,
    st.text("0123456789abcdef", min_size=64, max_size=64),
    LIVES,
    TEXT,
    st.none() | st.dictionaries(st.sampled_from(("serial", "label")), TEXT, min_size=1),
    TEXT,
)
KEY = provider().generate("ecdsa-p256").public


@given(RECORDS)
def test_a_record_written_and_read_is_the_same(record: KeyRecord) -> None:
    assert parse_record(record_bytes(record), "record") == record


@given(st.binary(max_size=200) | st.text('{}[]":,fingerprtvokdAb0189', max_size=80).map(str.encode))
def test_any_bytes_raise_our_errors_only(content: bytes) -> None:
    with suppress(TrustkitError):
        parse_record(content, "record")


@given(LIVES, LIVES)
def test_what_the_ring_says_never_widens_what_a_policy_says(policy: KeyLife, ring: KeyLife) -> None:
    trusted = TrustedKey("one", KEY, (), policy.not_before, policy.not_after, policy.revoked)
    (found,) = limited(TrustRoots((trusted,)), {KEY.fingerprint: ring}).keys
    for life in (policy, ring):
        assert life.not_before is None or (found.not_before is not None and found.not_before >= life.not_before)
        assert life.not_after is None or (found.not_after is not None and found.not_after <= life.not_after)
        if life.revoked is not None:
            assert found.revoked is not None
            assert found.revoked.at <= life.revoked.at
            assert life.revoked.allow_before or not found.revoked.allow_before
