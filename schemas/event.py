"""Events: what parties say happened, one closed model per type.

The models describe an event as it stands in a signed record. In an input file private values are still open (`{"private":"text"}`),
`made_by` may be missing and `of` may name a batch; `ledger.draft` turns the one into the other.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, TypeAdapter, model_validator

from schemas.base import Model
from schemas.feedstock import Feedstock, Places, Share
from schemas.identifier import (
    Base64,
    BatchId,
    CertificateNumber,
    Country,
    Date,
    KeyName,
    Origin,
    PartyId,
    Question,
    RecordId,
    Sha256,
    SiteId,
    Text,
    Time,
    Token,
    VerifierKeyText,
)
from schemas.measurement import Assay, Drawn, Proportion, Quantity, SignedQuantity
from schemas.party import Party, Scope, Site
from schemas.product import Product
from schemas.statement import Dated, Generator, Placed, Sealed, Serials, Use
from schemas.step import Input, Loss, Output, TransformKind


class PolicyReference(Model):
    """The version of the rule data and the hash of its canonical bytes."""

    version: Token
    sha256: Sha256


class Genesis(Dated):
    """Record 0: the log's name and keys, the registrar, and the rule data in force."""

    type: Literal["genesis"]
    origin: Origin
    registrar: VerifierKeyText
    log: Annotated[list[VerifierKeyText], Field(min_length=1, max_length=4)]
    policy: PolicyReference
    nonce: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class Policy(Dated):
    """From the next index on, this rule data is in force."""

    type: Literal["policy"]
    policy: PolicyReference


class Admit(Dated):
    """The registrar admits a party with its first, admin key."""

    type: Literal["admit"]
    party: Party
    key: VerifierKeyText
    proof: Base64


class SiteEvent(Dated):
    """A party registers one of its sites; a later one for the same id replaces its facts from there on."""

    type: Literal["site"]
    site: Site


class Enrol(Dated):
    """A party's admin key enrols another key of the party."""

    type: Literal["enrol"]
    party: PartyId
    key: VerifierKeyText
    proof: Base64
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)]


class Retire(Dated):
    """A key is used no more; what it signed stands."""

    type: Literal["retire"]
    key: KeyName
    reason: Text | None = None


class Revoke(Dated):
    """A key is not to be trusted any more, and perhaps was not since a time."""

    type: Literal["revoke"]
    key: KeyName
    compromised_since: Time | None = None
    reason: Text | None = None


class Receive(Placed):
    """Material enters the ledger at a gate."""

    type: Literal["receive"]
    batch: BatchId
    material: Token
    mass: Quantity
    tare: Quantity | None = None
    moisture: Proportion | None = None
    assay: Assay | None = None
    feedstock: Feedstock | None = None
    shares: Annotated[list[Share], Field(min_length=1, max_length=100)] | None = None
    places: Places = Field(default_factory=dict)
    generator: Generator | None = None
    opening: bool = False
    vessel: Token | None = None
    pieces: PositiveInt | None = None
    serials: Serials = Field(default_factory=list)
    provisional: bool = False
    product: Product | None = None


class Transform(Placed):
    """A step that turns inputs into outputs: a break, a heat, a cast, a split."""

    type: Literal["transform"]
    kind: TransformKind
    inputs: Annotated[list[Input], Field(min_length=1, max_length=400)]
    outputs: Annotated[list[Output], Field(min_length=1, max_length=400)]
    losses: Annotated[list[Loss], Field(max_length=100)] = Field(default_factory=list)


class Outside(Model):
    """A customer outside the ledger."""

    outside: Sealed
    country: Country


class Ship(Placed, Use):
    """The holder sends a whole batch away, to a site of the ledger or outside."""

    type: Literal["ship"]
    mass: Drawn | None = None
    moisture: Proportion | None = None
    rest: bool = False
    to: SiteId | Outside


class Accept(Placed, Use):
    """The receiver weighs what was shipped to it and takes custody."""

    type: Literal["accept"]
    mass: Quantity
    moisture: Proportion | None = None
    difference: Literal["water", "electrolyte"] | None = None


class AssayEvent(Placed, Use):
    """A laboratory result that comes after the batch was made."""

    type: Literal["assay"]
    assay: Assay
    provisional: bool = False
    umpire: bool = False


class Adjust(Placed, Use):
    """A stock-take found more or less than the book says."""

    type: Literal["adjust"]
    mass: SignedQuantity
    kind: Literal["count", "water"] = "count"
    moisture: Proportion | None = None
    assay: Assay | None = None
    reason: Text


class Dispose(Placed, Use):
    """Material leaves as waste, or is written off."""

    type: Literal["dispose"]
    mass: Drawn | None = None
    moisture: Proportion | None = None
    rest: bool = False
    final: bool = False
    reason: Text


class Return(Placed):
    """Something that went out comes back, with its provenance, as a new batch."""

    type: Literal["return"]
    of: BatchId
    batch: BatchId
    mass: Quantity
    moisture: Proportion | None = None
    as_: Annotated[Literal["distribution_return", "rework", "recovered_waste"], Field(alias="as")]


class Person(Model):
    """The named person behind a determination; the name is sealed, the role is public."""

    name: Sealed
    role: Text


class Determine(Dated):
    """A named person's finding on a question that no figure answers."""

    type: Literal["determine"]
    of: BatchId
    question: Question
    answer: bool
    basis: Text
    by: Person


class Certified(Use):
    """A batch that a certificate is over, with its gross mass."""

    mass_mg: Annotated[int, Field(gt=0, le=2**53 - 1)]


class Certify(Placed, Certified):
    """A certificate is issued: the hash of its credential, and the mass that it consumes for its kind, over a batch and those beside it."""

    type: Literal["certify"]
    kind: Literal["recycled-content", "domestic-origin"]
    number: CertificateNumber
    credential: Sha256
    valid_until: Time
    beside: Annotated[list[Certified], Field(max_length=399)] = Field(default_factory=list)

    @property
    def uses(self) -> list[Certified]:
        """All batches that it is over."""
        return [self, *self.beside]

    @model_validator(mode="after")
    def _ascending(self) -> Certify:
        names = [use.batch for use in self.uses]
        if names != sorted(set(names)):
            msg = "names its batches out of order, or one twice"
            raise ValueError(msg)
        return self


class Days(Model):
    """A period of days, both included."""

    from_: Date = Field(alias="from")
    to: Date

    @model_validator(mode="after")
    def _in_order(self) -> Days:
        if self.to < self.from_:
            msg = f"ends on {self.to}, before it begins"
            raise ValueError(msg)
        return self


class Declare(Dated):
    """A certificate over a product model is issued: the lots of it that a plant made in a period, and the hash of its credential."""

    type: Literal["declare"]
    site: SiteId
    kind: Literal["recycled-content", "domestic-origin"]
    number: CertificateNumber
    model: Text
    period: Days
    batches: Annotated[list[BatchId], Field(min_length=1, max_length=1000)]
    mass_mg: Annotated[int, Field(gt=0, le=2**53 - 1)]
    credential: Sha256
    valid_until: Time

    @model_validator(mode="after")
    def _ascending(self) -> Declare:
        if self.batches != sorted(set(self.batches)):
            msg = "names its batches out of order, or one twice"
            raise ValueError(msg)
        return self


class Withdraw(Dated):
    """An issuer takes a certificate back."""

    type: Literal["withdraw"]
    certificate: CertificateNumber
    reason: Text
    superseded_by: CertificateNumber | None = None


class EventReference(Model):
    """An event of a record: never a correction."""

    record: RecordId
    event: Annotated[int, Field(ge=0, le=255)]


MatterEvent = Annotated[
    Receive | Transform | Ship | Accept | AssayEvent | Adjust | Dispose | Return | Determine,
    Field(discriminator="type"),
]
"""Events that may be corrected or voided."""


class Correct(Dated):
    """A fact was wrong: here it is as it should have been. The old one is kept."""

    type: Literal["correct"]
    of: EventReference
    event: MatterEvent
    reason: Text


class Void(Dated):
    """An event never happened. Its batch numbers are never used again."""

    type: Literal["void"]
    of: EventReference
    reason: Text


Event = Annotated[
    Genesis
    | Policy
    | Admit
    | SiteEvent
    | Enrol
    | Retire
    | Revoke
    | Receive
    | Transform
    | Ship
    | Accept
    | AssayEvent
    | Adjust
    | Dispose
    | Return
    | Determine
    | Certify
    | Declare
    | Withdraw
    | Correct
    | Void,
    Field(discriminator="type"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
"""Reads and checks one event; raises pydantic's ValidationError, which `ledger.record` turns into a FormatError."""

COMMAND_ONLY = frozenset({"genesis", "certify", "declare", "withdraw", "policy"})
"""Types that come from their own commands, never from a file of events."""
