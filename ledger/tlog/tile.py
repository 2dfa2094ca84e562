"""Tiles: 256 hashes of one level of the tree, stored as the log grows (c2sp.org/tlog-tiles).

Tile n of level l holds the roots of 256 consecutive full subtrees of 256^l leaves, from subtree 256·n on; level 0 holds leaf hashes. The
last tile of a level may be partial. Every hash of a proof lies in a tile, or is computed from hashes of one tile, so a proof reads a
handful of tiles whatever the size of the log. Entries stand in bundles of the same shape, each behind its length in two bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from ledger.errors import ConsistencyError, FormatError, InclusionError
from ledger.tlog.merkle import HASH_BYTES, Hash, joined_root, middle_of
from ledger.tlog.merkle import root as root_of
from ledger.tlog.note import MAX_RECORD_BYTES

WIDTH: Final = 256
HEIGHT: Final = 8
MAX_LEVEL: Final = 63

_LENGTH_BYTES: Final = 2
_DIGITS: Final = 1000
_PATH: Final = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*)([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


class Nodes(Protocol):
    """What has tiles: a store, an export, a tree in memory."""

    def tile(self, level: int, index: int, width: int) -> Sequence[Hash]:
        """Return the first hashes of a tile.

        Args:
            level: 0 for leaf hashes.
            index: Which tile of the level.
            width: How many of its hashes, 1 to 256.
        """


class OnceRead:
    """Tiles of a source that does not change meanwhile, each read once: neighbouring hashes of a proof lie in one tile."""

    KEPT: Final = 1024

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._held: dict[tuple[int, int], Sequence[Hash]] = {}

    def tile(self, level: int, index: int, width: int) -> Sequence[Hash]:
        """Return the first hashes of a tile.

        Raises:
            FormatError: The source gives another number of hashes than it was asked for.
        """
        held = self._held.get((level, index), ())
        if len(held) < width:
            held = self._nodes.tile(level, index, width)
            if len(held) != width:
                raise FormatError(f"has {len(held)} hashes, want {width}", file=path_of(level, index, width))
            if len(self._held) >= self.KEPT:
                self._held.clear()
            self._held[level, index] = held
        return held[:width]


class Tiling:
    """The tiles of a tree as it grows by one leaf at a time. Of each level only the last, unfinished tile is kept."""

    def __init__(self, full: Callable[[int, int, Sequence[Hash]], None]) -> None:
        """Call `full` with level, index and hashes of each tile as it becomes full."""
        self._full = full
        self._rows: list[list[Hash]] = []
        self._counts: list[int] = []

    def append(self, leaf: Hash) -> None:
        """Take in the next leaf hash."""
        filled, level = leaf, 0
        while True:
            if level == len(self._rows):
                self._rows.append([])
                self._counts.append(0)
            row = self._rows[level]
            row.append(filled)
            if len(row) < WIDTH:
                return
            self._full(level, self._counts[level], row)
            self._rows[level] = []
            self._counts[level] += 1
            filled, level = root_of(row), level + 1

    def rest(self) -> list[tuple[int, int, Sequence[Hash]]]:
        """Return level, index and hashes of the partial tiles at the right edge."""
        return [(level, self._counts[level], row) for level, row in enumerate(self._rows) if row]


def subtrees(leaves: Iterable[Hash]) -> list[tuple[int, int, Hash]]:
    """Return level (1 and up), index and root of every full subtree of 256^level leaves: what tiles above level 0 consist of."""
    found: list[tuple[int, int, Hash]] = []
    tiling = Tiling(lambda level, index, hashes: found.append((level + 1, index, root_of(hashes))))
    for leaf in leaves:
        tiling.append(leaf)
    return found


def path_of(level: int | None, index: int, width: int = WIDTH) -> str:
    """Return where a tile lies under the log's prefix; a level of None is an entry bundle."""
    parts = [f"{index % _DIGITS:03d}"]
    rest = index // _DIGITS
    while rest:
        parts.append(f"x{rest % _DIGITS:03d}")
        rest //= _DIGITS
    name = "entries" if level is None else str(level)
    return f"tile/{name}/{'/'.join(reversed(parts))}" + ("" if width == WIDTH else f".p/{width}")


def parse_path(path: str) -> tuple[int | None, int, int]:
    """Return level (None for entries), index and width of a tile's path.

    Raises:
        FormatError: It is no path of a tile.
    """
    found = _PATH.fullmatch(path)
    if found is None:
        raise FormatError(f"{path!r} is no path of a tile")
    name, above, last, partial = found.groups()
    index = int(above.replace("x", "").replace("/", "") + last)
    width = WIDTH if partial is None else int(partial)
    level = None if name == "entries" else int(name)
    if (level or 0) > MAX_LEVEL or width > WIDTH or path_of(level, index, width) != path:
        raise FormatError(f"{path!r} is no path of a tile")
    return level, index, width


def tiles_of(size: int, *, since: int = 0) -> list[tuple[int, int, int]]:
    """Return level, index and width of every tile of a tree that a tree of an earlier size did not have, from level 0 up."""
    found = []
    level = 0
    while count := size >> HEIGHT * level:
        before = since >> HEIGHT * level
        for index in range(before // WIDTH, (count + WIDTH - 1) // WIDTH):
            width = min(WIDTH, count - index * WIDTH)
            if index * WIDTH + width > before:
                found.append((level, index, width))
        level += 1
    return found


def format_tile(hashes: Iterable[Hash]) -> bytes:
    """Write a tile: its hashes, one after the other."""
    return b"".join(hashes)


def parse_tile(data: bytes, *, width: int, where: str) -> list[Hash]:
    """Read a tile.

    Raises:
        FormatError: It does not have that many hashes.
    """
    if len(data) != width * HASH_BYTES:
        raise FormatError(f"a tile of {width} hashes has {width * HASH_BYTES} bytes, got {len(data)}", file=where)
    return [Hash(data[at : at + HASH_BYTES]) for at in range(0, len(data), HASH_BYTES)]


def format_bundle(entries: Iterable[bytes]) -> bytes:
    """Write an entry bundle: each entry behind its length in two bytes, big endian."""
    return b"".join(len(entry).to_bytes(_LENGTH_BYTES, "big") + entry for entry in entries)


def parse_bundle(data: bytes, *, width: int, where: str) -> list[bytes]:
    """Read an entry bundle.

    Raises:
        FormatError: It breaks off, or holds another number of entries.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + _LENGTH_BYTES], "big")
        at += _LENGTH_BYTES + length
        if at > len(data):
            raise FormatError(f"entry {len(entries)} of the bundle breaks off", file=where)
        entries.append(data[at - length : at])
    if len(entries) != width:
        raise FormatError(f"the bundle has {len(entries)} entries, want {width}", file=where)
    return entries


MAX_BUNDLE_BYTES: Final = WIDTH * (_LENGTH_BYTES + MAX_RECORD_BYTES)


def subtree_root(nodes: Nodes, low: int, high: int, size: int) -> Hash:
    """Return the root over the leaves from `low` up to, not including, `high`, a range that RFC 9162 cuts a tree of this size into.

    Such a range begins at a multiple of the largest power of two that it holds, so it consists of perfect subtrees, each within one tile.
    """
    parts: list[Hash] = []
    nodes = nodes if isinstance(nodes, OnceRead) else OnceRead(nodes)
    at = low
    while at < high:
        height = (high - at).bit_length() - 1
        level = height // HEIGHT
        first = at >> HEIGHT * level
        count = 1 << height - HEIGHT * level
        held = (size >> HEIGHT * level) - first // WIDTH * WIDTH
        hashes = nodes.tile(level, first // WIDTH, min(WIDTH, held))
        offset = first % WIDTH
        parts.append(root_of(hashes[offset : offset + count]))
        at += 1 << height
    return joined_root(parts)


def root_at(nodes: Nodes, size: int, *, of: int | None = None) -> Hash:
    """Return the root at a size, of a tree that is perhaps larger (`of`)."""
    return subtree_root(nodes, 0, size, size if of is None else of)


def inclusion(nodes: Nodes, index: int, size: int) -> list[Hash]:
    """Return the inclusion path of a leaf (RFC 9162, section 2.1.3.1), from its sibling up.

    Raises:
        InclusionError: The index is outside the tree.
    """
    if not 0 <= index < size:
        raise InclusionError(f"index {index} is outside a tree of size {size}")
    path: list[Hash] = []
    nodes = OnceRead(nodes)
    low, high = 0, size
    while high - low > 1:
        middle = middle_of(low, high)
        if index < middle:
            path.append(subtree_root(nodes, middle, high, size))
            high = middle
        else:
            path.append(subtree_root(nodes, low, middle, size))
            low = middle
    return path[::-1]


def consistency(nodes: Nodes, old_size: int, size: int) -> list[Hash]:
    """Return the consistency path from an older size (RFC 9162, section 2.1.4.1).

    Raises:
        ConsistencyError: The older size is larger than the tree.
    """
    if not 0 <= old_size <= size:
        raise ConsistencyError(f"no consistency path from size {old_size} to size {size}")
    if old_size == 0:
        return []
    path: list[Hash] = []
    nodes = OnceRead(nodes)
    low, high = 0, size
    while old_size != high:
        middle = middle_of(low, high)
        if old_size <= middle:
            path.append(subtree_root(nodes, middle, high, size))
            high = middle
        else:
            path.append(subtree_root(nodes, low, middle, size))
            low = middle
    if low:
        path.append(subtree_root(nodes, low, high, size))
    return path[::-1]
