"""The nine minimum data elements of a USMCA certification of origin (Annex 5-A; 19 CFR 182.12), as an issuer gives them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.base import Model
from schemas.identifier import Country, Date, Text

Language = Literal["en", "es", "fr"]
"""A certification may be in the language of a Party (Article 5.2)."""

ELEMENTS = (
    "certifier_capacity",
    "certifier",
    "exporter",
    "producer",
    "importer",
    "goods",
    "origin_criterion",
    "blanket_period",
    "authorized_signature",
)
"""The elements in the order of Annex 5-A, by the names of our fields."""


class Contact(Model):
    """A person or company with what the annex asks of it; `title` is asked of the certifier alone."""

    name: Text
    title: Text | None = None
    address: Text
    country: Country
    phone: Text
    email: Text


class Goods(Model):
    """What the goods are: a description, the six digits of the Harmonized System, and the invoice of a single shipment."""

    description: Text
    hs: Annotated[str, Field(pattern=r"^[0-9]{4}\.[0-9]{2}$")]
    invoice: Text | None = None


class Blanket(Model):
    """The days of several shipments of the same goods, at most twelve months."""

    from_: Date = Field(alias="from")
    to: Date

    @model_validator(mode="after")
    def _at_most_a_year(self) -> Blanket:
        first, last = date.fromisoformat(self.from_), date.fromisoformat(self.to)
        if not first <= last or (last.year, last.month, last.day) >= (first.year + 1, first.month, first.day):
            msg = f"from {self.from_} to {self.to} is no period of at most twelve months"
            raise ValueError(msg)
        return self


class Signature(Model):
    """Who signs for the certifier."""

    name: Text
    title: Text


class Usmca(Model):
    """A certification of origin. `blanket_period` may be null where the invoice of a single shipment is named."""

    language: Language = "en"
    certifier_capacity: Literal["importer", "exporter", "producer"]
    certifier: Contact
    exporter: Contact | Literal["same as certifier"]
    producer: Contact | Literal["same as certifier", "various", "available upon request by the importing authorities"]
    importer: Contact | Literal["unknown", "same as certifier"]
    goods: Goods
    origin_criterion: Literal["A", "B", "C", "D"]
    blanket_period: Blanket | None
    authorized_signature: Signature

    @model_validator(mode="after")
    def _nothing_is_blank(self) -> Usmca:
        if self.certifier.title is None:
            msg = "the certifier has no title"
            raise ValueError(msg)
        if self.blanket_period is None and self.goods.invoice is None:
            msg = "there is neither a blanket period nor the invoice of a single shipment"
            raise ValueError(msg)
        return self
