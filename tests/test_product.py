"""What a maker states of a product: how it is entered, what is refused, and that rules see it through splits and corrections."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from books import TIME, kg
from issued import US, Works, event, lot, step
from ledger.certificates.made import as_made
from ledger.errors import AmountError
from schemas.product import Product

COSTS = [{"name": "plates", "cost": "70", "made_in": "US"}, {"name": "separators", "cost": "30", "made_in": "KR"}]


def grid(mass):
    return {"part": "grid", "material": "antimonial_lead", "mass": mass}


def battery(name="voltaic:B1", mass="900", **product):
    return {**lot(name, "battery", mass, Pb="70", Sb="0.4"), "product": product}


@pytest.fixture
def works():
    built = Works()
    built.alloy()
    return built


def assembled(works, **product):
    works.log("voltaic/1", step("assemble", "voltaic:works", [{"batch": "voltaic:AL", "mass": kg("700")}], battery(**product)))
    return works


def verdict(works, batch, rule="far.baa.domestic_end_product"):
    _, document = works.certify(batch, "domestic-origin", rules=(rule,))
    return document["credentialSubject"]["verdicts"][0]


def test_parts_may_weigh_as_much_as_the_lot_and_not_a_milligram_more(works):
    assembled(works, parts=[grid(kg("899")), grid({"value": "1000", "unit": "g"})])
    parts = [grid(kg("899.5")), grid({"value": "500.001", "unit": "g"})]
    message = "the parts of batch voltaic:B2 weigh 900000.001 g together, the batch 900000 g (0.001 g too much)"
    with pytest.raises(AmountError, match=re.escape(message)):
        works.log("voltaic/1", step("assemble", "voltaic:works", ["voltaic:AL"], battery("voltaic:B2", parts=parts)))


def test_parts_of_what_is_only_what_the_others_leave_are_refused(works):
    rest = {"batch": "voltaic:B2", "material": "antimonial_lead", "mass": "balance", "product": {"parts": [grid(kg("1"))]}}
    message = 'batch voltaic:B2 has the mass "balance"; state its mass where its parts are stated'
    with pytest.raises(AmountError, match=re.escape(message)):
        works.log("voltaic/1", step("split", "voltaic:works", ["voltaic:AL"], lot("voltaic:A1", "antimonial_lead", "100"), rest))


def test_parts_of_a_receipt_are_checked_too(works):
    papers = [{"kind": "certificate", "sha256": "ab" * 32}]
    bought = lot("voltaic:B9", "battery", "10", Pb="60")
    more = {"feedstock": "primary", "documents": papers, "places": US, "product": {"parts": [grid({"value": "22.1", "unit": "lb"})]}}
    with pytest.raises(
        AmountError, match=re.escape("the parts of batch voltaic:B9 weigh 10024.392 g together, the batch 10000 g (24.392 g too much)")
    ):
        works.log("voltaic/1", event("receive", "voltaic:works", **bought, **more))


def test_a_component_is_named_once():
    with pytest.raises(ValidationError, match="names a component twice"):
        Product.model_validate({"components": [COSTS[0], COSTS[0]]})


def test_costs_that_the_maker_states_decide_a_cost_rule(works):
    assembled(works, components=COSTS)
    assert verdict(works, "voltaic:B1")["reasons"][0] == "70.00 % of the cost of its components counts; asked is more than 65 %"


def test_what_is_split_off_keeps_what_its_maker_said_and_what_was_answered(works):
    assembled(works, components=COSTS)
    person = {"name": "A. B.", "role": "counsel"}
    found = {"type": "determine", "time": TIME, "question": "all_or_virtually_all", "basis": "file 7", "by": person}
    works.log("voltaic/1", {**found, "of": "voltaic:B1", "answer": False})
    use = {"batch": "voltaic:B1", "mass": kg("100")}
    works.log("voltaic/1", step("split", "voltaic:works", [use], lot("voltaic:B2", "battery", "60"), lot("voltaic:B3", "battery", "40")))
    made = as_made(works.memory, works.batch("voltaic:B2"))
    assert made.product is not None
    assert (len(made.product.components), made.answers) == (2, {"all_or_virtually_all": False})
    assert verdict(works, "voltaic:B2")["verdict"] == "PASS"
    assert verdict(works, "voltaic:B3", "ftc.musa_323")["verdict"] == "FAIL"


def test_what_is_made_of_it_by_another_step_states_for_itself(works):
    assembled(works, components=COSTS)
    works.log("voltaic/1", step("rework", "voltaic:works", ["voltaic:B1"], lot("voltaic:B4", "battery", "900", Pb="70")))
    assert as_made(works.memory, works.batch("voltaic:B4")).product is None


def test_a_correction_changes_what_was_stated_and_a_certificate_says_so(works):
    from ledger.certificates.recompute import check_current

    assembled(works, components=COSTS)
    claim, document = works.certify("voltaic:B1", "domestic-origin", rules=("far.baa.domestic_end_product",))
    record = works.records[-2]
    dearer = [COSTS[0], {**COSTS[1], "cost": "40"}]
    again = step("assemble", "voltaic:works", [{"batch": "voltaic:AL", "mass": kg("700")}], battery(components=dearer))
    made_by = record.events[0].inputs[0].made_by
    again["inputs"][0]["made_by"] = made_by
    works.log(
        "voltaic/1", {"type": "correct", "time": TIME, "of": {"record": record.id, "event": 0}, "event": again, "reason": "typed wrongly"}
    )
    said = check_current(works.memory, claim, document)
    assert any("rule far.baa.domestic_end_product said PASS, says FAIL with today's figures" in line for line in said)


def test_papers_of_a_receipt_are_what_its_documents_private_fields_and_the_event_give(works):
    papers = [{"kind": kind, "sha256": "ab" * 32} for kind in ("bill_of_lading", "weigh_ticket", "pathway", "intact", "waste_codes")]
    scrap = {"batch": "keystone:S1", "material": "spent_battery", "mass": kg("1000"), "feedstock": "end_of_life", "places": US}
    assayed = {"assay": {"Pb": {"value": "60", "unit": "%"}}}
    works.log(
        "keystone/1", event("receive", "keystone:works", **scrap, **assayed, documents=papers, private={"collector": {"private": "Joe"}})
    )
    unsure = {**scrap, "batch": "keystone:S2", "places": {**US, "collected_in": ["US", "unknown"]}}
    works.log("keystone/1", event("receive", "keystone:works", **unsure, **assayed))
    assert "collection_place" not in as_made(works.memory, works.batch("keystone:S2")).supplied
    supplied = as_made(works.memory, works.batch("keystone:S1")).supplied
    assert supplied == {"quantity", "date", "collection_place", "collector", *(paper["kind"] for paper in papers)}
    _, document = works.certify("keystone:S1", rules=("rcra.266_80",))
    row = document["credentialSubject"]["verdicts"][0]
    assert (row["verdict"], row["reasons"]) == ("FAIL", ["9 of 10 fields are there", "missing: generator"])
