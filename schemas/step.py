"""The parts of a transform: its kind, what it takes, what it makes, and what is lost in it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from schemas.base import Model
from schemas.identifier import BatchId, PartyId, Token
from schemas.measurement import Assay, Constituent, Drawn, Proportion, Quantity
from schemas.product import Product
from schemas.statement import Generator, Serials, Use


class Input(Use):
    """What a transform takes of a batch; without a mass, all that is left."""

    mass: Drawn | None = None
    moisture: Proportion | None = None
    rest: bool = False
    final: bool = False


class Output(Model):
    """What a transform makes. `mass` may be "balance" on one of them; `vessel` names the kettle it stays in."""

    batch: BatchId
    material: Token
    mass: Quantity | Literal["balance"]
    moisture: Proportion | None = None
    assay: Assay | None = None
    vessel: Token | None = None
    pieces: PositiveInt | None = None
    serials: Serials = Field(default_factory=list)
    provisional: bool = False
    owner: PartyId | None = None
    generator: Generator | None = None
    product: Product | None = None


class Loss(Model):
    """A loss that the plant declares, by the metal it contained."""

    kind: Token
    contained: Annotated[dict[Constituent, Quantity], Field(min_length=1, max_length=40)]


TransformKind = Literal[
    "break",
    "desulfurise",
    "smelt",
    "refine",
    "alloy",
    "cast",
    "oxide",
    "paste",
    "grid",
    "assemble",
    "form",
    "blend",
    "split",
    "merge",
    "rework",
]
