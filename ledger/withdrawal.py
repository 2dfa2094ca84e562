"""Taking a certificate back."""

from __future__ import annotations

from dataclasses import replace

from ledger.errors import AuthorityError, ClaimError, UnknownError
from ledger.memory import Memory
from ledger.registry import require
from ledger.view import KeyFacts
from schemas.event import Withdraw


def withdraw(sheet: Memory, signer: KeyFacts, place: int, event: Withdraw) -> None:
    """Withdraw a certificate of the signer's party. Its mass may be certified anew.

    Raises:
        UnknownError: There is no such certificate.
        AuthorityError: It is another party's.
        ClaimError: It was withdrawn before, or what is to take its place has no number of this party and kind.
    """
    require(signer, "certify")
    claim = sheet.claim(event.certificate)
    if claim is None:
        raise UnknownError("certificate", event.certificate)
    if claim.party != signer.party:
        raise AuthorityError(f"certificate {claim.number} was issued by {claim.party}, not by {signer.party}")
    if claim.withdrawn is not None:
        raise ClaimError(f"certificate {claim.number} was withdrawn already by record {claim.withdrawn >> 8}")
    begins = claim.number[: claim.number.rindex("-") + 1]
    if event.superseded_by is not None and (event.superseded_by == claim.number or not event.superseded_by.startswith(begins)):
        raise ClaimError(f"certificate {event.superseded_by} cannot take the place of {claim.number}: want another number {begins}…")
    sheet.claims[claim.number] = replace(claim, withdrawn=place, superseded_by=event.superseded_by or "")
