"""The rule data that records are judged by: materials, changes of form, default uncertainties.

It is data, not code, so that the ledger can name it: a `genesis` or `policy` event states its version and the SHA-256 of its canonical
bytes, and a newer program still judges old records as they were judged. Sources of the figures: DECISIONS.md, "Default uncertainties".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from ledger.errors import FormatError, UnknownVersionError
from ledger.tlog import canonical

CURRENT = "1"
_KNOWN = ("1",)


@dataclass(frozen=True, slots=True)
class Material:
    """What a material name means: its form class and the rows of the uncertainty tables that it uses."""

    name: str
    form: str
    pb: str
    trace: str | None
    band: dict[str, tuple[Fraction, Fraction]]


@dataclass(frozen=True, slots=True)
class Row:
    """One default uncertainty (one standard deviation): absolute, or relative with a minimum.

    A mass row's minimum is in mg, the others are fractions.
    """

    name: str
    absolute: Fraction
    relative: Fraction
    minimum: Fraction

    def of(self, value: Fraction, *, minimum: bool = True) -> Fraction:
        """Return the standard uncertainty of a value, in the value's own unit."""
        if self.absolute:
            return self.absolute
        u = self.relative * value
        return max(u, self.minimum) if minimum else u


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the rule data."""

    version: str
    sha256: str
    data: dict[str, Any]
    materials: dict[str, Material]
    mass: dict[str, Row]
    pb: dict[str, Row]
    trace: dict[str, Row]
    levels: tuple[tuple[Fraction, Row], ...]

    @property
    def k(self) -> int:
        """The coverage factor of every bound."""
        return int(self.data["coverage_factor"])

    def material(self, name: str) -> Material:
        """Return a material.

        Raises:
            FormatError: The table has no such material.
        """
        found = self.materials.get(name)
        if found is None:
            msg = f"{name!r} is no material of rule data version {self.version}"
            raise FormatError(msg, field="material", hint="materials: " + " ".join(sorted(self.materials)))
        return found

    def may_become(self, kind: str, source: Material, target: Material) -> bool:
        """Say whether a transform of this kind may turn one material into another."""
        never = self.data["never_relabelled"]
        if kind in never["kinds"] and source.form in never["from"] and target.form in never["to"]:
            return False
        return target.form in self.data["changes"][source.form]

    def carries(self, kind: str) -> bool:
        """Say whether a kind passes its inputs' contents on by mass, so that outputs need no assay."""
        return kind in self.data["carrying_kinds"]

    def derives(self, kind: str) -> bool:
        """Say whether a kind opens unassayed scrap, so that what came out tells what went in."""
        return kind in self.data["deriving_kinds"]

    def place_of(self, kind: str) -> str | None:
        """Return the place fact that a kind sets with its site's country."""
        found: str | None = self.data["place_of_kind"].get(kind)
        return found

    def unknown_facts(self, form: str) -> tuple[str, ...]:
        """Return the place facts that are {unknown} where this form enters without evidence for them."""
        rule = self.data["unknown_on_entry"]
        return tuple(rule["facts"]) if form in rule["forms"] else ()

    @property
    def named_above(self) -> Fraction:
        """From which content on a minor constituent of bought metal must be named to have a class."""
        return Fraction(self.data["named_above"])

    def mass_row(self, device: str | None) -> Row:
        """Return the row for a scale: a device id begins with the name of its row (`floor_scale/2`), otherwise it is a truck scale."""
        name = (device or "").split("/", 1)[0].split("#", 1)[0].strip()
        return self.mass.get(name, self.mass["truck_scale"])

    def assay_row(self, material: Material, constituent: str, value: Fraction) -> Row:
        """Return the row for a constituent at this level in this material."""
        if constituent == "Pb":
            return self.pb[material.pb]
        if material.trace is not None:
            return self.trace[material.trace]
        return next(row for floor, row in self.levels if value >= floor)

    def moisture_u(self, *, assumed: bool) -> Fraction:
        """Return the standard uncertainty of a moisture, as a fraction."""
        return Fraction(self.data["moisture"]["assumed" if assumed else "measured"])


def _row(name: str, data: dict[str, Any]) -> Row:
    minimum = data.get("min_mg", data.get("min", 0))
    return Row(name, Fraction(data.get("abs", 0)), Fraction(data.get("rel", 0)), Fraction(minimum))


@cache
def load(version: str = CURRENT) -> Policy:
    """Return one version of the rule data.

    Raises:
        UnknownVersionError: This program does not carry that version.
    """
    if version not in _KNOWN:
        raise UnknownVersionError("rule data version", version, known=", ".join(_KNOWN))
    data: dict[str, Any] = json.loads(files("ledger").joinpath(f"data/policy-{version}.json").read_bytes())
    return Policy(
        version=version,
        sha256=sha256(canonical.encode(data)).hexdigest(),
        data=data,
        materials={
            name: Material(
                name,
                facts["form"],
                facts["pb"],
                facts.get("trace"),
                {c: (Fraction(low), Fraction(high)) for c, (low, high) in facts.get("band", {}).items()},
            )
            for name, facts in data["materials"].items()
        },
        mass={name: _row(f"mass/{name}", row) for name, row in data["mass"].items()},
        pb={name: _row(f"Pb/{name}", row) for name, row in data["pb"].items()},
        trace={name: _row(f"trace/{name}", row) for name, row in data["trace"].items()},
        levels=tuple((Fraction(row["from"]), _row(f"trace/{row['name']}", row)) for row in data["trace_levels"]),
    )


def check(version: str, digest: str) -> Policy:
    """Return the rule data that a ledger names.

    Raises:
        UnknownVersionError: The version, or its bytes, are not those of this program.
    """
    policy = load(version)
    if policy.sha256 != digest:
        raise UnknownVersionError(f"hash of rule data version {version}", digest, known=policy.sha256)
    return policy
