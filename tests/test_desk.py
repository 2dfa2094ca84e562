"""A signer's desk: crashes and failures on the way, dry runs, two commands with one key, and a log that was rewritten."""

import re
import subprocess
import sys

import pytest

import ledger.desk
import ledger.log
from books import ORIGIN
from house import House, admission, beside, disposal, enrolment, offline, receipt, waiting
from keyring import signer
from ledger.errors import (
    AuthorityError,
    ConflictError,
    ConsistencyError,
    DuplicateError,
    FormatError,
    OverdrawnError,
    RollbackError,
    StoreError,
)
from ledger.outbox import Outbox
from ledger.store.store import Store

pytestmark = pytest.mark.usefixtures("each_store")


class CrashError(BaseException):
    """The machine goes dark."""


def crash(*_, **__):
    raise CrashError


@pytest.fixture
def house(tmp_path):
    house = House.found(tmp_path)
    house.admit("keystone")
    return house


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
        house.sql("DROP TABLE record")
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
        ([[receipt("keystone:B")], [{**receipt("keystone:C"), "mass": {"value": "1", "unit": "ton"}}]], FormatError),
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
    backup = house.copy(tmp_path / "backup")
    house.write("registrar/1", admission("voltaic"))
    house.put_back(backup)
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
            assert refusal.value.exit_code == 3
        patient = Outbox(outbox.folder.with_name(outbox.folder.name.removesuffix(".outbox")), wait_seconds=0.05)
        with pytest.raises(ConflictError), patient.locked():
            raise AssertionError("it waits, and then says the same")
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
    house.put_back(fork, mark=True)
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
    backup = house.copy(tmp_path / "backup")
    house.write("keystone/1", receipt("keystone:A"))
    house.put_back(backup, mark=True)
    with pytest.raises(ConsistencyError, match=re.escape("at size 4, the log has none")):
        house.write("keystone/1", receipt("keystone:B"))


def test_a_key_that_is_not_the_enrolled_one_signs_nothing(house):
    desk = house.desk("keystone/1")
    before = house.files()
    desk.signer = signer(ORIGIN)
    with pytest.raises(AuthorityError, match=f"^key {ORIGIN} is not enrolled in this ledger$"):
        desk.write(house.log(), [[receipt("keystone:A")]])
    assert house.files() == before
