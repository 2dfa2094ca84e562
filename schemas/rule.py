"""A rule of a real program, as data: what it measures, of what, against which threshold, and when.

One evaluator (`ledger.rules.judge`) serves all of them, so nothing of a program stands in code.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from schemas.base import Model
from schemas.feedstock import Feedstock, PlaceFact
from schemas.identifier import Country, Date, Token, forbidden
from schemas.measurement import Constituent, DecimalText
from schemas.product import Category

Kind = Literal["recycled-content", "domestic-origin"]
"""Kinds of certificate; mass is consumed per kind."""

Measure = Literal["mass_share", "set_membership", "flag", "qualitative", "cost_share", "value_share", "limits", "completeness"]
Operator = Literal["report", ">=", ">", "==", "all_in", "flag", "qualitative", "all_present"]
THRESHOLD_OPERATORS = frozenset({">=", ">", "=="})
OPERATORS_OF: dict[Measure, frozenset[str]] = {
    "mass_share": THRESHOLD_OPERATORS | {"report", "all_in"},
    "set_membership": frozenset({"all_in"}),
    "flag": frozenset({"flag"}),
    "qualitative": frozenset({"qualitative"}),
    "cost_share": THRESHOLD_OPERATORS,
    "value_share": THRESHOLD_OPERATORS,
    "limits": frozenset({"all_present"}),
    "completeness": frozenset({"all_present"}),
}
"""Which operators go with which measure."""


def printable(value: str) -> str:
    """Return text of printable characters only: none of the ranges that occur in no name (SPEC.md, "Names").

    Raises:
        ValueError: It holds another.
    """
    if forbidden(value):
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


class Facts(Span):
    """The place facts that are looked at for a time."""

    facts: list[PlaceFact]


class Term(Model):
    """One way for a portion to count; a portion counts when any term of its rule is met.

    `classes` are the feedstock classes that it is about, absent for any. At least one fact of `origin` lies wholly within the rule's
    countries. `question` is to be answered with yes by a named person; without an answer both readings are reckoned. `weight` is the
    percentage of the mass that counts.
    """

    classes: Annotated[list[Feedstock], Field(min_length=1)] | None = None
    origin: list[PlaceFact] = Field(default_factory=list)
    question: Token | None = None
    weight: DecimalText = "100"


class Components(Model):
    """Which components of a product count by cost.

    `by` place: those made in the rule's countries, and with `nonavailable` those of a kind that is not to be had there; `by` entity: those
    whose maker was screened without a hit for `entity`. With `only` others than those are left out of the whole as well.
    """

    by: Literal["place", "entity"]
    entity: Token | None = None
    only: Literal["functional_cell"] | None = None
    nonavailable: bool = False

    @model_validator(mode="after")
    def _entity_fits(self) -> Components:
        if (self.by == "entity") != (self.entity is not None):
            msg = "an entity is named where components count by entity, and only there"
            raise ValueError(msg)
        return self


class Method(Model):
    """One way to reckon a value share: (`whole` less `less`) of `whole`, against a percentage; any method may be met."""

    whole: Literal["transaction", "net_cost"]
    less: Literal["non_originating", "foreign_parts"]
    percent: DecimalText


class Limit(Model):
    """A figure of the product that must be at least so much, perhaps divided by another one."""

    fact: Literal["energy_wh", "volume_l"]
    per: Literal["energy_wh", "volume_l"] | None = None
    least: DecimalText


class Condition(Model):
    """What must hold beside the figure: a place fact of every portion within the countries, a screening without a hit, or an answer.

    Exactly one of them is named.
    """

    place: PlaceFact | None = None
    screened: Literal["assembler_screened", "licensor_screened", "operators_screened"] | None = None
    entity: Token | None = None
    question: Token | None = None

    @model_validator(mode="after")
    def _one_is_named(self) -> Condition:
        named = [one for one in (self.place, self.screened, self.question) if one is not None]
        if len(named) != 1 or (self.screened is not None) != (self.entity is not None):
            msg = "a condition names one of place, screened with its entity, and question"
            raise ValueError(msg)
        return self


class Rule(Model):
    """One statement of a program.

    Applicability: `elements` (any one of them, or `ALL`) must be in it; with `only_products` the material must be one of `products`, which
    the program speaks of; `categories` are those of a battery. Of an element in `watch` it is said how it would stand, were it listed.
    `covers` says whose mass is looked at; `denominator` whether shares are of that or of the whole product's. Every recorded place of
    `facts` must lie within `countries`, or outside `excluded`; a `decisive` fact elsewhere fails a qualitative rule; a `question` is one
    that only a named person's finding on the very product answers. `components`, `methods`, `limits` and `fields` are what the measures of
    cost, value, limits and completeness look at. `conditions` must hold as well. `missing` names data for which this program has no field:
    with any, the answer is INDETERMINATE. `awaits` names an act without which it is not in force. `printed_places` are the decimals at
    which the program prints a percentage, floored.
    """

    id: RuleId
    version: Token
    title: Prose
    citation: Prose
    status: Literal["in_force", "future", "voluntary", "proposed", "ended", "context"]
    effective_from: Date | None
    effective_to: Date | None
    awaits: Prose | None = None
    suspended: list[Span] = Field(default_factory=list)
    kind: Kind
    measure: Measure
    elements: Annotated[list[Constituent | Literal["ALL"]], Field(min_length=1)]
    watch: list[Constituent] = Field(default_factory=list)
    covers: Literal["elements", "metals", "all"]
    scope: Prose
    products: list[Token] = Field(default_factory=list)
    only_products: bool = False
    categories: list[Category] = Field(default_factory=list)
    numerator: list[Term] = Field(default_factory=list)
    denominator: Literal["contained", "product"]
    home_scrap: Literal["exclude_numerator", "net_out"] | None
    operator: Operator
    threshold: DecimalText | Annotated[list[Step], Field(min_length=1)] | None
    countries: list[Country] = Field(default_factory=list)
    excluded: list[Country] = Field(default_factory=list)
    facts: list[PlaceFact] | list[Facts] = Field(default_factory=list)
    decisive: list[PlaceFact] = Field(default_factory=list)
    question: Token | None = None
    components: Components | None = None
    off_the_shelf_waives: bool = False
    methods: list[Method] = Field(default_factory=list)
    limits: list[Limit] = Field(default_factory=list)
    fields: list[Token] = Field(default_factory=list)
    conditions: list[Condition] = Field(default_factory=list)
    missing: list[Token] = Field(default_factory=list)
    confidence: Literal["H", "M", "L"]
    notes: Prose
    printed_places: Annotated[int, Field(ge=0, le=6)]

    @model_validator(mode="after")
    def _threshold_fits(self) -> Rule:
        if self.operator not in OPERATORS_OF[self.measure]:
            msg = f"operator {self.operator} does not go with measure {self.measure}: want {' '.join(sorted(OPERATORS_OF[self.measure]))}"
            raise ValueError(msg)
        asked = self.operator in THRESHOLD_OPERATORS and self.measure != "value_share"
        if asked != (self.threshold is not None):
            where = "a threshold goes with >=, > and == only; that of a value share stands in its methods"
            msg = f"operator {self.operator} and threshold {self.threshold!r} do not fit: {where}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _measure_has_what_it_looks_at(self) -> Rule:
        wanted = {"cost_share": self.components, "value_share": self.methods, "limits": self.limits, "completeness": self.fields}
        if not wanted.get(self.measure, self.numerator) or any(wanted[name] for name in wanted if name != self.measure):
            looked_at = {"cost_share": "components", "value_share": "methods", "limits": "limits", "completeness": "fields"}
            msg = f"measure {self.measure} looks at {looked_at.get(self.measure, 'a numerator')} and at nothing of another measure"
            raise ValueError(msg)
        if self.off_the_shelf_waives and self.measure != "cost_share":
            msg = "off_the_shelf_waives goes with measure cost_share alone"
            raise ValueError(msg)
        if self.countries and self.excluded:
            msg = "countries and excluded do not go together"
            raise ValueError(msg)
        return self

    def facts_on(self, day: str) -> list[PlaceFact]:
        """Return the place facts that are looked at on a day; before their first span those of the first, after the last of the last."""
        spans = [one for one in self.facts if isinstance(one, Facts)]
        if not spans:
            return [one for one in self.facts if not isinstance(one, Facts)]
        begun = [span for span in spans if span.from_ is None or span.from_ <= day]
        return (begun or spans[:1])[-1].facts

    def threshold_on(self, day: str) -> str | None:
        """Return the threshold in percent on a day; before its first step the first one, after its last the last."""
        if not isinstance(self.threshold, list):
            return self.threshold
        begun = [step for step in self.threshold if step.from_ is None or step.from_ <= day]
        return (begun or self.threshold[:1])[-1].percent
