"""Certificates over a product model: the lots that a plant made in a period, as they were made, counted once."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from books import kg
from evidenced import Evidenced, written
from issued import event, lot, step
from ledger.certificates.certificate import Request
from ledger.certificates.issuance import certify_raw, next_number
from ledger.certificates.recompute import check_current
from ledger.certified import standing, status
from ledger.declared import lots_of
from ledger.errors import AuthorityError, ClaimError, DuplicateError, FormatError, UnknownError
from ledger.record import read_record
from schemas.event import Days

YEAR = {"from": "2026-01-01", "to": "2026-12-31"}
MARCH = "2026-03-02T14:05:00Z"


class Line(Evidenced):
    """voltaic's line: batteries of model Group 31 assembled of one alloy, and others."""

    def __init__(self) -> None:
        super().__init__()
        self.alloy()
        self.assemble("voltaic:B1", "300", "240")
        self.assemble("voltaic:B2", "200", "160")

    def assemble(
        self, name: str, mass: str, metal: str, *, time: str = MARCH, model: str = "Group 31", site: str = "voltaic:works", **more
    ):
        product = {"model": model, "category": "sli", "parts": [{"part": "grid", "mass": kg(10)}], **more}
        made = {**lot(name, "battery", mass, Pb="70", Sb="0.4"), "product": product}
        self.log("voltaic/1", {**step("assemble", site, [{"batch": "voltaic:AL", "mass": kg(metal)}], made), "time": time})

    def wish(self, *names: str) -> Request:
        number = next_number(self.memory, "voltaic", "recycled-content", product=True)
        return Request("", "recycled-content", number, "Regulator", period=YEAR, lots=names)

    def declared(self, *names: str, key: str = "voltaic/1", **changes):
        """Declare lots and return claim and signed credential; `changes` are made to the event."""
        from issued import proved

        document = self.built(self.wish(*names), party="voltaic")
        raw = {**certify_raw(self.memory, document, time=MARCH), **changes}
        self.log(key, raw)
        return self.memory.claim(document["credentialSubject"]["number"]), proved(document, "voltaic/1")


@pytest.fixture
def line():
    return Line()


def test_a_declaration_adds_up_what_its_lots_were_when_they_were_made(line):
    line.log("voltaic/1", event("ship", "voltaic:works", batch="voltaic:B1", to={"outside": {"private": "Acme"}, "country": "US"}))
    claim, document = line.declared("voltaic:B1", "voltaic:B2")
    subject = document["credentialSubject"]
    assert document["type"] == ["VerifiableCredential", "ProductRecycledContentCertificate"]
    assert (subject["mass_mg"], subject["number"], subject["material"]) == (500_000_000, "voltaic-RP-0001", "battery")
    assert "batch" not in subject
    assert subject["product"] == {
        "model": "Group 31",
        "category": "sli",
        "condition": None,
        "parts": [{"part": "grid", "material": None, "mass_mg": 20_000_000}],
        "batches": [
            {"batch": "voltaic:B1", "mass_mg": 300_000_000, "made": "2026-03-02"},
            {"batch": "voltaic:B2", "mass_mg": 200_000_000, "made": "2026-03-02"},
        ],
    }
    whole = next(row for row in subject["claims"] if (row["constituent"], row["characteristic"]) == ("Pb", "recycled_content"))
    assert whole["of_mg"] == 350_000_000
    _, alone = line.certify("voltaic:B2")
    assert alone["credentialSubject"]["product"]["model"] == "Group 31"
    assert standing(line.memory, claim)


def test_its_evidence_holds_offline_and_any_lot_left_out_is_named(line, tmp_path):
    _, document = line.declared("voltaic:B1", "voltaic:B2")
    line.put(tmp_path)
    evidence = line.evidence(document)
    found = line.verify(written(evidence), document)
    assert found.holds, found.problems
    rest = replace(evidence, scope=[name for name in evidence.scope if name != "voltaic:B2"])
    found = line.verify(written(rest), document)
    assert not found.holds
    assert "batch voltaic:B2 of the certificate is not among the batches that the evidence is about" in " ".join(found.problems)
    attested = line.evidence(document, statement=line.statement())
    assert line.verify(written(attested), document).complete.startswith("complete to record")


def test_evidence_of_a_lots_own_certificate_holds_beside_a_declaration_that_it_knows_in_part(line, tmp_path):
    line.declared("voltaic:B1", "voltaic:B2")
    _, document = line.certify("voltaic:B2")
    line.withdraw("voltaic-RP-0001")
    line.put(tmp_path)
    evidence = line.evidence(document, statement=line.statement())
    assert "voltaic:B1" not in evidence.scope
    found = line.verify(written(evidence), document)
    assert (found.holds, found.complete.split(" (")[0]) == (True, f"complete to record {len(line.records) - 1}")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"mass_mg": 500_000_001}, ClaimError, "its 2 lots weighed 500000 g as made, the certificate is for 500000.001 g"),
        ({"model": "Group 24"}, ClaimError, "batch voltaic:B1 is stated to be of model Group 31, not Group 24"),
        (
            {"period": {"from": "2026-03-03", "to": "2026-12-31"}},
            ClaimError,
            "batch voltaic:B1 was made on 2026-03-02, outside 2026-03-03 to 2026-12-31",
        ),
        ({"batches": ["voltaic:AL"]}, ClaimError, "batch voltaic:AL is stated to be of model none, not Group 31"),
        ({"batches": ["voltaic:NONE"]}, UnknownError, "no batch voltaic:NONE in this ledger"),
        ({"site": "keystone:works"}, AuthorityError, "site keystone:works is keystone's, not voltaic's"),
        ({"site": "voltaic:other"}, UnknownError, "no site voltaic:other in this ledger"),
        (
            {"number": "voltaic-RC-0001"},
            ClaimError,
            "certificate voltaic-RC-0001 would be another's number; those of voltaic over a product begin with voltaic-RP-",
        ),
        ({"kind": "domestic-origin"}, ClaimError, "those of voltaic over a product begin with voltaic-OP-"),
        ({"batches": ["voltaic:B2", "voltaic:B1"]}, FormatError, "names its batches out of order, or one twice"),
        ({"period": {"from": "2026-12-31", "to": "2026-01-01"}}, FormatError, "ends on 2026-01-01, before it begins"),
    ],
)
def test_a_declaration_that_does_not_fit_its_lots_is_refused(line, changes, error, message):
    before = len(line.records)
    with pytest.raises(error, match=re.escape(message)):
        line.declared("voltaic:B1", "voltaic:B2", **changes)
    assert len(line.records) == before


def test_what_was_only_split_off_is_no_lot_though_it_states_another_model(line):
    off = {**lot("voltaic:S1", "battery", "100"), "product": {"model": "Group 24"}}
    line.log("voltaic/1", step("split", "voltaic:works", [{"batch": "voltaic:B1", "mass": kg(100)}], off))
    message = "batch voltaic:S1 was only split off, merged or blended; a lot of a product is what was made as one"
    with pytest.raises(ClaimError, match=re.escape(message)):
        line.declared("voltaic:S1", model="Group 24")
    days = Days.model_validate(YEAR)
    assert lots_of(line.memory, line.memory.numbers, site="voltaic:works", model="Group 24", period=days) == []


def test_a_lot_of_another_plant_is_refused(line):
    line.log(
        "voltaic/1",
        {"type": "site", "time": MARCH, "site": {"id": "voltaic:second", "party": "voltaic", "name": "second", "country": "US"}},
    )
    with pytest.raises(ClaimError, match=re.escape("batch voltaic:B1 was not made at voltaic:second")):
        line.declared("voltaic:B1", site="voltaic:second")


def test_a_lot_stands_in_one_declaration_of_a_kind_until_that_is_withdrawn(line):
    first, _ = line.declared("voltaic:B1")
    message = "batch voltaic:B1 stands in the declaration voltaic-RP-0001 already (recycled-content)"
    with pytest.raises(ClaimError, match=re.escape(message)) as refusal:
        line.declared("voltaic:B1", "voltaic:B2")
    assert refusal.value.hint == "take that one back first: plumbline withdraw voltaic-RP-0001"
    with pytest.raises(DuplicateError, match="certificate voltaic-RP-0001 exists already"):
        line.declared("voltaic:B2", number="voltaic-RP-0001")
    line.withdraw(first.number)
    second, _ = line.declared("voltaic:B1", "voltaic:B2")
    assert (second.number, status(line.memory, line.memory.claim(first.number))[0]) == ("voltaic-RP-0002", "withdrawn")


def test_a_lot_is_not_counted_again_in_what_was_made_of_it(line):
    made = {**lot("voltaic:B3", "battery", "300", Pb="70", Sb="0.4"), "product": {"model": "Group 31"}}
    line.log("voltaic/1", step("rework", "voltaic:works", ["voltaic:B1"], made))
    with pytest.raises(
        ClaimError, match=re.escape("batch voltaic:B3 was made of batch voltaic:B1, which is a lot of the same declaration")
    ):
        line.declared("voltaic:B1", "voltaic:B3")
    line.declared("voltaic:B2", "voltaic:B3")


def test_what_becomes_of_its_lots_does_not_end_a_declaration(line):
    claim, document = line.declared("voltaic:B1", "voltaic:B2")
    line.log("voltaic/1", step("rework", "voltaic:works", ["voltaic:B1"], lot("voltaic:X", "battery", "300", Pb="70", Sb="0.4")))
    assert status(line.memory, claim)[0] == "valid"
    assert check_current(line.memory, claim, document) == []


def test_lots_that_a_declaration_leaves_out_are_named_by_whoever_has_the_whole_ledger(line):
    claim, document = line.declared("voltaic:B1")
    made = "made at voltaic:works from 2026-01-01 to 2026-12-31"
    said = f"certificate voltaic-RP-0001 leaves out 1 lot of Group 31 {made}, the first voltaic:B2"
    assert check_current(line.memory, claim, document) == [said]


def test_the_lots_of_a_model_plant_and_period_are_found(line):
    line.assemble("voltaic:B3", "10", "8", time="2027-01-01T00:00:00Z")
    line.assemble("voltaic:B4", "10", "8", model="Group 24")
    line.log("voltaic/1", step("split", "voltaic:works", [{"batch": "voltaic:B1", "mass": kg(1)}], lot("voltaic:B5", "battery", "1")))
    days = Days.model_validate(YEAR)
    found = lots_of(line.memory, line.memory.numbers, site="voltaic:works", model="Group 31", period=days)
    assert found == ["voltaic:B1", "voltaic:B2"]


def test_another_party_does_not_declare(line):
    with pytest.raises(AuthorityError, match=re.escape("site voltaic:works is voltaic's, not keystone's")):
        line.declared("voltaic:B1", key="keystone/1")


def test_a_damaged_declaration_is_refused_by_its_field(line):
    from ledger.certificates.credential import digest
    from ledger.certificates.recompute import check_registered
    from ledger.errors import CertificateError

    _, document = line.declared("voltaic:B1", "voltaic:B2")
    for path, value in (("period", {"from": "2026-01-01", "to": "2026-06-30"}), ("mass_mg", 1)):
        bent = {**document, "credentialSubject": {**document["credentialSubject"], path: value}}
        with pytest.raises(CertificateError):
            check_registered(line.memory, bent, digest(bent))


def test_records_with_declarations_are_read_back(line):
    line.declared("voltaic:B1", "voltaic:B2")
    assert read_record(line.records[-1].note).events[0].type == "declare"
