"""Tiles: where they lie, what stands in them, and proofs computed from a few of them."""

import hashlib
import re
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import ConsistencyError, FormatError, InclusionError
from ledger.tlog import merkle, tile
from ledger.tlog.merkle import Hash
from ledger.tlog.tile import OnceRead, Tiling, parse_bundle, parse_path, parse_tile, path_of, tiles_of

TALL = 70_000


def leaf(number):
    return merkle.leaf_hash(b"%d" % number)


class Tree:
    """All hashes of a tree, by level of tiles; counts how often a tile is read."""

    def __init__(self, size):
        self.rows = {0: [leaf(number) for number in range(size)]}
        for level, _, hashed in tile.subtrees(self.rows[0]):
            self.rows.setdefault(level, []).append(hashed)
        self.size = size
        self.reads = 0

    def tile(self, level, index, width):
        self.reads += 1
        first = index * 256
        found = self.rows[level][first : first + width]
        assert len(found) == width, (level, index, width)
        return found

    def cost(self, ask, *arguments):
        self.reads = 0
        ask(self, *arguments)
        return self.reads


@cache
def tree(size):
    return Tree(size)


@pytest.mark.parametrize(
    ("level", "index", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 5, 17, "tile/0/005.p/17"),
        (2, 999, 256, "tile/2/999"),
        (1, 1000, 256, "tile/1/x001/000"),
        (0, 1_234_067, 256, "tile/0/x001/x234/067"),
        (0, 1_234_067, 1, "tile/0/x001/x234/067.p/1"),
        (None, 0, 255, "tile/entries/000.p/255"),
        (None, 1_000_000, 256, "tile/entries/x001/x000/000"),
        (63, 0, 1, "tile/63/000.p/1"),
    ],
)
def test_a_tile_lies_where_tlog_tiles_says(level, index, width, path):
    assert path_of(level, index, width) == path
    assert parse_path(path) == (level, index, width)


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0", "tile/0/0000", "tile/00/000", "tile/64/000", "tile/-1/000", "tile/0/x000/000", "tile/0/001/067", "tile/0/x001/x067",
        "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/017", "tile/0/000.p/999", "tile/0/000.p", "tile/0/000/", "/tile/0/000",
        "tile/data/000", "tile/entries/x001", "tile/0/\u0660\u0660\u0660", "tile/0/000\n", "checkpoint", "",
    ],
)  # fmt: skip
def test_any_other_path_is_refused(path):
    with pytest.raises(FormatError, match="^" + re.escape(f"{path!r} is no path of a tile") + "$"):
        parse_path(path)


@given(st.one_of(st.none(), st.integers(0, 63)), st.integers(0, 2**55), st.integers(1, 256))
def test_every_path_is_read_back(level, index, width):
    assert parse_path(path_of(level, index, width)) == (level, index, width)


def test_a_tile_is_its_hashes_and_nothing_else():
    hashes = [leaf(number) for number in range(3)]
    data = tile.format_tile(hashes)
    assert parse_tile(data, width=3, where="t") == hashes
    for damaged in (data[:-1], data + b"\0", data[:-32], b""):
        with pytest.raises(FormatError, match=re.escape(f"t: a tile of 3 hashes has 96 bytes, got {len(damaged)}")):
            parse_tile(damaged, width=3, where="t")


def test_a_bundle_holds_each_entry_behind_its_length():
    entries = [b"", b"one", b"x" * 65_535]
    data = tile.format_bundle(entries)
    assert data[:7] == b"\0\0\0\3one"
    assert len(data) == 6 + 3 + 65_535 <= tile.MAX_BUNDLE_BYTES
    assert parse_bundle(data, width=3, where="b") == entries


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\0\3on", "b: entry 0 of the bundle breaks off"),
        (b"\0\1a\0", "b: entry 1 of the bundle breaks off"),
        (b"\0\1a\0\1", "b: entry 1 of the bundle breaks off"),
        (b"\0\1a\0\1b\0\1c", "b: the bundle has 3 entries, want 2"),
        (b"\0\1a\0\1b\0", "b: entry 2 of the bundle breaks off"),
        (b"\0\1a", "b: the bundle has 1 entries, want 2"),
        (b"", "b: the bundle has 0 entries, want 2"),
    ],
)
def test_a_bundle_that_breaks_off_or_holds_another_number_is_refused(data, message):
    with pytest.raises(FormatError, match="^" + re.escape(message) + "$"):
        parse_bundle(data, width=2, where="b")


def test_an_export_needs_just_the_tiles_that_a_size_calls_for():
    assert tiles_of(0) == []
    assert tiles_of(1) == [(0, 0, 1)]
    assert tiles_of(256) == [(0, 0, 256), (1, 0, 1)]
    assert tiles_of(600) == [(0, 0, 256), (0, 1, 256), (0, 2, 88), (1, 0, 2)]
    assert tiles_of(65_536)[-2:] == [(1, 0, 256), (2, 0, 1)]
    for old, new in [(0, 600), (255, 256), (256, 257), (300, 300), (511, 70_000)]:
        assert tiles_of(new, since=old) == [one for one in tiles_of(new) if one not in tiles_of(old)]


def test_a_tree_that_grows_gives_each_tile_as_it_becomes_full():
    full = []
    tiling = Tiling(lambda level, index, hashes: full.append((level, index, list(hashes))))
    whole = tree(TALL)
    for number, one in enumerate(whole.rows[0]):
        if number in (0, 1, 255, 256, 257, 65_535, 65_536):
            at_edge = [(level, index, len(hashes)) for level, index, hashes in tiling.rest()]
            assert at_edge == [found for found in tiles_of(number) if found[2] < 256]
        tiling.append(one)
    for level, index, hashes in [*full, *tiling.rest()]:
        assert hashes == whole.tile(level, index, len(hashes))
    assert sorted((level, index, len(hashes)) for level, index, hashes in [*full, *tiling.rest()]) == tiles_of(TALL)


def test_the_hashes_above_level_0_are_roots_of_full_subtrees():
    whole = Tree(TALL)
    assert {level: len(row) for level, row in whole.rows.items()} == {0: TALL, 1: TALL // 256, 2: 1}
    assert whole.rows[1][7] == merkle.root(whole.rows[0][7 * 256 : 8 * 256])
    assert whole.rows[2][0] == merkle.root(whole.rows[0][:65_536])


@pytest.mark.slow
def test_roots_and_paths_are_those_of_the_whole_tree_at_every_size_up_to_600():
    """The tiles are always read at the widths of the size at hand, as a reader of an export has to."""
    leaves = tree(600).rows[0]
    for size in range(601):
        held = Tree(size)
        assert tile.root_at(held, size) == merkle.root(leaves[:size])
        assert tile.root_at(tree(600), size, of=600) == merkle.root(leaves[:size])
        for index in {0, 1, size // 3, 255, 256, size - 2, size - 1} & set(range(size)):
            assert tile.inclusion(held, index, size) == merkle.inclusion_path(leaves[:size], index)
        for old in {0, 1, size // 2, 255, 256, 257, size - 1, size} & set(range(size + 1)):
            assert tile.consistency(held, old, size) == merkle.consistency_path(leaves[:size], old)


@given(st.data())
def test_proofs_from_tiles_verify_in_a_tall_tree(data):
    size = data.draw(st.integers(1, TALL))
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    whole = tree(TALL)
    root = tile.root_at(whole, size)
    path = tile.inclusion(whole, index, size)
    merkle.verify_inclusion(whole.rows[0][index], index=index, size=size, root=root, path=path)
    steps = tile.consistency(whole, old, size)
    merkle.verify_consistency(old_size=old, old_root=tile.root_at(whole, old), new_size=size, new_root=root, path=steps)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 600, 65_535, 65_536, 65_537, TALL])
def test_a_proof_reads_two_tiles_a_level_at_most(size):
    whole = tree(TALL)
    levels = 1 + (size > 256) + (size > 65_536)
    for index in range(0, size, max(1, size // 50)):
        assert whole.cost(tile.inclusion, index, size) <= 2 * levels
        assert whole.cost(tile.consistency, index, size) <= 2 * levels
    assert whole.cost(tile.root_at, size) <= levels


def test_the_root_of_any_range_that_the_tree_is_cut_into_comes_from_tiles():
    whole = tree(600)
    for low, high in [(0, 512), (512, 600), (512, 576), (576, 592), (256, 512), (599, 600), (0, 600)]:
        assert tile.subtree_root(whole, low, high, 600) == merkle.root(whole.rows[0][low:high])


def test_an_index_or_a_size_outside_the_tree_is_refused():
    with pytest.raises(InclusionError, match="^index 5 is outside a tree of size 5$"):
        tile.inclusion(tree(600), 5, 5)
    with pytest.raises(InclusionError, match="^index -1 is outside a tree of size 5$"):
        tile.inclusion(tree(600), -1, 5)
    with pytest.raises(ConsistencyError, match="^no consistency path from size 6 to size 5$"):
        tile.consistency(tree(600), 6, 5)


def test_a_source_that_gives_too_few_hashes_is_refused():
    class Short:
        def tile(self, level, index, width):
            return [Hash(hashlib.sha256(b"").digest())] * (width - 1)

    with pytest.raises(FormatError, match="^tile/0/000.p/3: has 2 hashes, want 3$"):
        tile.root_at(Short(), 3)


def test_a_tile_is_read_once_and_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(OnceRead, "KEPT", 2)
    whole = tree(TALL)
    whole.reads = 0
    kept = OnceRead(whole)
    for _ in range(3):
        assert kept.tile(0, 0, 256) == whole.rows[0][:256]
        assert kept.tile(0, 0, 7) == whole.rows[0][:7]
    assert whole.reads == 1
    for index in (1, 2, 0):
        kept.tile(0, index, 256)
    assert whole.reads == 4


def test_a_tree_of_any_size_has_as_many_levels_as_its_size_says_and_what_a_leaf_adds_is_told_at_once():
    size = 2**63 - 1
    assert [level for level, _, _ in tiles_of(size, since=size - 1)] == [0]
    assert tiles_of(2**62, since=2**62 - 1) == [
        *((level, (2**62 >> 8 * level + 8) - 1, 256) for level in range(7)), (7, 0, 64)
    ]  # fmt: skip


def test_a_smaller_root_is_read_from_the_tiles_that_the_larger_tree_has():
    class Asked(Tree):
        def tile(self, level, index, width):
            asked.append((level, index, width))
            return super().tile(level, index, width)

    asked: list[tuple[int, int, int]] = []
    whole = Asked(600)
    assert tile.root_at(whole, 300, of=600) == merkle.root(whole.rows[0][:300])
    assert asked == [(1, 0, 2), (0, 1, 256)]
