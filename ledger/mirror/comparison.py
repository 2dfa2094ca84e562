"""Comparing every tile of an export with the tree over its entries."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.mirror.source import Mirror, MirrorError, MissingFileError
from ledger.replay import broken
from ledger.tlog.merkle import Hash
from ledger.tlog.tile import HEIGHT, Tiling, path_of
from schemas.finding import Finding


class Comparison:
    """Takes the leaves of an export in order through `tiling`, and compares each tile as soon as it is known; memory stays small."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self.findings: list[Finding] = []
        self._bad: dict[tuple[int, int], int] = {}
        self.tiling = Tiling(self._compare)

    def finish(self) -> None:
        """Compare the partial tiles at the right edge."""
        for level, index, hashes in self.tiling.rest():
            self._compare(level, index, hashes)

    def _compare(self, level: int, index: int, hashes: Sequence[Hash]) -> None:
        path = path_of(level, index, len(hashes))
        first = index << HEIGHT * (level + 1)
        try:
            found = self._mirror.tile(level, index, len(hashes))
        except MissingFileError as refusal:
            self.findings.append(broken("file-missing", first, str(refusal), file=path))
            return
        except MirrorError as refusal:
            self.findings.append(broken("tile-mismatch", first, str(refusal), file=path))
            return
        for place, (got, want) in enumerate(zip(found, hashes, strict=True)):
            if got != want:
                # Where a tile below differs already, that says more closely which entry it is.
                below = self._bad.get((level - 1, (index << HEIGHT) + place))
                entry = first + (place << HEIGHT * level) if below is None else below
                self._bad[level, index] = entry
                self.findings.append(
                    broken(
                        "tile-mismatch",
                        entry,
                        f"{path} has {got.hex()} as its hash {place}, the entries lead to {want.hex()}",
                        file=path,
                        got=got.hex(),
                        want=want.hex(),
                    )
                )
                return
