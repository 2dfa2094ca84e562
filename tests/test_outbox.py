"""The outbox: signing without a connection, queues that stop, records signed anew, damage."""

import pytest

import ledger.desk
import ledger.log
from books import TIME
from house import House, admission, beside, disposal, draft, offline, receipt, send, waiting
from ledger.errors import (
    ChainError,
    FormatError,
    OverdrawnError,
    StoreError,
    UnknownError,
)
from ledger.outbox import Outbox
from ledger.record import read_record
from ledger.store.store import Store

pytestmark = pytest.mark.usefixtures("each_store")


@pytest.fixture
def house(tmp_path):
    house = House.found(tmp_path)
    house.admit("keystone")
    return house


def test_records_signed_without_a_connection_are_taken_when_they_are_sent(house):
    signed = offline(house, receipt("keystone:A"), disposal("keystone:A", "400"), receipt("keystone:B"))
    later = offline(house, disposal("keystone:A", "600", made_by=signed[0].id), disposal("keystone:B", "1"))
    assert waiting(house) == [1, 2, 3, 4, 5]
    assert [record.header.seq for record in later] == [4, 5]
    assert later[1].events[0].made_by == signed[2].id
    appended = house.desk("keystone/1").resend(house.log())
    assert [given.index for given in appended.receipts] == [3, 4, 5, 6, 7]
    assert waiting(house) == []
    assert house.desk("keystone/1").resend(house.log()).receipts == ()
    kept = list(house.desk("keystone/1").outbox.records())
    assert [proof for _, proof in kept[1:]] == [given.proof for given in appended.receipts]
    assert house.audit().holds


def test_records_handed_over_as_a_file_are_taken_once(house):
    signed = offline(house, receipt("keystone:A"), disposal("keystone:A", "400"))
    first = send(house, *(record.note for record in signed))
    assert house.desk("keystone/1").resend(house.log()).receipts == first.receipts
    assert waiting(house) == []


def test_what_a_blind_signer_cannot_know_is_refused_and_nothing_is_kept(house):
    for raw, message in (
        (disposal("keystone:A", "1"), "field made_by: without a ledger nobody here knows which record fixed keystone:A; state made_by"),
        (
            disposal("keystone:A", made_by="ab" * 32),
            "field mass: without a ledger nobody here knows what is left of keystone:A; state its mass",
        ),
        (
            {"type": "void", "time": TIME, "of": {"batch": "keystone:A"}, "reason": "r"},
            "field of: without a ledger nobody here knows which event made that batch; name its record",
        ),
    ):
        with pytest.raises(FormatError) as refusal:
            offline(house, receipt("keystone:B"), raw)
        assert str(refusal.value) == message
        assert refusal.value.__notes__ == ["0"]
    assert waiting(house) == []


def test_a_signer_without_a_connection_knows_what_its_own_accepts_and_assays_fixed(house):
    split = {
        "type": "transform",
        "time": TIME,
        "site": "keystone:works",
        "kind": "split",
        "inputs": [{"batch": "keystone:A", "mass": {"value": "1000", "unit": "kg"}}],
        "outputs": [{"batch": "keystone:B", "material": "battery_paste", "mass": "balance"}],
    }
    assay = {"type": "assay", "time": TIME, "site": "keystone:works", "batch": "keystone:A", "assay": {"Pb": {"value": "76", "unit": "%"}}}
    signed = offline(house, receipt("keystone:A"), assay)
    signed += offline(house, split, disposal("keystone:B", "5"))
    assert signed[2].events[0].inputs[0].made_by == signed[1].id
    assert signed[3].events[0].made_by == signed[2].id
    assert len(house.desk("keystone/1").resend(house.log()).receipts) == 4


def test_a_refused_record_stops_the_queue_and_is_taken_back(house):
    signed = offline(house, disposal("keystone:A", "1", made_by="ab" * 32), receipt("keystone:B"))
    before = beside(house)
    for ask in (lambda: house.desk("keystone/1").resend(house.log()), lambda: house.write("keystone/1", receipt("keystone:C"))):
        with pytest.raises(UnknownError) as refusal:
            ask()
        assert str(refusal.value) == "no batch keystone:A in this ledger"
        assert refusal.value.hint == (
            "record 1 waits in the outbox and is refused; plumbline outbox resign 1 signs it anew, plumbline outbox drop 1 takes it back"
        )
        assert waiting(house) == [1, 2]
    assert beside(house) == before
    outbox = house.desk("keystone/1").outbox
    assert [record.id for record in outbox.drop(1)] == [record.id for record in signed]
    assert outbox.drop(1) == []
    with pytest.raises(StoreError) as kept:
        outbox.drop(0)
    assert str(kept.value) == "record 0 of this key is in the log and has its receipt; it cannot be dropped"
    assert house.write("keystone/1", receipt("keystone:C")).receipts[0].record.header.seq == 1


def test_the_records_before_a_refused_one_stay_taken(house):
    offline(house, receipt("keystone:A"), disposal("keystone:A", "2000"), receipt("keystone:B"))
    with pytest.raises(OverdrawnError):
        house.desk("keystone/1").resend(house.log())
    assert waiting(house) == [2, 3]
    assert len(house.entries()) == 4


def test_records_signed_anew_name_what_they_replace_and_each_other(house):
    sealed = receipt("keystone:A", private={"driver": "A. Driver"})
    signed = offline(house, sealed, disposal("keystone:A", "400"))
    house.write("registrar/1", admission("voltaic"))
    appended = house.desk("keystone/1").resign(house.log(), 1)
    made, used = (given.record for given in appended.receipts)
    assert [record.header.over for record in (made, used)] == [record.id for record in signed]
    assert used.events[0].made_by == made.id != signed[0].id
    assert made.header.seen is not None
    assert made.header.seen.size == 4
    assert waiting(house) == []
    with house.log().store.reading() as view:
        assert [opening.value for opening in Store.openings(view, made.id)] == ["A. Driver"]
        assert Store.openings(view, signed[0].id) == []
    with pytest.raises(ChainError, match="^key keystone/1 is at seq 3, the record has seq 1$"):
        send(house, signed[0].note)
    assert house.audit().holds


def test_signing_anew_sends_what_waits_before_it_first(house):
    offline(house, receipt("keystone:A"), receipt("keystone:B"), receipt("keystone:C"))
    appended = house.desk("keystone/1").resign(house.log(), 2)
    assert [given.record.header.seq for given in appended.receipts] == [2, 3]
    assert [read_record(record).header.over is None for _, record, _, _ in house.entries()[3:]] == [True, False, False]
    with pytest.raises(StoreError) as refusal:
        house.desk("keystone/1").resign(house.log(), 2)
    assert str(refusal.value) == "no record 2 waits in the outbox"
    assert house.audit().holds


def test_records_signed_anew_that_are_refused_leave_the_outbox_as_it_was(house):
    offline(house, receipt("keystone:A"), disposal("keystone:A", "2000"))
    before = house.files()
    with pytest.raises(OverdrawnError):
        house.desk("keystone/1").resign(house.log(), 1)
    assert house.files() == before


def test_a_record_whose_seq_another_one_has_taken_is_signed_anew_at_the_next(house):
    offline(house, receipt("keystone:A"))
    with house.desk("keystone/1").outbox.locked():
        send(house, draft(house, "keystone/1", receipt("keystone:B")))
    with pytest.raises(ledger.log.EquivocationError):
        house.desk("keystone/1").resend(house.log())
    appended = house.desk("keystone/1").resign(house.log(), 1)
    assert [given.record.header.seq for given in appended.receipts] == [2]
    assert waiting(house) == []
    assert house.audit().holds


def test_a_receipt_for_another_record_with_the_same_seq_is_not_kept(house):
    mine = offline(house, receipt("keystone:A"))[0]
    other = send(house, draft(house, "keystone/1", receipt("keystone:B"))).receipts[0]
    outbox = house.desk("keystone/1").outbox
    outbox.settle({mine.header.seq: other.proof, 99: other.proof})
    outbox.settle({mine.header.seq: b"no proof"})
    assert waiting(house) == [1]


def test_a_damaged_outbox_is_named_with_its_file(house):
    offline(house, receipt("keystone:A", private={"driver": "A. Driver"}), receipt("keystone:B"))
    folder = house.desk("keystone/1").outbox.folder
    record, openings = folder / "00000001.record", folder / "00000001.openings"
    kept, opened = record.read_bytes(), openings.read_bytes()
    record.write_bytes(kept.replace(b"plumbline/record/v1", b"plumbline/record/v9"))
    with pytest.raises(FormatError) as refusal:
        house.write("keystone/1", receipt("keystone:C"))
    assert str(refusal.value).startswith(f"{record}: the kept record was damaged: the record format is 'plumbline/record/v9'")
    record.write_bytes((folder / "00000002.record").read_bytes())
    with pytest.raises(FormatError) as refusal:
        house.write("keystone/1", receipt("keystone:C"))
    assert str(refusal.value) == f"{record}: holds a record with seq 2"
    record.write_bytes(kept)
    for damaged in (b"{", b"[{}]", b"7", b"\xff", b"[" * 100_000, b'[{"event":"0","field":"x","salt":"00","value":[]}]'):
        openings.write_bytes(damaged)
        with pytest.raises(FormatError) as refusal:
            house.write("keystone/1", receipt("keystone:C"))
        assert str(refusal.value) == f"{openings}: the kept openings were damaged"
    openings.write_bytes(opened)
    house.write("keystone/1", receipt("keystone:C"))
    assert house.audit().holds


def test_openings_left_behind_by_a_crash_do_not_pass_to_another_record(house):
    offline(house, receipt("keystone:A", private={"driver": "A. Driver"}))
    outbox = house.desk("keystone/1").outbox
    openings = outbox.folder / "00000001.openings"
    left = openings.read_bytes()
    outbox.drop(1)
    openings.write_bytes(left)
    offline(house, receipt("keystone:B"))
    assert [one.openings for one in outbox.waiting()] == [()]


def test_an_outbox_that_cannot_be_made_or_read_is_refused(house, tmp_path):
    desk = house.desk("keystone/9")
    desk.outbox.folder.write_text("in the way")
    with pytest.raises(StoreError) as refusal:
        desk.write(house.log(), [[receipt("keystone:A")]])
    assert str(refusal.value) == f"the outbox {desk.outbox.folder} cannot be written: File exists"
    with pytest.raises(StoreError, match="cannot be read: Not a directory$"):
        desk.outbox.waiting()
    assert Outbox(tmp_path / "none.key").last() is None
    assert Outbox(tmp_path / "none.key").seen() is None
