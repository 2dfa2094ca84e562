"""What a measurement of faults and attacks brings: how often something was tried, and how often it went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any

Count = int | float | str


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    `tried` counts in `unit` (kills, states, inputs …), `wrong` those that broke the promise. `also` holds whatever else was counted, by
    name, for an honest reader. `first_wrong` describes the first ones that went wrong, so that they can be repeated.
    """

    tried: int
    unit: str
    wrong: int
    also: Mapping[str, Count] = field(default_factory=dict)
    first_wrong: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """A figure as the scorecard keeps it: what was promised, the goal, what was measured, and how long that took.

    The goal is met when at least `at_least` were tried and no more than the share `allowed` of them went wrong.
    """

    name: str
    promise: str
    at_least: int
    allowed: Fraction
    seed: int
    seconds: float
    figure: Figure

    @property
    def holds(self) -> bool:
        """Whether no more went wrong than is allowed."""
        return self.figure.tried > 0 and self.figure.wrong <= self.allowed * self.figure.tried

    @property
    def met(self) -> bool:
        """Whether the goal is met: it holds, and enough was tried."""
        return self.holds and self.figure.tried >= self.at_least

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain data."""
        return {**asdict(self), "allowed": str(self.allowed), "figure": {**asdict(self.figure), "also": dict(self.figure.also)}}

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Row:
        """Read a row."""
        figure = Figure(**{**raw["figure"], "first_wrong": tuple(raw["figure"]["first_wrong"])})
        return cls(**{**raw, "allowed": Fraction(raw["allowed"]), "figure": figure})
