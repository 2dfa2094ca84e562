"""The reference campaign, entered in the books as its plants would: pounds, per cent to four decimals, parts per million for traces."""

from __future__ import annotations

import json
import os
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pytest

from books import TIME, Books, pct

_VARIABLE = "PLUMBLINE_CAMPAIGN"
_BESIDE = Path(__file__).parents[3] / "shared" / "campaign"
_LB = Decimal("0.45359237")

Raw = dict[str, Any]


def campaign() -> Raw:
    """Return the reference campaign; skip the test when there is none, unless the variable says that there is."""
    found = Path(os.environ.get(_VARIABLE) or _BESIDE) / "golden-campaign.json"
    if not found.is_file() and _VARIABLE not in os.environ:
        pytest.skip(f"no reference campaign at {found}; set {_VARIABLE}")
    loaded: Raw = json.loads(found.read_text(encoding="utf-8"), parse_float=Decimal)
    return loaded


def pounds(mass_kg: Decimal) -> Raw:
    """Return a mass as a weigh ticket prints it: whole pounds, tenths below ten thousand."""
    value = mass_kg / _LB
    step = Decimal(1) if value >= 10_000 else Decimal("0.1")
    return {"value": str(value.quantize(step, ROUND_HALF_EVEN)), "unit": "lb"}


def content(part: Decimal, whole: Decimal) -> Raw:
    """Return an assay as a laboratory prints it."""
    value = part / whole
    if value < Decimal("0.001"):
        return {"value": str((value * 10**6).quantize(Decimal("0.01"), ROUND_HALF_EVEN)), "unit": "ppm"}
    return {"value": str((value * 100).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)), "unit": "%"}


def lot(batch: str, material: str, facts: Raw, *, wet: str = "0", **more: Any) -> Raw:
    """Return what a plant writes down of a lot: its mass as weighed, its assays of the dry mass."""
    dry = facts["gross_kg"] * (1 - Decimal(wet) / 100)
    assay = {name: content(facts[f"{name}_kg"], dry) for name in ("Pb", "Sb") if facts[f"{name}_kg"]}
    damp = {"moisture": pct(wet)} if wet != "0" else {}
    return {"batch": batch, "material": material, "mass": pounds(facts["gross_kg"]), "assay": assay, **damp, **more}


def step(site: str, kind: str, inputs: list[Raw | str], outputs: list[Raw], losses: Raw | None = None) -> Raw:
    """Return a transform; an input that is only a name is taken whole."""
    event: Raw = {"type": "transform", "time": TIME, "site": site, "kind": kind, "outputs": outputs}
    event["inputs"] = [{"batch": use} if isinstance(use, str) else use for use in inputs]
    if losses:
        event["losses"] = [{"kind": "fume", "contained": {name: pounds(mass) for name, mass in losses.items()}}]
    return event


def paper(number: str, kind: str = "certificate") -> list[Raw]:
    """Return a document that stands behind a receipt."""
    return [{"kind": kind, "sha256": "ab" * 32, "number": number}]


def share(feedstock: str, percent: str, constituent: str, **places: str) -> Raw:
    """Return one share of one constituent."""
    return {"feedstock": feedstock, "share": pct(percent), "constituent": constituent, "places": places}


class Plants:
    """The parties of the campaign: a breaker's yard, a smelter, a battery works, and what passes between them."""

    def __init__(self) -> None:
        self.books = Books()
        for party in ("yard", "smelter", "voltaic"):
            self.books.admit(party)
        steps = campaign()
        self.steps = {step["event"]: step for step in steps["events"]}
        self.expected = steps["certificate_expected"]

    def run(self) -> None:
        """Enter the whole campaign."""
        self.open_kettle()
        self.collect()
        self.break_and_wash()
        self.smelt()
        self.refine()
        self.make_batteries()

    def receive(self, party: str, facts: Raw, **more: Any) -> None:
        """Log a receipt."""
        self.books.log(f"{party}/1", {"type": "receive", "time": TIME, "site": f"{party}:works", **facts, **more})

    def hand_over(self, batch: str, seller: str, buyer: str) -> None:
        """Ship a batch whole and accept it on a scale that reads a little less."""
        self.books.log(f"{seller}/1", {"type": "ship", "time": TIME, "site": f"{seller}:works", "batch": batch, "to": f"{buyer}:works"})
        seen = pounds(Decimal(self.books.batch(batch).gross_left) / 10**6 * Decimal("0.9998"))
        self.books.log(f"{buyer}/1", {"type": "accept", "time": TIME, "site": f"{buyer}:works", "batch": batch, "mass": seen})

    def collect(self) -> None:
        """Ten trucks of spent batteries, weighed and never assayed, are tipped on one pile."""
        trucks = self.steps["receive_to_pile"]["inputs"]
        for number, truck in trucks.items():
            country = next(iter(truck["provenance"]["Pb"])).split("/")[1]
            facts = {"batch": f"yard:{number}", "material": "spent_battery", "mass": pounds(truck["gross_kg"])}
            self.receive("yard", facts, feedstock="end_of_life", places={"collected_in": country}, documents=paper(number, "weigh_ticket"))
        pile = {"batch": "yard:pile", "material": "spent_battery", "mass": pounds(self.out("receive_to_pile", "ulab_pile")["gross_kg"])}
        self.books.log("yard/1", step("yard:works", "merge", [f"yard:{number}" for number in trucks], [pile]))

    def out(self, event: str, name: str) -> Raw:
        """Return what the campaign says of an output."""
        found: Raw = self.steps[event]["outputs"][name]
        return found

    def into(self, event: str, name: str) -> Raw:
        """Return what the campaign says of an input."""
        found: Raw = self.steps[event]["inputs"][name]
        return found

    def break_and_wash(self) -> None:
        """Break the pile, wash the paste, sell metallics and paste to the smelter."""
        outputs = [
            lot("yard:metallics", "grid_metal", self.out("break", "metallics_wet2pct"), wet="2"),
            lot("yard:paste", "battery_paste", self.out("break", "paste_wet12pct"), wet="12"),
            lot("yard:separators", "separator", self.out("break", "separators_and_other")),
        ]
        self.books.log("yard/1", step("yard:works", "break", ["yard:pile"], outputs))
        washed = lot("yard:washed", "battery_paste", self.out("desulfurise", "desulf_paste"), wet="8")
        self.books.log("yard/1", step("yard:works", "desulfurise", ["yard:paste"], [washed]))
        for batch in ("yard:metallics", "yard:washed"):
            self.hand_over(batch, "yard", "smelter")

    def smelt(self) -> None:
        """Smelt with toll scrap of an outside battery maker."""
        scrap = lot("smelter:toll", "plant_scrap", self.into("smelt", "toll_scrap"))
        shares = [
            share("pre_consumer_external", "80", "Pb", collected_in="US"),
            share("pre_consumer_external", "20", "Pb", mined_in="AU"),
            share("pre_consumer_external", "100", "Sb", collected_in="US"),
        ]
        generator = {"name": "Lakeside Batteries", "process": "plate casting"}
        self.receive("smelter", scrap, shares=shares, generator=generator, documents=paper("toll"))
        outputs = [
            lot("smelter:bullion", "bullion", self.out("smelt", "bullion")),
            lot("smelter:slag", "slag", self.out("smelt", "slag_9pct")),
            lot("smelter:dust", "flue_dust", self.out("smelt", "flue_dust_62pct")),
        ]
        losses = self.steps["smelt"]["declared_loss_kg"]
        self.books.log("smelter/1", step("smelter:works", "smelt", ["yard:metallics", "yard:washed", "smelter:toll"], outputs, losses))

    def refine(self) -> None:
        """Refine on the heel in the kettle, and sell two lots of the blocks."""
        outputs = [
            lot("smelter:blocks", "soft_lead", self.out("refine_and_cast", "soft_lead_9997_blocks")),
            lot("smelter:heel-2", "soft_lead", self.out("refine_and_cast", "heel_left"), vessel="K3"),
            lot("smelter:dross", "dross", self.out("refine_and_cast", "antimony_dross")),
        ]
        self.books.log("smelter/1", step("smelter:works", "refine", ["smelter:heel-1", "smelter:bullion"], outputs))
        lots: list[Raw] = [
            {"batch": f"smelter:{name}", "material": "soft_lead", "mass": pounds(self.into(event, "soft_lead")["gross_kg"])}
            for name, event in (("lot-1", "alloy_2pct_Sb"), ("lot-2", "leady_oxide_25pct_free"))
        ]
        lots.append({"batch": "smelter:lot-3", "material": "soft_lead", "mass": "balance"})
        self.books.log("smelter/1", step("smelter:works", "split", ["smelter:blocks"], lots))
        for batch in ("smelter:lot-1", "smelter:lot-2"):
            self.hand_over(batch, "smelter", "voltaic")

    def open_kettle(self) -> None:
        """Enter the heel that lies in the kettle when the ledger begins, as opening stock with a stock-take behind it."""
        heel = lot("smelter:heel-1", "soft_lead", self.into("refine_and_cast", "heel_from_previous_heat"), vessel="K3")
        shares = [
            share("end_of_life", "70", "Pb", collected_in="US"),
            share("primary", "30", "Pb", mined_in="AU"),
            share("end_of_life", "100", "Sb", collected_in="US"),
        ]
        self.receive("smelter", heel, shares=shares, opening=True, documents=paper("stock-take", "stock_take"))

    def make_batteries(self) -> None:
        """Alloy with bought hard lead and primary antimony, make oxide, and assemble three thousand batteries."""
        hard = lot("voltaic:hard", "antimonial_lead", self.into("alloy_2pct_Sb", "hard_lead"))
        shares = [share("end_of_life", "100", name, collected_in="US") for name in ("Pb", "Sb")]
        self.receive("voltaic", hard, shares=shares, documents=paper("hard lead"))
        antimony = lot("voltaic:antimony", "primary_antimony", self.into("alloy_2pct_Sb", "primary_antimony"))
        self.receive("voltaic", antimony, feedstock="primary", places={"mined_in": "TH"}, documents=paper("antimony"))
        alloy = lot("voltaic:alloy", "antimonial_lead", self.out("alloy_2pct_Sb", "antimonial_alloy"))
        dross = lot("voltaic:dross", "dross", self.out("alloy_2pct_Sb", "alloy_dross"))
        self.books.log("voltaic/1", step("voltaic:works", "alloy", ["smelter:lot-1", "voltaic:hard", "voltaic:antimony"], [alloy, dross]))
        oxide = lot("voltaic:oxide", "lead_oxide", self.out("leady_oxide_25pct_free", "leady_oxide"))
        losses = self.steps["leady_oxide_25pct_free"]["declared_loss_kg"]
        self.books.log("voltaic/1", step("voltaic:works", "oxide", ["smelter:lot-2"], [oxide], losses))
        batteries = lot(
            "voltaic:batteries", "battery", self.out("assemble_3000_batteries", "lead_in_3000_batteries"),
            pieces=3000, serials=[["VT26-0001", "VT26-3000"]],
        )  # fmt: skip
        uses: list[Raw | str] = [
            {"batch": f"voltaic:{name}", "mass": pounds(self.into("assemble_3000_batteries", event)["gross_kg"])}
            for name, event in (("oxide", "leady_oxide"), ("alloy", "antimonial_alloy"))
        ]
        self.books.log("voltaic/1", step("voltaic:works", "assemble", uses, [batteries]))
