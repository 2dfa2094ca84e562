"""Figures that are no mass: shares of cost and of value, and limits, from what a product's maker states.

What is not stated stays open: both readings are reckoned, and where they differ the missing facts are named.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from ledger.matter.claims import floored_percent
from ledger.rules.outcome import ASKED, Outcome, Verdict
from schemas.product import Component, Product
from schemas.rule import Components, Limit, Method, Rule

NO_COMPONENTS = "no record supplies the product's components with their costs"


class _Sorted(NamedTuple):
    """Costs by how components stand, and what is not stated of those that are open."""

    counts: Fraction
    open: Fraction
    whole: Fraction
    against: tuple[str, ...]
    unstated: tuple[str, ...]


def cost_share(rule: Rule, product: Product | None, threshold: str) -> Outcome:
    """Judge the cost of the components that count against that of all that the rule looks at."""
    asked = rule.components
    if asked is None or product is None or not product.components:
        return Outcome("INDETERMINATE", (NO_COMPONENTS,))
    held = _sorted(rule, asked, product.components)
    waived = rule.off_the_shelf_waives and product.off_the_shelf
    if waived:
        return Outcome("PASS", ("the test of components is waived for a commercially available off-the-shelf item",))
    low, high = (_meets(rule.operator, mass, held.whole, threshold) for mass in (held.counts, held.counts + held.open))
    verdict: Verdict = "INDETERMINATE" if low != high else "PASS" if low else "FAIL"
    what = "functional cell components" if asked.only else "components"
    lines = [f"{_percent(rule, held.counts, held.whole)} % of the cost of its {what} counts; asked is {ASKED[rule.operator]} {threshold} %"]
    if held.open:
        lines.append(f"were what is not stated in its favour, it would be {_percent(rule, held.counts + held.open, held.whole)} %")
        lines.append("no record supplies " + ", ".join(held.unstated))
    if held.against:
        lines.append("not counted: " + ", ".join(held.against))
    return Outcome(verdict, tuple(lines))


def _sorted(rule: Rule, asked: Components, components: list[Component]) -> _Sorted:
    counts = open_ = whole = Fraction(0)
    against, unstated = [], []
    for one in components:
        cost, belongs = Fraction(one.cost), one.functional_cell if asked.only else True
        if belongs is False:
            continue
        whole += cost
        stands = _counts(rule, asked, one)
        if stands and belongs:
            counts += cost
        elif stands is None or belongs is None:
            open_ += cost
            unstated.append(f"{_lacking(asked, one)} of {one.name}")
        else:
            against.append(f"{one.name} ({one.made_in if asked.by == 'place' else asked.entity})")
    return _Sorted(counts, open_, whole, tuple(against), tuple(unstated))


def _counts(rule: Rule, asked: Components, one: Component) -> bool | None:
    """Say whether a component counts; None where that is not stated."""
    if asked.by == "entity":
        return None if one.screened is None else asked.entity not in one.screened
    if asked.nonavailable and one.nonavailable:
        return True
    return None if one.made_in is None else one.made_in in rule.countries


def _lacking(asked: Components, one: Component) -> str:
    if asked.only and one.functional_cell is None:
        return "functional_cell"
    return f"screened for {asked.entity}" if asked.by == "entity" else "made_in"


def _meets(operator: str, part: Fraction, whole: Fraction, threshold: str) -> bool:
    """Compare a share with a percentage, exactly; nothing of nothing meets none."""
    if not whole:
        return False
    wanted = whole * Fraction(threshold) / 100
    return part > wanted if operator == ">" else part >= wanted if operator == ">=" else part == wanted


def _percent(rule: Rule, part: Fraction, whole: Fraction) -> str:
    """Return a share in percent, floored to the decimals that the program prints."""
    scale = part.denominator * whole.denominator
    return floored_percent(int(part * scale), int(whole * scale), places=rule.printed_places)


def value_share(rule: Rule, product: Product | None) -> Outcome:
    """Judge customs values: (whole - less) / whole by any of the rule's methods."""
    found = [_by_method(rule, one, product) for one in rule.methods]
    verdicts = {outcome.verdict for outcome in found}
    verdict: Verdict = "PASS" if "PASS" in verdicts else "INDETERMINATE" if "INDETERMINATE" in verdicts else "FAIL"
    return Outcome(verdict, tuple(line for outcome in found for line in outcome.reasons))


def _by_method(rule: Rule, method: Method, product: Product | None) -> Outcome:
    value = product.value if product else None
    whole, less = (getattr(value, name, None) for name in (method.whole, method.less))
    what = f"{method.whole} value less {method.less}"
    if whole is None or less is None:
        lacking = ", ".join(name for name, stated in ((method.whole, whole), (method.less, less)) if stated is None)
        return Outcome("INDETERMINATE", (f"{what}: no record supplies {lacking}",))
    all_of_it, part = Fraction(whole), max(Fraction(whole) - Fraction(less), Fraction(0))
    holds = _meets(rule.operator, part, all_of_it, method.percent)
    share = _percent(rule, part, all_of_it)
    return Outcome("PASS" if holds else "FAIL", (f"{what} is {share} %; asked is {ASKED[rule.operator]} {method.percent} %",))


def limits(rule: Rule, product: Product | None) -> Outcome:
    """Judge figures of the product, each at least so much."""
    found = [_limit(one, product) for one in rule.limits]
    verdicts = {outcome.verdict for outcome in found}
    verdict: Verdict = "FAIL" if "FAIL" in verdicts else "INDETERMINATE" if "INDETERMINATE" in verdicts else "PASS"
    return Outcome(verdict, tuple(line for outcome in found for line in outcome.reasons))


def _limit(asked: Limit, product: Product | None) -> Outcome:
    names = [asked.fact, *([asked.per] if asked.per else [])]
    stated = [getattr(product, name, None) for name in names]
    what = " per ".join(names)
    if any(one is None for one in stated):
        lacking = ", ".join(name for name, one in zip(names, stated, strict=True) if one is None)
        return Outcome("INDETERMINATE", (f"{what} must be at least {asked.least}: no record supplies {lacking}",))
    figure, *per = (Fraction(str(one)) for one in stated)
    least = Fraction(asked.least)
    holds = figure >= least * per[0] and per[0] > 0 if per else figure >= least
    said = f"{what} must be at least {asked.least}; stated is {' per '.join(str(one) for one in stated)}"
    return Outcome("PASS" if holds else "FAIL", (said,))
