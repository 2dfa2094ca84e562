"""Clocks that are set back, ahead, or stand still: nothing is refused, the log's time never goes back, the audit says what it sees.

The log's clock and the signer's are drawn by lot for every record, years apart.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from functools import partial
from pathlib import Path

from books import TIME
from client import KEY, booking, founded, opened
from figure import Figure
from house import House
from kills import FIRST
from ledger.desk import Desk
from ledger.plausibility import EARLY, LATE
from ledger.store.store import Store
from schemas.identifier import moment

RECORDS = 6
SECONDS = (-1, 0, 1, 946_684_800, 1_772_460_300, 1_772_460_300, 2**31 - 1, 2**31, 253_402_300_799)
"""What a log's clock may say: before 1970, 2000, a day in 2026 twice, both sides of 2038, the last second of 9999."""
MADE = ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2024-02-29T23:59:59Z", TIME, TIME, "2026-03-03T14:05:00Z", "9999-12-31T23:59:59Z")
"""What a signer's clock may say."""


def clocks(amount: int, seed: int, folder: Path) -> Figure:
    """Append records with clocks that say anything, until there were so many."""
    lot = random.Random(seed)
    template = founded(folder / "template")
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for turn in range(amount // RECORDS):
        template.copy(folder / f"ledger-{turn}")
        said = [(lot.choice(SECONDS), lot.choice(MADE)) for _ in range(RECORDS)]
        problems = _written(opened(folder / f"ledger-{turn}"), said, counts)
        if problems:
            wrong.append(f"ledger {turn} (seed {seed}) with clocks {said}: {'; '.join(problems[:3])}")
    return Figure(amount // RECORDS * RECORDS, "records", len(wrong), dict(sorted(counts.items())), tuple(wrong[:FIRST]))


def _written(house: House, said: list[tuple[int, str]], counts: Counter[str]) -> list[str]:
    """Append one record for each pair of clocks, and return what is wrong."""
    outbox, wanted = house.desk(KEY).outbox, Counter[str]()
    before = _times(house)
    last = before[-1]
    for number, (seconds, made) in enumerate(said):
        house.clock.now = seconds - 1
        Desk(house.desk(KEY).signer, outbox, partial(str, made), house.salts).write(house.log(), [[booking(number)]])
        lag: timedelta = moment(made) - moment(TIME)
        wanted["backdated"] += lag > LATE
        wanted["future-dated"] += -lag > EARLY
        counts["clock set back"] += seconds < last
        last = max(last, seconds)
    report, times = house.audit(), _times(house)
    flags = Counter(finding.code for finding in report.findings)
    problems = [finding.message for finding in report.findings if finding.severity == "broken"]
    problems += [f"{flags[code]} records are flagged as {code}, {count} are" for code, count in wanted.items() if flags[code] != count]
    if times != sorted(times) or times[-1] != last or len(times) != len(before) + len(said):
        problems.append(f"the log's times are {times}")
    counts.update(wanted)
    return problems


def _times(house: House) -> list[int]:
    """Return the times of all checkpoints."""
    with Store(house.path).reading() as view:
        return [time for _, _, time, _ in Store.checkpoints(view)]
