"""Standard uncertainties: the table's figures, what is cut, what adds up and what combines by root sum of squares."""

from fractions import Fraction
from math import sqrt

import pytest

from books import kg, pct
from events import SOFT, accept, adjust, books, messages, receive, residuals, ship, transform
from events import out as output
from ledger import policy
from ledger.matter import uncertainty
from ledger.matter.batch import Content, joined
from ledger.matter.provenance import GAIN, Stock
from ledger.matter.uncertainty import bound, contained, gathered, scaled, summed
from schemas.measurement import Below, Proportion, Quantity

RULES = policy.load()
K = "keystone/1"
A, B, C = "keystone:A", "keystone:B", "keystone:C"


def weighed(value, unit="kg", **more):
    return uncertainty.mass(Quantity(value=value, unit=unit, **more), RULES, where="1:a")


def default(figure):
    return float(figure.u[0][1])


@pytest.mark.parametrize(
    ("device", "mass_kg", "u_kg"),
    [
        (None, "20000", 60),
        (None, "1000", 30),
        ("truck_scale/gate 1", "20000", 60),
        ("some balance", "20000", 60),
        ("floor_scale/2", "1000", 1),
        ("floor_scale/2", "100", 0.5),
        ("kettle_cell", "1000", 5),
        ("crane_cell/K3", "1000", 5),
        ("belt", "1000", 10),
        ("bucket#7", "1000", 50),
        ("heel_dip", "12000", 600),
        ("silo_dip", "1000", 300),
        ("pile_survey", "1000", 100),
        ("count", "1000", 20),
    ],
)
def test_a_mass_without_a_stated_uncertainty_has_its_scales(device, mass_kg, u_kg):
    assert default(weighed(mass_kg, device=device)) == pytest.approx(u_kg * 10**6)


@pytest.mark.parametrize(
    ("material", "constituent", "value", "u"),
    [
        ("soft_lead", "Pb", "99.97", 0.0001),
        ("calcium_lead", "Pb", "99.8", 0.0001),
        ("antimonial_lead", "Pb", "97", 0.001),
        ("bullion", "Pb", "98", 0.002),
        ("lead_oxide", "Pb", "94", 0.0015),
        ("battery_paste", "Pb", "75", 0.005),
        ("grid_metal", "Pb", "95", 0.01),
        ("dross", "Pb", "70", 0.02),
        ("flue_dust", "Pb", "60", 0.02),
        ("plant_scrap", "Pb", "85", 0.02),
        ("slag", "Pb", "9", 0.0045),
        ("slag", "Pb", "2", 0.003),
        ("spent_battery", "Pb", "60", 0.03),
        ("battery", "Pb", "60", 0.03),
        ("battery_plate", "Pb", "60", 0.03),
        ("antimonial_lead", "Sb", "2", 0.0003),
        ("soft_lead", "Sb", "0.05", 0.000025),
        ("soft_lead", "Sn", "0.005", 0.000005),
        ("soft_lead", "Sb", "0.0005", 0.0000015),
        ("soft_lead", "Sb", "0.0001", 0.000001),
        ("slag", "Sb", "0.2", 0.0002),
        ("grid_metal", "Sb", "2", 0.002),
        ("spent_battery", "Sb", "1", 0.003),
    ],
)
def test_an_assay_without_a_stated_uncertainty_has_its_materials(material, constituent, value, u):
    row = RULES.assay_row(RULES.material(material), constituent, Fraction(value) / 100)
    assert default(uncertainty.assay(Proportion(value=value, unit="%"), row, where="1:a")) == pytest.approx(u)


def test_moisture_measured_assumed_and_not_stated():
    def wet(**more):
        return uncertainty.moisture(Proportion(value="12", unit="%", **more), RULES, where="1:a")

    assert default(wet()) == 0.0075
    assert default(wet(method="oven 105")) == 0.0075
    assert default(wet(method="assumed")) == 0.02
    assert uncertainty.moisture(None, RULES, where="1:a").u == ()


def test_a_printed_figure_adds_half_its_last_digit_over_root_three():
    assert float(weighed("20.50", "t").u[1][1]) == pytest.approx(0.005e9 / sqrt(3))
    assert float(weighed("42200", "lb").u[1][1]) == pytest.approx(0.5 * 453592.37 / sqrt(3))


def test_a_result_below_detection_has_its_limit_over_root_three():
    row = RULES.assay_row(RULES.material("soft_lead"), "Sb", Fraction(0))
    figure = uncertainty.assay(Below(below="6", unit="ppm"), row, where="1:a")
    assert figure.value == 0
    assert float(figure.u[0][1]) == pytest.approx(6e-6 / sqrt(3))


@pytest.mark.parametrize(("u", "counts_kg", "overstated"), [("10", 10, False), ("180", 180, False), ("181", 180, True)])
def test_a_stated_uncertainty_counts_as_three_times_the_default_at_most(u, counts_kg, overstated):
    figure = weighed("20000", u=u)
    assert (default(figure), figure.overstated) == (counts_kg * 10**6, overstated)


def test_overstated_figures_are_findings_wherever_they_stand():
    ledger = books("keystone", "voltaic")
    ledger.log(
        K,
        receive(A, "battery_paste", kg(10000, u="1000"), moisture=pct(10, u="5"), assay={"Pb": pct(75, u="9")}),
    )
    ledger.log(K, ship(A, "voltaic"))
    ledger.log("voltaic/1", accept(A, "voltaic", kg(10000, u="1000"), moisture=pct(10, u="5")))
    found = messages(ledger)
    names = ("the mass of keystone:A", "the moisture of keystone:A", "Pb in keystone:A", "the received mass of keystone:A",
             "the received moisture of keystone:A")  # fmt: skip
    assert found == [f"the uncertainty stated for {name} is above 3 times the default and counts as that" for name in names]


def test_overstated_draws_outputs_and_losses_are_findings():
    ledger = books()
    ledger.log(K, receive(A))
    heat = transform("refine", [{"batch": A, "mass": kg(500, u="90")}], [output(B, "soft_lead", kg(490, u="999"), SOFT)])
    ledger.log(K, {**heat, "losses": [{"kind": "fume", "contained": {"Pb": kg(2, u="9")}}]})
    found = [message.split(" is above")[0] for message in messages(ledger)]
    told = "the uncertainty stated for"
    assert found == [f"{told} the draw from {A}", f"{told} the mass of {B}", f"{told} the fume loss of Pb"]


def test_figures_that_share_a_cause_add_up_and_others_combine_as_squares():
    assert summed([{"row": 3, "x": 4}, {"row": 5}, {"y": 0}]) == {"row": 8, "x": 4}
    assert bound(RULES, {"row": 3}, {"row": 3, "x": 8}) == 30  # 3 x sqrt((3 + 3)² + 8²)
    assert bound(RULES) == 0


def test_two_weighings_by_one_method_err_alike():
    alone = weighed("20000", method="scale 1")
    assert alone.u[0][0] == "method scale 1"
    assert weighed("20000").u[0][0] == "mass/truck_scale"
    assert weighed("20000", u="5").u[0][0] == "1:a u"


def test_contained_mass_combines_mass_moisture_and_assay():
    gross = weighed("10000")
    wet = uncertainty.moisture(Proportion(value="10.00", unit="%"), RULES, where="1:a")
    row = RULES.assay_row(RULES.material("battery_paste"), "Pb", Fraction(3, 4))
    found = contained(gross, wet, uncertainty.assay(Proportion(value="75.00", unit="%"), row, where="1:a:Pb"))
    assert found["mass/truck_scale"] == 30 * 0.9 * 0.75 * 10**6
    assert found["moisture/measured"] == 10_000 * 0.0075 * 0.75 * 10**6
    assert found["Pb/paste"] == 10_000 * 0.9 * 0.005 * 10**6


def test_the_bound_of_a_heat_is_three_times_its_root_sum_of_squares():
    ledger = books()
    ledger.log(K, receive(A, "bullion", kg("10000.0"), assay={"Pb": pct("98.00")}))
    ledger.log(K, transform("refine", [A], [output(B, "soft_lead", kg("9700.0", device="floor_scale"), {"Pb": pct("99.970")})]))
    residual = residuals(ledger, B)["Pb"]
    truck, floor = 30 * 0.98, 9.7 * 0.9997
    bullion, refined = 10_000 * 0.002, 9700 * 0.0001
    prints = [0.05 * 0.98, 10_000 * 0.00005, 0.05 * 0.9997, 9700 * 0.000005]
    u = sqrt(truck**2 + floor**2 + bullion**2 + refined**2 + sum((one / sqrt(3)) ** 2 for one in prints))
    assert residual.bound == pytest.approx(3 * u * 10**6, rel=1e-7)
    assert residual.residual == 9_800_000_000 - 9_697_090_000


def test_a_part_of_a_batch_brings_no_uncertainty_of_its_own():
    ledger = books()
    ledger.log(K, receive(A))
    whole = ledger.batch(A).contents["Pb"].components
    lots = [output(B, "soft_lead", kg(250)), output(C, "soft_lead", "balance")]
    ledger.log(K, transform("split", [A], lots))
    parts = summed([ledger.batch(B).contents["Pb"].components, ledger.batch(C).contents["Pb"].components])
    assert all(abs(parts[cause] - u) <= 1 for cause, u in whole.items())
    assert ledger.batch(B).contents["Pb"].components == scaled(whole, 1, 4)


def test_two_results_below_detection_stay_uncertain_when_they_are_mixed():
    ledger = books()
    for name in (A, B):
        ledger.log(K, receive(name, assay={"Pb": pct("99.9"), "Sn": {"below": "5", "unit": "ppm"}}))
    heat = transform("refine", [A, B], [output(C, "soft_lead", kg(2000), {"Pb": pct("99.9"), "Sn": {"value": "4", "unit": "ppm"}})])
    ledger.log(K, heat)
    residual = residuals(ledger, C)["Sn"]
    assert (residual.into, residual.unknown) == (0, 8_000_000 // 1000)
    assert ledger.batch(C).contents["Sn"].below == ""


def test_many_single_figures_are_gathered_into_one():
    many = {f"{number}:a print": 3 for number in range(100)} | {"mass/truck_scale": 7, "method x print": 2}
    assert gathered(many, where="9:b") == {"mass/truck_scale": 7, "method x print": 2, "9:b u": 30}
    assert gathered({"1:a print": 3}, where="9:b") == {"1:a print": 3}


def test_a_stock_take_keeps_the_uncertainty_of_what_was_there():
    ledger = books()
    ledger.log(K, receive(A))
    before = ledger.batch(A).contents["Pb"].components
    ledger.log(K, adjust(A, kg(10), assay=SOFT))
    assert ledger.batch(A).contents["Pb"].components == before


def test_as_many_figures_as_the_limit_stay_apart_and_one_more_is_gathered():
    many = {f"7:{number} print": 3 for number in range(65)}
    assert gathered(dict(list(many.items())[:64]), where="9:0") == dict(list(many.items())[:64])
    assert gathered(many, where="9:0") == {"9:0 u": 24}


def test_a_mixture_is_as_uncertain_in_a_part_as_the_parts_share_of_the_whole():
    mixture = joined([Content(Stock.of({GAIN: 100}), None, {"a": 8}, 100), Content(Stock.of({GAIN: 300}), None, {"a": 4, "b": 2}, 300)])
    assert (mixture.u, mixture.u_base) == ({"a": 12, "b": 2}, 400)
    part = mixture.take(100)[0]
    assert (part.u, part.u_base) == ({"a": 3}, 100)


def test_two_losses_of_one_constituent_err_apart():
    made = books()
    made.log("keystone/1", receive("keystone:A", mass=kg(1000, device="floor_scale"), assay={"Pb": pct("100.000")}))
    step = transform("cast", ["keystone:A"], [output("keystone:B", "soft_lead", "balance")])
    step["losses"] = [{"kind": kind, "contained": {"Pb": kg(10, u="3")}} for kind in ("fume", "spill")]
    made.log("keystone/1", step)
    assert residuals(made, "keystone:B")["Pb"].bound == 13_165_867  # 3 x √(3² + 3² + 1² + 3 x 0.2887² + 0.1²) kg


def test_a_loss_that_was_weighed_errs_as_its_scale_does():
    made = books()
    made.log(
        "keystone/1", receive("keystone:A", mass=kg("1000.0000", device="floor_scale", u="0"), assay={"Pb": pct("100.0000000", u="0")})
    )
    step = transform("cast", ["keystone:A"], [output("keystone:B", "soft_lead", "balance")], {"Pb": kg("10.0000", device="floor_scale")})
    made.log("keystone/1", step)
    assert residuals(made, "keystone:B")["Pb"].bound == 1_500_000  # 3 x half a kilogram, the least of a floor scale


def test_a_root_is_cut_off_at_twelve_decimals():
    assert uncertainty._over_root_three(Fraction(1)) == Fraction(577_350_269_189, 10**12)


def test_a_moistures_cause_is_its_row_its_method_or_the_figure_itself():
    rules = policy.load()

    def told(**more):
        return uncertainty.moisture(Proportion(value="3.0", unit="%", **more), rules, where="7:a").u

    printed = ("7:a moisture print", uncertainty._over_root_three(Fraction(1, 2000)))
    assert told(method="assumed") == (("moisture/assumed", Fraction("0.02")), printed)
    assert told(method="oven") == (("method oven", Fraction("0.0075")), printed)
    assert told() == (("moisture/measured", Fraction("0.0075")), printed)
    assert told(u="0.1") == (("7:a moisture u", Fraction("0.001")), printed)
