"""A disk that loses its power: what of a recorded run survives, as strictly as POSIX allows.

A file's changes are durable once the file is synced; of those since then each may survive or not, in any order, a write also by sectors of
512 bytes. A folder's entries are durable once the folder is synced; of those since then the first few survive. A file that is synced in
a folder that is not has no name yet.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePosixPath

SECTOR = 512


@dataclass(frozen=True)
class Change:
    """Bytes written at an offset, or, without bytes, the file cut there."""

    offset: int
    data: bytes | None

    def done(self, content: bytes) -> bytes:
        """Return a file's content after it."""
        content = content[: self.offset] if self.data is None else content
        content = content.ljust(self.offset, b"\0")
        return content if self.data is None else content[: self.offset] + self.data + content[self.offset + len(self.data) :]

    def torn(self, lot: random.Random) -> list[Change]:
        """Return those of its sectors that survive."""
        if self.data is None:
            return [self]
        end = self.offset + len(self.data)
        edges = [self.offset, *range((self.offset // SECTOR + 1) * SECTOR, end, SECTOR), end]
        pieces = [Change(start, self.data[start - self.offset : stop - self.offset]) for start, stop in pairwise(edges)]
        return [piece for piece in pieces if lot.random() < 0.5]


@dataclass(eq=False)
class File:
    """A file: what of it is durable, and what was done since."""

    durable: bytes = b""
    pending: list[Change] = field(default_factory=list)

    def synced(self) -> None:
        """Make all of it durable."""
        for change in self.pending:
            self.durable = change.done(self.durable)
        self.pending.clear()

    def survives(self, lot: random.Random, share: float) -> bytes:
        """Return what is left of it: of each change about this share, all of it or some sectors."""
        content = self.durable
        for change in self.pending:
            drawn = lot.random()
            kept = [change] if drawn < share else change.torn(lot) if drawn < share + 0.2 and 0 < share < 1 else []
            for piece in kept:
                content = piece.done(content)
        return content


@dataclass(eq=False)
class Folder:
    """A folder: which of its entries are durable, what was done to them since, and what a program sees."""

    durable: dict[str, File | Folder] = field(default_factory=dict)
    pending: list[Mapping[str, File | Folder | None]] = field(default_factory=list)
    seen: dict[str, File | Folder] = field(default_factory=dict)

    def change(self, entries: Mapping[str, File | Folder | None]) -> None:
        """Change entries together: a name that is given nothing is gone."""
        self.pending.append(entries)
        _apply(self.seen, entries)

    def synced(self) -> None:
        """Make its entries durable."""
        self.durable = dict(self.seen)
        self.pending.clear()

    def survives(self, lot: random.Random, share: float) -> dict[str, bytes | None]:
        """Return what is left within it, by path: a file's bytes, None for a folder."""
        entries = dict(self.durable)
        count = round(share * len(self.pending)) if share in (0, 1) else lot.randint(0, len(self.pending))
        for change in self.pending[:count]:
            _apply(entries, change)
        left: dict[str, bytes | None] = {}
        for name, node in entries.items():
            if isinstance(node, File):
                left[name] = node.survives(lot, share)
            else:
                left |= {name: None} | {f"{name}/{path}": content for path, content in node.survives(lot, share).items()}
        return left


def _apply(entries: dict[str, File | Folder], change: Mapping[str, File | Folder | None]) -> None:
    for name, node in change.items():
        if node is None:
            entries.pop(name, None)
        else:
            entries[name] = node


class Disk:
    """The files under one folder, changed by the system calls of a run."""

    def __init__(self, top: str) -> None:
        self.top = top
        self.root = Folder()
        self._at: dict[str, int] = {}

    def node(self, path: str) -> File | Folder | None:
        """Return what a program sees at a path."""
        if not path.startswith(f"{self.top}/"):
            return self.root if path == self.top else None
        found: File | Folder | None = self.root
        for name in path.removeprefix(f"{self.top}/").split("/"):
            found = found.seen.get(name) if isinstance(found, Folder) else None
        return found

    def _entry(self, path: str) -> tuple[Folder, str] | None:
        place = PurePosixPath(path)
        folder = self.node(str(place.parent))
        return (folder, place.name) if isinstance(folder, Folder) else None

    def make(self, path: str, node: File | Folder) -> None:
        """Make a file or a folder."""
        if entry := self._entry(path):
            entry[0].change({entry[1]: node})

    def opened(self, path: str, flags: str) -> None:
        """Open a file, and make or empty it where the flags say so."""
        self._at[path] = 0
        file = self.node(path)
        if file is None and "O_CREAT" in flags:
            self.make(path, File())
        elif isinstance(file, File) and "O_TRUNC" in flags:
            file.pending.append(Change(0, None))

    def written(self, path: str, data: bytes, offset: int | None = None) -> None:
        """Write to a file, where it was written last if no offset is given."""
        file = self.node(path)
        if isinstance(file, File):
            start = self._at.get(path, 0) if offset is None else offset
            file.pending.append(Change(start, data))
            if offset is None:
                self._at[path] = start + len(data)

    def cut(self, path: str, size: int) -> None:
        """Cut a file."""
        if isinstance(file := self.node(path), File):
            file.pending.append(Change(size, None))

    def moved(self, old: str, new: str) -> None:
        """Rename within a folder, over what was there."""
        entry, target, node = self._entry(old), self._entry(new), self.node(old)
        if entry and target and node:
            assert entry[0] is target[0], "a rename from folder to folder is not played"
            entry[0].change({entry[1]: None, target[1]: node})

    def gone(self, path: str) -> None:
        """Remove a file."""
        if entry := self._entry(path):
            entry[0].change({entry[1]: None})

    def synced(self, path: str) -> None:
        """Make a file or a folder's entries durable."""
        if node := self.node(path):
            node.synced()
