"""Where metal came from: the class it entered with and the places that are evidenced (ISO 14021, 7.8; rules/notes)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from schemas.base import Model
from schemas.identifier import Country
from schemas.measurement import Constituent, Proportion

Feedstock = Literal[
    "end_of_life",
    "distribution_return",
    "pre_consumer_external",
    "pre_consumer_internal",
    "home_scrap",
    "by_product",
    "primary",
    "unknown",
]
FEEDSTOCKS: tuple[Feedstock, ...] = (
    "end_of_life",
    "distribution_return",
    "pre_consumer_external",
    "pre_consumer_internal",
    "home_scrap",
    "by_product",
    "primary",
    "unknown",
)
MANUFACTURING_SCRAP: frozenset[str] = frozenset({"pre_consumer_external", "pre_consumer_internal", "home_scrap"})
"""Classes whose receipt names a generator and its process."""

PlaceFact = Literal[
    "collected_in",
    "generated_in",
    "mined_in",
    "broken_in",
    "smelted_in",
    "refined_in",
    "alloyed_in",
    "oxide_made_in",
    "component_made_in",
    "assembled_in",
    "formed_charged_in",
]
PLACE_FACTS: tuple[PlaceFact, ...] = (
    "collected_in",
    "generated_in",
    "mined_in",
    "broken_in",
    "smelted_in",
    "refined_in",
    "alloyed_in",
    "oxide_made_in",
    "component_made_in",
    "assembled_in",
    "formed_charged_in",
)


def _distinct(value: list[str]) -> list[str]:
    if len(set(value)) != len(value):
        msg = "names a country twice"
        raise ValueError(msg)
    return value


CountryList = Annotated[list[Country], Field(min_length=1, max_length=20), AfterValidator(_distinct)]
Places = dict[PlaceFact, Country | CountryList]
"""A place fact → one country, or the set of them."""


class Share(Model):
    """One part of a mixed load: its class, places and share, of all constituents or of the one it names."""

    feedstock: Feedstock
    places: Places = Field(default_factory=dict)
    share: Proportion
    constituent: Constituent | None = None
