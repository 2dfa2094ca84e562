"""A backup put back, and the way back: what was lost is entered again from outboxes and exports, or nothing is."""

import shutil

import pytest

from books import Books
from exported import exported
from house import House, admission, disposal, receipt, registration
from ledger.errors import ConsistencyError, InclusionError, RollbackError, StoreError
from ledger.lost_end import Found, order, ranges
from ledger.mark import read_mark
from ledger.mirror.source import open_mirror
from ledger.restoration import restore
from ledger.store.store import Store
from ledger.tlog.merkle import Frontier, Hash, leaf_hash
from terminal import house as terminal_house
from terminal import truck

KEYS = ("registrar/1", "keystone/1", "yard/1")


def key_files(house):
    return [
        house.folder / f"{key.replace('/', '-')}.key" for key in KEYS if (house.folder / f"{key.replace('/', '-')}.key.outbox").exists()
    ]


def act(house, step):
    """Do one of twelve things at two companies."""
    acts = (
        ("registrar/1", admission("keystone")),
        ("keystone/1", registration("keystone", "works", "US")),
        ("registrar/1", admission("yard")),
        ("keystone/1", receipt("keystone:A")),
        ("yard/1", registration("yard", "works", "US")),
        ("yard/1", receipt("yard:A")),
        ("keystone/1", disposal("keystone:A", "10")),
        ("keystone/1", receipt("keystone:B", documents=[{"kind": "weigh_ticket", "number": {"private": "WT-881"}, "sha256": "00" * 32}])),
        ("yard/1", disposal("yard:A", "20")),
        ("yard/1", receipt("yard:B")),
        ("keystone/1", disposal("keystone:B")),
        ("yard/1", disposal("yard:B")),
    )
    return house.write(acts[step][0], acts[step][1])


ACTS = 12


def whole(tmp_path):
    """Return a ledger of thirteen records, a copy of its store at every size, and what it acknowledged."""
    house = House.found(tmp_path / "one")
    copies, given = [], []
    for step in range(ACTS):
        copies.append(house.copy(tmp_path / f"copy{step}"))
        given.append(act(house, step))
    return house, copies, given


def test_a_log_that_lost_nothing_is_left_alone(tmp_path):
    house, _, _ = whole(tmp_path)
    before = house.files()
    done = restore(house.log(), key_files(house))
    assert (done.before, done.size, done.records) == (ACTS + 1, ACTS + 1, ())
    assert house.files() == before


def test_a_dry_run_says_the_same_and_writes_nothing(tmp_path):
    house, copies, _ = whole(tmp_path)
    house.put_back(copies[4])
    before = house.files()
    done = restore(house.log(), key_files(house), dry_run=True)
    assert (done.before, done.size) == (5, 13)
    assert house.files() == before


def test_where_an_outbox_is_missing_its_records_are_named_and_nothing_is_written(tmp_path):
    house, copies, _ = whole(tmp_path)
    house.put_back(copies[3])
    before = house.files()
    with pytest.raises(RollbackError) as refusal:
        restore(house.log(), [file for file in key_files(house) if not file.name.startswith("yard")])
    assert str(refusal.value) == (
        "records 4 to 12 were lost; no receipt places 5 to 6, 9 to 10, 12, and no record without a receipt fits there"
    )
    assert refusal.value.hint == "give the outbox of every key that signed, the registrar's too, or a newer export"
    assert house.files() == before


def test_store_and_mark_put_back_together_are_brought_to_the_newest_receipt(tmp_path):
    house, copies, _ = whole(tmp_path)
    house.put_back(copies[2], mark=True)
    assert house.audit().holds
    restore(house.log(), key_files(house))
    mark = read_mark(house.mark)
    assert mark is not None
    assert (mark.size, mark.root) == (13, restore(house.log(), key_files(house)).root)
    assert house.audit().holds


def test_a_newer_export_is_source_enough(tmp_path):
    house, copies, _ = whole(tmp_path)
    mirror = open_mirror(str(exported(house, tmp_path / "export")))
    entries = house.entries()
    house.put_back(copies[0])
    restore(house.log(), [], [mirror])
    assert house.entries() == entries
    assert house.audit().holds


def test_an_export_that_ends_before_the_mark_is_not_enough(tmp_path):
    house, copies, _ = whole(tmp_path)
    mirror = open_mirror(str(exported(copies[8], tmp_path / "export")))
    house.put_back(copies[0])
    with pytest.raises(RollbackError) as refusal:
        restore(house.log(), [], [mirror])
    assert str(refusal.value) == ("records 1 to 12 were lost; no receipt places 9 to 12, and no record without a receipt fits there")
    restore(house.log(), key_files(house), [mirror])
    assert house.audit().holds


def test_a_store_with_another_history_is_no_older_copy(tmp_path):
    house, copies, _ = whole(tmp_path)
    other = copies[3]
    other.write("keystone/1", receipt("keystone:Z"))
    house.put_back(other)
    before = house.files()
    with pytest.raises(ConsistencyError) as refusal:
        restore(house.log(), key_files(house))
    assert str(refusal.value).startswith("at size 5 the store has root ")
    assert refusal.value.hint == "two histories of one ledger: keep all files, they prove it"
    assert house.files() == before


def test_two_sources_of_two_histories_are_a_fork(tmp_path):
    house, copies, _ = whole(tmp_path)
    other = copies[3]
    other.write("keystone/1", receipt("keystone:Z"))
    mirror = open_mirror(str(exported(other, tmp_path / "export")))
    house.put_back(copies[2])
    with pytest.raises(ConsistencyError, match=r"export has root [0-9a-f]{64} at size 5, another source has [0-9a-f]{64}$"):
        restore(house.log(), key_files(house), [mirror])


def test_a_record_put_in_the_place_of_a_lost_one_does_not_lead_to_the_root(tmp_path):
    house, copies, _ = whole(tmp_path)
    forger = copies[10].copy(tmp_path / "forger")
    forged = forger.write("keystone/1", disposal("keystone:B", "1")).receipts[0]
    outbox = house.folder / "keystone-1.key.outbox"
    name = max(file.stem for file in outbox.glob("*.record"))
    (outbox / f"{name}.record").write_bytes(forged.record.note)
    house.put_back(copies[10])
    with pytest.raises(InclusionError):
        restore(house.log(), key_files(house))
    (outbox / f"{name}.receipt").unlink()
    with pytest.raises(RollbackError) as refusal:
        restore(house.log(), key_files(house))
    assert str(refusal.value) == "records 11 to 12 were lost; no receipt places 11, and no record without a receipt fits there"


def test_a_mark_of_another_ledger_is_refused(tmp_path):
    house, _, _ = whole(tmp_path)
    text = house.mark.read_text(encoding="ascii")
    ledger = text.split("\n")[1].split(" ")[1]
    house.mark.write_text(text.replace(ledger, "0" * 64), encoding="ascii")
    with pytest.raises(RollbackError) as refusal:
        restore(house.log(), key_files(house))
    assert str(refusal.value) == f"the mark at {house.mark} is of ledger {'0' * 64}, the store holds ledger {ledger}"


def test_what_a_key_signed_for_another_ledger_is_passed_over(tmp_path, monkeypatch):
    house, copies, _ = whole(tmp_path)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("house.ORIGIN", "other.example/lead")
        other = House.found(tmp_path / "other")
        other.admit("keystone")
    house.put_back(copies[5])
    restore(house.log(), [*key_files(house), other.folder / "keystone-1.key"])
    assert house.audit().holds


def test_tables_that_are_not_those_of_the_records_are_not_built_upon(tmp_path):
    house, copies, _ = whole(tmp_path)
    copies[5].sql("DELETE FROM entry WHERE idx = 5")
    house.put_back(copies[5])
    with pytest.raises(StoreError, match=r"^the store holds 5 records, its tables are of 6$"):
        restore(house.log(), key_files(house))


def test_numbers_are_said_as_ranges():
    assert ranges([3, 4, 5, 9]) == "3 to 5, 9"
    assert ranges(list(range(0, 40, 2))) == "0, 2, 4, 6, 8, 10, 12, 14 and 12 more"


def test_the_command_brings_a_ledger_back_and_says_what_is_lost_for_good(tmp_path):
    terminal = terminal_house(tmp_path)
    shutil.copy(terminal.path, tmp_path / "backup.db")
    terminal.log("yard/1", truck("yard:T1"))
    terminal.log(
        "yard/1", truck("yard:T2") | {"documents": [{"kind": "weigh_ticket", "number": {"private": "WT-881"}, "sha256": "00" * 32}]}
    )
    terminal.admit("late")
    shutil.copy(tmp_path / "backup.db", terminal.path)
    refused = terminal.run("log", terminal.write("more.jsonl", truck("yard:T3")), "-k", terminal.keys["yard/1"])
    assert refused.code == 3
    assert "(4 are missing)" in refused.err
    assert "plumbline restore" in refused.err
    assert terminal.run("restore").code == 3
    sources = (terminal.keys["yard/1"], str(terminal.keys["late/1"]) + ".outbox")
    said = terminal.done("restore", *sources, "--dry-run")
    assert said.out.splitlines()[0] == "records 5 to 8 would be entered again; nothing was written"
    said = terminal.done("restore", *sources)
    assert said.out.splitlines()[0] == "records 5 to 8 were entered again"
    assert said.out.splitlines()[-1] == "  sealed fields among them: 1"
    assert said.err == "hint: what opens them was in the newer copy of the ledger; every check still holds without it\n"
    assert terminal.done("audit", "--json").json["holds"] is True
    assert terminal.done("restore", *sources).out.startswith("nothing is missing: the log is at size 9, ")
    assert terminal.done("restore", *sources, "--json").json["records"] == []
    refused = terminal.run("restore", tmp_path / "backup.db")
    assert refused.code == 2
    assert f"{tmp_path / 'backup.db'} is no key file with an outbox beside it, no outbox and no export" in refused.err


def test_of_many_orders_none_of_which_leads_to_the_root_so_many_are_tried(monkeypatch):
    monkeypatch.setattr("ledger.lost_end.TRIES", 50)
    books = Books()
    for party in ("keystone", "yard", "works"):
        books.admit(party)
    found = Found(roots={len(books.records): Hash(bytes(32))})
    for record in books.records[1:]:
        found.add(record)
    with pytest.raises(RollbackError) as refusal:
        order(found, head=Frontier().append(leaf_hash(books.records[0].note)), seqs={"registrar/1": 1}, size=len(books.records))
    assert str(refusal.value) == "of the records without a receipt 50 orders were tried, and none leads to the signed root"


def test_receipts_of_which_none_is_missing_but_that_do_not_lead_to_the_root_are_another_history():
    books = Books()
    books.admit("keystone")
    found = Found(roots={len(books.records): Hash(bytes(32))})
    for index, record in enumerate(books.records):
        found.place(index, record)
    with pytest.raises(RollbackError) as refusal:
        order(found, head=Frontier(), seqs={}, size=len(books.records))
    assert str(refusal.value) == f"the record found for index {len(books.records) - 1} does not lead to the root that was signed for"


def test_from_every_size_the_lost_records_come_back_and_the_log_is_what_it_was(tmp_path, each_store):
    house, copies, given = whole(tmp_path)
    entries, checkpoints = house.entries(), [appended.checkpoint for appended in given]
    for size, copy in enumerate(copies, start=1):
        house.put_back(copy)
        assert not house.audit().holds
        with pytest.raises(RollbackError):
            act(house, ACTS - 1)
        done = restore(house.log(), key_files(house))
        assert (done.before, done.size, len(done.records)) == (size, ACTS + 1, ACTS + 1 - size)
        assert house.entries() == entries
        with Store.open(house.path).reading() as view:
            assert [note for *_, note in Store.checkpoints(view)][1:] == checkpoints
        report = house.audit()
        assert (report.holds, [finding.code for finding in report.findings if finding.severity == "broken"]) == (True, [])
    house.desks.clear()
    again = house.desk("yard/1").write(house.log(), [[receipt("yard:C")]])
    assert again.receipts[0].index == ACTS + 1
    assert house.audit().holds


def test_records_whose_receipts_never_came_find_their_place_by_their_keys_and_the_signed_roots(tmp_path, each_store):
    house, copies, _ = whole(tmp_path)
    for key in ("keystone-1", "yard-1"):
        for file in (house.folder / f"{key}.key.outbox").glob("*.receipt"):
            file.unlink()
    entries = house.entries()
    house.put_back(copies[3])
    restore(house.log(), key_files(house))
    assert house.entries() == entries
    assert house.audit().holds
    house.desks.clear()
    assert len(house.desk("yard/1").resend(house.log()).receipts) == 5
    assert house.entries() == entries
