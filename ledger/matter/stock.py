"""Stock-takes, disposals and returns: what a count, a landfill or a customer does to the books."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from ledger.errors import AmountError, AssayError, CustodyError, OverdrawnError, grams
from ledger.matter import uncertainty
from ledger.matter.batch import DELIVERED, Batch, Content
from ledger.matter.booking import ADJUSTED, DISPOSED, RECEIVED, Booking, Edge, Page, positive, tagged
from ledger.matter.draw import draw, moistened
from ledger.matter.provenance import GAIN, Portions, Source, Stock, mixed, total
from ledger.matter.receive import check_assay
from schemas.event import Adjust, Dispose, Return
from schemas.measurement import Below


def adjust(page: Page, event: Adjust) -> Booking:
    """Enter a stock-take. More than the book enters wholly as unknown; less leaves in proportion; water changes gross mass alone."""
    site = page.own_site(event.site)
    batch = page.own_batch(event, site.id)
    difference = round(event.mass.milligrams)
    if not difference:
        msg = f"the adjustment of batch {batch.id} is 0; leave it out where the count agrees with the book"
        raise AmountError(msg)
    if event.kind == "water":
        page.put(_watered(batch, difference))
        return page.booking(site.id, "adjust")
    dry = positive(round(abs(difference) * (1 - moistened(batch, event.moisture).moisture)), what=f"the adjustment of batch {batch.id}")
    page.put(_found(page, event, batch, dry) if difference > 0 else _missed(page, batch, dry, difference))
    return page.booking(site.id, "adjust")


def _watered(batch: Batch, difference: int) -> Batch:
    if not batch.dry_left:
        msg = f"batch {batch.id} is empty, so no water can come to it or leave it"
        raise AmountError(msg)
    gross = batch.gross_left + difference
    if gross < batch.dry_left:
        msg = f"batch {batch.id} holds {grams(batch.gross_left - batch.dry_left)} of water, cannot lose {grams(-difference)}"
        raise AmountError(msg)
    return replace(batch, moisture=1 - Fraction(batch.dry_left, gross))


def _found(page: Page, event: Adjust, batch: Batch, dry: int) -> Batch:
    """Return a batch with what a count found on top: of unknown class, from unknown places."""
    if batch.is_open:
        opened = {name: Stock.of(mixed(stock.left, {GAIN: dry})) for name, stock in batch.open.items()}
        return replace(batch.rebased(batch.dry_left + dry), open=opened)
    if event.assay is None:
        msg = f"batch {batch.id}: a stock-take that finds more states the assay of what it found"
        raise AssayError(msg)
    check_assay(page.policy, batch.id, page.policy.material(batch.material), event.assay)
    contents = dict(batch.contents)
    for constituent, result in sorted(event.assay.items()):
        mass = 0 if isinstance(result, Below) else round(dry * result.fraction)
        contents[constituent] = contents.get(constituent, Content(Stock.of({}))).plus({GAIN: mass})
        page.post(batch.site, ADJUSTED, constituent, mass, kind="count")
    return replace(batch, contents=contents).rebased(batch.dry_left + dry)


def _missed(page: Page, batch: Batch, dry: int, difference: int) -> Batch:
    if dry > batch.dry_left:
        raise OverdrawnError(batch.id, left=batch.gross_left, asked=-difference, what="lose")
    taken, after = batch.take(dry)
    for constituent, mass in taken.contained().items():
        page.post(batch.site, ADJUSTED, constituent, -mass, kind="count")
    return after.rebased(after.dry_left)


def dispose(page: Page, event: Dispose) -> Booking:
    """Let material leave as waste. What it contained is kept in mind: it may be dug out again as a new batch."""
    site = page.own_site(event.site)
    taken = draw(page, event, site.id)
    for constituent, mass in taken.contained().items():
        page.post(site.id, DISPOSED, constituent, mass)
    after = page.after[event.batch]
    gone = {name: mixed(after.gone.get(name, {}), content.least) for name, content in taken.contents.items()}
    page.put(replace(after, gone=gone, gone_dry=after.gone_dry + taken.dry))
    return page.booking(site.id, "dispose")


def return_(page: Page, event: Return) -> Booking:
    """Bring back what went out, at most as much, with its provenance."""
    site = page.own_site(event.site)
    page.check_new(event.batch)
    old = page.batch(event.of)
    if old.holder != page.party:
        msg = f"batch {old.id} went out from {old.holder}, so {page.party} cannot bring it back"
        raise CustodyError(msg, hint="what somebody else sent out is received as new")
    if old.is_open:
        msg = f"batch {old.id} went out unassayed, so nobody knows what comes back"
        raise AssayError(msg, hint="receive it as new")
    if event.as_ != "recovered_waste" and old.status != DELIVERED:
        msg = f"batch {old.id} was not delivered outside, so it cannot come back"
        raise AmountError(msg)
    moisture = moistened(old, event.moisture).moisture
    figure = uncertainty.mass(event.mass, page.policy, where=f"{page.position}:{event.batch}")
    dry = positive(round(figure.value * (1 - moisture)), what=f"batch {event.batch}")
    if dry > old.gone_dry:
        raise OverdrawnError(old.id, left=old.gone_dry, asked=dry, what="return")
    contents, gone = {}, {}
    mass_u = {cause: round(u) for cause, u in figure.u}
    for constituent, portions in old.gone.items():
        part, rest = Stock.of(portions).take(sum(portions.values()) * dry // old.gone_dry)
        back = _classed(part, event.as_)
        u = uncertainty.scaled(mass_u, total(back), round(figure.value))
        contents[constituent] = Content(Stock.of(back), None, u, total(back))
        gone[constituent] = rest.left
        page.post(site.id, RECEIVED, constituent, total(back), kind="returned")
    page.put(replace(old, gone=gone, gone_dry=old.gone_dry - dry))
    batch = Batch(
        id=event.batch,
        material=old.material,
        holder=page.party,
        site=site.id,
        made_at=page.position,
        fixed_at=page.fixed_at,
        dry_made=dry,
        dry_left=dry,
        moisture=moisture,
        contents=contents,
        mass_u=mass_u,
        claims=old.claims,  # another party's certificate comes back with it; the signer's own ends here (ledger/certified.py)
    )
    page.make(tagged(page, batch))
    page.edges.append(Edge(old.id, batch.id, round(figure.value), {name: mass for name, mass in batch.contained().items() if mass}))
    return page.booking(site.id, "return")


def _classed(portions: Portions, returned_as: str) -> Portions:
    """Return portions with the class they come back with; a distribution return keeps the old one as `was`."""
    if returned_as != "distribution_return":
        return portions
    back: Portions = {}
    for source, mass in portions.items():
        after: Source = source._replace(feedstock="distribution_return", was=source.was or source.feedstock)
        back[after] = back.get(after, 0) + mass
    return back
