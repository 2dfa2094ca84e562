"""Every damage that a proof can suffer, by name, done to every proof of every small tree: none of them verifies.

`test_merkle.py` searches larger trees at random, `test_tlog_proof.py` damages receipts, `test_compare.py` proofs of a fork.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from ledger.errors import ConsistencyError, InclusionError
from ledger.tlog import merkle
from ledger.tlog.merkle import Hash
from ledger.tlog.multiproof import multiproof, verify_multiproof

LARGEST = 20
LEAVES = [merkle.leaf_hash(bytes([number])) for number in range(LARGEST)]
ROOTS = [merkle.root(LEAVES[:size]) for size in range(LARGEST + 1)]
DICE = random.Random(9162)
GARBAGE = Hash(DICE.randbytes(32))

Path = list[Hash]
Damage = Callable[[Path], Iterator[Path]]


def flipped(one: Hash) -> Hash:
    bit = DICE.randrange(256)
    return Hash((int.from_bytes(one, "big") ^ 1 << bit).to_bytes(32, "big"))


def at_every(path: Path, changed: Callable[[int], Path]) -> Iterator[Path]:
    return (changed(at) for at in range(len(path)))


PATHS: dict[str, Damage] = {
    "preceding garbage": lambda path: iter([[GARBAGE, *path]]),
    "trailing garbage": lambda path: iter([[*path, GARBAGE]]),
    "removed hash": lambda path: at_every(path, lambda at: path[:at] + path[at + 1 :]),
    "inserted hash": lambda path: at_every(path, lambda at: [*path[:at], GARBAGE, *path[at:]]),
    "doubled hash": lambda path: at_every(path, lambda at: [*path[: at + 1], *path[at:]]),
    "replaced hash": lambda path: at_every(path, lambda at: [*path[:at], GARBAGE, *path[at + 1 :]]),
    "modified bit": lambda path: at_every(path, lambda at: [*path[:at], flipped(path[at]), *path[at + 1 :]]),
    "short hash": lambda path: at_every(path, lambda at: [*path[:at], Hash(path[at][:-1]), *path[at + 1 :]]),
    "empty path": lambda path: iter([[]] if path else []),
    "reversed path": lambda path: iter([path[::-1]] if len(path) > 1 else []),
}

INDEXES: dict[str, Callable[[int], int]] = {
    "index + 1": lambda index: index + 1,
    "index − 1": lambda index: index - 1,
    "index ^ 2": lambda index: index ^ 2,
}

SIZES: dict[str, Callable[[int], int]] = {"size × 2": lambda size: size * 2, "size / 2": lambda size: size // 2}


def inclusions() -> Iterator[tuple[int, int, Path]]:
    return ((index, size, merkle.inclusion_path(LEAVES[:size], index)) for size in range(1, LARGEST + 1) for index in range(size))


def consistencies() -> Iterator[tuple[int, int, Path]]:
    return ((old, new, merkle.consistency_path(LEAVES[:new], old)) for new in range(2, LARGEST + 1) for old in range(1, new))


def subsets() -> Iterator[tuple[list[int], int, Path]]:
    for size in range(1, LARGEST + 1):
        for _ in range(12):
            indexes = sorted(DICE.sample(range(size), DICE.randint(1, min(size, 6))))
            yield indexes, size, multiproof(indexes, size, lambda low, high: merkle.root(LEAVES[low:high]))


def included(index: int, size: int, path: Path, *, leaf: Hash, root: Hash) -> None:
    merkle.verify_inclusion(leaf, index=index, size=size, root=root, path=path)


def consistent(old: int, new: int, path: Path, *, old_root: Hash, new_root: Hash) -> None:
    merkle.verify_consistency(old_size=old, old_root=old_root, new_size=new, new_root=new_root, path=path)


def all_included(indexes: list[int], size: int, path: Path, *, leaves: list[Hash], root: Hash) -> None:
    verify_multiproof(list(zip(indexes, leaves, strict=True)), size=size, root=root, path=path)


@pytest.mark.parametrize("damage", PATHS)
def test_a_damaged_path_is_refused_in_every_inclusion_proof(damage):
    for index, size, path in inclusions():
        included(index, size, path, leaf=LEAVES[index], root=ROOTS[size])
        for bent in PATHS[damage](path):
            with pytest.raises(InclusionError):
                included(index, size, bent, leaf=LEAVES[index], root=ROOTS[size])


@pytest.mark.parametrize("damage", PATHS)
def test_a_damaged_path_is_refused_in_every_consistency_proof(damage):
    for old, new, path in consistencies():
        consistent(old, new, path, old_root=ROOTS[old], new_root=ROOTS[new])
        for bent in PATHS[damage](path):
            with pytest.raises(ConsistencyError):
                consistent(old, new, bent, old_root=ROOTS[old], new_root=ROOTS[new])


@pytest.mark.parametrize("damage", PATHS)
def test_a_damaged_path_is_refused_in_multiproofs(damage):
    for indexes, size, path in subsets():
        leaves = [LEAVES[index] for index in indexes]
        all_included(indexes, size, path, leaves=leaves, root=ROOTS[size])
        for bent in PATHS[damage](path):
            with pytest.raises(InclusionError):
                all_included(indexes, size, bent, leaves=leaves, root=ROOTS[size])


@pytest.mark.parametrize("damage", [*INDEXES, *SIZES, "wrong leaf", "random root", "the root before", "modified root"])
def test_a_wrong_leaf_index_size_or_root_is_refused_in_every_inclusion_proof(damage):
    for index, size, path in inclusions():
        roots = {"random root": GARBAGE, "the root before": ROOTS[size - 1], "modified root": flipped(ROOTS[size])}
        with pytest.raises(InclusionError):
            included(
                INDEXES.get(damage, int)(index),
                SIZES.get(damage, int)(size),
                path,
                leaf=LEAVES[index - 1] if damage == "wrong leaf" and size > 1 else GARBAGE if damage == "wrong leaf" else LEAVES[index],
                root=roots.get(damage, ROOTS[size]),
            )


OLD_SIZES: dict[str, Callable[[int], int]] = {f"old {name}": change for name, change in SIZES.items()}
NEW_SIZES: dict[str, Callable[[int], int]] = {f"new {name}": change for name, change in SIZES.items()}


@pytest.mark.parametrize("damage", [*OLD_SIZES, *NEW_SIZES, "random old root", "random new root", "swapped roots", "swapped sizes"])
def test_wrong_sizes_or_roots_are_refused_in_every_consistency_proof(damage):
    for old, new, path in consistencies():
        roots = {
            "random old root": (GARBAGE, ROOTS[new]),
            "random new root": (ROOTS[old], GARBAGE),
            "swapped roots": (ROOTS[new], ROOTS[old]),
        }
        old_root, new_root = roots.get(damage, (ROOTS[old], ROOTS[new]))
        sizes = (new, old) if damage == "swapped sizes" else (OLD_SIZES.get(damage, int)(old), NEW_SIZES.get(damage, int)(new))
        with pytest.raises(ConsistencyError):
            consistent(*sizes, path, old_root=old_root, new_root=new_root)


@pytest.mark.parametrize("damage", [*INDEXES, *SIZES, "wrong leaf", "random root", "swapped leaves", "one leaf less", "one leaf more"])
def test_a_wrong_leaf_index_size_or_root_is_refused_in_multiproofs(damage):
    for indexes, size, path in subsets():
        leaves = [LEAVES[index] for index in indexes]
        for at in range(len(indexes)):
            bent, given = list(indexes), list(leaves)
            bent[at] = INDEXES.get(damage, int)(indexes[at])
            if damage == "wrong leaf":
                given[at] = GARBAGE
            elif damage == "swapped leaves":
                given = [*given[1:], given[0]] if len(given) > 1 else [GARBAGE]
            elif damage == "one leaf less":
                del bent[at], given[at]
            elif damage == "one leaf more":
                bent.insert(at, indexes[at] - 1)
                given.insert(at, GARBAGE)
            with pytest.raises(InclusionError):
                all_included(
                    bent, SIZES.get(damage, int)(size), path, leaves=given, root=GARBAGE if damage == "random root" else ROOTS[size]
                )
