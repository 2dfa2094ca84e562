"""The append path: receipts, retries, and what a crash after each durable write leaves behind."""

import pytest

import ledger.log
from books import ORIGIN
from house import House, admission, beside, disposal, draft, receipt, send
from keyring import signer
from ledger.errors import CheckpointError, KeyFileError, OverdrawnError, StoreError
from ledger.keys import verify
from ledger.log import Log, append, check_start, refresh, sign_head, verify_stored_checkpoint
from ledger.log import receipt as receipt_of
from ledger.mark import read_mark
from ledger.store.store import Store
from ledger.tlog import merkle, proof

pytestmark = pytest.mark.usefixtures("each_store")


class CrashError(BaseException):
    """The machine goes dark: nothing in the program gets to tidy up."""


def crash(*_, **__):
    raise CrashError


@pytest.fixture
def house(tmp_path):
    house = House.found(tmp_path)
    house.admit("keystone")
    return house


def proven(house, given):
    """Verify a receipt as its holder would, from the log's key and the record's bytes."""
    parsed = proof.parse_proof(given.proof)
    assert parsed.index == given.index
    assert merkle.leaf_hash(given.record.note) == given.leaf
    return proof.verify_proof(parsed, given.leaf, log_keys=house.log_keys, verify=verify)


def test_every_record_of_an_append_gets_a_receipt_that_verifies_against_the_logs_key(house):
    for count in (1, 2, 3, 7, 1):
        packs = [[receipt(f"keystone:{house.salts.count}-{count}-{n}")] for n in range(count)]
        house.salts.count += 1
        appended = house.desk("keystone/1").write(house.log(), packs)
        assert len(appended.receipts) == count
        for given in appended.receipts:
            assert proven(house, given).note == appended.checkpoint
    assert [given[0] for given in house.entries()] == list(range(3 + 14))


def test_a_record_sent_again_gets_its_first_receipt_byte_for_byte_and_books_nothing(house):
    first = house.write("keystone/1", receipt("keystone:A"))
    for number in range(5):
        house.write("keystone/1", receipt(f"keystone:B{number}"))
    before = house.kept.content()
    again = send(house, first.receipts[0].record.note)
    assert again.receipts == first.receipts
    assert house.kept.content() == before


def test_records_sent_again_and_new_ones_may_be_mixed_and_come_back_in_the_logs_order(house):
    old = [house.write("keystone/1", receipt(f"keystone:O{number}")).receipts[0] for number in range(3)]
    fresh = draft(house, "keystone/1", receipt("keystone:N"))
    appended = send(house, fresh, old[2].record.note, fresh, old[0].record.note)
    assert [given.index for given in appended.receipts] == [3, 5, 6, 6]
    assert appended.receipts[0] == old[0]
    assert appended.receipts[1] == old[2]
    assert appended.receipts[2] == appended.receipts[3]
    proven(house, appended.receipts[2])


def test_a_batch_of_records_is_taken_whole_or_not_at_all(house):
    house.write("keystone/1", receipt("keystone:A", "10"))
    good = draft(house, "keystone/1", disposal("keystone:A", "6"))
    before = beside(house)
    packs = [[disposal("keystone:A", "6")], [disposal("keystone:A", "6")]]
    with pytest.raises(OverdrawnError) as refusal:
        house.desk("keystone/1").write(house.log(), packs)
    assert str(refusal.value) == "batch keystone:A holds 4000 g, cannot give 6000 g (2000 g short)"
    assert beside(house) == before
    assert send(house, good).receipts[0].index == 4


@pytest.mark.parametrize(
    ("step", "where", "size", "signed", "marked"),
    [
        ("before the commit", (Store, "fold"), 4, 4, 4),
        ("before the checkpoint", (ledger.log, "sign_head"), 5, 4, 4),
        ("before the checkpoint's commit", (Store, "add_checkpoint"), 5, 4, 4),
        ("before the mark", (ledger.log, "_advance_mark"), 5, 5, 4),
        ("in the mark", (ledger.log, "write_mark"), 5, 5, 4),
        ("before the receipts", (ledger.log, "_fresh_receipts"), 5, 5, 5),
    ],
)
def test_a_crash_loses_nothing_acknowledged_and_a_retry_gets_its_receipt(house, monkeypatch, step, where, size, signed, marked):
    acknowledged = house.write("registrar/1", admission("voltaic")).receipts[0]
    note = draft(house, "keystone/1", receipt("keystone:A"))
    with monkeypatch.context() as patch:
        patch.setattr(*where, crash)
        with pytest.raises(CrashError):
            send(house, note)
    log = house.log()
    with log.store.reading() as view:
        newest = Store.newest_checkpoint(view)
        assert newest is not None
        assert (view.size, newest[0]) == (size, signed)
        check_start(log, view)
    mark = read_mark(house.mark)
    assert mark is not None
    assert mark.size == marked
    assert house.audit().holds
    again = send(house, note, acknowledged.record.note)
    assert again.receipts[0] == acknowledged
    assert again.receipts[1].index == 4
    assert proven(house, again.receipts[1]).checkpoint.size == 5
    assert len(house.entries()) == 5
    report = house.audit()
    assert report.holds
    assert [finding.code for finding in report.findings] == []


def test_what_was_committed_and_not_signed_for_is_signed_for_by_the_next_append(house, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(ledger.log, "sign_head", crash)
        with pytest.raises(CrashError):
            send(house, draft(house, "keystone/1", receipt("keystone:A")))
    report = house.audit()
    assert [(finding.code, finding.severity, finding.index) for finding in report.findings] == [("unsigned-tail", "flag", 3)]
    given = send(house, draft(house, "keystone/1", receipt("keystone:B"))).receipts[0]
    assert proven(house, given).checkpoint.size == 5
    with house.log().store.reading() as view:
        assert proven(house, receipt_of(view, 3, view.record(3))).checkpoint.size == 5


def test_a_checkpoint_asked_for_signs_for_what_a_crash_left(house, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(ledger.log, "sign_head", crash)
        with pytest.raises(CrashError):
            send(house, draft(house, "keystone/1", receipt("keystone:A")))
    with house.log().store.reading() as view, pytest.raises(CheckpointError) as refusal:
        receipt_of(view, 3, view.record(3))
    assert str(refusal.value) == "no checkpoint covers record 3 yet"
    note = refresh(house.log())
    assert refresh(house.log()) == note
    with house.log().store.reading() as view:
        assert verify_stored_checkpoint(view, note).checkpoint.size == 4
    mark = read_mark(house.mark)
    assert mark is not None
    assert mark.size == 4


def test_a_failure_behind_the_commit_says_that_the_record_is_in_the_log(house, monkeypatch):
    note = draft(house, "keystone/1", receipt("keystone:A"))

    def refuse(*_, **__):
        raise StoreError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(ledger.log, "write_mark", refuse)
        with pytest.raises(StoreError, match="^the disk is gone$") as refusal:
            send(house, note)
        assert refusal.value.hint == "what was sent is in the log without a receipt; send it again to get it"
        with pytest.raises(StoreError, match="^the disk is gone$") as refusal:
            send(house)
        assert refusal.value.hint is None
    assert send(house, note).receipts[0].index == 3


def test_a_bit_flipped_between_writing_and_signing_is_not_signed_for(house, monkeypatch):
    note = draft(house, "keystone/1", receipt("keystone:A"))
    add = Store.add_entry

    def flip(view, index, record, *, leaf, chain):
        add(view, index, record, leaf=leaf, chain=chain)
        for statement in (
            "DROP TRIGGER entry_is_append_only_update" + (" ON entry" if house.on_server else ""),
            f"UPDATE entry SET record = substr(record, 1, 200) || x'41' || substr(record, 202) WHERE idx = {index}",
        ):
            view.connection.exec_driver_sql(house.words(statement))

    monkeypatch.setattr(Store, "add_entry", staticmethod(flip))
    with pytest.raises(StoreError) as refusal:
        send(house, note)
    assert str(refusal.value) == "entry 3 was read back with another hash than it was written with; nothing was signed for"
    assert refusal.value.exit_code == 3
    with house.log().store.reading() as view:
        newest = Store.newest_checkpoint(view)
        assert newest is not None
        assert newest[0] == 3
    report = house.audit()
    assert (report.holds, report.first_bad) == (False, 3)


def test_a_leaf_flipped_with_its_record_does_not_give_the_head_and_is_not_signed_for(house, monkeypatch):
    note = draft(house, "keystone/1", receipt("keystone:A"))
    add = Store.add_entry

    def replace(view, index, record, *, leaf, chain):
        other = merkle.leaf_hash(b"other")
        view.connection.exec_driver_sql(house.words("INSERT INTO entry VALUES (?, ?, ?, ?)"), (index, b"other", bytes(other), bytes(chain)))

    monkeypatch.setattr(Store, "add_entry", staticmethod(replace))
    with pytest.raises(StoreError) as refusal:
        send(house, note)
    monkeypatch.setattr(Store, "add_entry", staticmethod(add))
    leaves = [merkle.Hash(entry[2]) for entry in house.entries()]
    written = merkle.root([*leaves[:3], merkle.leaf_hash(note)])
    assert str(refusal.value) == (
        f"what was read back has root {merkle.root(leaves).hex()} at size 4, written was {written.hex()} at size 4; nothing was signed for"
    )


def test_a_remembered_frontier_that_is_not_the_newest_checkpoints_is_not_signed_upon(house):
    house.sql("UPDATE meta SET value = (SELECT value FROM meta WHERE name = 'frontier_signed') || 'zz' WHERE name = 'frontier_signed'")
    with pytest.raises(StoreError, match="^what the store remembers as its frontier_signed is none$"):
        send(house, draft(house, "keystone/1", receipt("keystone:A")))
    house.sql("DELETE FROM meta WHERE name = 'frontier_signed'")
    with pytest.raises(StoreError) as refusal:
        sign_head(house.log())
    with house.log().store.reading() as view:
        newest = Store.newest_checkpoint(view)
    assert newest is not None
    assert str(refusal.value) == (
        f"the newest checkpoint has root {newest[1].hex()} at size 3, the store remembers {merkle.EMPTY_ROOT.hex()} at size 0; "
        "nothing was signed for"
    )


def test_the_logs_time_never_goes_back_with_its_clock(house):
    times = []
    for now in (1_800_000_000, 1_700_000_000, 0, 1_800_000_005):
        house.clock.now = now
        house.write("keystone/1", receipt(f"keystone:T{now}"))
        with house.log().store.reading() as view:
            newest = Store.newest_checkpoint(view)
            assert newest is not None
            assert verify_stored_checkpoint(view, newest[3]).time == newest[2]
            times.append(newest[2])
    assert times == [1_800_000_001, 1_800_000_001, 1_800_000_001, 1_800_000_006]
    assert house.audit().holds


def test_another_key_than_the_logs_is_refused_before_anything_is_written(house):
    before = house.files()
    log = house.log()
    other = signer("other.example/lead")
    with pytest.raises(KeyFileError) as refusal:
        append(Log(log.store, other, house.mark, house.clock), lambda _: [draft(house, "keystone/1", receipt("keystone:A"))])
    assert str(refusal.value) == f"key other.example/lead ({other.vkey.key_id.hex()}) is not the log key that record 0 names"
    assert refusal.value.exit_code == 3
    assert house.files() == before


def test_a_store_without_record_0_is_refused(tmp_path):
    store = House.empty(tmp_path)
    with pytest.raises(StoreError) as refusal:
        append(Log(store, signer(ORIGIN), tmp_path / "mark", lambda: 0), lambda _: [b""])
    assert str(refusal.value) == f"{store.place} holds no record 0"
    with store.reading() as view, pytest.raises(CheckpointError):
        verify_stored_checkpoint(view, b"ledger.example/lead\n0\n" + b"A" * 43 + b"=\n\n" + "— a AAAAAAA=\n".encode())


def test_a_missing_last_entry_or_a_table_behind_its_entries_is_refused(house):
    rolled = house.copy(house.folder.parent / "copy")
    rolled.sql("DELETE FROM entry WHERE idx = 2", "DELETE FROM checkpoint WHERE size = 3")
    rolled.mark.unlink()
    log = rolled.log()
    with pytest.raises(StoreError, match="^entry 2 of the store is missing$"):
        append(log, lambda _: [], begin=True)
    house.sql("UPDATE meta SET value = '0000000000000000' WHERE name = 'frontier'")
    with pytest.raises(StoreError, match="^the store holds 3 records, its tables are of 0$"):
        send(house)


def test_another_writer_may_sign_for_a_record_before_its_own_append_does(house, monkeypatch):
    note = draft(house, "keystone/1", receipt("keystone:A"))
    other: list[object] = []
    sign = sign_head

    def overtaken(log):
        if not other:
            other.append(True)
            other.append(house.write("registrar/1", admission("voltaic")))
        return sign(log)

    monkeypatch.setattr(ledger.log, "sign_head", overtaken)
    given = send(house, note).receipts[0]
    assert (given.index, proven(house, given).checkpoint.size) == (3, 5)
    assert house.audit().holds
