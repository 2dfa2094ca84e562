"""Certificates over a shipment: several batches of one product that are held, added up as they are left, each certified once."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from books import TIME, kg
from evidenced import Evidenced, written
from issued import PAPER, US, event, figures, lot, proved, step
from ledger.certificates.certificate import Request
from ledger.certificates.credential import about, lots_in, read_credential
from ledger.certificates.issuance import certify_raw, next_number
from ledger.certificates.recompute import check_current, check_registered, recompute
from ledger.certified import standing, status
from ledger.errors import CertificateError, ClaimError, CorrectionError, CustodyError, FormatError, OverdrawnError, UnknownError
from ledger.record import read_record
from ledger.tlog import canonical
from ledger.view import Claim
from schemas.event import Certify

Raw = dict[str, Any]


class Dock(Evidenced):
    """voltaic holds alloy of which two lots are split off, and a lot of soft lead that it made of its own scrap."""

    def __init__(self) -> None:
        super().__init__()
        self.alloy()
        for name, mass in (("voltaic:A1", "500"), ("voltaic:A2", "300")):
            use = {"batch": "voltaic:AL", "mass": kg(mass)}
            self.log("voltaic/1", step("split", "voltaic:works", [use], lot(name, "antimonial_lead", mass)))

    def soft(self, name: str = "voltaic:P1", site: str = "voltaic:works", **more: Any) -> None:
        """Receive recycled soft lead and refine it to a lot of its own."""
        head = lot(f"{name}r", "soft_lead", "200", Pb="99.9")
        self.log(
            "voltaic/1",
            event("receive", site, **head, feedstock="end_of_life", places=US, documents=PAPER),
            step("refine", site, [f"{name}r"], {**lot(name, "soft_lead", "200", Pb="99.9"), **more}),
        )

    def unknown(self, name: str) -> None:
        """Receive soft lead of which nobody says where it comes from."""
        self.log("voltaic/1", event("receive", "voltaic:works", **lot(name, "soft_lead", "150", Pb="99.9", Sb="0.01")))

    def asked(self, *names: str) -> Request:
        number = next_number(self.memory, "voltaic", "recycled-content")
        return Request(names[0], "recycled-content", number, "Hartmann", beside=names[1:])

    def shipped(self, *names: str, **changes: Any) -> tuple[Claim, Raw]:
        """Certify several batches in one; `changes` are made to the event. Return claim and signed credential."""
        document = self.built(self.asked(*names), party="voltaic")
        self.log("voltaic/1", {**certify_raw(self.memory, document, time=TIME), **changes})
        claim = self.memory.claim(document["credentialSubject"]["number"])
        assert claim is not None
        return claim, proved(document, "voltaic/1")


@pytest.fixture
def dock():
    return Dock()


def test_it_adds_up_what_its_batches_hold(dock):
    claim, document = dock.shipped("voltaic:A1", "voltaic:A2", "voltaic:AL")
    subject = document["credentialSubject"]
    assert document["type"] == ["VerifiableCredential", "RecycledContentCertificate"]
    assert subject["shipment"] == [
        {"batch": "voltaic:A1", "material": "antimonial_lead", "mass_mg": 500_000_000},
        {"batch": "voltaic:A2", "material": "antimonial_lead", "mass_mg": 300_000_000},
        {"batch": "voltaic:AL", "material": "antimonial_lead", "mass_mg": 705_000_000},
    ]
    assert "batch" not in subject
    assert (subject["mass_mg"], subject["material"], subject["pieces"]) == (1_505_000_000, "antimonial_lead", None)
    assert (about(document), lots_in(document)) == ("3 batches", ["voltaic:A1", "voltaic:A2", "voltaic:AL"])
    assert (claim.lots, claim.mass_mg) == (("voltaic:A1", "voltaic:A2", "voltaic:AL"), 1_505_000_000)
    assert standing(dock.memory, claim)
    registered = read_record(dock.records[-1].note).events[0]
    assert isinstance(registered, Certify)
    assert [(use.batch, use.mass_mg) for use in registered.uses[1:]] == [("voltaic:A2", 300_000_000), ("voltaic:AL", 705_000_000)]


def test_its_figures_are_the_sums_of_what_certificates_over_each_batch_would_say(dock):
    dock.soft("voltaic:P1")
    dock.unknown("voltaic:P2")
    names = ("voltaic:P1", "voltaic:P2")
    alone = [figures(dock.built(dock.asked(name), party="voltaic")) for name in names]
    together = figures(dock.built(dock.asked(*names), party="voltaic"))
    for characteristic, (mass, whole, _) in together.items():
        assert mass == sum(_alone(one, characteristic) for one in alone), characteristic
        assert whole == sum(one["unknown"][1] for one in alone)


def _alone(found: dict[str, tuple[int, int, str]], characteristic: str) -> int:
    """Return a batch's own figure; where none of its sources has a fact its certificate does not list that, and it is all unknown."""
    fact, _, place = characteristic.partition(":")
    listed = any(name.startswith(f"{fact}:") for name in found)
    return found["unknown"][1] if place == "unknown" and not listed else found.get(characteristic, (0,))[0]


def test_one_of_alike_batches_says_what_they_have_in_common(dock):
    for name, parts in (("voltaic:P1", "10"), ("voltaic:P2", "20")):
        dock.soft(name, product={"model": "ingot", "parts": [{"part": "other", "mass": kg(parts)}]})
    document = dock.built(dock.asked("voltaic:P1", "voltaic:P2"), party="voltaic")
    subject = document["credentialSubject"]
    assert subject["material"] == "soft_lead"
    assert subject["product"] == {
        "model": "ingot", "category": None, "condition": None,
        "parts": [{"part": "other", "material": None, "mass_mg": 30_000_000}],
    }  # fmt: skip


def test_pieces_are_added_where_every_batch_is_counted(dock):
    for name, pieces in (("voltaic:P1", 10), ("voltaic:P2", 20), ("voltaic:P3", None)):
        dock.soft(name, pieces=pieces)
    assert dock.built(dock.asked("voltaic:P1", "voltaic:P2"), party="voltaic")["credentialSubject"]["pieces"] == 30
    assert dock.built(dock.asked("voltaic:P1", "voltaic:P3"), party="voltaic")["credentialSubject"]["pieces"] is None


def test_whoever_replays_the_records_computes_it_again(dock):
    claim, document = dock.shipped("voltaic:A1", "voltaic:A2")
    recompute(dock.before(claim), claim, document)
    assert check_current(dock.memory, claim, document) == []


def test_its_mass_is_certified_once_for_the_kind_in_either_order(dock):
    dock.shipped("voltaic:A1", "voltaic:A2")
    for certify in (lambda: dock.certify("voltaic:A2"), lambda: dock.shipped("voltaic:A2", "voltaic:AL")):
        with pytest.raises(ClaimError, match=re.escape("batch voltaic:A2 is certified already by voltaic-RC-0001 (recycled-content)")):
            certify()
    dock.certify("voltaic:A2", "domestic-origin")
    dock.certify("voltaic:AL")
    with pytest.raises(ClaimError, match=re.escape("batch voltaic:A2 is certified already by voltaic-RC-0001")):
        dock.shipped("voltaic:A2", "voltaic:AL")


def test_withdrawn_it_leaves_every_batch_free(dock):
    claim, _ = dock.shipped("voltaic:A1", "voltaic:A2")
    dock.withdraw(claim.number)
    dock.certify("voltaic:A1")
    again, _ = dock.shipped("voltaic:A2", "voltaic:AL")
    assert standing(dock.memory, again)


def test_what_its_issuer_makes_of_one_batch_ends_it_for_all(dock):
    claim, document = dock.shipped("voltaic:A1", "voltaic:A2")
    dock.log("voltaic/1", step("alloy", "voltaic:works", ["voltaic:A2"], lot("voltaic:C", "antimonial_lead", "300", Pb="99.2", Sb="0.65")))
    state, said = status(dock.memory, claim)
    assert (state, said) == (
        "absorbed",
        f"counts as withdrawn since record {len(dock.records) - 1}, in which voltaic itself transformed what it had certified (alloy)",
    )
    assert check_current(dock.memory, claim, document)[0] == f"certificate voltaic-RC-0001 {said}"
    dock.certify("voltaic:A1")


def test_it_stays_on_its_metal_through_a_merge_and_is_absorbed_by_what_a_customer_makes(dock):
    claim, _ = dock.shipped("voltaic:A1", "voltaic:A2")
    dock.log("voltaic/1", step("merge", "voltaic:works", ["voltaic:A1", "voltaic:A2"], lot("voltaic:M", "antimonial_lead", "800")))
    assert dock.batch("voltaic:M").claims == (("recycled-content", claim.number),)
    dock.move("voltaic:M", "voltaic", "ridge", "800")
    dock.log("ridge/1", step("alloy", "ridge:works", ["voltaic:M"], lot("ridge:C", "antimonial_lead", "790", Pb="99.2", Sb="0.65")))
    assert standing(dock.memory, claim)
    _, document = dock.certify("ridge:C")
    assert document["credentialSubject"]["absorbs"] == [claim.number]


def of(name: str = "voltaic:A2", **more: Any) -> Raw:
    """Return what an event says of one batch beside its own."""
    return {"beside": [{"batch": name, "mass_mg": 300_000_000, **more}]}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"mass_mg": 500_000_001}, OverdrawnError, "batch voltaic:A1 holds 500000 g, cannot certify 500000.001 g (0.001 g short)"),
        ({"mass_mg": 499_999_999}, ClaimError, "batch voltaic:A1 holds 500000000 mg, the certificate is for 499999999 mg"),
        (of(mass_mg=300_000_001), OverdrawnError, "batch voltaic:A2 holds 300000 g, cannot certify 300000.001 g (0.001 g short)"),
        (of(mass_mg=299_999_999), ClaimError, "batch voltaic:A2 holds 300000000 mg, the certificate is for 299999999 mg"),
        ({"beside": 2 * of()["beside"]}, FormatError, "names its batches out of order, or one twice"),
        (of("voltaic:A0"), UnknownError, "no batch voltaic:A0 in this ledger"),
        (of(mass=kg("1")), FormatError, "beside.0.mass"),
        ({"beside": [{"batch": f"voltaic:B{n:03d}", "mass_mg": 1} for n in range(400)]}, UnknownError, "no batch voltaic:B000 in"),
    ],
)
def test_an_event_that_does_not_fit_its_batches_is_refused(dock, changes, error, message):
    before = len(dock.records)
    with pytest.raises(error) as refusal:
        dock.shipped("voltaic:A1", "voltaic:A2", **changes)
    assert message in str(refusal.value)
    assert len(dock.records) == before


def test_a_batch_on_the_road_or_of_somebody_else_is_not_certified_with_the_others(dock):
    raw = certify_raw(dock.memory, dock.built(dock.asked("voltaic:A1", "voltaic:A2"), party="voltaic"), time=TIME)
    dock.log("voltaic/1", event("ship", "voltaic:works", batch="voltaic:A2", to="ridge:works"))
    with pytest.raises(CustodyError, match=re.escape("batch voltaic:A2 is on its way to ridge:works")):
        dock.log("voltaic/1", raw)
    dock.log("ridge/1", event("accept", "ridge:works", batch="voltaic:A2", mass=kg("300")))
    with pytest.raises(CustodyError, match=re.escape("batch voltaic:A2 is held by ridge, not by voltaic")):
        dock.log("voltaic/1", raw)


def test_what_is_not_of_one_kind_is_certified_apart(dock):
    place = {"id": "voltaic:second", "party": "voltaic", "name": "second", "country": "US"}
    dock.log("voltaic/1", {"type": "site", "time": TIME, "site": place})
    dock.soft("voltaic:P1")
    dock.soft("voltaic:P2", site="voltaic:second")
    dock.soft("voltaic:P3", product={"model": "ingot", "category": "other"})
    dock.soft("voltaic:P4", product={"category": "other"})
    for first, second, said in (
        ("voltaic:A1", "voltaic:P1", "the material of batch voltaic:A1 is antimonial_lead, that of batch voltaic:P1 soft_lead"),
        ("voltaic:P1", "voltaic:P2", "the plant of batch voltaic:P1 is voltaic:works, that of batch voltaic:P2 voltaic:second"),
        ("voltaic:P1", "voltaic:P3", "the model of batch voltaic:P1 is none, that of batch voltaic:P3 ingot"),
        ("voltaic:P1", "voltaic:P4", "the category of batch voltaic:P1 is none, that of batch voltaic:P4 other"),
    ):
        with pytest.raises(ClaimError, match=f"^{re.escape(said)}$") as refusal:
            dock.shipped(first, second)
        assert refusal.value.hint == "certify them apart"


def test_no_batch_of_it_may_shrink_though_another_grows(dock):
    dock.soft("voltaic:P1")
    dock.soft("voltaic:P2")
    dock.shipped("voltaic:P1", "voltaic:P2")
    for name, mass in (("voltaic:P1", "210"), ("voltaic:P2", "190")):
        head = event("receive", "voltaic:works", **lot(f"{name}r", "soft_lead", mass, Pb="99.9"), feedstock="end_of_life")
        more = {**head, "places": US, "documents": PAPER}
        dock.log("voltaic/1", {"type": "correct", "time": TIME, "of": {"batch": f"{name}r"}, "event": more, "reason": "weighed again"})
    refined = step("refine", "voltaic:works", ["voltaic:P2r"], lot("voltaic:P2", "soft_lead", "189", Pb="99.9"))
    said = "would not hold: batch voltaic:P2 holds 189000 g, cannot certify 200000 g (11000 g short)"
    with pytest.raises(CorrectionError, match=re.escape(said)):
        dock.log("voltaic/1", {"type": "correct", "time": TIME, "of": {"batch": "voltaic:P2"}, "event": refined, "reason": "less"})


def test_its_evidence_holds_offline_and_any_batch_left_out_is_named(dock, tmp_path):
    claim, document = dock.shipped("voltaic:A1", "voltaic:A2")
    dock.put(tmp_path)
    evidence = dock.evidence(document)
    assert dock.verify(written(evidence), document).holds
    for left in ("voltaic:A1", "voltaic:A2"):
        rest = replace(evidence, scope=[name for name in evidence.scope if name != left])
        found = dock.verify(written(rest), document)
        assert not found.holds
        assert f"certificate {claim.number} stands on batch {left} too, which the evidence leaves out" in " ".join(found.problems)
    attested = dock.evidence(document, statement=dock.statement(claim.credential))
    found = dock.verify(written(attested), document)
    assert found.complete.startswith("complete to record")
    assert [level.holds for level in found.levels] == [True, True, True]


def test_evidence_of_what_one_of_its_batches_became_holds_all_of_them(dock, tmp_path):
    dock.shipped("voltaic:A1", "voltaic:A2")
    dock.move("voltaic:A1", "voltaic", "ridge", "500")
    dock.log("ridge/1", step("alloy", "ridge:works", ["voltaic:A1"], lot("ridge:C", "antimonial_lead", "495", Pb="99.2", Sb="0.65")))
    dock.log("voltaic/1", step("alloy", "voltaic:works", ["voltaic:A2"], lot("voltaic:C", "antimonial_lead", "299", Pb="99.2", Sb="0.65")))
    _, document = dock.certify("ridge:C")
    assert document["credentialSubject"]["absorbs"] == []
    dock.put(tmp_path)
    evidence = dock.evidence(document)
    assert {"voltaic:A1", "voltaic:A2"} <= set(evidence.scope)
    assert dock.verify(written(evidence), document).holds


def test_a_correction_of_one_batch_changes_what_it_says_today(dock):
    dock.soft("voltaic:P1")
    dock.soft("voltaic:P2")
    claim, document = dock.shipped("voltaic:P1", "voltaic:P2")
    more = event("receive", "voltaic:works", **lot("voltaic:P1r", "soft_lead", "200", Pb="99.9"), feedstock="unknown")
    dock.log("voltaic/1", {"type": "correct", "time": TIME, "of": {"batch": "voltaic:P1r"}, "event": more, "reason": "the paper was wrong"})
    said = check_current(dock.memory, claim, document)
    assert said[0].startswith("certificate voltaic-RC-0001 counts as withdrawn since record ")
    assert said[1].startswith("corrected since certificate voltaic-RC-0001 was issued: Pb end_of_life was ")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("shipment", [{"batch": "voltaic:A1", "material": "antimonial_lead", "mass_mg": 800_000_000}]),
        ("shipment", [{"batch": "voltaic:A1"}, {"batch": "voltaic:AL"}]),
        ("shipment", None),
        ("batch", "voltaic:A1"),
        ("mass_mg", 500_000_000),
    ],
)
def test_a_damaged_one_is_refused(dock, path, value):
    claim, document = dock.shipped("voltaic:A1", "voltaic:A2")
    bent = {**document, "credentialSubject": {**document["credentialSubject"], path: value}}
    with pytest.raises(CertificateError):
        check_registered(dock.memory, bent, claim.credential)
    with pytest.raises(CertificateError):
        recompute(dock.before(claim), claim, bent)


def test_a_credential_is_about_one_thing(dock):
    document = dock.built(dock.asked("voltaic:A1", "voltaic:A2"), party="voltaic")
    read_credential(canonical.encode(document))
    bent = {**document, "credentialSubject": {**document["credentialSubject"], "batch": "voltaic:A1"}}
    said = "a certificate is about a batch, the batches of a shipment, or the lots of a product in a period"
    with pytest.raises(FormatError, match=said):
        read_credential(canonical.encode(bent))
