"""The same mass is certified once for a kind: twice refused, withdrawn, absorbed, certified anew."""

from __future__ import annotations

import re

import pytest

from books import TIME, kg, pct
from issued import VALID_UNTIL, Works, event, figures, lot, step
from ledger.certificates.certificate import Issuer, build
from ledger.certificates.issuance import certify_raw, entered, next_number, split_raw
from ledger.certificates.recompute import check_current
from ledger.certified import standing, status
from ledger.errors import AuthorityError, ClaimError, CorrectionError, DuplicateError, FormatError, OverdrawnError, UnknownError
from schemas.measurement import Quantity


@pytest.fixture
def works():
    return Works()


def cut(works, name, mass, *, of="keystone:BL"):
    works.log("keystone/1", step("split", "keystone:works", [{"batch": of, "mass": kg(mass)}], lot(name, "soft_lead", mass)))


def melt(works, party, batch, name, mass):
    works.log(f"{party}/1", step("refine", f"{party}:works", [batch], lot(name, "soft_lead", mass, Pb="99.9")))


def test_the_same_mass_is_not_certified_twice_for_a_kind(works):
    works.certify("keystone:BL")
    with pytest.raises(ClaimError, match=re.escape("batch keystone:BL is certified already by keystone-RC-0001 (recycled-content)")):
        works.certify("keystone:BL")


def test_a_batch_carries_one_certificate_of_each_kind(works):
    first, _ = works.certify("keystone:BL")
    second, document = works.certify("keystone:BL", "domestic-origin")
    assert (first.number, second.number) == ("keystone-RC-0001", "keystone-DO-0001")
    assert document["credentialSubject"]["absorbs"] == []


def test_withdrawn_mass_is_certified_again(works):
    first, _ = works.certify("keystone:BL")
    works.withdraw(first.number)
    second, _ = works.certify("keystone:BL")
    assert second.number == "keystone-RC-0002"
    old = works.memory.claim(first.number)
    assert status(works.memory, old) == ("withdrawn", f"was withdrawn by record {works.memory.size - 2}: weighed wrongly")
    assert status(works.memory, second) == ("valid", "is neither withdrawn nor superseded, valid until 2027-03-31")
    assert standing(works.memory, old, at=old.withdrawn)
    assert not standing(works.memory, old)
    assert not standing(works.memory, second, at=second.position)


def test_a_superseded_certificate_names_its_successor(works):
    first, _ = works.certify("keystone:BL")
    works.withdraw(first.number, superseded_by="keystone-RC-0002")
    state = status(works.memory, works.memory.claim(first.number))
    assert state == ("superseded", f"was superseded by keystone-RC-0002, record {works.memory.size - 1}: weighed wrongly")


def test_a_certificate_expires_the_day_after_its_last(works):
    claim, _ = works.certify("keystone:BL")
    assert status(works.memory, claim, as_of="2027-03-31")[0] == "valid"
    assert status(works.memory, claim, as_of="2027-04-01") == ("expired", "was valid until 2027-03-31, which is before 2027-04-01")


def test_what_the_issuer_itself_transforms_counts_as_withdrawn(works):
    first, _ = works.certify("keystone:BL")
    melt(works, "keystone", "keystone:BL", "keystone:R1", "1498")
    index = works.memory.size - 1
    assert status(works.memory, first) == (
        "absorbed",
        f"counts as withdrawn since record {index}, in which keystone itself transformed what it had certified (refine)",
    )
    second, document = works.certify("keystone:R1")
    assert second.number == "keystone-RC-0002"
    assert document["credentialSubject"]["absorbs"] == []


def test_a_part_that_its_issuer_transforms_ends_the_certificate_for_the_whole(works):
    first, _ = works.certify("keystone:BL")
    cut(works, "keystone:A", "500")
    with pytest.raises(ClaimError, match=re.escape("batch keystone:A is certified already by keystone-RC-0001")):
        works.certify("keystone:A")
    melt(works, "keystone", "keystone:A", "keystone:R1", "499")
    assert works.memory.claim(first.number).ended == (works.memory.size - 1) << 8
    second, _ = works.certify("keystone:BL")
    assert second.mass_mg == 1_000_000_000


def test_what_the_issuer_takes_back_ends_its_certificate_and_may_be_certified_anew(works):
    first, _ = works.certify("keystone:BL")
    works.log("keystone/1", event("ship", "keystone:works", batch="keystone:BL", to={"outside": {"private": "Acme"}, "country": "US"}))
    assert standing(works.memory, first)
    back = {"of": "keystone:BL", "batch": "keystone:BACK", "mass": kg("10"), "as": "rework"}
    works.log("keystone/1", event("return", "keystone:works", **back))
    index = works.memory.size - 1
    said = f"counts as withdrawn since record {index}, in which keystone took back what it had certified"
    assert status(works.memory, first) == ("absorbed", said)
    second, _ = works.certify("keystone:BACK")
    assert standing(works.memory, second)


def test_split_merge_and_blend_keep_a_certificate_standing(works):
    first, _ = works.certify("keystone:BL")
    cut(works, "keystone:A", "500")
    cut(works, "keystone:B", "500")
    works.log(
        "keystone/1", step("merge", "keystone:works", ["keystone:A", "keystone:B", "keystone:BL"], lot("keystone:M", "soft_lead", "1500"))
    )
    assert status(works.memory, first)[0] == "valid"
    with pytest.raises(ClaimError, match=re.escape("batch keystone:M is certified already by keystone-RC-0001")):
        works.certify("keystone:M")


def test_what_a_customer_transforms_is_absorbed_into_its_certificate(works):
    first, _ = works.certify("keystone:BL")
    works.alloy()
    assert status(works.memory, first)[0] == "valid"
    _, document = works.certify("voltaic:AL")
    assert document["credentialSubject"]["absorbs"] == ["keystone-RC-0001"]
    _, origin = works.certify("voltaic:AL", "domestic-origin")
    assert origin["credentialSubject"]["absorbs"] == []


def test_a_withdrawn_certificate_is_not_absorbed(works):
    first, _ = works.certify("keystone:BL")
    works.withdraw(first.number)
    works.alloy()
    _, document = works.certify("voltaic:AL")
    assert document["credentialSubject"]["absorbs"] == []


def test_what_was_drawn_before_a_batch_was_certified_absorbs_nothing(works):
    works.log(
        "keystone/1",
        step("refine", "keystone:works", [{"batch": "keystone:BL", "mass": kg(500)}], lot("keystone:R1", "soft_lead", "499", Pb="99.9")),
    )
    first, _ = works.certify("keystone:BL")
    assert status(works.memory, first)[0] == "valid"
    _, document = works.certify("keystone:R1")
    assert document["credentialSubject"]["absorbs"] == []


def test_voiding_the_step_that_ended_a_certificate_does_not_bring_it_back(works):
    first, _ = works.certify("keystone:BL")
    cut(works, "keystone:A", "500")
    melt(works, "keystone", "keystone:A", "keystone:R1", "499")
    made = works.memory.maker("keystone:R1")
    said = f"counts as withdrawn since record {made >> 8}, in which keystone itself transformed what it had certified (refine)"
    works.log("keystone/1", {"type": "void", "time": TIME, "of": {"batch": "keystone:R1"}, "reason": "never molten"})
    assert status(works.memory, first) == ("absorbed", said)
    second, _ = works.certify("keystone:BL")
    assert status(works.memory, second)[0] == "valid"


def test_what_a_customer_certified_meanwhile_is_not_certified_twice_by_voiding_what_ended_the_first(works):
    """The issuer melts a little, sells the rest to somebody who looks at what stands on it, and then takes the melting back."""
    first, document = works.certify("keystone:BL")
    cut(works, "keystone:A", "0.04")
    melt(works, "keystone", "keystone:A", "keystone:R1", "0.04")
    works.alloy()
    second, theirs = works.certify("voltaic:AL")
    assert theirs["credentialSubject"]["absorbs"] == []
    works.log("keystone/1", {"type": "void", "time": TIME, "of": {"batch": "keystone:R1"}, "reason": "never molten"})
    assert (standing(works.memory, first), standing(works.memory, second)) == (False, True)
    assert check_current(works.memory, first, document)[0].startswith("certificate keystone-RC-0001 counts as withdrawn since record ")


def test_a_correction_that_draws_from_certified_mass_ends_the_certificate_from_there_on(works):
    works.log("keystone/1", event("receive", "keystone:works", **lot("keystone:L3", "soft_lead", "500", Pb="99.9")))
    first, _ = works.certify("keystone:BL")
    refined = lot("keystone:R1", "soft_lead", "499", Pb="99.9")
    works.log("keystone/1", step("refine", "keystone:works", ["keystone:L3"], refined))
    place = works.memory.maker("keystone:R1")
    assert standing(works.memory, first)
    wrong = step("refine", "keystone:works", [{"batch": "keystone:BL", "mass": kg(500)}], refined)
    works.log("keystone/1", {"type": "correct", "time": TIME, "of": {"batch": "keystone:R1"}, "event": wrong, "reason": "the other pot"})
    assert works.memory.claim(first.number).ended == place
    right = step("refine", "keystone:works", ["keystone:L3"], refined)
    works.log("keystone/1", {"type": "correct", "time": TIME, "of": {"batch": "keystone:R1"}, "event": right, "reason": "no, it was not"})
    assert not standing(works.memory, first)


def test_of_two_certificates_over_one_batch_the_first_stays_ended_though_what_ended_it_is_voided(works):
    first, _ = works.certify("keystone:BL")
    works.log(
        "keystone/1",
        step("refine", "keystone:works", [{"batch": "keystone:BL", "mass": kg(500)}], lot("keystone:R1", "soft_lead", "499", Pb="99.9")),
    )
    second, _ = works.certify("keystone:BL")
    works.log("keystone/1", {"type": "void", "time": TIME, "of": {"batch": "keystone:R1"}, "reason": "never molten"})
    assert (standing(works.memory, first), standing(works.memory, second)) == (False, True)
    with pytest.raises(ClaimError, match=re.escape("batch keystone:BL is certified already by keystone-RC-0002")):
        works.certify("keystone:BL")


def test_numbers_count_up_and_skip_those_in_use(works):
    assert next_number(works.memory, "keystone", "recycled-content") == "keystone-RC-0001"
    document = works.built(works.request("keystone:BL"), party="keystone")
    document["credentialSubject"]["number"] = "keystone-RC-0002"
    works.log("keystone/1", certify_raw(works.memory, document, time=TIME))
    assert next_number(works.memory, "keystone", "recycled-content") == "keystone-RC-0003"
    assert next_number(works.memory, "keystone", "domestic-origin") == "keystone-DO-0001"


def test_a_part_is_split_off_and_certified_in_one_record_and_the_rest_stays(works):
    split, name = split_raw(works.memory, "keystone:BL", Quantity(**kg("600")), "keystone-RC-0001", time=TIME)
    assert name == "keystone:RC-0001"
    claim, document = works.certify(name, split=split)
    assert (claim.position >> 8, claim.position & 255) == (works.memory.size - 1, 1)
    assert (claim.batch, claim.mass_mg) == ("keystone:RC-0001", 600_000_000)
    # 600 kg of 1,500 kg: 599.4 kg of lead, two thirds of it end-of-life.
    assert figures(document)["post_consumer"] == (399_600_000, 599_400_000, "66.66")
    assert document["credentialSubject"]["lot_assay"] == {"Pb": {"value": "99.9000", "unit": "%", "method": "computed"}}
    assert works.batch("keystone:BL").dry_left == 900_000_000
    second, _ = works.certify("keystone:BL")
    assert second.mass_mg == 900_000_000


def test_a_split_keeps_moisture_and_owner_and_avoids_a_number_in_use(works):
    damp = lot("keystone:P", "battery_paste", "100", Pb="75")
    works.log("keystone/1", event("receive", "keystone:works", **damp, moisture=pct("12.5"), owner="ridge"))
    works.log("keystone/1", event("receive", "keystone:works", **lot("keystone:RC-0007", "soft_lead", "1", Pb="99.9")))
    split, name = split_raw(works.memory, "keystone:P", Quantity(**kg("40")), "keystone-RC-0007", time=TIME)
    assert name == "keystone:RC-0007-2"
    assert split["outputs"] == [
        {"batch": name, "material": "battery_paste", "mass": kg("40"), "moisture": {"value": "0.125", "unit": "1"}, "owner": "ridge"}
    ]
    works.log("keystone/1", split)
    made = works.batch(name)
    assert (made.gross_left, made.dry_left, made.owner) == (40_000_000, 35_000_000, "ridge")
    assert works.batch("keystone:P").dry_left == 52_500_000


def test_a_split_of_what_is_not_there_is_refused(works):
    with pytest.raises(UnknownError, match=re.escape("no batch keystone:X in this ledger")):
        split_raw(works.memory, "keystone:X", Quantity(**kg("1")), "keystone-RC-0001", time=TIME)
    with pytest.raises(OverdrawnError, match=re.escape("batch keystone:BL holds 1500000 g, cannot certify 1500001 g (1 g short)")):
        split_raw(works.memory, "keystone:BL", Quantity(value="1500.001", unit="kg"), "keystone-RC-0001", time=TIME)
    with pytest.raises(ClaimError, match=re.escape("batch keystone:BL holds 1500000 g and nothing else, so it is certified whole")):
        split_raw(works.memory, "keystone:BL", Quantity(**kg("1500")), "keystone-RC-0001", time=TIME)


def test_events_are_entered_by_an_enrolled_key_only(works):
    with pytest.raises(UnknownError, match=re.escape("no key keystone/9 in this ledger")):
        entered(works.memory, [], key="keystone/9")


def test_only_a_batch_of_this_ledger_is_registered(works):
    document = works.built(works.request("keystone:BL"), party="keystone")
    document["credentialSubject"]["batch"] = "keystone:X"
    with pytest.raises(UnknownError, match=re.escape("no batch keystone:X in this ledger")):
        certify_raw(works.memory, document, time=TIME)


def test_the_event_says_what_the_credential_says(works):
    document = works.built(works.request("keystone:BL"), party="keystone")
    raw = certify_raw(works.memory, document, time=TIME)
    assert len(raw.pop("credential")) == 64
    assert raw == {
        "type": "certify",
        "time": TIME,
        "site": "keystone:works",
        "batch": "keystone:BL",
        "kind": "recycled-content",
        "number": "keystone-RC-0001",
        "mass_mg": 1_500_000_000,
        "valid_until": VALID_UNTIL,
    }


def test_a_time_that_is_none_is_refused(works):
    request = works.request("keystone:BL")
    with pytest.raises(FormatError, match=re.escape("field validFrom: 'soon' is no RFC 3339 time")):
        build(works.memory, request, issuer=Issuer("did:key:z", "K", "keystone"), basis=works.basis, issued="soon", valid_until=VALID_UNTIL)


def raw_of(works, batch="keystone:BL", **changes):
    """Return a certify event as if it had been built, with some of its fields changed."""
    mass_mg = works.batch(batch).gross_left or 1
    fields = {
        "kind": "recycled-content",
        "number": "keystone-RC-0001",
        "mass_mg": mass_mg,
        "credential": "0" * 64,
        "valid_until": VALID_UNTIL,
    }
    return event("certify", "keystone:works", batch=batch) | fields | changes


def test_a_certificate_is_for_what_is_held_no_more_and_no_less(works):
    with pytest.raises(OverdrawnError, match=re.escape("batch keystone:BL holds 1500000 g, cannot certify 1500000.001 g (0.001 g short)")):
        works.log("keystone/1", raw_of(works, mass_mg=1_500_000_001))
    with pytest.raises(ClaimError, match=re.escape("batch keystone:BL holds 1500000000 mg, the certificate is for 1499999999 mg")):
        works.log("keystone/1", raw_of(works, mass_mg=1_499_999_999))


def test_a_correction_that_leaves_less_than_was_certified_is_refused(works):
    works.log("keystone/1", event("receive", "keystone:works", **lot("keystone:L3", "soft_lead", "100", Pb="99.9")))
    works.certify("keystone:L3")
    again = event("receive", "keystone:works", **lot("keystone:L3", "soft_lead", "90", Pb="99.9"))
    with pytest.raises(CorrectionError, match=re.escape("batch keystone:L3 holds 90000 g, cannot certify 100000 g (10000 g short)")):
        works.log(
            "keystone/1", {"type": "correct", "time": TIME, "of": {"batch": "keystone:L3"}, "event": again, "reason": "weighed again"}
        )


def test_a_number_is_its_issuers_and_used_once(works):
    with pytest.raises(
        ClaimError, match=re.escape("certificate voltaic-RC-0001 would be another's number; keystone's begin with keystone-RC-")
    ):
        works.log("keystone/1", raw_of(works, number="voltaic-RC-0001"))
    works.log("keystone/1", raw_of(works))
    works.withdraw("keystone-RC-0001")
    with pytest.raises(DuplicateError, match=re.escape("certificate keystone-RC-0001 exists already")):
        works.log("keystone/1", raw_of(works))


def test_what_is_empty_unweighed_or_provisional_is_not_certified(works):
    melt(works, "keystone", "keystone:BL", "keystone:R1", "1498")
    with pytest.raises(ClaimError, match=re.escape("batch keystone:BL is empty, there is nothing to certify")):
        works.log("keystone/1", raw_of(works))
    heel = {"batch": "keystone:H", "material": "soft_lead", "mass": "balance"}
    works.log("keystone/1", step("refine", "keystone:works", ["keystone:R1"], lot("keystone:R2", "soft_lead", "1000", Pb="99.9"), heel))
    with pytest.raises(
        ClaimError, match=re.escape("batch keystone:H is a balance and was never weighed; it cannot be certified before it is")
    ):
        works.log("keystone/1", raw_of(works, "keystone:H"))
    works.log("keystone/1", event("receive", "keystone:works", **lot("keystone:L3", "soft_lead", "100", Pb="99.9"), provisional=True))
    with pytest.raises(ClaimError, match=re.escape("batch keystone:L3 has a provisional assay; it can be certified once a final one")):
        works.log("keystone/1", raw_of(works, "keystone:L3"))


def test_only_its_issuer_withdraws_a_certificate_and_only_once(works):
    claim, _ = works.certify("keystone:BL")
    withdraw = {"type": "withdraw", "time": TIME, "certificate": claim.number, "reason": "r"}
    with pytest.raises(AuthorityError, match=re.escape("certificate keystone-RC-0001 was issued by keystone, not by voltaic")):
        works.log("voltaic/1", withdraw)
    with pytest.raises(UnknownError, match=re.escape("no certificate keystone-RC-0009 in this ledger")):
        works.log("keystone/1", {**withdraw, "certificate": "keystone-RC-0009"})
    works.log("keystone/1", withdraw)
    with pytest.raises(ClaimError, match=re.escape("certificate keystone-RC-0001 was withdrawn already by record 9")):
        works.log("keystone/1", withdraw)
