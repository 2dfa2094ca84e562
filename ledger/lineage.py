"""Lineage: what a batch was made of, and what was made of it.

The edges are those of the books (`View.made_of`, `View.made_into`), as they stand with every correction. Walks keep a list of what is
still to be visited, so a chain of a hundred thousand steps is as good as one of ten. Batches come in the order in which they were made,
which is the log's order: what a batch is made of stands before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ledger.errors import UnknownError
from ledger.matter.booking import Edge
from ledger.view import LAST, View

Direction = Literal["back", "forward"]


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk met: batches in the order in which they were made, the first one among them, and the edges by position."""

    batches: tuple[str, ...]
    edges: tuple[tuple[int, Edge], ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """A walk as plain data. Masses in mg: `mass_mg` is wet mass, and everything is as it was when it was made; `holder` is today's."""

    batches: list[dict[str, Any]]
    edges: list[dict[str, Any]]

    def as_data(self) -> dict[str, Any]:
        """Return the trace as the commands print it."""
        return {"batches": self.batches, "edges": self.edges}


def ancestors(view: View, batch: str, *, before: int) -> list[str]:
    """Return what a batch was made of, step by step back to what entered, by events before a position; without the batch itself."""
    return [name for name in upstream(view, batch, before=before).batches if name != batch]


def descendants(view: View, batch: str) -> list[str]:
    """Return everything that was made of a batch; without the batch itself."""
    return [name for name in downstream(view, batch).batches if name != batch]


def upstream(view: View, batch: str, *, before: int = LAST) -> Walk:
    """Return the walk back from a batch over events before a position."""
    return _walk(view, batch, lambda name: [entry for entry in view.made_of(name) if entry[0] < before], lambda edge: edge.parent)


def together(walks: Sequence[Walk]) -> Walk:
    """Return walks as one: every batch and edge once, batches in the order in which they are met."""
    if len(walks) == 1:
        return walks[0]
    batches = dict.fromkeys(name for walk in walks for name in walk.batches)
    edges = {(place, edge.parent, edge.child): (place, edge) for walk in walks for place, edge in walk.edges}
    return Walk(tuple(batches), tuple(edge for _, edge in sorted(edges.items())))


def downstream(view: View, batch: str) -> Walk:
    """Return the walk forward from a batch."""
    return _walk(view, batch, view.made_into, lambda edge: edge.child)


def _walk(view: View, batch: str, edges_of: Callable[[str], list[tuple[int, Edge]]], other: Callable[[Edge], str]) -> Walk:
    met, waiting = {batch}, [batch]
    edges: list[tuple[int, Edge]] = []
    while waiting:
        for place, edge in edges_of(waiting.pop()):
            edges.append((place, edge))
            name = other(edge)
            if name not in met:
                met.add(name)
                waiting.append(name)
    made = {name: view.maker(name) or 0 for name in met}
    edges.sort(key=lambda entry: (entry[0], entry[1].parent, entry[1].child))
    return Walk(tuple(sorted(met, key=lambda name: (made[name], name))), tuple(edges))


def trace(view: View, batch: str, direction: Direction) -> Trace:
    """Return a batch with everything that it was made of, or that was made of it.

    Raises:
        UnknownError: There is no such batch.
    """
    return trace_all(view, [batch], direction)


def trace_all(view: View, batches: Sequence[str], direction: Direction) -> Trace:
    """Return batches with everything that they were made of, or that was made of them, each once.

    Raises:
        UnknownError: There is no such batch.
    """
    missing = next((name for name in batches if view.batch_before(name, LAST) is None), None)
    if missing is not None:
        raise UnknownError("batch", missing)
    walk = together([upstream(view, name) if direction == "back" else downstream(view, name) for name in batches])
    return Trace([_batch(view, name) for name in walk.batches], [_edge(view, place, edge) for place, edge in walk.edges])


def _batch(view: View, name: str) -> dict[str, Any]:
    place = view.maker(name) or 0
    made, now, closure = view.batch_before(name, place + 1), view.batch_before(name, LAST), view.closure_at(place)
    if made is None or now is None or closure is None:  # pragma: no cover - an edge leads to it, so it is in the books
        raise UnknownError("batch", name)
    return {
        "batch": name,
        "material": made.material,
        "site": made.site,
        "holder": now.holder,
        "mass_mg": made.gross_left,
        "contained_mg": made.contained(),
        "made_by": view.record_id(place >> 8),
        "index": place >> 8,
        "kind": closure[1],
    }


def _edge(view: View, place: int, edge: Edge) -> dict[str, Any]:
    return {
        "from": edge.parent,
        "to": edge.child,
        "record": view.record_id(place >> 8),
        "mass_mg": edge.gross,
        "contained_mg": dict(edge.contained),
    }
