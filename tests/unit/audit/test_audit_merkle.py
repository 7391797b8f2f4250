"""The Merkle tree against the values the certificate transparency projects publish for it."""

import pytest

from trustkit.audit.merkle import Frontier, consistency_proof, inclusion_proof, root_of
from trustkit.errors import LogProofError
from trustkit.fips.merkle import leaf_hash, require_consistency, require_inclusion

# The eight inputs and the roots over the first n of them, as the reference tests of RFC 6962 have them.
INPUTS = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(content) for content in INPUTS]


@pytest.mark.parametrize("size", range(9))
def test_the_root_over_the_first_inputs_is_the_published_one(size: int) -> None:
    assert root_of(LEAVES[:size]).hex() == ROOTS[size]


@pytest.mark.parametrize("index", [-1, 8])
def test_there_is_no_proof_for_an_entry_outside_the_tree(index: int) -> None:
    with pytest.raises(LogProofError):
        inclusion_proof(index, LEAVES)


def test_an_inclusion_proof_fits_its_own_index_only() -> None:
    path = inclusion_proof(3, LEAVES)
    with pytest.raises(LogProofError):
        require_inclusion(LEAVES[3], 4, 8, path, root_of(LEAVES))


@pytest.mark.parametrize(
    "path", [[], [b"x" * 32], inclusion_proof(3, LEAVES)[:-1], [*inclusion_proof(3, LEAVES), LEAVES[0]]]
)
def test_an_inclusion_proof_of_another_length_is_refused(path: list[bytes]) -> None:
    with pytest.raises(LogProofError):
        require_inclusion(LEAVES[3], 3, 8, path, root_of(LEAVES))


def test_a_changed_history_is_not_consistent() -> None:
    forged = [LEAVES[1], LEAVES[0], *LEAVES[2:]]
    with pytest.raises(LogProofError):
        require_consistency((5, root_of(LEAVES[:5])), (8, root_of(forged)), consistency_proof(5, forged))


@pytest.mark.parametrize(("old", "new"), [(0, 8), (8, 5)])
def test_a_log_neither_begins_at_nothing_nor_shrinks(old: int, new: int) -> None:
    with pytest.raises(LogProofError):
        require_consistency((old, root_of(LEAVES[:old])), (new, root_of(LEAVES[:new])), [])


def test_two_roots_for_one_size_are_a_fork() -> None:
    with pytest.raises(LogProofError):
        require_consistency((8, LEAVES[0]), (8, root_of(LEAVES)), [])


def test_a_frontier_with_too_few_hashes_is_refused() -> None:
    with pytest.raises(LogProofError):
        Frontier(3, [LEAVES[0]])
