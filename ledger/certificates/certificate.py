"""Certificates: the unsigned credential, computed from the books as of a position and from nothing else.

The same view gives the same credential, so whoever replays the records can build it again and compare (`ledger.certificates.recompute`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ledger import rulebook
from ledger.amend import effective
from ledger.certificates.chain import Chain, read_chain
from ledger.certificates.credential import read_credential
from ledger.certified import check_certifiable
from ledger.errors import ClaimError, FormatError, UnknownError, grams
from ledger.matter.batch import Batch, Content
from ledger.matter.claims import Claim as Characteristic
from ledger.matter.claims import Share, claims, evidence_share, floored_percent
from ledger.matter.provenance import Source
from ledger.matter.rules import Subject, judge
from ledger.memory import Memory
from ledger.tlog import canonical
from ledger.view import LAST, View
from schemas.certificate import CONTEXT, TYPE_OF_KIND
from schemas.event import Receive, Transform
from schemas.rule import Kind, Rule

TITLES: dict[Kind, str] = {"recycled-content": "Recycled content", "domestic-origin": "Domestic origin"}

NOT_CHECKED = (
    (
        "The records prove statements, not metal: who said what, and that it adds up."
        " Whether a scale, an assay or a ticket was right was not checked."
    ),
    "That the parties left out no metal that they handled is not shown by these records.",
    "Custody before metal entered this ledger was not checked; it rests on what its receiver stated and on the documents that it named.",
    "What a rule asks beyond these figures (labels, management systems, audits, contracts) was not checked.",
)
_COMPUTED = "computed"


@dataclass(frozen=True, slots=True)
class Request:
    """What a certificate is asked to say. Without rules it is judged by those of its kind (`rulebook.for_kind`)."""

    batch: str
    kind: Kind
    number: str
    customer: str
    rules: tuple[str, ...] = ()
    order: str | None = None
    period: Mapping[str, Any] | None = None
    condition: str | None = None


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
    batch = view.batch_before(request.batch, at)
    if batch is None:
        raise UnknownError("batch", request.batch)
    check_certifiable(view, batch, request.kind, at=at)
    if not any(content.mass for content in batch.contents.values()):
        raise ClaimError(f"nothing is recorded in batch {batch.id} of which a share could be claimed")
    rules = tuple(rulebook.load(rule) for rule in dict.fromkeys(request.rules)) or rulebook.for_kind(request.kind)
    document: dict[str, Any] = {
        "@context": [CONTEXT],
        "id": f"urn:plumbline:{basis.ledger}:{request.number}",
        "type": ["VerifiableCredential", TYPE_OF_KIND[request.kind]],
        "name": f"{TITLES[request.kind]} certificate {request.number}",
        "issuer": {"id": issuer.did, "name": issuer.name, "party": issuer.party},
        "validFrom": issued,
        "validUntil": valid_until,
        "basis": {"ledger": basis.ledger, "origin": basis.origin, "size": basis.size, "root": basis.root},
        "credentialSubject": _subject(view, request, batch, rules, day=_day(issued), at=at),
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


def _subject(view: View, request: Request, batch: Batch, rules: tuple[Rule, ...], *, day: date, at: int) -> dict[str, Any]:
    held = {name: content for name, content in sorted(batch.contents.items()) if content.mass}
    chain = read_chain(view, batch, request.kind, at=at)
    assay, answers = _as_made(view, batch)
    return {
        "number": request.number,
        "kind": request.kind,
        "batch": batch.id,
        "material": batch.material,
        "mass_mg": batch.gross_left,
        "pieces": batch.pieces_left or None,
        "customer": request.customer,
        "model": chain.model,
        "order": request.order,
        "period": None if request.period is None else dict(request.period),
        "plant": _plant(view, batch),
        "condition": request.condition,
        "denominator": f"Each share is of the contained mass of that constituent in {grams(batch.gross_left)} of {batch.material}, batch"
        f" {batch.id}, in whole milligrams as the books hold it; percentages are rounded down.",
        "lot_assay": assay,
        "claims": [claim.as_data() for name, content in held.items() for claim in _claims(name, content)],
        "portions": {name: [_portion(*item) for item in sorted(content.booked.left.items())] for name, content in held.items()},
        "balance": chain.balance,
        "evidence_share": {name: _evidence(content).as_data() for name, content in held.items()},
        "absorbs": chain.absorbs,
        "not_assayed": dict(sorted(chain.not_assayed.items())),
        "not_checked": [*NOT_CHECKED, *_own_remarks(chain, held)],
        "verdicts": _verdicts(batch, held, rules, answers, day=day),
    }


def _claims(name: str, content: Content) -> list[Characteristic]:
    return claims(name, content.booked.left, None if content.cautious is None else content.cautious.left)


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


def _evidence(content: Content) -> Share:
    """Return the part that rests on receipts with a document, the lower of both readings."""
    booked = evidence_share(content.booked.left)
    return booked if content.cautious is None else Share(min(booked.mass_mg, evidence_share(content.cautious.left).mass_mg), booked.of_mg)


def _own_remarks(chain: Chain, held: Mapping[str, Content]) -> list[str]:
    lowered = [name for name, content in held.items() if content.cautious is not None and content.cautious != content.booked]
    if not lowered:
        return chain.remarks
    names = ", ".join(lowered)
    said = f"The portions of {names} are those of the books; where a claim is lower than they give, booked_mg says what they give."
    return [*chain.remarks, said]


def _as_made(view: View, batch: Batch) -> tuple[dict[str, Any], dict[str, bool]]:
    """Return a batch's assay as its laboratory printed it, or its shares as computed, and the signed answers on this very batch."""
    event, _, answers = effective(Memory(view), batch.made_at)
    assay = None
    if isinstance(event, Receive):
        assay = event.assay
    elif isinstance(event, Transform):
        assay = next((output.assay for output in event.outputs if output.batch == batch.id), None)
    if assay is not None:
        stated = {name: result.model_dump(exclude_none=True) for name, result in sorted(assay.items())}
    else:
        stated = {
            name: {"value": floored_percent(mass, batch.dry_left, places=4), "unit": "%", "method": _COMPUTED}
            for name, mass in sorted(batch.contained().items())
        }
    return stated, dict(answers.get(batch.id, ()))


def _plant(view: View, batch: Batch) -> dict[str, str]:
    """Return the site that made a batch; what was only split off was made where the whole was."""
    name, place = batch.id, batch.made_at
    site, kind = (view.closure_at(place) or (batch.site, ""))[:2]
    while kind == "split" and len(edges := view.made_of(name)) == 1:
        name = edges[0][1].parent
        site, kind = (view.closure_at(view.maker(name) or 0) or (site, ""))[:2]
    facts = view.site(site)
    if facts is None:  # pragma: no cover - an event at a site stands behind the site's
        raise UnknownError("site", site)
    return {"site": facts.id, "name": facts.name, "country": facts.country}


def _verdicts(
    batch: Batch, held: Mapping[str, Content], rules: tuple[Rule, ...], answers: Mapping[str, bool], *, day: date
) -> list[dict[str, Any]]:
    subject = Subject(
        portions={name: content.booked.left for name, content in held.items()},
        material=batch.material,
        mass_mg=batch.gross_left,
        cautious={name: content.cautious.left for name, content in held.items() if content.cautious is not None},
        determined=answers,
    )
    rows = []
    for rule in rules:
        judgement = judge(rule, subject, as_of=day)
        rows.append(
            {
                "rule": rule.id,
                "rule_version": rule.version,
                "rule_sha256": rulebook.digest(rule),
                "title": rule.title,
                "citation": rule.citation,
                "verdict": judgement.verdict,
                "would_be": judgement.would_be,
                "reasons": list(judgement.reasons),
                "as_of": day.isoformat(),
            }
        )
    return rows
