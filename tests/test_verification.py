"""Verifying certificates, records, receipts and checkpoints from the bytes that somebody hands over."""

from __future__ import annotations

import copy

import pytest

from issued import Works, proved
from keyring import signer
from ledger.certificates.certificate import Basis
from ledger.certificates.verification import judged_as_of, verify_certificate
from ledger.errors import FormatError, UnknownError
from ledger.recognition import recognise
from ledger.tlog import canonical, checkpoint, merkle, proof
from ledger.tlog.merkle import Frontier
from ledger.trust import Trust
from ledger.verification import UNPINNED, verify_log_checkpoint, verify_receipt, verify_record


class Signed(Works):
    """The same chain of companies, with the log's real root, entries and checkpoints."""

    @property
    def leaves(self):
        return [merkle.leaf_hash(record.note) for record in self.records]

    @property
    def basis(self):
        return Basis(self.ledger_id, "ledger.example/lead", self.memory.size, merkle.root(self.leaves).hex())

    @property
    def trust(self):
        return Trust(self.ledger_id, "ledger.example/lead", (self.log_key.vkey,))

    def entries(self):
        chain = merkle.chain_start("ledger.example/lead")
        for index, (record, leaf) in enumerate(zip(self.records, self.leaves, strict=True)):
            chain = merkle.chain_next(chain, leaf)
            yield index, record.note, bytes(leaf), bytes(chain)

    def note(self, size=None):
        frontier = Frontier()
        for leaf in self.leaves[:size]:
            frontier = frontier.append(leaf)
        statement = checkpoint.Checkpoint("ledger.example/lead", frontier.size, frontier.root())
        return checkpoint.sign_checkpoint(statement, key=self.log_key.vkey, sign=self.log_key.sign, time=1_772_460_360)

    def verify(self, document, **more):
        facts = {"entries": self.entries(), "trust": self.trust, "checkpoints": [self.note()], **more}
        return verify_certificate(canonical.encode(document), **facts)


@pytest.fixture
def works():
    return Signed()


def test_a_certificate_holds_at_level_three_when_every_figure_follows_from_the_records(works):
    _, document = works.certify("keystone:BL")
    found = works.verify(document)
    assert found.holds
    assert [(level.level, level.holds) for level in found.levels] == [(1, True), (2, False), (3, True)]
    last = len(works.records) - 1
    assert found.line == (
        f"HOLDS: you recomputed from the {last + 1} records supplied · UNWITNESSED (no quorum asked) · "
        f"complete to record {last} (the whole ledger was replayed)"
    )


def test_the_same_bytes_give_the_same_words_twice(works):
    _, document = works.certify("keystone:BL")
    first, second = works.verify(document), works.verify(document)
    assert (first.line, first.levels, first.cautions, first.problems) == (second.line, second.levels, second.cautions, second.problems)


def test_without_ledger_and_trust_file_a_certificate_is_unpinned(works):
    _, document = works.certify("keystone:BL")
    found = verify_certificate(canonical.encode(document), entries=None, trust=None)
    assert not found.holds
    assert found.line == (
        f"DOES NOT HOLD: {UNPINNED}; a file's own words show nothing about its owner · "
        "UNWITNESSED (no quorum asked) · completeness not shown"
    )
    alone = verify_certificate(canonical.encode(document), entries=None, trust=works.trust)
    assert alone.problems == ["NOT SHOWN TO BE REGISTERED: give the ledger with -L, or the PDF, which holds its evidence"]


def test_a_ledger_without_a_trust_file_leaves_open_whose_it_is(works):
    _, document = works.certify("keystone:BL")
    found = works.verify(document, trust=None)
    assert (found.holds, found.problems) == (False, [UNPINNED])


def test_a_signature_that_does_not_fit_is_told_before_anything_else(works):
    _, document = works.certify("keystone:BL")
    forged = copy.deepcopy(document)
    forged["credentialSubject"]["customer"] = "somebody else"
    found = works.verify(forged)
    assert not found.holds
    assert [level.holds for level in found.levels] == [False]


def test_a_certificate_signed_anew_over_other_figures_is_not_registered(works):
    _, document = works.certify("keystone:BL")
    forged = {name: value for name, value in copy.deepcopy(document).items() if name != "proof"}
    forged["credentialSubject"]["claims"][0]["mass_mg"] += 1
    found = works.verify(proved(forged, "keystone/1"))
    assert found.problems[0].startswith("NOT REGISTERED: certificate keystone-RC-0001 is not registered in this ledger: record ")
    assert not found.holds


def test_figures_that_do_not_follow_from_the_records_are_named(works, monkeypatch):
    _, document = works.certify("keystone:BL")
    unsigned = {name: value for name, value in copy.deepcopy(document).items() if name != "proof"}
    row = next(row for row in unsigned["credentialSubject"]["claims"] if row["characteristic"] == "end_of_life")
    row["mass_mg"] += 1
    other = Signed()
    # An issuer whose program adds a milligram.
    monkeypatch.setattr(other, "built", lambda *_, **__: unsigned)
    _, lying = other.certify("keystone:BL")
    found = other.verify(lying)
    assert not found.holds
    assert "recomputed" in found.problems[-1]


def test_another_ledger_than_the_pinned_one_is_refused(works):
    _, document = works.certify("keystone:BL")
    found = works.verify(document, trust=Trust("0" * 64, "ledger.example/lead", (works.log_key.vkey,)))
    assert found.problems[0] == f"the trust file pins ledger {'0' * 64}, this is ledger {works.ledger_id}"


def test_a_ledger_that_nobody_signed_for_or_another_key_did_does_not_hold(works):
    _, document = works.certify("keystone:BL")
    assert works.verify(document, checkpoints=[]).problems[0] == "the ledger has no signed checkpoint"
    other = Trust(works.ledger_id, "ledger.example/lead", (signer("ledger.example/lead2").vkey,))
    found = works.verify(document, trust=other)
    assert found.problems[0].startswith("the newest checkpoint does not hold: ")
    statement = checkpoint.Checkpoint("ledger.example/lead", 3, merkle.EMPTY_ROOT)
    wrong = checkpoint.sign_checkpoint(statement, key=works.log_key.vkey, sign=works.log_key.sign, time=1)
    assert works.verify(document, checkpoints=[wrong]).problems[0].startswith("the checkpoint signs for root ")


def test_a_damaged_ledger_does_not_hold_and_no_figure_is_believed(works):
    _, document = works.certify("keystone:BL")
    entries = list(works.entries())
    index, data, leaf, chain = entries[5]
    entries[5] = (index, data.replace(b'"time":"2026', b'"time":"2025', 1), leaf, chain)
    found = works.verify(document, entries=iter(entries))
    assert not found.holds
    assert found.complete == "completeness not shown"
    assert found.problems[0].startswith("the ledger does not hold: ")


def test_a_withdrawn_certificate_no_longer_holds_and_a_corrected_one_says_how(works):
    claim, document = works.certify("keystone:BL")
    works.withdraw(claim.number)
    found = works.verify(document)
    assert not found.holds
    assert found.problems[0].startswith("certificate keystone-RC-0001 was withdrawn by record ")


def test_a_certificate_whose_issuer_used_the_metal_no_longer_holds(works):
    works.alloy()
    _, document = works.certify("voltaic:AL")
    works.log(
        "voltaic/1",
        {
            "type": "transform",
            "time": "2026-04-01T10:00:00Z",
            "site": "voltaic:works",
            "kind": "cast",
            "inputs": [{"batch": "voltaic:AL"}],
            "outputs": [
                {
                    "batch": "voltaic:CAST",
                    "material": "antimonial_lead",
                    "mass": {"value": "1504", "unit": "kg"},
                    "assay": {"Pb": {"value": "99.2", "unit": "%"}, "Sb": {"value": "0.65", "unit": "%"}},
                }
            ],
        },
    )
    found = works.verify(document)
    assert not found.holds
    assert found.problems[0].startswith("certificate voltaic-RC-0001 ")


def test_a_digest_in_another_event_is_no_registration(works):
    _, document = works.certify("keystone:BL")
    from ledger.certificates.credential import digest

    other = Signed()
    other.log(
        "keystone/1",
        {
            "type": "dispose",
            "time": "2026-03-05T10:00:00Z",
            "site": "keystone:works",
            "batch": "keystone:BL",
            "mass": {"value": "1", "unit": "kg"},
            "reason": digest(document),
        },
    )
    found = other.verify(document)
    assert found.problems[0].startswith("NOT REGISTERED: ")
    assert not found.holds


def test_verdicts_can_be_asked_as_of_another_date(works):
    _, document = works.certify("keystone:BL")
    now = {row["rule"]: row["verdict"] for row in document["credentialSubject"]["verdicts"]}
    later = {row["rule"]: row["verdict"] for row in judged_as_of(works.memory, document, "2031-08-18")}
    assert (now["eu.2023_1542.art8_2_pb"], later["eu.2023_1542.art8_2_pb"]) == ("NOT_YET_IN_FORCE", "FAIL")
    with pytest.raises(UnknownError, match="^no certificate keystone-RC-0001 in this ledger$"):
        judged_as_of(Signed().memory, document, "2031-08-18")


def test_files_are_recognised_by_how_they_begin(works):
    record = works.records[3]
    receipt = proof.format_proof(proof.Proof(0, (), works.note(1)))
    assert [recognise(data) for data in (b"%PDF-1.7", b' {"a":1}', record.note, receipt, works.note())] == [
        "pdf",
        "json",
        "record",
        "receipt",
        "checkpoint",
    ]
    with pytest.raises(FormatError, match="^is no certificate, record, receipt, evidence or checkpoint that this program knows$"):
        recognise(b"a letter")


class Shelf:
    """The questions of a record's verification, answered from records at hand."""

    def __init__(self, works):
        self.works = works
        self.facts = works.memory.facts

    def index_of(self, record):
        return self.works.memory.index_of(record)

    def record(self, index):
        return self.works.records[index]


def test_a_record_is_looked_up_byte_for_byte(works):
    note = works.records[3].note
    found = verify_record(note, view=Shelf(works), trust=works.trust)
    assert found.holds
    assert found.levels[0].detail == "it is record 3 of this ledger, byte for byte"
    assert verify_record(note, view=None, trust=None).problems == ["NOT SHOWN TO BE LOGGED: give the ledger with -L"]
    assert verify_record(note, view=Shelf(works), trust=None).problems == [UNPINNED]
    wrong = Trust("0" * 64, "ledger.example/lead", (works.log_key.vkey,))
    assert verify_record(note, view=Shelf(works), trust=wrong).problems[0].startswith("the trust file pins ledger 000")
    draft = works.draft("keystone/1", {"type": "retire", "time": "2026-03-05T10:00:00Z", "key": "keystone/1"})
    assert verify_record(draft.note, view=Shelf(works), trust=works.trust).problems == ["it is not in this ledger"]
    works.records[3] = works.records[4]
    problem = "record 3 of this ledger has the same text and another signature line"
    assert verify_record(note, view=Shelf(works), trust=works.trust).problems == [problem]


def test_a_receipt_shows_whether_what_was_acknowledged_is_still_there(works):
    path = merkle.inclusion_path(works.leaves, 4)
    receipt = proof.format_proof(proof.Proof(4, tuple(path), works.note()))
    found = verify_receipt(receipt, leaf_at=lambda index: works.leaves[index], trust=works.trust)
    assert found.holds
    assert verify_receipt(receipt, leaf_at=None, trust=None).problems == [UNPINNED]
    assert verify_receipt(receipt, leaf_at=None, trust=works.trust).problems == ["give the ledger with -L, or its record"]
    dropped = verify_receipt(receipt, leaf_at=lambda _: None, trust=works.trust)
    assert dropped.problems == ["record 4 is not in this ledger: what was acknowledged was dropped"]
    swapped = verify_receipt(receipt, leaf_at=lambda index: works.leaves[index - 1], trust=works.trust)
    assert swapped.problems[0].startswith("the receipt does not show that the log acknowledged this record 4: ")


def test_a_checkpoint_is_the_pinned_logs_and_the_ledger_agrees_or_does_not(works):
    note = works.note(4)
    found = verify_log_checkpoint(note, root_at=lambda size: merkle.root(works.leaves[:size]), trust=works.trust)
    assert found.holds
    assert verify_log_checkpoint(note, root_at=None, trust=works.trust).holds
    assert verify_log_checkpoint(note, root_at=None, trust=None).problems == [UNPINNED]
    forked = verify_log_checkpoint(note, root_at=lambda _: b"\0" * 32, trust=works.trust)
    assert forked.problems[0].endswith(": rolled back or forked")
    gone = verify_log_checkpoint(note, root_at=lambda _: None, trust=works.trust)
    assert gone.problems[0].startswith("this ledger has root none at size 4, the log signed ")
    other = Trust(works.ledger_id, "ledger.example/lead", (signer("keystone/1").vkey,))
    assert not verify_log_checkpoint(note, root_at=None, trust=other).holds
