"""The Merkle tree of the log (RFC 9162 section 2.1, equal to RFC 6962): roots and proofs.

A frontier is the append state: the roots of the complete subtrees the leaves fall into, largest
first, one for each bit set in the tree's size. It has at most 64 hashes.
"""

from collections.abc import Iterable, Sequence

from trustkit.errors import LogProofError
from trustkit.fips.hashing import sha256
from trustkit.fips.merkle import HASH_BYTES, node_hash


class Frontier:
    """A growing tree of which only the right edge is kept."""

    __slots__ = ("peaks", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        """Take up a tree at `size`. Raises LogProofError if the peaks cannot be its right edge."""
        self.size = size
        self.peaks = list(peaks)
        if len(self.peaks) != size.bit_count() or any(len(p) != HASH_BYTES for p in self.peaks):
            raise LogProofError(f"these hashes are not the right edge of a tree of size {size}")

    @classmethod
    def from_bytes(cls, size: int, content: bytes) -> "Frontier":
        """Read what `to_bytes` wrote. Raises LogProofError."""
        count = range(0, len(content), HASH_BYTES)
        return cls(size, (content[at : at + HASH_BYTES] for at in count))

    def to_bytes(self) -> bytes:
        """Return the peaks, one after the other."""
        return b"".join(self.peaks)

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash; as many subtrees close as the old size ends in one bits."""
        size = self.size
        node = leaf
        while size & 1:
            node = node_hash(self.peaks.pop(), node)
            size >>= 1
        self.peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        """Return the tree's root. The empty tree's is SHA-256 of nothing."""
        if not self.peaks:
            return sha256(b"")
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = node_hash(peak, node)
        return node


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over these leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the audit path of a leaf, from the bottom up. RFC 9162 2.1.3.1.

    Raises LogProofError for an index outside the tree.
    """
    if not 0 <= index < len(leaves):
        raise LogProofError(f"a log of {len(leaves)} entries has no entry {index}")
    path = []
    level = list(leaves)
    while len(level) > 1:
        neighbour = index ^ 1
        if neighbour < len(level):
            path.append(level[neighbour])
        level = _level_above(level)
        index >>= 1
    return path


def consistency_proof(old_size: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the proof that the first `old_size` leaves are a prefix. RFC 9162 2.1.4.1.

    Raises LogProofError for sizes outside 1 to the tree's.
    """
    if not 0 < old_size <= len(leaves):
        raise LogProofError(f"no consistency proof from {old_size} to {len(leaves)} entries")
    path: list[bytes] = []
    start, end, whole = 0, len(leaves), True
    while old_size != end - start:
        half = _split(end - start)
        if old_size <= half:
            path.append(root_of(leaves[start + half : end]))
            end = start + half
        else:
            path.append(root_of(leaves[start : start + half]))
            start += half
            old_size -= half
            whole = False
    if not whole:
        path.append(root_of(leaves[start:end]))
    path.reverse()
    return path


def _level_above(level: list[bytes]) -> list[bytes]:
    """Return the nodes above; one without a neighbour rises unchanged."""
    pairs = zip(level[::2], level[1::2], strict=False)
    above = [node_hash(left, right) for left, right in pairs]
    if len(level) & 1:
        above.append(level[-1])
    return above


def _split(size: int) -> int:
    """Return the largest power of two below size."""
    return 1 << ((size - 1).bit_length() - 1)
