"""Measured numbers: decimal strings with a unit, exactly as printed on the ticket.

No float ever reaches a record. The exact value of a quantity is a rational number of milligrams, rounded once, half to even, when
metal enters the books.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Final

from pydantic import AfterValidator, Field, PositiveInt

from schemas.base import Model
from schemas.identifier import Token

MG_PER_UNIT: Final = {
    "kg": Fraction(10**6),
    "g": Fraction(10**3),
    "t": Fraction(10**9),
    "lb": Fraction(45359237, 100),
    "short_ton": Fraction(45359237, 100) * 2000,
    "long_ton": Fraction(45359237, 100) * 2240,
}
"""Milligrams in one unit, exact. 1 lb = 0.45359237 kg (international yard and pound agreement, 1959)."""

PER_UNIT: Final = {"%": Fraction(1, 100), "ppm": Fraction(1, 10**6), "1": Fraction(1)}
"""The fraction that one unit of a proportion is."""

_AMBIGUOUS: Final = {
    "ton": "short_ton (2,000 lb), long_ton (2,240 lb) or t (1,000 kg)",
    "tons": "short_ton (2,000 lb), long_ton (2,240 lb) or t (1,000 kg)",
    "cwt": "lb (a hundredweight is 100 lb in the US and 112 lb in the UK)",
}
_DECIMAL = re.compile(r"\A[0-9]{1,15}(?:\.[0-9]{1,12})?\Z", re.ASCII)
_SIGNED = re.compile(r"\A-?[0-9]{1,15}(?:\.[0-9]{1,12})?\Z", re.ASCII)


def _decimal(value: str) -> str:
    if not _DECIMAL.match(value):
        msg = f"{value!r} is no plain decimal number; write digits and at most one point, such as 42200 or 62.5"
        raise ValueError(msg)
    return value


def _signed(value: str) -> str:
    if not _SIGNED.match(value):
        msg = f"{value!r} is no plain decimal number; write digits, at most one point and a minus sign where needed"
        raise ValueError(msg)
    return value


def _mass_unit(value: str) -> str:
    if value in _AMBIGUOUS:
        msg = f"{value!r} is ambiguous; say {_AMBIGUOUS[value]}"
        raise ValueError(msg)
    if value not in MG_PER_UNIT:
        msg = f"{value!r} is no unit of mass; use one of kg g t lb short_ton long_ton"
        raise ValueError(msg)
    return value


def _proportion_unit(value: str) -> str:
    if value not in PER_UNIT:
        msg = f"{value!r} is no unit of a proportion; use % or ppm, or 1 for a plain fraction"
        raise ValueError(msg)
    return value


DecimalText = Annotated[str, AfterValidator(_decimal)]
SignedDecimalText = Annotated[str, AfterValidator(_signed)]
MassUnit = Annotated[str, AfterValidator(_mass_unit)]
ProportionUnit = Annotated[str, AfterValidator(_proportion_unit)]


def last_digit(text: str) -> Fraction:
    """Return what one step of a printed number's last digit is worth: `62.5` gives 1/10."""
    exponent = Decimal(text).as_tuple().exponent
    return Fraction(10) ** int(exponent)


class Quantity(Model):
    """A mass as printed: `{"value":"42200","unit":"lb"}`; `u` is its standard uncertainty in the same unit."""

    value: DecimalText
    unit: MassUnit
    u: DecimalText | None = None
    device: Token | None = None
    method: Token | None = None

    @property
    def milligrams(self) -> Fraction:
        """The exact mass in mg."""
        return Fraction(self.value) * MG_PER_UNIT[self.unit]


class SignedQuantity(Model):
    """A difference of mass found by a stock-take; negative where metal is missing."""

    value: SignedDecimalText
    unit: MassUnit
    u: DecimalText | None = None
    device: Token | None = None
    method: Token | None = None

    @property
    def milligrams(self) -> Fraction:
        """The exact difference in mg."""
        return Fraction(self.value) * MG_PER_UNIT[self.unit]


class Pieces(Model):
    """A mass told by count: n of the N pieces that a batch was made with."""

    pieces: PositiveInt


Drawn = Quantity | Pieces
"""What an input, shipment or disposal takes: a mass or a count of pieces."""


class Proportion(Model):
    """A fraction as printed: `{"value":"62.5","unit":"%"}`; `u` is its standard uncertainty in the same unit."""

    value: DecimalText
    unit: ProportionUnit
    u: DecimalText | None = None
    method: Token | None = None

    @property
    def fraction(self) -> Fraction:
        """The exact fraction, 0 to 1 for anything that exists."""
        return Fraction(self.value) * PER_UNIT[self.unit]


class Below(Model):
    """An element looked for and not found: `{"below":"5","unit":"ppm"}`. It enters as 0 with u = limit/√3 and claims nothing."""

    below: DecimalText
    unit: ProportionUnit
    method: Token | None = None

    @property
    def limit(self) -> Fraction:
        """The detection limit as an exact fraction."""
        return Fraction(self.below) * PER_UNIT[self.unit]


def _constituent(value: str) -> str:
    if not re.match(r"\A(?:[A-Z][a-z]?|[A-Z]{2,6})\Z", value, re.ASCII):
        msg = f"{value!r} is no constituent; write a chemical symbol such as Pb or a polymer such as PP"
        raise ValueError(msg)
    return value


Constituent = Annotated[str, AfterValidator(_constituent)]
Assay = Annotated[dict[Constituent, Proportion | Below], Field(max_length=40)]
"""Constituent → what the laboratory printed. A constituent that is not named was not assayed; that is not zero."""
