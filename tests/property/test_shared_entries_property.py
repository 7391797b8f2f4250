"""What lies in the shared store is bytes from outside: read back as written, or refused in our own words."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustkit import limits
from trustkit.codec.revocation_list import read_revocations, write_revocations
from trustkit.codec.shared_entry import BLOB, MANIFEST, REFERRERS, Answer, Entry, read_entry, write_entry
from trustkit.errors import LimitExceededError, MalformedError, TrustkitError
from trustkit.fips.select import provider
from trustkit.fleet.errors import SharedStoreError
from trustkit.fleet.sealed import Seal
from trustkit.model.digest import Digest
from trustkit.model.image import Descriptor
from trustkit.model.keys import KeyRevocation
from trustkit.model.revocations import IMAGE, KEY, Revocation, Revocations

SEAL = Seal(bytes(32), provider())
HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
TIMES = st.integers(0, 4_000_000_000_000).map(lambda found: datetime.fromtimestamp(found / 1000, UTC))
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
DESCRIPTORS = st.tuples(WORDS, HEX, st.integers(0, 1 << 40)).map(
    lambda found: Descriptor(found[0], Digest("sha256", found[1]), found[2])
)
SERVED = st.tuples(WORDS, st.binary(max_size=99)).map(lambda found: Answer(*found))
ANSWERS = st.one_of(
    st.tuples(st.tuples(st.just(MANIFEST), WORDS), SERVED),
    st.tuples(st.tuples(st.just(MANIFEST), WORDS), st.just(Answer(absent=True))),
    st.tuples(st.tuples(st.just(BLOB), WORDS), st.binary(max_size=99).map(lambda found: Answer(content=found))),
    st.tuples(
        st.tuples(st.just(REFERRERS), WORDS),
        st.tuples(st.lists(DESCRIPTORS, max_size=4), st.booleans()).map(
            lambda found: Answer(listed=tuple(found[0]), complete=found[1])
        ),
    ),
)
ENTRIES = st.tuples(TIMES, st.lists(ANSWERS, max_size=6).map(dict)).map(lambda found: Entry(*found))
LOST = st.tuples(TIMES, WORDS, st.booleans()).map(lambda found: KeyRevocation(*found))
REVOKED = st.one_of(
    st.tuples(st.just(KEY), HEX, WORDS, WORDS, LOST),
    st.tuples(st.just(IMAGE), HEX.map(lambda text: f"sha256:{text}"), WORDS, WORDS, LOST),
).map(lambda found: Revocation(*found))
LISTS = st.lists(REVOKED, max_size=6).map(lambda found: Revocations().joined(found))


@given(ENTRIES)
def test_an_entry_is_read_as_it_was_written(entry):
    assert read_entry(write_entry(entry)) == entry


@given(st.binary(max_size=400))
def test_any_bytes_are_an_entry_or_refused(content):
    with pytest.raises(MalformedError):
        read_entry(content)


@given(ENTRIES, st.data())
def test_an_entry_that_was_cut_is_refused(entry, data):
    content = write_entry(entry)
    with pytest.raises(MalformedError):
        read_entry(content[: data.draw(st.integers(0, len(content) - 1))])


@given(ENTRIES, st.data())
def test_a_changed_byte_breaks_the_seal(entry, data):
    value = bytearray(SEAL.close("name", write_entry(entry)))
    at = data.draw(st.integers(0, len(value) - 1))
    value[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SharedStoreError):
        SEAL.open("name", bytes(value))


@given(ENTRIES)
def test_a_value_under_another_name_breaks_the_seal(entry):
    with pytest.raises(SharedStoreError):
        SEAL.open("other", SEAL.close("name", write_entry(entry)))


@given(LISTS)
def test_revocations_are_read_as_they_were_written(revocations):
    assert read_revocations(write_revocations(revocations)) == revocations


@given(LISTS, LISTS)
def test_two_nodes_join_their_lists_to_the_same(one, other):
    assert one.joined(other.items) == other.joined(one.items)


@given(LISTS, LISTS)
def test_a_joined_list_has_lost_nothing(one, other):
    whole = one.joined(other.items)
    assert set(one.of(KEY)) <= set(whole.of(KEY))
    assert set(one.of(IMAGE)) <= set(whole.of(IMAGE))


@given(st.binary(max_size=400))
def test_any_bytes_are_revocations_or_refused(content):
    with pytest.raises(TrustkitError):
        read_revocations(content)


def test_too_many_answers_are_refused():
    answers = {(MANIFEST, str(number)): Answer(absent=True) for number in range(limits.SHARED_ANSWERS + 1)}
    with pytest.raises(LimitExceededError):
        read_entry(write_entry(Entry(datetime(2026, 1, 1, tzinfo=UTC), answers)))
