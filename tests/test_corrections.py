"""Corrections, voids, late assays and answers: the old fact is kept, everything that follows from it is derived again."""

import re

import pytest

from books import kg, pct
from events import (
    SOFT,
    accept,
    adjust,
    assay,
    books,
    certify,
    correct,
    determine,
    dispose,
    last,
    messages,
    portions,
    receive,
    refused,
    ship,
    transform,
    void,
)
from events import out as output
from ledger.errors import AssayError, AuthorityError, CorrectionError, CustodyError, DuplicateError, FormatError, StaleError, UnknownError
from ledger.matter.claims import claims
from ledger.record import read_event
from ledger.tlog import canonical

K, V = "keystone/1", "voltaic/1"
A, B, C, D = "keystone:A", "keystone:B", "keystone:C", "keystone:D"


def paste(batch=A, mass=1000, lead=75, **more):
    return receive(batch, "battery_paste", kg(mass), assay={"Pb": pct(lead)}, **more)


def smelt(batch=A, made=B, mass=750, **use):
    return transform("smelt", [{"batch": batch, **use.get("use", {})}], [output(made, "bullion", kg(mass), {"Pb": pct("98.0")})])


@pytest.fixture
def ledger():
    """Paste A, received in record 5 and smelted to bullion B in record 6."""
    made = books("keystone", "voltaic")
    made.log(K, paste())
    made.log(K, smelt())
    return made


def mass_of(ledger, batch):
    return ledger.batch(batch).contained()


def test_a_correction_derives_every_descendant_again(ledger):
    ledger.log(K, transform("split", [B], [output(C, "bullion", kg(250)), output(D, "bullion", "balance")]))
    ledger.log(K, correct(A, paste(places={"collected_in": "MX"}, feedstock="primary")))
    assert portions(ledger, C) == {("primary", "collected_in=MX", "smelted_in=US"): 245_000_000}
    assert portions(ledger, D) == {("primary", "collected_in=MX", "smelted_in=US"): 490_000_000}


def test_a_draw_of_the_rest_follows_the_corrected_remainder(ledger):
    made = books()
    made.log(K, paste())
    made.log(K, transform("merge", [A], [output(B, "battery_paste", "balance")]))
    made.log(K, correct(A, paste(mass=800)))
    assert mass_of(made, B) == {"Pb": 600_000_000}
    assert made.batch(A).dry_left == 0


def test_an_explicit_draw_keeps_its_mass_and_a_correction_below_it_is_refused():
    ledger = books()
    ledger.log(K, paste())
    ledger.log(K, smelt(mass=690, use={"mass": kg(900)}))
    ledger.log(K, correct(A, paste(mass=950)))
    assert ledger.batch(A).dry_left == 50_000_000
    index = ledger.batch(B).made_at >> 8
    message = (
        f"with this change record {index}, event 0, would not hold: batch keystone:A holds 500000 g, cannot give 900000 g (400000 g short)"
    )
    refused(ledger, K, correct(A, paste(mass=500)), CorrectionError, message)
    assert ledger.batch(A).dry_left == 50_000_000


def test_a_correction_that_would_let_a_step_make_metal_is_refused(ledger):
    index = ledger.batch(B).made_at >> 8
    with pytest.raises(CorrectionError, match=f"^with this change record {index}, event 0, would not hold: Pb: 375000 g in, 735000 g out"):
        ledger.log(K, correct(A, paste(mass=500)))
    assert mass_of(ledger, B) == {"Pb": 735_000_000}


def test_the_correction_with_the_highest_index_holds(ledger):
    for country in ("MX", "CA"):
        ledger.log(K, correct(A, paste(places={"collected_in": country})))
    assert set(portions(ledger, B)) == {("end_of_life", "collected_in=CA", "smelted_in=US")}


def test_a_corrected_batch_is_named_by_the_correction(ledger):
    made_by = ledger.memory.record_id(ledger.batch(B).fixed_at >> 8)
    event = {"record": made_by, "event": 0}
    ledger.log(K, correct(event, smelt(mass=745)))
    want = ledger.records[-1].id
    message = f"batch keystone:B was last fixed by record {want}, made_by names {made_by}"
    refused(ledger, K, dispose(B, made_by=made_by), StaleError, message)
    ledger.log(K, dispose(B, made_by=want))


def numbered(ledger, event):
    """Return a reference to the event that made A."""
    return {"record": ledger.memory.record_id(ledger.batch(A).made_at >> 8), "event": event}


def test_what_cannot_be_corrected_or_voided_says_why(ledger):
    index = ledger.batch(A).made_at >> 8
    ledger.log(K, correct(A, paste(mass=1001)))
    correction, record = last(ledger), ledger.memory.size - 1
    for make in (lambda of: correct(of, paste()), void):
        refused(ledger, K, make(correction), CorrectionError, f"event 0 of record {record} is a correct; name the original event")
        refused(ledger, K, make({"record": "0" * 64, "event": 0}), UnknownError, f"no record {'0' * 64} in this ledger")
        refused(ledger, K, make(numbered(ledger, 7)), UnknownError, f"no event 7 of record {index} in this ledger")
        admitted = {"record": ledger.memory.record_id(1), "event": 0}
        refused(ledger, K, make(admitted), CorrectionError, "event 0 of record 1 is a admit, which cannot be corrected or voided")
        refused(ledger, V, make(numbered(ledger, 0)), AuthorityError, f"event 0 of record {index} was signed by keystone, not by voltaic")
    refused(ledger, K, correct("keystone:X", paste()), UnknownError, "no batch keystone:X in this ledger")
    refused(ledger, K, correct(A, paste(C)), CorrectionError, "a correction keeps the batch number keystone:A, this one has keystone:C")
    refused(ledger, K, correct(A, dispose(A)), CorrectionError, "a receive cannot be corrected into a dispose; void it and log the other")


def test_what_was_used_can_be_corrected_but_not_voided(ledger):
    index = ledger.batch(B).made_at >> 8
    refused(
        ledger, K, void(A), CorrectionError,
        f"batch keystone:A was used by record {index}, so what made it can be corrected but not voided",
    )  # fmt: skip
    ledger.log(K, void(B))
    ledger.log(K, void(A))
    assert ledger.postings() == []


def test_a_void_is_final_and_its_number_is_never_used_again(ledger):
    index = ledger.batch(B).made_at >> 8
    of = {"record": ledger.memory.record_id(index), "event": 0}
    ledger.log(K, void(B))
    assert ledger.batch(A).dry_left == 1_000_000_000
    message = f"event 0 of record {index} was voided, and a void is final"
    refused(ledger, K, void(of), CorrectionError, message)
    refused(ledger, K, correct(of, smelt()), CorrectionError, message)
    refused(ledger, K, smelt(), DuplicateError, "batch keystone:B exists already")
    refused(ledger, K, dispose(B, mass=kg(1), made_by=of["record"]), UnknownError, "no batch keystone:B in this ledger")
    ledger.log(K, smelt(made=C))


def test_a_heat_voided_and_logged_anew_in_one_record_does_not_forget_the_heel():
    ledger = books()
    ledger.log(K, paste(), receive(B, vessel="K3"))
    heel = output(C, "soft_lead", kg(990), SOFT, vessel="K3")
    ledger.log(K, transform("refine", [B], [heel]))
    again = transform("refine", [A], [output(D, "soft_lead", kg(700), SOFT, vessel="K3")])
    with pytest.raises(Exception, match="^vessel K3 at keystone:works holds keystone:B, which this event leaves out"):
        ledger.log(K, void(C), again)
    ledger.log(K, void(C), transform("refine", [A, B], [output(D, "soft_lead", kg(1600), SOFT, vessel="K3")]))
    assert ledger.batch(D).vessel == "K3"


def test_voiding_a_shipment_that_was_accepted_is_refused(ledger):
    ledger.log(K, ship(B, "voltaic"))
    shipment = last(ledger)
    ledger.log(V, accept(B, "voltaic", kg(750)))
    index = ledger.memory.size - 1
    message = (
        f"with this change record {index}, event 0, would not hold: "
        "batch keystone:B is not on its way to anybody; only what was shipped can be accepted"
    )
    refused(ledger, K, void(shipment), CorrectionError, message)
    ledger.log(V, void(last(ledger)))
    ledger.log(K, void(shipment))
    assert (ledger.batch(B).holder, ledger.batch(B).status) == ("keystone", "held")


def test_an_output_that_was_used_cannot_be_corrected_away(ledger):
    ledger.log(K, dispose(B, mass=kg(1)))
    index = ledger.memory.size - 1
    message = f"with this change record {index}, event 0, would not hold: no batch keystone:B in this ledger"
    refused(ledger, K, correct(B, smelt(made=C)), CorrectionError, message)


def test_a_corrected_adjustment_and_disposal_are_booked_anew(ledger):
    ledger.log(K, dispose(B, mass=kg(10)))
    disposal = last(ledger)
    ledger.log(K, adjust(B, kg(-20)))
    ledger.log(K, correct(disposal, dispose(B, mass=kg(30))))
    assert mass_of(ledger, B) == {"Pb": 980_000 * 700}
    ledger.log(K, void(disposal))
    assert mass_of(ledger, B) == {"Pb": 980_000 * 730}


def test_a_merge_of_what_was_corrected_down_follows_the_book_and_is_flagged():
    ledger = books()
    ledger.log(K, paste())
    ledger.log(K, transform("merge", [A], [output(B, "battery_paste", kg(1000))]))
    ledger.log(K, correct(A, paste(mass=800)))
    assert mass_of(ledger, B) == {"Pb": 600_000_000}
    # 3 x sqrt(3² + (0.5/sqrt 3)²) kg
    assert ledger.notes() == ["carried-mass"]
    assert messages(ledger) == ["the merge weighs 200000 g more than what went in, the bound is 9041.57 g"]


def test_books_that_would_not_balance_are_never_written(ledger):
    from ledger import policy
    from ledger.errors import ConservationError
    from ledger.matter.booking import LOST, Page

    page = Page(reading=ledger.memory, policy=policy.load(), position=99 << 8, party="keystone", fixed_at=99 << 8)
    page.post("keystone:works", LOST, "Pb", 7)
    with pytest.raises(ConservationError) as caught:
        page.booking("keystone:works", "dispose")
    assert str(caught.value) == "Pb: the books would not balance by -7 mg"


# Late assays


def provenance(ledger, batch):
    return set(portions(ledger, batch))


def test_a_late_result_derives_the_step_that_made_the_batch_again(ledger):
    ledger.log(K, assay(B, {"Pb": pct("97.0"), "Sb": {"below": "10", "unit": "ppm"}}))
    assert mass_of(ledger, B) == {"Pb": 727_500_000, "Sb": 0}
    lost = [posting.mass for posting in ledger.postings() if posting.account == "lost"]
    assert lost == [22_500_000]


def test_a_late_result_of_scrap_makes_it_assayed():
    ledger = books()
    ledger.log(K, receive(A, "spent_battery", assay=None))
    ledger.log(K, assay(A, {"Pb": pct(60)}))
    assert not ledger.batch(A).is_open
    assert mass_of(ledger, A) == {"Pb": 600_000_000}


@pytest.mark.parametrize(
    ("results", "lead", "provisional"),
    [
        ([("74", {})], 740, False),
        ([("74", {}), ("73", {})], 730, False),
        ([("74", {"umpire": True}), ("73", {})], 740, False),
        ([("73", {"provisional": True})], 750, False),
        ([("74", {}), ("73", {"provisional": True})], 740, False),
    ],
)
def test_the_latest_final_result_counts_and_an_umpire_beats_all(ledger, results, lead, provisional):
    for value, more in results:
        ledger.log(K, assay(A, {"Pb": pct(value)}, **more))
    assert sum(ledger.memory.states_at(ledger.batch(A).made_at)[A].contained().values()) == lead * 10**6
    assert ledger.batch(A).provisional is provisional


def test_a_provisional_result_counts_until_a_final_one_replaces_it():
    ledger = books()
    ledger.log(K, paste(provisional=True))
    mass = ledger.batch(A).gross_left
    message = "batch keystone:A has a provisional assay; it can be certified once a final one replaces it"
    from ledger.errors import ClaimError

    refused(ledger, K, certify(A, mass), ClaimError, message)
    ledger.log(K, assay(A, {"Pb": pct(74)}, provisional=True))
    assert (mass_of(ledger, A), ledger.batch(A).provisional) == ({"Pb": 740_000_000}, True)
    ledger.log(K, assay(A, {"Pb": pct(73)}))
    assert (mass_of(ledger, A), ledger.batch(A).provisional) == ({"Pb": 730_000_000}, False)
    ledger.log(K, certify(A, mass))


def test_a_late_result_may_be_corrected_and_voided(ledger):
    ledger.log(K, assay(A, {"Pb": pct(74)}))
    of = last(ledger)
    message = "a correction keeps the batch number keystone:A, this one has keystone:B"
    refused(ledger, K, correct(of, assay(B, {"Pb": pct(98)})), CorrectionError, message)
    message = "the assay of batch keystone:A has 174 % Pb, at most 100 % is possible"
    refused(ledger, K, correct(of, assay(A, {"Pb": pct(174)})), AssayError, message)
    ledger.log(K, correct(of, assay(A, {"Pb": pct("73.5")})))
    assert ledger.memory.states_at(ledger.batch(A).made_at)[A].contained() == {"Pb": 735_000_000}
    ledger.log(K, void(of))
    assert ledger.memory.states_at(ledger.batch(A).made_at)[A].contained() == {"Pb": 750_000_000}


def test_a_late_result_that_cannot_be_is_refused(ledger):
    refused(ledger, K, assay(A, {"Pb": pct(101)}), AssayError, "the assay of batch keystone:A has 101 % Pb, at most 100 % is possible")
    refused(
        ledger, V, assay(A, {"Pb": pct(75)}, site="voltaic:works"), CustodyError, "batch keystone:A is held by keystone, not by voltaic"
    )
    ledger.log(K, transform("refine", [B], [output(C, "soft_lead", "balance")]))
    message = 'batch keystone:C has the mass "balance", so its contents are what the others leave; leave out its assay'
    refused(ledger, K, assay(C, {"Pb": pct(99)}), AssayError, message)


def test_the_receiver_may_assay_what_the_sender_made(ledger):
    ledger.log(K, ship(B, "voltaic"))
    ledger.log(V, accept(B, "voltaic", kg(750)))
    ledger.log(V, assay(B, {"Pb": pct("97.0")}, site="voltaic:works"))
    assert mass_of(ledger, B) == {"Pb": 727_500_000}
    assert ledger.batch(B).fixed_at >> 8 == ledger.memory.size - 1


# Answers


def test_an_answer_travels_with_the_metal_and_the_last_one_counts(ledger):
    ledger.log(K, determine(A))
    ledger.log(K, determine(A, "diverted_from_waste_stream", answer=False))
    (source,) = ledger.batch(B).contents["Pb"].booked.left
    assert source.determined == (("diverted_from_waste_stream", False), ("is_waste", True))
    of = last(ledger)
    ledger.log(K, correct(of, determine(A, "is_waste", answer=False)))
    assert next(iter(ledger.batch(B).contents["Pb"].booked.left)).determined == (("is_waste", False),)
    ledger.log(K, void(of))
    assert next(iter(ledger.batch(B).contents["Pb"].booked.left)).determined == (("is_waste", True),)


def test_an_answer_on_unassayed_scrap_is_kept_until_it_is_told():
    ledger = books()
    ledger.log(K, receive(A, "spent_battery", assay=None))
    ledger.log(K, determine(A))
    ledger.log(K, transform("break", [A], [output(B, "battery_paste", kg(800), {"Pb": pct(75)})]))
    assert next(iter(ledger.batch(B).contents["Pb"].booked.left)).answer("is_waste") is True


def test_an_answer_on_what_is_not_ones_own_is_refused(ledger):
    refused(ledger, V, determine(A), AuthorityError, "batch keystone:A is neither made nor held by voltaic")
    refused(ledger, K, determine("keystone:X"), UnknownError, "no batch keystone:X in this ledger")
    ledger.log(K, determine(A))
    message = "a correction keeps the batch number keystone:A, this one has keystone:B"
    refused(ledger, K, correct(last(ledger), determine(B)), CorrectionError, message)


def test_the_answer_of_a_person_makes_own_waste_pre_consumer(ledger):
    ledger.log(K, receive(C, "plant_scrap", feedstock="pre_consumer_internal", assay={"Pb": pct(90)}))
    ledger.log(K, determine(C, "not_reclaimable_in_generating_process"))
    found = {claim.characteristic: claim.mass_mg for claim in claims("Pb", ledger.batch(C).contents["Pb"].booked.left, None)}
    assert found["pre_consumer"] == 900_000_000


@pytest.mark.parametrize("question", ["was:primary", "a;b", "a=b", "really?", "Is_waste", "1st", ""])
def test_a_question_is_a_plain_name(question):
    raw = {**determine(A), "question": question, "by": {"name": {"sealed": "ab" * 32}, "role": "counsel"}}
    with pytest.raises(FormatError, match=re.escape(f"{question!r} is not a question such as is_waste: 1 to 64 of a-z 0-9 _, beginning")):
        read_event(canonical.encode(raw))
