"""Which records a verifier needs: the touch set of a certificate's batches, and the records of the keys and sites behind them.

The scope of a certificate are the batches that it was made of, and what was split, merged or blended from certified mass among them,
because whether a certificate stands is decided there. The touch set are the records that name a batch of the scope in any role.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ledger import policy as rule_data
from ledger.errors import UnknownError
from ledger.partial import named
from ledger.record import Record
from ledger.store.view import StoreView
from ledger.view import Claim
from schemas.event import AssayEvent, Certify, Correct, Declare, Event, Return, Ship, SiteEvent, Transform
from schemas.identifier import REGISTRAR, party_of
from schemas.statement import Placed


@dataclass(frozen=True, slots=True)
class Touch:
    """A scope of batches, and the indexes of all records that a partial replay of it needs, in the log's order."""

    scope: frozenset[str]
    records: tuple[int, ...]


def touch_of_claim(view: StoreView, claim: Claim, *, upto: int) -> Touch:
    """Return what a certificate's figures rest on.

    Args:
        view: The ledger.
        claim: The certificate.
        upto: Records from this index on are left out, save what withdrew the certificate and what ended a key.
    """
    scope, places = _closure(view, claim.lots, before=upto << 8)
    indexes = {place >> 8 for place in places}
    for number in {event.number for place in places if isinstance(event := view.event(place), Certify | Declare)}:
        other = view.claim(number)
        if other is not None and other.withdrawn is not None and (other.withdrawn >> 8 < upto or number == claim.number):
            indexes.add(other.withdrawn >> 8)
    return Touch(scope, _with_keys(view, indexes))


def touch_of_key(view: StoreView, key: str) -> Touch:
    """Return all records of a key, with those that a reader needs to know whose it is; nothing is booked.

    Raises:
        UnknownError: There is no such key.
    """
    if view.key(key) is None:
        raise UnknownError("key", key)
    return Touch(frozenset(), _with_keys(view, {index for index, _ in view.records_of(key)}))


def _closure(view: StoreView, batches: Iterable[str], *, before: int) -> tuple[frozenset[str], set[int]]:
    """Return the scope of batches and the positions of every event, amendment included, that names one of it before a position."""
    amended = _amended(view)
    scope = set(batches)
    waiting = sorted(scope)
    places: set[int] = set()
    while waiting:
        name = waiting.pop()
        said = (claim.position for claim in view.declarations(name))
        touched = {place for place in (*view.touches(name, -1), *amended.get(name, ()), *said) if place < before}
        places |= touched
        for place in touched:
            for event in _forms(view, place):
                fresh = (_needed(view, name, place, event) | _assayed_beside(view, name, place, event)) - scope
                scope |= fresh
                waiting += sorted(fresh)
    return frozenset(scope), places | _amending(view, places, before=before)


def _needed(view: StoreView, name: str, place: int, event: Event) -> set[str]:
    """Return the batches that must be known for a batch of the scope, because of an event that names it."""
    if isinstance(event, Return):
        return {event.of} if event.batch == name else _carried_on(view, name, place, {event.batch})
    if isinstance(event, Certify):
        return set(named(event))
    if not isinstance(event, Transform):
        return set()
    inputs, outputs = ({part.batch for part in parts} for parts in (event.inputs, event.outputs))
    if name in outputs:
        return inputs
    return _carried_on(view, name, place, inputs | outputs) if rule_data.load().carries(event.kind) else set()


def _carried_on(view: StoreView, name: str, place: int, others: set[str]) -> set[str]:
    """Return the other batches of an event which hands on the certificates of a batch, where it carries any."""
    held = view.batch_before(name, place)
    return others if held is not None and held.claims else set()


def _assayed_beside(view: StoreView, name: str, place: int, event: Event) -> set[str]:
    """Return the batches whose late results change how the transform that made a batch closes."""
    if not isinstance(event, Transform) or name not in {output.batch for output in event.outputs}:
        return set()
    late = [view.event(amendment.position) for amendment in view.amendments(place)]
    return {one.batch for one in late if isinstance(one, AssayEvent)}


def _forms(view: StoreView, place: int) -> list[Event]:
    """Return an event as it was signed and as every correction has it."""
    event = view.event(place)
    forms = [] if event is None else [event]
    for amendment in view.amendments(place):
        change = view.event(amendment.position)
        if isinstance(change, Correct):
            forms.append(change.event)
    return forms


def _amended(view: StoreView) -> dict[str, set[int]]:
    """Return the positions of events that were corrected or voided, by every batch that one of their forms names."""
    found: dict[str, set[int]] = {}
    for amendment in view.all_amendments():
        for event in _forms(view, amendment.target):
            for name in named(event):
                found.setdefault(name, set()).add(amendment.target)
    return found


def _amending(view: StoreView, places: Iterable[int], *, before: int) -> set[int]:
    """Return the positions of everything that changes how events are read, and of what changes how that is read."""
    found: set[int] = set()
    waiting = list(places)
    while waiting:
        fresh = [one.position for one in view.amendments(waiting.pop()) if one.position < before and one.position not in found]
        found |= set(fresh)
        waiting += fresh
    return found


def _with_keys(view: StoreView, indexes: set[int]) -> tuple[int, ...]:
    """Return indexes with those of record 0, of everything about the keys that signed them, and of the sites that they name."""
    found = {0} | indexes
    waiting, met = sorted(found), set[str]()
    sites: set[str] = set()
    while waiting:
        fresh: set[int] = set()
        record = view.record(waiting.pop())
        for name in sorted({record.header.key} - met):
            met.add(name)
            fresh |= _life(view, name)
        for site in sorted(_sites(record) - sites):
            sites.add(site)
            fresh |= _registrations(view, site)
        waiting += sorted(fresh - found)
        found |= fresh
    return tuple(sorted(found))


def _life(view: StoreView, name: str) -> set[int]:
    """Return the indexes of the records that introduced a key and ended it, and of its party's admission."""
    facts = view.key(name)
    if facts is None or facts.party == REGISTRAR:
        return set()
    # A party's first key came with its admission.
    first = min(key.enrolled for key in view.keys() if key.party == facts.party)  # noqa: SIM118 - a question of the view, not a dict
    return {first, facts.enrolled} | {end for end in (facts.retired, facts.revoked) if end is not None}


def _sites(record: Record) -> set[str]:
    """Return the sites at which a record's events happen, and to which they ship."""
    events = [event.event if isinstance(event, Correct) else event for event in record.events]
    found = {event.site for event in events if isinstance(event, Placed)}
    return found | {event.to for event in events if isinstance(event, Ship) and isinstance(event.to, str)}


def _registrations(view: StoreView, site: str) -> set[int]:
    """Return the indexes of the records that registered a site."""
    keys = [key for key in view.keys() if key.party == party_of(site)]  # noqa: SIM118 - a question of the view, not a dict
    admins = [key.name for key in keys if "admin" in key.scopes]
    return {
        index
        for name in admins
        for index, record in view.records_of(name)
        if any(isinstance(event, SiteEvent) and event.site.id == site for event in record.events)
    }
