"""What a certificate says follows from the books: figures reckoned by hand, the chain behind them, what nobody checked."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from books import TIME, kg, pct
from issued import PAPER, US, Works, event, figures, lot, step
from ledger.certificates import chain as certificate_chain
from ledger.certificates.certificate import NOT_CHECKED, Request
from ledger.errors import ClaimError, FormatError, UnknownError, grams
from ledger.matter.custody_model import custody_model
from ledger.matter.provenance import Source

EOL = {"feedstock": "end_of_life", "places": US, "documents": PAPER}
FLOOR = {"device": "floor_scale"}


@pytest.fixture
def works():
    return Works()


def subject(works, batch, kind="recycled-content", **more):
    return works.certify(batch, kind, **more)[1]["credentialSubject"]


def receive(name, material, mass, *, assay, device=None, **more):
    found = lot(name, material, mass, **assay)
    if device:
        found["mass"]["device"] = device
    return event("receive", "keystone:works", **found, **more)


def weighed(name, material, mass, **assay):
    found = lot(name, material, mass, **assay)
    found["mass"] |= FLOOR
    return found


def test_shares_are_reckoned_from_portions_and_rounded_down(works):
    _, document = works.certify("keystone:BL")
    found = figures(document)
    assert found["post_consumer"] == (999_000_000, 1_498_500_000, "66.66")
    assert found["unknown"] == (499_500_000, 1_498_500_000, "33.33")
    assert found["smelted_in:US"] == (999_000_000, 1_498_500_000, "66.66")
    assert document["credentialSubject"]["evidence_share"] == {"Pb": {"mass_mg": 999_000_000, "of_mg": 1_498_500_000, "percent": "66.66"}}
    assert document["credentialSubject"]["mass_mg"] == 1_500_000_000


def test_unknown_metal_lowers_every_share_of_what_it_is_mixed_into(works):
    works.log("keystone/1", receive("keystone:L3", "soft_lead", "1500", assay={"Pb": "99.9"}))
    works.log("keystone/1", step("blend", "keystone:works", ["keystone:BL", "keystone:L3"], lot("keystone:B2", "soft_lead", "3000")))
    _, document = works.certify("keystone:B2")
    assert figures(document)["post_consumer"] == (999_000_000, 2_997_000_000, "33.33")
    assert figures(document)["unknown"][2] == "66.66"


def test_portions_name_class_places_and_document_and_sum_to_what_is_held(works):
    rows = subject(works, "keystone:BL")["portions"]["Pb"]
    assert rows == [
        {
            "feedstock": "end_of_life",
            "places": {"collected_in": ["US"], "refined_in": ["US"], "smelted_in": ["US"]},
            "mass_mg": 999_000_000,
            "documented": True,
        },
        {
            "feedstock": "unknown",
            "places": {"refined_in": ["unknown"], "smelted_in": ["unknown"]},
            "mass_mg": 499_500_000,
            "documented": False,
        },
    ]


def test_the_lot_assay_is_what_the_laboratory_printed_and_a_later_result_replaces_it(works):
    works.alloy()
    late = {"Sb": pct("0.6600"), "Sn": {"below": "5", "unit": "ppm"}}
    works.log("voltaic/1", event("assay", "voltaic:works", batch="voltaic:AL", assay=late))
    found = subject(works, "voltaic:AL")
    assert found["lot_assay"] == {
        "Pb": {"value": "99.2", "unit": "%"},
        "Sb": {"value": "0.6600", "unit": "%"},
        "Sn": {"below": "5", "unit": "ppm"},
    }
    assert sorted(found["portions"]) == ["Pb", "Sb"]
    assert {row["constituent"] for row in found["claims"]} == {"Pb", "Sb"}


def test_a_blend_has_no_assay_of_its_own_so_its_shares_are_computed(works):
    assert subject(works, "keystone:BL")["lot_assay"] == {"Pb": {"value": "99.9000", "unit": "%", "method": "computed"}}


def test_what_the_issuer_states_freely_stands_as_it_was_given(works):
    period = {"from": "2026-01-01", "to": "2026-03-31"}
    found = subject(works, "keystone:BL", order="PO 7", condition="dry", period=period)
    assert (found["order"], found["condition"], found["period"], found["pieces"]) == ("PO 7", "dry", period, None)


def test_a_receipt_is_certified_with_its_own_assay_and_place(works):
    works.log("keystone/1", receive("keystone:L3", "soft_lead", "10", assay={"Pb": "99.97"}, **EOL))
    found = subject(works, "keystone:L3")
    assert found["lot_assay"] == {"Pb": {"value": "99.97", "unit": "%"}}
    assert found["plant"] == {"site": "keystone:works", "name": "works", "country": "US"}
    assert found["model"] == "identity_preserved"
    assert found["not_checked"] == list(NOT_CHECKED)


def test_what_a_customer_only_splits_was_made_where_the_whole_was(works):
    works.move("keystone:BL", "keystone", "voltaic", "1500")
    works.log("voltaic/1", step("split", "voltaic:works", [{"batch": "keystone:BL", "mass": kg(10)}], lot("voltaic:S", "soft_lead", "10")))
    assert subject(works, "voltaic:S")["plant"]["site"] == "keystone:works"


def test_several_receipts_of_one_class_are_segregated(works):
    works.log(
        "keystone/1",
        receive("keystone:A", "soft_lead", "10", assay={"Pb": "99.9"}, **EOL),
        receive("keystone:B", "soft_lead", "10", assay={"Pb": "99.9"}, **EOL),
        step("blend", "keystone:works", ["keystone:A", "keystone:B"], lot("keystone:AB", "soft_lead", "20")),
    )
    assert subject(works, "keystone:AB")["model"] == "segregated"
    assert subject(works, "keystone:AB", "domestic-origin")["model"] == "segregated"
    assert subject(works, "keystone:BL")["model"] == "controlled_blending"


E1 = Source("end_of_life", (("collected_in", ("US",)),))
E2 = Source("end_of_life", (("collected_in", ("MX",)),))
E3 = Source("end_of_life", (("collected_in", ("US", "unknown")),))
NONE = Source("unknown")


@pytest.mark.parametrize(
    ("kind", "entries", "product", "model"),
    [
        ("recycled-content", [{E1}], {E1}, "identity_preserved"),
        ("recycled-content", [{NONE}], {NONE}, "identity_preserved"),
        ("recycled-content", [{E1}], {E1, NONE}, "controlled_blending"),
        ("recycled-content", [{E1}, {E2}], {E1, E2}, "segregated"),
        ("recycled-content", [{E1}, {NONE}], {E1}, "controlled_blending"),
        ("recycled-content", [{NONE}, {NONE}], {NONE}, "controlled_blending"),
        ("domestic-origin", [{E1}, {E2}], {E1, E2}, "controlled_blending"),
        ("domestic-origin", [{E1}, {E2}], {E1}, "controlled_blending"),
        ("domestic-origin", [{E1}, {E1}], {E1, E2}, "controlled_blending"),
        ("domestic-origin", [{E1}, {E1}], {E1}, "segregated"),
        ("domestic-origin", [{E3}, {E3}], {E3}, "controlled_blending"),
        ("domestic-origin", [{NONE}, {NONE}], {NONE}, "controlled_blending"),
    ],
)
def test_the_model_is_the_weakest_of_the_chain(kind, entries, product, model):
    assert custody_model(kind, entries, product) == model


def test_scrap_that_was_never_assayed_is_said_to_be_derived_and_counts_as_a_source(works):
    for name in ("keystone:T1", "keystone:T2"):
        works.log("keystone/1", event("receive", "keystone:works", **lot(name, "spent_battery", "1000"), **EOL))
    works.log(
        "keystone/1",
        step("break", "keystone:works", ["keystone:T1"], lot("keystone:G1", "grid_metal", "600", Pb="97")),
        step("break", "keystone:works", ["keystone:T2"], lot("keystone:G2", "grid_metal", "600", Pb="97")),
    )
    one = subject(works, "keystone:G1")
    works.log("keystone/1", step("smelt", "keystone:works", ["keystone:G1", "keystone:G2"], lot("keystone:BU", "bullion", "1150", Pb="98")))
    two = subject(works, "keystone:BU")
    said = "Scrap used in {} upstream was never assayed; what it held is derived from what came out of it."
    assert one["not_checked"][-1] == said.format("1 step")
    assert two["not_checked"][-1] == said.format("2 steps")
    assert (one["model"], two["model"]) == ("identity_preserved", "segregated")
    residuals = {(row["kind"], row["constituent"]): row["residual_mg"] for row in two["balance"]}
    # 2 × 600 kg at 97 % went in, 1,150 kg at 98 % came out.
    assert residuals == {("break", "Pb"): 0, ("smelt", "Pb"): 1_164_000_000 - 1_127_000_000}


def lossy(works):
    """1,000 kg of recycled and 1,000 kg of unknown lead go in, 1,800 kg come out, all over a floor scale."""
    works.log(
        "keystone/1",
        receive("keystone:A", "soft_lead", "1000", assay={"Pb": "99.9"}, device="floor_scale", **EOL),
        receive("keystone:B", "soft_lead", "1000", assay={"Pb": "99.9"}, device="floor_scale"),
        step("refine", "keystone:works", ["keystone:A", "keystone:B"], weighed("keystone:R", "soft_lead", "1800", Pb="99.9")),
    )


def test_after_a_loss_beyond_its_bound_the_lower_figure_is_claimed_and_both_are_said(works):
    lossy(works)
    found = subject(works, "keystone:R")
    row = next(row for row in found["claims"] if row["characteristic"] == "post_consumer")
    bound = found["balance"][0]["bound_mg"]
    excess = 199_800_000 - bound
    assert row["booked_mg"] == 899_100_000
    # What the loss takes beyond its bound is taken from the recycled lead: of 1,998 kg less the excess, 999 kg less the excess.
    assert abs(row["mass_mg"] - (999_000_000 - excess) * 1_798_200_000 // (1_998_000_000 - excess)) <= 1
    assert row["percent"] == "44.80"
    where, loss = f"record {works.memory.size - 2}, refine at keystone:works", f"Pb: 199800 g unaccounted for, the bound is {grams(bound)}"
    assert found["not_checked"][-2:] == [
        f"A loss went beyond its bound ({where}): {loss}; claims are the lower of the figures with and without it.",
        "The portions of Pb are those of the books; where a claim is lower than they give, booked_mg says what they give.",
    ]
    assert found["evidence_share"]["Pb"]["mass_mg"] == row["mass_mg"]


def test_a_certificate_far_down_lists_the_nearest_residuals_and_says_that_it_cut(works, monkeypatch):
    monkeypatch.setattr(certificate_chain, "MAX_BALANCE_ROWS", 2)
    names = ["keystone:BL", "keystone:R1", "keystone:R2", "keystone:R3"]
    for before, after in pairwise(names):
        works.log("keystone/1", step("refine", "keystone:works", [before], lot(after, "soft_lead", "1490", Pb="99.9")))
    found = subject(works, "keystone:R3")
    records = [works.memory.record_id(works.memory.maker(name) >> 8) for name in names[2:]]
    assert [row["record"] for row in found["balance"]] == records
    assert found["not_checked"][-1] == "Of 3 residuals on the chain the nearest 2 are listed; 1 further back are in the ledger alone."


def test_scrap_whose_maker_nobody_named_is_said_and_long_lists_are_cut(works, monkeypatch):
    monkeypatch.setattr(certificate_chain, "MAX_REMARKS", 1)
    scrap = {"feedstock": "pre_consumer_external", "documents": PAPER}
    works.log(
        "keystone/1",
        receive("keystone:P1", "plant_scrap", "10", assay={"Pb": "95"}, **scrap),
        receive("keystone:P2", "plant_scrap", "10", assay={"Pb": "95"}, **scrap),
        step("smelt", "keystone:works", ["keystone:P1", "keystone:P2"], lot("keystone:BU", "bullion", "19", Pb="98")),
    )
    where = f"record {works.memory.size - 1}, receive at keystone:works"
    said = "batch keystone:P1 is pre_consumer_external but names no generator and process"
    assert subject(works, "keystone:BU")["not_checked"][len(NOT_CHECKED) :] == [
        f"Nobody checked who made this scrap ({where}): {said}.",
        "1 more sentences like the last are left out; the ledger has them all.",
    ]


def test_metal_that_a_later_assay_left_out_is_stated_as_not_assayed(works):
    works.alloy()
    works.log("voltaic/1", step("refine", "voltaic:works", ["voltaic:AL"], lot("voltaic:SL", "soft_lead", "1490", Pb="99.9")))
    found = subject(works, "voltaic:SL")
    assert found["not_assayed"] == {"Sb": 9_782_500}
    assert sorted(found["portions"]) == ["Pb"]


def test_a_return_keeps_the_class_that_it_had_and_its_shares_are_computed(works):
    works.alloy()
    works.log("voltaic/1", event("ship", "voltaic:works", batch="voltaic:AL", to={"outside": {"private": "Acme"}, "country": "US"}))
    back = {"of": "voltaic:AL", "batch": "voltaic:BACK", "mass": kg("1505"), "as": "distribution_return"}
    works.log("voltaic/1", event("return", "voltaic:works", **back))
    found = subject(works, "voltaic:BACK")
    assert [(row["feedstock"], row["was"]) for row in found["portions"]["Sb"]] == [("distribution_return", "primary")]
    assert found["lot_assay"]["Sb"] == {"value": "0.6500", "unit": "%", "method": "computed"}


def finding(of, question, **answer):
    return {
        "type": "determine",
        "time": TIME,
        "of": of,
        "question": question,
        "basis": "file 12",
        "by": {"name": "A. B.", "role": "QA"},
        **answer,
    }


def verdicts(found):
    return {row["rule"]: row["verdict"] for row in found["verdicts"]}


def test_rules_are_those_of_the_kind_unless_some_are_named(works):
    assert verdicts(subject(works, "keystone:BL")) == {
        "iso14021.rc_pb": "PASS",
        "ftc.260_13.qualified": "PASS",
        "eu.2023_1542.art8_2_pb": "NOT_YET_IN_FORCE",
    }


def test_named_rules_are_judged_once_each_as_of_the_day_of_issue(works):
    found = subject(works, "keystone:BL", rules=("iso14021.rc_pb", "ntib.origin", "iso14021.rc_pb"))
    assert [row["rule"] for row in found["verdicts"]] == ["iso14021.rc_pb", "ntib.origin"]
    assert {row["as_of"] for row in found["verdicts"]} == {"2026-03-31"}


def test_a_named_persons_finding_on_the_certified_batch_is_heard_and_one_on_its_parts_is_not(works):
    works.log("keystone/1", finding("keystone:L1", "all_or_virtually_all", answer=False))
    heard = {row["rule"]: row for row in subject(works, "keystone:BL", "domestic-origin")["verdicts"]}
    assert heard["ftc.musa_323"]["verdict"] == "INDETERMINATE"
    works.withdraw("keystone-DO-0001")
    works.log("keystone/1", finding("keystone:BL", "all_or_virtually_all", answer=True))
    found = subject(works, "keystone:BL", "domestic-origin")
    assert verdicts(found)["ftc.musa_323"] == "PASS"
    assert found["portions"]["Pb"][0]["determined"] == {"all_or_virtually_all": True}


def test_what_cannot_be_certified_is_refused_before_anything_is_written(works):
    works.log("keystone/1", event("receive", "keystone:works", **lot("keystone:T", "spent_battery", "10")))
    nothing = event("receive", "keystone:works", **lot("keystone:Z", "slag", "10"), assay={"Pb": {"below": "5", "unit": "ppm"}})
    works.log("keystone/1", nothing)
    with pytest.raises(ClaimError, match=re.escape("batch keystone:T was never assayed, nobody knows what it contains")):
        works.certify("keystone:T")
    with pytest.raises(ClaimError, match=re.escape("nothing is recorded in batch keystone:Z of which a share could be claimed")):
        works.certify("keystone:Z")


def test_an_unknown_batch_or_rule_is_refused(works):
    request = Request(batch="keystone:X", kind="recycled-content", number="keystone-RC-0001", customer="C")
    with pytest.raises(UnknownError, match=re.escape("no batch keystone:X in this ledger")):
        works.built(request, party="keystone")
    with pytest.raises(UnknownError, match=re.escape("no rule iso.1 in the book of rules")):
        works.certify("keystone:BL", rules=("iso.1",))


def test_a_request_that_cannot_stand_in_a_credential_is_refused(works):
    with pytest.raises(FormatError, match=re.escape("field credentialSubject.condition: credential: Input should be 'wet', 'dry' or")):
        works.certify("keystone:BL", condition="moist")


def test_the_same_books_give_the_same_credential(works):
    request = works.request("keystone:BL")
    assert works.built(request, party="keystone") == works.built(request, party="keystone")
