"""Custody moves with ship and accept; between two scales the sender's weight stays in the book."""

from fractions import Fraction

import pytest

from books import kg, pct
from events import (
    accept,
    adjust,
    assay,
    at,
    books,
    certify,
    dispose,
    losses,
    messages,
    portions,
    receive,
    refused,
    returned,
    ship,
    transform,
)
from events import out as output
from ledger.errors import AmountError, ClaimError, CustodyError, OverdrawnError, StaleError, UnknownError
from ledger.matter.batch import ANY

K, V = "keystone/1", "voltaic/1"
A, B = "keystone:A", "keystone:B"


def floor(value):
    return kg(value, device="floor_scale")


@pytest.fixture
def ledger():
    """1,000 kg at 90 % Pb on a floor scale, with keystone; voltaic and a third party stand by."""
    made = books("keystone", "voltaic", "third")
    made.log(K, receive(A, "grid_metal", floor(1000), assay={"Pb": pct(90)}))
    return made


@pytest.fixture
def road(ledger):
    """The same, on its way to voltaic."""
    ledger.log(K, ship(A, "voltaic"))
    return ledger


@pytest.mark.parametrize(
    ("event", "error", "message"),
    [
        (ship(A, "nobody"), UnknownError, "no site nobody:works in this ledger"),
        (ship(A, "voltaic", mass=floor(900)), AmountError,
         "batch keystone:A holds 1000000 g, 900000 g would be shipped; a batch is shipped whole"),
        (ship(A, "voltaic", mass=floor(1010)), OverdrawnError, "batch keystone:A holds 1000000 g, cannot ship 1010000 g (10000 g short)"),
        (ship(A, "voltaic", mass=floor(999), rest=True), AmountError,
         "batch keystone:A holds 1000000 g, 999000 g would be shipped; a batch is shipped whole"),
        (ship(A, "voltaic", mass={"pieces": 4}), AmountError,
         "batch keystone:A holds 0 pieces, 4 would be shipped; a batch is shipped whole"),
        (ship(A, "voltaic", moisture=pct(100)), AmountError, "batch keystone:A has a moisture of 100.0000%, it must be below 100 %"),
        (ship("keystone:X", "voltaic"), UnknownError, "no batch keystone:X in this ledger"),
    ],
)  # fmt: skip
def test_a_shipment_that_cannot_be_is_refused(ledger, event, error, message):
    refused(ledger, K, event, error, message)


def test_a_shipment_weighed_on_another_scale_is_whole_within_both_bounds(ledger):
    ledger.log(K, ship(A, "voltaic", mass=floor(1005)))  # both scales err alike: 3 x (1 + 1.005) kg
    assert ledger.batch(A).status == "in_transit"
    assert ledger.batch(A).dry_left == 1_000_000_000


@pytest.mark.parametrize("key", [K, V])
def test_on_the_road_nobody_uses_a_batch(road, key):
    party = key.split("/")[0]
    message = "batch keystone:A is on its way to voltaic:works; voltaic must accept it before anybody uses it"
    site = f"{party}:works"
    for event in (
        transform("cast", [A], [output(f"{party}:C", "soft_lead", kg(1), {"Pb": pct(99)})], site=site),
        {**ship(A, "third"), "site": site},
        adjust(A, kg(-5), site=site),
        dispose(A, site=site),
        assay(A, {"Pb": pct(89)}, site=site),
        certify(A, 1000, site=site, number=f"{party}-RC-0001"),
    ):
        refused(road, key, event, CustodyError, message)


@pytest.mark.parametrize(
    ("key", "event", "error", "message"),
    [
        ("third/1", accept(A, "third", kg(1000)), CustodyError, "batch keystone:A was shipped to voltaic:works, not to third:works"),
        ("third/1", accept(A, "voltaic", kg(1000)), CustodyError, "site voltaic:works belongs to voltaic, the record is signed by third"),
        (V, accept(A, "voltaic", kg(0)), AmountError, "batch keystone:A has a mass of 0 mg, it must be above zero"),
        (V, accept(A, "voltaic", kg(1), moisture=pct("99.99999999")), AmountError,
         "batch keystone:A has a mass of 0 mg, it must be above zero"),
        (V, accept(A, "voltaic", kg(800), difference="electrolyte"), AmountError,
         "batch keystone:A contains 900000 g of what was assayed, 800000 g received cannot hold it"),
        (V, accept(A, "voltaic", kg(1000), made_by="0" * 64), StaleError, None),
    ],
)  # fmt: skip
def test_an_acceptance_that_cannot_be_is_refused(road, key, event, error, message):
    if message is None:
        message = (
            f"batch keystone:A was last fixed by record {road.memory.record_id(road.batch(A).fixed_at >> 8)}, made_by names {'0' * 64}"
        )
    if "99.99999999" in str(event):
        event = {**event, "mass": {"value": "0.001", "unit": "g"}}
    refused(road, key, event, error, message)


def test_what_was_not_shipped_cannot_be_accepted(ledger):
    message = "batch keystone:A is not on its way to anybody; only what was shipped can be accepted"
    refused(ledger, V, accept(A, "voltaic", kg(1000)), CustodyError, message)


@pytest.mark.parametrize("received", ["994", "1000", "1005.9"])
def test_within_both_scales_bound_the_senders_weight_stays(road, received):
    road.log(V, accept(A, "voltaic", floor(received)))
    batch = road.batch(A)
    assert (batch.dry_left, batch.contained(), batch.holder, batch.site) == (1_000_000_000, {"Pb": 900_000_000}, "voltaic", "voltaic:works")
    assert losses(road) == {}
    assert road.notes() == []


def test_a_smaller_receipt_beyond_the_bound_is_transit_loss_in_proportion(road):
    road.log(V, accept(A, "voltaic", floor(990)))
    assert road.batch(A).contained() == {"Pb": 891_000_000}
    assert road.batch(A).gross_left == 990_000_000
    assert losses(road) == {"transit": 9_000_000}
    assert portions(road, A) == {("end_of_life",): 891_000_000}
    # 3 x sqrt((0.001 x 990 + 0.001 x 1000)^2 + 2 x (0.5/sqrt 3)^2) kg
    assert messages(road) == ["batch keystone:A: 1000000 g dry sent, 990000 g dry received, the bound is 6094.333 g"]


def test_a_larger_receipt_adds_nothing(road):
    road.log(V, accept(A, "voltaic", floor(1010)))
    assert road.batch(A).contained() == {"Pb": 900_000_000}
    assert road.notes() == ["transit-gain"]


@pytest.mark.parametrize(("received", "gross", "dry"), [(1080, 1080, 1000), (950, 950, 950)])
def test_a_difference_of_water_changes_no_contained_mass(road, received, gross, dry):
    road.log(V, accept(A, "voltaic", floor(received), difference="water"))
    batch = road.batch(A)
    assert (batch.gross_left, batch.dry_left) == (gross * 10**6, dry * 10**6)
    assert batch.contained() == {"Pb": 900_000_000}
    road.log(V, transform("smelt", [{"batch": A}], [output("voltaic:C", "bullion", kg(900), {"Pb": pct(100)})], site="voltaic:works"))
    assert road.batch(A).contained() == {"Pb": 0}


def test_acid_that_drained_from_unassayed_batteries_takes_no_metal_along():
    ledger = books("keystone", "voltaic")
    ledger.log(K, receive(A, "spent_battery", assay=None, mass=kg(10_000)))
    ledger.log(K, ship(A, "voltaic"))
    ledger.log(V, accept(A, "voltaic", kg(8_500), difference="electrolyte"))
    batch = ledger.batch(A)
    assert (batch.gross_left, batch.open[ANY].mass) == (8_500_000_000, 8_500_000_000)
    ledger.log(V, transform("break", [A], [output("voltaic:P", "battery_paste", kg(8000), {"Pb": pct(75)})], site="voltaic:works"))
    assert ledger.batch("voltaic:P").contained() == {"Pb": 6_000_000_000}


def test_a_receiver_who_states_the_moisture_is_compared_by_dry_mass(road):
    road.log(V, accept(A, "voltaic", floor(1040), moisture=pct("4.0")))  # 998.4 kg dry
    batch = road.batch(A)
    assert batch.contained() == {"Pb": 900_000_000}
    assert batch.gross_left == round(1_000_000_000 / 0.96)
    assert losses(road) == {}


def test_moisture_stated_at_the_gate_shows_a_dry_loss_that_the_gross_mass_hides(road):
    road.log(V, accept(A, "voltaic", floor(1000), moisture=pct("10.0")))
    assert road.batch(A).contained() == {"Pb": 810_000_000}
    assert losses(road) == {"transit": 90_000_000}


def test_what_was_delivered_outside_is_used_by_nobody(ledger):
    ledger.log(K, ship(A))
    delivered = [(posting.site, posting.mass) for posting in ledger.postings() if posting.account == "delivered"]
    assert delivered == [(at(A), 900_000_000)]
    message = "batch keystone:A was delivered and is no longer here"
    refused(ledger, K, dispose(A, mass=kg(1)), CustodyError, message)
    refused(ledger, K, ship(A, "voltaic", mass=kg(1)), CustodyError, message)


def test_an_empty_batch_is_not_shipped(ledger):
    ledger.log(K, dispose(A))
    refused(ledger, K, ship(A, "voltaic", mass=kg(1)), OverdrawnError, "batch keystone:A holds 0 g, cannot ship 0 g (0 g short)")


def test_a_balance_is_not_shipped_before_it_is_weighed(ledger):
    ledger.log(K, transform("smelt", [A], [output(B, "bullion", "balance")]))
    message = "batch keystone:B is a balance and was never weighed; it cannot be shipped before it is"
    refused(ledger, K, ship(B, "voltaic"), ClaimError, message)


def test_pieces_are_shipped_whole():
    ledger = books("keystone", "voltaic")
    ledger.log(K, receive(A, "battery_plate", pieces=40, feedstock="primary", assay={"Pb": pct(60)}))
    message = "batch keystone:A holds 40 pieces, 39 would be shipped; a batch is shipped whole"
    refused(ledger, K, ship(A, "voltaic", mass={"pieces": 39}), AmountError, message)
    ledger.log(K, ship(A, "voltaic", mass={"pieces": 40}))
    ledger.log(V, accept(A, "voltaic", kg(1000)))
    assert ledger.batch(A).pieces_left == 40


def test_after_an_acceptance_uses_name_its_record(road):
    made_by = road.memory.record_id(road.batch(A).fixed_at >> 8)
    road.log(V, accept(A, "voltaic", kg(1000)))
    want = road.records[-1].id
    refused(
        road, V, dispose(A, made_by=made_by, site="voltaic:works"), StaleError,
        f"batch keystone:A was last fixed by record {want}, made_by names {made_by}",
    )  # fmt: skip
    road.log(V, dispose(A, made_by=want, site="voltaic:works"))


def test_plain_draws_do_not_make_made_by_stale(ledger):
    made_by = ledger.records[-1].id
    for number in range(3):
        ledger.log(K, dispose(A, mass=kg(number + 1), made_by=made_by))
    assert ledger.batch(A).dry_left == 994_000_000


def test_a_part_left_in_a_batch_is_as_uncertain_as_its_share_of_the_weighing(ledger):
    ledger.log(K, dispose(A, mass=floor(990)))
    refused(
        ledger, K, ship(A, "voltaic", mass=floor(11)), OverdrawnError,
        "batch keystone:A holds 10000 g, cannot ship 11000 g (1000 g short)",
    )  # fmt: skip


# Bounds to the milligram: 3 × √((u of the one scale + u of the other)² + (half a kilogram / √3)²)


def milligrams(mass):
    return {"value": f"{mass // 1000}.{mass % 1000:03d}", "unit": "g", "device": "floor_scale"}


@pytest.mark.parametrize(
    ("least", "more", "beyond"),
    [
        (993_955_768, {}, "1000000 g dry sent, 993955.767 g dry received, the bound is 6044.232 g"),
        (1_081_389_986, {"moisture": pct("10")}, "1000000 g dry sent, 973250.986 g dry received, the bound is 26749.013 g"),
    ],
)
def test_a_loss_on_the_road_begins_a_milligram_beyond_the_bound(road, least, more, beyond):
    memory = road.draft(V, accept(A, "voltaic", milligrams(least), **more))
    road.log(V, accept(A, "voltaic", milligrams(least - 1), **more))
    assert messages(road) == [f"batch keystone:A: {beyond}"]
    again = books("keystone", "voltaic", "third")
    for record in [*road.records[len(again.records) : -1], memory]:
        again.submit(record)
    assert (again.notes(), losses(again)) == ([], {})


def test_a_gain_on_the_road_is_noted_a_milligram_beyond_the_bound(road):
    within = road.draft(V, accept(A, "voltaic", milligrams(1_006_080_231)))
    road.log(V, accept(A, "voltaic", milligrams(1_006_080_232)))
    assert messages(road) == ["batch keystone:A: 1000000 g dry sent, 1006080.232 g dry received; the sender's weight stays"]
    again = books("keystone", "voltaic", "third")
    for record in [*road.records[len(again.records) : -1], within]:
        again.submit(record)
    assert again.notes() == []


@pytest.mark.parametrize(
    ("within", "beyond", "error", "message"),
    [
        (993_955_768, 993_955_767, AmountError,
         "batch keystone:A holds 1000000 g, 993955.767 g would be shipped; a batch is shipped whole"),
        (1_006_080_231, 1_006_080_232, OverdrawnError, "batch keystone:A holds 1000000 g, cannot ship 1006080.232 g (6080.232 g short)"),
    ],
)  # fmt: skip
def test_a_shipment_is_whole_to_the_milligram_of_the_bound(ledger, within, beyond, error, message):
    refused(ledger, K, ship(A, "voltaic", mass=milligrams(beyond)), error, message)
    ledger.log(K, ship(A, "voltaic", mass=milligrams(within)))
    assert ledger.batch(A).status == "in_transit"


def test_a_last_draw_is_within_the_bound_to_the_milligram():
    made = books()
    made.log(K, receive(A, "grid_metal", floor(1000), assay={"Pb": pct(90)}, moisture=pct(10)))
    message = "batch keystone:A holds 1000000 g, cannot give 1003009.028 g (3009.028 g short)"
    refused(made, K, dispose(A, mass=milligrams(1_003_009_028)), OverdrawnError, message)
    made.log(K, dispose(A, mass=milligrams(1_003_009_027)))
    assert messages(made) == ["the last draw from batch keystone:A was 2708.124 g above what was left and took all of it"]


def test_acid_that_drained_to_the_dry_mass_changes_nothing_and_to_the_metal_leaves_nothing_else():
    made = books("keystone", "voltaic")
    made.log(K, receive(A, "grid_metal", floor(1000), assay={"Pb": pct(90)}), receive(B, "grid_metal", floor(1000), assay={"Pb": pct(90)}))
    made.log(K, dispose(A, mass=floor(100)), ship(A, "voltaic"), ship(B, "voltaic"))
    made.log(V, accept(A, "voltaic", floor(900), difference="electrolyte"), accept(B, "voltaic", floor(900), difference="electrolyte"))
    assert (made.batch(A).dry_made, made.batch(A).dry_left) == (1_000_000_000, 900_000_000)
    assert made.batch(A).moisture == 0
    assert (made.batch(B).dry_made, made.batch(B).dry_left, made.batch(B).contained()) == (900_000_000, 900_000_000, {"Pb": 900_000_000})


def test_what_another_party_certified_comes_back_with_its_certificate(road):
    road = books("keystone", "voltaic")
    road.log(K, receive(A, "grid_metal", floor(1000), assay={"Pb": pct(90)}), certify(A, 1_000_000_000))
    road.log(K, ship(A, "voltaic"))
    road.log(V, accept(A, "voltaic", floor(1000)), {**ship(A), "site": "voltaic:works"})
    road.log(V, {**returned(A, "voltaic:B", floor(10)), "site": "voltaic:works"})
    assert road.batch("voltaic:B").claims == (("recycled-content", "keystone-RC-0001"),)


def test_an_overdraw_is_told_wet_as_the_batch_is_weighed():
    made = books()
    made.log(K, receive(A, "battery_paste", kg(1000), moisture=pct(20), assay={"Pb": pct(75)}), dispose(A, mass=kg(500)))
    refused(made, K, dispose(A, mass=kg(600)), OverdrawnError, "batch keystone:A holds 500000 g, cannot give 600000 g (100000 g short)")


def test_a_shipment_of_the_rest_names_it_to_the_milligram(ledger):
    message = "batch keystone:A holds 1000000 g, 999999.999 g would be shipped; a batch is shipped whole"
    refused(ledger, K, ship(A, "voltaic", mass=milligrams(999_999_999), rest=True), AmountError, message)


def test_a_shipment_states_the_moisture_and_the_site_that_it_leaves_from():
    made = books("voltaic")
    made.admit("keystone", sites={"works": "US", "yard": "US"})
    made.log(K, receive(A, "grid_metal", floor(1000), assay={"Pb": pct(90)}))
    made.log(K, {**ship(A, "voltaic", moisture=pct(20)), "site": "keystone:yard"})
    batch = made.batch(A)
    assert (batch.site, batch.moisture, batch.gross_left, batch.dry_left) == ("keystone:yard", Fraction(1, 5), 1_250_000_000, 1_000_000_000)


@pytest.mark.parametrize(
    ("over", "noted"), [(0, []), (1, ["the last draw from batch keystone:A was 0.001 g above what was left and took all of it"])]
)
def test_a_draw_of_all_that_is_left_is_no_last_draw_and_of_a_milligram_more_is(ledger, over, noted):
    ledger.log(K, dispose(A, mass=milligrams(1_000_000_000 + over)))
    assert (ledger.batch(A).dry_left, ledger.batch(A).contained(), messages(ledger)) == (0, {"Pb": 0}, noted)
