"""The identity of the books: received + adjusted − disposed − delivered − lost − held = 0, per constituent, to the milligram."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ledger.matter.batch import Batch
from ledger.matter.booking import Booking, Posting

ACCOUNTS = ("received", "adjusted", "disposed", "delivered", "lost")


@dataclass(slots=True)
class Balance:
    """One constituent's balance in mg. `by_kind` tells apart what was lost or adjusted how."""

    received: int = 0
    adjusted: int = 0
    disposed: int = 0
    delivered: int = 0
    lost: int = 0
    held: int = 0
    moved_in: int = 0
    moved_out: int = 0
    opening: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)

    @property
    def difference(self) -> int:
        """Return what the identity misses, in mg; always 0. Moves between sites cancel out over the ledger."""
        entered = self.opening + self.received + self.moved_in + self.adjusted
        return entered - self.disposed - self.delivered - self.lost - self.moved_out - self.held

    def post(self, posting: Posting) -> None:
        """Add a posting."""
        setattr(self, posting.account, getattr(self, posting.account) + posting.mass)
        if posting.kind:
            name = f"{posting.account} {posting.kind}"
            self.by_kind[name] = self.by_kind.get(name, 0) + posting.mass


def balances(bookings: Iterable[Booking | None], batches: Iterable[Batch]) -> dict[str, Balance]:
    """Return the balance of each constituent over bookings, with what the batches hold."""
    whole: dict[str, Balance] = {}
    for booking in bookings:
        for posting in booking.postings if booking else ():
            whole.setdefault(posting.constituent, Balance()).post(posting)
    for batch in batches:
        for constituent, mass in batch.contained().items():
            whole.setdefault(constituent, Balance()).held += mass
    return dict(sorted(whole.items()))
