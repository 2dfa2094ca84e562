"""Mass shares: how every portion stands to a rule, and what that comes to.

Each portion counts, is open (a named person would have to answer a question), is foreign, is unknown, or is of a class that the rule
does not count. Unknown counts against every claim. Where a question is open both readings are reckoned. After a loss beyond the bound the
lower of both sets of portions counts (`ledger.matter.claims`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple, TypeAlias

from ledger.matter.provenance import UNKNOWN, Portions, Source, total
from schemas.feedstock import PlaceFact
from schemas.rule import Rule, Term

Standing: TypeAlias = Literal["counts", "open", "foreign", "unknown", "not counted"]

NOT_METALS = frozenset(["H", "He", "B", "C", "N", "O", "F", "Ne", "Si", "P", "S", "Cl", "Ar", "Se", "Br", "Kr", "I", "Xe"])
"""Element symbols that are no metal; polymers have two or more capital letters."""

_WHOLE = Fraction(1)


class Key(NamedTuple):
    """What portions have in common as far as a rule can tell; `detail` is the open question, or places as `smelted_in AU`."""

    constituent: str
    standing: Standing
    feedstock: str
    detail: tuple[str, ...]
    weight: Fraction = _WHOLE

    @property
    def details(self) -> str:
        """The detail as prose."""
        return ", ".join(self.detail)


@dataclass(frozen=True, slots=True)
class Tally:
    """Masses in mg by key, as booked and after the loss beyond the bound; `of_mg` is what shares are of."""

    booked: dict[Key, int]
    cautious: dict[Key, int]
    of_mg: int
    home_mg: int
    beside_mg: int

    def lower(self, standing: Standing) -> dict[Key, int]:
        """Return what may be claimed: per key the lower figure."""
        return {key: min(mass, self.cautious.get(key, 0)) for key, mass in self.booked.items() if key.standing == standing}

    def higher(self, standing: Standing) -> dict[Key, int]:
        """Return what is held against a claim: per key the higher figure."""
        keys = sorted({*self.booked, *self.cautious})
        return {key: max(self.booked.get(key, 0), self.cautious.get(key, 0)) for key in keys if key.standing == standing}

    @property
    def low(self) -> int:
        """The mass that counts with every open question answered with no; what counts by a part is rounded down once, at the end."""
        return weighed(self.lower("counts"))

    @property
    def high(self) -> int:
        """The mass that counts with every open question answered with yes."""
        return weighed({**self.lower("counts"), **self.lower("open")})


def weighed(masses: Mapping[Key, int]) -> int:
    """Return the mass that counts, in whole milligrams, rounded down."""
    return int(sum(mass * key.weight for key, mass in masses.items()))


def covered(rule: Rule, portions: Mapping[str, Portions]) -> dict[str, Portions]:
    """Return the constituents whose mass the rule looks at, sorted, without empty ones."""
    wanted: Callable[[str], bool] = {
        "elements": lambda name: name in rule.elements or "ALL" in rule.elements,
        "metals": lambda name: name not in NOT_METALS and not name[1:].isupper(),
        "all": lambda _: True,
    }[rule.covers]
    return {name: portions[name] for name in sorted(portions) if wanted(name) and total(portions[name])}


def tally(rule: Rule, portions: Mapping[str, Portions], cautious: Mapping[str, Portions], *, product_mg: int, day: str) -> Tally:
    """Sort every covered portion by how it stands to the rule.

    Args:
        rule: The rule.
        portions: Covered portions as booked.
        cautious: Those of constituents of which a loss beyond the bound was taken first from recycled classes.
        product_mg: The gross mass of the product.
        day: As of when, as in 2026-03-31.
    """
    other = {name: cautious.get(name, held) for name, held in portions.items()}
    contained = sum(total(held) for held in portions.values())
    of_mg = max(product_mg, contained) if rule.denominator == "product" else contained
    home = min(
        sum(mass for held in reading.values() for source, mass in held.items() if source.feedstock == "home_scrap")
        for reading in (portions, other)
    )
    facts = rule.facts_on(day)
    return Tally(
        booked=_by_key(rule, facts, portions),
        cautious=_by_key(rule, facts, other),
        of_mg=of_mg - home if rule.home_scrap == "net_out" else of_mg,
        home_mg=home,
        beside_mg=of_mg - contained,
    )


def _by_key(rule: Rule, facts: Collection[PlaceFact], portions: Mapping[str, Portions]) -> dict[Key, int]:
    found: dict[Key, int] = {}
    for constituent, held in portions.items():
        for source, mass in held.items():
            standing, detail, weight = _standing(rule, facts, source)
            key = Key(constituent, standing, source.feedstock, detail, weight)
            found[key] = found.get(key, 0) + mass
    return found


def _standing(rule: Rule, facts: Collection[PlaceFact], source: Source) -> tuple[Standing, tuple[str, ...], Fraction]:
    """Say how a portion stands to a rule, over which question or places, and what part of it counts."""
    if rule.operator == "flag":
        return (*_flag(rule, facts, source), _WHOLE)
    terms = [term for term in rule.numerator if term.classes is None or source.feedstock in term.classes]
    if not terms:
        return ("unknown" if source.feedstock == UNKNOWN else "not counted"), (), _WHOLE
    met = [term for term in terms if _origin_within(rule, term, source)]
    looked_at = {*facts} if met else {*facts, *(fact for term in terms for fact in term.origin)}
    outside = places(source, looked_at, lambda country: country != UNKNOWN and not within(rule, country))
    if outside:
        return "foreign", outside, _WHOLE
    recorded = [countries for fact, countries in source.places if fact in facts]
    placed = any(term.origin for term in met) or recorded or not facts
    if not met or not placed or source.feedstock == UNKNOWN or any(UNKNOWN in countries for countries in recorded):
        return "unknown", (), _WHOLE
    return _answered(met, source)


def within(rule: Rule, country: str) -> bool:
    """Say whether a known country is one that the rule asks for."""
    return country not in rule.excluded if rule.excluded else country in rule.countries


def _answered(terms: list[Term], source: Source) -> tuple[Standing, tuple[str, ...], Fraction]:
    """Say whether a portion in the right place and class counts, by how much, or which questions are open."""
    answers = [(term, True if term.question is None else source.answer(term.question)) for term in terms]
    yes = [Fraction(term.weight) / 100 for term, answer in answers if answer is True]
    if yes:
        return "counts", (), max(yes)
    unanswered = [term for term, answer in answers if term.question and answer is None]
    if not unanswered:
        return "not counted", (), _WHOLE
    questions = tuple(dict.fromkeys(str(term.question) for term in unanswered))
    return "open", questions, max(Fraction(term.weight) / 100 for term in unanswered)


def _flag(rule: Rule, facts: Collection[PlaceFact], source: Source) -> tuple[Standing, tuple[str, ...]]:
    """Say whether a portion is flagged (`counts`), of unknown origin, or neither."""
    inside = places(source, facts, lambda country: country in rule.countries)
    if inside:
        return "counts", inside
    known = any(UNKNOWN not in source.countries(fact) for term in rule.numerator for fact in term.origin)
    return ("not counted" if known else "unknown"), ()


def places(source: Source, facts: Collection[str], wanted: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the places of some facts whose country is wanted, each as `smelted_in AU`."""
    return tuple(f"{fact} {country}" for fact, countries in source.places if fact in facts for country in countries if wanted(country))


def _origin_within(rule: Rule, term: Term, source: Source) -> bool:
    """Say whether a term asks for no origin, or all countries of one of its facts are known and are ones that the rule asks for."""
    asked = (source.countries(fact) for fact in term.origin)
    return not term.origin or any(all(one != UNKNOWN and within(rule, one) for one in countries) for countries in asked)
