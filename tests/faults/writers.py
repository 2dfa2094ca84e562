"""Eight writers in eight processes, half of them of a second instance that was started by mistake, append to one ledger at once.

Each has a key of its own and all have the log's key; the second instance has a copy of the key folder, and so a mark of its own.
"""

from __future__ import annotations

import multiprocessing as mp
import shutil
from dataclasses import replace
from pathlib import Path
from queue import Empty

from figure import Figure
from house import House, disposal, enrolment, receipt
from kills import FIRST, FORK, served
from ledger.mark import read_mark
from ledger.store.store import Store
from ledger.tlog.checkpoint import parse_checkpoint
from ledger.tlog.note import parse_note

WRITERS = 8
SECONDS = 120
SECOND = "second"
Told = tuple[int, int, str, bytes] | tuple[int, str]
"""What a writer was told: a record's index, its id and the checkpoint that covers it, or why it was refused."""


def writers_sqlite(amount: int, seed: int, folder: Path) -> Figure:
    """Write to a file."""
    return _writers(amount, seed, folder)


def writers_postgresql(amount: int, seed: int, folder: Path) -> Figure:
    """Write to a server."""
    with served():
        return _writers(amount, seed, folder)


def _writers(amount: int, _: int, folder: Path) -> Figure:
    house = House.found(folder)
    house.admit("keystone")
    house.write("keystone/1", *(enrolment("keystone", str(number)) for number in range(2, WRITERS + 1)))
    house.write("keystone/1", receipt("keystone:STOCK", "100000"))
    shutil.copytree(house.keys, folder / SECOND)
    before = len(house.entries())
    told = _told(folder, amount // WRITERS)
    acknowledged = [(one[1], one[2], one[3]) for one in told if len(one) == 4]
    wrong = [f"writer {one[0]} was refused: {one[1]}" for one in told if len(one) == 2]
    if len(told) != amount // WRITERS * WRITERS:
        wrong.append(f"{len(told)} of {amount} writes came back")
    wrong += _broken(house, acknowledged, before)
    also = {"writers": WRITERS, "checkpoints that cover them": len({note for _, _, note in acknowledged})}
    return Figure(len(acknowledged), "appends", len(wrong), also, tuple(wrong[:FIRST]))


def _told(folder: Path, each: int) -> list[Told]:
    """Let all write, and return what they were told."""
    barrier, results = FORK.Barrier(WRITERS), FORK.Queue()

    def write(number: int) -> None:
        house = House(folder)
        log, desk = house.log(busy_seconds=60), house.desk(f"keystone/{number}")
        if number % 2 == 0:
            log = replace(log, mark=folder / SECOND / "mark")
        barrier.wait(SECONDS)
        for turn in range(each):
            try:
                given = desk.write(log, [[disposal("keystone:STOCK", "1", reason=f"booking {number}-{turn}")]])
                results.put((number, given.receipts[0].index, given.receipts[0].record.id, given.checkpoint))
            except Exception as refusal:  # noqa: BLE001 - the parent counts it
                results.put((number, f"{type(refusal).__name__}: {refusal}"))

    writers = [FORK.Process(target=write, args=(number,), daemon=True) for number in range(1, WRITERS + 1)]
    for writer in writers:
        writer.start()
    told = _heard(results, each * WRITERS)
    for writer in writers:
        writer.kill() if len(told) < each * WRITERS else writer.join()
    return told


def _heard(results: mp.Queue[Told], count: int) -> list[Told]:
    told: list[Told] = []
    try:
        while len(told) < count:
            told.append(results.get(timeout=SECONDS))
    except Empty:
        pass
    return told


def _broken(house: House, acknowledged: list[tuple[int, str, bytes]], before: int) -> list[str]:
    """Return what the ledger shows to be wrong: records lost or twice, forks, marks that do not hold."""
    wrong = []
    with Store.open(house.path).reading() as view:
        size = view.size
        lost = [index for index, name, _ in acknowledged if index >= size or view.record_id(index) != name]
        heads = [parse_checkpoint(parse_note(note).text) for note in {note for _, _, note in acknowledged}]
        forks = [head.size for head in heads if view.root_at(head.size) != head.root]
    wrong += [f"the record acknowledged at index {index} is lost" for index in lost]
    wrong += [f"the checkpoint at size {forked} is of another history" for forked in forks]
    if len({index for index, _, _ in acknowledged}) != len(acknowledged) or size != before + len(acknowledged):
        wrong.append(f"the log has {size} records, {before} and {len(acknowledged)} were acknowledged")
    for mark in (house.mark, house.folder / SECOND / "mark"):
        house.mark = mark
        wrong += [f"{mark}: {finding.message}" for finding in house.audit().findings if finding.severity == "broken"]
        if (found := read_mark(mark)) is None or found.size <= before:
            wrong.append(f"{mark} was not advanced")
    return wrong
