"""The audit: what it holds against the log, and that nothing stops it."""

import pytest

import ledger.audit
import ledger.log
import ledger.replay
from books import ORIGIN
from house import House, admission, draft, receipt, send
from keyring import signer
from ledger.log import sign_head
from ledger.matter.balance import Balance
from ledger.state import apply
from ledger.tlog import checkpoint, merkle
from ledger.trust import Trust


@pytest.fixture
def house(tmp_path):
    house = House.found(tmp_path)
    house.admit("keystone")
    return house


def found(report, code):
    return [(finding.severity, finding.index, finding.message) for finding in report.findings if finding.code == code]


def test_an_audit_says_what_it_looked_at(house):
    report = house.audit()
    assert report.findings == []
    assert (report.size, report.origin, report.time, report.fresh) == (3, ORIGIN, house.clock.now, False)
    assert report.counts == {
        "records": 3, "events": 3, "parties": 1, "sites": 1, "keys": 2, "batches": 0, "certificates": 0, "checkpoints": 3,
    }  # fmt: skip


def test_without_a_trust_file_the_ledger_is_only_compared_with_itself(house):
    report = house.audit(trust=None)
    assert report.holds
    assert found(report, "unpinned") == [("flag", None, "no trust file was given; the ledger is only compared with itself")]


def test_another_ledger_than_the_pinned_one_is_found(house):
    other = Trust("ab" * 32, ORIGIN, (signer(ORIGIN).vkey,))
    report = house.audit(trust=other)
    assert (report.holds, report.first_bad) == (False, 0)
    assert found(report, "other-ledger") == [("broken", 0, f"the trust file pins ledger {'ab' * 32}, this is {report.ledger}")]
    house.sql("UPDATE entry SET record = x'00' WHERE idx = 0")
    assert found(house.audit(trust=other), "other-ledger")[0][2] == f"the trust file pins ledger {'ab' * 32}, this is none"


def test_a_log_key_that_is_not_the_pinned_one_is_found(house):
    pinned = Trust(house.audit().ledger, ORIGIN, (signer("registrar/1").vkey,))
    report = house.audit(trust=pinned)
    assert not report.holds
    assert found(report, "checkpoint-signature")[0] == (
        "broken",
        0,
        f"the checkpoint at size 1 does not hold: the checkpoint is of {ORIGIN}, want registrar/1",
    )


def test_a_log_whose_time_goes_back_is_found(house):
    log = house.log()
    with log.store.reading() as view:
        time = view.connection.exec_driver_sql("SELECT max(time) FROM checkpoint").scalar()
    head = checkpoint.Checkpoint(ORIGIN, 3, merkle.root([merkle.Hash(entry[2]) for entry in house.entries()]))
    note = checkpoint.sign_checkpoint(head, key=log.signer.vkey, sign=log.signer.sign, time=5)
    house.sql("UPDATE checkpoint SET time = 5, note = ? WHERE size = 3", values=(note,))
    report = house.audit()
    assert found(report, "time-back") == [("broken", 2, "the log's time goes back at size 3")]
    assert report.first_bad == 2
    assert time > 5


def test_a_signed_checkpoint_of_another_root_names_the_last_one_that_agrees(house):
    log = house.log()
    root = merkle.leaf_hash(b"another history")
    note = checkpoint.sign_checkpoint(
        checkpoint.Checkpoint(ORIGIN, 3, root), key=log.signer.vkey, sign=log.signer.sign, time=house.clock.now
    )
    house.sql("UPDATE checkpoint SET root = X'" + root.hex() + "', note = ? WHERE size = 3", values=(note,))
    report = house.audit()
    assert report.first_bad == 2
    assert [index for _, index, _ in found(report, "root-mismatch")] == [2]


def test_a_fault_of_the_audits_own_is_a_finding_and_the_rest_is_still_looked_at(house, monkeypatch):
    def fault(*_):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(ledger.audit, "implausible", fault)
    report = house.audit()
    assert found(report, "store-damaged") == [("broken", None, "the books cannot be checked: ZeroDivisionError('oops')")]
    monkeypatch.setattr(ledger.replay, "apply", fault)
    report = house.audit()
    assert (report.holds, report.first_bad) == (False, 0)
    assert found(report, "not-checked") == [("broken", 0, "record 0 could not be checked: ZeroDivisionError('oops')")]


def test_books_that_do_not_balance_are_found(house, monkeypatch):
    monkeypatch.setattr(ledger.audit, "balances", lambda *_: {"Pb": Balance(received=7)})
    report = house.audit()
    assert found(report, "books-differ") == [("broken", None, "Pb: the books do not balance by 7 mg")]


def test_a_record_that_breaks_a_rule_stops_the_rules_and_not_the_hashes(house, monkeypatch):
    """A log that took what it may not: the operator wrote an entry past the rules and signed for it."""
    house.write("keystone/1", receipt("keystone:A"))
    bad = draft(house, "keystone/1", receipt("keystone:B"))
    send(house, bad)
    house.write("registrar/1", admission("voltaic"))
    with monkeypatch.context() as patch:

        def lax(view, record):
            changes = apply(view, record)
            changes.numbers.pop("keystone:C", None)
            return changes

        patch.setattr(ledger.log, "apply", lax)
        house.write("keystone/1", receipt("keystone:C"))
        house.write("keystone/1", receipt("keystone:C"))
        sign_head(house.log())
    house.write("registrar/1", admission("smelter"))
    report = house.audit()
    assert report.first_bad == 7
    assert found(report, "rule-broken") == [("broken", 7, "record 7 does not hold: batch keystone:C exists already")]
    assert found(report, "replay-stopped") == [
        ("flag", 7, "rules were checked up to record 7; behind it only hashes and chains were"),
    ]
