"""Text that is safe to show and figures that are exact.

Nothing here rounds up, and nothing here lets a name from a record move the cursor, turn the line around or hide a letter.
"""

from __future__ import annotations

import unicodedata
from decimal import ROUND_HALF_EVEN, Decimal

from ledger.errors import FormatError

MG_PER_LB = Decimal("453592.37")
MG_PER_KG = 1_000_000
LB_DIGITS = 6
"""Six decimals of a pound tell any two milligrams apart: 1 mg is 2.2e-6 lb."""

UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""General categories of Unicode without a glyph: controls, formats (bidirectional marks, zero width), separators, unassigned."""
INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
VARIATION_SELECTORS = (range(0x180B, 0x180E), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))


def is_shown(character: str) -> bool:
    """Tell whether a character shows itself: no control, no format, no separator, nothing that looks like nothing."""
    if unicodedata.category(character) in UNSHOWN or character in INVISIBLE:
        return False
    return not any(ord(character) in selectors for selectors in VARIATION_SELECTORS)


def escape(character: str) -> str:
    r"""Return the visible escape of one character, such as `\u202e` or `\U000e0001`."""
    point = ord(character)
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"  # noqa: PLR2004 - the end of the basic plane


def printable(text: str) -> str:
    r"""Return the text with every character that does not show itself as a visible escape.

    C0 and C1 controls (so escape sequences and line ends), bidirectional controls, zero-width and other format characters, line separators,
    surrogates, private and unassigned characters become `\u202e` and the like; everything else stays as it is.
    """
    return "".join(character if is_shown(character) else escape(character) for character in text)


def pounds(mg: int) -> Decimal:
    """Return the shortest decimal of pounds that stands for exactly this many milligrams.

    1 lb = 453,592.37 mg exactly, and a mass entered in pounds was rounded half-even to the milligram once; so the shortest decimal that
    rounds to the same milligram is the printed value again: 42,200 lb, not 42,200.000001.
    """
    exact = Decimal(mg) / MG_PER_LB
    for digits in range(LB_DIGITS + 1):
        near = round(exact, digits) if digits else exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
        if int((near * MG_PER_LB).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)) == mg:
            return near
    return round(exact, LB_DIGITS)


def mass(mg: int, unit: str, *, places: int | None = None) -> str:
    """Write a mass with thousands separators and its unit: `42,200 lb`, `19,141.598014 kg`.

    Args:
        mg: The mass in milligrams.
        unit: One of lb, kg, g, mg.
        places: Decimals to show, the last one rounded half-even; left out, the mass is written exactly (pounds: see `pounds`).

    Raises:
        FormatError: Another unit.
    """
    scales = {"kg": MG_PER_KG, "g": 1000, "mg": 1}
    if unit == "lb":
        value = pounds(mg) if places is None else Decimal(mg) / MG_PER_LB
    elif unit in scales:
        value = Decimal(mg) / scales[unit]
    else:
        raise FormatError(f"unit is {unit!r}, want one of lb, kg, g, mg")
    if places is not None:
        return f"{value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN):,f} {unit}"
    whole, _, digits = f"{value:,f}".partition(".")
    digits = digits.rstrip("0")
    return f"{whole}.{digits} {unit}" if digits else f"{whole} {unit}"


def percent_floor(numerator: int, denominator: int, places: int = 2) -> str:
    """Write a share as a percentage, rounded down: 0.92999… is 92.99, never 93.00.

    Args:
        numerator: The part, not negative.
        denominator: The whole, in the same unit, above zero.
        places: Decimals.

    Raises:
        FormatError: The whole is not above zero, or the part is negative.
    """
    if denominator <= 0 or numerator < 0:
        raise FormatError(f"{numerator} of {denominator} is not a share")
    scale = 10**places
    whole, digits = divmod(numerator * 100 * scale // denominator, scale)
    return f"{whole}.{digits:0{places}d}" if places else str(whole)
