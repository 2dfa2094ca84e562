"""Every rule of the book at its threshold, on its days and with what is unknown; and the worked vector, line by line."""

import re
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest

from ledger.matter.claims import claims
from ledger.matter.provenance import GAIN, Source
from ledger.rules.book import own
from ledger.rules.judge import Subject, judge
from published import folder
from schemas.product import Product
from schemas.rule import Facts, Rule

G = 1000
WHOLE = 10**9
BOOK = {entry.rule.id: entry.rule for entry in own().all()}
STEPS = {"smelted_in": "US", "refined_in": "US", "alloyed_in": "US", "assembled_in": "US"}
LEFT_OUT = {"eu.annexXII.re_la", "eu.annexXII.mr_pb"}
"""Statements about a recycling process in a calendar year, which no certificate of a product answers."""
LATE = date(2032, 1, 1)
RANK = {"FAIL": 0, "INDETERMINATE": 1, "PASS": 2}

by_mass = pytest.mark.parametrize("rule_id", [rule.id for rule in BOOK.values() if rule.numerator])
with_threshold = pytest.mark.parametrize("rule_id", [rule.id for rule in BOOK.values() if rule.numerator and rule.threshold])
by_cost = pytest.mark.parametrize("rule_id", [rule.id for rule in BOOK.values() if rule.components])


def source(feedstock, *, determined=(), **places):
    facts = tuple(sorted((fact, tuple(sorted(countries.split("+")))) for fact, countries in places.items()))
    return Source(feedstock, facts, determined=tuple(determined))


def inside(rule: Rule) -> str:
    return rule.countries[0] if rule.countries else "US"


def facts_of(rule: Rule) -> set[str]:
    return {fact for one in rule.facts for fact in (one.facts if isinstance(one, Facts) else [one])}


def counting(rule: Rule) -> Source:
    """A source that the rule counts: of the first class of its first term, every place inside, its question answered with yes."""
    term = rule.numerator[0]
    where = dict.fromkeys([*facts_of(rule), *term.origin], inside(rule))
    answers = [(term.question, True)] if term.question else []
    return source(term.classes[0] if term.classes else "primary", determined=answers, **where)


def element(rule: Rule) -> str:
    return "Pb" if rule.elements == ["ALL"] else str(rule.elements[0])


def subject(rule: Rule, counted: int, *, whole: int = WHOLE, unknown: int = 0) -> Subject:
    """So much that the rule counts; the rest of the whole is unknown, or beside every constituent where the whole is the product's."""
    beside = rule.denominator == "product"
    portions = {counting(rule): counted, GAIN: unknown if beside else whole - counted}
    material = rule.products[0] if rule.products else "battery"
    answered = {one: True for one in [rule.question, *(condition.question for condition in rule.conditions)] if one}
    held = {element(rule): {key: mass for key, mass in portions.items() if mass}}
    determined = answered if rule.operator != "qualitative" else {}
    return Subject(held, material, whole, determined=determined, product=facts())


def facts(*components) -> Product:
    """A product of which everything that the rule asks beside its figure is stated in its favour."""
    return Product.model_validate({"assembler_screened": [], "licensor_screened": [], "components": list(components)})


def in_force(rule: Rule) -> date:
    """A day on which the rule is in force, or would be."""
    return date.fromisoformat(rule.effective_from or "2026-06-01")


def test_every_statement_of_the_catalogue_is_a_rule_or_said_to_be_left_out():
    text = (folder("../rules") / "catalogue.yaml").read_text(encoding="utf-8")
    catalogue = dict(re.findall(r"^id: (\S+)$.*?^confidence: ([HML])", text, re.MULTILINE | re.DOTALL))
    assert len(catalogue) == 47
    assert set(catalogue) - set(BOOK) == LEFT_OUT
    assert set(BOOK) - set(catalogue) == {f"eu.2023_1542.art8_{paragraph}_{metal}" for paragraph in (2, 3) for metal in ("co", "li", "ni")}
    surer = [
        rule_id for rule_id, said in catalogue.items() if rule_id in BOOK and "HML".index(BOOK[rule_id].confidence) < "HML".index(said)
    ]
    assert surer == []


@pytest.mark.parametrize("rule_id", BOOK)
def test_a_rule_says_what_it_is_of_which_program_and_where_that_stands(rule_id):
    rule = BOOK[rule_id]
    assert len({rule.title, rule.citation, rule.scope, rule.notes}) == 4
    assert rule.effective_from is None or rule.effective_to is None or rule.effective_from <= rule.effective_to
    assert not rule.facts or rule.countries or rule.excluded or rule.missing


@with_threshold
def test_one_milligram_decides_at_every_threshold(rule_id):
    rule = BOOK[rule_id]
    day = in_force(rule)
    at = Fraction(rule.threshold_on(day.isoformat()) or 0) * WHOLE / 100
    assert at.denominator == 1
    masses = [int(at) + step for step in (-1, 0, 1) if 0 <= at + step <= WHOLE]
    met = {">=": lambda mass: mass >= at, ">": lambda mass: mass > at, "==": lambda mass: mass == at}[rule.operator]
    assert [judge(rule, subject(rule, mass), as_of=day).would_be for mass in masses] == ["PASS" if met(mass) else "FAIL" for mass in masses]


@by_cost
def test_the_smallest_cost_decides_at_every_threshold(rule_id):
    rule = BOOK[rule_id]
    day = in_force(rule)
    whole = 10**6
    at = Fraction(rule.threshold_on(day.isoformat()) or 0) * whole / 100
    found = []
    for cost in (int(at) - 1, int(at), int(at) + 1):
        good = {"name": "plates", "cost": str(max(cost, 0)), "made_in": inside(rule), "functional_cell": True, "screened": []}
        bad = {
            "name": "case",
            "cost": str(whole - max(cost, 0)),
            "made_in": "CN",
            "functional_cell": True,
            "screened": ["feoc", "pfe", "s154"],
        }
        held = {source("primary", assembled_in=inside(rule)): 1}
        judged = judge(rule, Subject({element(rule): held}, "battery", 1, product=facts(good, bad)), as_of=day)
        found.append(judged.would_be)
    if rule.missing:
        assert found == ["INDETERMINATE"] * 3
    elif at == 0:
        assert found == ["PASS"] * 3
    else:
        assert found == {">": ["FAIL", "FAIL", "PASS"], ">=": ["FAIL", "PASS", "PASS"]}[rule.operator]


@by_cost
def test_without_costs_a_cost_rule_names_what_is_missing(rule_id):
    rule = BOOK[rule_id]
    held = {source("primary", assembled_in=inside(rule)): 1}
    for product in (None, facts()):
        judged = judge(rule, Subject({element(rule): held}, "battery", 1, product=product), as_of=in_force(rule))
        assert judged.would_be == "INDETERMINATE"
        assert "no record supplies the product's components with their costs" in judged.reasons


@pytest.mark.parametrize("rule_id", BOOK)
def test_a_rule_is_in_force_from_its_first_to_its_last_day(rule_id):
    rule, day = BOOK[rule_id], timedelta(days=1)
    held = (
        subject(rule, WHOLE) if rule.numerator else Subject({element(rule): {source("primary"): 1}}, (rule.products or ["battery"])[0], 1)
    )

    def says(on: date) -> str:
        return judge(rule, held, as_of=on).verdict

    waits = rule.awaits is not None
    if rule.effective_from is not None:
        first = date.fromisoformat(rule.effective_from)
        assert (says(first - day), says(first) == "NOT_YET_IN_FORCE") == ("NOT_YET_IN_FORCE", waits)
    if rule.effective_to is not None:
        last = date.fromisoformat(rule.effective_to)
        assert (says(last) in ("EXPIRED", "NOT_YET_IN_FORCE"), says(last + day)) == (waits, "EXPIRED")
    if rule.effective_from is None and rule.effective_to is None and not waits:
        assert says(date(2026, 6, 1)) in RANK


@pytest.mark.parametrize("rule_id", [rule.id for rule in BOOK.values() if isinstance(rule.threshold, list)])
def test_each_step_of_a_threshold_begins_on_its_day_and_none_is_left_out(rule_id):
    rule = BOOK[rule_id]
    assert isinstance(rule.threshold, list)
    for before, after in pairwise(rule.threshold):
        begins = date.fromisoformat(after.from_ or "")
        assert date.fromisoformat(before.to or "") + timedelta(days=1) == begins
        assert rule.threshold_on((begins - timedelta(days=1)).isoformat()) == before.percent
        assert rule.threshold_on(begins.isoformat()) == after.percent


@by_mass
@pytest.mark.parametrize("counted", [0, WHOLE // 2, WHOLE - 1, WHOLE])
def test_what_is_unknown_never_raises_what_a_rule_says(rule_id, counted):
    rule = BOOK[rule_id]
    day = in_force(rule)
    known = judge(rule, subject(rule, counted), as_of=day)
    more = subject(rule, counted, whole=WHOLE + 10**6, unknown=10**6)
    with_unknown = judge(rule, more, as_of=day)
    if rule.operator == "flag":
        assert with_unknown.would_be == known.would_be
        return
    if known.would_be != "NOT_APPLICABLE":
        assert RANK[with_unknown.would_be] <= RANK[known.would_be]
        assert with_unknown.figures["mass_mg"] * known.figures["of_mg"] <= known.figures["mass_mg"] * with_unknown.figures["of_mg"]


# The worked vector


def lead(*, waste=None, australian=True):
    answers = () if waste is None else (("is_waste", waste), ("diverted_from_waste_stream", waste))
    found = {
        source("end_of_life", collected_in="US", **STEPS): 8100 * G,
        source("end_of_life", collected_in="MX", **STEPS): 900 * G,
        source("pre_consumer_external", generated_in="US", determined=answers, **STEPS): 600 * G,
        source("home_scrap", generated_in="US", **STEPS): 450 * G,
        source("primary", mined_in="AU", smelted_in="AU", refined_in="AU", alloyed_in="US", assembled_in="US"): 750 * G,
    }
    return found if australian else dict(list(found.items())[:-1])


def battery(**as_) -> Subject:
    """The wet battery of 18 kg: its acid, separators and other parts are in no constituent."""
    polypropylene = {source("end_of_life", collected_in="US", assembled_in="US"): 600 * G, source("primary", assembled_in="US"): 400 * G}
    antimony = {source("primary", mined_in="CN", refined_in="US", alloyed_in="US", assembled_in="US"): 30 * G}
    tin = {source("primary", assembled_in="US"): 20 * G}
    return Subject({"Pb": lead(**as_), "Sb": antimony, "Sn": tin, "PP": polypropylene}, "battery", 18_000 * G)


WORKED = {
    "iso14021.rc_pb": ("PASS", "9.6 kg of 10.8 kg of Pb counts: 88 %"),
    "iso14021.rc": ("PASS", "10.2 kg of 18 kg of the product counts: 56 %"),
    "ftc.260_13.unqualified": ("FAIL", "10.2 kg of 18 kg of the product counts: 56 %"),
    "leed.recycled_value": ("PASS", "9.9 kg of 18 kg of the product counts: 55.0 %"),
    "eu.2023_1542.art8_2_pb": ("PASS", "9.6 kg of 10.8 kg of Pb counts: 88.88 %"),
    "usmca.wo.pb": ("FAIL", "10.05 kg of 10.85 kg of Pb and Sb and Sn counts: 92.62 %"),
    "far.baa.domestic_end_product": ("INDETERMINATE", "no record supplies the product's components with their costs"),
    "ftc.musa_323": ("INDETERMINATE", "9.75 kg of 18 kg of the product counts: 54.16 %"),
    "dod.4872": ("NOT_APPLICABLE", "no Sm or Nd or W or Ta or Mo is recorded in it"),
    "irc.45X.sb": ("FAIL", "0.03 kg of 18 kg of the product counts: 0.16 %"),
    "cn.mofcom46.sb": ("FAIL", "0.03 kg of 0.03 kg of Sb is flagged"),
}


@pytest.mark.parametrize(("rule_id", "said"), WORKED.items())
def test_the_worked_vector_line_by_line(rule_id, said):
    judged = judge(BOOK[rule_id], battery(waste=True), as_of=LATE)
    assert (judged.would_be, judged.reasons[0]) == said


def test_the_worked_vector_where_bought_plate_scrap_is_no_waste():
    judged = judge(BOOK["eu.2023_1542.art8_2_pb"], battery(waste=False), as_of=LATE)
    assert (judged.verdict, judged.reasons[0]) == ("FAIL", "9 kg of 10.8 kg of Pb counts: 83.33 %")


def test_the_worked_vector_does_not_count_home_scrap_which_would_make_it_93_percent():
    assert Fraction(10050, 10800) > Fraction(93, 100) > Fraction(9600, 10800)
    assert judge(BOOK["eu.2023_1542.art8_2_pb"], battery(waste=True), as_of=LATE).figures["mass_mg"] == 9600 * G


def test_the_worked_vector_without_lead_from_australia_and_with_alloying_metals_from_north_american_scrap():
    scrap = {source("end_of_life", collected_in="MX", **STEPS): 30 * G}
    held = Subject({"Pb": lead(australian=False), "Sb": scrap, "Sn": scrap}, "antimonial_lead", 11_000 * G)
    assert judge(BOOK["usmca.wo.pb"], held, as_of=LATE).would_be == "PASS"


@pytest.mark.parametrize(("day", "verdict"), [("2027-12-31", "NOT_YET_IN_FORCE"), ("2028-01-01", "INDETERMINATE")])
def test_the_worked_vector_for_advanced_batteries_needs_the_split_of_costs_once_the_rule_is_in_force(day, verdict):
    assert judge(BOOK["dod.4865"], battery(), as_of=date.fromisoformat(day)).verdict == verdict


def test_antimony_that_is_not_listed_is_said_to_fail_were_it_listed():
    judged = judge(BOOK["dod.4872"], battery(), as_of=date(2027, 1, 1))
    assert judged.reasons[2] == "Sb is not listed; were it, this would be FAIL: 0 kg of 0.03 kg of Sb counts: 0.00 %"
    before = judge(BOOK["dod.4872"], battery(), as_of=date(2026, 12, 31))
    assert before.reasons[2] == "Sb is not listed; were it, this would be PASS: 0.03 kg of 0.03 kg of Sb counts: 100.00 %"


# Cost, value and limits


def judged_by(rule_id, product, *, held=None, as_of=date(2026, 6, 1)):
    portions = {"Pb": held or {source("end_of_life", assembled_in="US"): 10}}
    return judge(BOOK[rule_id], Subject(portions, "battery", 10, product=product and Product.model_validate(product)), as_of=as_of)


PLATES = {"name": "plates", "cost": "70", "made_in": "US"}
SEPARATOR = {"name": "separators", "cost": "30", "made_in": "KR"}


def test_buy_american_reckons_by_cost_and_names_what_does_not_count():
    judged = judged_by("far.baa.domestic_end_product", {"components": [PLATES, SEPARATOR]})
    assert (judged.verdict, judged.reasons) == (
        "PASS",
        (
            "70.00 % of the cost of its components counts; asked is more than 65 %",
            "not counted: separators (KR)",
            "assembled_in is in US",
        ),
    )


def test_a_component_without_a_country_leaves_open_only_what_it_could_change():
    unstated = {"name": "separators", "cost": "30"}
    assert judged_by("far.baa.domestic_end_product", {"components": [PLATES, unstated]}).verdict == "PASS"
    judged = judged_by("far.baa.domestic_end_product", {"components": [PLATES, unstated]}, as_of=date(2029, 1, 1))
    assert (judged.verdict, judged.reasons[:3]) == (
        "INDETERMINATE",
        (
            "70.00 % of the cost of its components counts; asked is more than 75 %",
            "were what is not stated in its favour, it would be 100.00 %",
            "no record supplies made_in of separators",
        ),
    )


def test_a_component_of_a_kind_that_is_not_to_be_had_counts_as_domestic_where_the_rule_says_so():
    antimony = {"name": "antimony", "cost": "30", "made_in": "CN", "nonavailable": True}
    assert judged_by("far.baa.domestic_end_product", {"components": [PLATES | {"cost": "60"}, antimony]}).verdict == "PASS"
    assert judged_by("baba.manufactured_product", {"components": [PLATES | {"cost": "30"}, antimony]}).verdict == "FAIL"


def test_the_test_of_components_is_waived_for_what_is_on_the_shelf_but_not_where_it_is_assembled():
    product = {"components": [SEPARATOR], "off_the_shelf": True}
    assert judged_by("far.baa.domestic_end_product", product).verdict == "PASS"
    abroad = {source("end_of_life", assembled_in="MX"): 10}
    judged = judged_by("far.baa.domestic_end_product", product, held=abroad)
    assert (judged.verdict, judged.reasons[-1]) == ("FAIL", "assembled_in must be in US; recorded is MX")
    assert judged_by("baba.manufactured_product", product).verdict == "FAIL"


def test_where_it_was_assembled_must_be_recorded():
    some = {source("end_of_life", assembled_in="US"): 10, GAIN: 1}
    assert judged_by("far.baa.domestic_end_product", {"components": [PLATES]}, held=some).verdict == "PASS"
    judged = judged_by("far.baa.domestic_end_product", {"components": [PLATES]}, held={source("end_of_life"): 10})
    assert (judged.verdict, judged.reasons[-1]) == ("INDETERMINATE", "assembled_in must be in US; it is not recorded")


@pytest.mark.parametrize(
    ("changes", "verdict", "reason"),
    [
        ({}, "PASS", "the licensor was screened for feoc: no hit"),
        ({"assembler_screened": ["feoc"]}, "FAIL", "the assembler was screened for feoc: a hit"),
        ({"licensor_screened": ["pfe"]}, "PASS", "the licensor was screened for feoc: no hit"),
        ({"licensor_screened": None}, "INDETERMINATE", "no record says that the licensor was screened for feoc"),
    ],
)
def test_advanced_batteries_need_functional_components_assembler_and_licensor_screened(changes, verdict, reason):
    paste = {"name": "active material", "cost": "96", "functional_cell": True, "screened": []}
    acid = {"name": "acid", "cost": "4", "functional_cell": True, "screened": ["feoc"]}
    case = {"name": "case", "cost": "900", "functional_cell": False, "screened": ["feoc"]}
    product = {"components": [paste, acid, case], "assembler_screened": [], "licensor_screened": [], **changes}
    judged = judged_by("dod.4865", product, as_of=date(2028, 1, 1))
    assert judged.verdict == verdict
    assert judged.reasons[0] == "96.00 % of the cost of its functional cell components counts; asked is more than 95 %"
    assert reason in judged.reasons


@pytest.mark.parametrize(
    ("changes", "verdict", "reason"),
    [
        ({}, "PASS", "the operators were screened for feoc: no hit"),
        ({"operators_screened": ["feoc", "pfe"]}, "FAIL", "the operators were screened for feoc: a hit"),
        ({"operators_screened": None}, "INDETERMINATE", "no record says that the operators were screened for feoc"),
        ({"assembler_screened": ["feoc"]}, "FAIL", "the assembler was screened for feoc: a hit"),
    ],
)
def test_foreign_entities_of_concern_are_looked_for_among_all_operators_on_the_path(changes, verdict, reason):
    product = {"operators_screened": [], "assembler_screened": [], "licensor_screened": [], **changes}
    judged = judged_by("feoc.screen", product, held={source("end_of_life"): 10})
    assert (judged.verdict, reason in judged.reasons) == (verdict, True)


def test_a_component_of_which_nobody_said_whether_it_is_functional_stays_open():
    paste = {"name": "active material", "cost": "96", "functional_cell": True, "screened": []}
    product = {"components": [paste, {"name": "grid", "cost": "40", "screened": []}], "assembler_screened": [], "licensor_screened": []}
    judged = judged_by("dod.4865", product, as_of=date(2028, 1, 1))
    assert (judged.verdict, judged.reasons[2]) == ("INDETERMINATE", "no record supplies functional_cell of grid")


@pytest.mark.parametrize(
    ("value", "verdict", "reasons"),
    [
        (
            {"transaction": "100", "non_originating": "40", "net_cost": "70"},
            "PASS",
            (
                "transaction value less non_originating is 60.00 %; asked is at least 60 %",
                "net_cost value less non_originating is 42.85 %; asked is at least 50 %",
            ),
        ),
        (
            {"transaction": "100", "non_originating": "41"},
            "INDETERMINATE",
            (
                "transaction value less non_originating is 59.00 %; asked is at least 60 %",
                "net_cost value less non_originating: no record supplies net_cost",
            ),
        ),
        ({"transaction": "100", "net_cost": "60", "non_originating": "41"}, "FAIL", None),
        (None, "INDETERMINATE", None),
        ({"transaction": "0", "net_cost": "60", "non_originating": "90"}, "FAIL", None),
    ],
)
def test_regional_value_is_reckoned_by_either_method(value, verdict, reasons):
    judged = judged_by("usmca.psr.8507", {"value": value} if value else {})
    assert judged.verdict == verdict
    assert reasons is None or judged.reasons[:2] == reasons


@pytest.mark.parametrize(
    ("energy", "volume", "verdict", "reason"),
    [
        ("12", "0.12", "PASS", "energy_wh per volume_l must be at least 100; stated is 12 per 0.12"),
        ("11.999", "0.1", "FAIL", "energy_wh must be at least 12; stated is 11.999"),
        ("12", "0.1200001", "FAIL", "energy_wh must be at least 12; stated is 12"),
        ("12", None, "INDETERMINATE", "energy_wh per volume_l must be at least 100: no record supplies volume_l"),
    ],
)
def test_a_cell_needs_its_energy_and_its_energy_per_litre(energy, volume, verdict, reason):
    judged = judged_by("irc.45X.cell", {"energy_wh": energy, "volume_l": volume})
    assert judged.verdict == verdict
    assert reason in judged.reasons


# Which products, which papers


@pytest.mark.parametrize(
    ("rule_id", "category", "verdict"),
    [
        ("eu.2023_1542.art8_2_pb", "lmt", "NOT_APPLICABLE"),
        ("eu.2023_1542.art8_2_pb", "sli", "PASS"),
        ("eu.2023_1542.art8_2_pb", None, "PASS"),
        ("eu.2023_1542.art8_3_pb", "lmt", "NOT_YET_IN_FORCE"),
    ],
)
def test_a_category_out_of_scope_is_not_applicable_and_does_not_fail(rule_id, category, verdict):
    product = Product(category=category)
    held = Subject({"Pb": {source("end_of_life"): 85, GAIN: 15}}, "battery", 100, product=product)
    judged = judge(BOOK[rule_id], held, as_of=LATE)
    assert judged.verdict == verdict
    if verdict == "NOT_APPLICABLE":
        assert judged.reasons == ("the rule is about batteries of category sli or ev or industrial; this is lmt",)


def test_a_rule_that_waits_for_an_act_says_so_and_what_it_would_say():
    judged = judge(BOOK["eu.2023_1542.art8_1"], Subject({"Pb": {source("end_of_life"): 5}}, "battery", 5), as_of=LATE)
    assert (judged.verdict, judged.would_be) == ("NOT_YET_IN_FORCE", "PASS")
    assert judged.reasons[-1] == "it waits for the delegated act on the method of calculation, not adopted by 2026-09-05"


@pytest.mark.parametrize(
    ("rule_id", "material"), [("rcra.266_80", "spent_battery"), ("rcra.export.ulab", "spent_battery"), ("usmca.certification", "battery")]
)
def test_papers_are_complete_incomplete_or_not_begun(rule_id, material):
    rule = BOOK[rule_id]
    held = {"Pb": {source("end_of_life"): 1}}

    def says(*supplied):
        return judge(rule, Subject(held, material, 1, supplied=supplied), as_of=LATE)

    assert (says(*rule.fields).verdict, says(*rule.fields).reasons[0]) == ("PASS", f"all {len(rule.fields)} fields are there")
    lacking = says(*rule.fields[1:])
    assert (lacking.verdict, lacking.reasons[1]) == ("FAIL", f"missing: {rule.fields[0]}")
    assert says().verdict == "INDETERMINATE"


def test_papers_of_spent_batteries_are_not_asked_of_a_product():
    judged = judge(BOOK["rcra.266_80"], Subject({"Pb": {source("end_of_life"): 1}}, "battery", 1), as_of=LATE)
    assert (judged.verdict, judged.reasons) == ("NOT_APPLICABLE", ("the rule is about spent_battery; this is battery",))


@pytest.mark.parametrize(
    ("portion", "answer", "verdict"),
    [
        (source("end_of_life", collected_in="US", smelted_in="MX"), None, "PASS"),
        (source("end_of_life", collected_in="US", smelted_in="CN"), None, "INDETERMINATE"),
        (source("end_of_life", collected_in="US", smelted_in="CN"), True, "PASS"),
        (source("end_of_life", collected_in="US", smelted_in="CN"), False, "FAIL"),
        (GAIN, None, "INDETERMINATE"),
    ],
)
def test_a_path_is_screened_by_what_is_recorded_and_a_person_answers_for_the_rest(portion, answer, verdict):
    determined = {} if answer is None else {"path_screened_without_a_hit": answer}
    held = Subject({"Pb": {portion: 5}}, "soft_lead", 5, determined=determined)
    assert judge(BOOK["uflpa.path_screen"], held, as_of=LATE).verdict == verdict


def test_tin_from_scrap_of_any_kind_is_recycled_for_conflict_minerals():
    held = Subject({"Sn": {source("home_scrap"): 5, source("end_of_life"): 5}}, "tin", 10)
    assert judge(BOOK["sec.13p1.sn"], held, as_of=LATE).verdict == "PASS"
    mined = Subject({"Sn": {source("primary"): 5}}, "tin", 5)
    assert judge(BOOK["sec.13p1.sn"], mined, as_of=LATE).verdict == "INDETERMINATE"


# Joint claims


def all_three() -> Rule:
    """End-of-life, collected and smelted in the US: three things asked of one and the same metal."""
    data = BOOK["usmca.wo.pb"].model_dump(mode="json", by_alias=True)
    asked = {"classes": ["end_of_life"], "origin": ["collected_in"]}
    return Rule.model_validate(
        data | {"numerator": [asked], "countries": ["US"], "facts": ["smelted_in"], "operator": "report", "threshold": None}
    )


def test_what_is_asked_together_is_asked_of_each_portion_not_of_three_sums():
    """Half of the lead is end-of-life, half was collected in the US, half smelted there, and not a milligram is all three."""
    held = {
        source("end_of_life", collected_in="US", smelted_in="MX"): 50,
        source("primary", mined_in="US", smelted_in="US"): 50,
    }
    rows = {claim.characteristic: claim.mass_mg for claim in claims("Pb", held)}
    assert (rows["end_of_life"], rows["collected_in:US"], rows["smelted_in:US"]) == (50, 50, 50)
    judged = judge(all_three(), Subject({"Pb": held}, "soft_lead", 100), as_of=LATE)
    assert (judged.verdict, judged.figures["mass_mg"]) == ("FAIL", 0)
    least = max(0, rows["end_of_life"] + rows["collected_in:US"] + rows["smelted_in:US"] - 200)
    assert least == 0, "nor do the three sums say more than that it might be nothing"


def test_the_same_three_sums_may_hide_half_of_it():
    held = {source("end_of_life", collected_in="US", smelted_in="US"): 50, source("primary", mined_in="AU", smelted_in="MX"): 50}
    rows = {claim.characteristic: claim.mass_mg for claim in claims("Pb", held)}
    assert (rows["end_of_life"], rows["collected_in:US"], rows["smelted_in:US"]) == (50, 50, 50)
    assert judge(all_three(), Subject({"Pb": held}, "soft_lead", 100), as_of=LATE).figures["mass_mg"] == 50


def test_of_many_portions_the_largest_are_named_and_the_rest_put_together():
    places = ["US", "AT", "BE", "DE", "DK", "ES", "FR", "GB", "KR"]
    held = {source("end_of_life", smelted_in=place): 100 - number for number, place in enumerate(places)}
    reasons = judged_by("ntib.origin", None, held=held).reasons
    said = [reason for reason in reasons if "lies outside" in reason]
    assert said[0].startswith("0.000099 kg of Pb (end_of_life) lies outside US, CA, GB, AU, NZ: ")
    assert len(said) == 4
    assert reasons[reasons.index(said[-1]) + 1] == "the same holds of 3 smaller portions, 0.000281 kg together"


def test_one_portion_more_than_are_named_is_named_too():
    held = {source("end_of_life", smelted_in=place): 100 for place in ["US", "AT", "BE", "DE", "DK", "ES"]}
    assert not [reason for reason in judged_by("ntib.origin", None, held=held).reasons if "the same holds" in reason]
