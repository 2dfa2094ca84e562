"""Certificates as events: a certify event consumes a batch's mass for its kind, so that the same mass is never certified twice.

A certificate stays on its mass through split, merge and blend. It ends when it is withdrawn, and it counts as withdrawn from the record on
in which its own issuer transforms any of that mass, takes some back, or amends it away (`ledger.ending`): the issuer then claims what it
made, or nothing. When a customer transforms it, it is retired into what was made, and a certificate over that lists it as absorbed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from ledger.errors import ClaimError, DuplicateError, OverdrawnError
from ledger.matter.batch import Batch
from ledger.matter.booking import Booking, Page
from ledger.view import LAST, Claim, View
from schemas.event import Certify, Event, Return, Transform, Withdraw
from schemas.identifier import party_of

State = Literal["valid", "withdrawn", "superseded", "absorbed", "expired"]
"""How a certificate stands; `absorbed` counts as withdrawn: its issuer transformed what it had certified."""

PREFIX = {"recycled-content": "RC", "domestic-origin": "DO"}


def certify(view: View, page: Page, event: Certify) -> tuple[Booking, Claim]:
    """Enter a certificate over the whole of a batch, or of several.

    Raises:
        ClaimError: The mass is certified already for this kind, or cannot be certified yet.
        OverdrawnError: It certifies more than is held.
        CustodyError, StaleError, UnknownError: A batch is not the signer's to certify.
    """
    site = page.own_site(event.site)
    lots = [(page.own_batch(use, site.id), use.mass_mg) for use in event.uses]
    for lot, mass_mg in lots:
        check_certifiable(view, lot, event.kind, at=page.position)
        _check_mass(lot, mass_mg, fresh=page.fresh)
    if page.fresh and view.claim(event.number) is not None:
        raise DuplicateError("certificate", event.number)
    want = f"{page.party}-{PREFIX[event.kind]}-"
    if not event.number.startswith(want):
        raise ClaimError(f"certificate {event.number} would be another's number; {page.party}'s begin with {want}")
    old = view.claim(event.number)
    claim = Claim(
        event.number,
        event.kind,
        party_of(page.party),
        event.batch,
        sum(mass_mg for _, mass_mg in lots),
        event.credential,
        page.position,
        event.valid_until,
        old.withdrawn if old else None,
        old.superseded_by if old else "",
        beside=tuple(one.batch for one in event.beside),
        ended=old.ended if old else None,
    )
    for lot, _ in lots:
        page.put(replace(lot, claims=tuple(sorted({*lot.claims, (event.kind, event.number)}))))
    return page.booking(site.id, "certify"), claim


def _check_mass(batch: Batch, mass_mg: int, *, fresh: bool) -> None:
    """Check that a certificate is for all that a batch holds; entered again after a correction it may hold more."""
    if mass_mg > batch.gross_left:
        raise OverdrawnError(batch.id, left=batch.gross_left, asked=mass_mg, what="certify")
    if mass_mg < batch.gross_left and fresh:
        raise ClaimError(
            f"batch {batch.id} holds {batch.gross_left} mg, the certificate is for {mass_mg} mg",
            hint="a certificate stands on a whole batch; split off what is to be certified",
        )


def check_certifiable(view: View, batch: Batch, kind: str, *, at: int = LAST) -> None:
    """Check that a certificate of this kind may stand on a batch, as of a position.

    Raises:
        ClaimError: It is certified already, not weighed, provisional, unassayed or empty.
    """
    for certified, number in batch.claims:
        claim = view.claim(number)
        if certified == kind and claim is not None and standing(view, claim, at=at):
            raise ClaimError(
                f"batch {batch.id} is certified already by {number} ({kind})",
                hint=f"the same mass is certified once for a kind; take it back first: plumbline withdraw {number}",
            )
    if not batch.dry_left:
        raise ClaimError(f"batch {batch.id} is empty, there is nothing to certify")
    if batch.is_open:
        raise ClaimError(f"batch {batch.id} was never assayed, nobody knows what it contains")
    if not batch.weighed:
        raise ClaimError(f"batch {batch.id} is a balance and was never weighed; it cannot be certified before it is")
    if batch.provisional:
        raise ClaimError(f"batch {batch.id} has a provisional assay; it can be certified once a final one replaces it")


def standing(view: View, claim: Claim, *, at: int = LAST) -> bool:
    """Say whether a certificate stands as of a position: logged before it, and neither withdrawn nor ended by its issuer."""
    now = view.claim(claim.number) or claim
    ends = [end for end in (now.withdrawn, now.ended) if end is not None]
    return claim.position < at <= min(ends, default=LAST)


def status(view: View, claim: Claim, *, as_of: str | None = None) -> tuple[State, str]:
    """Return how a certificate stands in this view, with a sentence.

    Args:
        view: The books.
        claim: The certificate.
        as_of: A date; without one nothing is said to be expired.
    """
    claim = view.claim(claim.number) or claim
    if claim.withdrawn is not None:
        event = view.event(claim.withdrawn)
        reason = f": {event.reason}" if isinstance(event, Withdraw) else ""
        if claim.superseded_by:
            return "superseded", f"was superseded by {claim.superseded_by}, record {claim.withdrawn >> 8}{reason}"
        return "withdrawn", f"was withdrawn by record {claim.withdrawn >> 8}{reason}"
    if claim.ended is not None:
        return "absorbed", f"counts as withdrawn since record {claim.ended >> 8}, in which {claim.party} {_done(view.event(claim.ended))}"
    if as_of is not None and as_of[:10] > claim.valid_until[:10]:
        return "expired", f"was valid until {claim.valid_until[:10]}, which is before {as_of[:10]}"
    return "valid", f"is neither withdrawn nor superseded, valid until {claim.valid_until[:10]}"


def _done(event: Event | None) -> str:
    """Say what ended a certificate."""
    if isinstance(event, Transform):
        return f"itself transformed what it had certified ({event.kind})"
    if isinstance(event, Return):
        return "took back what it had certified"
    return f"changed what it had certified for something that holds less ({event.type if event else 'unknown'})"
