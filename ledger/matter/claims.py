"""Claims: what a certificate may say of a constituent, derived from its portions and from nothing else.

Every figure is a mass in whole milligrams with the mass that it is a part of; a percentage is floored when it is printed and never used
to reckon. After a loss beyond the bound there are two sets of portions, as booked and with the loss taken first from recycled classes:
each figure is then the lower of the two, `unknown` the higher.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from ledger.matter.provenance import UNKNOWN, Portions, Source, total
from schemas.feedstock import FEEDSTOCKS, PLACE_FACTS

NOT_RECLAIMABLE = "not_reclaimable_in_generating_process"
"""The question whose signed answer makes a company's own waste pre-consumer material (ISO 14021, 7.8.1.1)."""

ALWAYS_PLACED = frozenset({"collected_in", "smelted_in", "refined_in"})
"""Place facts that a certificate states even where no portion has them."""

POST_CONSUMER = ("end_of_life", "distribution_return")
RECOVERED = (*POST_CONSUMER, "pre_consumer_external", "pre_consumer_internal")


class Share(NamedTuple):
    """A part of a whole, both in mg."""

    mass_mg: int
    of_mg: int

    @property
    def percent(self) -> str:
        """The share in percent, floored to two decimals."""
        return floored_percent(self.mass_mg, self.of_mg)

    def as_data(self) -> dict[str, Any]:
        """Return the share as it stands in a credential."""
        return {"mass_mg": self.mass_mg, "of_mg": self.of_mg, "percent": self.percent}


class Claim(NamedTuple):
    """One characteristic of one constituent. `booked_mg` is the figure of the portions as booked, `mass_mg` the one that is claimed."""

    constituent: str
    characteristic: str
    mass_mg: int
    of_mg: int
    booked_mg: int

    @property
    def percent(self) -> str:
        """The claimed share in percent, floored to two decimals."""
        return floored_percent(self.mass_mg, self.of_mg)

    def as_data(self) -> dict[str, Any]:
        """Return the claim as it stands in a credential: with the booked figure only where it differs."""
        data: dict[str, Any] = {
            "constituent": self.constituent,
            "characteristic": self.characteristic,
            "mass_mg": self.mass_mg,
            "of_mg": self.of_mg,
            "percent": self.percent,
        }
        return data if self.booked_mg == self.mass_mg else {**data, "booked_mg": self.booked_mg}


def floored_percent(part: int, whole: int, *, places: int = 2) -> str:
    """Return part/whole in percent, rounded down to a number of decimals; 0 of 0 is 0."""
    scale: int = 10**places
    units, rest = divmod(part * 100 * scale // whole if whole else 0, scale)
    return f"{units}.{rest:0{places}d}" if places else f"{units}"


def mass_where(portions: Mapping[Source, int], predicate: Callable[[Source], bool]) -> int:
    """Return the mass in mg of the portions of which a predicate is true: several facts at once are asked of each portion."""
    return sum(mass for source, mass in portions.items() if predicate(source))


def evidence_share(portions: Mapping[Source, int]) -> Share:
    """Return the part that rests on receipts with a document."""
    return Share(mass_where(portions, lambda source: source.documented), total(portions))


def place_set(source: Source, fact: str) -> str:
    """Return a place fact as claims write it: its countries, sorted and joined by `+`."""
    return "+".join(sorted(source.countries(fact)))


def claims(constituent: str, portions: Portions, cautious: Portions | None = None) -> list[Claim]:
    """Return every characteristic that a certificate states of a constituent (events.md, "The certificate").

    A sum of classes adds the figures that are claimed for its parts, so that a reader can add them up again.

    Args:
        constituent: Its symbol.
        portions: As booked.
        cautious: After a loss beyond the bound was taken first from recycled classes and claimed places; the same mass.
    """
    of_mg = total(portions)

    def figure(predicate: Callable[[Source], bool], *, against: bool = False) -> tuple[int, int]:
        booked = mass_where(portions, predicate)
        other = booked if cautious is None else mass_where(cautious, predicate)
        return (max if against else min)(booked, other), booked

    classes: dict[str, tuple[int, int]] = {name: figure(partial(_is_of, name), against=name == UNKNOWN) for name in FEEDSTOCKS}
    determined = figure(lambda source: source.feedstock == "pre_consumer_internal" and source.answer(NOT_RECLAIMABLE) is True)
    post = _sum(classes[name] for name in POST_CONSUMER)
    pre = _sum((classes["pre_consumer_external"], determined))
    found = {
        **classes,
        "post_consumer": post,
        "pre_consumer": pre,
        "recycled_content": _sum((post, pre)),
        "recovered_from_waste": _sum(classes[name] for name in RECOVERED),
    }
    sources = {*portions, *(cautious or ())}
    for fact in _facts(sources):
        for countries in sorted({place_set(source, fact) for source in sources}):
            found[f"{fact}:{countries}"] = figure(partial(_lies_in, fact, countries), against=countries == UNKNOWN)
    return [Claim(constituent, name, mass, of_mg, booked) for name, (mass, booked) in found.items()]


def _is_of(feedstock: str, source: Source) -> bool:
    return source.feedstock == feedstock


def _lies_in(fact: str, countries: str, source: Source) -> bool:
    return place_set(source, fact) == countries


def _sum(figures: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """Add claimed and booked figures, each to its own."""
    pairs = list(figures)
    return sum(claimed for claimed, _ in pairs), sum(booked for _, booked in pairs)


def _facts(sources: Iterable[Source]) -> list[str]:
    """Return the place facts to state, in the order of the field."""
    held = ALWAYS_PLACED.union(fact for source in sources for fact, _ in source.places)
    return [fact for fact in PLACE_FACTS if fact in held]
