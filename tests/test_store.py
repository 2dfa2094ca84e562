"""The store, in a file and on a server: one writer at a time, append-only tables, schema versions."""

import threading

import pytest

from house import House, receipt
from ledger import policy
from ledger.errors import ConflictError, StoreError, StoreVersionError
from ledger.store.migrations import Migration, migrate
from ledger.store.store import Store
from ledger.tlog.merkle import EMPTY_ROOT

pytestmark = pytest.mark.usefixtures("each_store")


@pytest.fixture
def house(tmp_path):
    house = House.found(tmp_path)
    house.admit("keystone")
    return house


def test_every_writer_takes_the_write_lock_when_it_begins(house):
    one, other = Store.open(house.path), Store.open(house.path, busy_seconds=0.05)
    with one.writing(), pytest.raises(ConflictError), other.writing():
        raise AssertionError("two writers at a time")


def test_readers_see_one_state_while_somebody_writes(house):
    one, other = Store.open(house.path), Store.open(house.path)
    with one.reading() as view:
        assert view.size == 3
        writer = threading.Thread(target=house.write, args=("keystone/1", receipt("keystone:A")))
        if house.on_server:
            writer.start()
            writer.join()
        assert view.size == 3
    if not house.on_server:  # a file's writer waits for its readers
        writer.start()
        writer.join()
    with other.reading() as view:
        assert view.size == 4


@pytest.mark.parametrize(
    ("table", "key", "column"),
    [
        ("entry", "idx", "chain"),
        ("checkpoint", "size", "note"),
        ("equivocation", "record_id", "record"),
        ("cosignature", "size, name, key_id", "line"),
        ("attestation", "size, auditor, note", "note"),
    ],
)
def test_evidence_cannot_be_changed_or_taken_away_through_the_stores_connection(house, table, key, column):
    store = Store.open(house.path)
    with store.writing() as view:
        view.connection.exec_driver_sql(house.words("INSERT INTO equivocation VALUES ('a', 'k', 0, x'01')"))
        Store.add_cosignatures(view, 1, [("k", "a", 0, b"line\n")])
        Store.keep_attestation(view, 1, "a", b"\1")
    before = house.kept.content()
    for statement in (
        f"UPDATE {table} SET {column} = x'00'",
        f"DELETE FROM {table}",
        f"INSERT INTO {table} SELECT * FROM {table} WHERE true ON CONFLICT ({key}) DO UPDATE SET {column} = x'00'",
    ):
        with pytest.raises(StoreError) as refusal, store.writing() as view:
            view.connection.exec_driver_sql(house.words(statement))
        assert str(refusal.value) == f"{house.path} is damaged or no ledger: table {table} is append-only"
        assert house.kept.content() == before


def test_a_locked_store_is_a_conflict_after_a_while_and_nothing_is_written(house):
    before = house.files()
    with house.kept.locked(), pytest.raises(ConflictError) as refusal:
        house.desk("registrar/1").write(house.log(busy_seconds=0.05), [[{"type": "admit"}]])
    assert str(refusal.value) == f"{house.path} is locked by another writer"
    assert refusal.value.hint == "nothing was written; try again when the other program is done"
    assert refusal.value.exit_code == 3
    assert house.files() == before


def test_a_writer_waits_for_another_one_to_be_done(house):
    with house.kept.locked() as let_go:
        later = threading.Timer(0.1, let_go)
        later.start()
        house.write("keystone/1", receipt("keystone:A"))
        later.join()


def test_record_0_names_the_rule_data_that_this_program_carries(house):
    rules = policy.load()
    with Store.open(house.path).reading() as view:
        assert view.facts is not None
        assert (view.facts.policy, view.facts.policy_sha256) == (rules.version, rules.sha256)
        assert view.root_at(0) == EMPTY_ROOT
        assert view.root_at(99) is None


# Schema versions


def test_another_schema_version_is_refused(house):
    for value, shown in (("0", "0"), ("2", "2"), ("4", "4")):
        house.sql("UPDATE meta SET value = ? WHERE name = 'schema'", values=(value,))
        with pytest.raises(StoreVersionError) as refusal:
            Store.open(house.path)
        assert str(refusal.value) == f"{house.path} has schema version {shown}, this program writes 3"
        assert refusal.value.exit_code == 3
    house.sql("DELETE FROM meta WHERE name = 'schema'")
    with pytest.raises(StoreVersionError, match="has schema version none, this program writes 3$"):
        Store.open(house.path)


COLOUR = Migration(4, ("ALTER TABLE party ADD COLUMN colour TEXT", "UPDATE party SET colour = 'grey'"))


def test_a_migration_changes_tables_in_one_step_and_no_signed_byte(house):
    before = house.entries()
    assert migrate(house.path) == []
    assert migrate(house.path, migrations=[COLOUR, Migration(5, ("DROP TABLE opening",))], target=5) == [4, 5]
    assert house.entries() == before
    with Store(house.path).reading() as view:
        assert Store.remembered(view, "schema") == "5"
    with pytest.raises(StoreVersionError, match="has schema version 5, this program writes 3$"):
        Store.open(house.path)
    with pytest.raises(StoreVersionError) as refusal:
        migrate(house.path)
    assert str(refusal.value) == f"{house.path} has schema version 5, this program cannot bring it to 3"


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO entry VALUES (99, x'00', x'00', x'00')",
        "INSERT INTO checkpoint VALUES (99, x'00', 0, x'00')",
        "INSERT INTO equivocation VALUES ('a', 'k', 0, x'00')",
        "INSERT INTO cosignature VALUES (1, 'w', '00', 0, x'00')",
        "INSERT INTO attestation VALUES (1, 'a', x'00')",
    ],
)
def test_a_migration_that_would_change_signed_bytes_changes_nothing(house, statement):
    before = house.kept.content()
    with pytest.raises(StoreError) as refusal:
        migrate(house.path, migrations=[Migration(4, (*COLOUR.statements, house.words(statement)))], target=4)
    assert str(refusal.value) == f"bringing {house.path} to schema version 4 would change signed bytes; nothing was changed"
    assert house.kept.content() == before


def test_a_migration_that_fails_or_is_missing_changes_nothing(house):
    before = house.kept.content()
    with pytest.raises(StoreError, match='no such table: nowhere$|table "nowhere" does not exist$'):
        migrate(house.path, migrations=[Migration(4, (*COLOUR.statements, "DROP TABLE nowhere"))], target=4)
    with pytest.raises(StoreVersionError, match="has schema version 3, this program cannot bring it to 5$"):
        migrate(house.path, migrations=[COLOUR], target=5)
    assert house.kept.content() == before
