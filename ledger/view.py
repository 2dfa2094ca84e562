"""What the rules may read of a ledger, and what a record changes in it.

`View` has two implementations from the start: the store and memory. `Changes` is plain data that each folds in. So an append never loads
the ledger, and a verifier needs no database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ledger.matter.batch import Batch
from ledger.matter.booking import Booking, Edge, Note, Reading, Residual
from schemas.event import Event
from schemas.party import Party, Site

LAST = 2**62
"""A position behind every record: "as it stands now"."""


def position(index: int, event: int) -> int:
    """Return an event's place in the log's order: its record's index and its number in it (0 to 255)."""
    return index << 8 | event


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """What record 0 says: the ledger id in hex, the log's name, vkeys of registrar and log, and the rule data in force."""

    ledger_id: str
    origin: str
    registrar: str
    log: tuple[str, ...]
    policy: str
    policy_sha256: str


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A key of a party: its public key in hex, what it may sign, and its life by index.

    `revoked` is the newest revocation; where that dates the compromise of a key that had ended before, `retired` is its first end.
    """

    name: str
    party: str
    public: str
    scopes: tuple[str, ...]
    enrolled: int
    retired: int | None = None
    revoked: int | None = None
    compromised_since: str | None = None

    @property
    def active(self) -> bool:
        """Whether it may sign the next record."""
        return self.ended is None

    @property
    def ended(self) -> int | None:
        """The record that ended it first."""
        return min((end for end in (self.retired, self.revoked) if end is not None), default=None)


@dataclass(frozen=True, slots=True)
class Head:
    """Where a key's own chain stands: its last record, and the size of the log it had seen."""

    seq: int
    record: str
    seen: int


@dataclass(frozen=True, slots=True)
class Amendment:
    """An event at `position` that changes how the event at `target` is read."""

    target: int
    position: int
    kind: Literal["correct", "void", "assay", "determine"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A certificate in the log: what it claims of which batch, and whether it was taken back.

    One over a shipment has other batches `beside` its batch. One over a product has no batch: it has `batches`, and the model, the plant
    and the days (first, last) that it is about. `ended` is the position of the first event with which its own issuer ended it.
    """

    number: str
    kind: str
    party: str
    batch: str
    mass_mg: int
    credential: str
    position: int
    valid_until: str
    withdrawn: int | None = None
    superseded_by: str = ""
    batches: tuple[str, ...] = ()
    model: str = ""
    site: str = ""
    period: tuple[str, str] = ("", "")
    beside: tuple[str, ...] = ()
    ended: int | None = None

    @property
    def lots(self) -> tuple[str, ...]:
        """The batches that it is about."""
        return self.batches or (self.batch, *self.beside)


class View(Reading, Protocol):
    """A ledger as the rules see it."""

    @property
    def facts(self) -> LedgerFacts | None:
        """Return what record 0 says, None in an empty ledger."""

    @property
    def size(self) -> int:
        """Return the number of records."""

    def party(self, party: str) -> Party | None:
        """Return an admitted party."""

    def key(self, name: str) -> KeyFacts | None:
        """Return a key by its full name."""

    def key_of(self, public: str) -> str | None:
        """Return the name under which a public key (hex) was enrolled."""

    def head(self, key: str) -> Head | None:
        """Return where a key's chain stands."""

    def index_of(self, record: str) -> int | None:
        """Return the index of a record by its id."""

    def root_at(self, size: int) -> bytes | None:
        """Return the log's root at a size, None beyond the log."""

    def event(self, position: int) -> Event | None:
        """Return an event as it was signed."""

    def signer(self, index: int) -> str:
        """Return the name of the key that signed the record at an index."""

    def amendments(self, target: int) -> list[Amendment]:
        """Return what changes how an event is read, in the log's order."""

    def states_at(self, position: int) -> Mapping[str, Batch] | None:
        """Return the batches that the event at a position touched, as they stood behind it; None where nothing is booked."""

    def batch_at(self, batch: str, position: int) -> tuple[int, Batch] | None:
        """Return the last touch of a batch before a position, and the batch as it stood behind it."""

    def touches(self, batch: str, after: int) -> Iterable[int]:
        """Return the positions behind a position at which a batch was touched."""

    def made_of(self, batch: str) -> list[tuple[int, Edge]]:
        """Return the edges into a batch with their positions, in the order of position and parent."""

    def made_into(self, batch: str) -> list[tuple[int, Edge]]:
        """Return the edges out of a batch with their positions, in the order of position and child."""

    def closure_at(self, position: int) -> tuple[str, str, tuple[Residual, ...], tuple[Note, ...]] | None:
        """Return the site, kind, residuals and notes booked at a position."""

    def claim(self, number: str) -> Claim | None:
        """Return a certificate by its number."""

    def claims_under(self, prefix: str) -> int:
        """Return how many certificates have numbers that begin so, such as `voltaic-RC-`."""

    def declarations(self, batch: str) -> list[Claim]:
        """Return the certificates over a product that a batch is a lot of, in the log's order."""


@dataclass(slots=True)
class Changes:
    """What one record changes. A booking of None takes back what was booked at that position."""

    index: int
    record: str
    key: str
    head: Head
    made: str = ""
    events: dict[int, Event] = field(default_factory=dict)
    facts: LedgerFacts | None = None
    parties: dict[str, Party] = field(default_factory=dict)
    sites: dict[str, Site] = field(default_factory=dict)
    keys: dict[str, KeyFacts] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    amendments: list[Amendment] = field(default_factory=list)
    bookings: dict[int, Booking | None] = field(default_factory=dict)
    claims: dict[str, Claim] = field(default_factory=dict)
