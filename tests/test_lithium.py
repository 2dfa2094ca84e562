"""Other chemistries run through the same books: lithium, cobalt and nickel from spent packs to cathode material and cells.

The campaign is invented, its figures are of the usual size: black mass holds some 20 % nickel, 6 % cobalt and 4 % lithium; a plant
separates them into salts, a maker of cathode material mixes them with mined metal, and cells are made of it.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from books import Books, kg
from evidenced import Evidenced, written
from issued import PAPER, event, lot, step
from ledger.rules.book import own
from ledger.rules.judge import Subject, judge

US = {"collected_in": "US"}
MINED = {"mined_in": "ID", "refined_in": "CN"}


class Campaign(Evidenced):
    """A recycler of packs, a maker of cathode material and a maker of cells: keystone, voltaic and ridge."""

    def __init__(self) -> None:
        Books.__init__(self)
        for party in ("keystone", "voltaic", "ridge"):
            self.admit(party)
        packs = {"batch": "keystone:PK", "material": "spent_battery", "mass": kg(10_000), "feedstock": "end_of_life", "places": US}
        scrap = lot("keystone:SC", "plant_scrap", "1000", Ni="30", Co="8", Li="5")
        made_by = {"feedstock": "pre_consumer_external", "generator": {"name": "Cell plant", "process": "slurry coating"}}
        self.log(
            "keystone/1",
            event("receive", "keystone:works", **packs),
            event("receive", "keystone:works", **scrap, **made_by, places={"generated_in": "US"}, documents=PAPER),
            step(
                "break", "keystone:works", ["keystone:PK"], lot("keystone:BM", "black_mass", "4000", Ni="21", Co="6.2", Li="3.9", Cu="3"),
                lot("keystone:SL", "slag", "5800", Ni="0.2", Co="0.1", Li="0.1", Cu="0.5"),
            ),
            step(
                "refine", "keystone:works", ["keystone:BM", "keystone:SC"], lot("keystone:NS", "nickel_sulfate", "5040", Ni="22.2"),
                lot("keystone:CS", "cobalt_sulfate", "1500", Co="20.7"), lot("keystone:LC", "lithium_carbonate", "1040", Li="18.7"),
                lot("keystone:RS", "sludge", "3000", Cu="4", Ni="0.5"),
            ),
        )  # fmt: skip
        for name, mass in (("keystone:NS", "5040"), ("keystone:CS", "1500"), ("keystone:LC", "1040")):
            self.move(name, "keystone", "voltaic", mass)
        bought = {"feedstock": "primary", "places": MINED, "documents": PAPER}
        self.log(
            "voltaic/1",
            event("receive", "voltaic:works", **lot("voltaic:PN", "nickel_sulfate", "20000", Ni="22.2"), **bought),
            event("receive", "voltaic:works", **lot("voltaic:PC", "cobalt_sulfate", "1600", Co="20.7"), **bought),
            event("receive", "voltaic:works", **lot("voltaic:PL", "lithium_carbonate", "3000", Li="18.7"), **bought),
            step(
                "paste",
                "voltaic:works",
                ["keystone:NS", "keystone:CS", "keystone:LC", "voltaic:PN", "voltaic:PC", "voltaic:PL"],
                lot("voltaic:CAM", "cathode_material", "11000", Ni="50.5", Co="5.8", Li="6.8"),
            ),
        )
        self.move("voltaic:CAM", "voltaic", "ridge", "11000")
        cells = {
            **lot("ridge:CELL", "battery", "30000", Ni="18.5", Co="2.1", Li="2.5"),
            "pieces": 60_000,
            "product": {"model": "NMC-5", "category": "ev"},
        }
        self.log("ridge/1", step("assemble", "ridge:works", ["voltaic:CAM"], cells))


@pytest.fixture(scope="module")
def campaign():
    return Campaign()


def share(document, constituent, characteristic="recycled_content"):
    rows = document["credentialSubject"]["claims"]
    row = next(row for row in rows if (row["constituent"], row["characteristic"]) == (constituent, characteristic))
    return Fraction(row["mass_mg"], row["of_mg"])


def test_each_metal_keeps_its_own_share_from_black_mass_to_cells(campaign):
    _, document = campaign.certify("ridge:CELL", rules=tuple(f"eu.2023_1542.art8_2_{metal}" for metal in ("co", "li", "ni")))
    found = {metal: share(document, metal) for metal in ("Ni", "Co", "Li")}
    fed = {"Ni": (5040, 20_000), "Co": (1500, 1600), "Li": (1040, 3000)}
    for metal, (recycled, mined) in fed.items():
        assert abs(found[metal] - Fraction(recycled, recycled + mined)) < Fraction(1, 200), metal
    verdicts = {row["rule"].rpartition("_")[2]: (row["verdict"], row["would_be"]) for row in document["credentialSubject"]["verdicts"]}
    assert verdicts == {
        "co": ("NOT_YET_IN_FORCE", "PASS"),
        "li": ("NOT_YET_IN_FORCE", "PASS"),
        "ni": ("NOT_YET_IN_FORCE", "PASS"),
    }


def test_waste_of_battery_making_counts_for_these_metals_and_not_for_lead_without_an_answer(campaign):
    content = campaign.batch("ridge:CELL").contents
    portions = {name: one.booked.left for name, one in content.items() if one.mass}
    classes = {source.feedstock for source in portions["Ni"]}
    assert {"end_of_life", "pre_consumer_external", "primary"} <= classes
    subject = Subject(portions, "battery", campaign.batch("ridge:CELL").gross_left)
    judged = judge(own().load("eu.2023_1542.art8_2_ni").rule, subject, as_of=date(2032, 1, 1))
    counted = sum(mass for source, mass in portions["Ni"].items() if source.feedstock in ("end_of_life", "pre_consumer_external"))
    assert judged.figures["mass_mg"] == counted
    assert judge(own().load("eu.2023_1542.art8_2_pb").rule, subject, as_of=date(2032, 1, 1)).verdict == "NOT_APPLICABLE"


@pytest.mark.parametrize(("day", "verdict"), [("2036-08-17", "PASS"), ("2036-08-18", "FAIL")])
def test_the_second_phase_asks_more(campaign, day, verdict):
    held = campaign.batch("ridge:CELL").contents["Li"].booked.left
    total = sum(held.values())
    recycled = {source: mass for source, mass in held.items() if source.feedstock == "end_of_life"}
    some = next(iter(recycled))
    mined = next(source for source in held if source.feedstock == "primary")
    subject = Subject({"Li": {some: total * 11 // 100, mined: total - total * 11 // 100}}, "battery", total)
    phase = "2" if day < "2036-08-18" else "3"
    assert judge(own().load(f"eu.2023_1542.art8_{phase}_li").rule, subject, as_of=date.fromisoformat(day)).verdict == verdict


def test_the_certificate_of_a_cell_is_recomputed_offline(tmp_path):
    campaign = Campaign()
    _, document = campaign.certify("ridge:CELL")
    campaign.put(tmp_path)
    assert campaign.verify(written(campaign.evidence(document)), document).holds


def test_the_books_of_every_metal_balance(campaign):
    campaign.check()
    held = campaign.held()
    assert {"Ni", "Co", "Li", "Cu"} <= set(held)
