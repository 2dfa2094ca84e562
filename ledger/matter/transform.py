"""A transform: inputs are drawn and mixed, outputs carry away what they were measured to contain.

A melt mixes perfectly, so every output has the mixture's provenance, constituent by constituent. Outputs and inputs are weighed and
assayed apart and never close: what is missing is loss, what is too much is unknown, and both only up to k·u (ledger/matter/closure.py).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from ledger.errors import AmountError, AssayError, BalanceError, DuplicateError, FormChangeError, VesselError, grams
from ledger.matter import uncertainty
from ledger.matter.batch import Batch, Content, Taken, joined
from ledger.matter.booking import RECEIVED, Booking, Edge, Page, positive, tagged
from ledger.matter.closure import Claimant, close_constituent
from ledger.matter.draw import draw
from ledger.matter.parts import check_parts
from ledger.matter.provenance import Stock, mixed, shared
from ledger.matter.receive import check_vessel, measured, serial_ranges, wetness
from ledger.matter.uncertainty import Components, Figure
from ledger.policy import Material
from schemas.event import Transform
from schemas.measurement import Quantity
from schemas.party import Site
from schemas.step import Output


@dataclass(slots=True)
class Product:
    """One output while it is worked out. Masses in mg; `mode` says how its contents are known."""

    output: Output
    material: Material
    mode: Literal["measured", "carried", "balance"]
    dry: int
    moisture: Fraction
    mass_u: Components
    measured: dict[str, tuple[int, Components, str]]
    contents: dict[str, Content]
    open: dict[str, Stock]


def transform(page: Page, event: Transform) -> Booking:
    """Enter a transform.

    Raises:
        BalanceError, LossError, FormChangeError, VesselError, …: See matter.md's list of refusals; nothing is booked then.
    """
    site = page.own_site(event.site)
    _check_names(event)
    taken = [draw(page, use, site.id) for use in event.inputs]
    products = [_product(page, event, output) for output in event.outputs]
    _fill_carried_balance(page, event, taken, products)
    _check_forms(page, event, taken)
    used = frozenset(part.batch.id for part in taken)
    for output in event.outputs:
        page.check_new(output.batch)
        check_vessel(page, site.id, output.vessel, used=used)
    _check_carried_mass(page, event, taken, products)
    pool = {
        constituent: joined(part.contents[constituent] for part in taken if constituent in part.contents)
        for constituent in sorted({constituent for part in taken for constituent in part.contents})
    }
    if any(part.open for part in taken):
        taken = _meet_open(page, event, taken, products, pool, site)
    losses = _losses(page, event)
    constituents = set(pool) | set(losses) | {constituent for product in products for constituent in product.measured}
    for constituent in sorted(constituents):
        _close(page, event, site, constituent, taken, products, pool, losses.get(constituent, []))
    for product in products:
        _make(page, event, site, product, used)
    _draw_edges(page, taken, products)
    return page.booking(site.id, event.kind)


def _check_names(event: Transform) -> None:
    for what, names in (("input", [use.batch for use in event.inputs]), ("output", [output.batch for output in event.outputs])):
        twice = sorted(name for name, count in Counter(names).items() if count > 1)
        if twice:
            raise DuplicateError(
                f"{what} of this transform", twice[0], problem="stands twice", hint="name each batch once, with the whole mass"
            )
    if sum(output.mass == "balance" for output in event.outputs) > 1:
        msg = 'two outputs have the mass "balance"; only one can be what the others leave'
        raise AmountError(msg)
    vessels = [output.vessel for output in event.outputs if output.vessel]
    for vessel in vessels:
        if vessels.count(vessel) > 1:
            msg = f"two outputs stay in vessel {vessel}; a vessel holds one batch"
            raise VesselError(msg)


def _product(page: Page, event: Transform, output: Output) -> Product:
    material = page.policy.material(output.material)
    wet = wetness(page, output)
    if output.mass == "balance":
        if output.assay is not None:
            msg = f'batch {output.batch} has the mass "balance", so its contents are what the others leave; leave out its assay'
            raise AssayError(msg)
        check_parts(output, None)
        return Product(output, material, "balance", 0, wet.value, {}, {}, {}, {})
    gross: Figure = uncertainty.mass(output.mass, page.policy, where=f"{page.position}:{output.batch}")
    page.figure_noted(overstated=gross.overstated, where=f"the mass of {output.batch}")
    check_parts(output, gross.value)
    dry = positive(round(gross.value * (1 - wet.value)), what=f"batch {output.batch}")
    mass_u = {cause: round(u) for cause, u in gross.u}
    if output.assay is None:
        if not page.policy.carries(event.kind):
            msg = f"batch {output.batch} needs an assay: {event.kind} measures what comes out ({{}} where nothing was looked for)"
            raise AssayError(msg)
        return Product(output, material, "carried", dry, wet.value, mass_u, {}, {}, {})
    found = measured(page, output.batch, material, output.assay, gross, wet)
    return Product(output, material, "measured", dry, wet.value, mass_u, found, {}, {})


def _fill_carried_balance(page: Page, event: Transform, taken: list[Taken], products: list[Product]) -> None:
    """Give a split's, merge's or blend's "balance" the dry mass that the others leave: such a step loses and gains nothing."""
    if not page.policy.carries(event.kind):
        return
    rest = sum(part.dry for part in taken) - sum(product.dry for product in products)
    for product in products:
        if product.mode == "balance":
            product.dry = positive(rest, what=f"batch {product.output.batch}, the balance,")
            product.mode = "carried"


def _check_forms(page: Page, event: Transform, taken: list[Taken]) -> None:
    sources = sorted({part.batch.material for part in taken})
    for target in sorted({output.material for output in event.outputs}):
        for source in sources:
            before, after = page.policy.material(source), page.policy.material(target)
            if not page.policy.may_become(event.kind, before, after):
                raise FormChangeError(event.kind, source=source, source_form=before.form, target=target, target_form=after.form)


def _check_carried_mass(page: Page, event: Transform, taken: list[Taken], products: list[Product]) -> None:
    """Check that outputs which carry their share of the mass do not weigh more together than the inputs, beyond the scales' bound."""
    if not any(product.mode == "carried" for product in products):
        return
    into, out = sum(part.dry for part in taken), sum(product.dry for product in products)
    bound = uncertainty.bound(page.policy, *_scales(page, event))
    if out - into <= bound:
        return
    if page.fresh:
        raise BalanceError(f"dry mass of the {event.kind}", into=into, out=out, bound=bound)
    # A corrected input cannot be refused for what a merge weighed: no metal comes of it, the shares follow the book.
    page.note("carried-mass", f"the {event.kind} weighs {grams(out - into)} more than what went in, the bound is {grams(bound)}")


def _scales(page: Page, event: Transform) -> list[Components]:
    """Return the outputs' mass uncertainties without the scale's minimum, which would be most of a small lot."""
    weighed = [(output.batch, output.mass) for output in event.outputs if isinstance(output.mass, Quantity)]
    figures = [uncertainty.mass(mass, page.policy, where=f"{page.position}:{batch}", minimum=False) for batch, mass in weighed]
    return [{cause: round(u) for cause, u in figure.u} for figure in figures]


def _meet_open(
    page: Page, event: Transform, taken: list[Taken], products: list[Product], pool: dict[str, Content], site: Site
) -> list[Taken]:
    """Carry unassayed scrap on, or open it: what came out tells what went in. Returns what was taken with the contents found."""
    opened = [part for part in taken if part.open]
    forms = sorted({page.policy.material(part.batch.material).form for part in opened})
    if len(forms) > 1:
        msg = f"unassayed inputs are of several forms ({', '.join(forms)}); what came out cannot tell them apart"
        raise AssayError(msg)
    if page.policy.carries(event.kind):
        if any(product.mode != "carried" for product in products) or len(opened) < len(taken):
            msg = f"a {event.kind} of unassayed scrap passes it on unassayed; leave out assays, and keep assayed scrap apart"
            raise AssayError(msg, hint="the first break, smelt or rework that uses it tells what it contained")
        _carry_open(opened, products)
        return taken
    if not page.policy.derives(event.kind):
        msg = f"{event.kind} cannot use unassayed scrap ({opened[0].batch.id}); break, smelt or rework it first"
        raise AssayError(msg)
    if any(product.mode == "balance" for product in products):
        msg = 'unassayed scrap is told by what came out, so every output is weighed and assayed; none may be "balance"'
        raise AssayError(msg)
    found = _derive_open(page, event, opened, products, pool, site)
    return [replace(part, contents=found[part.batch.id]) if part.open else part for part in taken]


def _carry_open(opened: list[Taken], products: list[Product]) -> None:
    names = {name for part in opened for name in part.open}
    whole, carried = sum(part.dry for part in opened), 0
    basis = max(whole, sum(product.dry for product in products))
    stocks = {name: Stock.of(mixed(*(part.open_sources(name) for part in opened))) for name in names}
    for product in products:
        before, carried = whole * carried // basis, carried + product.dry
        # The carried mass follows the book: scales that read a little more make no scrap.
        product.dry = whole * carried // basis - before
        for name in names:
            portions, stocks[name] = stocks[name].take(product.dry)
            product.open[name] = Stock.of(portions)


def _derive_open(
    page: Page, event: Transform, opened: list[Taken], products: list[Product], pool: dict[str, Content], site: Site
) -> dict[str, dict[str, Content]]:
    """Receive what unassayed scrap turned out to contain, shared over it by dry mass, and return what each batch contained."""
    losses = _losses(page, event)
    whole = sum(part.dry for part in opened)
    found: dict[str, dict[str, Content]] = {part.batch.id: {} for part in opened}
    for constituent in sorted({name for product in products for name in product.measured} | set(losses)):
        out = sum(product.measured[constituent][0] for product in products if constituent in product.measured)
        out += sum(claimant.mass for claimant in losses.get(constituent, []))
        derived = max(0, out - (pool[constituent].mass if constituent in pool else 0))
        before = 0
        for part in opened:
            mass = derived * (before + part.dry) // whole - derived * before // whole
            before += part.dry
            portions = shared(mass, list(part.open_sources(constituent).items()))
            found[part.batch.id][constituent] = Content(Stock.of(portions))
        entered = joined(contents[constituent] for contents in found.values())
        pool[constituent] = joined([pool[constituent], entered]) if constituent in pool else entered
        page.post(site.id, RECEIVED, constituent, derived, kind="derived")
        _check_band(page, constituent, derived, opened)
    page.note("derived", f"{', '.join(part.batch.id for part in opened)}: derived by campaign yield")
    return found


def _check_band(page: Page, constituent: str, derived: int, opened: list[Taken]) -> None:
    dry = sum(part.dry for part in opened)
    low, high = page.policy.material(opened[0].batch.material).band.get(constituent, (Fraction(0), Fraction(1)))
    content = Fraction(derived, dry)
    if not low <= content <= high:
        names = ", ".join(part.batch.id for part in opened)
        page.note(
            "yield-out-of-band",
            f"{names}: {constituent} by campaign yield is {float(content):.2%}, usual is {float(low):.0%} to {float(high):.0%}",
        )


def _losses(page: Page, event: Transform) -> dict[str, list[Claimant]]:
    """Return declared losses by constituent."""
    losses: dict[str, list[Claimant]] = {}
    row = page.policy.mass["declared_loss"]
    for number, loss in enumerate(event.losses):
        for constituent, quantity in sorted(loss.contained.items()):
            where = f"{page.position}:loss {number}:{constituent}"
            figure = uncertainty.mass(quantity, page.policy, where=where, row=None if quantity.device else row)
            page.figure_noted(overstated=figure.overstated, where=f"the {loss.kind} loss of {constituent}")
            components = {cause: round(u) for cause, u in figure.u}
            losses.setdefault(constituent, []).append(Claimant(round(figure.value), components, loss.kind))
    return losses


def _close(
    page: Page,
    event: Transform,
    site: Site,
    constituent: str,
    taken: list[Taken],
    products: list[Product],
    pool: dict[str, Content],
    losses: list[Claimant],
) -> None:
    """Share one constituent of the mixture over the products and losses."""
    mixture = pool.get(constituent, Content(Stock.of({}))).moved(page.policy.place_of(event.kind), site.country)
    claimants: list[Claimant | None] = []
    into, carried = sum(part.dry for part in taken), 0
    basis = max(into, sum(product.dry for product in products))
    for product in products:
        before, carried = carried, carried + product.dry
        if product.mode == "measured" and constituent in product.measured:
            mass, u, _ = product.measured[constituent]
            claimants.append(Claimant(mass, u))
        elif product.mode == "carried":
            claimants.append(Claimant(mixture.mass * carried // basis - mixture.mass * before // basis, {}))
        else:
            claimants.append(None)
    balance = next((number for number, product in enumerate(products) if product.mode == "balance"), None)
    omitted = any(product.mode == "measured" and constituent not in product.measured for product in products)
    contents = close_constituent(
        page, site, constituent, mixture=mixture, outputs=claimants, losses=losses, balance=balance, omitted=omitted
    )
    for product, content in zip(products, contents, strict=True):
        if content is not None:
            product.contents[constituent] = replace(
                content, below=product.measured[constituent][2] if constituent in product.measured else ""
            )


def _make(page: Page, event: Transform, site: Site, product: Product, used: frozenset[str]) -> None:
    output = product.output
    weighed = output.mass != "balance"
    dry = product.dry if product.mode != "balance" else sum(content.mass for content in product.contents.values())
    positive(dry, what=f"batch {output.batch}, the balance,")
    pieces = output.pieces or 0
    batch = Batch(
        id=output.batch,
        material=product.material.name,
        holder=page.party,
        site=site.id,
        made_at=page.position,
        fixed_at=page.fixed_at,
        dry_made=dry,
        dry_left=dry,
        moisture=product.moisture,
        contents=product.contents,
        open=product.open,
        pieces_made=pieces,
        pieces_left=pieces,
        serials=serial_ranges(page, output, parents=used),
        vessel=output.vessel or "",
        owner=output.owner or event.owner or "",
        weighed=weighed,
        provisional=output.provisional or (product.mode == "carried" and any(page.batch(name).provisional for name in used)),
        claims=_inherited(page, event, used),
        mass_u=product.mass_u,
    )
    page.make(tagged(page, batch))


def _inherited(page: Page, event: Transform, used: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """Return the certificates that stay on mass which was only split, merged or blended."""
    if not page.policy.carries(event.kind):
        return ()
    return tuple(sorted({claim for name in used for claim in page.batch(name).claims}))


def _draw_edges(page: Page, taken: list[Taken], products: list[Product]) -> None:
    """Draw who went into whom: gross and contained mass of each input, shared over the outputs by what they carry."""
    children = [page.after[product.output.batch] for product in products]
    held = [child.contained() for child in children]
    weights = [sum(contained.values()) or child.dry_left for child, contained in zip(children, held, strict=True)]
    whole = sum(weights)
    out: dict[str, int] = {}
    for contained in held:
        for constituent, mass in contained.items():
            out[constituent] = out.get(constituent, 0) + mass
    for part in taken:
        into = part.contained()
        for child, contained, weight in zip(children, held, weights, strict=True):
            flows = {name: mass * contained.get(name, 0) // out[name] for name, mass in into.items() if out.get(name)}
            carried = {name: mass for name, mass in flows.items() if mass}
            page.edges.append(Edge(part.batch.id, child.id, part.gross * weight // whole, carried))
