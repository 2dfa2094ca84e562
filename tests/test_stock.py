"""Stock-takes, disposals and returns; pieces and serial numbers."""

import pytest

from books import kg, pct
from events import (
    PAPER,
    SOFT,
    accept,
    adjust,
    assay,
    books,
    correct,
    determine,
    dispose,
    last,
    portions,
    receive,
    refused,
    returned,
    ship,
    transform,
    void,
)
from events import out as output
from ledger.errors import AmountError, AssayError, CorrectionError, CustodyError, DuplicateError, OverdrawnError
from ledger.matter.batch import ANY, Content
from ledger.matter.provenance import GAIN, Source, Stock, answered
from ledger.matter.stock import _classed
from ledger.serials import covered, ordered, overlaps, split

K, V = "keystone/1", "voltaic/1"
A, B, C, D = "keystone:A", "keystone:B", "keystone:C", "keystone:D"
UNKNOWN_PLACES = ("refined_in=unknown", "smelted_in=unknown")


@pytest.fixture
def ledger():
    """1,000 kg wet, 900 kg dry, at 80 % Pb."""
    made = books("keystone", "voltaic")
    made.log(K, receive(A, "battery_paste", kg(1000), moisture=pct(10), assay={"Pb": pct(80)}))
    return made


def signed(value):
    return {"value": str(value), "unit": "kg"}


# Stock-takes


@pytest.mark.parametrize(
    ("event", "error", "message"),
    [
        (adjust(A, signed(0)), AmountError, "the adjustment of batch keystone:A is 0; leave it out where the count agrees with the book"),
        (adjust(A, signed(-1001)), OverdrawnError, "batch keystone:A holds 1000000 g, cannot lose 1001000 g (1000 g short)"),
        (adjust(A, signed(10)), AssayError, "batch keystone:A: a stock-take that finds more states the assay of what it found"),
        (adjust(A, signed(10), assay={"Pb": pct(101)}), AssayError,
         "the assay of batch keystone:A has 101 % Pb, at most 100 % is possible"),
        (adjust(A, signed(10), moisture=pct(100), assay=SOFT), AmountError,
         "batch keystone:A has a moisture of 100.0000%, it must be below 100 %"),
        (adjust(A, {"value": "0.001", "unit": "g"}, moisture=pct(99), assay=SOFT), AmountError,
         "the adjustment of batch keystone:A has a mass of 0 mg, it must be above zero"),
        (adjust(A, signed(-101), kind="water"), AmountError, "batch keystone:A holds 100000 g of water, cannot lose 101000 g"),
    ],
)  # fmt: skip
def test_a_stock_take_that_cannot_be_is_refused(ledger, event, error, message):
    refused(ledger, K, event, error, message)


def test_a_stock_take_that_finds_more_enters_it_wholly_as_unknown(ledger):
    ledger.log(K, adjust(A, signed(10), assay={"Pb": pct(80), "Sn": {"below": "5", "unit": "ppm"}}))
    assert portions(ledger, A) == {("end_of_life",): 720_000_000, ("unknown",): 7_200_000}
    assert ledger.batch(A).dry_left == 909_000_000
    assert [(posting.account, posting.kind, posting.mass) for posting in ledger.postings()][1:] == [("adjusted", "count", 7_200_000)]


def test_a_stock_take_that_finds_less_removes_in_proportion(ledger):
    ledger.log(K, adjust(A, signed(-100), moisture=pct(0)))
    assert ledger.batch(A).contained() == {"Pb": 640_000_000}
    assert ledger.batch(A).dry_made == 800_000_000
    ledger.log(K, dispose(A, mass={"value": "444.444445", "unit": "kg"}))
    assert ledger.batch(A).contained() == {"Pb": 320_000_000}  # half a milligram more was asked for, and rounds to even


def test_an_unassayed_pile_that_is_larger_than_the_book_holds_unknown_scrap():
    made = books()
    made.log(K, receive(A, "spent_battery", assay=None))
    made.log(K, adjust(A, signed(250)))
    assert made.batch(A).open[ANY].mass == 1_250_000_000
    made.log(K, transform("break", [A], [output(B, "battery_paste", kg(1000), {"Pb": pct(75)})]))
    assert portions(made, B) == {("end_of_life", "broken_in=US"): 600_000_000, ("unknown", "broken_in=US"): 150_000_000}


def test_an_unassayed_pile_that_is_smaller_than_the_book_is_drawn_to_nothing():
    made = books()
    made.log(K, receive(A, "spent_battery", assay=None))
    made.log(K, adjust(A, signed(-250)))
    made.log(K, transform("break", [A], [output(B, "battery_paste", kg(600), {"Pb": pct(75)})]))
    assert (made.batch(A).dry_left, made.batch(A).open[ANY].mass) == (0, 0)
    assert made.notes() == ["derived"]


def test_water_changes_gross_mass_and_moisture_alone(ledger):
    for value, gross in ((125, 1_125), (-225, 900)):
        ledger.log(K, adjust(A, signed(value), kind="water"))
        batch = ledger.batch(A)
        assert (batch.gross_left, batch.dry_left, batch.contained()) == (gross * 10**6, 900_000_000, {"Pb": 720_000_000})
    assert [posting.account for posting in ledger.postings()] == ["received"]


def test_an_empty_batch_takes_no_water(ledger):
    ledger.log(K, dispose(A))
    refused(ledger, K, adjust(A, signed(5), kind="water"), AmountError, "batch keystone:A is empty, so no water can come to it or leave it")


def test_what_is_found_where_the_book_was_empty_is_unknown(ledger):
    ledger.log(K, dispose(A))
    ledger.log(K, adjust(A, signed(10), assay={"Pb": pct(50)}))
    assert portions(ledger, A) == {("unknown",): 4_500_000}


# What goes out, and what comes back


def test_a_disposal_leaves_the_books_and_can_be_dug_out_again(ledger):
    ledger.log(K, dispose(A, mass=kg(400)))
    assert ledger.batch(A).gone_dry == 360_000_000
    ledger.log(K, returned(A, B, kg(100), "recovered_waste"))
    assert portions(ledger, B) == {("end_of_life",): 72_000_000}
    assert (ledger.batch(B).material, ledger.batch(B).moisture) == ("battery_paste", ledger.batch(A).moisture)
    assert ledger.batch(B).contents["Pb"].components
    message = "batch keystone:A holds 270000 g, cannot return 270900 g (900 g short)"
    refused(ledger, K, returned(A, C, kg(301), "recovered_waste"), OverdrawnError, message)


def test_metal_that_goes_out_and_comes_back_after_an_unexplained_loss_claims_no_more_than_before():
    """Booked and cautious stock each raise what the other lowers, so neither alone may come back as the whole truth."""
    made = books()
    made.log(K, receive(A, mass=kg(600)), receive(B, mass=kg(400), feedstock="primary"))
    made.log(K, transform("refine", [A, B], [output(C, "soft_lead", kg(700), SOFT)]))
    content = made.batch(C).contents["Pb"]
    assert content.cautious is not None
    least = {source: min(mass, content.cautious.left.get(source, 0)) for source, mass in content.booked.left.items()}
    assert sum(least.values()) < content.mass
    made.log(K, dispose(C, mass=kg(350)))
    made.log(K, returned(C, "keystone:E", kg(350), "recovered_waste"))
    made.log(K, ship(C))
    made.log(K, returned(C, D, kg(350)))
    back = [made.batch(name).contents["Pb"] for name in ("keystone:E", D)]
    assert [one.cautious for one in back] == [None, None]
    for source, mass in (least | {Source("unknown"): content.mass - sum(least.values())}).items():
        assert abs(sum(one.booked.left[source] for one in back) - mass) <= 2


def test_a_distribution_return_changes_class_and_keeps_the_old_one(ledger):
    ledger.log(K, ship(A))
    ledger.log(K, returned(A, B, kg(500), "distribution_return"))
    ledger.log(K, returned(A, C, kg(500), "rework"))
    (back,) = ledger.batch(B).contents["Pb"].booked.left
    assert (back.feedstock, back.was) == ("distribution_return", "end_of_life")
    assert portions(ledger, C) == {("end_of_life",): 360_000_000}
    assert ledger.batch(A).gone == {"Pb": {}}
    ledger.log(K, ship(B))
    ledger.log(K, returned(B, D, kg(500), "distribution_return"))
    assert next(iter(ledger.batch(D).contents["Pb"].booked.left)).was == "end_of_life"


@pytest.mark.parametrize(
    ("event", "error", "message"),
    [
        (returned(A, B, kg(1)), AmountError, "batch keystone:A was not delivered outside, so it cannot come back"),
        (returned(A, B, kg(1), "recovered_waste"), OverdrawnError, "batch keystone:A holds 0 g, cannot return 900 g (900 g short)"),
        (returned(A, A, kg(1)), DuplicateError, "batch keystone:A exists already"),
        (returned(A, B, kg(0)), AmountError, "batch keystone:B has a mass of 0 mg, it must be above zero"),
        (returned(A, B, kg(1), moisture=pct(100)), AmountError, "batch keystone:A has a moisture of 100.0000%, it must be below 100 %"),
    ],
)
def test_a_return_that_cannot_be_is_refused(ledger, event, error, message):
    if "must be" in message:
        ledger.log(K, ship(A))
    refused(ledger, K, event, error, message)


def test_what_another_party_sent_out_is_not_brought_back(ledger):
    ledger.log(K, ship(A))
    message = "batch keystone:A went out from keystone, so voltaic cannot bring it back"
    refused(ledger, V, returned(A, "voltaic:B", kg(10)), CustodyError, message)


def test_what_went_out_unassayed_is_received_anew():
    made = books()
    made.log(K, receive(A, "spent_battery", assay=None))
    made.log(K, ship(A))
    message = "batch keystone:A went out unassayed, so nobody knows what comes back"
    refused(made, K, returned(A, B, kg(10)), AssayError, message)


def test_what_came_back_is_answered_on_but_not_assayed_anew(ledger):
    ledger.log(K, ship(A))
    ledger.log(K, returned(A, B, kg(500)))
    back = last(ledger)
    ledger.log(K, determine(B))
    assert next(iter(ledger.batch(B).contents["Pb"].booked.left)).answer("is_waste") is True
    message = "batch keystone:B came back with what it carried when it went out; it cannot be assayed anew"
    refused(ledger, K, assay(B, {"Pb": pct(70)}), CorrectionError, message)
    message = "a correction keeps the batch number keystone:B, this one has keystone:C"
    refused(ledger, K, correct(back, returned(A, C, kg(400))), CorrectionError, message)
    ledger.log(K, correct(back, returned(A, B, kg(400))))
    assert ledger.batch(A).gone_dry == 540_000_000
    ledger.log(K, void(B))
    assert ledger.batch(A).gone_dry == 900_000_000


# Pieces


@pytest.fixture
def plates():
    """Ten thousand and one milligrams in three pieces, so that no piece is a whole number of milligrams."""
    made = books("keystone", "voltaic")
    plate = {"value": "10.001", "unit": "g"}
    made.log(K, receive(A, "battery_plate", plate, pieces=3, feedstock="primary", assay={"Pb": pct(100)}))
    return made


def test_pieces_are_drawn_as_a_share_of_what_was_made(plates):
    for left, dry in ((2, 6_668), (1, 3_334), (0, 0)):
        plates.log(K, dispose(A, mass={"pieces": 1}))
        assert (plates.batch(A).pieces_left, plates.batch(A).dry_left) == (left, dry)
    message = "batch keystone:A holds 0 pieces, cannot give 1 (1 short)"
    refused(plates, K, dispose(A, mass={"pieces": 1}), AmountError, message)


def test_a_draw_by_mass_leaves_the_whole_pieces_that_are_left(plates):
    plates.log(K, dispose(A, mass={"value": "4", "unit": "g"}))
    assert plates.batch(A).pieces_left == 1
    refused(plates, K, dispose(A, mass={"pieces": 2}), AmountError, "batch keystone:A holds 1 pieces, cannot give 2 (1 short)")
    plates.log(K, dispose(A, mass={"pieces": 1}))
    assert plates.batch(A).dry_left == 0


def test_pieces_after_a_draw_by_mass_are_as_heavy_as_before():
    made = books()
    made.log(K, receive(A, "battery_plate", kg(100), pieces=100, feedstock="primary", assay={"Pb": pct(60)}))
    made.log(K, dispose(A, mass={"value": "1.5", "unit": "kg"}))
    made.log(K, dispose(A, mass={"pieces": 10}))
    assert (made.batch(A).dry_left, made.batch(A).pieces_left) == (88_500_000, 88)


# Serial numbers


def test_serial_numbers_are_compared_by_beginning_and_running_number():
    assert split("DY26C-000123") == ("DY26C-", 123)
    assert split("NONE") == ("NONE", 0)
    assert overlaps(("A1", "A9"), ("A9", "A12"))
    assert not overlaps(("A1", "A9"), ("A10", "A12"))
    assert not overlaps(("A1", "A9"), ("B1", "B9"))
    assert ordered(("A1", "A1"))
    assert not ordered(("A2", "A1"))
    assert covered(("A2", "A8"), [("A5", "A9"), ("A1", "A4"), ("B1", "B99")])
    assert not covered(("A2", "A8"), [("A1", "A4"), ("A6", "A9")])
    assert not covered(("A2", "A8"), [])


def serial(batch, *ranges, mass="balance"):
    return output(batch, "battery", mass, serials=[list(one) for one in ranges])


@pytest.fixture
def batteries():
    made = books("keystone", "voltaic")
    serials = [["DY-1", "DY-100"]]
    made.log(K, receive(A, "battery", kg(100), feedstock="primary", assay={"Pb": pct(60)}, serials=serials, documents=PAPER))
    return made


def test_ranges_never_overlap_those_of_another_batch(batteries):
    event = receive(B, "battery", kg(1), feedstock="primary", assay={"Pb": pct(60)}, serials=[["DY-100", "DY-101"]])
    refused(batteries, K, event, DuplicateError, "serial range DY-100..DY-101 (in keystone:A) exists already")
    batteries.log(K, {**event, "serials": [["DY-101", "DY-200"]]})


def test_ranges_of_siblings_never_overlap(batteries):
    event = transform("split", [A], [serial(B, ("DY-1", "DY-50"), mass=kg(50)), serial(C, ("DY-50", "DY-100"))])
    refused(batteries, K, event, DuplicateError, "serial range DY-50..DY-100 (in keystone:B) exists already")


def test_a_range_is_split_and_split_again_and_merged(batteries):
    batteries.log(K, transform("split", [A], [serial(B, ("DY-1", "DY-50"), mass=kg(50)), serial(C, ("DY-51", "DY-100"))]))
    batteries.log(K, transform("split", [B], [serial(D, ("DY-1", "DY-25"))]))
    batteries.log(K, transform("merge", [D, C], [serial("keystone:E", ("DY-1", "DY-25"), ("DY-60", "DY-100"))]))
    assert batteries.batch("keystone:E").serials == (("DY-1", "DY-25"), ("DY-60", "DY-100"))


def test_a_range_is_not_taken_twice_from_one_batch(batteries):
    half = {"batch": A, "mass": kg(50)}
    batteries.log(K, transform("split", [half], [serial(B, ("DY-1", "DY-50"))]))
    event = transform("split", [A], [serial(C, ("DY-1", "DY-50"))])
    refused(batteries, K, event, DuplicateError, "serial range DY-1..DY-50 (in keystone:B) exists already")
    batteries.log(K, transform("split", [A], [serial(C, ("DY-51", "DY-100"))]))


def test_a_range_larger_than_what_the_inputs_hold_is_not_theirs(batteries):
    event = transform("split", [A], [serial(B, ("DY-1", "DY-101"))])
    refused(batteries, K, event, DuplicateError, "serial range DY-1..DY-101 (in keystone:A) exists already")


def test_a_voided_range_is_free_again(batteries):
    batteries.log(K, transform("split", [A], [serial(B, ("DY-1", "DY-50"))]))
    batteries.log(K, void(B), transform("split", [A], [serial(C, ("DY-1", "DY-50"))]))
    assert batteries.batch(C).serials == (("DY-1", "DY-50"),)


def test_a_batch_used_by_its_receiver_keeps_its_serials(batteries):
    batteries.log(K, ship(A, "voltaic"))
    batteries.log(V, accept(A, "voltaic", kg(100)))
    batteries.log(V, transform("split", [A], [serial("voltaic:B", ("DY-1", "DY-10"))], site="voltaic:works"))


def test_the_smallest_find_and_the_largest_loss_of_a_count_are_booked(ledger):
    ledger.log(K, adjust(A, {"value": "0.002", "unit": "g"}, assay={"Pb": pct(80)}))
    assert ledger.batch(A).dry_left == 900_000_002
    ledger.log(K, adjust(A, {"value": "0.001", "unit": "g"}, moisture=pct(0), assay={"Pb": pct(80)}))
    assert ledger.batch(A).dry_left == 900_000_003
    made = books()
    made.log(K, receive(A))
    made.log(K, adjust(A, signed(-1000)))
    assert (made.batch(A).dry_left, made.batch(A).contained()) == (0, {"Pb": 0})


def test_pieces_are_rounded_against_all_pieces_drawn_before():
    made = books()
    made.log(K, receive(A, mass=kg(1), pieces=3, assay=SOFT))
    drawn = []
    for _ in range(3):
        before = made.batch(A).dry_left
        made.log(K, dispose(A, mass={"pieces": 1}))
        drawn.append(before - made.batch(A).dry_left)
    assert drawn == [333_333, 333_333, 333_334]


def test_a_piece_that_weighs_nothing_is_refused():
    made = books()
    made.log(K, receive(A, mass={"value": "0.001", "unit": "g"}, pieces=3, assay=SOFT))
    refused(
        made, K, dispose(A, mass={"pieces": 1}), AmountError, "the draw from batch keystone:A has a mass of 0 mg, it must be above zero"
    )


def test_what_comes_back_as_a_distribution_return_joins_what_had_come_back_before():
    made = books()
    made.log(K, receive(A, mass=kg(10), assay={"Pb": pct(100)}), ship(A))
    made.log(K, returned(A, B, kg(4), "distribution_return"))
    assert portions(made, B)["distribution_return", *UNKNOWN_PLACES] == 4_000_000
    assert {source.was for source in made.batch(B).contents["Pb"].booked.left} == {"end_of_life"}
    made.log(K, ship(B))
    made.log(K, returned(B, D, kg(1), "distribution_return"))
    assert {(source.feedstock, source.was) for source in made.batch(D).contents["Pb"].booked.left} == {
        ("distribution_return", "end_of_life")
    }


def test_a_content_with_portions_added_is_as_if_it_had_been_made_so():
    content = Content(Stock.of({GAIN: 100}), Stock.of({Source("primary"): 100}), {"method XRF": 10}, 200).plus({GAIN: 100})
    assert (content.mass, content.u, content.u_base) == (200, {"method XRF": 5}, 200)
    assert content.cautious == Stock.of({Source("primary"): 100, GAIN: 100})


def test_sources_that_an_answer_or_a_return_makes_alike_are_added_up():
    twice = {Source("primary", determined=(("is_waste", True),)): 3, Source("primary", determined=(("is_waste", False),)): 4}
    assert answered(twice, [("is_waste", True)]) == {Source("primary", determined=(("is_waste", True),)): 7}
    back = _classed({Source("end_of_life"): 3, Source("distribution_return", was="end_of_life"): 4}, "distribution_return")
    assert back == {Source("distribution_return", was="end_of_life"): 7}


def test_what_is_only_passed_on_stays_provisional_and_what_is_measured_anew_does_not():
    made = books()
    made.log(K, receive(A, "battery_paste", assay={"Pb": pct(75)}, provisional=True), receive(B, "battery_paste", assay={"Pb": pct(75)}))
    made.log(K, transform("blend", [A, B], [output(C, "battery_paste", "balance")]))
    made.log(K, transform("smelt", [{"batch": C, "mass": kg(1000)}], [output(D, "bullion", kg(760), {"Pb": pct(98)})]))
    assert (made.batch(C).provisional, made.batch(D).provisional) == (True, False)
