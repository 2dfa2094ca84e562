"""The Merkle tree of RFC 9162, section 2.1, over SHA-256, and the chain hash beside it.

    leaf       SHA-256(0x00 ‖ entry)
    node       SHA-256(0x01 ‖ left ‖ right)
    chain      c(-1) = SHA-256(0x02 ‖ origin),  c(n) = SHA-256(0x02 ‖ c(n-1) ‖ leaf(n))

The root of an empty tree is the SHA-256 of nothing. Everything here is iterative: a proof of any length costs no stack.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NewType

from ledger.errors import ConsistencyError, FormatError, InclusionError

Hash = NewType("Hash", bytes)
"""A SHA-256 hash: 32 bytes."""

HASH_BYTES: Final = 32
MAX_SIZE: Final = 2**63 - 1
"""The largest tree a checkpoint may state."""

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"
_CHAIN: Final = b"\x02"
_SIZE_BYTES: Final = 8

EMPTY_ROOT: Final = Hash(hashlib.sha256(b"").digest())


def leaf_hash(entry: bytes) -> Hash:
    """Hash an entry of the log as a leaf (RFC 9162, section 2.1.1)."""
    return Hash(hashlib.sha256(_LEAF + entry).digest())


def node_hash(left: Hash, right: Hash) -> Hash:
    """Hash two nodes into the one above them (RFC 9162, section 2.1.1)."""
    return Hash(hashlib.sha256(_NODE + left + right).digest())


def chain_start(origin: str) -> Hash:
    """Return the chain hash before the first entry: SHA-256(0x02 ‖ origin)."""
    return Hash(hashlib.sha256(_CHAIN + origin.encode()).digest())


def chain_next(previous: Hash, leaf: Hash) -> Hash:
    """Return the chain hash beside an entry: SHA-256(0x02 ‖ the one before ‖ the entry's leaf hash).

    It finds the first damaged row quickly. It proves nothing by itself: only the root in a signed checkpoint does.
    """
    return Hash(hashlib.sha256(_CHAIN + previous + leaf).digest())


@dataclass(frozen=True, slots=True)
class Frontier:
    """What must be remembered of a tree to go on appending: the roots of its perfect subtrees, largest (leftmost) first.

    There is one hash for every bit set in `size`. As bytes: the size in 8 bytes, big endian, then the hashes.
    """

    size: int = 0
    hashes: tuple[Hash, ...] = ()

    def append(self, leaf: Hash) -> Frontier:
        """Return the frontier of the tree with one leaf more."""
        hashes = list(self.hashes)
        joined = leaf
        rest = self.size
        while rest & 1:
            joined = node_hash(hashes.pop(), joined)
            rest >>= 1
        return Frontier(self.size + 1, (*hashes, joined))

    def root(self) -> Hash:
        """Return the root of the tree."""
        return joined_root(self.hashes)

    def to_bytes(self) -> bytes:
        """Write the frontier: 8 bytes of size, then 32 bytes for each hash."""
        return self.size.to_bytes(_SIZE_BYTES, "big") + b"".join(self.hashes)

    @classmethod
    def from_bytes(cls, data: bytes) -> Frontier:
        """Read what `to_bytes` wrote.

        Raises:
            FormatError: The length does not fit the size, or the size is beyond 2^63 - 1.
        """
        size = int.from_bytes(data[:_SIZE_BYTES], "big")
        if len(data) < _SIZE_BYTES or size > MAX_SIZE:
            raise FormatError(f"a frontier begins with a size of 8 bytes up to 2^63 - 1, got {data[:_SIZE_BYTES].hex()!r}")
        wanted = _SIZE_BYTES + HASH_BYTES * size.bit_count()
        if len(data) != wanted:
            raise FormatError(f"a frontier of size {size} has {wanted} bytes, got {len(data)}")
        return cls(size, tuple(Hash(data[at : at + HASH_BYTES]) for at in range(_SIZE_BYTES, wanted, HASH_BYTES)))


def joined_root(parts: Sequence[Hash]) -> Hash:
    """Return the root over perfect subtrees, largest (leftmost) first; that of nothing for none."""
    if not parts:
        return EMPTY_ROOT
    whole = parts[-1]
    for left in reversed(parts[:-1]):
        whole = node_hash(left, whole)
    return whole


def middle_of(low: int, high: int) -> int:
    """Return where RFC 9162, section 2.1.1 cuts a range of more than one leaf: behind its largest power of two below its length."""
    middle: int = low + (1 << (high - low - 1).bit_length() - 1)
    return middle


def root(leaves: Sequence[Hash]) -> Hash:
    """Compute the root over leaf hashes (RFC 9162, section 2.1.1)."""
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.append(leaf)
    return frontier.root()


def inclusion_path(leaves: Sequence[Hash], index: int) -> list[Hash]:
    """Compute the inclusion path of the leaf at an index (RFC 9162, section 2.1.3.1), from its sibling up.

    Raises:
        InclusionError: The index is outside the tree.
    """
    _check_index(index, len(leaves))
    path: list[Hash] = []
    level = list(leaves)
    at = index
    while len(level) > 1:
        if at ^ 1 < len(level):
            path.append(level[at ^ 1])
        level = _level_above(level)
        at >>= 1
    return path


def appended_paths(before: Frontier, leaves: Sequence[Hash]) -> list[list[Hash]]:
    """Compute the inclusion paths of leaves just appended, in the tree that they complete.

    The frontier before them holds every hash to their left that they need, so the rest of the tree is not read.

    Args:
        before: The frontier to which the leaves were appended.
        leaves: Their leaf hashes, in order.

    Returns:
        One path for each leaf, as `inclusion_path` would give it for the whole tree.
    """
    paths: list[list[Hash]] = [[] for _ in leaves]
    lefts = list(before.hashes)
    first = before.size  # index, on its level, of the leftmost node that is held
    level = list(leaves)
    height = 0
    while level and (first or len(level) > 1):
        if first & 1:
            level.insert(0, lefts.pop())
            first -= 1
        for number, path in enumerate(paths):
            beside = (((before.size + number) >> height) ^ 1) - first
            if beside < len(level):
                path.append(level[beside])
        level = _level_above(level)
        first >>= 1
        height += 1
    return paths


def consistency_path(leaves: Sequence[Hash], old_size: int) -> list[Hash]:
    """Compute the consistency path from an older size of the tree to the whole (RFC 9162, section 2.1.4.1).

    It is empty from size 0 and from the full size: there the roots alone decide.

    Raises:
        ConsistencyError: The older size is larger than the tree.
    """
    if not 0 <= old_size <= len(leaves):
        raise ConsistencyError(f"no consistency path from size {old_size} to size {len(leaves)}")
    if old_size == 0:
        return []
    path: list[Hash] = []
    low, high = 0, len(leaves)
    while old_size != high:
        middle = middle_of(low, high)
        if old_size <= middle:
            path.append(root(leaves[middle:high]))
            high = middle
        else:
            path.append(root(leaves[low:middle]))
            low = middle
    if low:  # the old tree is not itself a subtree: the verifier needs the hash that it cannot know
        path.append(root(leaves[low:high]))
    path.reverse()
    return path


def verify_inclusion(leaf: Hash, *, index: int, size: int, root: Hash, path: Sequence[Hash]) -> None:
    """Verify that a leaf stands at an index of the tree with this root.

    The algorithm is that of RFC 9162, section 2.1.3.2, with the length of the path checked first: then the node that is once the last of
    its level stays so, all siblings from there on stand to its left, and levels without a sibling need not be counted. There is no result
    to forget to look at: a proof that does not hold raises.

    Args:
        leaf: Leaf hash, as returned by `leaf_hash`.
        index: Zero-based position of the leaf.
        size: Number of leaves in the tree.
        root: Root of the tree.
        path: Sibling hashes from the leaf up.

    Raises:
        InclusionError: The index is outside the tree, the path has the wrong length, or the path leads to another root.
    """
    _check_index(index, size)
    wanted = _inclusion_length(index, size)
    if len(path) != wanted:
        raise InclusionError(f"the inclusion path of index {index} in size {size} has {len(path)} hashes, want {wanted}")
    if not _are_hashes(leaf, root, *path):
        raise InclusionError(f"the leaf, the root or the path of index {index} holds something that is not {HASH_BYTES} bytes long")
    joined = leaf
    at, last = index, size - 1
    for sibling in path:
        joined = node_hash(sibling, joined) if at & 1 or at == last else node_hash(joined, sibling)
        at, last = at >> 1, last >> 1
    if joined != root:
        raise InclusionError(f"index {index} in size {size} leads to root {joined.hex()}, want {root.hex()}")


def verify_consistency(*, old_size: int, old_root: Hash, new_size: int, new_root: Hash, path: Sequence[Hash]) -> None:
    """Verify that one tree is a beginning of another.

    The algorithm is that of RFC 9162, section 2.1.4.2, with the length checked first as in `verify_inclusion`. From size 0, and between
    equal sizes, the path is empty and the roots decide.

    Args:
        old_size: Number of leaves of the older tree.
        old_root: Its root.
        new_size: Number of leaves of the newer tree.
        new_root: Its root.
        path: Hashes as returned by `consistency_path`.

    Raises:
        ConsistencyError: The sizes go backwards, the path has the wrong form, or it leads to another old or new root.
    """
    if not 0 <= old_size <= new_size:
        raise ConsistencyError(f"size {new_size} cannot follow size {old_size}")
    if old_size < new_size and not _are_hashes(old_root, new_root, *path):
        raise ConsistencyError(f"the roots or the consistency path hold something that is not {HASH_BYTES} bytes long")
    if old_size in (0, new_size):
        _verify_trivial(old_size, old_root, new_size, new_root, path)
    else:
        _verify_path(old_size, old_root, new_size, new_root, path)


def _verify_path(old_size: int, old_root: Hash, new_size: int, new_root: Hash, path: Sequence[Hash]) -> None:
    """Recompute both roots from the path; 0 < old size < new size."""
    hashes = list(path)
    if old_size & (old_size - 1) == 0:  # a perfect tree is its own subtree, so its root is left out of the path
        hashes.insert(0, old_root)
    skipped = (old_size ^ (old_size - 1)).bit_length() - 1  # levels below the node where both trees are still the same
    at, last = (old_size - 1) >> skipped, (new_size - 1) >> skipped
    wanted = 1 + _inclusion_length(at, last + 1)
    if len(hashes) != wanted:
        difference = len(path) - len(hashes)
        raise ConsistencyError(
            f"the consistency path from size {old_size} to {new_size} has {len(path)} hashes, want {wanted + difference}"
        )
    old = new = hashes[0]
    for one in hashes[1:]:
        if at & 1 or at == last:
            old, new = node_hash(one, old), node_hash(one, new)
        else:
            new = node_hash(new, one)
        at, last = at >> 1, last >> 1
    for size, got, want in ((old_size, old, old_root), (new_size, new, new_root)):
        if got != want:
            raise ConsistencyError(f"size {size} leads to root {got.hex()}, want {want.hex()}")


def _verify_trivial(old_size: int, old_root: Hash, new_size: int, new_root: Hash, path: Sequence[Hash]) -> None:
    """Verify the two cases without a path: from nothing, and from the same size."""
    if path:
        raise ConsistencyError(f"the consistency path from size {old_size} to {new_size} has {len(path)} hashes, want 0")
    if old_size == 0 and old_root != EMPTY_ROOT:
        raise ConsistencyError(f"size 0 has root {EMPTY_ROOT.hex()}, got {old_root.hex()}")
    if old_size == new_size and old_root != new_root:
        raise ConsistencyError(f"two roots at size {new_size}: {old_root.hex()} and {new_root.hex()}")


def _check_index(index: int, size: int) -> None:
    """Refuse an index outside the tree."""
    if not 0 <= index < size:
        raise InclusionError(f"index {index} is outside a tree of size {size}")


def _are_hashes(*candidates: bytes) -> bool:
    """Say whether all are as long as a hash."""
    return all(len(one) == HASH_BYTES for one in candidates)


def _inclusion_length(index: int, size: int) -> int:
    """Return the number of hashes in an inclusion path: one for each level where the leaf has a sibling."""
    inner = (index ^ (size - 1)).bit_length()
    return inner + (index >> inner).bit_count()


def _level_above(level: list[Hash]) -> list[Hash]:
    """Join neighbours; a last one without a neighbour goes up as it is."""
    above = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
    if len(level) & 1:
        above.append(level[-1])
    return above
