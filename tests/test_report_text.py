"""Text that is safe to show, and figures that are exact."""

from __future__ import annotations

import re

import pytest

from ledger.errors import FormatError
from reports.text import mass, percent_floor, pounds, printable


@pytest.mark.parametrize(
    ("hidden", "escaped"),
    [
        ("\x1b[2J", "\\u001b[2J"),
        ("\x9b31m", "\\u009b31m"),
        ("a\nb\tc\r", "a\\u000ab\\u0009c\\u000d"),
        ("pay \u202elaer", "pay \\u202elaer"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("a\u200bb\u200dc\ufeff", "a\\u200bb\\u200dc\\ufeff"),
        ("soft\u00adhyphen", "soft\\u00adhyphen"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\ud800", "\\ud800"),
        ("\ue000", "\\ue000"),
        ("a\ufe0fb\u3164c\u2800", "a\\ufe0fb\\u3164c\\u2800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_does_not_show_itself_becomes_a_visible_escape(hidden, escaped):
    assert printable(hidden) == escaped


def test_names_stay_as_they_are():
    name = "Grünwald & Söhne <Monterrey> Ελλάς Москва 中文 100 %"
    assert printable(name) == name


@pytest.mark.parametrize(
    ("mg", "unit", "written"),
    [
        (24_493_987_980, "lb", "54,000 lb"),
        (24_493_987_980, "kg", "24,493.98798 kg"),
        (19_141_598_014, "lb", "42,200 lb"),
        (1, "kg", "0.000001 kg"),
        (1, "lb", "0.000002 lb"),
        (0, "lb", "0 lb"),
        (0, "kg", "0 kg"),
        (-812_440, "kg", "-0.81244 kg"),
        (1_234_567, "g", "1,234.567 g"),
        (1_234_567, "mg", "1,234,567 mg"),
        (2**53, "kg", "9,007,199,254.740992 kg"),
    ],
)
def test_a_mass_is_written_exactly(mg, unit, written):
    assert mass(mg, unit) == written


def test_a_mass_can_be_rounded_for_reading():
    assert mass(15_456_789_012, "lb", places=1) == "34,076.4 lb"
    assert mass(15_456_789_012, "kg", places=0) == "15,457 kg"


@pytest.mark.parametrize("mg", [1, 2, 3, 453_592, 453_593, 907_185, 19_141_598_014, 2**53])
def test_pounds_stand_for_the_same_milligram(mg):
    assert round(pounds(mg) * 45_359_237 / 100) == mg


def test_an_unknown_unit_is_refused():
    with pytest.raises(FormatError, match=re.escape("unit is 'ton', want one of lb, kg, g, mg")):
        mass(1, "ton")


@pytest.mark.parametrize(
    ("part", "whole", "places", "written"),
    [
        (92_299, 100_000, 2, "92.29"),
        (92_999_999, 100_000_000, 2, "92.99"),
        (0, 7, 2, "0.00"),
        (7, 7, 2, "100.00"),
        (1, 3, 0, "33"),
        (1, 3, 6, "33.333333"),
        (2**53 - 1, 2**53, 2, "99.99"),
    ],
)
def test_a_percentage_is_rounded_down(part, whole, places, written):
    assert percent_floor(part, whole, places) == written


@pytest.mark.parametrize(("part", "whole"), [(1, 0), (1, -1), (-1, 7)])
def test_what_is_not_a_share_is_refused(part, whole):
    with pytest.raises(FormatError, match=re.escape(f"{part} of {whole} is not a share")):
        percent_floor(part, whole)
