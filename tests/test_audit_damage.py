"""Damage by name: what a foreign hand does to the stored bytes, and what the audit says of it."""

import random
import sqlite3
from pathlib import Path

import pytest

from house import House, played
from ledger.mark import Mark, read_mark, write_mark
from ledger.replay import Replay, replay
from ledger.store.tables import PROJECTIONS


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    return played(tmp_path_factory.mktemp("played"))


@pytest.fixture
def copy(house, tmp_path):
    return house.copy(tmp_path / "copy")


def codes(report):
    return {finding.code for finding in report.findings if finding.severity == "broken"}


def lowest(done):
    return min(finding.index for finding in done.findings if finding.severity == "broken" and finding.index is not None)


def flipped(data, place, bit):
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


def first_bad(good, entry, *, hashes_only=False):
    """Replay one changed entry upon a good beginning, and return the first bad index.

    What does not hold is not folded in, so one beginning serves for many damages.
    """
    start = Replay(memory=good.memory, frontier=good.frontier, chain=good.chain, records=good.records)
    start.stopped = entry[0] if hashes_only else None
    roots = dict(start.memory.roots)
    start.take(entry, expected=start.records)
    start.memory.roots = roots
    return min((finding.index for finding in start.findings if finding.index is not None), default=None)


def test_a_ledger_that_nobody_touched_holds(house):
    done: list[int] = []
    report = house.audit(checkpoints=[])
    assert report.holds
    assert report.first_bad is None
    assert codes(report) == set()
    assert report.size == len(house.entries()) > 60
    assert report.counts["records"] == report.counts["checkpoints"] == report.size
    assert replay(house.entries(), progress=done.append).findings == []
    assert done == list(range(1, report.size + 1))


def test_a_bit_flipped_in_any_byte_of_a_small_entry_and_in_2000_at_random_is_found(house):
    numbers, entries, good = random.Random(1), house.entries(), Replay()
    small = min(range(3, len(entries)), key=lambda index: len(entries[index][1]))
    flips = 0
    for index, entry in enumerate(entries):
        _, record, leaf, chain = entry
        places = range(len(record)) if index == small else sorted(numbers.sample(range(len(record)), 20))
        for place in places:
            assert first_bad(good, (index, flipped(record, place, numbers.randrange(8)), leaf, chain)) == index, (index, place)
        for place in numbers.sample(range(32), 8):
            assert first_bad(good, (index, record, flipped(leaf, place, numbers.randrange(8)), chain), hashes_only=True) == index
            assert first_bad(good, (index, record, leaf, flipped(chain, place, numbers.randrange(8))), hashes_only=True) == index
        flips += len(places) + 16
        good.take(entry, expected=index)
        assert good.findings == []
    assert flips > 2000


@pytest.mark.parametrize("column", ["record", "leaf", "chain"])
def test_a_bit_flipped_in_a_stored_entry_breaks_the_audit_at_that_entry(house, tmp_path, column):
    numbers, entries = random.Random(column), house.entries()
    for number in range(14):
        index = numbers.randrange(len(entries))
        data = dict(zip(("record", "leaf", "chain"), entries[index][1:], strict=True))[column]
        damaged = flipped(data, numbers.randrange(len(data)), numbers.randrange(8))
        copy = house.copy(tmp_path / str(number))
        copy.sql(f"UPDATE entry SET {column} = ? WHERE idx = {index}", values=(damaged,))
        report = copy.audit()
        assert (report.holds, report.first_bad) == (False, index)


def test_a_record_changed_with_its_hashes_breaks_the_audit_at_its_signature(house, copy):
    from ledger.tlog import merkle

    index, record, _, _ = house.entries()[9]
    changed = record.replace(b"2026-03-02", b"2026-03-01", 1)
    leaf = merkle.leaf_hash(changed)
    chain = merkle.chain_next(merkle.Hash(house.entries()[8][3]), leaf)
    copy.sql("UPDATE entry SET record = ?, leaf = ?, chain = ? WHERE idx = 9", values=(changed, bytes(leaf), bytes(chain)))
    report = copy.audit()
    assert (report.holds, report.first_bad) == (False, index)
    assert "signature" in codes(report)


def test_each_deleted_entry_is_found_at_its_index_and_the_last_one_as_a_rollback(house):
    entries = house.entries()
    for index in range(len(entries) - 1):
        done = replay(entries[:index] + entries[index + 1 :])
        broken = [finding for finding in done.findings if finding.severity == "broken"]
        assert min(finding.index or 0 for finding in broken) == index
        assert broken[0].message == f"entry {index} is missing, the next one is {index + 1}"


@pytest.mark.parametrize("index", [0, 1, 7, -2, -1])
def test_a_deleted_row_is_found(house, copy, index):
    place = range(len(house.entries()))[index]
    copy.sql("DELETE FROM entry WHERE idx = ?", values=(place,))
    report = copy.audit()
    assert (report.holds, report.first_bad) == (False, place)


def test_a_tail_cut_off_anywhere_names_the_rolled_back_head(house, copy):
    """Entries and projections as they were at every size, checkpoints and mark as they are."""
    size = len(house.entries())
    for kept in range(size - 1, -1, -1):
        copy.sql("DELETE FROM entry WHERE idx >= ?", values=(kept,))
        if kept % 9 == 0 or kept > size - 4:
            report = copy.audit()
            assert (report.holds, report.size) == (False, kept)
            assert report.first_bad == kept
            assert "rollback" in codes(report)


def test_a_tail_cut_off_with_its_checkpoints_is_found_by_the_mark(house, copy):
    size = len(house.entries())
    kept = size - 5
    copy.sql(f"DELETE FROM entry WHERE idx >= {kept}", f"DELETE FROM checkpoint WHERE size > {kept}")
    report = copy.audit()
    assert (report.holds, report.first_bad) == (False, kept)
    message = f"the store holds {kept} records, {size} were signed for (5 are missing)"
    assert message in [finding.message for finding in report.findings if finding.code == "rollback"]


@pytest.mark.parametrize(("one", "other"), [(5, 6), (0, 1), (4, 30), (10, 20)])
def test_two_entries_swapped_are_found_at_the_first(copy, one, other):
    copy.sql(
        f"UPDATE entry SET idx = -1 WHERE idx = {one}",
        f"UPDATE entry SET idx = {one} WHERE idx = {other}",
        f"UPDATE entry SET idx = {other} WHERE idx = -1",
    )
    report = copy.audit()
    assert (report.holds, report.first_bad) == (False, one)


@pytest.mark.slow
def test_adjacent_swaps_and_inserted_copies_are_found_everywhere(house):
    entries = house.entries()
    for index in range(len(entries) - 1):
        one, other = entries[index], entries[index + 1]
        swapped = [*entries[:index], (index, *other[1:]), (index + 1, *one[1:]), *entries[index + 2 :]]
        assert lowest(replay(swapped[: index + 3])) == index
        inserted = [*entries[: index + 1], (index + 1, *one[1:])]
        assert lowest(replay(inserted)) == index + 1


def test_an_older_database_put_back_is_found_by_the_mark(tmp_path):
    old = played(tmp_path / "old", steps=20)
    size = len(old.entries())
    new = old.copy(tmp_path / "new")
    new.desks = {}
    new.admit("keystone")
    new.put_back(old)
    report = new.audit()
    assert (report.holds, report.first_bad, report.size) == (False, size, size)
    assert codes(report) == {"rollback"}


COLUMNS = [(table.name, column.name) for table in PROJECTIONS for column in table.c]


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=[".".join(names) for names in COLUMNS])
def test_an_edited_projection_is_found_in_every_column(copy, table, column):
    connection = sqlite3.connect(copy.path)
    count = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    connection.close()
    if not count:
        others = {"serial": "('S', 1, 2, 1280, 'yard:N1')", "claim": "('yard-RC-0001', 'yard', 'recycled-content', '{}')"}
        copy.sql(f"INSERT INTO {table} VALUES {others[table]}")
    else:
        value = f"CASE typeof({column}) WHEN 'integer' THEN {column} + 1000000 ELSE {column} || '+' END"
        places = f"(SELECT max({column}) FROM {table})"
        copy.sql(f"UPDATE {table} SET {column} = {value} WHERE {column} = {places}")
    report = copy.audit()
    assert not report.holds
    assert codes(report) == {"projection-differs"}
    found = next(finding for finding in report.findings if finding.code == "projection-differs")
    assert found.facts["table"] == table
    assert found.index is None or 0 <= found.index < report.size
    assert report.first_bad is not None or table == "claim"


def test_a_projections_row_names_the_record_that_it_comes_from(copy):
    size = copy.audit().size
    copy.sql("UPDATE batch SET state = replace(state, 'US', 'CA') WHERE position = 9 << 8 | 0")
    report = copy.audit()
    assert report.size == size
    assert report.first_bad in (9, None)
    for statement, index in (
        ("UPDATE party SET facts = '{}' WHERE id = 'works'", 4),
        ("UPDATE site SET facts = '{}' WHERE id = 'yard:shed'", 3),
        ("UPDATE key SET facts = '{}' WHERE name = 'yard/1'", 1),
        ("UPDATE record SET seen = 0 WHERE idx = 3", 3),
        ("DELETE FROM number WHERE position = 6 << 8", 6),
    ):
        other = House(copy.folder)
        assert isinstance(other.path, Path)
        before = other.path.read_bytes()
        other.sql("UPDATE batch SET state = replace(state, 'CA', 'US') WHERE position = 9 << 8 | 0", statement)
        found = [finding for finding in other.audit().findings if finding.code == "projection-differs"]
        assert found[-1].index == index or index in [finding.index for finding in found], statement
        other.path.write_bytes(before)


def test_a_row_too_many_of_nothing_that_is_known_names_no_record(copy):
    copy.sql("INSERT INTO party VALUES ('nobody', '{}')", "INSERT INTO key VALUES ('no/key', '00', '{}')")
    report = copy.audit()
    assert [(finding.facts["table"], finding.index, finding.message) for finding in report.findings if finding.severity == "broken"] == [
        ("party", None, "table party differs from what the records say (0 rows missing, 1 too many), first nobody {}"),
        ("key", None, "table key differs from what the records say (0 rows missing, 1 too many), first no/key 00 {}"),
    ]


def test_a_row_that_stands_twice_is_found_though_no_row_is_new(copy):
    copy.sql("INSERT INTO posting SELECT * FROM posting LIMIT 1")
    report = copy.audit()
    assert codes(report) == {"projection-differs"}
    message = next(finding.message for finding in report.findings if finding.severity == "broken")
    assert message.startswith("table posting differs from what the records say (0 rows missing, 1 too many), first ")
    assert len(message) < 200


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE checkpoint SET root = x'00' WHERE size = 7", "checkpoint-row"),
        ("UPDATE checkpoint SET time = time + 1 WHERE size = 7", "checkpoint-row"),
        ("UPDATE checkpoint SET time = 'noon' WHERE size = 7", "checkpoint-row"),
        ("UPDATE checkpoint SET size = 5000 WHERE size = 7", "checkpoint-row"),
        ("UPDATE checkpoint SET note = x'00' WHERE size = 7", "checkpoint-signature"),
        ("UPDATE checkpoint SET note = 'text' WHERE size = 7", "checkpoint-signature"),
        ("UPDATE checkpoint SET note = (SELECT note FROM checkpoint WHERE size = 6) WHERE size = 7", "checkpoint-row"),
        ("DELETE FROM checkpoint WHERE size = 7", "checkpoint-missing"),
        ("DELETE FROM checkpoint WHERE size = (SELECT max(size) FROM checkpoint)", "checkpoint-missing"),
        ("UPDATE meta SET value = 'zz' WHERE name = 'frontier'", "projection-differs"),
        ("UPDATE meta SET value = substr(value, 1, 16) || '00' || substr(value, 19) WHERE name = 'frontier'", "projection-differs"),
        (
            "UPDATE meta SET value = (SELECT value FROM meta WHERE name = 'frontier') || '00' WHERE name = 'frontier_signed'",
            "store-damaged",
        ),
        ("UPDATE meta SET value = '0000000000000000' WHERE name = 'frontier_signed'", "projection-differs"),
        ("UPDATE meta SET value = replace(value, 'ledger.example', 'other.example') WHERE name = 'facts'", "projection-differs"),
        ("DELETE FROM meta WHERE name = 'facts'", "projection-differs"),
        ("DELETE FROM meta", "projection-differs"),
    ],
)
def test_what_stands_beside_the_entries_is_checked_too(copy, statement, code):
    copy.sql(statement)
    report = copy.audit()
    assert not report.holds
    assert code in codes(report)


def test_a_trigger_that_was_taken_away_or_changed_is_found(copy):
    connection = sqlite3.connect(copy.path)
    connection.execute("DROP TRIGGER entry_is_append_only_delete")
    connection.close()
    report = copy.audit()
    assert [finding.message for finding in report.findings if finding.severity == "broken"] == [
        "the store is damaged: trigger entry_is_append_only_delete is missing or changed"
    ]


@pytest.mark.parametrize("change", ["size", "root", "ledger"])
def test_an_edited_mark_is_found(copy, change):
    mark = read_mark(copy.mark)
    assert mark is not None
    facts = {"ledger": mark.ledger, "size": mark.size, "root": mark.root}
    facts[change] = mark.size + 1 if change == "size" else ("0" if mark.root[0] != "0" else "1") + str(facts[change])[1:]
    write_mark(copy.mark, Mark(str(facts["ledger"]), int(str(facts["size"])), str(facts["root"])))
    report = copy.audit()
    assert not report.holds
    assert "rollback" in codes(report)
    assert report.first_bad == (report.size if change == "size" else None)


def test_an_entry_that_is_no_record_at_all_is_found(copy):
    copy.sql("UPDATE entry SET record = 'text', leaf = 5, chain = 1.5 WHERE idx = 0")
    report = copy.audit()
    assert (report.holds, report.first_bad) == (False, 0)
    assert {"leaf-mismatch", "record-unreadable", "chain-mismatch"} <= codes(report)


def rows(path):
    """Return every row that the audit vouches for: all but paths, openings and credentials."""
    connection = sqlite3.connect(path)
    names = ("entry", "checkpoint", "equivocation", *(table.name for table in PROJECTIONS))
    found = {name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr) for name in names}
    found["meta"] = connection.execute("SELECT name, value FROM meta WHERE name LIKE 'f%' ORDER BY name").fetchall()
    connection.close()
    return found


@pytest.mark.slow
def test_no_bit_flipped_in_the_file_passes_for_another_log_and_none_ends_in_a_traceback(house, tmp_path):
    numbers, good = random.Random(3), house.audit()
    copy = house.copy(tmp_path / "copy")
    data, entries, before = house.path.read_bytes(), house.entries(), rows(house.path)
    refused = 0
    for _ in range(200):
        place = numbers.randrange(len(data))
        copy.path.write_bytes(flipped(data, place, numbers.randrange(8)))
        report = copy.audit()
        refused += not report.holds
        if report.holds:
            assert report.root == good.root, place
            assert copy.entries() == entries, place
            assert rows(copy.path) == before, place
    assert refused > 50


@pytest.mark.parametrize("data", [b"", b"SQLite format 3\0", b"x" * 5000])
def test_a_file_that_is_no_database_any_more_is_a_finding(copy, data):
    copy.path.write_bytes(data)
    report = copy.audit()
    assert not report.holds
    assert report.size == 0


def test_pages_that_cannot_be_read_break_the_audit_where_they_begin(copy):
    data = bytearray(copy.path.read_bytes())
    size = 4096
    connection = sqlite3.connect(copy.path)
    root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'entry'").fetchone()[0]
    connection.close()
    data[(root - 1) * size : root * size] = b"\xff" * size
    copy.path.write_bytes(data)
    report = copy.audit()
    assert (report.holds, report.first_bad) == (False, 0)
    assert "entry-unreadable" in codes(report)
