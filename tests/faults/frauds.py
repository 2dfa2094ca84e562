"""Frauds and slips planted in otherwise honest quarters: which are refused, which an audit flags, which gain nothing, which nobody sees.

A fraud is *refused* when its record is; *flagged* when an audit has more findings of some code than of the same quarter without it;
*gains nothing* when it was taken and no batch holds more of what a claim could rest on; else *unseen*. Of the kinds that the ledger
promises to stop, one that was taken and gained something is a broken promise. Honest quarters tell the false flags; they are as honest
as this generator makes them, with errors of scales and laboratories as large as the rule data says, or smaller.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from books import kg, pct
from figure import Figure
from ledger.draft import quantity
from ledger.errors import LedgerError
from ledger.memory import Memory
from quarter import Quarter

Raw = dict[str, Any]
REFUSED, FLAGGED, NOTHING, UNSEEN = "refused", "flagged", "gains nothing", "unseen"
HONEST_EACH = 10
"""For so many planted frauds there is one honest quarter."""


class Kind(NamedTuple):
    """A kind of fraud: what is planted in a week of the quarter, or what the ledger promises to stop and is tried at its end.

    What is `tried` must be refused; `within` bounds it may be taken, where it then gains nothing.
    """

    name: str
    plant: Callable[[Quarter, int], None] | None = None
    tried: Callable[[Quarter], list[Raw]] | None = None
    within: bool = False


# Planted in a week of the quarter


def phantom_truck(quarter: Quarter, _: int) -> None:
    """Enter one to three trucks that never came, with forged tickets, unassayed."""
    for _number in range(quarter.chance.randrange(1, 4)):
        truck = quarter.truck()
        quarter.write("yard", truck)
        quarter.pile.append(truck["batch"])


def phantom_fleet(quarter: Quarter, week: int) -> None:
    """Enter more trucks than the site can take, over some days."""
    for _number in range(10):
        phantom_truck(quarter, week)


def phantom_paste(quarter: Quarter, _: int) -> None:
    """Enter assayed paste that never came at the smelter, and let it go into the furnace on paper."""
    mass = kg(quarter.chance.randrange(2_000, 14_000))
    facts = {"batch": quarter.number("smelter"), "material": "battery_paste", "mass": mass, "assay": {"Pb": pct("75.5")}}
    paste = quarter.event("receive", "smelter", **facts, feedstock="end_of_life", places={"collected_in": "US"}, documents=quarter.paper())
    quarter.write("smelter", paste)
    quarter.paste.append(paste["batch"])


def _mistyped(quarter: Quarter, change: Callable[[Raw], Raw]) -> None:
    """Enter one truck of the week with another mass than its ticket has."""
    truck = quarter.truck()
    quarter.weigh_in(truck, {**truck, "mass": change(truck["mass"])})


def pounds_as_kilograms(quarter: Quarter, _: int) -> None:
    """Type pounds into a field of kilograms."""
    _mistyped(quarter, lambda mass: {**mass, "unit": "kg"})


def a_nought_too_many(quarter: Quarter, _: int) -> None:
    """Type ten times the mass."""
    _mistyped(quarter, lambda mass: {**mass, "value": f"{mass['value']}0"})


def truck_entered_twice(quarter: Quarter, _: int) -> None:
    """Enter a truck again under another number, with the ticket that it has."""
    truck = quarter.truck()
    quarter.weigh_in(truck)
    again = {**truck, "batch": quarter.number("yard")}
    quarter.write("yard", again)
    quarter.pile.append(again["batch"])


def backdated(quarter: Quarter, _: int) -> None:
    """Enter a truck as of forty to ninety days before."""
    now = quarter.now
    quarter.now -= quarter.chance.randrange(40, 90) * 86_400
    truck = quarter.truck()
    quarter.now = now
    quarter.weigh_in(truck)


def bullion_hidden(quarter: Quarter, _: int) -> None:
    """Sell five to thirty per cent of a heat beside the books."""
    quarter.lead = quarter.chance.uniform(0.70, 0.95)


def _sold_as_recycled(quarter: Quarter, *, papers: bool) -> None:
    bought = quarter.bought() | {"material": "soft_lead", "feedstock": "end_of_life", "places": {"collected_in": "US"}}
    bought = bought if papers else {key: value for key, value in bought.items() if key != "documents"}
    quarter.write("maker", bought)
    quarter.metal.append(bought["batch"])


def primary_as_recycled(quarter: Quarter, _: int) -> None:
    """Book primary lead as recycled, with a forged certificate."""
    _sold_as_recycled(quarter, papers=True)


def primary_without_papers(quarter: Quarter, _: int) -> None:
    """Book primary lead as recycled, without any paper."""
    _sold_as_recycled(quarter, papers=False)


def remelted(quarter: Quarter, _: int) -> None:
    """Melt primary lead down to "scrap", to take it back as recycled."""
    bought = quarter.bought()
    quarter.write("maker", bought)
    scrap = quarter.lot("maker", "plant_scrap", quarter.batch(bought["batch"]).dry_left / 10**6 * 0.995, Pb=99.5)
    quarter.write("maker", quarter.step("maker", "rework", [bought["batch"]], scrap))
    quarter.metal.append(scrap["batch"])


def sold_and_bought_again(quarter: Quarter, _: int) -> None:
    """Sell a lot outside and receive the same metal as new scrap: it was certified on the way out, and will be again."""
    bought = quarter.bought()
    quarter.write("maker", bought)
    to = {"outside": "A friend", "country": "US"}
    quarter.write("maker", quarter.event("ship", "maker", batch=bought["batch"], to=to))
    _sold_as_recycled(quarter, papers=True)


# Tried at the end of the quarter: the ledger promises to stop these


def _use(quarter: Quarter, batch: str, mass: int) -> Raw:
    lot = quarter.batch(batch)
    return {"batch": batch, "made_by": quarter.memory.record_id(lot.fixed_at >> 8), "mass": quantity(mass)}


def spent_twice(quarter: Quarter) -> list[Raw]:
    """Use a batch again that went into another heat whole."""
    made = quarter.lot("maker", "battery", 1_000, Pb=62.0)
    inputs = [_use(quarter, quarter.soft, 10**9)]
    return [quarter.event("transform", "maker", kind="assemble", inputs=inputs, outputs=[made])]


def overdrawn(quarter: Quarter) -> list[Raw]:
    """Draw three to fifty per cent more than there is."""
    gross = quarter.batch(quarter.batteries).gross_left * quarter.chance.randrange(103, 150) // 100
    return [quarter.event("dispose", "maker", reason="landfill", **_use(quarter, quarter.batteries, gross))]


def certified_twice(quarter: Quarter) -> list[Raw]:
    """Certify a batch that is certified."""
    return [quarter.certify(quarter.batteries)]


def certified_in_parts(quarter: Quarter) -> list[Raw]:
    """Split what is certified and certify a part."""
    part = quarter.lot("maker", "battery", 1_000)
    part.pop("assay")
    rest = {"batch": quarter.number("maker"), "material": "battery", "mass": "balance"}
    split = quarter.step("maker", "split", [quarter.batteries], part, rest)
    mass = round(float(part["mass"]["value"]) * 10**6)
    return [split, {**quarter.certify(quarter.batteries), "batch": part["batch"], "mass_mg": mass}]


def certified_above(quarter: Quarter) -> list[Raw]:
    """Certify a milligram more than there is, of the other kind."""
    number = {"kind": "domestic-origin", "number": "maker-DO-0001"}
    event = quarter.certify(quarter.batteries, **number)
    return [{**event, "mass_mg": event["mass_mg"] + 1}]


def relabelled(quarter: Quarter) -> list[Raw]:
    """Merge what is refined into scrap."""
    scrap = {"batch": quarter.number("maker"), "material": "plant_scrap", "mass": "balance"}
    return [quarter.step("maker", quarter.chance.choice(("merge", "split", "blend")), [quarter.batteries], scrap)]


def looped(quarter: Quarter) -> list[Raw]:
    """Make a batch of itself: an output with the number of its input."""
    made = {"batch": quarter.batteries, "material": "battery", "mass": "balance"}
    return [quarter.step("maker", "merge", [quarter.batteries], made)]


def looped_by_correction(quarter: Quarter) -> list[Raw]:
    """Correct a step so that what it made goes into it."""
    place = quarter.memory.numbers[quarter.batteries]
    wrong = next(record for record in quarter.records if record.id == quarter.memory.record_id(place >> 8)).events[place & 255]
    right = wrong.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    right["inputs"][0] = _use(quarter, quarter.batteries, 10**9)
    of = {"record": quarter.memory.record_id(place >> 8), "event": place & 255}
    return [{"type": "correct", "time": quarter.time, "of": of, "event": right, "reason": "written down wrong"}]


def metal_made(quarter: Quarter) -> list[Raw]:
    """Write down a fifth to a half more lead than went in."""
    lead = quarter.batch(quarter.batteries).contained()["Pb"] / 10**6 * quarter.chance.uniform(1.2, 1.5)
    return [quarter.step("maker", "assemble", [quarter.batteries], quarter.lot("maker", "battery", lead / 0.62, Pb=62.0))]


def product_as_scrap(quarter: Quarter) -> list[Raw]:
    """Receive new batteries as end of life."""
    truck = quarter.truck() | {"batch": quarter.number("maker"), "material": "battery", "assay": {"Pb": pct("62")}}
    return [truck | {"site": "maker:works"}]


def rounded(quarter: Quarter) -> list[Raw]:
    """Split a batch into a hundred parts of odd grams, and look for a milligram that rounding brings."""
    gross = quarter.batch(quarter.batteries).gross_left // 1000
    part = quarter.chance.randrange(1, gross // 120)
    parts: list[Raw] = [
        {"batch": quarter.number("maker"), "material": "battery", "mass": {"value": f"{part}.{number:03d}", "unit": "g"}}
        for number in range(100)
    ]
    rest = {"batch": quarter.number("maker"), "material": "battery", "mass": "balance"}
    return [quarter.step("maker", "split", [quarter.batteries], *parts, rest)]


KINDS = (
    Kind("phantom trucks, unassayed", phantom_truck),
    Kind("phantom trucks beyond capacity", phantom_fleet),
    Kind("phantom paste, assayed", phantom_paste),
    Kind("pounds typed as kilograms", pounds_as_kilograms),
    Kind("a nought too many", a_nought_too_many),
    Kind("a truck entered twice", truck_entered_twice),
    Kind("backdated", backdated),
    Kind("a heat sold beside the books", bullion_hidden),
    Kind("primary as recycled, forged papers", primary_as_recycled),
    Kind("primary as recycled, no papers", primary_without_papers),
    Kind("primary remelted into scrap", remelted),
    Kind("sold and bought again as scrap", sold_and_bought_again),
    Kind("spent twice", tried=spent_twice),
    Kind("overdrawn", tried=overdrawn),
    Kind("certified twice", tried=certified_twice),
    Kind("certified in parts", tried=certified_in_parts),
    Kind("certified above its mass", tried=certified_above),
    Kind("refined relabelled as scrap", tried=relabelled),
    Kind("a loop by number", tried=looped),
    Kind("a loop by correction", tried=looped_by_correction),
    Kind("metal made in a step", tried=metal_made, within=True),
    Kind("a product as scrap", tried=product_as_scrap),
    Kind("rounding", tried=rounded, within=True),
)


def outcome(kind: Kind, seed: str) -> str:
    """Plant a fraud and say what came of it."""
    if kind.tried is not None:
        quarter = Quarter(seed).run()
        before = quarter.recycled()
        try:
            quarter.write("maker", *kind.tried(quarter))
        except LedgerError:
            return REFUSED
        return NOTHING if kind.within and quarter.recycled() <= before else UNSEEN
    quarter, honest = Quarter(seed, kind.plant), Quarter(seed)
    try:
        quarter.run()
    except LedgerError:
        return REFUSED
    if quarter.flags() - honest.run().flags():
        return FLAGGED
    return UNSEEN if entered(quarter.memory) > entered(honest.memory) else NOTHING


def entered(memory: Memory) -> int:
    """Return the mass that was received as recycled, in mg: contained lead, and of what nobody assayed the whole."""
    found = 0
    for name, place in memory.numbers.items():
        booking = memory.bookings[place]
        batch = booking.after[name] if booking and booking.kind == "receive" else None
        for stocks in ([content.booked for content in batch.contents.values()], batch.open.values()) if batch else ():
            for stock in stocks:
                found += sum(mass for source, mass in stock.made.items() if source.feedstock not in ("primary", "unknown"))
    return found


def measure(amount: int, seed: int, folder: Path) -> Figure:
    """Plant this many frauds, kind after kind, and look for flags in honest quarters."""
    found: dict[str, Counter[str]] = {kind.name: Counter() for kind in KINDS}
    wrong: list[str] = []
    for number in range(amount):
        kind = KINDS[number % len(KINDS)]
        name = f"{seed} {number}"
        came = outcome(kind, name)
        found[kind.name][came] += 1
        if kind.tried is not None and came == UNSEEN:
            wrong.append(f"{kind.name}: quarter {name!r}")
    records = flags = 0
    for number in range(max(1, amount // HONEST_EACH)):
        honest = Quarter(f"{seed} honest {number}").run()
        records, flags = records + honest.memory.size, flags + honest.flags().total()
    also: dict[str, int | float | str] = {
        name: ", ".join(f"{count} {came}" for came, count in sorted(counter.items())) for name, counter in found.items()
    }
    also["false flags"] = f"{flags} in {records} honest records"
    return Figure(amount, "planted frauds", len(wrong), also, tuple(wrong[:5]))
