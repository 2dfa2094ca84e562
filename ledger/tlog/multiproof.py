"""One proof for many entries: what their inclusion paths share stands in it once (SPEC.md, "Multiproof").

The tree is cut as RFC 9162, section 2.1.1 builds it: a range of n leaves into the first k, the largest power of two below n, and the rest.
Going down from the whole tree, left before right, a range without an asked leaf gives its root to the proof, and nothing below it is
looked at. An asked leaf gives nothing: the verifier has its hash. So the proof of one leaf holds the hashes of its inclusion path.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise

from ledger.errors import InclusionError
from ledger.tlog.merkle import HASH_BYTES, Hash, middle_of, node_hash


def multiproof(indexes: Sequence[int], size: int, node: Callable[[int, int], Hash]) -> list[Hash]:
    """Return the proof that some leaves stand in a tree.

    Args:
        indexes: Their indexes, ascending, at least one.
        size: Number of leaves in the tree.
        node: Gives the root over the leaves from an index up to, not including, another.

    Raises:
        InclusionError: No leaf is asked for, the indexes do not ascend, or one is outside the tree.
    """
    _check_indexes(indexes, size)
    proof: list[Hash] = []
    waiting = [(0, size)]
    while waiting:
        low, high = waiting.pop()
        if not _asked(indexes, low, high):
            proof.append(node(low, high))
        elif high - low > 1:
            middle = middle_of(low, high)
            waiting += [(middle, high), (low, middle)]
    return proof


def verify_multiproof(leaves: Sequence[tuple[int, Hash]], *, size: int, root: Hash, path: Sequence[Hash]) -> None:
    """Verify that leaves stand at their indexes of the tree with this root.

    Args:
        leaves: Index and leaf hash of each, ascending.
        size: Number of leaves in the tree.
        root: Its root.
        path: The proof, as `multiproof` gives it.

    Raises:
        InclusionError: The indexes are not such as can be, the proof has another number of hashes, or it leads to another root.
    """
    indexes = [index for index, _ in leaves]
    _check_indexes(indexes, size)
    if any(len(one) != HASH_BYTES for one in (root, *path, *(leaf for _, leaf in leaves))):
        raise InclusionError(f"the leaves, the root or the proof hold something that is not {HASH_BYTES} bytes long")
    given, known = iter(path), iter(leaf for _, leaf in leaves)
    # Each range is visited twice where it is cut: on the way down, and, as (0, 0), to join what its two parts gave.
    waiting, joined, used = [(0, size)], list[Hash](), 0
    while waiting:
        low, high = waiting.pop()
        if low == high:
            right, left = joined.pop(), joined.pop()
            joined.append(node_hash(left, right))
        elif not _asked(indexes, low, high):
            one = next(given, None)
            if one is None:
                raise InclusionError(f"the proof of {len(leaves)} leaves in size {size} has {len(path)} hashes, want more")
            joined.append(one)
            used += 1
        elif high - low == 1:
            joined.append(next(known))
        else:
            middle = middle_of(low, high)
            waiting += [(0, 0), (middle, high), (low, middle)]
    if used != len(path):
        raise InclusionError(f"the proof of {len(leaves)} leaves in size {size} has {len(path)} hashes, want {used}")
    if joined != [root]:
        raise InclusionError(f"{len(leaves)} leaves in size {size} lead to root {joined[0].hex()}, want {root.hex()}")


def _check_indexes(indexes: Sequence[int], size: int) -> None:
    """Refuse no index at all, indexes that do not ascend, and one outside the tree."""
    if not indexes:
        raise InclusionError("a proof is about at least one leaf")
    for before, index in pairwise((-1, *indexes)):
        if index <= before:
            raise InclusionError(f"index {index} stands behind index {before}")
    if indexes[-1] >= size:
        raise InclusionError(f"index {indexes[-1]} is outside a tree of size {size}")


def _asked(indexes: Sequence[int], low: int, high: int) -> bool:
    """Say whether one of the indexes lies in a range."""
    at = bisect_left(indexes, low)
    return at < len(indexes) and indexes[at] < high
