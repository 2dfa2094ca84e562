"""What an auditor should look at, though it was allowed: notes of the books, dates, capacities, weights, tares and tickets."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction

from ledger.memory import Memory
from ledger.replay import flag
from schemas.event import Receive
from schemas.finding import Finding
from schemas.identifier import moment
from schemas.measurement import MG_PER_UNIT

LATE = timedelta(days=31)
"""An event signed later than this after it happened is backdated in appearance."""
EARLY = timedelta(days=1)
_MANY = 5
_LOADS = 10
"""So many loads of a material tell what a load of it weighs at a site."""
_HEAVY = Fraction(3, 2)
_PER_YEAR = {"year": 1, "month": 12, "day": 365}


def implausible(memory: Memory) -> list[Finding]:
    """Return the flags of a replayed ledger, in the order of the records."""
    found = [
        *_noted(memory),
        *_dated(memory),
        *_weighed(memory),
        *_heavy(memory),
        *_ticketed(memory),
        *_beyond_capacity(memory),
        *_compromised(memory),
    ]
    return sorted(found, key=lambda finding: (finding.index if finding.index is not None else -1, finding.code, finding.message))


def _noted(memory: Memory) -> Iterator[Finding]:
    for place, booking in memory.bookings.items():
        for note in booking.notes if booking else ():
            yield flag(note.code, place >> 8, note.message, event=place & 255)


def _dated(memory: Memory) -> Iterator[Finding]:
    for place, event in memory.events.items():
        made = memory.made.get(place >> 8)
        if made is None:
            continue
        lag = moment(made) - moment(event.time)
        if lag > LATE:
            yield flag(
                "backdated", place >> 8, f"record {place >> 8}: an event of {event.time} was signed {lag.days} days later", days=lag.days
            )
        elif lag < -EARLY:
            yield flag(
                "future-dated", place >> 8, f"record {place >> 8}: an event of {event.time} was signed on {made}, before it happened"
            )


def _receipts(memory: Memory) -> Iterator[tuple[int, Receive]]:
    for place, event in memory.events.items():
        if isinstance(event, Receive):
            yield place, event


def _weighed(memory: Memory) -> Iterator[Finding]:
    """Look for weights that no scale would print so often: the same tare again and again, and loads in round thousands."""
    tares: dict[str, Counter[str]] = defaultdict(Counter)
    rounds: dict[str, list[bool]] = defaultdict(list)
    last: dict[str, int] = {}
    for place, event in _receipts(memory):
        if event.opening:
            continue
        if event.tare is not None:
            tares[event.site][f"{event.tare.value} {event.tare.unit}"] += 1
        rounds[event.site].append(Fraction(event.mass.value) % 1000 == 0)
        last[event.site] = place >> 8
    for site, counter in sorted(tares.items()):
        for tare, count in sorted(counter.items()):
            if count >= _MANY and count * 2 > sum(counter.values()):
                yield flag(
                    "repeated-tare", last[site], f"{site}: {count} of {sum(counter.values())} trucks have the tare {tare}", count=count
                )
    for site, found in sorted(rounds.items()):
        if sum(found) >= _MANY and sum(found) * 2 > len(found):
            yield flag("round-weights", last[site], f"{site}: {sum(found)} of {len(found)} loads weigh round thousands", count=sum(found))


def _heavy(memory: Memory) -> Iterator[Finding]:
    """Look for loads far heavier than nine in ten of their material at their site: pounds typed for kilograms, or a nought too many."""
    loads: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for place, event in _receipts(memory):
        booking = memory.bookings.get(place)
        if booking is not None and not event.opening:
            loads[event.site, event.material].append((booking.after[event.batch].gross_made, place >> 8))
    for (site, material), found in sorted(loads.items()):
        usual = sorted(mass for mass, _ in found)[(len(found) - 1) * 9 // 10]
        heavy = [(mass, index) for mass, index in found if mass > usual * _HEAVY]
        if len(found) >= _LOADS and heavy:
            most, index = max(heavy)
            yield flag(
                "heavy-load",
                index,
                f"{site}: {len(heavy)} of {len(found)} loads of {material} are heavier by half than nine in ten, up to {most // 10**6} kg",
                count=len(heavy),
            )


def _ticketed(memory: Memory) -> Iterator[Finding]:
    """Look for weigh tickets behind two receipts of a material: a ticket is one load's, whereas a certificate may cover many."""
    first: dict[tuple[str, str], str] = {}
    for place, event in sorted(_receipts(memory)):
        for document in event.documents if memory.bookings.get(place) is not None else ():
            before = first.setdefault((document.sha256, event.material), event.batch)
            if document.kind == "weigh_ticket" and before != event.batch:
                yield flag(
                    "ticket-again",
                    place >> 8,
                    f"record {place >> 8}: the weigh ticket of {event.batch} stands behind {before} already",
                )


def _beyond_capacity(memory: Memory) -> Iterator[Finding]:
    """Compare what each site received in a calendar year with what it says it can take."""
    taken: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    last: dict[tuple[str, str], int] = {}
    for place, event in _receipts(memory):
        year = event.time[:4]
        taken[event.site, year] += event.mass.milligrams
        last[event.site, year] = place >> 8
    for (site, year), mass in sorted(taken.items()):
        facts = memory.site(site)
        capacity = facts.capacity if facts else None
        if capacity is None:
            continue
        limit = Fraction(capacity.value) * MG_PER_UNIT[capacity.unit] * _PER_YEAR[capacity.per]
        if mass > limit:
            yield flag(
                "beyond-capacity",
                last[site, year],
                f"{site} received {int(mass / 10**9)} t in {year}, its capacity is {int(limit / 10**9)} t a year",
                site=site,
            )


def _compromised(memory: Memory) -> Iterator[Finding]:
    """Name the records of a key that its party calls compromised, as far as the log cannot show that they are older."""
    since = {name: facts.compromised_since for name, facts in memory.keys.items() if facts.compromised_since}
    named: set[int] = set()
    for place in memory.events:
        index = place >> 8
        key = memory.signer(index)
        if key in since and index not in named:
            named.add(index)
            yield flag(
                "untrusted-time",
                index,
                f"record {index} is signed by {key}, compromised since {since[key]}; its time is not proven",
                key=key,
            )
