"""Drawing from a batch: how much of it a stated mass, count or "rest" is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from ledger.errors import AmountError, OverdrawnError, grams
from ledger.matter import uncertainty
from ledger.matter.batch import Batch, Taken
from ledger.matter.booking import LOST, MOVED_IN, MOVED_OUT, Page, positive, stated
from schemas.event import Dispose
from schemas.measurement import Drawn, Pieces, Proportion, Quantity
from schemas.step import Input


def draw(page: Page, use: Input | Dispose, site: str) -> Taken:
    """Take what a use asks for and keep the batch that is left.

    Raises:
        OverdrawnError: It asks for more than is left, by more than the last draw's scale may be wrong.
        AmountError, CustodyError, StaleError, UnknownError: The batch cannot be used so.
    """
    stated(use.mass, field_name="mass")
    batch = moistened(page.own_batch(use, site), use.moisture)
    dry = _dry(page, use, batch)
    taken, after = batch.take(dry)
    moved_to(page, batch, taken.contained(), site)
    if use.final:
        after = close(page, after)
    page.put(after)
    return taken


def moved_to(page: Page, batch: Batch, contained: Mapping[str, int], site: str) -> None:
    """Post what a use at another site of the same party than the batch's moves there, so that each site's balance closes."""
    if batch.site != site:
        for constituent, mass in contained.items():
            page.post(batch.site, MOVED_OUT, constituent, mass)
            page.post(site, MOVED_IN, constituent, mass)


def moistened(batch: Batch, moisture: Proportion | None) -> Batch:
    """Return a batch with the moisture that a draw states; without one, its last stated moisture holds.

    Raises:
        AmountError: It is 100 % or more.
    """
    if moisture is None:
        return batch
    if moisture.fraction >= 1:
        msg = f"batch {batch.id} has a moisture of {float(moisture.fraction):.4%}, it must be below 100 %"
        raise AmountError(msg)
    return replace(batch, moisture=moisture.fraction)


def _dry(page: Page, use: Input | Dispose, batch: Batch) -> int:
    """Return the dry mass in mg that a use takes."""
    if use.rest:
        return _rest(page, use.mass, batch)
    if isinstance(use.mass, Pieces):
        return _counted(use.mass, batch)
    if not isinstance(use.mass, Quantity):  # pragma: no cover - `stated` refused it
        raise AmountError(batch.id)
    gross = uncertainty.mass(use.mass, page.policy, where=f"{page.position}:{batch.id}:draw", minimum=False)
    page.figure_noted(overstated=gross.overstated, where=f"the draw from {batch.id}")
    asked = positive(round(gross.value * (1 - batch.moisture)), what=f"the draw from batch {batch.id}")
    over = asked - batch.dry_left
    if over <= 0:
        return asked
    dry = 1 - batch.moisture
    bound = uncertainty.bound(page.policy, {cause: round(u * dry) for cause, u in gross.u})
    if not batch.dry_left or over > bound:
        raise OverdrawnError(batch.id, left=_wet(batch.dry_left, batch.moisture), asked=round(gross.value))
    page.note("last-draw", f"the last draw from batch {batch.id} was {grams(over)} above what was left and took all of it")
    return batch.dry_left


def _wet(dry: int, moisture: Fraction) -> int:
    return round(dry / (1 - moisture))


def _rest(page: Page, mass: Drawn | None, batch: Batch) -> int:
    """Return all that is left; when it was signed, the record said exactly how much that was."""
    if not batch.dry_left:
        asked = round(mass.milligrams) if isinstance(mass, Quantity) else 0
        raise OverdrawnError(batch.id, left=0, asked=asked)
    if page.fresh:
        if not isinstance(mass, Quantity):
            msg = f"the rest of batch {batch.id} is a mass, not a count"
            raise AmountError(msg)
        said = round(mass.milligrams)
        if said != batch.gross_left:
            msg = f"the rest of batch {batch.id} is {grams(batch.gross_left)}, the record says {grams(said)}"
            raise AmountError(msg, hint="somebody drew from it since; look at what is left and sign again")
    return batch.dry_left


def _counted(pieces: Pieces, batch: Batch) -> int:
    """Return the dry mass of n pieces: n/N of what was made, rounded against all pieces drawn before."""
    if not batch.pieces_made:
        msg = f"batch {batch.id} was made without a number of pieces, so it cannot be drawn by count"
        raise AmountError(msg)
    if pieces.pieces > batch.pieces_left:
        msg = f"batch {batch.id} holds {batch.pieces_left} pieces, cannot give {pieces.pieces} ({pieces.pieces - batch.pieces_left} short)"
        raise AmountError(msg)
    if pieces.pieces == batch.pieces_left:
        return batch.dry_left
    gone = batch.pieces_made - batch.pieces_left
    dry = batch.dry_made * (gone + pieces.pieces) // batch.pieces_made - batch.dry_made * gone // batch.pieces_made
    return positive(min(dry, batch.dry_left), what=f"the draw from batch {batch.id}")


def close(page: Page, batch: Batch) -> Batch:
    """Return a batch closed for good: what the book still holds of it is unaccounted loss."""
    taken, after = batch.take(batch.dry_left)
    for constituent, mass in taken.contained().items():
        page.post(batch.site, LOST, constituent, mass, kind="unaccounted")
    return after
