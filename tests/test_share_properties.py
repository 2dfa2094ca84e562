"""Laws of shares, over random ledgers: a plant's own scrap, a step abroad and what is unknown never raise what may be claimed.

Each case is a ledger with receipts of every class and place, and a chain of heats; it is played twice, the second time with one thing
more, and the claims and verdicts of what comes out last are compared.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from functools import cache
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from books import TIME, Books, kg, pct
from ledger.matter.batch import Content
from ledger.matter.claims import claims
from ledger.rules.book import own
from ledger.rules.judge import Subject, judge

Raw = dict[str, Any]
CLASSES = ("end_of_life", "distribution_return", "pre_consumer_external", "pre_consumer_internal", "home_scrap", "by_product", "primary")
SCRAP = {"pre_consumer_external", "pre_consumer_internal", "home_scrap"}
PAPER = [{"kind": "certificate", "sha256": "ab" * 32}]
GENERATOR = {"name": "Plant", "process": "grid casting"}
DAY = date(2032, 1, 1)
RECYCLED = ("post_consumer", "pre_consumer", "recycled_content", "recovered_from_waste")
DOMESTIC = ("usmca.wo.pb", "ntib.origin", "ftc.musa_323", "far.taa.us_made", "uflpa.path_screen", "baba.nonferrous_cm")

receipts = st.lists(
    st.tuples(st.sampled_from(CLASSES), st.sampled_from(["US", "CA", "AU", "CN", "unknown"]), st.integers(1, 5000)), min_size=1, max_size=5
)
heats = st.lists(st.tuples(st.sampled_from(["smelt", "refine", "alloy"]), st.integers(0, 20)), min_size=1, max_size=4)


@cache
def bare() -> tuple[Any, ...]:
    """A ledger with two companies, at home and abroad, made once: what it holds is copied into every case."""
    books = Books()
    books.admit("keystone", sites={"works": "US"})
    books.admit("abroad", country="CN")
    return books.memory, tuple(books.records), books.salts.count


class Plant(Books):
    """A plant that takes in lead and treats it, heat after heat; after its records nothing is verified again but the identity."""

    def __init__(self) -> None:
        from copy import deepcopy

        super().__init__()
        memory, records, salts = bare()
        self.memory, self.records = deepcopy(memory), list(records)
        self.salts.count = salts
        self.last: list[Raw | str] = []

    def take_in(self, number: int, feedstock: str, country: str, mass: int) -> str:
        """Receive lead of a class and place."""
        name = f"keystone:R{number}"
        fact = {"primary": "mined_in"}.get(feedstock, "generated_in" if feedstock in SCRAP | {"by_product"} else "collected_in")
        raw: Raw = {
            "type": "receive",
            "time": TIME,
            "site": "keystone:works",
            "batch": name,
            "material": "soft_lead",
            "mass": kg(mass),
            "assay": {"Pb": pct(99)},
            "feedstock": feedstock,
            "documents": PAPER,
            "places": {fact: country, "smelted_in": country, "refined_in": country},
        }
        if feedstock in SCRAP:
            raw["generator"] = GENERATOR
        self.log("keystone/1", raw)
        return name

    def take_unknown(self, number: int, mass: int) -> str:
        """Receive lead of which nothing is said."""
        name = f"keystone:U{number}"
        raw = {"type": "receive", "time": TIME, "site": "keystone:works", "batch": name, "material": "soft_lead", "mass": kg(mass)}
        self.log("keystone/1", {**raw, "assay": {"Pb": pct(99)}})
        return name

    def heat(self, kind: str, inputs: list[str], output: str, *, lost: int = 0, site: str = "keystone:works") -> str:
        """Treat lead; so many thousandths of it are declared lost."""
        mass = sum(self.batch(name).dry_left for name in inputs)
        gone = mass * lost // 1000
        raw: Raw = {
            "type": "transform",
            "time": TIME,
            "site": site,
            "kind": kind,
            "inputs": [{"batch": name} for name in inputs],
            "outputs": [{"batch": output, "material": "soft_lead", "mass": mg(mass - gone), "assay": {"Pb": pct(99)}}],
        }
        if gone:
            raw["losses"] = [{"kind": "dross", "contained": {"Pb": mg(gone * 99 // 100)}}]
        self.log(f"{site.partition(':')[0]}/1", raw)
        return output

    def move(self, name: str, to: str) -> None:
        """Ship a batch to another company, which accepts it."""
        batch = self.batch(name)
        self.log(f"{batch.holder}/1", {"type": "ship", "time": TIME, "site": batch.site, "batch": name, "to": to})
        self.log(f"{to.partition(':')[0]}/1", {"type": "accept", "time": TIME, "site": to, "batch": name, "mass": mg(batch.dry_left)})


def mg(mass: int) -> Raw:
    """Return a mass in grams, exact to the milligram."""
    return {"value": f"{mass // 1000}.{mass % 1000:03d}", "unit": "g"}


def shares(books: Books, name: str, *, spare: int = 0) -> dict[str, Fraction]:
    """Return what may be claimed of the lead of a batch: by characteristic, and by rule the share that counts.

    `spare` milligrams are taken off: a contained mass is rounded to one, half to even, and a draw shares its last ones out among sources.
    """
    batch = books.batch(name)
    content: Content = batch.contents["Pb"]
    cautious = None if content.cautious is None else content.cautious.left
    rows = claims("Pb", content.booked.left, cautious)
    found = {row.characteristic: Fraction(max(row.mass_mg - spare, 0), row.of_mg) for row in rows}
    held = {one: each.booked.left for one, each in batch.contents.items()}
    careful = {one: each.cautious.left for one, each in batch.contents.items() if each.cautious is not None}
    subject = Subject(held, batch.material, batch.gross_left, cautious=careful)
    for entry in own().all():
        if entry.rule.numerator and entry.rule.operator != "flag":
            judged = judge(entry.rule, subject, as_of=DAY)
            if judged.verdict != "NOT_APPLICABLE":
                found[entry.rule.id] = Fraction(max(judged.figures["mass_mg"] - spare, 0), max(judged.figures["of_mg"], 1))
    return found


def run(plant: Plant, first: list[str], treated: list[tuple[str, int]], *, start: int = 0) -> str:
    """Treat a charge, heat after heat."""
    charge = first
    for number, (kind, lost) in enumerate(treated, start=start):
        charge = [plant.heat(kind, charge, f"keystone:H{number}", lost=lost)]
    return charge[0]


def received(plant: Plant, taken: list[tuple[str, str, int]]) -> list[str]:
    """Receive everything."""
    return [plant.take_in(number, *one) for number, one in enumerate(taken)]


@given(receipts, heats, st.integers(1, 5000), st.integers(0, 3))
def test_adding_unknown_never_raises_anything(taken, treated, mass, late):
    plant = Plant()
    before = shares(plant, run(plant, received(plant, taken), treated))
    plant = Plant()
    charge = received(plant, taken)
    at = min(late, len(treated) - 1)
    middle = [run(plant, charge, treated[:at])] if at else charge
    after = shares(plant, run(plant, [*middle, plant.take_unknown(0, mass)], treated[at:], start=at), spare=1)
    raised = {name: (before[name], share) for name, share in after.items() if "unknown" not in name and share > before.get(name, 0)}
    assert raised == {}
    assert after["unknown"] + Fraction(1, 1000) >= before["unknown"]


@given(receipts, heats, st.integers(0, 3))
def test_a_step_abroad_never_raises_a_domestic_share(taken, treated, late):
    plant = Plant()
    before = shares(plant, run(plant, received(plant, taken), treated))
    plant = Plant()
    at = min(late, len(treated))
    charge = received(plant, taken)
    middle = run(plant, charge, treated[:at]) if at else plant.heat("refine", charge, "keystone:M")
    plant.move(middle, "abroad:works")
    away = plant.heat("refine", [middle], "abroad:A", site="abroad:works")
    plant.move(away, "keystone:works")
    after = shares(plant, run(plant, [away], treated[at:], start=at) if treated[at:] else away, spare=1)
    raised = {name: (before[name], after[name]) for name in DOMESTIC if after.get(name, 0) > before.get(name, 0)}
    assert raised == {}
    assert all(after.get(f"{fact}:US", 0) <= before.get(f"{fact}:US", 0) for fact in ("smelted_in", "refined_in", "collected_in"))


@given(receipts, st.integers(5, 40), st.sampled_from([0, 3]))
def test_home_scrap_looped_ten_times_never_raises_a_recycled_share(taken, percent, lost):
    plant = Plant()
    charge = plant.heat("refine", received(plant, taken), "keystone:P0")
    first = shares(plant, charge)
    for number in range(1, 11):
        scrap = {"batch": charge, "mass": mg(plant.batch(charge).dry_left * percent // 100)}
        cast: Raw = {
            "type": "transform",
            "time": TIME,
            "site": "keystone:works",
            "kind": "split",
            "inputs": [scrap],
            "outputs": [{"batch": f"keystone:S{number}", "material": "soft_lead", "mass": "balance"}],
        }
        plant.log("keystone/1", cast)
        charge = plant.heat("refine", [charge, f"keystone:S{number}"], f"keystone:P{number}", lost=lost)
    last = shares(plant, charge, spare=30)
    names = [*RECYCLED, *(entry.rule.id for entry in own().all() if entry.rule.kind == "recycled-content")]
    assert {name: (first.get(name), last[name]) for name in names if name in last and last[name] > first.get(name, 0)} == {}


@given(receipts, st.integers(1, 5000), st.integers(1, 20))
def test_plant_scrap_that_is_declared_home_scrap_never_raises_a_recycled_share(taken, mass, loops):
    plant = Plant()
    charge = plant.heat("refine", received(plant, taken), "keystone:P0")
    first = shares(plant, charge)
    for number in range(1, loops % 10 + 2):
        plant.take_in(100 + number, "home_scrap", "US", mass)
        charge = plant.heat("refine", [charge, f"keystone:R{100 + number}"], f"keystone:P{number}")
    last = shares(plant, charge, spare=30)
    names = [
        *RECYCLED,
        *(entry.rule.id for entry in own().all() if entry.rule.kind == "recycled-content" and entry.rule.operator != "report"),
    ]
    assert {name: (first.get(name), last[name]) for name in names if name in last and last[name] > first.get(name, 0)} == {}
