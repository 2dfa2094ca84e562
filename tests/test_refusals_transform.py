"""What no step can do, each with its message, and nothing written."""

from dataclasses import replace

import pytest

from books import kg, pct
from events import SOFT, at, books, dispose, losses, portions, receive, refused, returned, ship, transform
from events import out as output
from ledger import policy
from ledger.errors import (
    AmountError,
    AssayError,
    BalanceError,
    ClaimError,
    CustodyError,
    DuplicateError,
    FormatError,
    FormChangeError,
    LossError,
    OriginError,
    OverdrawnError,
    StaleError,
    UnknownError,
    VesselError,
)
from ledger.matter.booking import Page
from ledger.view import LAST

K = "keystone/1"
A, B, C, D, GOOD = "keystone:A", "keystone:B", "keystone:C", "keystone:D", "keystone:GOOD"


@pytest.fixture
def ledger():
    """1,000 kg of pure lead in A, and B."""
    made = books("keystone", "voltaic")
    made.log(K, receive(A, assay={"Pb": pct("100.000")}, mass=kg(1000, device="floor_scale")))
    made.log(K, receive(B, assay={"Pb": pct(100)}, vessel="K3"))
    return made


def floor(value):
    return kg(value, device="floor_scale")


def block(batch=C, value=1000, **more):
    return output(batch, "soft_lead", floor(value), {"Pb": pct("100.000")}, **more)


@pytest.mark.parametrize(
    ("event", "error", "message"),
    [
        (transform("cast", [{"batch": A, "mass": kg(1100)}], [block()]), OverdrawnError,
         "batch keystone:A holds 1000000 g, cannot give 1100000 g (100000 g short)"),
        (transform("cast", [{"batch": A, "mass": kg(0)}], [block()]), AmountError,
         "the draw from batch keystone:A has a mass of 0 mg, it must be above zero"),
        (transform("cast", [A, A], [block()]), DuplicateError, "input of this transform keystone:A stands twice"),
        (transform("cast", [A], [block(), block()]), DuplicateError, "output of this transform keystone:C stands twice"),
        (transform("cast", [A], [block(B)]), DuplicateError, "batch keystone:B exists already"),
        (transform("cast", [A], [block(A)]), DuplicateError, "batch keystone:A exists already"),
        (transform("cast", [A], [block("voltaic:C")]), CustodyError,
         "batch voltaic:C would be voltaic's number, the record is signed by keystone"),
        (transform("cast", ["keystone:X"], [block()]), UnknownError, "no batch keystone:X in this ledger"),
        (transform("cast", [A], [block(value=0)]), AmountError, "batch keystone:C has a mass of 0 mg, it must be above zero"),
        (transform("cast", [A], [block(moisture=pct(100))]), AmountError,
         "batch keystone:C has a moisture of 100.0000%, it must be below 100 %"),
        (transform("cast", [{"batch": A, "mass": kg(1), "moisture": pct(100)}], [block()]), AmountError,
         "batch keystone:A has a moisture of 100.0000%, it must be below 100 %"),
        (transform("cast", [A], [output(C, "soft_lead", kg(1000))]), AssayError,
         "batch keystone:C needs an assay: cast measures what comes out ({} where nothing was looked for)"),
        (transform("cast", [A], [output(C, "soft_lead", kg(1000), {"Pb": pct(101)})]), AssayError,
         "the assay of batch keystone:C has 101 % Pb, at most 100 % is possible"),
        (transform("cast", [A], [output(C, "soft_lead", "balance"), output(D, "soft_lead", "balance")]), AmountError,
         'two outputs have the mass "balance"; only one can be what the others leave'),
        (transform("cast", [A], [output(C, "soft_lead", "balance", SOFT)]), AssayError,
         'batch keystone:C has the mass "balance", so its contents are what the others leave; leave out its assay'),
        (transform("cast", [A], [block(), output(D, "soft_lead", "balance")]), AmountError,
         "batch keystone:D, the balance, has a mass of 0 mg, it must be above zero"),
        (transform("split", [A], [output(C, "soft_lead", kg(1000)), output(D, "soft_lead", "balance")]), AmountError,
         "batch keystone:D, the balance, has a mass of 0 mg, it must be above zero"),
        (transform("cast", [A], [block(vessel="K1"), block(D, 1, vessel="K1")]), VesselError,
         "two outputs stay in vessel K1; a vessel holds one batch"),
        (transform("refine", [A], [block(vessel="K3")]), VesselError,
         "vessel K3 at keystone:works holds keystone:B, which this event leaves out; name it as an input"),
        (transform("refine", [A, {"batch": B, "mass": kg(500)}], [block(value=1500, vessel="K3")]), VesselError,
         "vessel K3 at keystone:works still holds keystone:B; a heat takes its whole heel"),
        (transform("oxide", [A], [output(C, "spent", kg(1), SOFT)]), FormatError,
         "field material: 'spent' is no material of rule data version 1"),
        (transform("cast", [{"batch": A, "mass": {"pieces": 1}}], [block()]), AmountError,
         "batch keystone:A was made without a number of pieces, so it cannot be drawn by count"),
        (transform("cast", [{"batch": A, "mass": kg(999), "rest": True}], [block()]), AmountError,
         "the rest of batch keystone:A is 1000000 g, the record says 999000 g"),
        (transform("cast", [{"batch": A, "mass": {"pieces": 1}, "rest": True}], [block()]), AmountError,
         "the rest of batch keystone:A is a mass, not a count"),
        (transform("cast", [{"batch": A, "made_by": "0" * 64}], [block()]), StaleError, None),
        (transform("cast", [A], [block(value=990)], {"Pb": kg(1010)}), LossError,
         "Pb: 1010000 g declared lost of 1000000 g in (10000 g too much)"),
        (transform("smelt", [A], [block(value=1100)]), BalanceError,
         "Pb: 1000000 g in, 1100000 g out and declared lost, residual -100000 g, allowed gain 6448.803 g"),
        (transform("split", [A], [output(C, "soft_lead", floor(1004))]), BalanceError,
         "dry mass of the split: 1000000 g in, 1004000 g out and declared lost, residual -4000 g, allowed gain 3134.029 g"),
    ],
)  # fmt: skip
def test_a_step_that_cannot_be_is_refused(ledger, event, error, message):
    if error is StaleError:
        message = (
            f"batch keystone:A was last fixed by record {ledger.memory.record_id(ledger.batch(A).made_at >> 8)}, made_by names {'0' * 64}"
        )
    refused(ledger, K, event, error, message)


def test_a_step_by_a_party_that_does_not_hold_the_batch_is_refused(ledger):
    event = transform("cast", [A], [block("voltaic:C")], site="voltaic:works")
    refused(ledger, "voltaic/1", event, CustodyError, "batch keystone:A is held by keystone, not by voltaic")


def test_a_step_that_makes_antimony_is_refused(ledger):
    lead = output(C, "antimonial_lead", floor(1000), {"Pb": pct(98), "Sb": pct(2)})
    refused(
        ledger, K, transform("alloy", [A], [lead]), BalanceError,
        "Sb: 0 g in, 20000 g out and declared lost, residual -20000 g, allowed gain 8707.116 g",
    )  # fmt: skip


def test_a_batch_used_up_gives_nothing_more_not_even_within_the_bound(ledger):
    ledger.log(K, transform("cast", [A], [block()]))
    message = "batch keystone:A holds 0 g, cannot give 1 g (1 g short)"
    refused(ledger, K, transform("cast", [{"batch": A, "mass": {"value": "1", "unit": "g"}}], [block(D, 1)]), OverdrawnError, message)
    refused(
        ledger, K, transform("cast", [{"batch": A, "mass": kg(0), "rest": True}], [block(D, 1)]), OverdrawnError,
        "batch keystone:A holds 0 g, cannot give 0 g (0 g short)",
    )  # fmt: skip


def test_a_signed_record_leaves_no_mass_open(ledger):
    from ledger.memory import Memory
    from ledger.record import read_event
    from ledger.state import enter
    from ledger.tlog import canonical
    from ledger.view import Changes, Head, position

    place = position(ledger.memory.size, 0)
    raw = transform("cast", [{"batch": A, "made_by": ledger.memory.record_id(ledger.batch(A).fixed_at >> 8)}], [block()])
    for event in (raw, {**ship(A), "made_by": raw["inputs"][0]["made_by"], "to": "voltaic:works"}):
        sheet = Memory(ledger.memory)
        sheet.events[place] = read_event(canonical.encode(event))
        sheet.note_record(ledger.memory.size, "this", K)
        changes = Changes(ledger.memory.size, "this", K, Head(0, "", 0))
        with pytest.raises(FormatError) as caught:
            enter(sheet, changes, ledger.memory.key(K), place, sheet.events[place])
        assert str(caught.value) == 'field mass: a signed record states a mass; all that is left is written with "rest":true'


def test_of_two_records_that_draw_the_same_metal_the_second_is_refused(ledger):
    first = ledger.draft(K, transform("cast", [{"batch": A, "mass": kg(600)}], [block(C, 600)]))
    enrolled_second = transform("cast", [{"batch": A, "mass": kg(600)}], [block(D, 600)])
    ledger.submit(first)
    refused(ledger, K, enrolled_second, OverdrawnError, "batch keystone:A holds 400000 g, cannot give 600000 g (200000 g short)")


def test_events_of_one_record_commit_together_or_not_at_all(ledger):
    good = transform("cast", [{"batch": A, "mass": kg(600)}], [block(C, 600)])
    bad = transform("cast", [{"batch": C, "mass": kg(601)}], [block(D, 601)])
    with pytest.raises(OverdrawnError) as caught:
        ledger.log(K, good, transform("cast", [{"batch": C, "mass": kg(700)}], [block(D, 700)]))
    assert caught.value.__notes__ == ["1"]
    assert ledger.memory.maker(C) is None
    ledger.log(K, good, bad)  # 1 kg above is within the last draw's bound


def test_what_was_made_in_the_same_record_is_used_without_made_by(ledger):
    ledger.log(K, transform("cast", [A], [block(C)]), transform("cast", [C], [block(D)]))
    assert ledger.records[-1].events[1].inputs[0].made_by is None
    assert ledger.batch(D).contained() == {"Pb": 1_000_000_000}


# Unassayed scrap


def scrap(batch, **more):
    return receive(batch, "spent_battery", assay=None, **more)


@pytest.fixture
def yard():
    made = books()
    made.log(K, scrap(A))
    made.log(K, scrap(B))
    return made


def paste(batch, value, **more):
    return output(batch, "battery_paste", kg(value), {"Pb": pct(75)}, **more)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (transform("refine", [A], [paste(C, 800)]),
         "refine cannot use unassayed scrap (keystone:A); break, smelt or rework it first"),
        (transform("break", [A], [paste(C, 700), output(D, "grid_metal", "balance")]),
         'unassayed scrap is told by what came out, so every output is weighed and assayed; none may be "balance"'),
        (transform("merge", [A, B], [output(C, "spent_battery", kg(2000), {"Pb": pct(60)})]),
         "a merge of unassayed scrap passes it on unassayed; leave out assays, and keep assayed scrap apart"),
    ],
)  # fmt: skip
def test_unassayed_scrap_is_not_used_where_nobody_could_tell_what_it_held(yard, event, message):
    refused(yard, K, event, AssayError, message)


def test_unassayed_scrap_is_not_merged_with_assayed_scrap(yard):
    yard.log(K, receive(C, "spent_battery", assay={"Pb": pct(60)}))
    message = "a merge of unassayed scrap passes it on unassayed; leave out assays, and keep assayed scrap apart"
    refused(yard, K, transform("merge", [A, C], [output(D, "spent_battery", kg(2000))]), AssayError, message)


def test_unassayed_inputs_of_two_forms_are_refused(yard):
    yard.log(K, transform("merge", [B], [output("keystone:S", "slag", kg(1000))]))
    message = "unassayed inputs are of several forms (residue, scrap); what came out cannot tell them apart"
    refused(yard, K, transform("smelt", [A, "keystone:S"], [paste(C, 1000)]), AssayError, message)


def test_ghost_trucks_bring_no_metal(yard):
    assert yard.batch(A).contained() == {}
    yard.log(K, transform("break", [A, B], [paste(C, 400), output(D, "polypropylene", kg(100), {})]))
    assert portions(yard, C) == {("end_of_life", "broken_in=US"): 300_000_000}
    assert {posting.mass for posting in yard.postings() if posting.kind == "derived"} == {300_000_000}
    assert set(yard.notes()) == {"derived", "yield-out-of-band"}


def test_assayed_inputs_are_taken_off_before_unassayed_scrap_is_told(yard):
    yard.log(K, receive("keystone:P", "plant_scrap", mass=kg(100), assay={"Pb": pct(90)}, feedstock="primary"))
    yard.log(K, transform("smelt", [A, "keystone:P"], [output(C, "bullion", kg(700), {"Pb": pct(98)})], {"Pb": kg(4)}))
    derived = [posting.mass for posting in yard.postings() if posting.kind == "derived"]
    assert derived == [700 * 980_000 + 4_000_000 - 90_000_000]
    assert losses(yard) == {"declared fume": 4_000_000}


def test_what_unassayed_scrap_contained_is_shared_over_it_by_dry_mass():
    ledger = books()
    ledger.log(K, scrap(A, mass=kg(1250), moisture=pct(20), places={"collected_in": "US"}))
    ledger.log(K, scrap(B, mass=kg(3000), places={"collected_in": "MX"}))
    ledger.log(K, transform("merge", [A, B], [output(C, "spent_battery", kg(4000))]))
    ledger.log(K, transform("break", [C], [output(D, "battery_paste", kg(3200), {"Pb": pct(75)})]))
    assert portions(ledger, D) == {
        ("end_of_life", "broken_in=US", "collected_in=MX"): 1_800_000_000,
        ("end_of_life", "broken_in=US", "collected_in=US"): 600_000_000,
    }


def test_a_pile_of_unassayed_scrap_on_a_generous_scale_holds_what_the_trucks_brought(yard):
    yard.log(K, transform("merge", [A, B], [output(C, "spent_battery", kg(2010))]))
    assert yard.batch(C).dry_left == 2_000_000_000
    yard.log(K, dispose(C, mass=kg(2000)))
    assert yard.batch(C).open[("*")].mass == 0


def test_shares_of_unassayed_scrap_are_kept_until_it_is_told():
    ledger = books()
    part = {"feedstock": "end_of_life", "share": pct(100), "constituent": "Pb"}
    ledger.log(K, scrap(A, feedstock=None, shares=[part]))
    output_both = output(C, "battery_paste", kg(700), {"Pb": pct(75), "Sb": pct(1)})
    ledger.log(K, transform("break", [A], [output_both]))
    assert portions(ledger, C) == {("end_of_life", "broken_in=US"): 525_000_000}
    assert portions(ledger, C, "Sb") == {("unknown", "broken_in=US"): 7_000_000}


# Changes of form


FORMS = {
    "scrap": "plant_scrap", "intermediate": "grid_metal", "metal": "soft_lead", "compound": "lead_oxide", "product": "battery_plate",
    "residue": "dross",
}  # fmt: skip
ALLOWED = {
    "scrap": set(FORMS),
    "intermediate": set(FORMS),
    "residue": set(FORMS),
    "metal": {"metal", "compound", "product", "residue", "scrap"},
    "compound": {"compound", "product", "residue", "scrap"},
    "product": {"product", "residue", "scrap"},
}


@pytest.mark.parametrize("kind", ["rework", "blend"])
@pytest.mark.parametrize("source", FORMS)
@pytest.mark.parametrize("target", FORMS)
def test_material_moves_only_along_the_table_of_forms(kind, source, target):
    ledger = books()
    ledger.log(K, receive(A, FORMS[source], feedstock="unknown", assay={"Pb": pct(50)}))
    event = transform(kind, [A], [output(B, FORMS[target], kg(1000), {"Pb": pct(50)})])
    relabelled = kind == "blend" and target == "scrap" and source in ("metal", "compound", "product")
    if target in ALLOWED[source] and not relabelled:
        ledger.log(K, event)
        assert ledger.batch(B).material == FORMS[target]
    else:
        message = f"{kind} cannot turn {FORMS[source]} ({source}) into {FORMS[target]} ({target})"
        refused(ledger, K, event, FormChangeError, message)


@pytest.mark.parametrize("kind", ["split", "merge", "blend"])
def test_no_refined_metal_is_relabelled_as_scrap(kind):
    ledger = books()
    ledger.log(K, receive(A))
    event = transform(kind, [A], [output(B, "spent_battery", kg(1000))])
    refused(ledger, K, event, FormChangeError, f"{kind} cannot turn soft_lead (metal) into spent_battery (scrap)")


def test_use_at_another_site_of_the_same_party_is_flagged_and_moves_the_metal():
    ledger = books()
    ledger.admit("twins", sites={"works": "US", "annex": "US"})
    ledger.log("twins/1", receive("twins:A", assay={"Pb": pct(100)}))
    event = transform("cast", ["twins:A"], [output("twins:B", "soft_lead", kg(1000), {"Pb": pct(100)})], site="twins:annex")
    ledger.log("twins/1", event)
    assert ledger.notes() == ["moved-unshipped"]
    moved = {(posting.site, posting.account, posting.mass) for posting in ledger.postings() if posting.account.startswith("moved")}
    assert moved == {(at("twins:A"), "moved_out", 1_000_000_000), ("twins:annex", "moved_in", 1_000_000_000)}


@pytest.mark.parametrize(
    ("event", "error", "hint"),
    [
        (transform("cast", ["keystone:X"], [block()]), UnknownError, "a batch is received or made before it is used"),
        (transform("cast", [A], [block()], site="keystone:yard"), UnknownError,
         "register it first: plumbline site keystone:yard --name NAME --country CC"),
        (transform("cast", [A], [block(B)]), DuplicateError, "every batch has a number of its own, and a voided number is not used again"),
        (transform("cast", [A, A], [block()]), DuplicateError, "name each batch once, with the whole mass"),
        (transform("cast", [{"batch": A, "mass": kg(999), "rest": True}], [block()]), AmountError,
         "somebody drew from it since; look at what is left and sign again"),
        (ship("keystone:L"), ClaimError, "correct its mass, or transform it: plumbline correct keystone:L …"),
        (ship(A, "nobody"), UnknownError, "the receiver registers its site before anything is shipped to it"),
        (ship(A, "voltaic", mass={"pieces": 4}), AmountError, "split off what is to be shipped first"),
        (ship(A, "voltaic", mass=floor(900)), AmountError, "split off what is to be shipped first"),
        (receive(C, opening=True), OriginError, "log what a later count finds with `plumbline adjust`"),
        (returned("voltaic:A", C, kg(1)), CustodyError, "what somebody else sent out is received as new"),
        (returned("keystone:O", C, kg(1)), AssayError, "receive it as new"),
        (transform("merge", ["keystone:O", "keystone:P"], [output(C, "spent_battery", kg(1), {"Pb": pct(60)})]), AssayError,
         "the first break, smelt or rework that uses it tells what it contained"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_to_do(ledger, event, error, hint):
    ledger.log("voltaic/1", receive("voltaic:A"))
    ledger.log(K, receive("keystone:O", "spent_battery", assay=None), receive("keystone:P", "spent_battery", assay=None), receive(GOOD))
    ledger.log(K, transform("cast", [GOOD], [output("keystone:L", "soft_lead", "balance")]))
    with pytest.raises(error) as caught:
        ledger.log(K, event)
    assert caught.value.hint == hint


def test_each_output_weighed_apart_errs_apart(ledger):
    thirds = [output(f"keystone:T{number}", "soft_lead", kg("334.5", device="floor_scale", u="0.3")) for number in range(3)]
    with pytest.raises(BalanceError) as caught:
        ledger.log(K, transform("split", [A], thirds))
    assert str(caught.value).endswith("allowed gain 1566.046 g")


def test_the_rest_of_nothing_is_refused_with_what_was_asked(ledger):
    ledger.log(K, dispose(A))
    for mass, asked in ((kg(5), "5000 g (5000 g short)"), ({"pieces": 3}, "0 g (0 g short)")):
        message = f"batch keystone:A holds 0 g, cannot give {asked}"
        refused(ledger, K, transform("cast", [{"batch": A, "mass": mass, "rest": True}], [block()]), OverdrawnError, message)


def test_the_batch_that_is_named_twice_is_told_among_others(ledger):
    ledger.log(K, receive(GOOD))
    for names, what in (([A, GOOD, B, GOOD, B], f"input of this transform {B}"), ([A, GOOD, GOOD], f"input of this transform {GOOD}")):
        refused(ledger, K, transform("cast", names, [block()]), DuplicateError, f"{what} stands twice")


def test_a_split_is_within_its_scales_bound_to_the_milligram(ledger):
    def weighed(mass):
        return output(C, "soft_lead", {"value": f"{mass // 1000}.{mass % 1000:03d}", "unit": "g", "device": "floor_scale"})

    message = "dry mass of the split: 1000000 g in, 1003009.028 g out and declared lost, residual -3009.028 g, allowed gain 3009.027 g"
    refused(ledger, K, transform("split", [A], [weighed(1_003_009_028)]), BalanceError, message)
    ledger.log(K, transform("split", [A], [weighed(1_003_009_027)]))
    assert ledger.batch(C).dry_left == 1_003_009_027


def test_a_use_of_what_the_same_record_made_names_no_record(ledger):
    with pytest.raises(StaleError) as caught:
        ledger.log(K, receive(GOOD), transform("cast", [{"batch": GOOD, "made_by": "0" * 64}], [block()]))
    assert str(caught.value).endswith(f", made_by names {'0' * 64}")


def test_a_page_shows_a_batch_as_its_event_has_left_it_so_far(ledger):
    page = Page(ledger.memory, policy.load(), LAST, "keystone", LAST)
    assert page.batch(A) is ledger.batch(A)
    page.put(replace(ledger.batch(A), vessel="K9"))
    assert page.batch(A).vessel == "K9"
    with pytest.raises(UnknownError) as caught:
        page.batch("keystone:X")
    assert caught.value.hint == "a batch is received or made before it is used"
