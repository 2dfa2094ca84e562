"""A rule of a real program, as data: what it measures, of what, against which threshold, and when.

One evaluator (`ledger.matter.rules`) serves all of them, so nothing of a program stands in code.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from schemas.base import Model
from schemas.feedstock import Feedstock, PlaceFact
from schemas.identifier import Country, Date, Token
from schemas.measurement import Constituent, DecimalText

Kind = Literal["recycled-content", "domestic-origin"]
"""Kinds of certificate; mass is consumed per kind."""

Operator = Literal["report", ">=", ">", "==", "all_in", "flag", "qualitative"]
THRESHOLD_OPERATORS = frozenset({">=", ">", "=="})


def printable(value: str) -> str:
    """Return text of printable characters only: no control, format or line character.

    Raises:
        ValueError: It holds another.
    """
    if not value.isprintable():
        msg = "holds a character that cannot be printed"
        raise ValueError(msg)
    return value


Prose = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(printable)]
"""Text of a rule file, on one line."""

RuleId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,32}(\.[A-Za-z0-9_]{1,32}){1,4}$")]


class Span(Model):
    """Days from one to another, both included; null is open."""

    from_: Date | None = Field(alias="from")
    to: Date | None

    def covers(self, day: str) -> bool:
        """Say whether a day (as in 2026-03-31) lies within."""
        return (self.from_ is None or self.from_ <= day) and (self.to is None or day <= self.to)


class Step(Span):
    """A threshold for a time."""

    percent: DecimalText


class Term(Model):
    """One way for a portion to count; a portion counts when any term of its rule is met.

    `classes` are the feedstock classes that it is about, absent for any. At least one fact of `origin` lies wholly within the rule's
    countries. `question` is to be answered with yes by a named person; without an answer both readings are reckoned.
    """

    classes: Annotated[list[Feedstock], Field(min_length=1)] | None = None
    origin: list[PlaceFact] = Field(default_factory=list)
    question: Token | None = None


class Rule(Model):
    """One statement of a program.

    `elements` make it applicable (any one of them, or `ALL`); `covers` says whose mass is looked at; `denominator` whether that is the
    contained mass of those or the whole product's. Every recorded place of `facts` must lie within `countries`; a `decisive` fact
    outside them fails a qualitative rule; a `question` is one that only a named person's finding on the very product answers.
    `missing` names data that no record supplies yet: with any, the answer is INDETERMINATE. `products` are the materials that the
    program speaks of. `printed_places` are the decimals at which it prints a percentage, floored.
    """

    id: RuleId
    version: Token
    title: Prose
    citation: Prose
    status: Literal["in_force", "future", "voluntary", "proposed", "ended", "context"]
    effective_from: Date | None
    effective_to: Date | None
    suspended: list[Span] = Field(default_factory=list)
    kind: Kind
    measure: Literal["mass_share", "flag", "set_membership", "qualitative"]
    elements: Annotated[list[Constituent | Literal["ALL"]], Field(min_length=1)]
    covers: Literal["elements", "metals", "all"]
    scope: Prose
    products: list[Token] = Field(default_factory=list)
    numerator: Annotated[list[Term], Field(min_length=1)]
    denominator: Literal["contained", "product"]
    home_scrap: Literal["exclude_numerator", "net_out"] | None
    operator: Operator
    threshold: DecimalText | Annotated[list[Step], Field(min_length=1)] | None
    countries: list[Country]
    facts: list[PlaceFact]
    decisive: list[PlaceFact] = Field(default_factory=list)
    question: Token | None = None
    missing: list[Token]
    confidence: Literal["H", "M", "L"]
    notes: Prose
    printed_places: Annotated[int, Field(ge=0, le=6)]

    @model_validator(mode="after")
    def _threshold_fits(self) -> Rule:
        if (self.operator in THRESHOLD_OPERATORS) != (self.threshold is not None):
            msg = f"operator {self.operator} and threshold {self.threshold!r} do not fit: a threshold goes with >=, > and == only"
            raise ValueError(msg)
        return self

    def threshold_on(self, day: str) -> str | None:
        """Return the threshold in percent on a day; before its first step the first one, after its last the last."""
        if not isinstance(self.threshold, list):
            return self.threshold
        begun = [step for step in self.threshold if step.from_ is None or step.from_ <= day]
        return (begun or self.threshold[:1])[-1].percent
