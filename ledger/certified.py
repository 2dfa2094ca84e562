"""Certificates as events: a certify event consumes a batch's mass for its kind, so that the same mass is never certified twice.

A certificate stays on its mass through split, merge and blend. It ends when it is withdrawn, and it counts as withdrawn from the record on
in which its own issuer transforms any of that mass, or takes some back: the issuer then claims what it made, or nothing. When a customer
transforms it, it is retired into what was made, and a certificate over that lists it as absorbed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from ledger import policy as rule_data
from ledger.errors import ClaimError, DuplicateError, OverdrawnError
from ledger.matter.batch import Batch
from ledger.matter.booking import Booking, Page
from ledger.view import LAST, Claim, View
from schemas.event import Certify, Withdraw
from schemas.identifier import party_of

State = Literal["valid", "withdrawn", "superseded", "absorbed", "expired"]
"""How a certificate stands; `absorbed` counts as withdrawn: its issuer transformed what it had certified."""

_ENDS = {"certify": "the same mass was certified anew", "return": "{party} took back what it had certified"}

PREFIX = {"recycled-content": "RC", "domestic-origin": "DO"}


def certify(view: View, page: Page, event: Certify) -> tuple[Booking, Claim]:
    """Enter a certificate over the whole of a batch.

    Raises:
        ClaimError: The mass is certified already for this kind, or cannot be certified yet.
        OverdrawnError: It certifies more than is held.
        CustodyError, StaleError, UnknownError: The batch is not the signer's to certify.
    """
    site = page.own_site(event.site)
    batch = page.own_batch(event, site.id)
    check_certifiable(view, batch, event.kind, at=page.position)
    if event.mass_mg > batch.gross_left:
        raise OverdrawnError(batch.id, left=batch.gross_left, asked=event.mass_mg, what="certify")
    if event.mass_mg < batch.gross_left and page.fresh:
        raise ClaimError(
            f"batch {batch.id} holds {batch.gross_left} mg, the certificate is for {event.mass_mg} mg",
            hint="a certificate stands on a whole batch; split off what is to be certified",
        )
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
        batch.id,
        event.mass_mg,
        event.credential,
        page.position,
        event.valid_until,
        old.withdrawn if old else None,
        old.superseded_by if old else "",
    )
    page.put(replace(batch, claims=tuple(sorted({*batch.claims, (event.kind, event.number)}))))
    return page.booking(site.id, "certify"), claim


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
    if claim.position >= at or (claim.withdrawn is not None and claim.withdrawn < at):
        return False
    return ended_at(view, claim, before=at) is None


def status(view: View, claim: Claim, *, as_of: str | None = None) -> tuple[State, str]:
    """Return how a certificate stands in this view, with a sentence.

    Args:
        view: The books.
        claim: The certificate.
        as_of: A date; without one nothing is said to be expired.
    """
    if claim.withdrawn is not None:
        event = view.event(claim.withdrawn)
        reason = f": {event.reason}" if isinstance(event, Withdraw) else ""
        if claim.superseded_by:
            return "superseded", f"was superseded by {claim.superseded_by}, record {claim.withdrawn >> 8}{reason}"
        return "withdrawn", f"was withdrawn by record {claim.withdrawn >> 8}{reason}"
    ended = ended_at(view, claim)
    if ended is not None:
        kind = (view.closure_at(ended) or ("", ""))[1]
        what = _ENDS.get(kind, "{party} itself transformed what it had certified ({kind})").format(party=claim.party, kind=kind)
        return "absorbed", f"counts as withdrawn since record {ended >> 8}, in which {what}"
    if as_of is not None and as_of[:10] > claim.valid_until[:10]:
        return "expired", f"was valid until {claim.valid_until[:10]}, which is before {as_of[:10]}"
    return "valid", f"is neither withdrawn nor superseded, valid until {claim.valid_until[:10]}"


def ended_at(view: View, claim: Claim, *, before: int = LAST) -> int | None:
    """Return the position from which on a certificate counts as withdrawn though nobody withdrew it, None where it does not.

    That is where its issuer transformed any of the certified mass, other than by split, merge or blend, or took any of it back; or,
    should that have been voided later, where some of the same mass was certified anew.
    """
    ends: list[int] = []
    if claim.batches:
        return None  # what lots were when they were made does not change with what becomes of them
    met, waiting = {claim.batch}, [(claim.batch, claim.position)]
    while waiting:
        name, since = waiting.pop()
        ends += _certified_anew(view, name, claim, before=before)
        for place, edge in view.made_into(name):
            if not since < place < before:
                continue
            site, kind = (view.closure_at(place) or ("", ""))[:2]
            if rule_data.load().carries(kind):
                if edge.child not in met:
                    met.add(edge.child)
                    waiting.append((edge.child, place))
            elif party_of(site) == claim.party:
                ends.append(place)
    return min(ends, default=None)


def _certified_anew(view: View, name: str, claim: Claim, *, before: int) -> list[int]:
    """Return where later certificates of the same kind were put on this very batch."""
    batch = view.batch_before(name, before)
    others = [view.claim(number) for kind, number in (batch.claims if batch else ()) if kind == claim.kind]
    return [other.position for other in others if other and other.batch == name and claim.position < other.position < before]
