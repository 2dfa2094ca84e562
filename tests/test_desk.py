"""A signer's desk and its outbox: signing offline, queues that stop, records signed anew, crashes, and a log that was rewritten."""

import re
import shutil
import sqlite3
import subprocess
import sys

import pytest

import ledger.desk
import ledger.log
from books import ORIGIN, TIME
from house import House, admission, disposal, draft, enrolment, receipt, send
from keyring import signer
from ledger.errors import (
    AuthorityError,
    ChainError,
    ConflictError,
    ConsistencyError,
    DuplicateError,
    FormatError,
    OverdrawnError,
    RollbackError,
    StoreError,
    UnknownError,
)
from ledger.outbox import Outbox
from ledger.record import read_record
from ledger.store import Store


class CrashError(BaseException):
    """The machine goes dark."""


def crash(*_, **__):
    raise CrashError


@pytest.fixture
def house(tmp_path):
    house = House.found(tmp_path)
    house.admit("keystone")
    return house


def ledger_id(house):
    return read_record(house.entries()[0][1]).id


def offline(house, *raws, key="keystone/1"):
    """Sign events, one record each, as without a connection."""
    return house.desk(key).sign([[raw] for raw in raws], ledger_id=ledger_id(house))


def waiting(house, key="keystone/1"):
    return [one.seq for one in house.desk(key).outbox.waiting()]


def logged(house):
    return [read_record(record).header for _, record, _, _ in house.entries()]


def beside(house):
    """Return the bytes of ledger and keys, without the outboxes."""
    return {name: data for name, data in house.files().items() if "outbox" not in name}


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
    assert [header.over is None for header in logged(house)[3:]] == [True, False, False]
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


@pytest.mark.parametrize(
    ("place", "taken"),
    [((Store, "frontier"), False), ((Outbox, "put"), False), ((ledger.desk, "append"), False), ((ledger.log, "sign_head"), True)],
)
def test_after_a_crash_the_next_command_finds_out_and_sends_what_waits_first(house, monkeypatch, place, taken):
    with monkeypatch.context() as patch:
        patch.setattr(*place, crash)
        with pytest.raises(CrashError):
            house.write("keystone/1", receipt("keystone:A"))
    assert waiting(house) == ([1] if taken else [])
    house.write("keystone/1", receipt("keystone:B"))
    assert len(house.entries()) == (5 if taken else 4)
    assert waiting(house) == []
    assert house.audit().holds


def test_a_crash_between_keeping_and_committing_sends_the_record_first_next_time(house, monkeypatch):
    put = Outbox.put

    def last(outbox, records):
        put(outbox, records)
        raise CrashError

    sealed = receipt("keystone:A", private={"driver": "A. Driver"})
    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "put", last)
        with pytest.raises(CrashError):
            house.write("keystone/1", sealed)
    assert waiting(house) == [1]
    assert len(house.entries()) == 3
    given = house.write("keystone/1", receipt("keystone:B")).receipts[0]
    assert given.index == 4
    assert given.record.header.seq == 2
    with house.log().store.reading() as view:
        assert [opening.value for opening in Store.openings(view, view.record_id(3))] == ["A. Driver"]
    assert house.audit().holds


def refuse(*_, **__):
    raise StoreError("the disk is gone")


def test_a_write_that_failed_before_its_commit_takes_its_records_back(house, monkeypatch):
    put = Outbox.put

    def fail(outbox, records):
        put(outbox, records)
        raise StoreError("the disk is gone")

    before = beside(house)
    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "put", fail)
        with pytest.raises(StoreError, match="^the disk is gone$") as refusal:
            house.write("keystone/1", receipt("keystone:A"))
    assert refusal.value.hint is None
    assert waiting(house) == []
    assert beside(house) == before
    assert house.write("keystone/1", receipt("keystone:A")).receipts[0].index == 3


def test_a_write_that_failed_behind_its_commit_waits_for_its_receipt(house, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(ledger.log, "write_mark", refuse)
        with pytest.raises(StoreError) as refusal:
            house.write("keystone/1", receipt("keystone:A"))
    assert refusal.value.hint == "the records are in the log and wait for their receipts; `plumbline outbox send` asks for them"
    assert waiting(house) == [1]
    assert [given.index for given in house.desk("keystone/1").resend(house.log()).receipts] == [3]


def test_a_write_whose_store_is_gone_waits_until_somebody_knows(house, monkeypatch):
    def gone(log):
        connection = sqlite3.connect(house.path)
        connection.execute("DROP TABLE record")
        connection.close()
        raise StoreError("the disk is gone")

    monkeypatch.setattr(ledger.log, "sign_head", gone)
    with pytest.raises(StoreError) as refusal:
        house.write("keystone/1", receipt("keystone:A"))
    assert refusal.value.hint == (
        "whether the records are in the log is not known; they wait in the outbox, and `plumbline outbox send` finds out"
    )
    assert waiting(house) == [1]


def test_a_refused_event_leaves_outbox_and_ledger_as_before(house):
    house.write("keystone/1", receipt("keystone:A"))
    before = house.files()
    for packs, error in (
        ([[disposal("keystone:A", "2000")]], OverdrawnError),
        ([[receipt("keystone:B")], [receipt("keystone:A")]], DuplicateError),
        ([[receipt("keystone:B")], [receipt("keystone:C", mass={"value": "1", "unit": "ton"})]], FormatError),
    ):
        desk = house.desk("keystone/1")
        desk.refusals.clear()
        with pytest.raises(error):
            desk.write(house.log(), packs)
        assert [(refusal.pack, refusal.event) for refusal in desk.refusals] == [(len(packs) - 1, 0)]
        assert house.files() == before


def test_keep_going_leaves_out_what_is_refused_and_takes_the_rest(house):
    desk = house.desk("keystone/1")
    packs = [[receipt("keystone:A")], [receipt("keystone:B"), receipt("keystone:A")], [receipt("keystone:C")]]
    appended = desk.write(house.log(), packs, keep_going=True)
    assert [given.record.header.seq for given in appended.receipts] == [1, 2]
    assert [(refusal.pack, refusal.event, str(refusal.error)) for refusal in desk.refusals] == [(1, 1, "batch keystone:A exists already")]
    again = desk.write(house.log(), [[receipt("keystone:A")]], keep_going=True)
    assert again.receipts == ()
    assert house.audit().holds


def test_a_dry_run_leaves_every_file_as_it_is_and_refuses_what_would_be_refused(house):
    offline(house, receipt("keystone:A", private={"driver": "A. Driver"}))
    before = house.files()
    desk = house.desk("keystone/1")
    appended = desk.write(house.log(), [[disposal("keystone:A", "1")], [receipt("keystone:B")]], dry_run=True)
    assert (appended.receipts, appended.checkpoint) == ((), b"")
    with pytest.raises(OverdrawnError):
        desk.write(house.log(), [[disposal("keystone:A", "2000")]], dry_run=True)
    with pytest.raises(AuthorityError, match="^key voltaic/1 is not enrolled in this ledger$"):
        house.desk("voltaic/1").write(house.log(), [[receipt("voltaic:A")]], dry_run=True)
    assert house.files() == before
    house.desk("keystone/1").resend(house.log())
    assert house.desk("keystone/1").write(house.log(), [[receipt("keystone:B")]], dry_run=True).receipts == ()


def test_a_dry_run_on_a_rolled_back_store_is_refused_like_any_other(house, tmp_path):
    shutil.copy(house.path, tmp_path / "backup")
    house.write("registrar/1", admission("voltaic"))
    shutil.copy(tmp_path / "backup", house.path)
    with pytest.raises(RollbackError):
        house.desk("keystone/1").write(house.log(), [[receipt("keystone:A")]], dry_run=True)


def test_a_waiting_record_that_is_in_the_log_already_is_not_tried_again_in_a_dry_run(house, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(ledger.log, "sign_head", crash)
        with pytest.raises(CrashError):
            house.write("keystone/1", receipt("keystone:A"))
    before = house.files()
    assert house.desk("keystone/1").write(house.log(), [[disposal("keystone:A")]], dry_run=True).receipts == ()
    assert house.files() == before


def test_two_commands_with_one_key_are_a_conflict_and_two_keys_are_none(house):
    house.write("keystone/1", enrolment("keystone", "2"))
    outbox = house.desk("keystone/1").outbox
    holder = (
        "import fcntl, sys\n"
        f"lock = open({str(outbox.folder / 'lock')!r}, 'w')\n"
        "fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == b"held\n"
        for ask in (
            lambda: house.write("keystone/1", receipt("keystone:A")),
            lambda: house.desk("keystone/1").resend(house.log()),
            lambda: house.desk("keystone/1").resign(house.log(), 1),
            lambda: offline(house, receipt("keystone:A")),
        ):
            with pytest.raises(ConflictError) as refusal:
                ask()
            assert str(refusal.value) == f"another command works with this key (lock {outbox.folder / 'lock'})"
        patient = Outbox(outbox.folder.with_name(outbox.folder.name.removesuffix(".outbox")), wait_seconds=0.05)
        with pytest.raises(ConflictError), patient.locked():
            pass  # it waits, and then says the same
            assert refusal.value.exit_code == 3
        house.write("keystone/2", receipt("keystone:A"))
        other.stdin.close()
    house.write("keystone/1", receipt("keystone:B"))


def test_a_log_rewritten_behind_what_a_key_saw_is_refused(house, tmp_path):
    fork = house.copy(tmp_path.parent / f"{tmp_path.name}-fork")
    house.write("keystone/1", receipt("keystone:A"))
    fork.write("registrar/1", admission("voltaic"))
    fork.write("registrar/1", admission("smelter"))
    with fork.log().store.reading() as view:
        root = view.root_at(4)
        assert root is not None
    with house.log().store.reading() as view:
        seen = view.root_at(4)
        assert seen is not None
    for name in ("ledger.db", "keys/mark"):
        shutil.copy(fork.folder / name, house.folder / name)
    before = beside(house)
    for dry_run in (True, False):
        with pytest.raises(ConsistencyError) as refusal:
            house.desk("keystone/1").write(house.log(), [[receipt("keystone:B")]], dry_run=dry_run)
        assert str(refusal.value) == f"this key saw root {seen.hex()} at size 4, the log has {root.hex()}"
        assert refusal.value.hint == (
            f"keep {house.desk('keystone/1').outbox.folder / 'seen'}: together with a checkpoint of this log it proves the rewriting"
        )
    assert beside(house) == before


def test_a_log_shorter_than_what_a_key_saw_is_refused(house, tmp_path):
    shutil.copytree(house.folder, tmp_path / "backup")
    house.write("keystone/1", receipt("keystone:A"))
    for name in ("ledger.db", "keys/mark"):
        shutil.copy(tmp_path / "backup" / name, house.folder / name)
    with pytest.raises(ConsistencyError, match=re.escape("at size 4, the log has none")):
        house.write("keystone/1", receipt("keystone:B"))


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
    for damaged in (b"{", b"[{}]", b"7", b"\xff"):
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


def test_a_key_that_is_not_the_enrolled_one_signs_nothing(house):
    desk = house.desk("keystone/1")
    before = house.files()
    desk.signer = signer(ORIGIN)
    with pytest.raises(AuthorityError, match=f"^key {ORIGIN} is not enrolled in this ledger$"):
        desk.write(house.log(), [[receipt("keystone:A")]])
    assert house.files() == before
