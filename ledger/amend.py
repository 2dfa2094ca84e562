"""Events booked in the log's order, and booked again when a later record changes how one is read.

A correction, a void, a late assay and a signed answer are amendments: they name an original event and change how it is read, at its own
place in the order. Everything that follows from it is derived again, event by event, as far as anything differs, and every refusal is
asked again. Nothing in the log is edited.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping

from ledger import policy as rule_data
from ledger.certified import certify
from ledger.ending import ended, undercut
from ledger.errors import AuthorityError, CorrectionError, RuleError, UnknownError
from ledger.matter.batch import Batch
from ledger.matter.booking import Booking, Page
from ledger.matter.custody import accept, ship
from ledger.matter.receive import check_assay, receive
from ledger.matter.stock import adjust, dispose, return_
from ledger.matter.transform import transform
from ledger.memory import Memory
from ledger.partial import check_lots_within, named, return_within, transform_within
from ledger.registry import require
from ledger.view import Amendment, KeyFacts, position
from schemas.event import (
    Accept,
    Adjust,
    AssayEvent,
    Certify,
    Correct,
    Determine,
    Dispose,
    Event,
    EventReference,
    Receive,
    Return,
    Ship,
    Transform,
    Void,
)
from schemas.identifier import party_of
from schemas.measurement import Assay
from schemas.step import Output

_BOOKED = (Receive, Transform, Ship, Accept, Adjust, Dispose, Return, Certify)
_CORRECTABLE = (Receive, Transform, Ship, Accept, AssayEvent, Adjust, Dispose, Return, Determine)


def derive(sheet: Memory, start: int, *, amending: tuple[str, int] | None = None) -> None:
    """Book the event at a position, and again everything behind it that follows from what changed.

    Args:
        sheet: The books.
        start: The position.
        amending: Whose amendment it is, and at which position; what that takes from under the party's own certificates ends them.

    Raises:
        RuleError: Something that was allowed is not, with the changed facts.
    """
    places, queued = [start], {start}
    while places:
        place = heapq.heappop(places)
        before = sheet.states_at(place)
        fresh = place == start and before is None
        try:
            booking = _booked(sheet, place, fresh=fresh)
        except RuleError as refusal:
            if place != start:
                raise CorrectionError(
                    f"with this change record {place >> 8}, event {place & 255}, would not hold: {refusal}",
                    hint="correct that event first, or log what happened as a new event",
                ) from refusal
            raise
        sheet.book(place, booking)
        if amending is not None and before:
            sheet.claims.update(undercut(sheet, place, before, booking.after if booking else {}, amending=amending))
        for batch in _changed(before or {}, booking.after if booking else {}):
            for later in sheet.touches(batch, place):
                if later not in queued:
                    queued.add(later)
                    heapq.heappush(places, later)


def _changed(before: Mapping[str, Batch], after: Mapping[str, Batch]) -> list[str]:
    """Return the batches that stand differently behind an event than they did."""
    return [batch for batch in sorted({*before, *after}) if before.get(batch) != after.get(batch)]


def _booked(sheet: Memory, place: int, *, fresh: bool) -> Booking | None:
    """Return the booking of an event as it is read now; None for one that was voided."""
    event, fixed_at, answers = effective(sheet, place)
    if event is None or (sheet.scope is not None and not named(event) & sheet.scope):
        return None
    if sheet.facts is None:  # pragma: no cover - an event stands behind the genesis
        raise UnknownError("ledger", "record 0")
    page = Page(
        reading=sheet,
        policy=rule_data.check(sheet.facts.policy, sheet.facts.policy_sha256),
        position=place,
        party=party_of(sheet.signer(place >> 8)),
        fixed_at=fixed_at,
        fresh=fresh,
        answers=answers,
    )
    booking = _book(sheet, page, event)
    sheet.claims.update(ended(sheet, booking))
    return booking


def _book(sheet: Memory, page: Page, event: Event) -> Booking:
    match event:
        case Receive():
            return receive(page, event)
        case Transform():
            return transform(page, event) if sheet.scope is None else transform_within(page, event, sheet.scope)
        case Ship():
            return ship(page, event)
        case Accept():
            return accept(page, event)
        case Adjust():
            return adjust(page, event)
        case Dispose():
            return dispose(page, event)
        case Return():
            return return_(page, event) if sheet.scope is None else return_within(page, event, sheet.scope)
        case Certify():
            if sheet.scope is not None:
                check_lots_within(event, sheet.scope)
            booking, claim = certify(sheet, page, event)
            sheet.claims[claim.number] = claim
            return booking
        case _:
            raise CorrectionError(f"a {event.type} books nothing")


def effective(sheet: Memory, place: int) -> tuple[Event | None, int, dict[str, tuple[tuple[str, bool], ...]]]:
    """Return an event as it is read now, the position that last fixed its facts, and the signed answers on what it made.

    Among corrections the highest index holds; a void is final; among late results the latest final one counts, and an umpire beats all.
    """
    event = sheet.event(place)
    fixed_at = place
    answers: dict[str, tuple[tuple[str, bool], ...]] = {}
    results: list[tuple[str, AssayEvent]] = []
    for amendment in sheet.amendments(place):
        fixed_at = max(fixed_at, amendment.position) if amendment.kind != "determine" else fixed_at
        change = sheet.event(amendment.position)
        if isinstance(change, Void):
            return None, fixed_at, {}
        if isinstance(change, Correct):
            event = change.event
        elif isinstance(change, AssayEvent):
            read, fixed, _ = effective(sheet, amendment.position)
            fixed_at = max(fixed_at, fixed)
            if isinstance(read, AssayEvent):
                results.append((read.batch, read))
        elif isinstance(change, Determine):
            read, _, _ = effective(sheet, amendment.position)
            if isinstance(read, Determine):
                answers[read.of] = (*answers.get(read.of, ()), (read.question, read.answer))
    if event is not None and results:
        event = _assayed(event, results)
    return event, fixed_at, answers


def _assayed(event: Event, results: list[tuple[str, AssayEvent]]) -> Event:
    """Return what made a batch as if its assay had said what later results say."""
    if isinstance(event, Receive):
        return event.model_copy(update=_results(event, results))
    if isinstance(event, Transform):
        outputs = [output.model_copy(update=_results(output, results)) for output in event.outputs]
        return event.model_copy(update={"outputs": outputs})
    return event


def _results(part: Receive | Output, results: list[tuple[str, AssayEvent]]) -> dict[str, object]:
    """Return what counts of a batch's first and later results, constituent by constituent, and whether any of it is provisional."""
    late = [(result.umpire, not result.provisional, result.assay) for batch, result in results if batch == part.batch]
    if not late:
        return {}
    first = [] if part.assay is None else [(False, not part.provisional, part.assay)]
    counts: Assay = {}
    final: dict[str, bool] = {}
    for _, is_final, assay in sorted([*first, *late], key=lambda result: result[:2]):
        counts |= assay
        final |= dict.fromkeys(assay, is_final)
    return {"assay": counts, "provisional": not all(final.values())}


def late_assay(sheet: Memory, signer: KeyFacts, place: int, event: AssayEvent) -> Amendment:
    """Enter a laboratory result that came later: it is read as the assay of what made the batch.

    Raises:
        CustodyError, StaleError, UnknownError: The signer does not hold the batch.
        CorrectionError: The batch is one whose contents are not measured.
    """
    require(signer, "record")
    page = _page(sheet, signer, place)
    page.own_site(event.site)
    batch = page.own_batch(event, event.site)
    check_assay(page.policy, batch.id, page.policy.material(batch.material), event.assay)
    made = sheet.maker(batch.id)
    maker = None if made is None else sheet.event(made)
    if made is None or not isinstance(maker, Receive | Transform):
        raise CorrectionError(f"batch {batch.id} came back with what it carried when it went out; it cannot be assayed anew")
    return _amended(sheet, Amendment(made, place, "assay"), signer)


def determine(sheet: Memory, signer: KeyFacts, place: int, event: Determine) -> Amendment:
    """Enter a named person's answer on a batch; it travels with the batch's metal.

    Raises:
        UnknownError: There is no such batch.
        AuthorityError: It is not the signer's.
    """
    require(signer, "record")
    batch = _page(sheet, signer, place).batch(event.of)
    if batch.holder != signer.party and party_of(batch.id) != signer.party:
        raise AuthorityError(f"batch {batch.id} is neither made nor held by {signer.party}")
    made = sheet.maker(batch.id)
    return _amended(sheet, Amendment(place if made is None else made, place, "determine"), signer)


def _page(sheet: Memory, signer: KeyFacts, place: int) -> Page:
    return Page(reading=sheet, policy=rule_data.load(), position=place, party=signer.party, fixed_at=place)


def _amended(sheet: Memory, amendment: Amendment, signer: KeyFacts) -> Amendment:
    sheet.amend(amendment)
    derive(sheet, amendment.target, amending=(signer.party, amendment.position))
    return amendment


def _target(sheet: Memory, signer: KeyFacts, of: EventReference) -> tuple[int, Event]:
    """Return the original event that a correction or void names.

    Raises:
        CorrectionError: It cannot be corrected or voided.
        AuthorityError: It was signed by another party.
        UnknownError: There is no such record or event.
    """
    index = sheet.index_of(of.record)
    if index is None:
        raise UnknownError("record", of.record)
    place = position(index, of.event)
    event = sheet.event(place)
    if event is None:
        raise UnknownError("event", f"{of.event} of record {index}")
    if isinstance(event, Correct | Void):
        raise CorrectionError(f"event {of.event} of record {index} is a {event.type}; name the original event")
    if not isinstance(event, _CORRECTABLE):
        raise CorrectionError(f"event {of.event} of record {index} is a {event.type}, which cannot be corrected or voided")
    if party_of(sheet.signer(index)) != signer.party:
        raise AuthorityError(f"event {of.event} of record {index} was signed by {party_of(sheet.signer(index))}, not by {signer.party}")
    if effective(sheet, place)[0] is None:
        raise CorrectionError(f"event {of.event} of record {index} was voided, and a void is final")
    return place, event


def correct(sheet: Memory, signer: KeyFacts, place: int, event: Correct) -> Amendment:
    """Enter an event as it should have been, and derive again everything that follows from it.

    Raises:
        CorrectionError: The result would not hold somewhere downstream, or the event becomes another type.
    """
    require(signer, "record")
    target, original = _target(sheet, signer, event.of)
    if event.event.type != original.type:
        raise CorrectionError(f"a {original.type} cannot be corrected into a {event.event.type}; void it and log the other")
    for had, has in zip(_named(original), _named(event.event), strict=True):
        if had != has:
            raise CorrectionError(f"a correction keeps the batch number {had}, this one has {has}")
    sheet.amend(Amendment(target, place, "correct"))
    derive(sheet, _matter_of(sheet, target, original), amending=(signer.party, place))
    return Amendment(target, place, "correct")


def _named(event: Event) -> list[str]:
    """Return the batch that an event is about, where another one would make it another event."""
    if isinstance(event, Determine):
        return [event.of]
    return [event.batch] if isinstance(event, Receive | Return | AssayEvent) else []


def _matter_of(sheet: Memory, target: int, original: Event) -> int:
    """Return the position to derive from: a late assay's or answer's is that of what made the batch."""
    if isinstance(original, AssayEvent | Determine):
        batch = original.batch if isinstance(original, AssayEvent) else original.of
        made = sheet.maker(batch)
        return target if made is None else made
    return target


def void(sheet: Memory, signer: KeyFacts, place: int, event: Void) -> Amendment:
    """Take an event back for good. What it made must not have been used.

    Raises:
        CorrectionError: It was used: an event whose outputs are used can only be corrected.
    """
    require(signer, "record")
    target, original = _target(sheet, signer, event.of)
    for batch in _made(original):
        used = next(iter(sheet.touches(batch, target)), None)
        if used is not None:
            raise CorrectionError(
                f"batch {batch} was used by record {used >> 8}, so what made it can be corrected but not voided",
                hint=f"plumbline correct {batch} …",
            )
    sheet.amend(Amendment(target, place, "void"))
    derive(sheet, _matter_of(sheet, target, original), amending=(signer.party, place))
    return Amendment(target, place, "void")


def _made(event: Event) -> list[str]:
    if isinstance(event, Transform):
        return [output.batch for output in event.outputs]
    return [event.batch] if isinstance(event, Receive | Return) else []
