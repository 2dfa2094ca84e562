"""Parties and sites as they stand in `admit` and `site` events."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.base import Model
from schemas.identifier import Country, Name, PartyId, SiteId, Subdivision, Text, Token
from schemas.measurement import DecimalText, MassUnit, SignedDecimalText

Scope = Literal["admin", "record", "certify", "attest"]
SCOPES: tuple[Scope, ...] = ("admin", "record", "certify", "attest")


class Party(Model):
    """A company in the ledger: its id, the name that certificates print, and its public identifiers."""

    id: PartyId
    name: Name
    country: Country
    roles: Annotated[list[Token], Field(max_length=12)] = Field(default_factory=list)
    identifiers: Annotated[dict[Token, Text], Field(max_length=20)] = Field(default_factory=dict)


class Capacity(Model):
    """What a site can take in a year; throughput beyond it is a finding."""

    value: DecimalText
    unit: MassUnit
    per: Literal["year", "month", "day"]


class Site(Model):
    """A plant or yard: it belongs to a party and lies in a country, which is the place that its steps add."""

    id: SiteId
    party: PartyId
    name: Name
    roles: Annotated[list[Token], Field(max_length=12)] = Field(default_factory=list)
    country: Country
    subdivision: Subdivision | None = None
    latitude: SignedDecimalText | None = None
    longitude: SignedDecimalText | None = None
    capacity: Capacity | None = None
