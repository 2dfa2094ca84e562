"""What ends a certificate though nobody withdraws it: no issuer draws metal from under its own certificate and certifies it again."""

from __future__ import annotations

from typing import Any

import pytest

from books import TIME, kg, pct
from evidenced import Evidenced, written
from issued import PAPER, US, event, lot, proved, step
from ledger.certificates.certificate import Request
from ledger.certificates.issuance import certify_raw, next_number
from ledger.certified import standing, status
from ledger.view import Claim

Raw = dict[str, Any]
MINED = {"feedstock": "primary", "places": {"mined_in": "PE"}, "documents": PAPER}


class Refiner(Evidenced):
    """keystone has recycled lead and mined lead, 100 kg of each."""

    def __init__(self) -> None:
        super().__init__()
        self.receive("keystone:X", feedstock="end_of_life", places=US, documents=PAPER)
        self.receive("keystone:Y", **MINED)

    def receive(self, name: str, **more: Any) -> None:
        self.log("keystone/1", event("receive", "keystone:works", **lot(name, "soft_lead", "100", Pb="99.9"), **more))

    def make(self, *inputs: str, name: str = "keystone:A", kind: str = "refine", **more: Any) -> Raw:
        output = {**lot(name, "soft_lead", str(100 * len(inputs)), Pb="99.9"), **more}
        return step(kind, "keystone:works", list(inputs), output)

    def correct(self, name: str, event_: Raw) -> None:
        said = {"type": "correct", "time": TIME, "of": {"batch": name}, "event": event_, "reason": "seen otherwise"}
        self.log("keystone/1", said)

    def declare(self, *names: str) -> Claim:
        number = next_number(self.memory, "keystone", "recycled-content", product=True)
        period = {"from": "2026-01-01", "to": "2026-12-31"}
        document = self.built(Request("", "recycled-content", number, "Regulator", period=period, lots=names), party="keystone")
        self.log("keystone/1", certify_raw(self.memory, document, time=TIME))
        claim = self.memory.claim(number)
        assert claim is not None
        return claim

    def ended(self, kind: str = "correct") -> str:
        """Return what is said of a certificate that the last record ended."""
        done = f"keystone changed what it had certified for something that holds less ({kind})"
        return f"counts as withdrawn since record {self.memory.size - 1}, in which {done}"


@pytest.fixture
def works():
    return Refiner()


def test_another_source_put_under_a_certificate_ends_it_before_the_first_is_certified_elsewhere(works):
    works.log("keystone/1", works.make("keystone:X"))
    first, _ = works.certify("keystone:A")
    works.correct("keystone:A", works.make("keystone:Y"))
    assert status(works.memory, first) == ("absorbed", works.ended())
    works.log("keystone/1", works.make("keystone:X", name="keystone:B"))
    second, _ = works.certify("keystone:B")
    assert (standing(works.memory, first), standing(works.memory, second)) == (False, True)


def test_water_put_under_a_certificate_ends_it(works):
    halves = [lot("keystone:A", "soft_lead", "50"), lot("keystone:B", "soft_lead", "50")]
    works.log("keystone/1", step("split", "keystone:works", ["keystone:X"], *halves))
    first, _ = works.certify("keystone:A")
    wet = [{**lot("keystone:A", "soft_lead", "50"), "moisture": pct(90)}, lot("keystone:B", "soft_lead", "95")]
    works.correct("keystone:A", step("split", "keystone:works", ["keystone:X"], *wet))
    assert status(works.memory, first) == ("absorbed", works.ended())


def test_a_late_assay_that_moves_metal_to_the_other_lot_ends_the_certificate(works):
    both = step(
        "refine",
        "keystone:works",
        ["keystone:X"],
        lot("keystone:A", "soft_lead", "50", Pb="99.9"),
        lot("keystone:B", "soft_lead", "50", Pb="99.8"),
    )
    works.log("keystone/1", both)
    first, _ = works.certify("keystone:A")
    works.log("keystone/1", event("assay", "keystone:works", batch="keystone:A", assay={"Pb": pct("99.8")}))
    assert status(works.memory, first) == ("absorbed", works.ended("assay"))
    works.log("keystone/1", event("assay", "keystone:works", batch="keystone:B", assay={"Pb": pct("99.9")}))
    assert standing(works.memory, works.certify("keystone:B")[0])


def test_a_declared_lot_that_is_changed_for_less_or_voided_ends_the_declaration_and_may_be_declared_anew(works):
    product = {"product": {"model": "ingot"}}
    works.log("keystone/1", works.make("keystone:X", **product))
    first = works.declare("keystone:A")
    works.correct("keystone:A", works.make("keystone:Y", **product))
    assert status(works.memory, first) == ("absorbed", works.ended())
    second = works.declare("keystone:A")
    works.log("keystone/1", {"type": "void", "time": TIME, "of": {"batch": "keystone:A"}, "reason": "never made"})
    assert status(works.memory, second) == ("absorbed", works.ended("void"))


def test_a_place_that_is_taken_back_ends_a_certificate_and_a_paper_that_is_found_does_not(works):
    works.receive("keystone:Z", feedstock="end_of_life", places=US)
    works.log("keystone/1", works.make("keystone:Z"))
    first, _ = works.certify("keystone:A", "domestic-origin")
    whole = event("receive", "keystone:works", **lot("keystone:Z", "soft_lead", "100", Pb="99.9"), feedstock="end_of_life")
    works.correct("keystone:Z", {**whole, "places": US, "documents": PAPER})
    assert standing(works.memory, first)
    works.correct("keystone:Z", {**whole, "places": {**US, "smelted_in": "CA"}, "documents": PAPER})
    assert not standing(works.memory, first)


def test_an_answer_of_a_person_ends_nothing(works):
    works.log("keystone/1", works.make("keystone:X"))
    first, _ = works.certify("keystone:A")
    by = {"name": {"private": "Clara"}, "role": "process engineer"}
    works.log(
        "keystone/1",
        {"type": "determine", "time": TIME, "of": "keystone:X", "question": "is_waste", "answer": True, "basis": "seen", "by": by},
    )
    assert standing(works.memory, first)


def test_what_another_party_corrects_upstream_ends_no_certificate(works):
    works.log("keystone/1", works.make("keystone:X"))
    works.move("keystone:A", "keystone", "voltaic", "100")
    first, _ = works.certify("keystone:A")
    works.correct("keystone:A", works.make("keystone:Y"))
    assert standing(works.memory, first)


def test_what_came_back_by_way_of_a_customer_ends_the_certificate_in_the_ledger_and_in_its_evidence(works, tmp_path):
    works.log("keystone/1", works.make("keystone:X"))
    first, document = works.certify("keystone:A")
    works.move("keystone:A", "keystone", "voltaic", "100")
    works.log("voltaic/1", event("ship", "voltaic:works", batch="keystone:A", to={"outside": {"private": "Acme"}, "country": "US"}))
    back = {"of": "keystone:A", "batch": "voltaic:R", "mass": kg("50"), "as": "distribution_return"}
    works.log("voltaic/1", event("return", "voltaic:works", **back))
    assert standing(works.memory, first)
    works.move("voltaic:R", "voltaic", "keystone", "50")
    works.log("keystone/1", step("refine", "keystone:works", ["voltaic:R"], lot("keystone:R", "soft_lead", "50", Pb="99.9")))
    assert not standing(works.memory, first)
    works.put(tmp_path)
    attested = works.evidence(document, statement=works.statement(first.credential))
    assert "voltaic:R" in attested.scope
    found = works.verify(written(attested), document)
    assert f"certificate {first.number} counts as withdrawn since record " in found.problems[0]


def test_a_stranger_who_registers_the_same_credential_under_a_number_of_its_own_spoils_nothing(works, tmp_path):
    works.log("keystone/1", works.make("keystone:X"))
    document = works.built(works.request("keystone:A"), party="keystone")
    raw = certify_raw(works.memory, document, time=TIME)
    works.log("voltaic/1", event("receive", "voltaic:works", **lot("voltaic:S", "soft_lead", "100", Pb="99.9"), **MINED))
    works.log("voltaic/1", {**raw, "site": "voltaic:works", "batch": "voltaic:S", "number": "voltaic-RC-0001"})
    works.log("keystone/1", raw)
    signed = proved(document, "keystone/1")
    works.put(tmp_path)
    found = works.verify(written(works.evidence(signed)), signed)
    assert found.holds, found.problems
