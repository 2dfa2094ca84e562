"""Eight processes, each with a key of its own, race for the same batch: no more of them win than there is metal for, and no fewer.

In each round all want the same mass, drawn by lot: the whole batch, or a part that suffices for some of them.
"""

from __future__ import annotations

import multiprocessing as mp
import random
from collections import Counter
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import Empty
from typing import Any

from figure import Figure
from house import House, disposal, enrolment, receipt
from kills import FIRST, FORK, served
from ledger.errors import AmountError, OverdrawnError, StaleError
from ledger.matter.balance import balances
from ledger.replay import replay

RACERS = 8
HELD_KG = 10
WANTED_KG = (10, 10, 6, 4, 3, 2)
WON = "won"
LOSES = {error.__name__ for error in (AmountError, OverdrawnError, StaleError)}
SECONDS = 120
LEAD_MG_PER_KG = 750_000


def races_sqlite(amount: int, seed: int, folder: Path) -> Figure:
    """Race in a file."""
    return _races(amount, seed, folder)


def races_postgresql(amount: int, seed: int, folder: Path) -> Figure:
    """Race on a server."""
    with served():
        return _races(amount, seed, folder)


def _races(amount: int, seed: int, folder: Path) -> Figure:
    wanted = random.Random(seed).choices(WANTED_KG, k=amount)
    house = House.found(folder)
    house.admit("keystone")
    house.write("keystone/1", *(enrolment("keystone", str(number)) for number in range(2, RACERS + 1)))
    house.write("keystone/1", *(receipt(f"keystone:B{turn}", str(HELD_KG)) for turn in range(amount)))
    before = len(house.entries())
    found = _raced(folder, wanted)
    wrong = []
    for turn, (mass, outcomes) in enumerate(zip(wanted, found, strict=True)):
        if outcomes[WON] != HELD_KG // mass or outcomes.total() != RACERS or outcomes.keys() - {WON} - LOSES:
            wrong.append(f"round {turn} (seed {seed}): {RACERS} wanted {mass} kg of {HELD_KG} kg: {dict(sorted(outcomes.items()))}")
    wins = sum(outcomes[WON] for outcomes in found)
    broken = _broken(house, entries=before + wins, gone=sum(mass * outcomes[WON] for mass, outcomes in zip(wanted, found, strict=True)))
    also = {"racers": RACERS, "wins": wins, "rounds with one winner": sum(mass * 2 > HELD_KG for mass in wanted)}
    return Figure(amount, "races", len(wrong) + len(broken), also, tuple([*broken, *wrong][:FIRST]))


def _raced(folder: Path, wanted: Sequence[int]) -> list[Counter[str]]:
    """Let the racers race, and return how often each outcome came of each round."""
    barrier, results = FORK.Barrier(RACERS), FORK.Queue()
    racers: list[BaseProcess] = [
        FORK.Process(target=_race, args=(folder, number, wanted, barrier, results), daemon=True) for number in range(1, RACERS + 1)
    ]
    for racer in racers:
        racer.start()
    found = [Counter[str]() for _ in wanted]
    try:
        for _ in range(RACERS * len(wanted)):
            turn, outcome = results.get(timeout=SECONDS)
            found[turn][outcome] += 1
    except Empty:
        for racer in racers:
            racer.kill()
    for racer in racers:
        racer.join()
    return found


def _race(folder: Path, number: int, wanted: Sequence[int], barrier: Any, results: mp.Queue[tuple[int, str]]) -> None:
    """Try for each round's mass when all are there, and say what came of it."""
    house = House(folder)
    log, desk = house.log(busy_seconds=60), house.desk(f"keystone/{number}")
    for turn, mass in enumerate(wanted):
        event = disposal(f"keystone:B{turn}", str(mass))
        barrier.wait(SECONDS)
        try:
            desk.write(log, [[event]])
            results.put((turn, WON))
        except Exception as refusal:  # noqa: BLE001 - the parent judges what it was
            results.put((turn, type(refusal).__name__))


def _broken(house: House, *, entries: int, gone: int) -> list[str]:
    """Return what the ledger shows to be wrong after the races."""
    report = house.audit()
    broken = [finding.message for finding in report.findings if finding.severity == "broken"]
    if len(house.entries()) != entries:
        broken.append(f"the log has {len(house.entries())} records, {entries} were acknowledged")
    memory = replay(house.entries()).memory
    lead = balances(memory.bookings.values(), memory.all_batches())["Pb"]
    if lead.difference or lead.disposed != gone * LEAD_MG_PER_KG:
        broken.append(f"{lead.disposed} mg of lead were disposed of, {gone * LEAD_MG_PER_KG} mg acknowledged")
    return broken
