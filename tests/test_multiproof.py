"""One proof for many leaves: agreeing with single proofs, sharing their hashes, and refused when anything in it is bent."""

import itertools
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import InclusionError
from ledger.tlog import merkle
from ledger.tlog.merkle import Hash
from ledger.tlog.multiproof import multiproof, verify_multiproof


def tree(size):
    return [merkle.leaf_hash(str(number).encode()) for number in range(size)]


def proof(leaves, indexes):
    return multiproof(indexes, len(leaves), lambda low, high: merkle.root(leaves[low:high]))


def check(leaves, indexes, path, *, size=None, root=None):
    verify_multiproof(
        [(index, leaves[index]) for index in indexes],
        size=len(leaves) if size is None else size,
        root=root or merkle.root(leaves),
        path=path,
    )


def test_every_subset_of_every_small_tree_is_proved():
    for size in range(1, 10):
        leaves = tree(size)
        for count in range(1, size + 1):
            for indexes in itertools.combinations(range(size), count):
                check(leaves, indexes, proof(leaves, indexes))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 100])
def test_the_proof_of_one_leaf_holds_the_hashes_of_its_inclusion_path(size):
    leaves = tree(size)
    for index in range(size):
        assert sorted(proof(leaves, [index])) == sorted(merkle.inclusion_path(leaves, index))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 700), st.data())
def test_many_leaves_share_what_their_paths_have_in_common(size, data):
    leaves = tree(size)
    indexes = sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=40)))
    path = proof(leaves, indexes)
    check(leaves, indexes, path)
    single = {hashed for index in indexes for hashed in merkle.inclusion_path(leaves, index)}
    assert len(path) == len(set(path)) <= len(single)


def test_all_leaves_need_no_hash():
    leaves = tree(13)
    assert proof(leaves, range(13)) == []
    check(leaves, range(13), [])


LEAVES, INDEXES = tree(11), (2, 5, 9)
PATH = proof(LEAVES, INDEXES)


def bent(path, at, bit):
    return [*path[:at], Hash(bytes([path[at][0] ^ bit]) + path[at][1:]), *path[at + 1 :]]


DAMAGES = {
    "empty path": (INDEXES, [], 11),
    "removed hash": (INDEXES, PATH[1:], 11),
    "inserted hash": (INDEXES, [PATH[0], *PATH], 11),
    "trailing garbage": (INDEXES, [*PATH, PATH[0]], 11),
    "preceding garbage": (INDEXES, [Hash(bytes(32)), *PATH], 11),
    "swapped hashes": (INDEXES, [PATH[1], PATH[0], *PATH[2:]], 11),
    "modified bit": (INDEXES, bent(PATH, 0, 1), 11),
    "modified bit in the middle": (INDEXES, bent(PATH, len(PATH) // 2, 128), 11),
    "modified bit at the end": (INDEXES, bent(PATH, len(PATH) - 1, 4), 11),
    "index + 1": ((3, 5, 9), PATH, 11),
    "index − 1": ((1, 5, 9), PATH, 11),
    "index ^ 2": ((0, 5, 9), PATH, 11),
    "another index": ((2, 5, 8), PATH, 11),
    "size × 2": (INDEXES, PATH, 22),
    "size + 6": (INDEXES, PATH, 17),  # 12 has the same cut on these paths; which size a root is of, the checkpoint signs
    "size − 1": (INDEXES, PATH, 10),
}


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_proof_is_refused(how):
    indexes, path, size = DAMAGES[how]
    given_leaves = list(zip(indexes, [LEAVES[index] for index in INDEXES], strict=True))
    with pytest.raises(InclusionError):
        verify_multiproof(given_leaves, size=size, root=merkle.root(LEAVES), path=path)


def test_half_the_size_a_wrong_leaf_and_a_random_root_are_refused():
    good = [(index, LEAVES[index]) for index in INDEXES]
    with pytest.raises(InclusionError, match=re.escape("index 9 is outside a tree of size 5")):
        verify_multiproof(good, size=5, root=merkle.root(LEAVES), path=PATH)
    swapped = [(2, LEAVES[5]), (5, LEAVES[2]), (9, LEAVES[9])]
    with pytest.raises(InclusionError, match="3 leaves in size 11 lead to root [0-9a-f]{64}, want [0-9a-f]{64}"):
        verify_multiproof(swapped, size=11, root=merkle.root(LEAVES), path=PATH)
    with pytest.raises(InclusionError):
        verify_multiproof(good, size=11, root=Hash(random.Random(1).randbytes(32)), path=PATH)


@pytest.mark.parametrize(
    ("leaves", "path", "message"),
    [
        ([], PATH, "a proof is about at least one leaf"),
        ([(5, LEAVES[5]), (2, LEAVES[2])], PATH, "index 2 stands behind index 5"),
        ([(5, LEAVES[5]), (5, LEAVES[5])], PATH, "index 5 stands behind index 5"),
        ([(-1, LEAVES[5])], PATH, "index -1 stands behind index -1"),
        ([(11, LEAVES[5])], PATH, "index 11 is outside a tree of size 11"),
        ([(2, b"short")], PATH, "the leaves, the root or the proof hold something that is not 32 bytes long"),
        ([(2, LEAVES[2])], [], "the proof of 1 leaves in size 11 has 0 hashes, want more"),
        ([(2, LEAVES[2])], [*proof(LEAVES, [2]), PATH[0]], "the proof of 1 leaves in size 11 has 5 hashes, want 4"),
    ],
)
def test_what_cannot_be_a_proof_is_refused_in_words(leaves, path, message):
    with pytest.raises(InclusionError) as refusal:
        verify_multiproof(leaves, size=11, root=merkle.root(LEAVES), path=path)
    assert str(refusal.value) == message


def test_a_proof_is_asked_for_leaves_that_are_there():
    with pytest.raises(InclusionError, match=re.escape("index 11 is outside a tree of size 11")):
        proof(LEAVES, [11])
