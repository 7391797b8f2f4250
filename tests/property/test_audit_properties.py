"""What must hold for every log and every input: proofs, entries, and parsers that only raise our errors."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from trustkit.audit import checkpoint, entry, proof
from trustkit.audit.merkle import Frontier, consistency_proof, inclusion_proof, root_of
from trustkit.errors import LogProofError, TrustkitError
from trustkit.fips.merkle import leaf_hash, node_hash, require_consistency, require_inclusion
from trustkit.model.audit import AuditEvent

SIZES = st.integers(min_value=1, max_value=70)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
BODIES = st.dictionaries(
    TEXT,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=5,
)


def leaves_of(size: int) -> list[bytes]:
    return [leaf_hash(bytes((number,))) for number in range(size)]


def naive_root(leaves: list[bytes]) -> bytes:
    """The definition, RFC 9162 2.1.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return node_hash(naive_root(leaves[:half]), naive_root(leaves[half:]))


@given(SIZES)
def test_the_frontier_has_the_root_of_the_definition(size: int) -> None:
    assert root_of(leaves_of(size)) == naive_root(leaves_of(size))


@given(SIZES)
def test_a_frontier_survives_being_stored(size: int) -> None:
    frontier = Frontier()
    for leaf in leaves_of(size):
        frontier.append(leaf)
    assert Frontier.from_bytes(size, frontier.to_bytes()).root() == frontier.root()


@given(SIZES, st.data())
def test_every_inclusion_proof_verifies(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    index = data.draw(st.integers(0, size - 1))
    require_inclusion(leaves[index], index, size, inclusion_proof(index, leaves), naive_root(leaves))


@given(SIZES, st.data())
def test_no_inclusion_proof_verifies_for_another_leaf(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    index = data.draw(st.integers(0, size - 1))
    try:
        require_inclusion(leaf_hash(b"other"), index, size, inclusion_proof(index, leaves), naive_root(leaves))
    except LogProofError:
        return
    raise AssertionError


@given(SIZES, st.data())
def test_every_consistency_proof_verifies(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    old = data.draw(st.integers(1, size))
    path = consistency_proof(old, leaves)
    require_consistency((old, naive_root(leaves[:old])), (size, naive_root(leaves)), path)


@given(SIZES, st.data())
def test_no_consistency_proof_verifies_for_another_past(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    old = data.draw(st.integers(1, size))
    try:
        require_consistency((old, leaf_hash(b"x")), (size, naive_root(leaves)), consistency_proof(old, leaves))
    except LogProofError:
        return
    raise AssertionError


@given(BODIES, st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9998, 1, 1)))  # noqa: DTZ001
def test_an_entry_is_read_back_as_it_was_written(body: dict[str, object], at: datetime) -> None:
    event = AuditEvent(at.replace(tzinfo=UTC), "decision", "deny", None, body)
    assert entry.parse(entry.to_bytes(event)) == event


@given(st.binary(max_size=300))
def test_reading_an_entry_raises_only_our_errors(content: bytes) -> None:
    only_ours(lambda: entry.parse(content))


@given(st.binary(max_size=300) | st.builds(lambda t: f"log\n5\n{t}\n\n— log {t}\n".encode(), TEXT))
def test_reading_a_checkpoint_raises_only_our_errors(content: bytes) -> None:
    only_ours(lambda: checkpoint.parse(content))


@given(st.text(max_size=200) | st.builds(lambda t: f"log+00000000+{t}", TEXT))
def test_reading_a_vkey_raises_only_our_errors(text: str) -> None:
    only_ours(lambda: checkpoint.parse_vkeys(text))


@given(st.text(max_size=200) | st.builds(lambda t: f"c2sp.org/tlog-proof@v1\nindex {t}\n\n{t}", TEXT))
def test_reading_a_proof_raises_only_our_errors(text: str) -> None:
    only_ours(lambda: proof.parse(text))


def only_ours(parse: Callable[[], object]) -> None:
    with suppress(TrustkitError):
        parse()
