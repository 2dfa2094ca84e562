"""Standard uncertainties of masses, moistures, assays, and the bound on a residual (GUM, JCGM 100:2008, 5.1 and 5.2).

An uncertainty is kept as components, `cause → mg`. Figures that share a cause (one method, or one row of the default table) are wrong in
the same direction and add up; different causes combine by root sum of squares. Everything is in whole mg or exact fractions, so that two
machines get the same bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

from ledger.policy import Policy, Row
from schemas.measurement import MG_PER_UNIT, PER_UNIT, Below, Proportion, Quantity, SignedQuantity, last_digit

Components = dict[str, int]
"""cause → standard uncertainty in mg."""

_OVERSTATED = 3
"""A stated uncertainty counts as at most this many times its default."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A printed number as an exact value with its components, in mg for a mass and in fractions for a proportion."""

    value: Fraction
    u: tuple[tuple[str, Fraction], ...]
    overstated: bool = False


def _over_root_three(value: Fraction) -> Fraction:
    """Return value/√3, to twelve decimals, rounded down: the same on every machine."""
    scale = 10**12
    return Fraction(isqrt(int(value * value * scale * scale / 3)), scale)


def _components(stated: Fraction | None, default: Fraction, row: str, *, method: str | None, where: str) -> tuple[str, Fraction, bool]:
    """Return the cause, the standard uncertainty and whether the stated one was more than it may count for."""
    cap = _OVERSTATED * default
    if stated is None:
        return (f"method {method}" if method else row), default, False
    return (f"method {method}" if method else f"{where} u"), min(stated, cap), stated > cap


def mass(quantity: Quantity | SignedQuantity, policy: Policy, *, where: str, row: Row | None = None, minimum: bool = True) -> Figure:
    """Return a weighed mass in mg; `where` names the figure among all figures, `row` another default than the scale's."""
    per = MG_PER_UNIT[quantity.unit]
    value = quantity.milligrams
    row = row or policy.mass_row(quantity.device)
    stated = None if quantity.u is None else Fraction(quantity.u) * per
    cause, u, over = _components(stated, row.of(abs(value), minimum=minimum), row.name, method=quantity.method, where=where)
    printed = _over_root_three(last_digit(quantity.value) * per / 2)
    return Figure(value, ((cause, u), (f"{where} print", printed)), over)


def moisture(proportion: Proportion | None, policy: Policy, *, where: str) -> Figure:
    """Return a moisture as a fraction; without one the material was weighed as it is accounted, dry."""
    if proportion is None:
        return Figure(Fraction(0), ())
    assumed = proportion.method == "assumed"
    default = policy.moisture_u(assumed=assumed)
    row = "moisture/assumed" if assumed else "moisture/measured"
    per = PER_UNIT[proportion.unit]
    stated = None if proportion.u is None else Fraction(proportion.u) * per
    method = None if assumed else proportion.method
    cause, u, over = _components(stated, default, row, method=method, where=f"{where} moisture")
    printed = _over_root_three(last_digit(proportion.value) * per / 2)
    return Figure(proportion.fraction, ((cause, u), (f"{where} moisture print", printed)), over)


def assay(result: Proportion | Below, row: Row, *, where: str) -> Figure:
    """Return an assay as a fraction. Below detection is 0 with u = limit/√3 (a rectangular distribution from 0 to the limit)."""
    if isinstance(result, Below):
        return Figure(Fraction(0), ((f"{where} below", _over_root_three(result.limit)),))
    per = PER_UNIT[result.unit]
    stated = None if result.u is None else Fraction(result.u) * per
    cause, u, over = _components(stated, row.of(result.fraction), row.name, method=result.method, where=where)
    printed = _over_root_three(last_digit(result.value) * per / 2)
    return Figure(result.fraction, ((cause, u), (f"{where} print", printed)), over)


def contained(gross: Figure, wet: Figure, content: Figure) -> Components:
    """Return the components of a contained mass = gross × (1 − moisture) × assay, in mg."""
    dry = 1 - wet.value
    parts = [(cause, u * dry * content.value) for cause, u in gross.u]
    parts += [(cause, u * gross.value * content.value) for cause, u in wet.u]
    parts += [(cause, u * gross.value * dry) for cause, u in content.u]
    return summed({cause: round(abs(u))} for cause, u in parts)


def summed(parts: Iterable[Mapping[str, int]]) -> Components:
    """Return components added cause by cause: what shares a cause errs together."""
    whole: Components = {}
    for part in parts:
        for cause, u in part.items():
            if u:
                whole[cause] = whole.get(cause, 0) + u
    return whole


def scaled(components: Mapping[str, int], numerator: int, denominator: int) -> Components:
    """Return components of a part of what was measured; a part brings no uncertainty of its own."""
    if numerator == denominator:
        return dict(components)
    return {cause: u * numerator // denominator for cause, u in components.items() if u * numerator // denominator}


def gathered(components: Components, *, where: str, limit: int = 64) -> Components:
    """Return components with the many single figures of a long merge joined into one cause, so that records stay small."""
    if len(components) <= limit:
        return components
    shared = {cause: u for cause, u in components.items() if not cause[:1].isdigit()}  # a single figure's cause begins with its position
    single = isqrt(sum(u * u for cause, u in components.items() if cause not in shared))
    return {**shared, f"{where} u": single}


def bound(policy: Policy, *components: Mapping[str, int]) -> int:
    """Return k·u in mg."""
    squares = sum(u * u for u in summed(components).values())
    return isqrt(policy.k**2 * squares)
