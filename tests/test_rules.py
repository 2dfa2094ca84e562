"""Rules as data, and the one evaluator that judges by them."""

import json
import re
from datetime import date
from importlib.resources import files
from typing import get_args

import pytest

from ledger.errors import DuplicateError, EncodingError, EvidenceError, FormatError, LimitError, UnknownError
from ledger.matter.claims import NOT_RECLAIMABLE
from ledger.matter.provenance import GAIN, Source
from ledger.rules.book import own, parse_rule, read_rule
from ledger.rules.judge import Subject, judge
from ledger.tlog import canonical
from schemas.rule import Kind, Rule

G = 1000
EARLY, LATE = date(2026, 6, 1), date(2032, 1, 1)
STEPS = {"smelted_in": "US", "refined_in": "US", "alloyed_in": "US", "assembled_in": "US"}


def source(feedstock, *, determined=(), **places):
    facts = tuple(sorted((fact, tuple(sorted(countries.split("+")))) for fact, countries in places.items()))
    return Source(feedstock, facts, determined=tuple(determined))


def lead(*, pre_external=None, without_primary=False):
    """The lead of the worked vector, 10,0.8 kg; `pre_external` answers a question on the bought plate scrap."""
    found = {
        source("end_of_life", collected_in="US", **STEPS): 8100 * G,
        source("end_of_life", collected_in="MX", **STEPS): 900 * G,
        source("pre_consumer_external", generated_in="US", determined=pre_external or (), **STEPS): 600 * G,
        source("home_scrap", generated_in="US", **STEPS): 450 * G,
        source("primary", mined_in="AU", smelted_in="AU", refined_in="AU", alloyed_in="US", assembled_in="US"): 750 * G,
    }
    return dict(list(found.items())[:-1]) if without_primary else found


ANTIMONY = {source("primary", mined_in="CN", smelted_in="unknown", refined_in="US", alloyed_in="US", assembled_in="US"): 30 * G}
TIN = {source("primary", mined_in="unknown", **STEPS): 20 * G}
RECOVERED = {source("end_of_life", collected_in="US", **STEPS): 30 * G}


def battery(**lead_as):
    return Subject({"Pb": lead(**lead_as), "Sb": ANTIMONY, "Sn": TIN}, "battery", 18_000 * G)


def only(constituent, portions, **more):
    return Subject({constituent: portions}, "soft_lead", sum(portions.values()), **more)


def verdict(rule_id, subject, as_of=LATE):
    return judge(own().load(rule_id).rule, subject, as_of=as_of).would_be


def changed(rule_id, **changes):
    """Return a rule of the book with some of its data changed."""
    data = json.loads(files("ledger").joinpath(f"data/rules/{rule_id}.json").read_bytes())
    return Rule.model_validate(data | changes)


def share(counting, whole):
    """Lead of which `counting` mg are end-of-life and the others primary."""
    return only("Pb", {source("end_of_life"): counting, source("primary"): whole - counting})


def test_the_worked_vector_of_recycled_content():
    found = {one.rule.id: judge(one.rule, battery(), as_of=LATE) for one in own().for_kind("recycled-content")}
    assert {rule_id: (judged.would_be, judged.figures) for rule_id, judged in found.items()} == {
        "iso14021.rc_pb": ("PASS", {"mass_mg": 9600 * G, "upper_mg": 9600 * G, "of_mg": 10_800 * G}),
        "ftc.260_13.qualified": ("PASS", {"mass_mg": 9000 * G, "upper_mg": 9600 * G, "of_mg": 18_000 * G}),
        "eu.2023_1542.art8_2_pb": ("INDETERMINATE", {"mass_mg": 9000 * G, "upper_mg": 9600 * G, "of_mg": 10_800 * G}),
    }
    assert found["iso14021.rc_pb"].reasons == (
        "9.6 kg of 10.8 kg of Pb counts: 88 %",
        "0.75 kg of Pb (primary) does not count",
        "home scrap (0.45 kg) is left out of what counts and stays in the whole",
    )
    assert found["eu.2023_1542.art8_2_pb"].reasons == (
        "9 kg of 10.8 kg of Pb counts: 83.33 %",
        "0.6 kg of Pb is pre_consumer_external, which counts only if a named person answers is_waste with yes",
        "answered with no it is 83.33 %, with yes 88.88 %",
        "asked is at least 85 %, 9.18 kg",
        "0.75 kg of Pb (primary) does not count",
        "home scrap (0.45 kg) is left out of what counts and stays in the whole",
    )


def test_the_worked_vector_of_domestic_origin():
    found = {one.rule.id: judge(one.rule, battery(), as_of=EARLY) for one in own().for_kind("domestic-origin")}
    assert {rule_id: judged.would_be for rule_id, judged in found.items()} == {
        "usmca.wo.pb": "FAIL",
        "ftc.musa_323": "INDETERMINATE",
        "ntib.origin": "FAIL",
        "cn.mofcom46.sb": "FAIL",
    }
    assert found["usmca.wo.pb"].reasons == (
        "10.05 kg of 10.85 kg of Pb and Sb and Sn counts: 92.62 %",
        "asked is exactly 100 %, 10.85 kg",
        "0.75 kg of Pb (primary) lies outside US, CA, MX: mined_in AU, refined_in AU, smelted_in AU",
        "0.03 kg of Sb (primary) lies outside US, CA, MX: mined_in CN",
        "0.02 kg of Sn (primary) is of unknown class or place; this counts against",
        "the rule speaks of a lot of unwrought lead or alloy, with every metal in it; what is judged here is battery",
    )
    assert found["ftc.musa_323"].reasons[:2] == (
        "9.15 kg of 18 kg of the product counts: 50.83 %",
        "to disclose: foreign 1.68 kg, unknown or not recorded 7.17 kg",
    )
    assert "7.15 kg of the product is in no recorded constituent and does not count" in found["ftc.musa_323"].reasons


@pytest.mark.parametrize(("answer", "would_be"), [(True, "PASS"), (False, "FAIL")])
def test_a_signed_answer_decides_whether_bought_plate_scrap_is_waste(answer, would_be):
    assert verdict("eu.2023_1542.art8_2_pb", battery(pre_external=(("is_waste", answer),))) == would_be


def test_an_answer_to_another_question_leaves_this_one_open():
    assert verdict("eu.2023_1542.art8_2_pb", battery(pre_external=(("diverted_from_waste_stream", True),))) == "INDETERMINATE"


def test_an_open_question_on_which_both_readings_agree_decides_nothing():
    subject = only("Pb", {source("end_of_life"): 90, source("distribution_return"): 5, source("primary"): 5})
    assert verdict("eu.2023_1542.art8_2_pb", subject) == "PASS"
    assert verdict("eu.2023_1542.art8_2_pb", only("Pb", {source("pre_consumer_internal"): 84, source("primary"): 16})) == "FAIL"


def test_home_scrap_is_not_counted_though_it_would_lift_the_share():
    judged = judge(own().load("eu.2023_1542.art8_2_pb").rule, battery(pre_external=(("is_waste", False),)), as_of=LATE)
    assert (judged.verdict, judged.figures["mass_mg"]) == ("FAIL", 9000 * G)


def test_home_scrap_netted_out_leaves_the_whole_too():
    judged = judge(changed("iso14021.rc_pb", home_scrap="net_out", printed_places=2), battery(), as_of=EARLY)
    assert judged.figures == {"mass_mg": 9600 * G, "upper_mg": 9600 * G, "of_mg": 10_350 * G}
    assert judged.reasons[0] == "9.6 kg of 10.35 kg of Pb counts: 92.75 %"
    assert judged.reasons[-1] == "home scrap (0.45 kg) is left out of what counts and of the whole"


def test_nothing_but_home_scrap_netted_out_meets_no_threshold():
    rule = changed("eu.2023_1542.art8_2_pb", home_scrap="net_out")
    judged = judge(rule, only("Pb", {source("home_scrap"): 5}), as_of=LATE)
    assert (judged.verdict, judged.figures["of_mg"]) == ("FAIL", 0)


@pytest.mark.parametrize(("operator", "verdicts"), [(">=", "FAIL PASS PASS"), (">", "FAIL FAIL PASS"), ("==", "FAIL PASS FAIL")])
def test_one_milligram_decides_at_the_threshold(operator, verdicts):
    rule = changed("eu.2023_1542.art8_2_pb", operator=operator)
    masses = (84_999_999, 85_000_000, 85_000_001)
    assert [judge(rule, share(mass, 100_000_000), as_of=LATE).verdict for mass in masses] == verdicts.split()


@pytest.mark.parametrize(("operator", "asked"), [(">=", "at least"), (">", "more than"), ("==", "exactly")])
def test_a_threshold_is_printed_with_the_mass_that_it_asks(operator, asked):
    judged = judge(changed("eu.2023_1542.art8_2_pb", operator=operator, threshold="33.3"), share(1, 7), as_of=LATE)
    assert f"asked is {asked} 33.3 %, 0.000003 kg" in judged.reasons


@pytest.mark.parametrize(
    ("day", "verdict"),
    [("2031-08-17", "NOT_YET_IN_FORCE"), ("2031-08-18", "PASS"), ("2036-08-17", "PASS"), ("2036-08-18", "EXPIRED")],
)
def test_a_rule_is_in_force_from_its_first_to_its_last_day(day, verdict):
    judged = judge(own().load("eu.2023_1542.art8_2_pb").rule, share(85, 100), as_of=date.fromisoformat(day))
    assert (judged.verdict, judged.would_be) == (verdict, "PASS")
    said = "the rule is future, in force from 2031-08-18 to 2036-08-17"
    assert (said in judged.reasons) == (verdict != "PASS")


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"status": "proposed"}, "NOT_YET_IN_FORCE"),
        ({"status": "ended"}, "EXPIRED"),
        ({"status": "ended", "effective_to": "2026-05-31"}, "EXPIRED"),
        ({"status": "ended", "effective_to": "2026-06-01"}, "PASS"),
    ],
)
def test_a_proposed_rule_is_not_yet_and_an_ended_one_no_longer_in_force(changes, verdict):
    judged = judge(changed("iso14021.rc_pb", **changes), share(1, 2), as_of=EARLY)
    assert (judged.verdict, judged.would_be) == (verdict, "PASS")


def test_a_threshold_in_steps_is_the_one_of_its_day():
    steps = [{"from": None, "to": "2030-12-30", "percent": "75"}, {"from": "2030-12-31", "to": None, "percent": "80"}]
    rule = changed("eu.2023_1542.art8_2_pb", threshold=steps, effective_from=None)
    assert [judge(rule, share(77, 100), as_of=day).verdict for day in (EARLY, LATE)] == ["PASS", "FAIL"]
    assert changed("eu.2023_1542.art8_2_pb", threshold=steps[1:]).threshold_on("2026-06-01") == "80"


def test_a_report_passes_with_anything_above_zero_and_fails_with_nothing():
    assert verdict("iso14021.rc_pb", share(1, 100_000_000)) == "PASS"
    assert verdict("iso14021.rc_pb", share(0, 100_000_000)) == "FAIL"


def test_a_report_that_rests_wholly_on_an_open_question_is_indeterminate():
    subject = only("Pb", {source("pre_consumer_internal"): 5, source("primary"): 5})
    judged = judge(own().load("iso14021.rc_pb").rule, subject, as_of=EARLY)
    assert judged.verdict == "INDETERMINATE"
    assert judged.reasons[:3] == (
        "0 kg of 0.00001 kg of Pb counts: 0 %",
        f"0.000005 kg of Pb is pre_consumer_internal, which counts only if a named person answers {NOT_RECLAIMABLE} with yes",
        "answered with no it is 0 %, with yes 50 %",
    )


def test_unknown_lowers_a_share_and_is_named():
    judged = judge(own().load("eu.2023_1542.art8_2_pb").rule, only("Pb", {source("end_of_life"): 84, GAIN: 16}), as_of=LATE)
    assert judged.verdict == "FAIL"
    assert "0.000016 kg of Pb (unknown) is of unknown class; this counts against" in judged.reasons


def test_after_a_loss_beyond_the_bound_the_lower_reading_is_judged():
    booked, cautious = share(86, 100).portions["Pb"], share(84, 100).portions["Pb"]
    judged = judge(own().load("eu.2023_1542.art8_2_pb").rule, only("Pb", booked, cautious={"Pb": cautious}), as_of=LATE)
    assert (judged.verdict, judged.figures["mass_mg"]) == ("FAIL", 84)
    assert judged.reasons[1] == "0.000086 kg counts as booked; the lower is claimed because a loss went beyond its bound"


def test_a_class_that_the_cautious_portions_lost_wholly_claims_nothing():
    subject = only("Pb", {source("end_of_life"): 5, GAIN: 5}, cautious={"Pb": {GAIN: 10}})
    judged = judge(own().load("iso14021.rc_pb").rule, subject, as_of=EARLY)
    assert judged.verdict == "FAIL"
    assert "0.00001 kg of Pb (unknown) is of unknown class; this counts against" in judged.reasons


def test_a_product_without_the_element_is_not_applicable_on_any_day():
    judged = judge(own().load("cn.mofcom46.sb").rule, only("Pb", lead()), as_of=date(2020, 1, 1))
    assert judged == ("NOT_APPLICABLE", "NOT_APPLICABLE", ("no Sb is recorded in it",), {"mass_mg": 0, "upper_mg": 0, "of_mg": 0})
    assert judge(own().load("usmca.wo.pb").rule, only("Sn", TIN), as_of=EARLY).reasons == ("no Pb or Sb is recorded in it",)
    assert judge(own().load("ftc.musa_323").rule, Subject({"Pb": {}}, "battery", 5), as_of=EARLY).reasons == (
        "no constituent is recorded in it",
    )


def test_all_elements_may_be_looked_at_as_elements():
    rule = changed("iso14021.rc_pb", elements=["ALL"])
    assert judge(rule, only("Sn", TIN), as_of=EARLY).figures["of_mg"] == 20 * G


def test_lead_and_alloying_metals_from_north_american_scrap_are_wholly_obtained():
    subject = Subject({"Pb": lead(without_primary=True), "Sb": RECOVERED, "Sn": RECOVERED}, "antimonial_lead", 20_000 * G)
    judged = judge(own().load("usmca.wo.pb").rule, subject, as_of=EARLY)
    assert (judged.verdict, judged.reasons) == (
        "PASS",
        ("10.11 kg of 10.11 kg of Pb and Sb and Sn counts: 100.00 %", "asked is exactly 100 %, 10.11 kg"),
    )


@pytest.mark.parametrize(
    ("portion", "reason"),
    [
        (source("primary", mined_in="MX", smelted_in="MX"), None),
        (source("end_of_life", collected_in="US"), None),
        (source("by_product", generated_in="CA+US"), None),
        (source("end_of_life", collected_in="US", mined_in="AU"), None),
        (source("end_of_life", collected_in="DE"), "lies outside US, CA, MX: collected_in DE"),
        (source("end_of_life", collected_in="US", generated_in="DE"), "lies outside US, CA, MX: generated_in DE"),
        (source("end_of_life", collected_in="US", smelted_in="KR+US"), "lies outside US, CA, MX: smelted_in KR"),
        (source("end_of_life", collected_in="US+unknown"), "is of unknown class or place; this counts against"),
        (source("end_of_life", collected_in="US", smelted_in="unknown"), "is of unknown class or place; this counts against"),
        (source("end_of_life"), "is of unknown class or place; this counts against"),
        (source("primary", collected_in="US"), "is of unknown class or place; this counts against"),
        (source("unknown", mined_in="US"), "is of unknown class or place; this counts against"),
        (source("unknown", mined_in="PE"), "lies outside US, CA, MX: mined_in PE"),
    ],
)
def test_one_milligram_from_elsewhere_or_from_nowhere_known_breaks_wholly_obtained(portion, reason):
    judged = judge(
        own().load("usmca.wo.pb").rule, only("Sb", {source("end_of_life", collected_in="US", **STEPS): 10**9, portion: 1}), as_of=EARLY
    )
    assert judged.verdict == ("FAIL" if reason else "PASS")
    assert reason is None or f"0.000001 kg of Sb ({portion.feedstock}) {reason}" in judged.reasons


def test_polymers_and_elements_that_are_no_metal_do_not_decide_where_metal_is_from():
    subject = Subject({"Pb": RECOVERED, "PP": {GAIN: 5}, "S": {GAIN: 5}}, "battery", 10**9)
    assert verdict("usmca.wo.pb", subject, EARLY) == "PASS"


def test_made_in_usa_passes_only_what_the_records_cover_to_the_milligram():
    held = {source("end_of_life", collected_in="US", **STEPS): 10}
    assert verdict("ftc.musa_323", Subject({"Pb": held}, "battery", 10)) == "PASS"
    assert verdict("ftc.musa_323", Subject({"Pb": held}, "battery", 11)) == "INDETERMINATE"
    assert verdict("ftc.musa_323", Subject({"Pb": {**held, GAIN: 1}}, "battery", 11)) == "INDETERMINATE"
    assert verdict("ftc.musa_323", Subject({"Pb": {**held, source("unknown", collected_in="US"): 1}}, "battery", 11)) == "INDETERMINATE"


@pytest.mark.parametrize(
    ("assembled_in", "would_be"), [("MX", "FAIL"), ("MX+US", "FAIL"), ("US", "INDETERMINATE"), ("unknown", "INDETERMINATE")]
)
def test_made_in_usa_fails_what_is_assembled_elsewhere(assembled_in, would_be):
    held = {source("end_of_life", collected_in="MX", **(STEPS | {"assembled_in": assembled_in})): 10}
    assert verdict("ftc.musa_323", Subject({"Pb": held}, "battery", 10)) == would_be


@pytest.mark.parametrize(("answer", "would_be", "word"), [(True, "PASS", "yes"), (False, "FAIL", "no")])
def test_a_named_persons_finding_on_the_product_decides_all_or_virtually_all(answer, would_be, word):
    subject = Subject(battery().portions, "battery", 18_000 * G, determined={"all_or_virtually_all": answer})
    judged = judge(own().load("ftc.musa_323").rule, subject, as_of=EARLY)
    assert judged.verdict == would_be
    assert judged.reasons[-1] == f"whether all_or_virtually_all holds is for a named person to find: a named person answered {word}"


def test_every_recorded_step_inside_the_industrial_base_passes():
    held = {source("end_of_life", smelted_in="CA", refined_in="US"): 5, source("primary", mined_in="CN", smelted_in="AU+GB"): 5}
    assert verdict("ntib.origin", only("Pb", held)) == "PASS"


@pytest.mark.parametrize("portion", [source("primary", smelted_in="MX"), source("primary", smelted_in="unknown"), source("primary"), GAIN])
def test_a_step_outside_unknown_or_not_recorded_is_not_inside_the_industrial_base(portion):
    assert verdict("ntib.origin", only("Sb", {source("end_of_life", smelted_in="US"): 10**9, portion: 1})) == "FAIL"


@pytest.mark.parametrize(
    ("portion", "would_be", "reasons"),
    [
        (
            source("primary", mined_in="CN"),
            "FAIL",
            ("0.000001 kg of 0.000001 kg of Sb is flagged", "0.000001 kg of Sb (primary): mined_in CN"),
        ),
        (
            source("primary", mined_in="BO", smelted_in="CN+TH"),
            "FAIL",
            ("0.000001 kg of 0.000001 kg of Sb is flagged", "0.000001 kg of Sb (primary): smelted_in CN"),
        ),
        (source("end_of_life", collected_in="US"), "PASS", ("0 kg of 0.000001 kg of Sb is flagged",)),
        (
            GAIN,
            "PASS",
            (
                "0 kg of 0.000001 kg of Sb is flagged",
                "0.000001 kg of Sb (unknown) is of unknown class or place; the flag cannot speak for it",
            ),
        ),
    ],
)
def test_antimony_is_flagged_by_a_recorded_chinese_place_and_unknown_antimony_is_named(portion, would_be, reasons):
    judged = judge(own().load("cn.mofcom46.sb").rule, only("Sb", {portion: 1}), as_of=EARLY)
    assert judged.would_be == would_be
    assert judged.reasons == (*reasons, "suspended from 2025-11-09 to 2026-11-27, so on 2026-06-01")


def test_a_flag_counts_what_either_set_of_portions_holds():
    subject = only("Sb", {source("end_of_life", collected_in="US"): 5}, cautious={"Sb": {source("primary", mined_in="CN"): 5}})
    assert verdict("cn.mofcom46.sb", subject) == "FAIL"


def test_a_suspension_is_printed_after_its_last_day_without_a_word_on_the_day():
    held = {source("primary", mined_in="CN"): 1}
    judged = judge(own().load("cn.mofcom46.sb").rule, only("Sb", held), as_of=date(2026, 11, 28))
    assert judged.reasons[-1] == "suspended from 2025-11-09 to 2026-11-27"
    rule = changed("cn.mofcom46.sb", suspended=[{"from": None, "to": None}])
    assert judge(rule, only("Sb", held), as_of=EARLY).reasons[-1] == "suspended from the beginning to further notice, so on 2026-06-01"


def test_a_rule_that_needs_data_which_no_record_supplies_is_indeterminate_and_names_it():
    judged = judge(changed("iso14021.rc_pb", missing=["component cost", "net cost"]), share(1, 2), as_of=EARLY)
    assert judged.verdict == "INDETERMINATE"
    assert judged.reasons[-1] == "no record supplies component cost, net cost"


def test_a_rule_of_low_confidence_says_that_it_was_not_checked():
    judged = judge(changed("iso14021.rc_pb", confidence="L"), share(1, 2), as_of=EARLY)
    assert judged.reasons[-1] == "the rule was not checked against the source text"


def test_a_class_may_count_by_more_than_one_question():
    terms = [{"classes": ["end_of_life"], "question": "first"}, {"classes": ["end_of_life"], "question": "second"}]
    rule = changed("iso14021.rc_pb", numerator=terms)
    asked = [(("first", False), ("second", True)), (("first", False),), (("first", False), ("second", False))]
    held = [only("Pb", {source("end_of_life", determined=answers): 1}) for answers in asked]
    assert [judge(rule, subject, as_of=EARLY).verdict for subject in held] == ["PASS", "INDETERMINATE", "FAIL"]


def test_each_kind_of_certificate_runs_rules_of_its_kind():
    kinds: tuple[Kind, ...] = get_args(Kind)
    assert {(kind, one.rule.kind) for kind in kinds for one in own().for_kind(kind)} == {(kind, kind) for kind in kinds}


def test_a_rules_hash_is_that_of_its_canonical_file():
    entry = own().load("ntib.origin")
    data = files("ledger").joinpath("data/rules/ntib.origin.json").read_bytes()
    assert entry.sha256 == read_rule(data, file="ntib.origin.json").sha256
    assert entry.sha256 == read_rule(data.replace(b"\n", b""), file="ntib.origin.json").sha256
    assert len({one.sha256 for one in own().all()}) == len(own().all())


def test_an_unknown_rule_is_refused():
    with pytest.raises(UnknownError, match=re.escape("no rule ../policy-1 in the book of rules")) as refusal:
        own().load("../policy-1")
    assert refusal.value.hint == "list them with `plumbline rules`; a pack of your own: --rule-pack DIR"


def of_acme(**changes):
    """A customer's own rule file: 90 % of the lead recycled."""
    data = json.loads(files("ledger").joinpath("data/rules/iso14021.rc_pb.json").read_bytes())
    mine = {"id": "acme.lead", "title": "Acme lead specification", "citation": "Acme SPEC-7", "operator": ">=", "threshold": "88.5"}
    return json.dumps(data | mine | changes).encode()


def test_a_pack_adds_rules_of_somebodys_own_that_judge_like_any_other():
    book = own().with_pack({"acme.lead.json": of_acme()})
    assert len(book.all()) == len(own().all()) + 1
    judged = judge(book.load("acme.lead").rule, battery(), as_of=EARLY)
    assert (judged.verdict, judged.reasons[1]) == ("PASS", "asked is at least 88.5 %, 9.558 kg")
    with pytest.raises(UnknownError):
        own().load("acme.lead")


def test_a_pack_cannot_put_another_rule_in_a_known_ones_place():
    with pytest.raises(DuplicateError, match=re.escape("rule iso14021.rc_pb exists already")) as refusal:
        own().with_pack({"iso14021.rc_pb.json": of_acme(id="iso14021.rc_pb")})
    assert refusal.value.hint == "give a rule of your own an id of your own, such as acme.lead.recycled"


def test_a_rule_that_came_with_a_certificate_is_used_and_named():
    mine = own().load("iso14021.rc_pb")
    other, newer = (parse_rule(data, what="x") for data in (of_acme(), of_acme(id="iso14021.rc_pb", version="2")))
    book, said = own().with_supplied([mine, other])
    assert (book.load("acme.lead"), said) == (
        other, ["rule acme.lead v1 is none of this program's; it came with the certificate: Acme SPEC-7"],
    )  # fmt: skip
    book, said = own().with_supplied([newer])
    assert (book.load("iso14021.rc_pb"), said) == (
        newer, ["rule iso14021.rc_pb v2 came with the certificate; this program has v1"],
    )  # fmt: skip
    message = "rule iso14021.rc_pb v1 came with the certificate and differs from this program's of that version"
    with pytest.raises(EvidenceError, match=re.escape(message)):
        own().with_supplied([parse_rule(of_acme(id="iso14021.rc_pb"), what="x")])


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (lambda data: data[:-3], EncodingError, "ntib.origin.json: not JSON at column"),
        (lambda data: data.replace(b'"scope"', b'"scoop"'), FormatError, "ntib.origin.json, field scope: Field required"),
        (
            lambda data: data.replace(b'"ntib.origin"', b'"ntib.other"'),
            FormatError,
            "ntib.origin.json, field id: holds the rule ntib.other",
        ),
        (
            lambda data: data.replace(b'"all_in"', b'">="'),
            FormatError,
            "ntib.origin.json: operator >= does not go with measure set_membership: want all_in",
        ),
        (
            lambda data: data.replace(b"No certificate", b"No\\tcertificate"),
            FormatError,
            "ntib.origin.json, field notes: holds a character",
        ),
    ],
)
def test_a_damaged_rule_file_is_refused(damage, error, message):
    data = damage(files("ledger").joinpath("data/rules/ntib.origin.json").read_bytes())
    with pytest.raises(error, match="^" + re.escape(message)):
        read_rule(data, file="ntib.origin.json")


def test_a_rule_that_evidence_could_not_carry_is_refused():
    data = json.loads(own().load("scs103.v8").canonical)
    data["numerator"] *= 1_000
    with pytest.raises(LimitError, match=r"^the rule in scs103.v8.json has [0-9]+ bytes, the limit is 65531$"):
        read_rule(canonical.encode(data), file="scs103.v8.json")
