"""Random lots and random rules: every rule of the book as it is or changed, and masses that just meet a threshold or just miss it."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from importlib.resources import files
from typing import Any

from pydantic import ValidationError

from ledger.matter.provenance import Source
from ledger.rules.judge import Subject, judge
from schemas.feedstock import FEEDSTOCKS, PLACE_FACTS
from schemas.product import Product
from schemas.rule import Rule

Raw = dict[str, Any]
Kind = tuple[str, tuple[tuple[str, tuple[str, ...]], ...], tuple[tuple[str, bool], ...]]
Stocks = dict[str, dict[Kind, int]]

BOOK = [json.loads(file.read_bytes()) for file in sorted(files("ledger").joinpath("data/rules").iterdir(), key=lambda file: file.name)]
CLASSES: list[str] = [*FEEDSTOCKS, "unknown"]
PLACES: list[str] = [fact for fact in PLACE_FACTS if fact not in ("oxide_made_in", "formed_charged_in")]
COUNTRIES = ["US", "US", "US", "CA", "MX", "CN", "RU", "KR", "AU", "unknown"]
METALS = ["Pb", "Pb", "Pb", "Sb", "Sn", "Li", "Co", "Ni", "Ti", "W", "B", "S", "PVC"]
MATERIALS = ["battery", "soft_lead", "spent_battery", "antimonial_lead", "bullion"]
QUESTIONS = sorted(
    {rule["question"] for rule in BOOK if rule.get("question")}
    | {term["question"] for rule in BOOK for term in rule.get("numerator", ()) if term.get("question")}
    | {one["question"] for rule in BOOK for one in rule.get("conditions", ()) if one.get("question")}
)
CATEGORIES = ["sli", "ev", "lmt", "industrial", "portable", "other"]
ENTITIES = ["feoc", "pfe", "s154"]
NUMBERS = ["0", "0.5", "1", "12", "15"]
NUMBERS += ["16", "20", "45", "49.999999", "50", "55", "60", "64.999", "65", "70", "85", "95", "98", "99.65", "100"]
DAYS = ["2008-04-30", "2023-12-31", "2024-01-01", "2025-06-15", "2025-06-16", "2026-06-30", "2026-12-31", "2027-01-01", "2028-08-18"]
DAYS += ["2032-12-31", "2036-08-18"]


@dataclass
class Case:
    """A rule, a lot, and the day on which the one is judged by the other."""

    rule: Raw
    booked: Stocks
    cautious: Stocks
    gross: int
    material: str
    product: Raw | None
    answers: dict[str, bool]
    supplied: list[str]
    day: str

    @property
    def whole(self) -> Stocks:
        """The cautious stocks, booked ones where there is none of their own."""
        return {name: self.cautious.get(name, portions) for name, portions in self.booked.items()}


def first(case: Case) -> tuple[str, str]:
    """Return the program's verdict and what it would be."""

    def stocks(raw: Stocks) -> dict[str, dict[Source, int]]:
        return {
            name: {Source(feedstock, places, determined=answers): mass for (feedstock, places, answers), mass in found.items()}
            for name, found in raw.items()
        }

    product = None if case.product is None else Product.model_validate(case.product)
    subject = Subject(
        stocks(case.booked), case.material, case.gross, stocks(case.cautious), case.answers, product, frozenset(case.supplied)
    )
    found = judge(Rule.model_validate(case.rule), subject, as_of=date.fromisoformat(case.day))
    return found.verdict, found.would_be


def some(dice: random.Random, pool: list[Any], most: int) -> list[Any]:
    """Return some different ones of a pool, in its order."""
    chosen = {dice.randrange(len(pool)) for _ in range(dice.randint(0, most))}
    return list(dict.fromkeys(pool[at] for at in sorted(chosen)))


def kind(dice: random.Random, classes: list[str], facts: list[str], countries: list[str]) -> Kind:
    """Return a source: class, places, answers."""
    places = {fact: tuple(sorted(some(dice, countries, 1) or {dice.choice(countries)})) for fact in some(dice, facts, 6)}
    if dice.random() < 0.2:
        places |= {fact: tuple(sorted({dice.choice(countries), dice.choice(countries)})) for fact in some(dice, facts, 2)}
    answers = {question: dice.random() < 0.6 for question in some(dice, QUESTIONS, 3)}
    return dice.choice(classes), tuple(sorted(places.items())), tuple(sorted(answers.items()))


def lot(dice: random.Random, rule: Raw) -> Case:
    """Return a lot that has something to do with a rule: some of its elements, classes, places and countries."""
    wanted = [name for name in rule["elements"] if name != "ALL"] or ["Pb"]
    names = sorted({*some(dice, wanted, 3), *some(dice, METALS, 2), *([dice.choice(wanted)] if dice.random() < 0.9 else [])})
    classes = [name for term in rule.get("numerator") or [{}] for name in term.get("classes") or ["end_of_life"]] + some(dice, CLASSES, 4)
    countries = [*(rule.get("countries") or ["US"])[:2], *some(dice, COUNTRIES, dice.randint(0, 3))]
    pool = [kind(dice, classes, PLACES, countries) for _ in range(dice.randint(1, 5))]
    biggest = dice.choice([1, 20, 10**4, 10**9])
    booked = {name: {one: dice.randint(1, biggest) for one in some(dice, pool, 4)} for name in names}
    total = sum(sum(found.values()) for found in booked.values())
    gross = dice.choice([total, total + dice.randint(0, 5), total * 2, max(0, total - 1), 10 ** len(str(total))])
    product = None if dice.random() < 0.15 else made(dice)
    answers = {question: dice.random() < 0.6 for question in some(dice, QUESTIONS, 3)}
    supplied = some(dice, [*(rule.get("fields") or []), "quantity", "date"], dice.choice([0, 3, 30]))
    material = dice.choice(rule["products"] if rule.get("products") and dice.random() < 0.7 else MATERIALS)
    return Case(rule, booked, cautious(dice, booked), gross, material, product, answers, supplied, dice.choice(DAYS))


def cautious(dice: random.Random, booked: Stocks) -> Stocks:
    """Return cautious stocks for some constituents: some sources with less, or none, and some that only it has."""
    found: Stocks = {}
    for name, portions in booked.items():
        if dice.random() < 0.35:
            kept = {one: mass - dice.randint(0, min(mass, dice.choice([1, 3, mass + 1]))) for one, mass in portions.items()}
            found[name] = {one: mass for one, mass in kept.items() if mass}
            if dice.random() < 0.3:
                found[name][kind(dice, CLASSES, PLACES, COUNTRIES)] = dice.randint(1, 20)
    return found


def made(dice: random.Random) -> Raw:
    """Return a product with some of what its maker may state."""

    def number() -> str:
        return dice.choice(NUMBERS)

    stated: dict[str, Callable[[], Any]] = {
        "category": lambda: dice.choice(CATEGORIES),
        "components": lambda: [component(dice, at) for at in range(dice.randint(0, 4))],
        "value": lambda: {name: number() for name in some(dice, ["transaction", "net_cost", "non_originating", "foreign_parts"], 6)},
        "energy_wh": number,
        "volume_l": lambda: dice.choice(["0", "0.1", "0.12", "1", "8", "0.5"]),
        "off_the_shelf": lambda: dice.random() < 0.6,
        "assembler_screened": lambda: some(dice, ENTITIES, 1),
        "licensor_screened": lambda: some(dice, ENTITIES, 1),
        "operators_screened": lambda: some(dice, ENTITIES, 1),
    }
    return {name: make() for name, make in stated.items() if dice.random() < 0.75}


def component(dice: random.Random, at: int) -> Raw:
    """Return a component with some of what is stated of one."""
    stated: dict[str, Callable[[], Any]] = {
        "made_in": lambda: dice.choice(COUNTRIES),
        "nonavailable": lambda: dice.random() < 0.5,
        "functional_cell": lambda: dice.random() < 0.7,
        "screened": lambda: some(dice, ENTITIES, 1),
    }
    cost = dice.choice([*NUMBERS, "40", "45", "35", "30", "25", "5", "2", "35.001"])
    return {"name": f"part {at}", "cost": cost, **{name: make() for name, make in stated.items() if dice.random() < 0.7}}


def spans(dice: random.Random, key: str, make: Callable[[], Any]) -> list[Raw]:
    """Return dated spans, each begun on the day after the one before it ended."""
    ends = some(dice, ["2023-12-31", "2025-06-15", "2026-12-31"], 3)
    begins = [dice.choice([None, "2010-01-01"]), *map(next_day, ends)]
    return [{"from": start, "to": end, key: make()} for start, end in zip(begins, [*ends, None], strict=True)]


def next_day(day: str) -> str:
    """Return the day after."""
    return date.fromordinal(date.fromisoformat(day).toordinal() + 1).isoformat()


def term(dice: random.Random) -> Raw:
    """Return a term of a numerator."""
    found: Raw = {}
    if dice.random() < 0.4:
        found["classes"] = list(dict.fromkeys(some(dice, CLASSES, 4))) or ["primary"]
    if dice.random() < 0.4:
        found["origin"] = some(dice, PLACES, 2) or ["mined_in"]
    if dice.random() < 0.3:
        found["question"] = dice.choice(QUESTIONS)
    if dice.random() < 0.4:
        found["weight"] = dice.choice(["0", "50", "33.3", "100", "12.5"])
    return found


def condition(dice: random.Random) -> Raw:
    """Return a condition."""
    match dice.randrange(3):
        case 0:
            return {"place": dice.choice(PLACES)}
        case 1:
            return {"question": dice.choice(QUESTIONS)}
        case _:
            return {
                "screened": dice.choice(["assembler_screened", "licensor_screened", "operators_screened"]),
                "entity": dice.choice(ENTITIES),
            }


def limit(dice: random.Random) -> Raw:
    """Return a limit."""
    found: Raw = {"fact": dice.choice(["energy_wh", "volume_l"]), "least": dice.choice(NUMBERS)}
    return found | ({"per": dice.choice(["energy_wh", "volume_l"])} if dice.random() < 0.5 else {})


def method(dice: random.Random) -> Raw:
    """Return a method."""
    return {
        "whole": dice.choice(["transaction", "net_cost"]),
        "less": dice.choice(["non_originating", "foreign_parts"]),
        "percent": dice.choice(NUMBERS),
    }


CHANGES: dict[str, Callable[[random.Random], Any]] = {
    "threshold": lambda dice: dice.choice([*NUMBERS, None, spans(dice, "percent", lambda: dice.choice(NUMBERS))]),
    "operator": lambda dice: dice.choice([">=", ">", "==", "all_in", "report", "flag", "qualitative", "all_present"]),
    "countries": lambda dice: some(dice, ["US", "CA", "MX", "CN", "AU"], 3),
    "excluded": lambda dice: some(dice, ["CN", "RU", "KR", "US"], 2),
    "numerator": lambda dice: [term(dice) for _ in range(dice.randint(1, 5))],
    "facts": lambda dice: dice.choice([some(dice, PLACES, 3), spans(dice, "facts", lambda: some(dice, PLACES, 3))]),
    "decisive": lambda dice: some(dice, PLACES, 3),
    "question": lambda dice: dice.choice([*QUESTIONS, None]),
    "denominator": lambda dice: dice.choice(["contained", "product"]),
    "home_scrap": lambda dice: dice.choice(["exclude_numerator", "net_out", None]),
    "covers": lambda dice: dice.choice(["elements", "metals", "all"]),
    "elements": lambda dice: dice.choice([["ALL"], ["Pb"], ["Sb", "Sn"], ["B"], ["S", "PVC"]]),
    "only_products": lambda dice: dice.random() < 0.7,
    "products": lambda dice: some(dice, MATERIALS, 2),
    "categories": lambda dice: some(dice, CATEGORIES, 3),
    "status": lambda dice: dice.choice(["in_force", "future", "voluntary", "proposed", "ended", "context"]),
    "effective_from": lambda dice: dice.choice([None, *DAYS]),
    "effective_to": lambda dice: dice.choice([None, *DAYS]),
    "awaits": lambda dice: dice.choice([None, "an act"]),
    "missing": lambda dice: some(dice, ["a list"], 1),
    "conditions": lambda dice: [condition(dice) for _ in range(dice.randint(0, 2))],
    "components": lambda dice: dice.choice(
        [
            {"by": "place"},
            {"by": "place", "nonavailable": True},
            {"by": "place", "nonavailable": True, "only": "functional_cell"},
            {"by": "entity", "entity": "feoc"},
            {"by": "entity", "entity": "pfe", "only": "functional_cell"},
        ]
    ),
    "off_the_shelf_waives": lambda dice: dice.random() < 0.6,
    "methods": lambda dice: [method(dice) for _ in range(dice.randint(1, 3))],
    "limits": lambda dice: [limit(dice) for _ in range(dice.randint(1, 3))],
    "fields": lambda dice: some(dice, ["quantity", "date", "pathway", "generator"], 4) or ["date"],
}


def changed(dice: random.Random, rule: Raw, changes: int) -> Raw:
    """Return a rule with so many changes that the program takes."""
    for _ in range(changes):
        key = dice.choice(sorted(CHANGES))
        again = {**copy.deepcopy(rule), key: CHANGES[key](dice)}
        rule = again if taken(again) else rule
    return rule


def taken(rule: Raw) -> bool:
    """Return whether the program takes such a rule, and its operator is one that its measure goes by."""
    if rule["measure"] in ("cost_share", "value_share") and rule["operator"] not in (">=", ">", "=="):
        return False
    try:
        Rule.model_validate(rule)
    except ValidationError:
        return False
    return True


def aim(case: Case, shares: tuple[int, int, int], dice: random.Random) -> None:
    """Move a rule's threshold, or the gross mass, to where what counts just reaches it, or misses it by one milligram."""
    low, high, whole = shares
    mass = max(0, dice.choice([low, high]) + dice.choice([-1, 0, 0, 1]))
    asked = case.rule.get("threshold")
    if case.rule["denominator"] == "product" and isinstance(asked, str) and Fraction(asked):
        case.gross = max(whole, int(low * 100 / Fraction(asked)) + dice.choice([-1, 0, 0, 1]))
    elif isinstance(asked, str) and mass <= whole > 0:
        exact = 100 * 10**12 * mass // whole
        case.rule = {**case.rule, "threshold": f"{exact // 10**12}.{exact % 10**12:012d}"}


def level(case: Case, dice: random.Random) -> None:
    """Bring each constituent to a round total by one more portion, so that a threshold can be met exactly."""
    for name, portions in case.booked.items():
        total = sum(portions.values())
        if portions and name not in case.cautious:
            one = dice.choice(list(portions))
            portions[one] += 10 ** len(str(total)) - total
    case.gross = max(case.gross, sum(sum(found.values()) for found in case.booked.values()))


def random_case(dice: random.Random, rule: Raw, shares: Callable[[Case], tuple[int, int, int]]) -> Case:
    """Return a random case about a rule; `shares` tells what counts, that with what is open, and the whole, to aim at them."""
    case = lot(dice, rule)
    if dice.random() < 0.6:
        level(case, dice)
    if dice.random() < 0.6 and rule["measure"] in ("mass_share", "set_membership"):
        aim(case, shares(case), dice)
    return case
