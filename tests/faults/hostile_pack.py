"""Hostile files read by the program: whether it says of each what was found right, and none costs more than it may."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from figure import Figure
from ground import Ground
from pack import every
from reading import Reading, Verdict, read, verdicts


def measure(amount: int, seed: int, folder: Path) -> Figure:
    """Read so many files of the pack, evenly spread over it."""
    kept = verdicts()
    step = max(1, len(kept) // amount)
    ground = Ground(folder)
    readings: list[tuple[str, Reading, list[str]]] = []
    for hostile in islice(every(), seed % step, None, step):
        reading = read(hostile, ground)
        readings.append((hostile.name, reading, [*reading.wrong, *misjudged(reading.verdict, kept.get(hostile.name))]))
    bad = [f"{name}: {one}" for name, _, found in readings for one in found]
    exits = Counter(reading.verdict[0] for _, reading, _ in readings)
    also = {
        "of the pack": len(kept),
        "accepted, as they should be": exits[0],
        "false HOLDS": sum(reading.verdict[0] == 0 != kept.get(name, (1, ""))[0] for name, reading, _ in readings),
        "refused": exits[1] + exits[2] + exits[3],
        "slowest in s": round(max(reading.seconds for _, reading, _ in readings), 2),
        "largest in MB": max(reading.megabytes for _, reading, _ in readings),
    }
    return Figure(len(readings), "hostile files", sum(bool(found) for *_, found in readings), also, tuple(bad[:5]))


def misjudged(found: Verdict, kept: Verdict | None) -> Sequence[str]:
    """Return how a verdict differs from the one that is checked in."""
    if kept is None:
        return ["has no verdict that is checked in"]
    if found == kept:
        return []
    gravest = "a false HOLDS: " if found[0] == 0 != kept[0] else ""
    return [f"{gravest}exit {found[0]}, want {kept[0]}: {found[1]!r}, want {kept[1]!r}"]
