"""A second set of books, small and apart: contained metal per batch in whole milligrams, who holds it, what is certified.

Written from ledger/SPEC.md ("Matter", "Amendments", "Certificates") alone; nothing of `ledger/` is called. It is told what was accepted,
works out what must follow, and raises `InvariantError` where the rules forbid it. It does not refuse: where a rule leaves room up to an
uncertainty it allows a little more than the rule (uncertainties added up instead of root sum of squares), and never less.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass, field

from lot_steps import ACTS, Raw, Sheet
from lots import Lot, check


@dataclass
class Certificate:
    """A certificate as it stands: who issued it, over which mass of which batches, and the position that ended it."""

    number: str
    kind: str
    party: str
    position: int
    lots: dict[str, int]
    ended: int | None = None

    def stands(self, position: int) -> bool:
        """Say whether it stands at a position."""
        return self.position < position and (self.ended is None or position <= self.ended)


@dataclass
class Tally:
    """The second books. `enter` is called with each event that the ledger accepted, in order.

    `booked` gives the dry mass that the ledger books for a batch behind an event: only an acceptance may follow one of two scales.
    """

    booked: Callable[[str, int], int]
    sites: dict[str, str] = field(default_factory=dict)
    events: dict[int, Raw] = field(default_factory=dict)
    signers: dict[int, str] = field(default_factory=dict)
    indexes: dict[str, int] = field(default_factory=dict)
    ids: dict[int, str] = field(default_factory=dict)
    amended: dict[int, list[int]] = field(default_factory=dict)
    states: dict[int, dict[str, Lot]] = field(default_factory=dict)
    entered: dict[int, dict[str, int]] = field(default_factory=dict)
    touched: dict[str, list[int]] = field(default_factory=dict)
    makers: dict[str, int] = field(default_factory=dict)
    vessels: dict[tuple[str, str], list[tuple[int, str]]] = field(default_factory=dict)
    certificates: dict[str, Certificate] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)
    """Positions booked since somebody looked."""

    # What steps ask

    def before(self, batch: str, place: int) -> Lot | None:
        """Return a batch as it stood before a position."""
        places = self.touched.get(batch, [])
        number = bisect_left(places, place)
        return self.states[places[number - 1]][batch] if number else None

    def now(self, batch: str) -> Lot | None:
        """Return a batch as it stands."""
        places = self.touched.get(batch)
        return self.states[places[-1]][batch] if places else None

    def site(self, site: str) -> str | None:
        """Return the party of a site."""
        return self.sites.get(site)

    def maker(self, batch: str) -> int | None:
        """Return the position that used a batch number first."""
        return self.makers.get(batch)

    def record_id(self, index: int) -> str:
        """Return the id of a record."""
        return self.ids[index]

    def in_vessel(self, site: str, vessel: str, place: int) -> str | None:
        """Return the batch put last into a vessel before a position."""
        entries = self.vessels.get((site, vessel), [])
        there = [batch for at, batch in entries if at < place and batch in self.states.get(at, ())]
        return there[-1] if there else None

    def said(self, batch: str, place: int) -> int:
        """Return what the ledger books for a batch behind an event."""
        return self.booked(batch, place)

    # Certificates

    def certify(self, sheet: Sheet, event: Raw, lots: dict[str, int]) -> None:
        """Register a certificate: its mass is certified once for a kind."""
        number, kind = event["number"], event["kind"]
        known = self.certificates.get(number)
        check(known is None or known.position == sheet.place, f"{number} was issued twice")
        prefix = f"{sheet.party}-{'RC' if kind == 'recycled-content' else 'DO'}-"
        check(number.startswith(prefix), f"{sheet.party} issued {number}")
        for batch in lots:
            for other in sheet.after[batch].certificates - {number}:
                found = self.certificates[other]
                check(found.kind != kind or not found.stands(sheet.place), f"{batch} is certified by {other} and {number}")
        if known is None:
            self.certificates[number] = Certificate(number, kind, sheet.party, sheet.place, lots)

    def end(self, numbers: frozenset[str], party: str, place: int) -> None:
        """End those of these certificates that are a party's; an end is final, and the earliest counts."""
        for number in numbers:
            found = self.certificates[number]
            if found.party == party and (found.ended is None or place < found.ended):
                found.ended = place

    # What was accepted

    def record(self, index: int, identity: str, party: str) -> None:
        """Know an accepted record."""
        self.ids[index], self.signers[index], self.indexes[identity] = identity, party, index

    def enter(self, place: int, event: Raw) -> None:
        """Enter an event that the ledger accepted.

        Raises:
            InvariantError: It may not have been accepted.
        """
        self.events[place] = event
        kind, party = event["type"], self.signers[place >> 8]
        if kind in ACTS:
            self._name(place, event)
            self.book(place, fresh=True)
        elif kind in ("assay", "determine"):
            batch = event.get("batch") or event["of"]
            if kind == "assay":
                Sheet(self, place, party, fresh=True, fixed=place).own(event, event["site"])
            self._amend(self.makers[batch], place)
        elif kind in ("correct", "void"):
            self._take_back(place, event, party)
        elif kind == "withdraw":
            found = self.certificates[event["certificate"]]
            check(found.party == party, f"{party} withdrew {found.number}")
            self.end(frozenset({found.number}), party, place)
        elif kind == "site":
            self.sites[event["site"]["id"]] = event["site"]["party"]

    def _name(self, place: int, event: Raw) -> None:
        for part in event.get("outputs", [event] if event["type"] in ("receive", "return") else []):
            check(part["batch"] not in self.makers, f"{part['batch']} was made twice")
            self.makers[part["batch"]] = place
            if part.get("vessel"):
                self.vessels.setdefault((event["site"], part["vessel"]), []).append((place, part["batch"]))

    def _take_back(self, place: int, event: Raw, party: str) -> None:
        target = self.indexes[event["of"]["record"]] << 8 | event["of"]["event"]
        wrong = self.events[target]
        check(self.signers[target >> 8] == party, f"{party} amended what {self.signers[target >> 8]} signed")
        check(self.read(target)[0] is not None, f"record {target >> 8} was voided and amended")
        if event["type"] == "void":
            for part in wrong.get("outputs", [wrong] if wrong["type"] in ("receive", "return") else []):
                later = [at for at in self.touched.get(part["batch"], []) if at > target]
                check(not later, f"{part['batch']} was used and voided")
        self._amend(target, place)

    def _amend(self, target: int, place: int) -> None:
        self.amended.setdefault(target, []).append(place)
        event = self.events[target]
        self.book(self.makers[event.get("batch") or event["of"]] if event["type"] in ("assay", "determine") else target, fresh=False)

    def read(self, place: int) -> tuple[Raw | None, int]:
        """Return an event as it is read now, and the position that fixed what it made ("Amendments", 3 and 4)."""
        event, fixed = self.events[place], place
        late: list[Raw] = []
        for amending in self.amended.get(place, ()):
            change = self.events[amending]
            if change["type"] == "void":
                return None, max(fixed, amending)
            if change["type"] == "correct":
                event, fixed = change["event"], max(fixed, amending)
            elif change["type"] == "assay":
                result, at = self.read(amending)
                fixed = max(fixed, at)
                late += [result] if result else []
        return (_assayed(event, late) if late else event), fixed

    def book(self, place: int, *, fresh: bool) -> None:
        """Book the event at a position on the batches as they stand there, and again whatever follows from what changed."""
        waiting = [place]
        while waiting:
            at = waiting.pop(0)
            old = self.states.get(at, {})
            new = self._booked(at, fresh=fresh)
            for batch in {*old, *new}:
                if old.get(batch) != new.get(batch):
                    places = self.touched.get(batch, [])
                    for later in places[bisect_left(places, at + 1) :]:
                        if later not in waiting:
                            insort(waiting, later)

    def _booked(self, place: int, *, fresh: bool) -> dict[str, Lot]:
        for batch in self.states.pop(place, {}):
            self.touched[batch].remove(place)
        event, fixed = self.read(place)
        sheet = Sheet(self, place, self.signers[place >> 8], fresh=fresh, fixed=fixed)
        if event is not None:
            ACTS[event["type"]](sheet, event)
        self.states[place], self.entered[place] = sheet.after, sheet.entered
        self.changed.add(place)
        for batch in sheet.after:
            insort(self.touched.setdefault(batch, []), place)
        return sheet.after


def _assayed(event: Raw, late: list[Raw]) -> Raw:
    """Return what made a batch with later results in place of its own ("Amendments", 3)."""
    if event["type"] == "receive":
        return event | _results(event, late)
    return event | {"outputs": [output | _results(output, late) for output in event["outputs"]]}


def _results(part: Raw, late: list[Raw]) -> Raw:
    own = [(False, not part.get("provisional", False), part["assay"])] if part.get("assay") is not None else []
    found = [(one.get("umpire", False), not one.get("provisional", False), one["assay"]) for one in late if one["batch"] == part["batch"]]
    assay: Raw = {}
    final: dict[str, bool] = {}
    for _, is_final, result in sorted([*own, *found], key=lambda entry: entry[:2]):
        assay |= result
        final |= dict.fromkeys(result, is_final)
    return {"assay": assay, "provisional": not all(final.values())} if found else {}
