"""A ledger in memory, alone or laid over another view.

Alone it is what a verifier replays into. Laid over the store it is the sheet on which one record is worked out: it reads through to the
view below and keeps what changes to itself. With a scope it is a partial view: of all batches it books only those (ledger/evidence).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from ledger.matter.batch import Batch
from ledger.matter.booking import Booking, Edge, Note, Residual
from ledger.serials import overlaps
from ledger.tlog.merkle import EMPTY_ROOT
from ledger.view import LAST, Amendment, Changes, Claim, Head, KeyFacts, LedgerFacts, View
from schemas.event import Event
from schemas.party import Party, Site

_T = TypeVar("_T")
OTHER_KINDS = ("receive", "ship", "accept", "adjust", "dispose", "return", "certify")
"""Kinds of booking that are no transform."""


class Memory:
    """A view that holds what was folded into it, over what `base` holds."""

    def __init__(self, base: View | None = None) -> None:
        self.base = base
        self.bookings: dict[int, Booking | None] = {}
        self.parties: dict[str, Party] = {}
        self.sites: dict[str, Site] = {}
        self.keys: dict[str, KeyFacts] = {}
        self.heads: dict[str, Head] = {}
        self.numbers: dict[str, int] = {}
        self.claims: dict[str, Claim] = {}
        self.events: dict[int, Event] = {}
        self.roots: dict[int, bytes] = {0: bytes(EMPTY_ROOT)}
        self.made: dict[int, str] = {}
        self._facts: LedgerFacts | None = None
        self._records: dict[int, tuple[str, str]] = {}
        self._indexes: dict[str, int] = {}
        self._seqs: dict[int, Head] = {}
        self._names: dict[str, str] = {}
        self._amendments: dict[int, list[Amendment]] = {}
        self._touched: dict[str, list[int]] = {}
        self._vessels: dict[tuple[str, str], list[tuple[int, str]]] = {}
        self._transforms: dict[str, list[int]] = {}
        self._serials: list[tuple[int, str, str, str]] = []
        self._into: dict[str, list[tuple[int, Edge]]] = {}
        self._from: dict[str, list[tuple[int, Edge]]] = {}
        self._size = base.size if base else 0
        self.scope: frozenset[str] | None = base.scope if isinstance(base, Memory) else None

    def stand_at(self, index: int) -> None:
        """Take the next record to be that of an index: in a partial view the ones between are not known."""
        self._size = index

    # What was folded in

    def fold(self, changes: Changes) -> None:
        """Take in what a record changes."""
        self._size = changes.index + 1
        self.note_record(changes.index, changes.record, changes.key)
        self.heads[changes.key] = self._seqs[changes.index] = changes.head
        self.made[changes.index] = changes.made
        self.events.update(changes.events)
        self._facts = changes.facts or self._facts
        self.parties.update(changes.parties)
        self.sites.update(changes.sites)
        for facts in changes.keys.values():
            self.put_key(facts)
        self.numbers.update(changes.numbers)
        for amendment in changes.amendments:
            self.amend(amendment)
        for place, booking in changes.bookings.items():
            self.book(place, booking)
        self.claims.update(changes.claims)

    def all_changes(self) -> Iterable[Changes]:
        """Return everything that was folded in, as one record's changes after the other; what was booked anew stands as it is now."""
        for index, (record, key) in sorted(self._records.items()):
            yield Changes(index, record, key, self._seqs[index])
        whole = Changes(-1, "", "", Head(0, "", 0))
        whole.parties, whole.sites, whole.keys, whole.numbers = self.parties, self.sites, self.keys, self.numbers
        whole.amendments = [amendment for target in self._amendments.values() for amendment in target]
        whole.bookings, whole.claims = self.bookings, self.claims
        yield whole

    def note_record(self, index: int, record: str, key: str) -> None:
        """Know a record's id and signer."""
        self._records[index] = (record, key)
        self._indexes[record] = index

    def put_key(self, facts: KeyFacts) -> None:
        """Know a key, or its new facts."""
        self.keys[facts.name] = facts
        self._names[facts.public] = facts.name

    def amend(self, amendment: Amendment) -> None:
        """Know what changes how an event is read."""
        self._amendments.setdefault(amendment.target, []).append(amendment)

    def book(self, position: int, booking: Booking | None) -> None:
        """Book an event, anew if it was booked before; None takes its booking back."""
        old = self.bookings.get(position)
        if old is not None:
            self._unindex(position, old)
        self.bookings[position] = booking
        if booking is None:
            return
        for batch in booking.after:
            insort(self._touched.setdefault(batch, []), position)
        for name in booking.made:
            made = booking.after[name]
            if made.vessel:
                insort(self._vessels.setdefault((made.site, made.vessel), []), (position, name))
            self._serials += [(position, name, first, last) for first, last in made.serials]
            self.numbers.setdefault(name, position)
        for edge in booking.edges:
            self._into.setdefault(edge.child, []).append((position, edge))
            self._from.setdefault(edge.parent, []).append((position, edge))
        if booking.kind not in OTHER_KINDS:
            insort(self._transforms.setdefault(booking.site, []), position)

    def _unindex(self, position: int, old: Booking) -> None:
        for batch in old.after:
            self._touched[batch].remove(position)
        for name in old.made:
            made = old.after[name]
            if made.vessel:
                self._vessels[made.site, made.vessel].remove((position, name))
        self._serials = [entry for entry in self._serials if entry[0] != position]
        if old.kind not in OTHER_KINDS:
            self._transforms[old.site].remove(position)
        for edge in old.edges:
            self._into[edge.child].remove((position, edge))
            self._from[edge.parent].remove((position, edge))

    # What the rules read

    @property
    def facts(self) -> LedgerFacts | None:
        """Return what record 0 says."""
        return self._facts or (self.base.facts if self.base else None)

    @property
    def size(self) -> int:
        """Return the number of records."""
        return self._size

    def _through(self, own: Mapping[str, _T], name: str, below: Callable[[View], _T | None]) -> _T | None:
        found = own.get(name)
        return found if found is not None or self.base is None else below(self.base)

    def party(self, party: str) -> Party | None:
        """Return an admitted party."""
        return self._through(self.parties, party, lambda base: base.party(party))

    def is_party(self, party: str) -> bool:
        """Say whether a party is admitted."""
        return self.party(party) is not None

    def site(self, site: str) -> Site | None:
        """Return a registered site."""
        return self._through(self.sites, site, lambda base: base.site(site))

    def key(self, name: str) -> KeyFacts | None:
        """Return a key by its full name."""
        return self._through(self.keys, name, lambda base: base.key(name))

    def key_of(self, public: str) -> str | None:
        """Return the name under which a public key was enrolled."""
        return self._through(self._names, public, lambda base: base.key_of(public))

    def head(self, key: str) -> Head | None:
        """Return where a key's chain stands."""
        return self._through(self.heads, key, lambda base: base.head(key))

    def claim(self, number: str) -> Claim | None:
        """Return a certificate by its number."""
        return self._through(self.claims, number, lambda base: base.claim(number))

    def claims_under(self, prefix: str) -> int:
        """Return how many certificates have numbers that begin so."""
        below = self.base.claims_under(prefix) if self.base else 0
        own = [number for number in self.claims if number.startswith(prefix)]
        return below + sum(self.base is None or self.base.claim(number) is None for number in own)

    def declarations(self, batch: str) -> list[Claim]:
        """Return the certificates over a product that a batch is a lot of, in the log's order."""
        below = [claim for claim in self.base.declarations(batch) if claim.number not in self.claims] if self.base else []
        own = [claim for claim in self.claims.values() if batch in claim.batches]
        return sorted([*below, *own], key=lambda claim: claim.position)

    def index_of(self, record: str) -> int | None:
        """Return the index of a record by its id."""
        return self._through(self._indexes, record, lambda base: base.index_of(record))

    def record_id(self, index: int) -> str:
        """Return the id of the record at an index."""
        found = self._records.get(index)
        return found[0] if found or self.base is None else self.base.record_id(index)  # type: ignore[index]

    def signer(self, index: int) -> str:
        """Return the name of the key that signed the record at an index."""
        found = self._records.get(index)
        return found[1] if found or self.base is None else self.base.signer(index)  # type: ignore[index]

    def root_at(self, size: int) -> bytes | None:
        """Return the log's root at a size."""
        found = self.roots.get(size)
        return found if found is not None or self.base is None else self.base.root_at(size)

    def event(self, position: int) -> Event | None:
        """Return an event as it was signed."""
        found = self.events.get(position)
        return found if found is not None or self.base is None else self.base.event(position)

    def amendments(self, target: int) -> list[Amendment]:
        """Return what changes how an event is read, in the log's order."""
        below = self.base.amendments(target) if self.base else []
        return [*below, *self._amendments.get(target, [])]

    def maker(self, batch: str) -> int | None:
        """Return the position of the event that used this batch number first."""
        return self._through(self.numbers, batch, lambda base: base.maker(batch))

    def states_at(self, position: int) -> Mapping[str, Batch] | None:
        """Return the batches that the event at a position touched, as they stood behind it."""
        if position in self.bookings:
            booking = self.bookings[position]
            return None if booking is None else booking.after
        return self.base.states_at(position) if self.base else None

    def batch_at(self, batch: str, position: int) -> tuple[int, Batch] | None:
        """Return the last touch of a batch before a position, and the batch as it stood behind it."""
        places = self._touched.get(batch, [])
        number = bisect_left(places, position)
        own = places[number - 1] if number else -1
        before, below = position, None
        while self.base is not None and (below := self.base.batch_at(batch, before)) is not None and below[0] in self.bookings:
            before = below[0]  # that touch was booked anew, or taken back, on this sheet
        if below is not None and below[0] > own:
            return below
        if own < 0:
            return None
        booking = self.bookings[own]
        return None if booking is None else (own, booking.after[batch])

    def batch_before(self, batch: str, position: int) -> Batch | None:
        """Return the batch as it stood before a position."""
        found = self.batch_at(batch, position)
        return None if found is None else found[1]

    def batch(self, batch: str) -> Batch | None:
        """Return the batch as it stands now."""
        return self.batch_before(batch, LAST)

    def all_batches(self) -> Iterable[Batch]:
        """Return all batches as they stand now, in the order in which they were made."""
        for name, _ in sorted(self.numbers.items(), key=lambda item: (item[1], item[0])):
            batch = self.batch(name)
            if batch is not None:
                yield batch

    def touches(self, batch: str, after: int) -> Iterable[int]:
        """Return the positions behind a position at which a batch was touched."""
        places = self._touched.get(batch, [])
        own = places[bisect_right(places, after) :]
        below = [] if self.base is None else [place for place in self.base.touches(batch, after) if place not in self.bookings]
        return sorted({*own, *below})

    def made_of(self, batch: str) -> list[tuple[int, Edge]]:
        """Return the edges into a batch with their positions, in the order of position and parent."""
        below = [] if self.base is None else [edge for edge in self.base.made_of(batch) if edge[0] not in self.bookings]
        return sorted([*below, *self._into.get(batch, [])], key=lambda entry: (entry[0], entry[1].parent))

    def made_into(self, batch: str) -> list[tuple[int, Edge]]:
        """Return the edges out of a batch with their positions, in the order of position and child."""
        below = [] if self.base is None else [edge for edge in self.base.made_into(batch) if edge[0] not in self.bookings]
        return sorted([*below, *self._from.get(batch, [])], key=lambda entry: (entry[0], entry[1].child))

    def closure_at(self, position: int) -> tuple[str, str, tuple[Residual, ...], tuple[Note, ...]] | None:
        """Return the site, kind, residuals and notes booked at a position."""
        if position not in self.bookings:
            return self.base.closure_at(position) if self.base else None
        booking = self.bookings[position]
        return None if booking is None else (booking.site, booking.kind, booking.residuals, booking.notes)

    def last_in_vessel(self, site: str, vessel: str, position: int) -> Batch | None:
        """Return the batch that was put last into a vessel before a position, as it stood then."""
        if self.scope is not None:
            return None
        entries = self._vessels.get((site, vessel), [])
        number = bisect_left(entries, (position, ""))
        below = self.base.last_in_vessel(site, vessel, position) if self.base else None
        while self.base is not None and below is not None and below.made_at in self.bookings:
            below = self.base.last_in_vessel(site, vessel, below.made_at)  # booked anew, or taken back, on this sheet
        if number and (below is None or below.made_at <= entries[number - 1][0]):
            return self.batch_before(entries[number - 1][1], position)
        return None if below is None else self.batch_before(below.id, position)

    def first_transform(self, site: str, after: int = -1) -> int | None:
        """Return the position of a site's first transform behind a position."""
        if self.scope is not None:
            return None
        places = self._transforms.get(site, [])
        own = places[bisect_right(places, after) :][:1]
        below = self.base.first_transform(site, after) if self.base else None
        while self.base is not None and below is not None and below in self.bookings:
            below = self.base.first_transform(site, below)  # that one was booked anew, or taken back, on this sheet
        return min((*own, *([] if below is None else [below])), default=None)

    def serial_holder(self, first: str, last: str, position: int) -> str | None:
        """Return the newest batch made before a position whose serial ranges overlap this one."""
        if self.scope is not None:
            return None
        found = [entry[:2] for entry in self._serials if entry[0] < position and overlaps((first, last), entry[2:])]
        place, batch = max(found, default=(-1, None))
        below = self.base.serial_holder(first, last, position) if self.base else None
        while self.base is not None and below is not None and (made := self._made_at(below)) in self.bookings:
            below = self.base.serial_holder(first, last, made)  # that one was booked anew, or taken back, on this sheet
        return below if below is not None and self._made_at(below) > place else batch

    def _made_at(self, batch: str) -> int:
        made = self.maker(batch)
        return -1 if made is None else made
