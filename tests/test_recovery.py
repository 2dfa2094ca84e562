"""What became of a supplier's material: every milligram of it is somewhere, and no more."""

from __future__ import annotations

import re

import pytest

from books import TIME, kg, pct
from issued import PAPER, US, Works, event, lot, step
from ledger.errors import ClaimError, UnknownError
from ledger.recovery import recovered


def truck(name, mass, **more):
    facts = {"batch": name, "material": "spent_battery", "mass": kg(mass), "feedstock": "end_of_life", "places": US}
    return event("receive", "keystone:works", **facts, **more)


@pytest.fixture
def works():
    built = Works()
    built.log("keystone/1", truck("keystone:T1", 1000), truck("keystone:T2", 3000))
    paste = lot("keystone:BP", "battery_paste", "2200", Pb="75")
    grids = lot("keystone:GM", "grid_metal", "1000", Pb="95", Sb="1")
    built.log("keystone/1", step("break", "keystone:works", ["keystone:T1", "keystone:T2"], paste, grids))
    return built


def test_a_truck_has_its_share_of_everything_that_the_pile_became(works):
    found = recovered(works.memory, ["keystone:T1"])
    assert [(row.material, row.fate, row.contained) for row in found.rows] == [
        ("battery_paste", "held", {"Pb": 412_500_000}),
        ("grid_metal", "held", {"Pb": 237_500_000, "Sb": 2_500_000}),
    ]
    assert [(one.batch, one.material, one.mass_mg) for one in found.received] == [("keystone:T1", "spent_battery", 1_000_000_000)]


def test_all_suppliers_together_have_all_of_it(works):
    parts = [recovered(works.memory, [name]) for name in ("keystone:T1", "keystone:T2")]
    whole = recovered(works.memory, ["keystone:T1", "keystone:T2"])
    for row in whole.rows:
        of = [one.contained for part in parts for one in part.rows if (one.material, one.fate) == (row.material, row.fate)]
        assert {name: sum(one.get(name, 0) for one in of) for name in row.contained} == row.contained
    assert {row.material: row.contained for row in whole.rows} == {
        "battery_paste": {"Pb": 1_650_000_000},
        "grid_metal": {"Pb": 950_000_000, "Sb": 10_000_000},
    }


def test_metal_is_followed_by_constituent_to_what_was_delivered_and_disposed_of(works):
    works.log(
        "keystone/1",
        event("receive", "keystone:works", **lot("keystone:SB", "primary_antimony", "30", Sb="99"), feedstock="primary", documents=PAPER),
    )
    works.log(
        "keystone/1",
        step("alloy", "keystone:works", ["keystone:GM", "keystone:SB"], lot("keystone:AL", "antimonial_lead", "1030", Pb="92.2", Sb="3.8")),
    )
    works.log("keystone/1", event("dispose", "keystone:works", batch="keystone:BP", mass=kg(220), reason="spilt"))
    works.log(
        "keystone/1",
        step("split", "keystone:works", [{"batch": "keystone:AL", "mass": kg(515)}], lot("keystone:OUT", "antimonial_lead", "515")),
    )
    works.log("keystone/1", event("ship", "keystone:works", batch="keystone:OUT", to={"outside": {"private": "Acme"}, "country": "US"}))
    found = {(row.material, row.fate): row.contained for row in recovered(works.memory, ["keystone:T1", "keystone:T2"]).rows}
    assert found["battery_paste", "disposed of"] == {"Pb": 165_000_000}
    assert found["battery_paste", "held"] == {"Pb": 1_485_000_000}
    alloy = works.batch("keystone:AL").contained()
    held, gone = found["antimonial_lead", "held"], found["antimonial_lead", "delivered"]
    assert held["Pb"] == alloy["Pb"]
    assert held["Sb"] == alloy["Sb"] * 10_000 // 39_700
    assert gone["Pb"] > 0
    assert ("primary_antimony", "held") not in found


def test_what_was_made_here_and_what_is_not_there_is_refused(works):
    with pytest.raises(ClaimError, match=re.escape("batch keystone:GM was made here, of something else; name what the supplier delivered")):
        recovered(works.memory, ["keystone:GM"])
    with pytest.raises(UnknownError, match="no batch keystone:NONE in this ledger"):
        recovered(works.memory, ["keystone:NONE"])


def test_nothing_is_recovered_of_a_truck_that_still_stands_on_the_yard(works):
    works.log("keystone/1", truck("keystone:T3", 500))
    assert recovered(works.memory, ["keystone:T3"]).rows == ()
    works.log("keystone/1", truck("keystone:T4", 500, assay={"Pb": pct(60)}))
    (row,) = recovered(works.memory, ["keystone:T4"]).rows
    assert (row.material, row.contained, TIME[:4]) == ("spent_battery", {"Pb": 300_000_000}, "2026")
