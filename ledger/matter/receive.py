"""What enters: the class, places and contents that a receipt gives its batch."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

from ledger.errors import AmountError, AssayError, DuplicateError, OriginError, VesselError
from ledger.matter import uncertainty
from ledger.matter.batch import ANY, Batch, Content
from ledger.matter.booking import RECEIVED, Booking, Page, positive, tagged
from ledger.matter.parts import check_parts
from ledger.matter.provenance import UNKNOWN, Portions, Source, Stock, shared
from ledger.matter.uncertainty import Figure
from ledger.policy import Material, Policy
from ledger.serials import covered, ordered, overlaps
from schemas.event import Receive
from schemas.feedstock import MANUFACTURING_SCRAP, Places
from schemas.measurement import Assay, Below
from schemas.step import Output

_WHOLE = Fraction(1)
_PER_WHOLE = 10**12
_BOUGHT = frozenset({"metal", "compound"})
"""Forms that are bought by composition, so that their classes need a document and their constituents a name each."""


def receive(page: Page, event: Receive) -> Booking:
    """Enter a receipt: measured contents are received now, unassayed scrap stays open until its first break, smelt or rework."""
    site = page.own_site(event.site)
    page.check_new(event.batch)
    material = page.policy.material(event.material)
    _check_origin(page, event, material)
    check_vessel(page, event.site, event.vessel, used=frozenset())
    gross = uncertainty.mass(event.mass, page.policy, where=_where(page, event.batch))
    page.figure_noted(overstated=gross.overstated, where=f"the mass of {event.batch}")
    check_parts(event, gross.value)
    wet = wetness(page, event)
    dry = positive(round(gross.value * (1 - wet.value)), what=f"batch {event.batch}")
    if event.assay is None and material.form != "scrap":
        msg = f"batch {event.batch} is {material.name} and needs an assay; only scrap may be received without one"
        raise AssayError(msg)
    contents: dict[str, Content] = {}
    open_stocks: dict[str, Stock] = {}
    if event.assay is None:
        names = {share.constituent for share in event.shares or () if share.constituent}
        open_stocks = {name: Stock.of(_entry(event, material, name, dry, like=name)) for name in sorted({ANY, *names})}
    else:
        contents = _contents(page, event, material, gross, wet)
    for constituent, content in contents.items():
        page.post(site.id, RECEIVED, constituent, content.mass, kind="opening" if event.opening else "")
    batch = Batch(
        id=event.batch,
        material=material.name,
        holder=page.party,
        site=site.id,
        made_at=page.position,
        fixed_at=page.fixed_at,
        dry_made=dry,
        dry_left=dry,
        moisture=wet.value,
        contents=contents,
        open=open_stocks,
        pieces_made=event.pieces or 0,
        pieces_left=event.pieces or 0,
        serials=serial_ranges(page, event, parents=frozenset()),
        vessel=event.vessel or "",
        owner=event.owner or "",
        provisional=event.provisional,
        mass_u={cause: round(u) for cause, u in gross.u},
    )
    page.make(tagged(page, batch))
    return page.booking(site.id, "receive")


def _where(page: Page, batch: str) -> str:
    return f"{page.position}:{batch}"


def wetness(page: Page, event: Receive | Output) -> Figure:
    """Return a stated moisture.

    Raises:
        AmountError: It is 100 % or more.
    """
    wet = uncertainty.moisture(event.moisture, page.policy, where=_where(page, event.batch))
    page.figure_noted(overstated=wet.overstated, where=f"the moisture of {event.batch}")
    if wet.value >= 1:
        msg = f"batch {event.batch} has a moisture of {float(wet.value):.4%}, it must be below 100 %"
        raise AmountError(msg)
    return wet


def check_assay(policy: Policy, batch: str, material: Material, assay: Assay) -> None:
    """Check that an assay does not find more than there is.

    Results measured apart may add up to a little more than the whole, as far as their uncertainties let them; one alone may not.

    Raises:
        AssayError: A value is above 100 %, or together they are, beyond k·u.
    """
    whole = Fraction(0)
    u: uncertainty.Components = {}
    for constituent, result in sorted(assay.items()):
        value = result.limit if isinstance(result, Below) else result.fraction
        if value > 1:
            msg = f"the assay of batch {batch} has {float(value * 100):.12g} % {constituent}, at most 100 % is possible"
            raise AssayError(msg)
        if not isinstance(result, Below):
            figure = uncertainty.assay(result, policy.assay_row(material, constituent, value), where=constituent)
            whole += value
            u |= {f"{constituent} {cause}": round(component * _PER_WHOLE) for cause, component in figure.u}
    if whole > 1 + Fraction(uncertainty.bound(policy, u), _PER_WHOLE):
        msg = f"the assay of batch {batch} adds up to {float(whole * 100):.12g} %, at most 100 % is possible"
        raise AssayError(msg)


def measured(
    page: Page, batch: str, material: Material, assay: Assay, gross: Figure, wet: Figure
) -> dict[str, tuple[int, uncertainty.Components, str]]:
    """Return contained mg, uncertainty components and "< limit" text by constituent, as measured."""
    check_assay(page.policy, batch, material, assay)
    out = {}
    for constituent, result in sorted(assay.items()):
        value = Fraction(0) if isinstance(result, Below) else result.fraction
        row = page.policy.assay_row(material, constituent, value)
        content = uncertainty.assay(result, row, where=f"{_where(page, batch)}:{constituent}")
        page.figure_noted(overstated=content.overstated, where=f"{constituent} in {batch}")
        mass = round(round(gross.value * (1 - wet.value)) * value)
        below = f"< {result.below} {result.unit}" if isinstance(result, Below) else ""
        out[constituent] = (mass, uncertainty.contained(gross, wet, content), below)
    return out


def _contents(page: Page, event: Receive, material: Material, gross: Figure, wet: Figure) -> dict[str, Content]:
    assay = event.assay or {}
    values = {c: Fraction(0) if isinstance(r, Below) else r.fraction for c, r in assay.items()}
    principal = max(sorted(values), key=lambda constituent: values[constituent], default="")
    contents = {}
    for constituent, (mass, u, below) in measured(page, event.batch, material, assay, gross, wet).items():
        trace = values[constituent] < page.policy.named_above
        portions = _entry(event, material, constituent, mass, like=principal if trace else constituent)
        named = any(share.constituent == constituent for share in event.shares or ())
        if material.form in _BOUGHT and constituent != principal and not trace and not named:
            portions = {Source(UNKNOWN): mass}
        contents[constituent] = Content(Stock.of(_ruled(page, portions, material)), None, u, mass, below)
    return contents


def _ruled(page: Page, portions: Portions, material: Material) -> Portions:
    """Return portions with the place facts that are {unknown} where this form enters without evidence for them."""
    missing = page.policy.unknown_facts(material.form)
    out: Portions = {}
    for source, mass in portions.items():
        held = dict(source.places)
        evidenced: dict[str, tuple[str, ...]] = {**dict.fromkeys(missing, (UNKNOWN,)), **held}
        places = tuple(sorted(evidenced.items()))
        after = source._replace(places=places)
        out[after] = out.get(after, 0) + mass
    return out


def _places(places: Places) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple(sorted((fact, (value,) if isinstance(value, str) else tuple(sorted(value))) for fact, value in places.items()))


def _entry(event: Receive, material: Material, constituent: str, mass: int, *, like: str) -> Portions:
    """Return the portions with which a mass of one constituent enters; a trace that no share names came `like` the principal one."""
    documented = bool(event.documents)
    believed = documented or (material.form not in _BOUGHT and not event.opening)
    if not believed or (event.shares is None and event.feedstock is None):
        return {Source(UNKNOWN): mass}
    if event.shares is None:
        return {Source(event.feedstock or UNKNOWN, _places(event.places), documented): mass}
    named = [share for share in event.shares if share.constituent == constituent]
    general = [share for share in event.shares if share.constituent is None]
    items = named or general or [share for share in event.shares if share.constituent == like]
    weights = [(Source(item.feedstock, _places({**event.places, **item.places}), documented), item.share.fraction) for item in items]
    left = _WHOLE - sum(weight for _, weight in weights)
    weights.append((Source(UNKNOWN), left))
    scale = lcm(*(weight.denominator for _, weight in weights))
    return shared(mass, [(source, int(weight * scale)) for source, weight in weights])


def _check_origin(page: Page, event: Receive, material: Material) -> None:
    """Check that class, shares, generator and opening stock are such as can be.

    Raises:
        OriginError: They are not.
    """
    classes = {share.feedstock for share in event.shares or ()} | ({event.feedstock} if event.feedstock else set())
    if event.shares is not None and event.feedstock is not None:
        msg = f"batch {event.batch} states both a feedstock and shares; a mixed load states shares alone"
        raise OriginError(msg)
    for name in {share.constituent for share in event.shares or ()}:
        whole = sum(share.share.fraction for share in event.shares or () if share.constituent == name)
        if whole > 1:
            msg = f"the shares of batch {event.batch} add up to {float(whole * 100):.12g} %, at most 100 % is possible"
            raise OriginError(msg)
    if material.form == "product" and "end_of_life" in classes:
        msg = f"batch {event.batch} is {material.name}: an unused product is never end_of_life; a spent one is spent_battery"
        raise OriginError(msg)
    if event.opening and (first := page.reading.first_transform(event.site)) is not None and first < page.position:
        msg = f"batch {event.batch} is opening stock, but {event.site} has already transformed something"
        raise OriginError(msg, hint="log what a later count finds with `plumbline adjust`")
    scrap = sorted(classes & MANUFACTURING_SCRAP)
    maker = event.generator.party if event.generator else None
    if maker is not None and page.reading.is_party(maker):
        msg = f"batch {event.batch} was generated by {maker}, a party of this ledger; {maker} ships it and you accept it"
        raise OriginError(msg)
    if scrap and event.generator is None:
        page.note("generator-unnamed", f"batch {event.batch} is {scrap[0]} but names no generator and process")


def check_vessel(page: Page, site: str, vessel: str | None, *, used: frozenset[str]) -> None:
    """Check that a vessel is free, or is emptied by this very event."""
    if vessel is None:
        return
    heel = page.reading.last_in_vessel(site, vessel, page.position)
    now = page.after.get(heel.id, heel) if heel else None
    if now is not None and now.dry_left > 0:
        if now.id in used:
            msg = f"vessel {vessel} at {site} still holds {now.id}; a heat takes its whole heel"
        else:
            msg = f"vessel {vessel} at {site} holds {now.id}, which this event leaves out; name it as an input"
        raise VesselError(msg)


def serial_ranges(page: Page, event: Receive | Output, *, parents: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """Return an event's serial ranges.

    Raises:
        AmountError: One ends before it begins.
        DuplicateError: One overlaps another batch's, and is not a part of what an input of the same event holds.
    """
    ranges = tuple((first, last) for first, last in event.serials)
    inherited = [held for name in parents for held in page.batch(name).serials]
    siblings = [(held, name) for name in page.made for held in page.after[name].serials]
    for number, (first, last) in enumerate(ranges):
        if not ordered((first, last)):
            msg = f"batch {event.batch} has the serial range {first}..{last}, which ends before it begins"
            raise AmountError(msg)
        taken = next((name for held, name in siblings if overlaps((first, last), held)), None)
        if any(overlaps((first, last), other) for other in ranges[:number]):
            taken = event.batch
        newest = page.reading.serial_holder(first, last, page.position)
        if newest is not None and not (newest in parents and covered((first, last), inherited)):
            taken = newest
        if taken is not None:
            raise DuplicateError("serial range", f"{first}..{last} (in {taken})")
    return ranges
