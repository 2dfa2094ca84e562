"""Declarations: certificates over a product model, about the lots of it that a plant made in a period.

A declaration says what the lots were when they were made, wherever they are now. It consumes nothing: its lots may carry certificates of
their own, and their masses are not to be added to it. A lot stands in one declaration of a kind at a time.
"""

from __future__ import annotations

from collections.abc import Iterable

from ledger import policy as rule_data
from ledger.amend import effective
from ledger.errors import AuthorityError, ClaimError, DuplicateError, UnknownError, grams
from ledger.lineage import upstream
from ledger.matter.batch import Batch
from ledger.memory import Memory
from ledger.registry import require
from ledger.view import Claim, KeyFacts, View
from schemas.event import Days, Declare, Event, Receive, Transform
from schemas.product import Product

PREFIX = {"recycled-content": "RP", "domestic-origin": "OP"}


def declare(sheet: Memory, signer: KeyFacts, place: int, event: Declare) -> None:
    """Enter a declaration.

    Raises:
        AuthorityError: The site is another party's.
        UnknownError: There is no such site or batch.
        DuplicateError: The number is used.
        ClaimError: A batch is no lot of the model made there in the period, or stands in another declaration; the masses do not add up.
    """
    require(signer, "certify")
    site = sheet.site(event.site)
    if site is None:
        raise UnknownError("site", event.site)
    if site.party != signer.party:
        raise AuthorityError(f"site {event.site} is {site.party}'s, not {signer.party}'s")
    begins = f"{signer.party}-{PREFIX[event.kind]}-"
    if not event.number.startswith(begins):
        raise ClaimError(
            f"certificate {event.number} would be another's number; those of {signer.party} over a product begin with {begins}"
        )
    if sheet.claim(event.number) is not None:
        raise DuplicateError("certificate", event.number)
    if sheet.scope is None or sheet.scope >= set(event.batches):
        _check(sheet, event)
    sheet.claims[event.number] = Claim(
        event.number,
        event.kind,
        signer.party,
        "",
        event.mass_mg,
        event.credential,
        place,
        event.valid_until,
        batches=tuple(event.batches),
        model=event.model,
        site=event.site,
        period=(event.period.from_, event.period.to),
    )


def _check(sheet: Memory, event: Declare) -> None:
    """Check its lots. A partial view that knows only some of them knows only that they are named."""
    lots = [_lot(sheet, name, event) for name in event.batches]
    _check_apart(sheet, event)
    total = sum(lot.gross_made for lot in lots)
    if total != event.mass_mg:
        raise ClaimError(f"its {len(lots)} lots weighed {grams(total)} as made, the certificate is for {grams(event.mass_mg)}")


def _lot(sheet: Memory, name: str, event: Declare) -> Batch:
    """Return a lot as it was made, once it is seen to be one of this declaration."""
    lot = as_made(sheet, name)
    if lot is None:
        raise UnknownError("batch", name)
    made, _, _ = effective(sheet, lot.made_at)
    found = stated(made, name)
    if not isinstance(made, Receive | Transform) or made.site != event.site:
        raise ClaimError(f"batch {name} was not made at {event.site}")
    if _only_divided(made):
        raise ClaimError(f"batch {name} was only split off, merged or blended; a lot of a product is what was made as one")
    if found is None or found.model != event.model:
        raise ClaimError(f"batch {name} is stated to be of model {(found.model if found else None) or 'none'}, not {event.model}")
    if not event.period.from_ <= made.time[:10] <= event.period.to:
        raise ClaimError(f"batch {name} was made on {made.time[:10]}, outside {event.period.from_} to {event.period.to}")
    if lot.is_open or not lot.weighed or lot.provisional:
        raise ClaimError(f"batch {name} was not weighed and finally assayed when it was made")
    for other in sheet.declarations(name):
        known = sheet.scope is None or sheet.scope >= set(other.batches)  # of another one a partial view cannot tell whether it ended
        if known and other.kind == event.kind and other.withdrawn is None and other.ended is None:
            raise ClaimError(
                f"batch {name} stands in the declaration {other.number} already ({event.kind})",
                hint=f"take that one back first: plumbline withdraw {other.number}",
            )
    return lot


def _check_apart(sheet: Memory, event: Declare) -> None:
    """Check that no lot is counted again in what was made of it."""
    lots = set(event.batches)
    for name in event.batches:
        inside = sorted(lots.intersection(upstream(sheet, name).batches) - {name})
        if inside:
            raise ClaimError(f"batch {name} was made of batch {inside[0]}, which is a lot of the same declaration")


def as_made(view: View, name: str) -> Batch | None:
    """Return a batch as it stood right behind the event that made it, None where there is none or it was voided."""
    place = view.maker(name)
    states = None if place is None else view.states_at(place)
    return None if states is None else states.get(name)


def stated(event: Event | None, name: str) -> Product | None:
    """Return what an event states of a product that it makes."""
    if isinstance(event, Receive):
        return event.product if event.batch == name else None
    outputs = event.outputs if isinstance(event, Transform) else []
    return next((output.product for output in outputs if output.batch == name), None)


def _only_divided(made: Event) -> bool:
    """Say whether an event made nothing new: what it gives was made before."""
    return isinstance(made, Transform) and rule_data.load().carries(made.kind)


def lots_of(view: View, names: Iterable[str], *, site: str, model: str, period: Days) -> list[str]:
    """Return those batches that are lots of a model made at a site in a period, sorted; whether they are weighed is not looked at.

    Args:
        view: The books.
        names: Batches to look among.
        site: The plant.
        model: As their maker states it.
        period: Days, both included.
    """
    sheet, found = Memory(view), []
    for name in names:
        place = view.maker(name)
        made = None if place is None or as_made(view, name) is None else effective(sheet, place)[0]
        product = stated(made, name)
        fits = product is not None and product.model == model and isinstance(made, Receive | Transform) and made.site == site
        if fits and isinstance(made, Receive | Transform) and not _only_divided(made):
            found += [name] if period.from_ <= made.time[:10] <= period.to else []
    return sorted(found)
