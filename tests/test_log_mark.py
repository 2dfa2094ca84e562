"""The high-water mark, rollbacks, forks of one key's chain, and two writers that sign for one log."""

import pytest

import ledger.log
from books import ORIGIN, TIME
from house import House, admission, beside, disposal, draft, receipt, send
from keyring import signer
from ledger.compose import compose, place_of
from ledger.errors import ChainError, CheckpointError, FormatError, LedgerError, RollbackError, SignatureError, StoreError
from ledger.founding import adopt_mark
from ledger.log import EquivocationError, append, refresh, seen_now, sign_head
from ledger.mark import Mark, read_mark, write_mark
from ledger.record import write_record
from ledger.store.store import Store
from ledger.tlog import checkpoint, merkle

pytestmark = pytest.mark.usefixtures("each_store")


@pytest.fixture
def house(tmp_path):
    house = House.found(tmp_path / "one")
    house.admit("keystone")
    return house


def newest(house):
    with Store(house.path).reading() as view:
        found = Store.newest_checkpoint(view)
    assert found is not None
    return found


def test_an_older_copy_of_the_store_is_refused_by_writers_and_found_by_the_audit(house, tmp_path):
    backup = house.copy(tmp_path / "backup")
    lost = house.write("keystone/1", receipt("keystone:A")).receipts[0]
    house.write("keystone/1", receipt("keystone:B"))
    house.put_back(backup)
    before = house.files()
    with pytest.raises(RollbackError) as refusal:
        send(house, lost.record.note)
    assert str(refusal.value) == "the store holds 3 records, 5 were signed for (2 are missing)"
    assert refusal.value.exit_code == 3
    assert refusal.value.hint == (
        "an older copy was put back; put back the newest one, or `plumbline restore` enters again what the parties' outboxes hold"
    )
    assert house.files() == before
    report = house.audit()
    assert (report.holds, report.first_bad) == (False, 3)
    assert [finding.message for finding in report.findings if finding.code == "rollback"] == [str(refusal.value)]


def test_a_checkpoint_that_somebody_else_holds_shows_a_rollback_of_store_and_mark_together(house, tmp_path):
    back = house.copy(tmp_path / "backup")
    held = house.write("keystone/1", receipt("keystone:A")).checkpoint
    assert back.audit().holds
    assert not back.audit().fresh
    report = back.audit(checkpoints=[("held.note", held)])
    assert (report.holds, report.first_bad, report.fresh) == (False, 3, False)
    assert [finding.message for finding in report.findings if finding.code == "rollback"] == [
        "held.note was signed for 4 records, the store holds 3 (1 are missing)"
    ]
    assert house.audit(checkpoints=[("held.note", held)]).fresh


def test_a_rewritten_history_of_the_same_size_is_refused_and_found(house, tmp_path):
    fork = house.copy(tmp_path / "fork")
    house.write("keystone/1", receipt("keystone:A"))
    fork.write("keystone/1", receipt("keystone:OTHER"))
    held = newest(house)
    house.put_back(fork)
    with pytest.raises(RollbackError) as refusal:
        send(house)
    assert str(refusal.value) == f"at size 4 the store has root {newest(fork)[1].hex()}, signed for was {held[1].hex()}"
    report = house.audit(checkpoints=[("held.note", held[3])])
    assert not report.holds
    assert {finding.code for finding in report.findings if finding.severity == "broken"} == {"rollback", "root-mismatch"}


def test_a_log_without_its_mark_is_refused_until_it_is_adopted(house):
    note = newest(house)[3]
    house.mark.unlink()
    before = beside(house)
    with pytest.raises(RollbackError) as refusal:
        house.write("keystone/1", receipt("keystone:A"))
    assert str(refusal.value) == f"the log has 3 records and no mark at {house.mark}"
    assert beside(house) == before
    report = house.audit()
    assert report.holds
    assert [finding.message for finding in report.findings if finding.code == "no-mark"] == [
        f"no mark was found at {house.mark}; freshness not established"
    ]
    adopt_mark(house.log(), note)
    assert read_mark(house.mark) == Mark(report.ledger, 3, report.root)
    house.write("keystone/1", receipt("keystone:A"))
    with pytest.raises(StoreError) as again:
        adopt_mark(house.log(), note)
    assert str(again.value) == f"there is a mark at {house.mark} already; a mark is never set back"


def test_a_mark_is_adopted_only_from_this_logs_checkpoint_that_the_log_agrees_with(house, tmp_path):
    house.mark.unlink()
    log = house.log()
    root = merkle.leaf_hash(b"another history")
    forked = checkpoint.sign_checkpoint(checkpoint.Checkpoint(ORIGIN, 3, root), key=log.signer.vkey, sign=log.signer.sign, time=1)
    with pytest.raises(CheckpointError) as refusal:
        adopt_mark(log, forked)
    assert str(refusal.value) == f"the checkpoint has root {root.hex()} at size 3, the log has {newest(house)[1].hex()}"
    later = checkpoint.sign_checkpoint(checkpoint.Checkpoint(ORIGIN, 9, root), key=log.signer.vkey, sign=log.signer.sign, time=1)
    with pytest.raises(CheckpointError, match="^the checkpoint has root [0-9a-f]{64} at size 9, the log has none$"):
        adopt_mark(log, later)
    damaged = newest(house)[3].replace(b"\n3\n", b"\n4\n")
    with pytest.raises(SignatureError):
        adopt_mark(log, damaged)
    assert not house.mark.exists()


def test_the_mark_of_another_ledger_is_refused(house, tmp_path):
    other = "ab" * 32
    write_mark(house.mark, Mark(other, 1, "cd" * 32))
    report = house.audit()
    with pytest.raises(RollbackError) as refusal:
        house.write("keystone/1", receipt("keystone:A"))
    assert str(refusal.value) == f"the mark at {house.mark} is of ledger {other}, the store holds ledger {report.ledger}"
    assert not report.holds


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"plumbline/mark/v2\nledger %s\nsize 3\nroot %s\n" % (b"a" * 64, b"b" * 64),
        b"plumbline/mark/v1\nledger %s\nsize 03\nroot %s\n" % (b"a" * 64, b"b" * 64),
        b"plumbline/mark/v1\nledger %s\nsize 3\nroot %s" % (b"a" * 64, b"b" * 64),
        b"plumbline/mark/v1\nledger %s\nsize 3\nroot %s\n\n" % (b"a" * 64, b"b" * 64),
        b"plumbline/mark/v1\r\nledger %s\r\nsize 3\r\nroot %s\r\n" % (b"a" * 64, b"b" * 64),
        b"plumbline/mark/v1\nledger %s\nsize 3\nroot %s\n" % (b"A" * 64, b"b" * 64),
    ],
)
def test_a_damaged_mark_is_refused_and_found(house, text):
    house.mark.write_bytes(text)
    with pytest.raises(FormatError) as refusal:
        house.write("keystone/1", receipt("keystone:A"))
    assert str(refusal.value) == f"{house.mark}: is no mark file"
    report = house.audit()
    assert not report.holds
    assert [finding.message for finding in report.findings if finding.code == "mark-damaged"] == [
        f"the mark cannot be read: {house.mark}: is no mark file"
    ]


def test_a_mark_that_is_too_large_or_a_folder_is_refused(house):
    house.mark.write_bytes(b"x" * 5000)
    with pytest.raises(StoreError, match=f"^mark {house.mark} has 5000 bytes, the limit is 4096$"):
        read_mark(house.mark)
    house.mark.unlink()
    house.mark.mkdir()
    with pytest.raises(StoreError, match=f"^mark {house.mark} cannot be read: Is a directory$"):
        read_mark(house.mark)


def test_a_checkpoint_whose_size_the_store_no_longer_has_is_not_signed_upon(house):
    house.sql("DELETE FROM entry WHERE idx = 2", "UPDATE meta SET value = '' WHERE name = 'frontier'")
    with pytest.raises(StoreError, match="^what the store remembers as its frontier is none$"):
        refresh(house.log())


def test_two_writers_that_sign_for_one_head_sign_once(house, monkeypatch):
    note = draft(house, "keystone/1", receipt("keystone:A"))
    second = []
    sign = sign_head

    def twice(log):
        second.append(sign(house.log()))
        return sign(log)

    monkeypatch.setattr(ledger.log, "sign_head", twice)
    appended = send(house, note)
    assert appended.checkpoint == second[0][1]
    with Store(house.path).reading() as view:
        assert [size for size, *_ in Store.checkpoints(view)] == [1, 2, 3, 4]
    assert house.audit().holds


# Forks of a key's own chain


def signed(house, key, raw, **changes):
    """Return a record of a key whose header is changed after it was made."""
    log = house.log()
    with log.store.reading() as view:
        composed = compose(view, [raw], key=key, place=place_of(view, key, seen=seen_now(view)), made=TIME, salt=house.salts)
    header = composed.header.model_copy(update=changes)
    return write_record(header, composed.events, key=signer(key).vkey, sign=signer(key).sign)


def equivocations(house):
    with Store(house.path).reading() as view:
        return Store.equivocations(view)


def test_a_second_record_for_one_seq_is_kept_as_evidence_refused_by_name_and_blocks_nobody(house):
    logged = house.write("keystone/1", receipt("keystone:A")).receipts[0].record
    other = signed(house, "keystone/1", receipt("keystone:B"), seq=logged.header.seq, prev=logged.header.prev)
    for _ in range(2):
        with pytest.raises(EquivocationError) as refusal:
            send(house, other.note)
        assert str(refusal.value) == (
            f"key keystone/1 has signed two records with seq 1: {logged.id} is in the log, {other.id} was kept as evidence"
        )
        assert (refusal.value.exit_code, refusal.value.code) == (1, "equivocation")
    assert equivocations(house) == [("keystone/1", 1, other.id, other.note)]
    report = house.audit()
    assert report.holds
    assert [finding.message for finding in report.findings if finding.code == "equivocation"] == [
        f"key keystone/1 signed two records with seq 1; {other.id} is kept as evidence"
    ]
    house.write("keystone/1", disposal("keystone:A"))
    house.write("registrar/1", admission("voltaic"))
    assert house.audit().holds


def test_a_record_that_says_whose_place_it_takes_is_no_equivocation(house):
    first = signed(house, "keystone/1", receipt("keystone:A"))
    second = signed(house, "keystone/1", receipt("keystone:B"), over=first.id)
    send(house, second.note)
    with pytest.raises(ChainError) as refusal:
        send(house, first.note)
    assert not isinstance(refusal.value, EquivocationError)
    assert str(refusal.value) == "key keystone/1 is at seq 2, the record has seq 1"
    third = signed(house, "keystone/1", receipt("keystone:C"), seq=1, prev=first.header.prev, over=second.id)
    with pytest.raises(ChainError) as refusal:
        send(house, third.note)
    assert not isinstance(refusal.value, EquivocationError)
    assert equivocations(house) == []


def test_what_is_for_another_ledger_or_ahead_of_its_chain_or_forged_is_no_equivocation(house):
    house.write("keystone/1", receipt("keystone:A"))
    elsewhere = signed(house, "keystone/1", receipt("keystone:B"), seq=1, genesis="ab" * 32)
    ahead = signed(house, "keystone/1", receipt("keystone:B"), seq=7)
    forged = signed(house, "keystone/1", receipt("keystone:B"), seq=1)
    text = forged.text.replace(b"keystone:B", b"keystone:C")
    for note, refused in (
        (elsewhere.note, ChainError),
        (ahead.note, ChainError),
        (text + forged.note[len(forged.text) :], SignatureError),
    ):
        with pytest.raises(LedgerError) as refusal:
            send(house, note)
        assert type(refusal.value) is refused
    assert equivocations(house) == []


def test_a_record_from_another_ledger_is_refused_by_name(house):
    elsewhere = signed(house, "keystone/1", receipt("keystone:B"), genesis="ab" * 32)
    with pytest.raises(ChainError) as refusal:
        append(house.log(), lambda _: [elsewhere.note])
    assert str(refusal.value) == f"the record is for ledger {'ab' * 32}, this is ledger {house.audit().ledger}"
