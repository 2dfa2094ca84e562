"""A batch in the second set of books (tally.py): whole milligrams, uncertainties as upper bounds, and how a part of it is drawn."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

Raw = dict[str, Any]

POLICY = json.loads((Path(__file__).parents[2] / "ledger" / "data" / "policy-1.json").read_text(encoding="utf-8"))
FORM = {name: row["form"] for name, row in POLICY["materials"].items()}
CARRYING, RELABEL = frozenset(POLICY["carrying_kinds"]), POLICY["never_relabelled"]
MG = {"kg": Fraction(10**6), "g": Fraction(10**3), "t": Fraction(10**9), "lb": Fraction(45359237, 100)}
SHARE = {"%": Fraction(1, 100), "ppm": Fraction(1, 10**6), "1": Fraction(1)}
K = 3
SLACK = 20
"""Milligrams that roundings may add to a bound."""
DRY = Fraction(0)


class InvariantError(AssertionError):
    """The ledger took what its own specification forbids, or booked something else than it says."""


def check(holds: bool, what: str) -> None:  # noqa: FBT001 - it reads as an assertion
    """Raise where something does not hold."""
    if not holds:
        raise InvariantError(what)


class Lot(NamedTuple):
    """A batch behind an event. Masses in mg; `metal` has (made, left) and `doubt` the uncertainty of what was made, per constituent."""

    material: str
    holder: str
    site: str
    fixed: int
    dry_made: int
    dry_left: int
    moisture: Fraction
    metal: dict[str, tuple[int, int]]
    doubt: dict[str, int]
    scale: int
    """Uncertainty of the dry mass made, in mg."""
    status: str = "held"
    is_open: bool = False
    weighed: bool = True
    provisional: bool = False
    certificates: frozenset[str] = frozenset()
    gone: dict[str, int] = {}  # noqa: RUF012 - never changed
    gone_dry: int = 0
    to: str = ""

    @property
    def gross(self) -> int:
        """Wet mass left, in mg."""
        return wet(self.dry_left, self.moisture)

    def contained(self) -> dict[str, int]:
        """Return what is left of each constituent that it has any of."""
        return {name: left for name, (_, left) in self.metal.items() if left}


def wet(dry: int, moisture: Fraction) -> int:
    """Return a gross mass."""
    return round(dry / (1 - moisture)) if moisture else dry


def milligrams(quantity: Raw) -> Fraction:
    """Return a printed mass exactly."""
    return Fraction(quantity["value"]) * MG[quantity["unit"]]


def fraction(proportion: Raw | None) -> Fraction:
    """Return a printed proportion exactly; absent or below detection is 0."""
    return Fraction(proportion["value"]) * SHARE[str(proportion["unit"])] if proportion and "value" in proportion else DRY


def up(number: int, part: int, whole: int) -> int:
    """Return number · part / whole, rounded up; of a whole of nothing any part has all of it."""
    return -(-number * part // whole) if whole else number


def weighing(quantity: Raw, *, minimum: bool = True, row: str = "truck_scale") -> int:
    """Return the uncertainty of a mass in mg: of its device, and of its last digit."""
    found = POLICY["mass"][quantity.get("device") or row]
    exact = abs(milligrams(quantity))
    default = max(Fraction(found["rel"]) * exact, found.get("min_mg", 0) if minimum else 0)
    digits = len(quantity["value"].partition(".")[2])
    return int(default + MG[quantity["unit"]] / 10**digits) + 1


def assaying(material: str, name: str, result: Raw) -> Fraction:
    """Return the uncertainty of one result as a fraction."""
    if "below" in result:
        return Fraction(result["below"]) * SHARE[result["unit"]]
    value = fraction(result)
    rows = POLICY["materials"][material]
    level = rows.get("trace") or next(row["name"] for row in POLICY["trace_levels"] if value >= Fraction(row["from"]))
    tables = POLICY["trace"] | {row["name"]: row for row in POLICY["trace_levels"]}
    row = POLICY["pb"][rows["pb"]] if name == "Pb" else tables[level]
    default = Fraction(row["abs"]) if "abs" in row else max(Fraction(row["rel"]) * value, Fraction(row.get("min", 0)))
    digits = len(result["value"].partition(".")[2])
    return default + SHARE[result["unit"]] * Fraction(1, 10**digits)


def measured(part: Raw) -> tuple[int, Fraction, dict[str, tuple[int, int]], dict[str, int], int]:
    """Return dry mass, moisture, contents and their uncertainties of what a receipt or an output states."""
    gross, moisture, scale = milligrams(part["mass"]), fraction(part.get("moisture")), weighing(part["mass"])
    dry = round(gross * (1 - moisture))
    wetness = Fraction(POLICY["moisture"]["assumed"]) + 1 if part.get("moisture") else 0
    metal, doubt = {}, {}
    for name, result in (part.get("assay") or {}).items():
        value = fraction(result)
        mass = round(dry * value)
        metal[name] = (mass, mass)
        moist = gross * value * Fraction(2, 100) if wetness else 0
        doubt[name] = int(scale * value + moist + gross * assaying(part["material"], name, result)) + 2
    return dry, moisture, metal, doubt, scale


def party_of(name: str) -> str:
    """Return the party that a batch, site or key is named for."""
    return name.replace("/", ":").partition(":")[0]


def draw(lot: Lot, dry: int) -> tuple[dict[str, int], dict[str, int], Lot]:
    """Return what a draw takes of each constituent, its uncertainty, and what is left ("Batches", drawing)."""
    everything, gone = dry == lot.dry_left, lot.dry_made - lot.dry_left + dry
    metal, taken, doubt = {}, {}, {}
    for name, (made, left) in lot.metal.items():
        keep = 0 if everything else made - made * gone // lot.dry_made
        metal[name], taken[name] = (made, keep), left - keep
        doubt[name] = up(lot.doubt[name], left - keep, made)
    return taken, doubt, lot._replace(dry_left=lot.dry_left - dry, metal=metal)


def rebased(lot: Lot, dry: int) -> Lot:
    """Return a batch as if it had been made as it is left, with this dry mass."""
    return lot._replace(
        dry_made=dry,
        dry_left=dry,
        metal={name: (left, left) for name, (_, left) in lot.metal.items()},
        doubt={name: up(lot.doubt[name], left, made) for name, (made, left) in lot.metal.items()},
        scale=up(lot.scale, dry, lot.dry_made),
    )
