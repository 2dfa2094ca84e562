"""A sample of what a ledger says, for an auditor to compare with papers.

The choice is the auditor's and nobody else's: whoever gives the seed gets the same sample from the same log, and who does not know it
cannot know what will be asked for. Every event has the same chance: they are ranked by SHA-256(seed ‖ 0x00 ‖ record id ‖ event number in
one byte), and the first are taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ledger.view import View
from schemas.event import Accept, AssayEvent, Certify, Declare, Dispose, Event, Receive, Return, Ship, Transform

_PAPER = (Receive, Transform, Ship, Accept, AssayEvent, Dispose, Return, Certify, Declare)
"""Events behind which papers are to be expected: tickets, assays, bills of lading, furnace logs, certificates."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """An event that was drawn: where it stands, what it says, and the papers that it names (kind, SHA-256)."""

    index: int
    event: int
    record: str
    type: str
    time: str
    site: str
    batches: tuple[str, ...]
    stated: str
    documents: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample: the seed that it was drawn with, of how many events, and what was drawn, in the log's order."""

    seed: str
    of: int
    events: tuple[Sampled, ...]


def draw(view: View, events: Mapping[int, Event], size: int, seed: str) -> Sample:
    """Draw events for comparison with papers.

    Args:
        view: The ledger, which knows the ids of records.
        events: Its events by position.
        size: How many; all where there are not so many.
        seed: The auditor's words.
    """
    candidates = [(place, event) for place, event in events.items() if isinstance(event, _PAPER)]
    ranked = sorted(candidates, key=lambda item: _rank(view.record_id(item[0] >> 8), item[0] & 255, seed))
    return Sample(
        seed, len(candidates), tuple(_sampled(view, place, event) for place, event in sorted(ranked[:size], key=lambda item: item[0]))
    )


def _rank(record: str, event: int, seed: str) -> bytes:
    return sha256(seed.encode() + b"\x00" + bytes.fromhex(record) + bytes([event])).digest()


def _sampled(view: View, place: int, event: Event) -> Sampled:
    record = view.record_id(place >> 8)
    documents = tuple((one.kind, one.sha256) for one in event.documents)
    site = str(getattr(event, "site", ""))
    return Sampled(place >> 8, place & 255, record, event.type, event.time, site, _batches(event), _stated(event), documents)


def _batches(event: Event) -> tuple[str, ...]:
    if isinstance(event, Transform):
        return tuple(output.batch for output in event.outputs)
    if isinstance(event, Declare):
        return tuple(event.batches)
    if isinstance(event, Certify):
        return tuple(use.batch for use in event.uses)
    found = getattr(event, "batch", None)
    return () if found is None else (str(found),)


def _stated(event: Event) -> str:
    """Return the mass that an event states, as it is printed on the ticket."""
    if isinstance(event, Certify | Declare):
        return f"{event.mass_mg} mg, {event.number}"
    masses: list[Any] = [output.mass for output in event.outputs] if isinstance(event, Transform) else [getattr(event, "mass", None)]
    return ", ".join(
        mass if isinstance(mass, str) else f"{mass.value} {mass.unit}" for mass in masses if hasattr(mass, "unit") or isinstance(mass, str)
    )
