"""A partial view: the books of some batches, worked out from the records that name them.

The certificate of a batch rests on the batches that it was made of, its scope. A verifier who has only the records that name those
replays them by the same rules as the whole log; what the rules would ask of absent batches is passed over, by this list:

- a key's chain may have gaps, and what a signer saw may be unknown (`ledger.state`);
- an event that names no batch of the scope books nothing;
- a transform of which only some inputs are in the scope draws from those and makes nothing;
- a declaration of which only some lots are in the scope is taken as it stands, unchecked;
- vessels, serial ranges and opening stock are not asked, for what stood in their way may be absent;
- an event about a certificate, key, or earlier event that the records do not hold is passed over.

The scope must be closed: whatever decides what a batch of it contains, or whether a certificate on it stands, lies in it too. That is
checked as the records are replayed, so a scope that leaves something out is refused by name.
"""

from __future__ import annotations

from ledger.errors import EvidenceError
from ledger.matter.booking import BEYOND, Booking, Edge, Page
from ledger.matter.draw import draw
from ledger.matter.stock import return_
from ledger.matter.transform import transform
from ledger.memory import Memory
from schemas.event import (
    Accept,
    Adjust,
    AssayEvent,
    Certify,
    Correct,
    Declare,
    Determine,
    Dispose,
    Event,
    Receive,
    Retire,
    Return,
    Revoke,
    Ship,
    Transform,
    Void,
    Withdraw,
)


def named(event: Event) -> frozenset[str]:
    """Return the batches that an event names, in any role; of a correction those of the event as it should have been."""
    match event:
        case Transform():
            return frozenset({use.batch for use in event.inputs} | {output.batch for output in event.outputs})
        case Receive() | Ship() | Accept() | AssayEvent() | Adjust() | Dispose():
            return frozenset({event.batch})
        case Certify():
            return frozenset(use.batch for use in event.uses)
        case Return():
            return frozenset({event.of, event.batch})
        case Determine():
            return frozenset({event.of})
        case Declare():
            return frozenset(event.batches)
        case Correct():
            return named(event.event)
        case _:
            return frozenset()


def beyond(sheet: Memory, event: Event) -> bool:
    """Say whether a partial view passes an event over: it is about something that its records do not hold."""
    match event:
        case AssayEvent():
            return _assayed_beyond(sheet, event.batch)
        case Determine():
            return not named(event) & (sheet.scope or frozenset())
        case Correct() | Void():
            return sheet.index_of(event.of.record) is None
        case Declare():
            return not named(event) & (sheet.scope or frozenset())
        case Withdraw():
            return sheet.claim(event.certificate) is None
        case Retire() | Revoke():
            return sheet.key(event.key) is None
        case _:
            return False


def _assayed_beyond(sheet: Memory, batch: str) -> bool:
    """Say whether a late result is about a batch outside the scope; it may not change how a batch of the scope was made."""
    scope = sheet.scope or frozenset()
    if batch in scope:
        return False
    made = sheet.maker(batch)
    maker = None if made is None else sheet.event(made)
    changed = sorted({output.batch for output in maker.outputs} & scope) if isinstance(maker, Transform) else []
    if changed:
        raise EvidenceError(f"a late assay of batch {batch} changes how batch {changed[0]} was made, and the evidence leaves it out")
    return True


def transform_within(page: Page, event: Transform, scope: frozenset[str]) -> Booking:
    """Enter a transform as far as it concerns the batches of a scope: whole where all its inputs lie in it, else the draws alone.

    Raises:
        EvidenceError: The scope is not closed: something that must be known for it is left out.
    """
    inside = [use for use in event.inputs if use.batch in scope]
    outside = next((use.batch for use in event.inputs if use.batch not in scope), None)
    if outside is None:
        _check_followed(page, event, scope)
        return transform(page, event)
    for output in event.outputs:
        if output.batch in scope:
            raise EvidenceError(f"batch {output.batch} was made of batch {outside}, which the evidence leaves out")
    _check_followed(page, event, scope)
    site = page.own_site(event.site)
    for use in inside:
        for constituent, mass in draw(page, use, site.id).contained().items():
            page.post(site.id, BEYOND, constituent, mass)
        page.edges += [Edge(use.batch, output.batch, 0, {}) for output in event.outputs]
    return page.booking(site.id, event.kind)


def _check_followed(page: Page, event: Transform, scope: frozenset[str]) -> None:
    """Check that certified mass which is split, merged or blended stays in the scope, so that it is seen whether a certificate ends."""
    if not page.policy.carries(event.kind):
        return
    certified = next((use.batch for use in event.inputs if use.batch in scope and page.batch(use.batch).claims), None)
    left = next((output.batch for output in event.outputs if output.batch not in scope), None)
    if certified is not None and left is not None:
        raise EvidenceError(f"batch {left} was made of certified batch {certified}, and the evidence leaves it out")


def check_lots_within(event: Certify, scope: frozenset[str]) -> None:
    """Check that all lots of a certificate lie in the scope: what becomes of any of them decides whether it stands.

    Raises:
        EvidenceError: One does not.
    """
    outside = sorted(named(event) - scope)
    if outside:
        raise EvidenceError(f"certificate {event.number} stands on batch {outside[0]} too, which the evidence leaves out")


def return_within(page: Page, event: Return, scope: frozenset[str]) -> Booking:
    """Enter what came back, where what went out lies in the scope.

    Raises:
        EvidenceError: It does not.
    """
    if event.of not in scope:
        raise EvidenceError(f"batch {event.batch} came back of batch {event.of}, which the evidence leaves out")
    if event.batch not in scope and page.batch(event.of).claims:
        raise EvidenceError(f"batch {event.batch} came back of certified batch {event.of}, and the evidence leaves it out")
    return return_(page, event)
