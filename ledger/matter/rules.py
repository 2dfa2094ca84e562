"""Judging: one evaluator for every rule, over the portions of what is certified.

Each portion counts, is open (a named person would have to answer a question), is foreign, is unknown, or is of a class that the rule
does not count. Unknown counts against every claim. Where a question is open both readings are reckoned: the verdict is the one on which
they agree, otherwise INDETERMINATE. After a loss beyond the bound the lower of both sets of portions counts (matter.md).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Literal, NamedTuple, TypeAlias

from ledger.errors import grams
from ledger.matter.claims import floored_percent
from ledger.matter.provenance import UNKNOWN, Portions, Source, total
from schemas.rule import Rule, Term

Verdict: TypeAlias = Literal["PASS", "FAIL", "INDETERMINATE", "NOT_APPLICABLE", "NOT_YET_IN_FORCE", "EXPIRED"]
Standing: TypeAlias = Literal["counts", "open", "foreign", "unknown", "not counted"]

NOT_METALS = frozenset(["H", "He", "B", "C", "N", "O", "F", "Ne", "Si", "P", "S", "Cl", "Ar", "Se", "Br", "Kr", "I", "Xe"])
"""Element symbols that are no metal; polymers have two or more capital letters."""

_ASKED = {">=": "at least", ">": "more than", "==": "exactly"}


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged: portions per constituent (mg), the material, and the gross mass in mg as sold.

    `cautious` has portions for constituents of which a loss beyond the bound was taken first from recycled classes. `determined` are
    named persons' answers about this very product; answers about what went into it stand on the portions.
    """

    portions: Mapping[str, Portions]
    material: str
    mass_mg: int
    cautious: Mapping[str, Portions] = field(default_factory=dict)
    determined: Mapping[str, bool] = field(default_factory=dict)


class Judgement(NamedTuple):
    """What a rule says. `would_be` ignores dates; figures are `mass_mg`, the lower reading, `upper_mg`, and `of_mg`."""

    verdict: Verdict
    would_be: Verdict
    reasons: tuple[str, ...]
    figures: dict[str, int]


class _Key(NamedTuple):
    """What portions have in common as far as a rule can tell; `detail` is the open question, or places as `smelted_in AU`."""

    constituent: str
    standing: Standing
    feedstock: str
    detail: tuple[str, ...]

    @property
    def details(self) -> str:
        """The detail as prose."""
        return ", ".join(self.detail)


@dataclass(frozen=True, slots=True)
class _Tally:
    """Masses in mg by key, as booked and after the loss beyond the bound; `of_mg` is what shares are of."""

    booked: dict[_Key, int]
    cautious: dict[_Key, int]
    of_mg: int
    home_mg: int
    beside_mg: int

    def lower(self, standing: Standing) -> dict[_Key, int]:
        """Return what may be claimed: per key the lower figure."""
        return {key: min(mass, self.cautious.get(key, 0)) for key, mass in self.booked.items() if key.standing == standing}

    def higher(self, standing: Standing) -> dict[_Key, int]:
        """Return what is held against a claim: per key the higher figure."""
        keys = sorted({*self.booked, *self.cautious})
        return {key: max(self.booked.get(key, 0), self.cautious.get(key, 0)) for key in keys if key.standing == standing}

    @property
    def low(self) -> int:
        """The mass that counts with every open question answered with no."""
        return sum(self.lower("counts").values())

    @property
    def high(self) -> int:
        """The mass that counts with every open question answered with yes."""
        return self.low + sum(self.lower("open").values())


def judge(rule: Rule, subject: Subject, *, as_of: date) -> Judgement:
    """Judge a product by a rule as of a day.

    Returns:
        The verdict with plain sentences that give the numbers. A product without any of the rule's elements is NOT_APPLICABLE on any
        day; otherwise the rule's dates come before what it would say.
    """
    day = as_of.isoformat()
    portions = _covered(rule, subject.portions)
    if not any(portions.get(name) for name in (portions if "ALL" in rule.elements else rule.elements)):
        wanted = "constituent" if "ALL" in rule.elements else " or ".join(rule.elements)
        return Judgement("NOT_APPLICABLE", "NOT_APPLICABLE", (f"no {wanted} is recorded in it",), {"mass_mg": 0, "upper_mg": 0, "of_mg": 0})
    tally = _tally(rule, subject, portions)
    verdict = _verdict(rule, subject, tally, day)
    reasons = (*_figures(rule, tally, day), *_details(rule, tally), *_circumstances(rule, subject, day))
    figures = {"mass_mg": tally.low, "upper_mg": tally.high, "of_mg": tally.of_mg}
    return Judgement(_dated(rule, day) or verdict, verdict, reasons, figures)


def _covered(rule: Rule, portions: Mapping[str, Portions]) -> dict[str, Portions]:
    """Return the constituents whose mass the rule looks at, sorted, without empty ones."""
    wanted: Callable[[str], bool] = {
        "elements": lambda name: name in rule.elements or "ALL" in rule.elements,
        "metals": lambda name: name not in NOT_METALS and not name[1:].isupper(),
        "all": lambda _: True,
    }[rule.covers]
    return {name: portions[name] for name in sorted(portions) if wanted(name) and total(portions[name])}


def _tally(rule: Rule, subject: Subject, portions: Mapping[str, Portions]) -> _Tally:
    """Sort every portion by how it stands to the rule."""
    cautious = {name: subject.cautious.get(name, held) for name, held in portions.items()}
    contained = sum(total(held) for held in portions.values())
    of_mg = max(subject.mass_mg, contained) if rule.denominator == "product" else contained
    home = min(
        sum(mass for held in reading.values() for source, mass in held.items() if source.feedstock == "home_scrap")
        for reading in (portions, cautious)
    )
    return _Tally(
        booked=_by_key(rule, portions),
        cautious=_by_key(rule, cautious),
        of_mg=of_mg - home if rule.home_scrap == "net_out" else of_mg,
        home_mg=home,
        beside_mg=of_mg - contained,
    )


def _by_key(rule: Rule, portions: Mapping[str, Portions]) -> dict[_Key, int]:
    found: dict[_Key, int] = {}
    for constituent, held in portions.items():
        for source, mass in held.items():
            standing, detail = _standing(rule, source)
            key = _Key(constituent, standing, source.feedstock, detail)
            found[key] = found.get(key, 0) + mass
    return found


def _standing(rule: Rule, source: Source) -> tuple[Standing, tuple[str, ...]]:
    """Say how a portion stands to a rule, and over which question or places."""
    if rule.operator == "flag":
        return _flag(rule, source)
    terms = [term for term in rule.numerator if term.classes is None or source.feedstock in term.classes]
    if not terms:
        return ("unknown" if source.feedstock == UNKNOWN else "not counted"), ()
    met = [term for term in terms if _origin_within(rule, term, source)]
    facts = {*rule.facts} if met else {*rule.facts, *(fact for term in terms for fact in term.origin)}
    outside = _places(source, facts, lambda country: country not in {*rule.countries, UNKNOWN})
    if outside:
        return "foreign", outside
    recorded = [countries for fact, countries in source.places if fact in rule.facts]
    placed = any(term.origin for term in met) or recorded or not rule.facts
    if not met or not placed or source.feedstock == UNKNOWN or any(UNKNOWN in countries for countries in recorded):
        return "unknown", ()
    return _answered(met, source)


def _answered(terms: list[Term], source: Source) -> tuple[Standing, tuple[str, ...]]:
    """Say whether a portion in the right place and class counts, or which questions are open."""
    answers = {term.question: True if term.question is None else source.answer(term.question) for term in terms}
    if True in answers.values():
        return "counts", ()
    unanswered = tuple(question for question, answer in answers.items() if question and answer is None)
    return ("open" if unanswered else "not counted"), unanswered


def _flag(rule: Rule, source: Source) -> tuple[Standing, tuple[str, ...]]:
    """Say whether a portion is flagged (`counts`), of unknown origin, or neither."""
    inside = _places(source, rule.facts, lambda country: country in rule.countries)
    if inside:
        return "counts", inside
    known = any(UNKNOWN not in source.countries(fact) for term in rule.numerator for fact in term.origin)
    return ("not counted" if known else "unknown"), ()


def _places(source: Source, facts: Collection[str], wanted: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the places of some facts whose country is wanted, each as `smelted_in AU`."""
    return tuple(f"{fact} {country}" for fact, countries in source.places if fact in facts for country in countries if wanted(country))


def _origin_within(rule: Rule, term: Term, source: Source) -> bool:
    """Say whether a term asks for no origin, or one of its facts lies wholly within the rule's countries."""
    return not term.origin or any(set(source.countries(fact)) <= set(rule.countries) for fact in term.origin)


def _verdict(rule: Rule, subject: Subject, tally: _Tally, day: str) -> Verdict:
    """Return what the rule says, dates ignored."""
    if rule.missing:
        return "INDETERMINATE"
    if rule.operator == "flag":
        return "FAIL" if sum(tally.higher("counts").values()) else "PASS"
    if rule.operator == "qualitative":
        return _qualitative(rule, subject, tally)
    low, high = (_holds(rule, mass, tally.of_mg, day) for mass in (tally.low, tally.high))
    if low != high:
        return "INDETERMINATE"
    return "PASS" if low else "FAIL"


def _holds(rule: Rule, mass: int, of_mg: int, day: str) -> bool:
    """Say whether a mass meets the rule, exactly."""
    if rule.operator == "report" or not of_mg:
        return mass > 0
    wanted = of_mg * Fraction(rule.threshold_on(day) or 100) / 100
    return mass > wanted if rule.operator == ">" else mass >= wanted if rule.operator == ">=" else mass == wanted


def _qualitative(rule: Rule, subject: Subject, tally: _Tally) -> Verdict:
    """Return FAIL for a decisive place outside, what a named person found, PASS where nothing is left to judge."""
    outside = {place.partition(" ")[0] for key in tally.higher("foreign") for place in key.detail}
    if outside.intersection(rule.decisive):
        return "FAIL"
    found = subject.determined.get(rule.question or "")
    if found is not None:
        return "PASS" if found else "FAIL"
    return "PASS" if tally.low == tally.of_mg else "INDETERMINATE"


def _dated(rule: Rule, day: str) -> Verdict | None:
    """Return the verdict that the rule's dates alone give, if they do."""
    if rule.status == "proposed" or (rule.effective_from is not None and day < rule.effective_from):
        return "NOT_YET_IN_FORCE"
    if rule.effective_to is None:
        return "EXPIRED" if rule.status == "ended" else None
    return "EXPIRED" if day > rule.effective_to else None


def _figures(rule: Rule, tally: _Tally, day: str) -> list[str]:
    """Say what counts, of what, and what is asked."""
    what = "the product" if rule.denominator == "product" else " and ".join(sorted({key.constituent for key in tally.booked}))
    if rule.operator == "flag":
        return [f"{grams(sum(tally.higher('counts').values()))} of {grams(tally.of_mg)} of {what} is flagged"]
    low, high = (floored_percent(mass, tally.of_mg, places=rule.printed_places) for mass in (tally.low, tally.high))
    lines = [f"{grams(tally.low)} of {grams(tally.of_mg)} of {what} counts: {low} %"]
    booked = sum(mass for key, mass in tally.booked.items() if key.standing == "counts")
    if booked != tally.low:
        lines.append(f"{grams(booked)} counts as booked; the lower is claimed because a loss went beyond its bound")
    for key, mass in sorted(tally.lower("open").items()):
        what = f"{grams(mass)} of {key.constituent} is {key.feedstock}"
        lines.append(f"{what}, which counts only if a named person answers {key.details} with yes")
    if tally.high != tally.low:
        lines.append(f"answered with no it is {low} %, with yes {high} %")
    threshold = rule.threshold_on(day)
    if threshold is not None:
        wanted = -(-tally.of_mg * Fraction(threshold) // 100)
        lines.append(f"asked is {_ASKED[rule.operator]} {threshold} %, {grams(wanted)}")
    if rule.operator == "qualitative":
        foreign, unknown = (sum(tally.higher(standing).values()) for standing in ("foreign", "unknown"))
        lines.append(f"to disclose: foreign {grams(foreign)}, unknown or not recorded {grams(unknown + tally.beside_mg)}")
    if rule.operator == "all_in":
        lines.append("asked is all of it")
    return lines


def _details(rule: Rule, tally: _Tally) -> list[str]:
    """Say what does not count, and why."""
    among = ", ".join(rule.countries)
    flag = rule.operator == "flag"
    silent = "the flag cannot speak for it" if flag else "this counts against"
    unknown = f"is of unknown {'class or place' if rule.countries else 'class'}; {silent}"
    lines = [f"{_what(key, mass)}: {key.details}" for key, mass in tally.higher("counts").items() if key.detail]
    lines += [f"{_what(key, mass)} lies outside {among}: {key.details}" for key, mass in tally.higher("foreign").items()]
    lines += [f"{_what(key, mass)} {unknown}" for key, mass in tally.higher("unknown").items()]
    if not flag:
        said = "home_scrap" if rule.home_scrap else None
        lines += [f"{_what(key, mass)} does not count" for key, mass in tally.higher("not counted").items() if key.feedstock != said]
    if tally.beside_mg:
        lines.append(f"{grams(tally.beside_mg)} of the product is in no recorded constituent and does not count")
    if rule.home_scrap == "exclude_numerator":
        lines.append(f"home scrap ({grams(tally.home_mg)}) is left out of what counts and stays in the whole")
    if rule.home_scrap == "net_out":
        lines.append(f"home scrap ({grams(tally.home_mg)}) is left out of what counts and of the whole")
    return lines


def _what(key: _Key, mass: int) -> str:
    return f"{grams(mass)} of {key.constituent} ({key.feedstock})"


def _circumstances(rule: Rule, subject: Subject, day: str) -> list[str]:
    """Say what a reader must know beside the figures: scope, questions, missing data, dates, confidence."""
    lines = []
    if rule.products and subject.material not in rule.products:
        lines.append(f"the rule speaks of {rule.scope}; what is judged here is {subject.material}")
    if rule.question is not None:
        found = subject.determined.get(rule.question)
        answer = "no named person has answered it" if found is None else f"a named person answered {'yes' if found else 'no'}"
        lines.append(f"whether {rule.question} holds is for a named person to find: {answer}")
    if rule.missing:
        lines.append("no record supplies " + ", ".join(rule.missing))
    if _dated(rule, day) is not None:
        lines.append(
            f"the rule is {rule.status}, in force from {rule.effective_from or 'no known day'} to {rule.effective_to or 'no known day'}"
        )
    lines += [
        f"suspended from {span.from_ or 'the beginning'} to {span.to or 'further notice'}" + (f", so on {day}" if span.covers(day) else "")
        for span in rule.suspended
    ]
    if rule.confidence == "L":
        lines.append("the rule was not checked against the source text")
    return lines
