"""What must hold after every step of a simulated ledger, asked of what the ledger booked and of the second books."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from ledger.matter.batch import Batch
from ledger.matter.booking import Booking
from ledger.memory import Memory
from ledger.record import Record
from ledger.view import LAST, Changes
from lot_steps import Raw
from lots import FORM, InvariantError, Lot, check, party_of
from tally import Tally

RECYCLED = frozenset({"end_of_life", "distribution_return", "pre_consumer_external", "pre_consumer_internal"})
SIGN = {"received": 1, "adjusted": 1, "disposed": -1, "delivered": -1, "lost": -1, "moved_in": 0, "moved_out": 0}
Batches = dict[str, Batch]


@dataclass
class Invariants:
    """The checks of one ledger, and what they keep in mind from step to step: each key's chain, what is certified, what came in."""

    memory: Memory
    tally: Tally
    heads: dict[str, tuple[int, str]] = field(default_factory=dict)
    ended_keys: set[str] = field(default_factory=set)
    certified: dict[str, dict[str, int]] = field(default_factory=dict)
    """Recycled mass by lot, as it stands behind the certificate's own event."""
    inflow: dict[int, dict[str, int]] = field(default_factory=dict)
    """Recycled mass that came to a party, by position: the most that was ever booked there."""

    def after(self, changes: Changes, record: Record, events: Iterable[Raw]) -> None:
        """Check everything that a record changed."""
        self._check_chain(changes, record)
        self._check_key(record, events)
        places = sorted({*changes.bookings, *self.tally.changed})
        for place in places:
            booking = self.memory.bookings.get(place)
            self._check_same(place, booking)
            if booking is not None:
                before = self._before(booking)
                self._check_conserved(booking, before)
                self._check_recycled(booking, before)
        self._check_certificates(changes, places)
        self.tally.changed.clear()

    def _before(self, booking: Booking) -> Batches:
        found = {name: self.memory.batch_before(name, booking.position) for name in booking.after if name not in booking.made}
        return {name: batch for name, batch in found.items() if batch is not None}

    def _check_chain(self, changes: Changes, record: Record) -> None:
        """Chains whole: each key counts up, and names its record before by the hash of its bytes."""
        header = record.header
        seq, last = self.heads.get(header.key, (-1, None))
        check(header.seq == seq + 1 and header.prev == last, f"record {changes.index} of {header.key} has seq {header.seq} after {seq}")
        check(
            hashlib.sha256(record.text).hexdigest() == record.id == changes.record, f"record {changes.index} has another id than its text"
        )
        check(changes.index + 1 == self.memory.size, f"record {changes.index} is the {self.memory.size}th")
        self.heads[header.key] = header.seq, record.id

    def _check_key(self, record: Record, events: Iterable[Raw]) -> None:
        check(record.header.key not in self.ended_keys, f"{record.header.key} signed after its end")
        self.ended_keys.update(event["key"] for event in events if event["type"] in ("retire", "revoke"))

    def _check_same(self, place: int, booking: Booking | None) -> None:
        """The ledger and the second books have the same batches behind an event, to the milligram."""
        mine = self.tally.states.get(place, {})
        theirs = dict(booking.after) if booking else {}
        check(mine.keys() == theirs.keys(), f"record {place >> 8} touched {sorted(theirs)}, want {sorted(mine)}")
        for name, batch in theirs.items():
            got, want = _as_lot(batch), _facts(mine[name])
            if got != want:
                raise InvariantError(f"{name} behind record {place >> 8} is {got}, want {want}")

    def _check_conserved(self, booking: Booking, before: Batches) -> None:
        """Conservation: what batches hold changes by what was posted, and by nothing else."""
        change: dict[str, int] = {}
        for sign, batches in ((1, booking.after), (-1, before)):
            for batch in batches.values():
                for name, content in batch.contents.items():
                    change[name] = change.get(name, 0) + sign * sum(content.booked.left.values())
        for posting in booking.postings:
            change[posting.constituent] = change.get(posting.constituent, 0) - SIGN[posting.account] * posting.mass
        check(not any(change.values()), f"record {booking.position >> 8} does not balance: {change}")

    def _check_recycled(self, booking: Booking, before: Batches) -> None:
        """No step makes recycled metal, nor metal collected in one country alone: only scrap that enters brings it."""
        event, _ = self.tally.read(booking.position)
        for local in (False, True):
            had, has = _recycled(before.values(), local=local), _recycled(booking.after.values(), local=local)
            for name, mass in has.items():
                room = had.get(name, 0) + self._brought(event or {}, name, booking)
                check(mass <= room, f"record {booking.position >> 8} made {mass - room} mg of recycled {name}")
        party, came = party_of(booking.site), 0
        if booking.kind in ("receive", "accept"):
            came = _recycled(booking.after.values(), local=False).get("Pb", 0)
        elif self.tally.entered.get(booking.position):
            came = self.tally.entered[booking.position].get("Pb", 0)
        if came:
            known = self.inflow.setdefault(booking.position, {})
            known[party] = max(known.get(party, 0), came)

    def _brought(self, event: Raw, name: str, booking: Booking) -> int:
        """Return how much recycled metal an event may bring into the books."""
        if event["type"] != "receive":
            return self.tally.entered.get(booking.position, {}).get(name, 0)
        believed = event.get("documents") or FORM[event["material"]] not in ("metal", "compound")
        whole = self.tally.states[booking.position][event["batch"]].contained().get(name, 0)
        return whole if believed and event.get("feedstock") in RECYCLED else 0

    def _check_certificates(self, changes: Changes, places: list[int]) -> None:
        """No mass certified twice, none above what came in; what ended stays ended, and ends for a reason."""
        amending = next(
            (party_of(changes.key) for event in changes.events.values() if event.type in ("assay", "correct", "void", "determine")), ""
        )
        for number, claim in changes.claims.items():
            mine = self.tally.certificates.get(number)
            check(mine is not None, f"{number} stands in the ledger and was never issued")
            assert mine is not None
            end = min((at for at in (claim.withdrawn, claim.ended) if at is not None), default=None)
            if end is not None and mine.ended is None and amending == mine.party:
                mine.ended = end
            check(end == mine.ended, f"{number} ended at {end}, want {mine.ended}")
        for number, mine in self.tally.certificates.items():
            if mine.position in places:
                self._check_backed(number, amending)

    def _check_backed(self, number: str, amending: str) -> None:
        """A certificate whose issuer amends its metal away ends; and all that stand of a party are covered by what came to it."""
        mine, booking = self.tally.certificates[number], self.memory.bookings[self.tally.certificates[number].position]
        lots = {name: booking.after[name] for name in mine.lots} if booking else {}
        now = {name: min(_mass(lot, cautious=False), _mass(lot, cautious=True)) for name, lot in lots.items()}
        old = self.certified.get(number)
        self.certified[number] = now
        if old is not None and amending == mine.party and any(now.get(name, 0) < mass for name, mass in old.items()):
            check(mine.ended is not None, f"{number} stands though {amending} took metal from under it")
        if old is None:
            standing = [
                one.number for one in self.tally.certificates.values() if _counts(one.party, one.kind, mine.party) and one.ended is None
            ]
            claimed = sum(sum(self.certified[one].values()) for one in standing if one in self.certified)
            came = sum(parties.get(mine.party, 0) for parties in self.inflow.values())
            check(claimed <= came, f"{mine.party} certifies {claimed} mg of recycled Pb, {came} mg came to it")


def _counts(party: str, kind: str, wanted: str) -> bool:
    return party == wanted and kind == "recycled-content"


def _facts(lot: Lot) -> tuple[object, ...]:
    gone = {name: mass for name, mass in lot.gone.items() if mass}
    return (
        lot.material, lot.holder, lot.site, lot.status, lot.fixed, lot.dry_made, lot.dry_left, lot.moisture, lot.contained(), lot.is_open,
        lot.weighed, lot.provisional, lot.certificates, lot.gone_dry, gone,
    )  # fmt: skip


def _as_lot(batch: Batch) -> tuple[object, ...]:
    gone = {name: sum(portions.values()) for name, portions in batch.gone.items()}
    contained = {name: mass for name, mass in batch.contained().items() if mass}
    return (
        batch.material, batch.holder, batch.site, batch.status, batch.fixed_at, batch.dry_made, batch.dry_left, batch.moisture, contained,
        batch.is_open, batch.weighed, batch.provisional, frozenset(number for _, number in batch.claims), batch.gone_dry,
        {name: mass for name, mass in gone.items() if mass},
    )  # fmt: skip


def _recycled(batches: Iterable[Batch], *, local: bool) -> dict[str, int]:
    """Return recycled mass by constituent, of what is left and of what is gone; `local` counts what was collected in the US alone."""
    found: dict[str, int] = {}
    for batch in batches:
        for name, portions in (*((name, content.booked.left) for name, content in batch.contents.items()), *batch.gone.items()):
            for source, mass in portions.items():
                if source.feedstock in RECYCLED and (not local or source.countries("collected_in") == ("US",)):
                    found[name] = found.get(name, 0) + mass
    return found


def _mass(batch: Batch, *, cautious: bool) -> int:
    content = batch.contents.get("Pb")
    if content is None:
        return 0
    left = (content.claimable if cautious else content.booked).left
    return sum(mass for source, mass in left.items() if source.feedstock in RECYCLED)


def differences(one: Memory, other: Memory) -> list[str]:
    """Return what two replays of the same records differ in."""
    parts = {
        "bookings": (one.bookings, other.bookings),
        "certificates": (one.claims, other.claims),
        "keys": (one.keys, other.keys),
        "chains": (one.heads, other.heads),
        "numbers": (one.numbers, other.numbers),
        "sites": (one.sites, other.sites),
    }
    return [name for name, (mine, theirs) in parts.items() if mine != theirs]


def balance(memory: Memory) -> dict[str, int]:
    """Return by how much the books of a whole ledger do not balance, per constituent: from scratch, not from what was kept."""
    found: dict[str, int] = {}
    for booking in memory.bookings.values():
        for posting in booking.postings if booking else ():
            found[posting.constituent] = found.get(posting.constituent, 0) + SIGN[posting.account] * posting.mass
    for name in memory.numbers:
        batch = memory.batch_before(name, LAST)
        for constituent, content in (batch.contents if batch else {}).items():
            found[constituent] = found.get(constituent, 0) - sum(content.booked.left.values())
    return {name: mass for name, mass in found.items() if mass}
