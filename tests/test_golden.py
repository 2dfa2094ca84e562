"""The reference campaign, ten trucks to three thousand batteries, gives the shares that exact fractions give."""

from decimal import Decimal

import pytest

from campaign import Plants
from ledger.matter.claims import claims
from ledger.view import LAST

TOLERANCE = Decimal("0.0001")


@pytest.fixture(scope="module")
def plants():
    made = Plants()
    made.run()
    return made


def shares(plants, constituent):
    content = plants.books.batch("voltaic:batteries").contents[constituent]
    found = claims(constituent, content.booked.left, None if content.cautious is None else content.cautious.left)
    return {claim.characteristic: Decimal(claim.mass_mg) / Decimal(claim.of_mg) for claim in found}


@pytest.mark.parametrize("constituent", ["Pb", "Sb"])
@pytest.mark.parametrize(
    ("characteristic", "policy"),
    [("post_consumer", "post_consumer_strict"), ("recovered_from_waste", "any_recovered_from_waste_incl_mfg_scrap")],
)
def test_the_final_share_agrees_with_the_reference_to_a_hundredth_of_a_percentage_point(plants, constituent, characteristic, policy):
    got = shares(plants, constituent)[characteristic]
    assert abs(got - plants.expected[constituent][policy]) < TOLERANCE


def test_the_lead_collected_in_the_united_states_agrees_with_the_reference(plants):
    got = shares(plants, "Pb")["collected_in:US"]
    assert abs(got - plants.expected["Pb_collected_in_US"]) < TOLERANCE


@pytest.mark.parametrize(("constituent", "per_kg", "key"), [("Pb", 1, "kg_Pb_per_battery"), ("Sb", 1000, "g_Sb_per_battery")])
def test_what_one_battery_contains_agrees_with_the_reference(plants, constituent, per_kg, key):
    batch = plants.books.batch("voltaic:batteries")
    each = Decimal(batch.contents[constituent].mass) * per_kg / 10**6 / batch.pieces_left
    assert abs(each / plants.expected[key] - 1) < TOLERANCE


def test_every_intermediate_lot_agrees_with_the_reference_in_contained_mass(plants):
    names = {
        "yard:metallics": ("break", "metallics_wet2pct"),
        "yard:separators": ("break", "separators_and_other"),
        "smelter:bullion": ("smelt", "bullion"),
        "smelter:slag": ("smelt", "slag_9pct"),
        "smelter:dust": ("smelt", "flue_dust_62pct"),
        "smelter:blocks": ("refine_and_cast", "soft_lead_9997_blocks"),
        "smelter:heel-2": ("refine_and_cast", "heel_left"),
        "smelter:dross": ("refine_and_cast", "antimony_dross"),
        "voltaic:alloy": ("alloy_2pct_Sb", "antimonial_alloy"),
        "voltaic:oxide": ("leady_oxide_25pct_free", "leady_oxide"),
    }
    for batch, (event, name) in names.items():
        state = plants.books.batch(batch)
        first = plants.books.memory.states_at(state.made_at)[batch].contained()
        for constituent in ("Pb", "Sb"):
            want = plants.out(event, name)[f"{constituent}_kg"]
            assert abs(Decimal(first[constituent]) / 10**6 - want) < want / 200, (batch, constituent)


def test_a_campaign_that_closes_leaves_no_finding_but_that_the_scrap_was_derived(plants):
    assert set(plants.books.notes()) == {"derived"}


def test_the_unassayed_trucks_contained_what_came_out_of_the_breaker(plants):
    derived = {posting.constituent: posting.mass for posting in plants.books.postings() if posting.kind == "derived"}
    pile = plants.out("receive_to_pile", "ulab_pile")
    for constituent, mass in derived.items():
        assert abs(Decimal(mass) / 10**6 / pile[f"{constituent}_kg"] - 1) < TOLERANCE


def test_nothing_is_left_of_what_was_used_whole(plants):
    for batch in ("yard:pile", "yard:paste", "yard:washed", "smelter:toll", "smelter:heel-1", "smelter:blocks", "voltaic:hard"):
        state = plants.books.memory.batch_before(batch, LAST)
        assert state.dry_left == 0
        assert not any(state.contained().values())
