"""Judging: one evaluator for every rule, over what the records say of a product.

A rule applies or does not; its figure (a mass share, a cost share, limits, completeness) and its conditions each hold, do not, or stay
open; all of them together give what it would say, and its dates give what it says on a day. Where a named person would have to answer, both
readings are reckoned: the verdict is the one on which they agree, otherwise INDETERMINATE.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from ledger.matter.provenance import UNKNOWN, Portions
from ledger.rules import reasons
from ledger.rules.figures import cost_share, limits, value_share
from ledger.rules.outcome import Outcome, Verdict
from ledger.rules.shares import Tally, covered, tally, within
from schemas.product import Product
from schemas.rule import Condition, Rule

_NOTHING = {"mass_mg": 0, "upper_mg": 0, "of_mg": 0}


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged: portions per constituent (mg), the material, and the gross mass in mg as sold.

    `cautious` has portions for constituents of which a loss beyond the bound was taken first from recycled classes. `determined` are
    named persons' answers about this very product; answers about what went into it stand on the portions. `product` is what its maker
    states of it. `supplied` names the fields that a document or a lot's papers give.
    """

    portions: Mapping[str, Portions]
    material: str
    mass_mg: int
    cautious: Mapping[str, Portions] = field(default_factory=dict)
    determined: Mapping[str, bool] = field(default_factory=dict)
    product: Product | None = None
    supplied: Collection[str] = ()


class Judgement(NamedTuple):
    """What a rule says. `would_be` ignores dates; figures are `mass_mg`, the lower reading, `upper_mg`, and `of_mg`."""

    verdict: Verdict
    would_be: Verdict
    reasons: tuple[str, ...]
    figures: dict[str, int]


def judge(rule: Rule, subject: Subject, *, as_of: date) -> Judgement:
    """Judge a product by a rule as of a day.

    Returns:
        The verdict with plain sentences that give the numbers. A product that the rule is not about is NOT_APPLICABLE on any day; otherwise
        the rule's dates come before what it would say.
    """
    day = as_of.isoformat()
    apart = _not_about(rule, subject)
    if apart:
        return Judgement("NOT_APPLICABLE", "NOT_APPLICABLE", (*apart, *_watched(rule, subject, day)), dict(_NOTHING))
    held = _tally(rule, subject, day)
    main = _main(rule, subject, held, day)
    conditions = [_condition(rule, subject, one) for one in rule.conditions]
    missing = [Outcome("INDETERMINATE", ("no record supplies " + ", ".join(rule.missing),))] if rule.missing else []
    verdict = _together(outcome.verdict for outcome in (main, *conditions, *missing))
    said = [line for outcome in (main, *conditions) for line in outcome.reasons]
    said += reasons.circumstances(rule, material=subject.material, determined=subject.determined)
    said += [line for outcome in missing for line in outcome.reasons]
    dated = _dated(rule, day)
    said += reasons.dates(rule, day, out_of_force=dated is not None)
    figures = {"mass_mg": held.low, "upper_mg": held.high, "of_mg": held.of_mg} if rule.numerator else dict(_NOTHING)
    return Judgement(dated or verdict, verdict, tuple(said), figures)


def _tally(rule: Rule, subject: Subject, day: str) -> Tally:
    return tally(rule, covered(rule, subject.portions), subject.cautious, product_mg=subject.mass_mg, day=day)


def _together(verdicts: Iterable[Verdict]) -> Verdict:
    """Return FAIL where one fails, INDETERMINATE where one is open, else PASS."""
    found = set(verdicts)
    return "FAIL" if "FAIL" in found else "INDETERMINATE" if "INDETERMINATE" in found else "PASS"


def _not_about(rule: Rule, subject: Subject) -> tuple[str, ...]:
    """Say why a rule is not about a product, where it is not."""
    portions = covered(rule, subject.portions)
    if not any(portions.get(name) for name in (portions if "ALL" in rule.elements else rule.elements)):
        wanted = "constituent" if "ALL" in rule.elements else " or ".join(rule.elements)
        return (f"no {wanted} is recorded in it",)
    if rule.only_products and subject.material not in rule.products:
        return (f"the rule is about {' or '.join(rule.products)}; this is {subject.material}",)
    category = subject.product.category if subject.product else None
    if rule.categories and category is not None and category not in rule.categories:
        return (f"the rule is about batteries of category {' or '.join(rule.categories)}; this is {category}",)
    return ()


def _watched(rule: Rule, subject: Subject, day: str) -> tuple[str, ...]:
    """Say of constituents that a rule does not list how they would stand, were they listed."""
    names = [name for name in rule.watch if covered(rule.model_copy(update={"elements": [name]}), subject.portions)]
    found = []
    for name in names:
        judged = _main(listed := rule.model_copy(update={"elements": [name]}), subject, _tally(listed, subject, day), day)
        found += [f"{name} is not listed; were it, this would be {judged.verdict}: {judged.reasons[0]}"]
    return tuple(found)


def _main(rule: Rule, subject: Subject, held: Tally, day: str) -> Outcome:
    """Return what the rule's own figure says."""
    threshold = rule.threshold_on(day)
    match rule.measure:
        case "cost_share":
            found = cost_share(rule, subject.product, threshold or "0")
        case "value_share":
            found = value_share(rule, subject.product)
        case "limits":
            found = limits(rule, subject.product)
        case "completeness":
            found = _complete(rule, subject)
        case _:
            lines = (*reasons.figures(rule, held, threshold), *reasons.details(rule, held))
            found = Outcome(_by_mass(rule, subject, held, threshold), lines)
    return found


def _complete(rule: Rule, subject: Subject) -> Outcome:
    """Say whether every field of a document or of a lot's papers is there; where none is, nobody has begun it."""
    lacking = [name for name in rule.fields if name not in subject.supplied]
    if not lacking:
        return Outcome("PASS", (f"all {len(rule.fields)} fields are there",))
    lines = (f"{len(rule.fields) - len(lacking)} of {len(rule.fields)} fields are there", "missing: " + ", ".join(lacking))
    return Outcome("INDETERMINATE" if len(lacking) == len(rule.fields) else "FAIL", lines)


def _by_mass(rule: Rule, subject: Subject, held: Tally, threshold: str | None) -> Verdict:
    """Return what the rule says of the masses."""
    if rule.operator == "flag":
        return "FAIL" if sum(held.higher("counts").values()) else "PASS"
    if rule.operator == "qualitative":
        return _qualitative(rule, subject, held)
    low, high = (_holds(rule, mass, held.of_mg, threshold) for mass in (held.low, held.high))
    if low != high:
        return "INDETERMINATE"
    return "PASS" if low else "FAIL"


def _holds(rule: Rule, mass: int, of_mg: int, threshold: str | None) -> bool:
    """Say whether a mass meets the rule, exactly."""
    if rule.operator == "report" or not of_mg:
        return mass > 0
    wanted = of_mg * Fraction(threshold or 100) / 100
    return mass > wanted if rule.operator == ">" else mass >= wanted if rule.operator == ">=" else mass == wanted


def _qualitative(rule: Rule, subject: Subject, held: Tally) -> Verdict:
    """Return FAIL for a decisive place outside, what a named person found, PASS where nothing is left to judge."""
    outside = {place.partition(" ")[0] for key in held.higher("foreign") for place in key.detail}
    if outside.intersection(rule.decisive):
        return "FAIL"
    found = subject.determined.get(rule.question or "")
    if found is not None:
        return "PASS" if found else "FAIL"
    return "PASS" if held.low == held.of_mg else "INDETERMINATE"


def _condition(rule: Rule, subject: Subject, asked: Condition) -> Outcome:
    """Say whether a condition holds beside the figure."""
    if asked.question is not None:
        return _found(asked.question, subject.determined)
    if asked.screened is not None:
        return _screened(asked, getattr(subject.product, asked.screened, None))
    return _placed(rule, subject, str(asked.place))


def _found(question: str, determined: Mapping[str, bool]) -> Outcome:
    answer = determined.get(question)
    said = "no named person has answered it" if answer is None else f"a named person answered {'yes' if answer else 'no'}"
    verdict: Verdict = "INDETERMINATE" if answer is None else "PASS" if answer else "FAIL"
    return Outcome(verdict, (f"whether {question} holds is for a named person to find: {said}",))


def _screened(asked: Condition, hits: list[str] | None) -> Outcome:
    what = str(asked.screened).removesuffix("_screened")
    what += " were" if what == "operators" else " was"
    if hits is None:
        return Outcome("INDETERMINATE", (f"no record says that the {what} screened for {asked.entity}",))
    hit = asked.entity in hits
    return Outcome("FAIL" if hit else "PASS", (f"the {what} screened for {asked.entity}: {'a hit' if hit else 'no hit'}",))


def _placed(rule: Rule, subject: Subject, fact: str) -> Outcome:
    """Say whether a place fact, wherever it is recorded, lies within the rule's countries; what a step gained has no places."""
    held = {source for portions in subject.portions.values() for source in portions}
    recorded = {country for source in held for name, countries in source.places if name == fact for country in countries}
    among = reasons.asked_places(rule)
    foreign = sorted(country for country in recorded if country != UNKNOWN and not within(rule, country))
    if foreign:
        return Outcome("FAIL", (f"{fact} must be {among}; recorded is {', '.join(foreign)}",))
    if not recorded or UNKNOWN in recorded:
        return Outcome("INDETERMINATE", (f"{fact} must be {among}; it is not recorded",))
    return Outcome("PASS", (f"{fact} is {among}",))


def _dated(rule: Rule, day: str) -> Verdict | None:
    """Return the verdict that the rule's dates alone give, if they do."""
    if rule.status == "proposed" or rule.awaits is not None or (rule.effective_from is not None and day < rule.effective_from):
        return "NOT_YET_IN_FORCE"
    if rule.effective_to is None:
        return "EXPIRED" if rule.status == "ended" else None
    return "EXPIRED" if day > rule.effective_to else None
