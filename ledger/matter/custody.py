"""Custody moves with ship and accept: on the road nobody may use a batch, and both weights are kept (ISO 22095, 3.1.1)."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from ledger.errors import AmountError, ClaimError, CustodyError, OverdrawnError, UnknownError, grams
from ledger.matter import uncertainty
from ledger.matter.batch import DELIVERED, HELD, IN_TRANSIT, Batch
from ledger.matter.booking import DELIVERED as DELIVERED_ACCOUNT
from ledger.matter.booking import LOST, MOVED_IN, MOVED_OUT, Booking, Page, positive, stated
from ledger.matter.draw import moistened, moved_to
from ledger.matter.uncertainty import Components
from schemas.event import Accept, Outside, Ship
from schemas.identifier import party_of
from schemas.measurement import Pieces, Quantity


def ship(page: Page, event: Ship) -> Booking:
    """Send a whole batch to a site of the ledger, or deliver it outside."""
    stated(event.mass, field_name="mass")
    site = page.own_site(event.site)
    batch = moistened(page.own_batch(event, site.id), event.moisture)
    if not batch.weighed:
        msg = f"batch {batch.id} is a balance and was never weighed; it cannot be shipped before it is"
        raise ClaimError(msg, hint=f"correct its mass, or transform it: plumbline correct {batch.id} …")
    _check_whole(page, event, batch)
    moved_to(page, batch, batch.contained(), site.id)
    if isinstance(event.to, Outside):
        for constituent, mass in batch.contained().items():
            page.post(site.id, DELIVERED_ACCOUNT, constituent, mass)
        taken, after = batch.take(batch.dry_left)
        gone = {constituent: content.least for constituent, content in taken.contents.items()}
        page.put(replace(after, status=DELIVERED, site=site.id, gone=gone, gone_dry=taken.dry))
        return page.booking(site.id, "ship")
    if page.reading.site(event.to) is None:
        raise UnknownError("site", event.to, hint="the receiver registers its site before anything is shipped to it")
    page.put(replace(batch, status=IN_TRANSIT, site=site.id, to=event.to))
    return page.booking(site.id, "ship")


def _check_whole(page: Page, event: Ship, batch: Batch) -> None:
    """Check that a shipment is the whole batch, within the scale's bound."""
    if not batch.dry_left:
        raise OverdrawnError(batch.id, left=0, asked=0, what="ship")
    if isinstance(event.mass, Pieces):
        if event.mass.pieces != batch.pieces_left:
            msg = f"batch {batch.id} holds {batch.pieces_left} pieces, {event.mass.pieces} would be shipped; a batch is shipped whole"
            raise AmountError(msg, hint="split off what is to be shipped first")
        return
    if not isinstance(event.mass, Quantity):  # pragma: no cover - `stated` refused it
        return
    figure = uncertainty.mass(event.mass, page.policy, where=f"{page.position}:{batch.id}", minimum=False)
    said = round(figure.value)
    allowed = 0 if event.rest else uncertainty.bound(page.policy, {cause: round(u) for cause, u in figure.u}, batch.weight_u)
    if event.rest and not page.fresh:
        return
    if said - batch.gross_left > allowed:
        raise OverdrawnError(batch.id, left=batch.gross_left, asked=said, what="ship")
    if batch.gross_left - said > allowed:
        msg = f"batch {batch.id} holds {grams(batch.gross_left)}, {grams(said)} would be shipped; a batch is shipped whole"
        raise AmountError(msg, hint="split off what is to be shipped first")


def accept(page: Page, event: Accept) -> Booking:
    """Take custody of what was shipped. Within both scales' bound the sender's weight stays in the book."""
    site = page.own_site(event.site)
    batch = page.batch(event.batch)
    if batch.status != IN_TRANSIT:
        msg = f"batch {batch.id} is not on its way to anybody; only what was shipped can be accepted"
        raise CustodyError(msg)
    if batch.to != site.id:
        msg = f"batch {batch.id} was shipped to {batch.to}, not to {site.id}"
        raise CustodyError(msg)
    page.check_fixed(event, batch)
    figure = uncertainty.mass(event.mass, page.policy, where=f"{page.position}:{batch.id}")
    page.figure_noted(overstated=figure.overstated, where=f"the received mass of {batch.id}")
    received = positive(round(figure.value), what=f"batch {batch.id}")
    u = {cause: round(value) for cause, value in figure.u}
    held = _weighed(page, event, batch, received, u) if event.difference is None else _drained(batch, received, u)
    arrived = replace(held, status=HELD, holder=party_of(site.id), site=site.id, to="", fixed_at=max(held.fixed_at, page.fixed_at))
    for constituent, mass in arrived.contained().items():
        page.post(batch.site, MOVED_OUT, constituent, mass)
        page.post(site.id, MOVED_IN, constituent, mass)
    page.put(arrived)
    return page.booking(site.id, "accept")


def _weighed(page: Page, event: Accept, batch: Batch, received: int, u: Components) -> Batch:
    """Return the batch after the receiver's dry mass was compared with the sender's. `received` and `u` are wet, in mg."""
    wet = uncertainty.moisture(event.moisture, page.policy, where=f"{page.position}:{batch.id}")
    page.figure_noted(overstated=wet.overstated, where=f"the received moisture of {batch.id}")
    arrived = moistened(batch, event.moisture)
    sent, dry = batch.dry_left, positive(round(received * (1 - arrived.moisture)), what=f"batch {batch.id}")
    allowed = uncertainty.bound(
        page.policy, _dried(u, arrived), _dried(batch.weight_u, batch), {cause: round(share * received) for cause, share in wet.u}
    )
    told = f"batch {batch.id}: {grams(sent)} dry sent, {grams(dry)} dry received"
    if sent - dry > allowed:
        taken, after = arrived.take(sent - dry)
        for constituent, mass in taken.contained().items():
            page.post(batch.site, LOST, constituent, mass, kind="transit")
        page.note("transit-loss", f"{told}, the bound is {grams(allowed)}")
        return replace(after.rebased(dry), mass_u=u)
    if dry - sent > allowed:
        page.note("transit-gain", f"{told}; the sender's weight stays")
    return arrived


def _dried(u: Components, batch: Batch) -> Components:
    return {cause: round(value * (1 - batch.moisture)) for cause, value in u.items()}


def _drained(batch: Batch, received: int, u: Components) -> Batch:
    """Return a batch that water or acid came to or left on the road: the same metal, the receiver's gross mass.

    Acid that was weighed as part of a battery is no moisture: when it leaves, the dry mass is the receiver's too.

    Raises:
        AmountError: More would have drained than there is beside the metal.
    """
    if received >= batch.dry_left:
        return replace(batch, moisture=1 - Fraction(batch.dry_left, received), mass_u=u)
    contained = sum(batch.contained().values())
    if received < contained:
        msg = f"batch {batch.id} contains {grams(contained)} of what was assayed, {grams(received)} received cannot hold it"
        raise AmountError(msg)
    return replace(batch.rebased(received), moisture=Fraction(0), mass_u=u)
