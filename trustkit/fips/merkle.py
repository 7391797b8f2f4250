"""Merkle trees over SHA-256 (RFC 9162 section 2.1, equal to RFC 6962): hashes, and proofs checked.

Shared by our own log, which also makes trees and proofs, and by the logs that signatures are recorded in.
"""

from collections.abc import Sequence

from trustkit.errors import LogProofError
from trustkit.fips.hashing import sha256

HASH_BYTES = 32


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256(0x00 || entry). RFC 9162 2.1.1."""
    return sha256(b"\x00" + entry)


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256(0x01 || left || right). RFC 9162 2.1.1."""
    return sha256(b"\x01" + left + right)


def require_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Return if the leaf is at `index` of the tree. RFC 9162 2.1.3.2. Raises LogProofError."""
    if not 0 <= index < size:
        raise LogProofError(f"entry {index} is outside a log of {size} entries")
    position, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise LogProofError("the inclusion proof is too long")
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while position and not position & 1:
                position >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        position >>= 1
        last >>= 1
    if last != 0:
        raise LogProofError("the inclusion proof is too short")
    if node != root:
        raise LogProofError(f"the inclusion proof of entry {index} does not lead to the root")


def require_consistency(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> None:
    """Return if the new tree (size, root) begins with the old one. RFC 9162 2.1.4.2.

    Raises LogProofError.
    """
    (old_size, old_root), (new_size, new_root) = old, new
    if not 0 < old_size <= new_size:
        raise LogProofError(f"a log cannot grow from {old_size} to {new_size} entries")
    path = list(proof)
    if old_size == new_size:
        if path or old_root != new_root:
            raise LogProofError("two roots for the same size of the log")
        return
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise LogProofError("the consistency proof is empty")
    if _consistent_roots(old_size, new_size, path) != (old_root, new_root):
        raise LogProofError("the consistency proof does not lead to both roots")


def _consistent_roots(old_size: int, new_size: int, path: list[bytes]) -> tuple[bytes, bytes]:
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position >>= 1
        last >>= 1
    old_node = new_node = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise LogProofError("the consistency proof is too long")
        if position & 1 or position == last:
            old_node = node_hash(sibling, old_node)
            new_node = node_hash(sibling, new_node)
            while position and not position & 1:
                position >>= 1
                last >>= 1
        else:
            new_node = node_hash(new_node, sibling)
        position >>= 1
        last >>= 1
    if last != 0:
        raise LogProofError("the consistency proof is too short")
    return old_node, new_node
