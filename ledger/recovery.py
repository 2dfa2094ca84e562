"""What became of a supplier's material: the metal that came out of it, by what it is now and where that went.

Batches are followed forward. Of each it is reckoned which part of it came from the supplier: of what several batches were made into, the
part is that of the metal drawn, constituent by constituent; where nobody had assayed what was drawn, that of its wet mass. So a truck that
went into a pile has its share of everything that the pile became. Figures are rounded down to the milligram.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from ledger.errors import ClaimError, UnknownError
from ledger.lineage import downstream, together
from ledger.matter.booking import Edge
from ledger.matter.provenance import total
from ledger.view import LAST, View

Fate = Literal["held", "delivered", "disposed of"]
_ANY = ""
"""The part of a batch of which nobody knows what it contains, in the table of parts."""


@dataclass(frozen=True, slots=True)
class Received:
    """What a supplier delivered: the batch, its material and its gross mass as it was received."""

    batch: str
    material: str
    mass_mg: int


@dataclass(frozen=True, slots=True)
class Row:
    """So much metal of the supplier's is in this material, and so it stands with it. Masses in mg by constituent."""

    material: str
    fate: Fate
    contained: dict[str, int]


@dataclass(frozen=True, slots=True)
class Recovery:
    """What became of what a supplier delivered."""

    received: tuple[Received, ...]
    rows: tuple[Row, ...]

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "received": [{"batch": one.batch, "material": one.material, "mass_mg": one.mass_mg} for one in self.received],
            "recovered": [{"material": row.material, "fate": row.fate, "contained_mg": row.contained} for row in self.rows],
        }


def recovered(view: View, batches: Sequence[str]) -> Recovery:
    """Follow batches forward to what holds their metal today.

    Args:
        view: The books.
        batches: What the supplier delivered: batches that entered the ledger.

    Raises:
        UnknownError: There is no such batch.
        ClaimError: One was made here, of something else.
    """
    names = sorted(set(batches))
    received = tuple(_received(view, name) for name in names)
    walk = together([downstream(view, name) for name in names])
    parts: dict[str, dict[str, Fraction]] = {name: {_ANY: Fraction(1)} for name in names}
    found: dict[tuple[str, Fate], dict[str, Fraction]] = {}
    for name in sorted(walk.batches, key=lambda name: (view.maker(name) or 0, name)):
        if name not in parts:
            parts[name] = _parts(view.made_of(name), parts)
        _add(view, name, parts[name], found)
    rows = []
    for (material, fate), contained in sorted(found.items()):
        whole = {constituent: int(mass) for constituent, mass in sorted(contained.items()) if int(mass)}
        rows += [Row(material, fate, whole)] if whole else []
    return Recovery(received, tuple(rows))


def _received(view: View, name: str) -> Received:
    place = view.maker(name)
    made = None if place is None else (view.states_at(place) or {}).get(name)
    if made is None:
        raise UnknownError("batch", name)
    if view.made_of(name):
        raise ClaimError(f"batch {name} was made here, of something else; name what the supplier delivered")
    return Received(name, made.material, made.gross_made)


def _parts(edges: Iterable[tuple[int, Edge]], parts: dict[str, dict[str, Fraction]]) -> dict[str, Fraction]:
    """Return which part of a batch is the supplier's, by constituent, from what was drawn into it."""
    drawn = [edge for _, edge in edges]
    constituents = sorted({name for edge in drawn for name in edge.contained})
    found = {_ANY: _ratio((_weight(edge, _ANY), _part(parts, edge.parent, _ANY)) for edge in drawn)}
    for constituent in constituents:
        found[constituent] = _ratio((_weight(edge, constituent), _part(parts, edge.parent, constituent)) for edge in drawn)
    return found


def _weight(edge: Edge, constituent: str) -> int:
    """Return what an edge carried: of a constituent, or its wet mass where nobody had assayed it."""
    return edge.contained.get(constituent, 0) if edge.contained and constituent else edge.gross


def _part(parts: dict[str, dict[str, Fraction]], name: str, constituent: str) -> Fraction:
    known = parts.get(name, {})
    return known.get(constituent, known.get(_ANY, Fraction(0)))


def _ratio(pairs: Iterable[tuple[int, Fraction]]) -> Fraction:
    weighed = list(pairs)
    whole = sum(weight for weight, _ in weighed)
    return sum((weight * part for weight, part in weighed), start=Fraction(0)) / whole if whole else Fraction(0)


def _add(view: View, name: str, part: dict[str, Fraction], found: dict[tuple[str, Fate], dict[str, Fraction]]) -> None:
    """Add what a batch holds today, what of it was delivered outside, and what was disposed of."""
    batch = view.batch_before(name, LAST)
    if batch is None:  # pragma: no cover - a walk meets no batch that was voided
        return
    gone = {constituent: total(portions) for constituent, portions in batch.gone.items()}  # delivered or disposed of, and not come back
    disposed = {constituent: min(mass, gone.get(constituent, 0)) for constituent, mass in _disposed(view, name).items()}
    sums: dict[Fate, dict[str, int]] = {
        "held": batch.contained(),
        "delivered": {constituent: mass - disposed.get(constituent, 0) for constituent, mass in gone.items()},
        "disposed of": disposed,
    }
    for fate, contained in sums.items():
        for constituent, mass in contained.items():
            row = found.setdefault((batch.material, fate), {})
            row[constituent] = row.get(constituent, Fraction(0)) + mass * part.get(constituent, part[_ANY])


def _disposed(view: View, name: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for place in view.touches(name, -1):
        closure = view.closure_at(place)
        before, after = view.batch_before(name, place), (view.states_at(place) or {}).get(name)
        if closure is not None and closure[1] == "dispose" and before is not None and after is not None:
            left = after.contained()
            for constituent, mass in before.contained().items():
                found[constituent] = found.get(constituent, 0) + mass - left.get(constituent, 0)
    return found
