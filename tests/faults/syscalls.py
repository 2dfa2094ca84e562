"""Faults put into the system calls of an append one by one: killed before it, an error once, an error from there on.

The calls are those that touch the ledger's folder: database, journal, mark, outbox and key folder. Where the program said "error" and the
record is in the log all the same, the outcome was indeterminate to its client, and sending again settles it.
"""

from __future__ import annotations

import random
import re
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from client import Client, Say, founded
from figure import Figure
from house import House
from kills import FIRST
from tracing import Call, killed, traced

CHANGING = ("openat", "pwrite64", "write", "fsync", "fdatasync", "ftruncate", "rename", "unlink", "mkdir")
ASKING = ("pread64", "read", "newfstatat", "getdents64", "fcntl", "flock", "lseek")
FAULTS = {
    "signal=KILL:when={}": CHANGING,
    "error=EIO:when={}": CHANGING + ASKING,
    "error=EIO:when={}+": CHANGING + ASKING,
    "error=ENOSPC:when={}": CHANGING,
    "error=ENOSPC:when={}+": CHANGING,
}
_QUOTED = re.compile(r'[<"](/[^">]*)[">]')


@dataclass(frozen=True)
class Point:
    """One call among those of its name, and what happens to it."""

    name: str
    number: int
    fault: str

    def __str__(self) -> str:
        """Return what strace is told."""
        return f"{self.name}:{self.fault.format(self.number)}"


class Bench:
    """A ledger that is put back to the same state before each fault, always in the same folder."""

    def __init__(self, folder: Path, template: House) -> None:
        self.template = template
        self.folder, self.trace = folder / "ledger", folder / "trace"
        self.options: list[str] = ["-y"]

    def fresh(self) -> Client:
        """Put the ledger back, and return a client of it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        return Client(self.template.copy(self.folder).folder)

    def only_files_of(self, calls: list[Call]) -> None:
        """Trace from now on only calls that touch the files which these touched in the ledger's folder, less what `House` asks itself."""
        paths = {path for call in calls for path in _QUOTED.findall(call.rest) if path.startswith(str(self.folder))}
        paths.discard(str(self.folder / "place"))
        self.options = ["-y", *(part for path in sorted(paths) for part in ("-P", path))]

    def points(self, calls: list[Call]) -> list[Point]:
        """Return every fault for every call."""
        counts = Counter(call.name for call in calls)
        return [Point(name, number, fault) for fault, names in FAULTS.items() for name in names for number in range(1, counts[name] + 1)]

    def append(self, client: Client, point: Point | None = None) -> list[Call]:
        """Let a client book once, with a fault or none."""
        return traced(lambda say: client.work(say, bookings=1), self.told(point), self.trace, hear=client.hear)

    def recover(self, client: Client, point: Point | None = None) -> list[Call]:
        """Let a client recover, with a fault or none."""

        def recovering(_: Say) -> None:
            client.recover()

        return traced(recovering, self.told(point), self.trace, hear=client.hear)

    def told(self, point: Point | None) -> list[str]:
        """Return the options of strace for a fault."""
        return self.options if point is None else [*self.options, "-e", f"trace={point.name}", "-e", f"inject={point}"]

    def struck(self) -> bool:
        """Say whether the fault came to pass."""
        return "(INJECTED)" in self.trace.read_text(errors="replace") or killed(self.trace)


def bench(folder: Path) -> tuple[Bench, list[Point]]:
    """Make a bench, and return the faults for every call of an append."""
    made = Bench(folder, founded(folder / "template"))
    made.only_files_of(made.append(made.fresh()))
    return made, made.points(made.append(made.fresh()))


def syscalls(amount: int, seed: int, folder: Path) -> Figure:
    """Put a fault into an append, as many of all there are as are asked for, and look what is left."""
    place, points = bench(folder)
    chosen = points if amount >= len(points) else random.Random(seed).sample(points, amount)
    counts: Counter[str] = Counter({"points there are": len(points)})
    tried, wrong = 0, []
    for point in chosen:
        client = place.fresh()
        place.append(client, point)
        if not place.struck():
            counts["not reached"] += 1
            continue
        tried += 1
        problems = _judged(client, point, counts)
        if problems:
            wrong.append(f"{point}: {'; '.join(problems[:3])}")
    return Figure(tried, "faults", len(wrong), dict(sorted(counts.items())), tuple(wrong[:FIRST]))


def _judged(client: Client, point: Point, counts: Counter[str]) -> list[str]:
    """Count what a client was told, and return what is wrong with that or with what is left."""
    told, refusals = bool(client.acknowledged), list(client.refusals)
    outcome = client.recover()
    durable = outcome.counts["durable though not acknowledged"] > 0
    counts["killed"] += "KILL" in point.fault
    counts["acknowledged all the same"] += told
    counts["told of an error"] += bool(refusals)
    counts["told of an error, and the record is in the log"] += bool(refusals) and durable
    counts["sent again"] += outcome.counts["sent again"]
    problems = outcome.problems + [refusal for refusal in refusals if refusal.startswith("not in our words")]
    if "KILL" not in point.fault and not told and not refusals:
        problems.append("the client was told nothing")
    return problems


def double_faults(amount: int, seed: int, folder: Path) -> Figure:
    """Kill a client amid an append, then put a second fault into its recovery."""
    numbers = random.Random(seed)
    place, points = bench(folder)
    kills = [point for point in points if "KILL" in point.fault]
    plain = place.options
    counts: Counter[str] = Counter()
    tried, wrong = 0, []
    while tried < amount:
        first = numbers.choice(kills)
        place.options = plain
        client = place.fresh()
        place.append(client, first)
        crashed = Bench(folder / "second", House(place.folder))
        crashed.only_files_of(crashed.recover(_like(client, crashed)))
        second = numbers.choice(crashed.points(crashed.recover(_like(client, crashed))))
        again = _like(client, crashed)
        crashed.recover(again, second)
        if not crashed.struck():
            counts["not reached"] += 1
            continue
        tried += 1
        counts["second fault a kill"] += "KILL" in second.fault
        outcome = again.recover()
        counts["sent again"] += outcome.counts["sent again"]
        if outcome.problems:
            wrong.append(f"{first}, then {second} (seed {seed}): {'; '.join(outcome.problems[:3])}")
    return Figure(tried, "pairs of faults", len(wrong), dict(sorted(counts.items())), tuple(wrong[:FIRST]))


def _like(client: Client, place: Bench) -> Client:
    """Return a client that knows the same, of a ledger in the same state."""
    fresh = place.fresh()
    return Client(fresh.folder, client.begun, dict(client.acknowledged))
