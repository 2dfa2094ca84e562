"""What every event has: a time, a place, documents, sealed fields, and how it names the batch that it uses."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.base import Model
from schemas.identifier import BatchId, Date, PartyId, RecordId, Sha256, SiteId, Text, Time, Token


class Sealed(Model):
    """A private value's salted digest; its opening lives outside the log (SPEC.md, "Private fields")."""

    sealed: Sha256


class Document(Model):
    """A paper that stands behind a statement: its kind and the hash of its bytes."""

    kind: Token
    sha256: Sha256
    number: Sealed | None = None
    date: Date | None = None
    issuer: Text | None = None


class Generator(Model):
    """Who made manufacturing scrap, and in which process."""

    party: PartyId | None = None
    name: Text | Sealed | None = None
    process: Token


Serials = Annotated[list[Annotated[list[Token], Field(min_length=2, max_length=2)]], Field(max_length=100)]
"""Ranges `[first, last]` of serial numbers, both ends included."""

Documents = Annotated[list[Document], Field(max_length=50)]
PrivateFields = Annotated[dict[Token, Sealed], Field(max_length=20)]


class Dated(Model):
    """Every event has a time: when it happened, as its signer says. The log's order is another matter."""

    time: Time
    private: PrivateFields = Field(default_factory=dict)
    documents: Documents = Field(default_factory=list)


class Placed(Dated):
    """An event that happens at a site."""

    site: SiteId
    owner: PartyId | None = None


class Use(Model):
    """A use of a batch: which, as fixed by which record, and whether `mass` is all that is left of it."""

    batch: BatchId
    made_by: RecordId | None = None
