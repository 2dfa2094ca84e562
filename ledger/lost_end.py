"""The lost end of a log: which records stood behind a size, and in which order. Pure: what was found is handed in.

A receipt says at which index its record stands. A record without one, whose receipt was lost or never came, fits where its key's chain
leaves room; among several orders the signed roots decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ledger.errors import RollbackError
from ledger.record import Record
from ledger.tlog import merkle
from ledger.tlog.merkle import Frontier, Hash

TRIES = 100_000
"""So many placings of records without a receipt are tried."""


@dataclass
class Found:
    """What was found of a log: records by index, records of which no index is known, and signed roots by size."""

    placed: dict[int, Record] = field(default_factory=dict)
    unplaced: dict[tuple[str, int], list[Record]] = field(default_factory=dict)
    """By key and seq; a key may have signed one anew."""
    roots: dict[int, Hash] = field(default_factory=dict)

    def place(self, index: int, record: Record) -> None:
        """Take a record that a receipt or an export puts at an index."""
        self.placed[index] = record

    def add(self, record: Record) -> None:
        """Take a record of which only its key's chain says where it stands."""
        self.unplaced.setdefault((record.header.key, record.header.seq), []).append(record)


def order(found: Found, *, head: Frontier, seqs: Mapping[str, int], size: int) -> list[Record]:
    """Return the records from a frontier to a size, in the order that leads to every signed root on the way.

    Args:
        found: What was found. There is a root at `size`.
        head: The log's frontier where its end was lost.
        seqs: The seq that each key signs next there, where it is not 0.
        size: The size to be reached.

    Raises:
        RollbackError: Records are missing, or no order leads to the roots.
    """
    begin, tries, deepest = head.size, 0, head.size
    frontiers, chosen = [head], [_fitting(found, head.size, seqs, [])]
    records: list[Record] = []
    while len(records) < size - begin:
        candidate = next(chosen[-1], None)
        if candidate is None:  # nothing else fits here: another choice further ahead
            chosen.pop()
            if not chosen:
                raise _unreachable(found, begin=begin, size=size, deepest=deepest)
            frontiers.pop()
            records.pop()
            continue
        place = begin + len(records)
        if place not in found.placed:
            tries += 1
            if tries > TRIES:
                raise RollbackError(f"of the records without a receipt {TRIES:,} orders were tried, and none leads to the signed root")
        frontier = frontiers[-1].append(merkle.leaf_hash(candidate.note))
        deepest = max(deepest, place)
        if found.roots.get(frontier.size, frontier.root()) != frontier.root():
            continue
        records.append(candidate)
        frontiers.append(frontier)
        chosen.append(_fitting(found, frontier.size, seqs, records))
    return records


def _fitting(found: Found, place: int, seqs: Mapping[str, int], before: Sequence[Record]) -> Iterator[Record]:
    """Yield the records that can stand at a place behind others."""
    if place in found.placed:
        yield found.placed[place]
        return
    signed: dict[str, int] = {record.header.key: record.header.seq + 1 for record in before}
    for (key, seq), records in sorted(found.unplaced.items()):
        if seq == signed.get(key, seqs.get(key, 0)):
            yield from records


def _unreachable(found: Found, *, begin: int, size: int, deepest: int) -> RollbackError:
    missing = [place for place in range(begin, size) if place not in found.placed]
    if not missing:
        return RollbackError(
            f"the record found for index {deepest} does not lead to the root that was signed for",
            hint="two histories of one ledger: keep all files, they prove it",
        )
    return RollbackError(
        f"records {begin} to {size - 1} were lost; no receipt places {ranges(missing)}, and no record without a receipt fits there",
        hint="give the outbox of every key that signed, the registrar's too, or a newer export",
    )


def ranges(places: Sequence[int]) -> str:
    """Return ascending numbers as a person writes them: 3 to 5, 9."""
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and runs[-1][1] == place - 1:
            runs[-1] = (runs[-1][0], place)
        else:
            runs.append((place, place))
    said = [str(first) if first == last else f"{first} to {last}" for first, last in runs]
    return ", ".join(said[:8]) + (f" and {len(said) - 8} more" if len(said) > 8 else "")  # noqa: PLR2004 - as many as fit a line
