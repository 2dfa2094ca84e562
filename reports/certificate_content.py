"""What a certificate shows, as plain data: taken from the signed credential, masses in milligrams, nothing set in type yet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """A share of a constituent: numerator and denominator in milligrams, the percentage rounded down."""

    symbol: str
    characteristic: str
    mass_mg: int
    of_mg: int
    percent: str


@dataclass(frozen=True, slots=True)
class Figure:
    """The headline of a constituent: the sentence goes on after the percentage."""

    symbol: str
    name: str
    sentence: str
    headline: Claim
    beside: tuple[Claim, ...]
    classes: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Portion:
    """A source: feedstock class, places, and mass in milligrams."""

    symbol: str
    feedstock: str
    places: tuple[tuple[str, tuple[str, ...]], ...]
    mass_mg: int
    documented: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the chain whose outputs did not weigh what its inputs did."""

    record: str
    site: str
    kind: str
    symbol: str
    residual_mg: int
    bound_mg: int
    unknown_mg: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says, and why."""

    rule: str
    version: str
    title: str
    citation: str
    verdict: str
    would_be: str | None
    reasons: tuple[str, ...]
    as_of: str


@dataclass(frozen=True, slots=True)
class Seal:
    """What the panel of a seal says: whose it is, when it was put on (RFC 3339, UTC), and the SHA-256 of its certificate in hex."""

    name: str
    time: str
    certificate: str


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the bill of materials."""

    name: str
    material: str
    mass_mg: int


@dataclass(frozen=True, slots=True)
class Lot:
    """One of several lots: its batch and mass; of a product's the mass as made and the day, of a shipment's the material."""

    batch: str
    mass_mg: int
    said: str


@dataclass(frozen=True, slots=True)
class Content:
    """Everything that the pages before the annex show."""

    title: str
    kind: str
    identity: str
    digest: str
    number: str
    issuer: str
    issuer_id: str
    customer: str
    batch: str
    material: str
    mass_mg: int
    pieces: int | None
    model: str
    order: str | None
    period: str | None
    plant: str
    country: str
    site: str
    condition: str | None
    denominator: str
    assay: tuple[tuple[str, str], ...]
    figures: tuple[Figure, ...]
    claims: tuple[Claim, ...]
    portions: tuple[Portion, ...]
    steps: tuple[Step, ...]
    evidence: tuple[Claim, ...]
    verdicts: tuple[Verdict, ...]
    absorbs: tuple[str, ...]
    not_assayed: tuple[tuple[str, str], ...]
    not_checked: tuple[str, ...]
    valid: tuple[str, str]
    product: str
    category: str
    parts: tuple[Part, ...]
    lots: tuple[Lot, ...]
    of_product: bool
    origin: str
    ledger: str
    size: int
    root: str
