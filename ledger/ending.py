"""What ends a certificate though nobody withdraws it: its own issuer uses the metal, takes it back, or amends it away.

Each end is found when the books are written, and stands in the claim from then on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from ledger import policy as rule_data
from ledger.matter.batch import Batch
from ledger.matter.booking import Booking
from ledger.matter.provenance import UNKNOWN, Places, Source
from ledger.view import Claim, View
from schemas.identifier import party_of


def ended(view: View, booking: Booking) -> dict[str, Claim]:
    """Return the certificates that an event ends, as they are now: those of its party on what it transforms, or takes back.

    A split, merge or blend ends none. An end is final: who voids or corrects such an event later does not bring the certificate back, for
    its mass may have been certified anew, or used by somebody who looked at what stood on it.
    """
    if rule_data.load().carries(booking.kind):
        return {}
    parents = {edge.parent for edge in booking.edges}
    used = [batch for batch in (view.batch_before(name, booking.position) for name in sorted(parents)) if batch is not None]
    found = [view.claim(number) for batch in used for _, number in batch.claims]
    return {
        claim.number: replace(claim, ended=booking.position)
        for claim in found
        if claim and claim.party == party_of(booking.site) and (claim.ended is None or booking.position < claim.ended)
    }


def undercut(
    view: View, place: int, before: Mapping[str, Batch], after: Mapping[str, Batch], *, amending: tuple[str, int]
) -> dict[str, Claim]:
    """Return the certificates that an amendment ends: those of its own party whose lots hold less of something than when they were issued.

    Otherwise metal could be drawn from under a certificate that stands, and be certified again in something else. What others amend
    upstream ends nothing, for no company should end another's certificates; it changes what they say today, which is a caution.

    Args:
        view: The books, with the event booked again.
        place: The position of that event.
        before: Its batches as they stood behind it.
        after: The same, booked again.
        amending: The party that amends, and the position of its amendment.
    """
    party, position = amending
    found: list[Claim] = []
    for name, batch in before.items():
        if _lessened(batch, after.get(name)):
            here = [view.claim(number) for _, number in batch.claims]
            found += [claim for claim in here if claim and claim.position == place]
            found += view.declarations(name) if view.maker(name) == place else []
    return {claim.number: replace(claim, ended=position) for claim in found if claim.party == party and claim.ended is None}


def _lessened(before: Batch, after: Batch | None) -> bool:
    """Say whether a batch holds less of something that may be claimed: of a class with its places, or of places, booked or cautiously."""
    for careful in (False, True):
        has = _claimable(after, careful=careful) if after else Counter()
        if any(has[key] < mass for key, mass in _claimable(before, careful=careful).items()):
            return True
    return False


def _claimable(batch: Batch, *, careful: bool) -> Counter[tuple[str, Places, str]]:
    """Return contained masses by constituent, places and what else may be claimed of them: see `_claims`."""
    found: Counter[tuple[str, Places, str]] = Counter()
    for constituent, content in batch.contents.items():
        for source, mass in (content.claimable if careful else content.booked).left.items():
            for what in _claims(source):
                found[constituent, source.places, what] += mass
    return found


def _claims(source: Source) -> list[str]:
    """Return what may be claimed of a source beside its places: its class, that it is documented, answers of yes, and places alone."""
    said = [question for question, answer in source.determined if answer]
    of_class = [source.feedstock, *(f"{source.feedstock} {more}" for more in (["documented"] * source.documented + said))]
    placed = any(UNKNOWN not in countries for _, countries in source.places)
    return of_class * (source.feedstock != UNKNOWN) + [""] * placed
