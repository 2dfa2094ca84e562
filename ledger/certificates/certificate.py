"""Certificates: the unsigned credential, computed from the books as of a position and from nothing else.

The same view gives the same credential, so whoever replays the records can build it again and compare (`ledger.certificates.recompute`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ledger.certificates.chain import Chain, read_chain
from ledger.certificates.credential import read_credential
from ledger.certificates.lot import Lot, lot_of, lots_of, shipment_of
from ledger.certificates.usmca import CERTIFICATION, WHOLLY_OBTAINED, check_criterion, supplied
from ledger.certified import check_certifiable
from ledger.errors import FormatError, UnknownError
from ledger.matter.batch import Batch
from ledger.matter.claims import Share, claims, evidence_share
from ledger.matter.provenance import Source
from ledger.rules.book import Book, own
from ledger.rules.book import Entry as Ruling
from ledger.rules.judge import Subject, judge
from ledger.rules.reasons import kilograms
from ledger.tlog import canonical
from ledger.view import LAST, View
from schemas.certificate import CONTEXT, TYPE_OF_KIND, TYPE_OF_PRODUCT
from schemas.rule import Kind
from schemas.usmca import Usmca

TITLES: dict[Kind, str] = {"recycled-content": "Recycled content", "domestic-origin": "Domestic origin"}

PRODUCT_TITLES: dict[Kind, str] = {"recycled-content": "Recycled content of a product", "domestic-origin": "Origin of a product"}

OF_PRODUCT = (
    "It speaks of its lots as they were made. They may carry certificates of their own, whose masses are not to be added to it.",
    "That these are all lots of the model which the plant made in the period is shown by the whole ledger alone.",
)
OF_SHIPMENT = ("It speaks of its batches together. One of them alone may hold other shares: a certificate over that one says which.",)
NOT_CHECKED = (
    (
        "The records prove statements, not metal: who said what, and that it adds up."
        " Whether a scale, an assay or a ticket was right was not checked."
    ),
    "That the parties left out no metal that they handled is not shown by these records.",
    "Custody before metal entered this ledger was not checked; it rests on what its receiver stated and on the documents that it named.",
    "What a rule asks beyond these figures (labels, management systems, audits, contracts) was not checked.",
)


@dataclass(frozen=True, slots=True)
class Request:
    """What a certificate is asked to say. Without rules it is judged by those of its kind (`Book.for_kind`).

    One over a shipment has other batches `beside` its batch; one over a product has `lots` in place of a batch, and a period.
    """

    batch: str
    kind: Kind
    number: str
    customer: str
    rules: tuple[str, ...] = ()
    order: str | None = None
    period: Mapping[str, Any] | None = None
    condition: str | None = None
    lots: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    usmca: Usmca | None = None
    book: Book = field(default_factory=own)


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who certifies: the did:key that will sign, the name as admitted, and the party id."""

    did: str
    name: str
    party: str


@dataclass(frozen=True, slots=True)
class Basis:
    """The log that the figures are computed on: ledger id (hex), origin, size in records, and root (hex)."""

    ledger: str
    origin: str
    size: int
    root: str


def build(view: View, request: Request, *, issuer: Issuer, basis: Basis, issued: str, valid_until: str, at: int = LAST) -> dict[str, Any]:
    """Return the credential of a certificate, without its proof.

    Args:
        view: The books.
        request: What it is to say.
        issuer: Who says it.
        basis: The log that the view was read from.
        issued: RFC 3339 time; rules are judged as of its date.
        valid_until: RFC 3339 time.
        at: The position as of which the batch is read: that of the `certify` event, or behind everything.

    Raises:
        UnknownError: There is no such batch or rule.
        ClaimError: The batch cannot be certified.
        FormatError: The request holds something that cannot stand in a credential.
    """
    lot = _lot(view, request, at=at)
    rules = _rules(request)
    document: dict[str, Any] = {
        "@context": [CONTEXT],
        "id": f"urn:plumbline:{basis.ledger}:{request.number}",
        "type": ["VerifiableCredential", (TYPE_OF_PRODUCT if request.lots else TYPE_OF_KIND)[request.kind]],
        "name": f"{(PRODUCT_TITLES if request.lots else TITLES)[request.kind]} certificate {request.number}",
        "issuer": {"id": issuer.did, "name": issuer.name, "party": issuer.party},
        "validFrom": issued,
        "validUntil": valid_until,
        "basis": {"ledger": basis.ledger, "origin": basis.origin, "size": basis.size, "root": basis.root},
        "credentialSubject": _subject(view, request, lot, rules, day=_day(issued), at=at),
    }
    read_credential(canonical.encode(document))
    return document


def _day(issued: str) -> date:
    """Return the date that a time is written with.

    Raises:
        FormatError: It is no time.
    """
    try:
        return date.fromisoformat(issued[:10])
    except ValueError:
        raise FormatError(f"{issued!r} is no RFC 3339 time", field="validFrom") from None


def _lot(view: View, request: Request, *, at: int) -> Lot:
    if request.lots:
        return lots_of(view, request.lots)
    batches = [_batch(view, name, request.kind, at=at) for name in (request.batch, *request.beside)]
    return shipment_of(view, batches) if request.beside else lot_of(view, batches[0])


def _batch(view: View, name: str, kind: Kind, *, at: int) -> Batch:
    batch = view.batch_before(name, at)
    if batch is None:
        raise UnknownError("batch", name)
    check_certifiable(view, batch, kind, at=at)
    return batch


def _subject(view: View, request: Request, lot: Lot, rules: tuple[Ruling, ...], *, day: date, at: int) -> dict[str, Any]:
    chain = read_chain(view, lot, request.kind, at=at)
    of_product = bool(request.lots)
    verdicts = _verdicts(lot, rules, request.usmca, day=day)
    subject: dict[str, Any] = {
        "number": request.number,
        "kind": request.kind,
        **_named(lot, of_product=of_product),
        "material": lot.material,
        "mass_mg": lot.mass_mg,
        "pieces": lot.pieces,
        "customer": request.customer,
        "model": chain.model,
        "order": request.order,
        "period": None if request.period is None else dict(request.period),
        "plant": lot.made.plant,
        "condition": request.condition or (lot.made.product.condition if lot.made.product else None),
        "denominator": f"Each share is of the contained mass of that constituent in {kilograms(lot.mass_mg)} of {lot.material},"
        f" {_what(lot)}, in whole milligrams as the books hold it; percentages are rounded down.",
        "lot_assay": lot.made.assay,
        "claims": [claim.as_data() for name in lot.booked for claim in claims(name, lot.booked[name], lot.cautious.get(name))],
        "portions": {name: [_portion(*item) for item in sorted(portions.items())] for name, portions in lot.booked.items()},
        "balance": chain.balance,
        "evidence_share": {name: _evidence(lot, name).as_data() for name in lot.booked},
        "absorbs": [] if of_product else chain.absorbs,
        "not_assayed": dict(sorted(chain.not_assayed.items())),
        "not_checked": [*NOT_CHECKED, *(OF_PRODUCT if of_product else OF_SHIPMENT if lot.shipment else ()), *_own_remarks(chain, lot)],
        "verdicts": verdicts,
    }
    if request.usmca is not None:
        check_criterion(request.usmca, verdicts)
        subject["usmca"] = request.usmca.model_dump(by_alias=True, exclude_unset=True)
    product = lot.product
    return subject if product is None else {**subject, "product": product}


def _named(lot: Lot, *, of_product: bool) -> dict[str, Any]:
    """Return which batches a certificate is about; one over a product names them there."""
    if of_product:
        return {}
    return {"shipment": list(lot.shipment)} if lot.shipment else {"batch": lot.names[0]}


def _what(lot: Lot) -> str:
    """Say what a lot is, in a few words."""
    if lot.batches and lot.made.product:
        return f"{len(lot.names)} lots of {lot.made.product.model}"
    return f"{len(lot.names)} batches" if lot.shipment else f"batch {lot.names[0]}"


def _rules(request: Request) -> tuple[Ruling, ...]:
    """Return the rules to judge by; a certification of origin is judged by those of its program in any case."""
    named = tuple(request.book.load(rule) for rule in dict.fromkeys(request.rules)) or request.book.for_kind(request.kind)
    if request.usmca is None:
        return named
    own_rules = (request.book.load(rule) for rule in (WHOLLY_OBTAINED, CERTIFICATION))
    return (*named, *(entry for entry in own_rules if entry not in named))


def _portion(source: Source, mass_mg: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        "feedstock": source.feedstock,
        "places": {fact: list(countries) for fact, countries in source.places},
        "mass_mg": mass_mg,
        "documented": source.documented,
    }
    if source.was:
        row["was"] = source.was
    if source.determined:
        row["determined"] = dict(source.determined)
    return row


def _evidence(lot: Lot, name: str) -> Share:
    """Return the part that rests on receipts with a document, the lower of both readings."""
    booked = evidence_share(lot.booked[name])
    cautious = lot.cautious.get(name)
    return booked if cautious is None else Share(min(booked.mass_mg, evidence_share(cautious).mass_mg), booked.of_mg)


def _own_remarks(chain: Chain, lot: Lot) -> list[str]:
    lowered = [name for name, cautious in lot.cautious.items() if cautious != lot.booked.get(name)]
    if not lowered:
        return chain.remarks
    names = ", ".join(lowered)
    said = f"The portions of {names} are those of the books; where a claim is lower than they give, booked_mg says what they give."
    return [*chain.remarks, said]


def _verdicts(lot: Lot, rules: tuple[Ruling, ...], stated: Usmca | None, *, day: date) -> list[dict[str, Any]]:
    subject = Subject(
        portions=lot.booked,
        material=lot.material,
        mass_mg=lot.mass_mg,
        cautious=lot.cautious,
        determined=lot.made.answers,
        product=lot.made.product,
        supplied=lot.made.supplied | supplied(stated),
    )
    rows = []
    for ruling in rules:
        rule = ruling.rule
        judgement = judge(rule, subject, as_of=day)
        rows.append(
            {
                "rule": rule.id,
                "rule_version": rule.version,
                "rule_sha256": ruling.sha256,
                "title": rule.title,
                "citation": rule.citation,
                "verdict": judgement.verdict,
                "would_be": judgement.would_be,
                "reasons": list(judgement.reasons),
                "as_of": day.isoformat(),
            }
        )
    return rows
