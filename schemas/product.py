"""What a manufacturer states of a product beside its metal: model, category, parts by mass, components by cost, and who made them.

All of it is optional and public. Costs stand in any one unit, because only their ratios count: who will not show prices writes shares.
A rule that needs a fact which is not stated answers INDETERMINATE and names it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.base import Model
from schemas.identifier import Country, Text, Token
from schemas.measurement import DecimalText, Quantity

Category = Literal["sli", "ev", "lmt", "industrial", "portable", "other"]
"""Battery categories of Regulation (EU) 2023/1542, Article 3(1); `sli` is starting, lighting and ignition."""

Condition = Literal["wet", "dry", "undrained"]

Part = Literal["grid", "strap", "post", "paste", "plate", "case", "separator", "electrolyte", "other"]


class PartMass(Model):
    """One part of the bill of materials: what it is, of which material, and the mass of it in the whole lot."""

    part: Part
    material: Token | None = None
    mass: Quantity


class Component(Model):
    """One direct component: its cost, the country that it was mined, produced or manufactured in, and what was found about its maker.

    `nonavailable`: of a kind listed in FAR 25.104. `functional_cell`: a functional cell component (10 USC 4865). `screened`: the lists and
    programs by whose definition its maker is excluded, such as `feoc`, `pfe` or `s154`; empty where it was screened without a hit.
    """

    name: Text
    cost: DecimalText
    made_in: Country | None = None
    nonavailable: bool | None = None
    functional_cell: bool | None = None
    screened: Annotated[list[Token], Field(max_length=20)] | None = None


class Value(Model):
    """Customs values of the product in one unit (USMCA, Article 4.5); `foreign_parts` is what was bought abroad."""

    transaction: DecimalText | None = None
    net_cost: DecimalText | None = None
    non_originating: DecimalText | None = None
    foreign_parts: DecimalText | None = None


class Product(Model):
    """A product as its maker states it. `parts` add up to the lot's gross mass as shipped; `condition` says how it was weighed."""

    model: Text | None = None
    category: Category | None = None
    condition: Condition | None = None
    parts: Annotated[list[PartMass], Field(max_length=40)] = Field(default_factory=list)
    components: Annotated[list[Component], Field(max_length=200)] = Field(default_factory=list)
    value: Value | None = None
    energy_wh: DecimalText | None = None
    volume_l: DecimalText | None = None
    off_the_shelf: bool | None = None
    assembler_screened: Annotated[list[Token], Field(max_length=20)] | None = None
    licensor_screened: Annotated[list[Token], Field(max_length=20)] | None = None
    operators_screened: Annotated[list[Token], Field(max_length=20)] | None = None

    @model_validator(mode="after")
    def _components_differ(self) -> Product:
        names = [component.name for component in self.components]
        if len(set(names)) != len(names):
            msg = "names a component twice"
            raise ValueError(msg)
        return self
