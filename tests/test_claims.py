"""Claims: figures of a certificate, derived from portions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.matter.claims import NOT_RECLAIMABLE, Claim, Share, claims, evidence_share, floored_percent, mass_where
from ledger.matter.provenance import GAIN, Portions, Source
from schemas.feedstock import FEEDSTOCKS


def source(feedstock, *, documented=False, determined=(), **places):
    facts = tuple(sorted((fact, tuple(sorted(countries.split("+")))) for fact, countries in places.items()))
    return Source(feedstock, facts, documented, "", tuple(determined))


def figures(constituent, portions, cautious=None):
    return {claim.characteristic: claim for claim in claims(constituent, portions, cautious)}


BATTERY: Portions = {
    source("end_of_life", collected_in="US", smelted_in="US", documented=True): 8_100_000,
    source("end_of_life", collected_in="MX", smelted_in="US"): 900_000,
    source("pre_consumer_external", generated_in="US", smelted_in="US"): 600_000,
    source("home_scrap", generated_in="US"): 450_000,
    source("primary", mined_in="AU", smelted_in="AU+unknown"): 750_000,
}


def test_every_feedstock_class_is_stated_also_when_it_is_zero():
    found = figures("Pb", BATTERY)
    assert {name: found[name].mass_mg for name in FEEDSTOCKS} == {
        "end_of_life": 9_000_000,
        "distribution_return": 0,
        "pre_consumer_external": 600_000,
        "pre_consumer_internal": 0,
        "home_scrap": 450_000,
        "by_product": 0,
        "primary": 750_000,
        "unknown": 0,
    }
    assert {claim.of_mg for claim in found.values()} == {10_800_000}


def test_consumer_classes_are_added_up_and_home_scrap_never_is():
    found = figures("Pb", {**BATTERY, source("distribution_return"): 100_000})
    assert found["post_consumer"].mass_mg == 9_100_000
    assert found["pre_consumer"].mass_mg == 600_000
    assert found["recycled_content"].mass_mg == 9_700_000
    assert found["recovered_from_waste"].mass_mg == 9_700_000


@pytest.mark.parametrize(("determined", "pre_consumer"), [((), 0), (((NOT_RECLAIMABLE, False),), 0), (((NOT_RECLAIMABLE, True),), 50)])
def test_own_waste_is_pre_consumer_only_with_a_finding_that_its_process_could_not_take_it_back(determined, pre_consumer):
    found = figures("Pb", {source("pre_consumer_internal", determined=determined): 50, source("primary"): 50})
    assert found["pre_consumer"].mass_mg == pre_consumer
    assert found["recycled_content"].mass_mg == pre_consumer
    assert found["recovered_from_waste"].mass_mg == 50


def test_each_distinct_set_of_countries_is_its_own_claim_and_an_absent_fact_is_unknown():
    found = figures("Pb", BATTERY)
    places = {name: claim.mass_mg for name, claim in found.items() if ":" in name}
    assert places == {
        "collected_in:MX": 900_000,
        "collected_in:US": 8_100_000,
        "collected_in:unknown": 1_800_000,
        "generated_in:US": 1_050_000,
        "generated_in:unknown": 9_750_000,
        "mined_in:AU": 750_000,
        "mined_in:unknown": 10_050_000,
        "smelted_in:AU+unknown": 750_000,
        "smelted_in:US": 9_600_000,
        "smelted_in:unknown": 450_000,
        "refined_in:unknown": 10_800_000,
    }


def test_claims_stand_in_the_order_of_the_field():
    assert [claim.characteristic for claim in claims("Sb", {GAIN: 1})] == [
        *FEEDSTOCKS,
        "post_consumer",
        "pre_consumer",
        "recycled_content",
        "recovered_from_waste",
        "collected_in:unknown",
        "smelted_in:unknown",
        "refined_in:unknown",
    ]


def test_an_empty_constituent_claims_nothing_of_nothing():
    found = claims("Sb", {})
    assert {(claim.mass_mg, claim.of_mg, claim.percent) for claim in found} == {(0, 0, "0.00")}
    assert len(found) == 12


def test_after_a_loss_beyond_the_bound_the_lower_figure_is_claimed_and_the_higher_unknown():
    booked = {source("end_of_life", collected_in="US"): 900, source("pre_consumer_external"): 80, source("primary"): 10, GAIN: 10}
    cautious = {source("end_of_life", collected_in="US"): 850, source("pre_consumer_external"): 85, source("primary"): 50, GAIN: 15}
    found = figures("Pb", booked, cautious)
    assert found["end_of_life"] == Claim("Pb", "end_of_life", 850, 1000, 900)
    assert found["pre_consumer_external"] == Claim("Pb", "pre_consumer_external", 80, 1000, 80)
    assert found["unknown"] == Claim("Pb", "unknown", 15, 1000, 10)
    assert found["recycled_content"] == Claim("Pb", "recycled_content", 930, 1000, 980)
    assert found["collected_in:US"] == Claim("Pb", "collected_in:US", 850, 1000, 900)
    assert found["collected_in:unknown"] == Claim("Pb", "collected_in:unknown", 150, 1000, 100)


def test_a_place_that_only_one_of_both_sets_has_is_stated_with_nothing():
    found = figures("Pb", {GAIN: 5}, {source("primary", mined_in="AU"): 5})
    assert found["mined_in:AU"] == Claim("Pb", "mined_in:AU", 0, 5, 0)


def test_a_claim_prints_the_booked_figure_only_where_it_differs():
    assert Claim("Pb", "primary", 1, 3, 1).as_data() == {
        "constituent": "Pb",
        "characteristic": "primary",
        "mass_mg": 1,
        "of_mg": 3,
        "percent": "33.33",
    }
    assert Claim("Pb", "primary", 1, 3, 2).as_data()["booked_mg"] == 2


@pytest.mark.parametrize(
    ("part", "whole", "places", "percent"),
    [
        (9_229_895_679, 10_000_000_000, 2, "92.29"),
        (99_999_999, 100_000_000, 2, "99.99"),
        (1, 1, 2, "100.00"),
        (2, 3, 0, "66"),
        (1, 2000, 2, "0.05"),
        (1, 3, 6, "33.333333"),
        (0, 0, 2, "0.00"),
        (2**53 - 2, 2**53 - 1, 2, "99.99"),
    ],
)
def test_a_percentage_is_floored_from_whole_numbers(part, whole, places, percent):
    assert floored_percent(part, whole, places=places) == percent


def test_the_evidence_share_is_the_part_that_rests_on_documents():
    assert evidence_share(BATTERY) == Share(8_100_000, 10_800_000)
    assert evidence_share(BATTERY).as_data() == {"mass_mg": 8_100_000, "of_mg": 10_800_000, "percent": "75.00"}


def test_several_facts_at_once_are_asked_of_each_portion():
    def strict(held):
        return held.feedstock == "end_of_life" and held.countries("collected_in") == ("US",) and held.countries("smelted_in") == ("US",)

    assert mass_where(BATTERY, strict) == 8_100_000


@given(
    st.dictionaries(st.builds(Source, st.sampled_from(FEEDSTOCKS), st.just((("smelted_in", ("US",)),))), st.integers(1, 10**12), min_size=1)
)
def test_classes_and_each_place_fact_sum_to_the_whole(portions):
    found = figures("Pb", portions)
    whole = sum(portions.values())
    assert sum(found[name].mass_mg for name in FEEDSTOCKS) == whole
    for fact in ("collected_in", "smelted_in", "refined_in"):
        assert sum(claim.mass_mg for name, claim in found.items() if name.startswith(f"{fact}:")) == whole


def test_of_what_is_determined_the_lower_figure_is_claimed():
    internal = source("pre_consumer_internal", determined=[(NOT_RECLAIMABLE, True)])
    found = figures("Pb", {internal: 700, source("primary"): 300}, {internal: 400, source("primary"): 600})
    assert (found["pre_consumer"].mass_mg, found["pre_consumer"].booked_mg) == (400, 700)
