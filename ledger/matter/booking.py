"""One event entered in the books: the page it is worked out on, and the booking that comes of it.

A page reads batches as they were just before its position in the log's order and collects what changes. Nothing is written here: a
booking is plain data, and the same event on the same page always gives the same booking.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from ledger.errors import (
    AmountError,
    ConservationError,
    CustodyError,
    DuplicateError,
    FormatError,
    StaleError,
    UnknownError,
)
from ledger.matter.batch import HELD, IN_TRANSIT, Batch
from ledger.matter.provenance import Stock, answered
from ledger.policy import Policy
from schemas.identifier import party_of
from schemas.party import Site
from schemas.statement import Use

RECEIVED, ADJUSTED, DISPOSED, DELIVERED, LOST = "received", "adjusted", "disposed", "delivered", "lost"
MOVED_IN, MOVED_OUT = "moved_in", "moved_out"
BEYOND = "beyond"
"""What a partial view draws into batches that it does not book (ledger/partial.py)."""
_SIGN = {RECEIVED: 1, ADJUSTED: 1, DISPOSED: -1, DELIVERED: -1, LOST: -1, BEYOND: -1, MOVED_IN: 0, MOVED_OUT: 0}


@dataclass(frozen=True, slots=True)
class Posting:
    """Contained metal entering or leaving the books at a site. `mass` in mg; `kind` tells losses and adjustments apart."""

    site: str
    account: str
    kind: str
    constituent: str
    mass: int


@dataclass(frozen=True, slots=True)
class Edge:
    """Metal that went from one batch into another: wet mass in mg, and contained mg by constituent."""

    parent: str
    child: str
    gross: int
    contained: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Residual:
    """How one constituent closed in a transform, all in mg. `unknown` is the gain that entered as unknown."""

    constituent: str
    into: int
    out: int
    lost: int
    residual: int
    bound: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Note:
    """Something an auditor should see, though it was allowed."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Booking:
    """What one event changed. `after` holds each touched batch as it stands behind the event; `made` those that it made."""

    position: int
    site: str
    kind: str
    after: Mapping[str, Batch] = field(default_factory=dict)
    made: tuple[str, ...] = ()
    postings: tuple[Posting, ...] = ()
    edges: tuple[Edge, ...] = ()
    residuals: tuple[Residual, ...] = ()
    notes: tuple[Note, ...] = ()


class Reading(Protocol):
    """What a page needs to know of the ledger around it, as of its position."""

    def batch_before(self, batch: str, position: int) -> Batch | None:
        """Return the batch as it stood before a position."""

    def maker(self, batch: str) -> int | None:
        """Return the position of the event that used this batch number first, voided or not."""

    def site(self, site: str) -> Site | None:
        """Return a registered site."""

    def is_party(self, party: str) -> bool:
        """Say whether a party is admitted."""

    def last_in_vessel(self, site: str, vessel: str, position: int) -> Batch | None:
        """Return the batch that was put last into a vessel before a position, as it stood then."""

    def first_transform(self, site: str, after: int = -1) -> int | None:
        """Return the position of a site's first transform behind a position."""

    def serial_holder(self, first: str, last: str, position: int) -> str | None:
        """Return the newest batch made before a position whose serial ranges overlap this one."""

    def record_id(self, index: int) -> str:
        """Return the id of the record at an index."""


@dataclass(slots=True)
class Page:
    """The page for one event at one position.

    `party` signed it; `fixed_at` is the position that fixes what it makes (its own, or its newest correction's); `fresh` is false when an
    event is derived again after a correction, and then what was promised about the past is not asked again.
    """

    reading: Reading
    policy: Policy
    position: int
    party: str
    fixed_at: int
    fresh: bool = True
    answers: Mapping[str, tuple[tuple[str, bool], ...]] = field(default_factory=dict)
    after: dict[str, Batch] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    residuals: list[Residual] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def batch(self, batch: str) -> Batch:
        """Return a batch as it stands now.

        Raises:
            UnknownError: Nothing has made it, or what made it was voided.
        """
        found = self.after.get(batch) or self.reading.batch_before(batch, self.position)
        if found is None:
            raise UnknownError("batch", batch, hint="a batch is received or made before it is used")
        return found

    def own_site(self, site: str) -> Site:
        """Return the event's site, which must be registered by the signer's party.

        Raises:
            UnknownError: Nobody registered it.
            CustodyError: It is another party's.
        """
        found = self.reading.site(site)
        if found is None:
            raise UnknownError("site", site, hint=f"register it first: plumbline site {site} --name NAME --country CC")
        if found.party != self.party:
            msg = f"site {site} belongs to {found.party}, the record is signed by {self.party}"
            raise CustodyError(msg)
        return found

    def own_batch(self, use: Use, site: str) -> Batch:
        """Return a batch that the signer may use: held by it, not on the road, named as it was last fixed.

        Raises:
            CustodyError, StaleError, UnknownError: It may not be used so.
        """
        batch = self.batch(use.batch)
        if batch.status == IN_TRANSIT:
            msg = f"batch {batch.id} is on its way to {batch.to}; {party_of(batch.to)} must accept it before anybody uses it"
            raise CustodyError(msg)
        if batch.holder != self.party:
            msg = f"batch {batch.id} is held by {batch.holder}, not by {self.party}"
            raise CustodyError(msg)
        if batch.status != HELD:
            msg = f"batch {batch.id} was {batch.status} and is no longer here"
            raise CustodyError(msg)
        self.check_fixed(use, batch)
        if batch.site != site:
            self.note("moved-unshipped", f"batch {batch.id} lay at {batch.site} and was used at {site} without a shipment")
        return batch

    def check_fixed(self, use: Use, batch: Batch) -> None:
        """Check that a use names the record that last fixed the batch's facts.

        Raises:
            StaleError: It names another, or none although the batch was fixed in an earlier record.
        """
        if not self.fresh:
            return
        index = batch.fixed_at >> 8
        if use.made_by is None and index == self.position >> 8:
            return
        want = self.reading.record_id(index)
        if use.made_by != want:
            raise StaleError(batch.id, got=use.made_by, want=want)

    def check_new(self, batch: str, *, kind: str = "batch") -> None:
        """Check that a batch number is the signer's own and was never used.

        Raises:
            CustodyError: The number begins with another party's id.
            DuplicateError: The number was used before, if only by an event that was voided.
        """
        if party_of(batch) != self.party:
            msg = f"{kind} {batch} would be {party_of(batch)}'s number, the record is signed by {self.party}"
            raise CustodyError(msg)
        first = self.reading.maker(batch)
        if batch in self.made or (first is not None and first != self.position):
            raise DuplicateError(kind, batch, hint="every batch has a number of its own, and a voided number is not used again")

    def put(self, batch: Batch) -> None:
        """Keep a batch as it stands behind this event."""
        self.after[batch.id] = batch

    def make(self, batch: Batch) -> None:
        """Keep a batch that this event makes."""
        self.made.append(batch.id)
        self.put(batch)

    def post(self, site: str, account: str, constituent: str, mass: int, *, kind: str = "") -> None:
        """Post contained metal in mg; nothing is posted for nothing."""
        if mass:
            self.postings.append(Posting(site, account, kind, constituent, mass))

    def note(self, code: str, message: str) -> None:
        """Leave a note for the auditor."""
        self.notes.append(Note(code, message))

    def figure_noted(self, *, overstated: bool, where: str) -> None:
        """Leave a note where a stated uncertainty was cut to three times its default."""
        if overstated:
            self.note("uncertainty-overstated", f"the uncertainty stated for {where} is above 3 times the default and counts as that")

    def booking(self, site: str, kind: str) -> Booking:
        """Return the booking.

        Raises:
            ConservationError: It would not balance to the milligram.
        """
        self._check_conserved()
        return Booking(
            self.position,
            site,
            kind,
            dict(self.after),
            tuple(self.made),
            tuple(self.postings),
            tuple(self.edges),
            tuple(self.residuals),
            tuple(self.notes),
        )

    def _check_conserved(self) -> None:
        change: Counter[str] = Counter()
        for batch in self.after.values():
            before = None if batch.id in self.made else self.reading.batch_before(batch.id, self.position)
            for constituent, mass in batch.contained().items():
                change[constituent] -= mass
            for constituent, mass in (before.contained() if before else {}).items():
                change[constituent] += mass
        for posting in self.postings:
            change[posting.constituent] += _SIGN[posting.account] * posting.mass
        for constituent, difference in change.items():
            if difference:
                raise ConservationError(constituent, difference=difference)


def tagged(page: Page, batch: Batch) -> Batch:
    """Return a batch with the signed answers that were given on it."""
    answers = page.answers.get(batch.id)
    if not answers:
        return batch

    def marked(stock: Stock) -> Stock:
        return Stock.of(answered(stock.left, answers))

    contents = {
        constituent: replace(content, booked=marked(content.booked), cautious=content.cautious and marked(content.cautious))
        for constituent, content in batch.contents.items()
    }
    return replace(batch, contents=contents, open={constituent: marked(stock) for constituent, stock in batch.open.items()})


def positive(mass: int, *, what: str) -> int:
    """Return a mass that is above zero.

    Raises:
        AmountError: It is zero or less.
    """
    if mass <= 0:
        msg = f"{what} has a mass of {mass} mg, it must be above zero"
        raise AmountError(msg)
    return mass


def stated(value: object, *, field_name: str) -> None:
    """Check that a signed record says how much.

    Raises:
        FormatError: It does not: a blank cheque.
    """
    if value is None:
        msg = 'a signed record states a mass; all that is left is written with "rest":true'
        raise FormatError(msg, field=field_name)
