"""The sentences behind a verdict: what counts, of what, what is asked, and what a reader must know beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

from ledger.matter.claims import floored_percent
from ledger.rules.outcome import ASKED
from ledger.rules.shares import Key, Tally
from schemas.rule import Rule

MOST_PORTIONS = 4
"""How many portions one sort of sentence names one by one; a certificate lists them all as portions."""


def kilograms(mass_mg: int) -> str:
    """Return a mass in kilograms, exact to the milligram, with thousands separators and without needless zeros: `19,032.791078 kg`."""
    whole, rest = divmod(mass_mg, 10**6)
    return f"{whole:,}.{rest:06d}".rstrip("0").rstrip(".") + " kg"


def asked_places(rule: Rule) -> str:
    """Return the countries that a rule asks for, as prose."""
    return f"outside {', '.join(rule.excluded)}" if rule.excluded else f"in {', '.join(rule.countries)}"


def figures(rule: Rule, tally: Tally, threshold: str | None) -> list[str]:
    """Say what counts, of what, and what is asked."""
    what = "the product" if rule.denominator == "product" else " and ".join(sorted({key.constituent for key in tally.booked}))
    if rule.operator == "flag":
        return [f"{kilograms(sum(tally.higher('counts').values()))} of {kilograms(tally.of_mg)} of {what} is flagged"]
    low, high = (floored_percent(mass, tally.of_mg, places=rule.printed_places) for mass in (tally.low, tally.high))
    lines = [f"{kilograms(tally.low)} of {kilograms(tally.of_mg)} of {what} counts: {low} %"]
    booked = int(sum(mass * key.weight for key, mass in tally.booked.items() if key.standing == "counts"))
    if booked != tally.low:
        lines.append(f"{kilograms(booked)} counts as booked; the lower is claimed because a loss went beyond its bound")
    lines += _each([(key, mass) for key, mass in sorted(tally.lower("counts").items()) if key.weight != 1 and mass], _in_part)
    lines += _each(sorted(tally.lower("open").items()), _open)
    if tally.high != tally.low:
        lines.append(f"answered with no it is {low} %, with yes {high} %")
    if threshold is not None:
        wanted = -(-tally.of_mg * Fraction(threshold) // 100)
        lines.append(f"asked is {ASKED[rule.operator]} {threshold} %, {kilograms(wanted)}")
    if rule.operator == "qualitative":
        foreign, unknown = (sum(tally.higher(standing).values()) for standing in ("foreign", "unknown"))
        lines.append(f"to disclose: foreign {kilograms(foreign)}, unknown or not recorded {kilograms(unknown + tally.beside_mg)}")
    if rule.operator == "all_in":
        lines.append("asked is all of it")
    return lines


def _each(portions: Iterable[tuple[Key, int]], said: Callable[[Key, int], str]) -> list[str]:
    """Say something of portions: of each, or of the largest and of the rest together."""
    found = list(portions)
    if len(found) <= MOST_PORTIONS + 1:
        return [said(key, mass) for key, mass in found]
    ranked = sorted(found, key=lambda portion: (-portion[1], portion[0]))
    rest = ranked[MOST_PORTIONS:]
    lines = [said(key, mass) for key, mass in ranked[:MOST_PORTIONS]]
    return [*lines, f"the same holds of {len(rest)} smaller portions, {kilograms(sum(mass for _, mass in rest))} together"]


def _open(key: Key, mass: int) -> str:
    what = f"{kilograms(mass)} of {key.constituent} is {key.feedstock}"
    return f"{what}, which counts only if a named person answers {key.details} with yes"


def _in_part(key: Key, mass: int) -> str:
    return f"{kilograms(mass)} of {key.constituent} ({key.feedstock}) counts by {float(key.weight * 100):g} %"


def details(rule: Rule, tally: Tally) -> list[str]:
    """Say what does not count, and why."""
    flag = rule.operator == "flag"
    silent = "the flag cannot speak for it" if flag else "this counts against"
    places = bool(rule.countries or rule.excluded)
    unknown = f"is of unknown {'class or place' if places else 'class'}; {silent}"
    beyond = f"lies in {', '.join(rule.excluded)}" if rule.excluded else f"lies outside {', '.join(rule.countries)}"
    counted = [(key, mass) for key, mass in tally.higher("counts").items() if key.detail]
    lines = _each(counted, lambda key, mass: f"{_what(key, mass)}: {key.details}")
    lines += _each(tally.higher("foreign").items(), lambda key, mass: f"{_what(key, mass)} {beyond}: {key.details}")
    lines += _each(tally.higher("unknown").items(), lambda key, mass: f"{_what(key, mass)} {unknown}")
    if not flag:
        said = "home_scrap" if rule.home_scrap else None
        left = [(key, mass) for key, mass in tally.higher("not counted").items() if key.feedstock != said]
        lines += _each(left, lambda key, mass: f"{_what(key, mass)} does not count")
    if tally.beside_mg:
        lines.append(f"{kilograms(tally.beside_mg)} of the product is in no recorded constituent and does not count")
    if rule.home_scrap == "exclude_numerator":
        lines.append(f"home scrap ({kilograms(tally.home_mg)}) is left out of what counts and stays in the whole")
    if rule.home_scrap == "net_out":
        lines.append(f"home scrap ({kilograms(tally.home_mg)}) is left out of what counts and of the whole")
    return lines


def _what(key: Key, mass: int) -> str:
    return f"{kilograms(mass)} of {key.constituent} ({key.feedstock})"


def circumstances(rule: Rule, *, material: str, determined: Mapping[str, bool]) -> list[str]:
    """Say what a reader must know beside the figures: the scope, and the question that a person answers."""
    lines = []
    if rule.products and material not in rule.products:
        lines.append(f"the rule speaks of {rule.scope}; what is judged here is {material}")
    if rule.question is not None:
        found = determined.get(rule.question)
        answer = "no named person has answered it" if found is None else f"a named person answered {'yes' if found else 'no'}"
        lines.append(f"whether {rule.question} holds is for a named person to find: {answer}")
    return lines


def dates(rule: Rule, day: str, *, out_of_force: bool) -> list[str]:
    """Say when the rule is in force, what it waits for, when it is suspended, and how sure its text is."""
    lines = []
    if out_of_force:
        lines.append(
            f"the rule is {rule.status}, in force from {rule.effective_from or 'no known day'} to {rule.effective_to or 'no known day'}"
        )
    if rule.awaits is not None:
        lines.append(f"it waits for {rule.awaits}")
    lines += [
        f"suspended from {span.from_ or 'the beginning'} to {span.to or 'further notice'}" + (f", so on {day}" if span.covers(day) else "")
        for span in rule.suspended
    ]
    if rule.confidence == "L":
        lines.append("the rule was not checked against the source text")
    return lines
