"""Provenance: whole milligrams by feedstock class and places.

For each constituent a batch holds portions `source → mg` that sum exactly to its contained mass. Mixing adds them, drawing takes from
them in proportion. Taking is exact: parts sum to the whole, and a stock drawn empty in any number of steps leaves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

UNKNOWN = "unknown"
Places = tuple[tuple[str, tuple[str, ...]], ...]
"""(fact, countries) pairs, both sorted."""


class Source(NamedTuple):
    """Where a portion comes from.

    `documented` says that a document's hash stands behind its receipt; `was` is the class it had before it was returned;
    `determined` are signed answers to questions that no figure answers.
    """

    feedstock: str
    places: Places = ()
    documented: bool = False
    was: str = ""
    determined: tuple[tuple[str, bool], ...] = ()

    def countries(self, fact: str) -> tuple[str, ...]:
        """Return the countries of a place fact; an absent fact is unknown."""
        return next((countries for name, countries in self.places if name == fact), (UNKNOWN,))

    def with_place(self, fact: str, country: str) -> Source:
        """Return this source after a step in a country. A step adds its country and never replaces one."""
        held = dict(self.places)
        held[fact] = tuple(sorted({*held.get(fact, ()), country}))
        return self._replace(places=tuple(sorted(held.items())))

    def answer(self, question: str) -> bool | None:
        """Return the signed answer to a question, or None where nobody gave one."""
        return dict(self.determined).get(question)

    def with_answer(self, question: str, *, answer: bool) -> Source:
        """Return this source with a signed answer; a later one replaces an earlier one."""
        return self._replace(determined=tuple(sorted({**dict(self.determined), question: answer}.items())))


GAIN = Source(UNKNOWN)
"""What a step seems to have made: of no known class, from no known place."""

Portions = dict[Source, int]


def total(portions: Mapping[Source, int]) -> int:
    """Return the contained mass in mg."""
    return sum(portions.values())


def mixed(*parts: Mapping[Source, int]) -> Portions:
    """Return the sum of portions, source by source."""
    whole: Portions = {}
    for part in parts:
        for source, mass in part.items():
            whole[source] = whole.get(source, 0) + mass
    return {source: mass for source, mass in whole.items() if mass}


def moved(portions: Mapping[Source, int], *, fact: str | None, country: str) -> Portions:
    """Return portions after a step that sets a place fact."""
    if fact is None:
        return dict(portions)
    out: Portions = {}
    for source, mass in portions.items():
        after = source.with_place(fact, country)
        out[after] = out.get(after, 0) + mass
    return out


def answered(portions: Mapping[Source, int], answers: Iterable[tuple[str, bool]]) -> Portions:
    """Return portions with signed answers on every source."""
    out: Portions = {}
    for source, mass in portions.items():
        after = source
        for question, answer in answers:
            after = after.with_answer(question, answer=answer)
        out[after] = out.get(after, 0) + mass
    return out


class Stock(NamedTuple):
    """Portions as they were made and as they are left, both in mg.

    Both are kept because a draw is rounded against all draws before it (cumulative largest remainder): after any number of them each
    source has given its exact share of what left, to within a milligram.
    """

    made: Portions
    left: Portions

    @classmethod
    def of(cls, portions: Mapping[Source, int]) -> Stock:
        """Return a stock from which nothing has been taken."""
        whole = {source: mass for source, mass in portions.items() if mass}
        return cls(whole, whole)

    @property
    def mass(self) -> int:
        """What is left, in mg."""
        return total(self.left)

    def take(self, amount: int) -> tuple[Portions, Stock]:
        """Return `amount` mg in proportion, and the stock that remains. `amount` is at most what is left."""
        left = self.mass
        if amount == left:
            return dict(self.left), Stock(self.made, {})
        if not amount:
            return {}, self
        made = total(self.made)
        taken = _apportion(self.made, self.left, whole=made, gone=made - left + amount, amount=amount)
        remaining = {source: mass - taken.get(source, 0) for source, mass in self.left.items()}
        return taken, Stock(self.made, {source: mass for source, mass in remaining.items() if mass})


def _apportion(made: Portions, left: Portions, *, whole: int, gone: int, amount: int) -> Portions:
    """Share an amount so that each source's cumulative part is its exact entitlement, rounded by largest remainder."""
    given: Portions = {}
    rests: list[tuple[int, Source]] = []
    for source in sorted(left):
        entitled = made[source] * gone - (made[source] - left[source]) * whole
        given[source] = max(0, entitled // whole)
        rests.append((entitled - given[source] * whole, source))
    missing = amount - total(given)
    step = 1 if missing > 0 else -1
    rests.sort(key=lambda rest: (-rest[0] * step, rest[1]))
    while missing:
        for _, source in rests:
            if missing and 0 <= given[source] + step <= left[source]:
                given[source] += step
                missing -= step
    return {source: mass for source, mass in given.items() if mass}


def shared(amount: int, weights: Iterable[tuple[Source, int]]) -> Portions:
    """Share a mass over weights by largest remainder; the parts sum exactly to it."""
    stock = Stock.of(mixed(*({source: weight} for source, weight in weights)))
    whole = stock.mass
    scaled = {source: weight * amount for source, weight in stock.made.items()}
    floors = {source: mass // whole for source, mass in scaled.items()}
    rests = sorted(scaled, key=lambda source: (-(scaled[source] % whole), source))
    for source in rests[: amount - total(floors)]:
        floors[source] += 1
    return {source: mass for source, mass in floors.items() if mass}
