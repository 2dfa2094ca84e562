"""A client under faults: it books numbered masses, is told so or not, and afterwards finds out what became of each.

A booking is the disposal of one kilogram of always the same batch, so that no rule keeps it from being booked twice: only the outbox does.
Its reason has the number, and a sealed field gives the outbox openings to keep.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from books import TIME
from house import House, disposal, receipt
from keyring import signer
from ledger.desk import Desk
from ledger.errors import LedgerError
from ledger.outbox import Outbox
from ledger.record import Record, read_record
from ledger.store.store import Store

KEY = "keystone/1"
STOCK = "keystone:STOCK"
PARTY = "party"
"""The folder of the client's key: on a machine of its own, as a rule."""
Say = Callable[[tuple[Any, ...]], None]


def opened(folder: Path) -> House:
    """Return a ledger at which the client has a desk whose key lies in another folder than ledger and log key."""
    house = House(folder)
    house.desks[KEY] = Desk(signer(KEY), Outbox(folder / PARTY / "scale.key"), lambda: TIME, house.salts)
    return house


def founded(folder: Path) -> House:
    """Make a ledger with a batch that is large enough for every booking."""
    House.found(folder)
    (folder / PARTY).mkdir(exist_ok=True)
    house = opened(folder)
    house.admit("keystone")
    house.write(KEY, receipt(STOCK, "100000"))
    return house


def booking(number: int) -> dict[str, Any]:
    """Return the event of a booking."""
    return disposal(STOCK, "1", reason=f"booking {number}", private={"ticket": f"WT-{number}"})


def numbers_of(record: Record) -> list[int]:
    """Return the numbers of the bookings in a record."""
    return [int(event.reason.split()[1]) for event in record.events if event.type == "dispose"]


@dataclass
class Outcome:
    """What was found after a fault: what breaks the promise, and what else is worth counting."""

    problems: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass
class Client:
    """What a client of a ledger knows: how many bookings it began, and where those stand that were acknowledged to it."""

    folder: Path
    begun: int = 0
    acknowledged: dict[int, tuple[int, str]] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)

    def work(self, say: Say, *, bookings: int | None = None) -> None:
        """Book one after another, and say each one's number before it is tried, and its place once it is acknowledged."""
        house = opened(self.folder)
        for number in count(self.begun) if bookings is None else range(self.begun, self.begun + bookings):
            say((number,))
            try:
                given = house.write(KEY, booking(number)).receipts[-1]
            except Exception as refusal:  # noqa: BLE001 - whoever hears it judges what it was
                ours = isinstance(refusal, LedgerError)
                say(("refused" if ours else "not in our words", f"{type(refusal).__name__}: {refusal}"))
                return
            say((number, given.index, given.record.id))

    def hear(self, said: tuple[Any, ...]) -> None:
        """Take in what `work` said."""
        match said:
            case (int(number),):
                self.begun = number + 1
            case (int(number), int(index), str(name)):
                self.acknowledged[number] = index, name
            case (how, what):
                self.refusals.append(f"{how}: {what}")

    def recover(self) -> Outcome:
        """Open the ledger again, see that nothing acknowledged is lost, send what waits, book the rest, and audit all of it.

        The client goes by its outbox alone: what was signed and waits is sent again, and what is not there was never sent.
        """
        outcome = Outcome()
        try:
            self._recover(outcome)
        except Exception as refusal:  # noqa: BLE001 - whatever stops it breaks the promise
            outcome.problems.append(f"it cannot go on: {type(refusal).__name__}: {refusal}")
        return outcome

    def _recover(self, outcome: Outcome) -> None:
        house = opened(self.folder)
        with Store.open(house.path).reading() as view:
            size = view.size
            for number, (index, name) in self.acknowledged.items():
                if index >= size or view.record_id(index) != name:
                    outcome.problems.append(f"booking {number} was acknowledged at index {index} and is lost")
        outcome.counts["durable though not acknowledged"] += len(booked(house).keys() - self.acknowledged.keys())
        desk = house.desk(KEY)
        sent = desk.resend(house.log(busy_seconds=30)).receipts
        outcome.counts["sent again"] += len(sent)
        kept = {number for record, _ in desk.outbox.records() for number in numbers_of(record)}
        unknown = [number for number in range(self.begun) if number not in kept]
        for number in unknown:
            house.write(KEY, booking(number))
        outcome.counts["entered again"] += len(unknown)
        places = booked(house)
        times = {number: len(places.get(number, ())) for number in range(self.begun)}
        outcome.problems += [f"booking {number} is in the log {found} times" for number, found in times.items() if found != 1]
        self.acknowledged = {number: found[0] for number, found in places.items()}
        outcome.problems += [f"record {waits.seq} still waits in the outbox" for waits in desk.outbox.waiting()]
        report = house.audit()
        outcome.problems += [found.message for found in report.findings if found.severity == "broken"]
        if not report.holds and not outcome.problems:
            outcome.problems.append("the audit does not hold")


def booked(house: House) -> Mapping[int, list[tuple[int, str]]]:
    """Return where each booking stands in the log, and under which id."""
    places: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    for index, data, _, _ in house.entries():
        record = read_record(data)
        for number in numbers_of(record):
            places[number].append((index, record.id))
    return places
