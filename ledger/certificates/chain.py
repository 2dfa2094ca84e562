"""What a certificate says of the chain behind its batch: how each step closed, what stands on it already, and what nobody checked.

Everything is read from the books as of a position, so that a verifier who replays the same records reads the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from ledger import policy as rule_data
from ledger.certificates.lot import Lot
from ledger.certified import standing
from ledger.lineage import Walk, together, upstream
from ledger.matter.batch import ANY
from ledger.matter.booking import Edge, Note, Residual
from ledger.matter.custody_model import CustodyModel, custody_model
from ledger.matter.provenance import Source
from ledger.view import View

MAX_BALANCE_ROWS = 200
"""How many rows of residuals a certificate carries: the nearest, which are the last in the log."""

MAX_REMARKS = 100
"""How many sentences of each sort a certificate carries about steps upstream."""


@dataclass(slots=True)
class Chain:
    """The chain behind a batch. Masses in mg; `remarks` are sentences for what was not checked."""

    model: CustodyModel
    absorbs: list[str]
    balance: list[dict[str, Any]] = field(default_factory=list)
    not_assayed: dict[str, int] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Step:
    place: int
    site: str
    kind: str
    residuals: tuple[Residual, ...]
    notes: tuple[Note, ...]

    @property
    def where(self) -> str:
        return f"record {self.place >> 8}, {self.kind} at {self.site}"


def read_chain(view: View, lot: Lot, kind: str, *, at: int) -> Chain:
    """Return what the books hold of the chain behind a lot, by events before a position.

    Args:
        view: The books.
        lot: What is certified, as it stood before that position.
        kind: The kind of certificate.
        at: The position.
    """
    walk = together([upstream(view, name, before=at) for name in lot.names])
    constituents = sorted(lot.booked)
    entries = _entries(view, walk)
    sources = [_sources(view, name, place, constituents) for name, place in entries]
    product = {source for portions in lot.booked.values() for source in portions}
    chain = Chain(custody_model(kind, [found for found in sources if found], product), _absorbed(view, walk.edges, kind, at=at))
    steps = _steps(view, {place for place, _ in walk.edges})
    _balance(view, chain, steps, constituents)
    for step in steps:
        omitted = {_constituent(note) for note in step.notes if note.code == "not-assayed"}
        for residual in step.residuals:
            if residual.constituent in omitted:
                chain.not_assayed[residual.constituent] = chain.not_assayed.get(residual.constituent, 0) + residual.residual
    _remark(chain, steps, _steps(view, {place for _, place in entries}), constituents)
    return chain


def _constituent(note: Note) -> str:
    """Return the constituent that a closure's note is about; the books begin its message with it."""
    return note.message.partition(":")[0]


def _entries(view: View, walk: Walk) -> list[tuple[str, int]]:
    """Return the batches that nothing in the books was made into, with the positions at which they entered."""
    made = {edge.child for _, edge in walk.edges}
    return [(name, view.maker(name) or 0) for name in walk.batches if name not in made]


def _steps(view: View, places: Iterable[int]) -> list[_Step]:
    closures = ((place, view.closure_at(place)) for place in sorted(places))
    return [_Step(place, *closure) for place, closure in closures if closure is not None]


def _sources(view: View, name: str, place: int, constituents: Collection[str]) -> set[Source]:
    """Return the sources of some constituents of a batch as it entered; of unassayed scrap those that it was received with."""
    batch = view.batch_before(name, place + 1)
    found: set[Source] = set()
    for constituent in constituents if batch else ():
        content = batch.contents.get(constituent) if batch else None
        stock = content.booked if content else batch.open.get(constituent, batch.open.get(ANY)) if batch else None
        found.update(stock.made if stock else ())
    return found


def _absorbed(view: View, edges: Iterable[tuple[int, Edge]], kind: str, *, at: int) -> list[str]:
    """Return the certificates of this kind that stood on what was drawn upstream and stand as of a position."""
    numbers: set[str] = set()
    for place, edge in edges:
        parent = view.batch_before(edge.parent, place)
        numbers.update(number for certified, number in (parent.claims if parent else ()) if certified == kind)
    found = [view.claim(number) for number in sorted(numbers)]
    return [claim.number for claim in found if claim is not None and standing(view, claim, at=at)]


def _balance(view: View, chain: Chain, steps: list[_Step], constituents: Collection[str]) -> None:
    """Fill in how each step closed; a split, merge or blend that closes to the milligram says nothing and is left out."""
    carries = rule_data.load().carries
    rows = [
        (step, residual)
        for step in steps
        for residual in step.residuals
        if residual.constituent in constituents and (residual.residual or not carries(step.kind))
    ]
    for step, residual in rows[-MAX_BALANCE_ROWS:]:
        chain.balance.append(
            {
                "record": view.record_id(step.place >> 8),
                "site": step.site,
                "kind": step.kind,
                "constituent": residual.constituent,
                "residual_mg": residual.residual,
                "bound_mg": residual.bound,
                "unknown_mg": residual.unknown,
            }
        )
    if len(rows) > MAX_BALANCE_ROWS:
        left = len(rows) - MAX_BALANCE_ROWS
        chain.remarks.append(
            f"Of {len(rows)} residuals on the chain the nearest {MAX_BALANCE_ROWS} are listed; {left} further back are in the ledger alone."
        )


def _remark(chain: Chain, steps: list[_Step], entries: list[_Step], constituents: Collection[str]) -> None:
    losses = [
        f"A loss went beyond its bound ({step.where}): {note.message}; claims are the lower of the figures with and without it."
        for step in steps
        for note in step.notes
        if note.code == "loss-beyond-bound" and _constituent(note) in constituents
    ]
    unnamed = [
        f"Nobody checked who made this scrap ({step.where}): {note.message}."
        for step in entries
        for note in step.notes
        if note.code == "generator-unnamed"
    ]
    for sentences in (losses, unnamed):
        chain.remarks += sentences[:MAX_REMARKS]
        if len(sentences) > MAX_REMARKS:
            chain.remarks.append(f"{len(sentences) - MAX_REMARKS} more sentences like the last are left out; the ledger has them all.")
    derived = sum(any(note.code == "derived" for note in step.notes) for step in steps)
    if derived:
        steps_said = "1 step" if derived == 1 else f"{derived} steps"
        chain.remarks.append(f"Scrap used in {steps_said} upstream was never assayed; what it held is derived from what came out of it.")
