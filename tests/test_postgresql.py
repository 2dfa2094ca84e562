"""A ledger on a PostgreSQL server: what it is opened by, what it refuses to rest on, who may write, and another writer in between."""

import sys
import time
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy.exc import ArgumentError, DBAPIError

from books import ORIGIN, TIME
from house import NONCE, Clock, House, admission, receipt, seeds, waiting
from keyring import signer
from ledger import founding
from ledger.errors import AmountError, ConflictError, FormatError, InstallationError, SerializationError, StoreError
from ledger.founding import Founding, found
from ledger.log import Log, append
from ledger.store.place import Address, place_of
from ledger.store.store import ATTEMPTS, Store, retried

pytestmark = pytest.mark.usefixtures("on_server")


@pytest.fixture
def on_server(server, monkeypatch):
    monkeypatch.setattr(House, "server", server)
    return server


@pytest.fixture
def house(tmp_path, on_server):
    house = House.found(tmp_path)
    house.admit("keystone")
    return house


# Addresses


@pytest.mark.parametrize(
    ("named", "shown"),
    [
        ("postgresql+psycopg://host/db", "postgresql+psycopg://host/db"),
        ("postgresql://u@host:5433/db", "postgresql+psycopg://u@host:5433/db"),
        ("postgres://u:s3cret@[::1]:5433/db?sslmode=require", "postgresql+psycopg://u:***@[::1]:5433/db?sslmode=require"),
        ("postgresql://:s3cret@/db?host=/run/pg", "postgresql+psycopg://:***@/db?host=/run/pg"),
        ("postgresql:///db?password=s3cret&host=h", "postgresql+psycopg:///db?password=***&host=h"),
        ("postgresql:///db?host=h&sslpassword=s3cret", "postgresql+psycopg:///db?host=h&sslpassword=***"),
        ("postgresql://u:@h/db", "postgresql+psycopg://u:***@h/db"),
    ],
)
def test_an_address_is_read_and_shown_without_its_password(named, shown):
    place = place_of(named)
    assert isinstance(place, Address)
    assert (str(place), repr(place)) == (shown, f"Address({shown!r})")
    assert place.text.partition(":")[2] == named.partition(":")[2]


@pytest.mark.parametrize(
    "named",
    [
        "postgresql://u:s3c@ret@host/db",
        "postgresql://host",
        "postgresql://host/",
        "postgresql:///",
        "postgresql://h:port/db",
        "postgresql://h/a/b",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(named):
    with pytest.raises(FormatError) as refusal:
        place_of(named)
    assert str(refusal.value) == "the address of the ledger is none that this program reads"
    assert refusal.value.hint == (
        "give postgresql+psycopg://USER@HOST/DATABASE; a character with a meaning in an address is written as %40 is for @"
    )


def test_a_server_that_is_not_there_or_has_no_such_database_is_named_without_a_password(on_server, tmp_path):
    place = Address(f"postgresql+psycopg://somebody:s3cret@/ledger?host={tmp_path}")
    with pytest.raises(StoreError) as refusal:
        Store.open(place)
    said = str(refusal.value)
    assert said.startswith(f"postgresql+psycopg://somebody:***@/ledger?host={tmp_path} cannot be reached: ")
    assert said.endswith("No such file or directory")
    assert refusal.value.hint == "look whether the server runs, and at the address, PGHOST and ~/.pgpass"
    place = on_server.address("nowhere")
    with pytest.raises(StoreError, match='cannot be reached: .*database "nowhere" does not exist$'):
        Store.open(place)


def test_what_an_address_leaves_out_comes_from_the_environment(house, monkeypatch, on_server):
    monkeypatch.setenv("PGHOST", str(on_server.folder))
    monkeypatch.setenv("PGUSER", "postgres")
    name = house.path.text.partition("@/")[2].partition("?")[0]
    with Store.open(place_of(f"postgresql:///{name}")).reading() as view:
        assert view.size == 3


def test_a_database_without_a_ledger_is_refused(on_server):
    place = on_server.address(on_server.new_database())
    with pytest.raises(StoreError) as refusal:
        Store.open(place)
    assert str(refusal.value) == f"{place} is no ledger: it has no table meta"


def test_without_the_driver_a_ledger_on_a_server_says_what_to_install(house, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "ledger.store.postgresql")
    with pytest.raises(InstallationError) as refusal:
        Store.open(house.path)
    assert str(refusal.value) == "a ledger on a PostgreSQL server needs psycopg, which is not installed"
    assert refusal.value.hint == "pip install 'plumbline-ledger[postgresql]'"


# Founding


def founded(place, keys, **changes):
    given = {"place": place, "keys": keys, "origin": ORIGIN, "passphrase": None, "nonce": NONCE, "made": TIME}
    return found(Founding(**given | changes), clock=Clock(), seed=seeds())


def test_keys_are_remembered_by_their_whole_path_and_a_ledger_is_never_made_over_another(on_server, tmp_path, monkeypatch):
    place = on_server.address(on_server.new_database())
    monkeypatch.chdir(tmp_path)
    founded(place, tmp_path / "keys")
    with Store.open(place).reading() as view:
        assert Store.remembered(view, "log_key") == str(tmp_path / "keys" / "log.key")
    with pytest.raises(StoreError) as refusal:
        founded(place, tmp_path / "others")
    assert str(refusal.value) == f"{place} holds tables already"
    assert refusal.value.hint == "give a database of its own; a ledger is never overwritten"


def test_a_founding_that_fails_leaves_an_empty_database(on_server, tmp_path, monkeypatch):
    place = on_server.address(on_server.new_database())

    def refuse(*_, **__):
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(founding, "append", refuse)
        with pytest.raises(StoreError, match="^the disk is full$"):
            founded(place, tmp_path / "keys")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert founded(place, tmp_path / "keys").trust.exists()


# Settings


@contextmanager
def weakened(server, name, value):
    """Set something for the whole server, and set it back."""
    for statement, want in ((f"ALTER SYSTEM SET {name} = {value}", value), (f"ALTER SYSTEM RESET {name}", "on")):
        server.do(statement, "SELECT pg_reload_conf()")
        with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
            for _ in range(500):
                row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
                if row is not None and row[0] == want:
                    break
                time.sleep(0.01)
        if want == value:
            yield


def test_the_settings_that_the_store_rests_on_are_in_force(house):
    found = Store.open(house.path).settings()
    assert found.pop("server_version").startswith("18")
    assert found == {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "integrity": "ok",
    }


@pytest.mark.parametrize(
    ("name", "value", "want"),
    [
        ("fsync", "off", "on"),
        ("full_page_writes", "off", "on"),
        ("synchronous_commit", "off", "on or remote_apply or remote_write"),
        ("synchronous_commit", "local", "on or remote_apply or remote_write"),
    ],
)
def test_a_server_that_would_lose_what_it_acknowledged_is_refused_at_the_start_and_by_every_writer(house, on_server, name, value, want):
    store, before = Store.open(house.path), house.files()
    empty = on_server.address(on_server.new_database())
    with weakened(on_server, name, value):
        for place, attempt in (
            (house.path, lambda: Store.open(house.path)),
            (house.path, lambda: append(Log(store, signer(ORIGIN), house.mark, house.clock), lambda _: [])),
            (empty, lambda: Store.create(empty)),
        ):
            with pytest.raises(StoreError) as refusal:
                attempt()
            problem = f"would lose what it acknowledged in a power cut: {name} is {value}, it has to be {want}"
            assert str(refusal.value) == f"{place} {problem}"
            assert refusal.value.hint == f"look for {name} in postgresql.conf, ALTER DATABASE and ALTER ROLE; nothing was written"
            assert refusal.value.exit_code == 3
        assert house.audit().holds  # whoever only looks may look
    assert house.files() == before
    house.write("keystone/1", receipt("keystone:A"))


def test_a_standby_that_is_waited_for_is_as_good(house):
    name = house.path.text.partition("@/")[2].partition("?")[0]
    for value in ("remote_write", "remote_apply"):
        house.server.do(f"ALTER DATABASE {name} SET synchronous_commit = {value}")
        house.write("keystone/1", receipt(f"keystone:{value.upper()}".replace("_", "-")))


def test_a_database_that_is_read_only_says_so(house):
    name = house.path.text.partition("@/")[2].partition("?")[0]
    house.server.do(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(StoreError) as refusal:
        house.write("keystone/1", receipt("keystone:A"))
    assert str(refusal.value) == f"{house.path} cannot be written: it is read-only"
    assert refusal.value.hint == "look at default_transaction_read_only, and whether it is a standby"


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        ("53100", StoreError, "{} cannot be written: the disk is full"),
        ("57P01", StoreError, "{} cannot be reached: it was said"),
        ("57P03", StoreError, "{} cannot be reached: it was said"),
        ("40P01", SerializationError, "{}: another writer got in between"),
        ("55P03", ConflictError, "{} is locked by another writer"),
        ("22003", AmountError, "a mass is beyond 2^63 - 1 mg, more than a ledger holds"),
        ("23505", StoreError, "{} is damaged or no ledger: it was said"),
        ("XX001", StoreError, "{} is damaged or no ledger: it was said"),
        ("42P01", StoreError, "{} cannot be read or written: it was said"),
    ],
)
def test_what_the_server_cannot_do_is_said_in_our_words(code, error, message):
    place = Address("postgresql+psycopg://host/db")
    cause = psycopg.errors.lookup(code)("it was said\nin two lines")
    with pytest.raises(error) as refusal, Store(place).database.explained():
        raise DBAPIError("SELECT", {}, cause)
    assert str(refusal.value) == message.format(place)


def test_a_fault_in_the_use_of_the_server_is_no_traceback():
    database = Store(Address("postgresql+psycopg://host/db")).database
    with pytest.raises(StoreError, match="//host/db cannot be read or written: an argument$"), database.explained():
        raise ArgumentError("an argument")


# Evidence


def test_a_table_of_evidence_cannot_be_emptied_not_even_as_a_replica(house):
    before = house.files()
    for statement in ("TRUNCATE entry CASCADE", "SET LOCAL session_replication_role = replica; DELETE FROM entry"):
        with pytest.raises(StoreError, match="table entry is append-only$"), Store.open(house.path).writing() as view:
            view.connection.exec_driver_sql(statement)
    assert house.files() == before


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TRIGGER entry_is_append_only_delete ON entry",
        "ALTER TABLE entry DISABLE TRIGGER entry_is_append_only_delete",
        "ALTER TABLE entry ENABLE TRIGGER entry_is_append_only_delete",
        (
            "CREATE OR REPLACE TRIGGER entry_is_append_only_delete BEFORE DELETE ON entry FOR EACH STATEMENT WHEN (false) "
            "EXECUTE FUNCTION table_is_append_only()"
        ),
    ],
)
def test_a_trigger_that_was_taken_away_or_changed_is_found(house, statement):
    with Store.open(house.path).writing() as view:
        view.connection.exec_driver_sql(statement)
    assert [finding.message for finding in house.audit().findings if finding.severity == "broken"] == [
        "the store is damaged: trigger entry_is_append_only_delete is missing or changed"
    ]


def test_a_trigger_that_does_nothing_any_more_is_found(house):
    with Store.open(house.path).writing() as view:
        view.connection.exec_driver_sql(
            "CREATE OR REPLACE FUNCTION table_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$"
        )
    assert len([finding for finding in house.audit().findings if finding.severity == "broken"]) == 15


@pytest.mark.parametrize(
    ("statement", "code", "index"),
    [
        ("UPDATE entry SET record = overlay(record placing '\\x41' from 300) WHERE idx = 1", "leaf-mismatch", 1),
        ("UPDATE entry SET leaf = '\\x00' WHERE idx = 1", "leaf-mismatch", 1),
        ("DELETE FROM entry WHERE idx = 2", "rollback", 2),
        ("UPDATE checkpoint SET time = time + 1 WHERE size = 2", "checkpoint-row", None),
        ("UPDATE posting SET mass = mass + 1", "projection-differs", 3),
        ("UPDATE meta SET value = 'zz' WHERE name = 'frontier'", "projection-differs", None),
    ],
)
def test_what_a_foreign_hand_does_is_found(house, statement, code, index):
    house.write("keystone/1", receipt("keystone:A"))
    house.sql(statement)
    report = house.audit()
    found = [finding for finding in report.findings if finding.severity == "broken"]
    assert code in {finding.code for finding in found}
    assert index is None or report.first_bad == index


def test_a_role_for_everyday_work_writes_records_and_can_change_no_evidence(house):
    with Store.open(house.path).reading() as view:
        statements = Store(house.path).database.rights(view.connection, 'a "clerk"')
    name = house.path.text.partition("@/")[2].partition("?")[0]
    house.server.do(*statements, database=name)
    house.path = house.server.address(name, user="a%20%22clerk%22")
    house.write("keystone/1", receipt("keystone:A"))
    house.write("registrar/1", admission("voltaic"))
    assert house.audit().holds
    before = house.kept.content()
    for statement, problem in (
        ("UPDATE entry SET chain = chain", "permission denied for table entry"),
        ("DELETE FROM checkpoint", "permission denied for table checkpoint"),
        ("TRUNCATE attestation", "permission denied for table attestation"),
        ("DROP TRIGGER entry_is_append_only_delete ON entry", "must be owner of relation entry"),
        ("ALTER TABLE entry DISABLE TRIGGER ALL", "must be owner of table entry"),
        ("DROP TABLE meta", "must be owner of table meta"),
    ):
        with pytest.raises(StoreError) as refusal, Store.open(house.path).writing() as view:
            view.connection.exec_driver_sql(statement)
        assert str(refusal.value) == f"{house.path} refuses: {problem}"
        assert refusal.value.hint == "`plumbline role` prints the rights that a role needs"
    assert house.kept.content() == before


# Another writer in between


class Intruder:
    """Changes a row behind the lock, so often at most, and counts how often it was asked."""

    def __init__(self, house):
        self.house = house
        self.asked = 0

    def __call__(self, view, *, times):
        self.asked += 1
        view.party("keystone")
        if self.asked <= times:
            with psycopg.connect(self.house.server.conninfo(self.house.kept.database)) as other:
                other.execute("UPDATE party SET facts = facts")
        view.connection.exec_driver_sql("UPDATE party SET facts = facts")


@pytest.fixture
def intruder(house):
    return Intruder(house)


def test_a_unit_of_work_is_begun_again_where_another_writer_got_in_between(house, intruder):
    store = Store.open(house.path)

    def unit(times):
        with store.writing() as view:
            Store.remember(view, "tries", str(intruder.asked))
            intruder(view, times=times)

    retried(lambda: unit(ATTEMPTS - 1))
    with store.reading() as view:
        assert Store.remembered(view, "tries") == str(ATTEMPTS - 1)
    intruder.asked = 0
    with pytest.raises(SerializationError) as refusal:
        retried(lambda: unit(99))
    assert intruder.asked == ATTEMPTS
    assert str(refusal.value) == f"{house.path}: another writer got in between"
    assert (refusal.value.hint, refusal.value.exit_code) == ("nothing was written; try again", 3)


def test_a_record_whose_transaction_is_begun_again_is_signed_kept_and_logged_once(house, intruder, monkeypatch):
    fold = Store.fold
    monkeypatch.setattr(Store, "fold", lambda view, changes, **more: (intruder(view, times=2), fold(view, changes, **more)))
    desk = house.desk("keystone/1")
    packs = [[receipt("keystone:A")], [receipt("keystone:A")], [receipt("keystone:B")]]
    appended = desk.write(house.log(), packs, keep_going=True)
    assert [given.record.header.seq for given in appended.receipts] == [1, 2]
    assert [(refusal.pack, str(refusal.error)) for refusal in desk.refusals] == [(1, "batch keystone:A exists already")]
    assert waiting(house) == []
    assert len(house.entries()) == 5
    intruder.asked = 0
    monkeypatch.setattr(Store, "fold", lambda view, changes, **more: (intruder(view, times=99), fold(view, changes, **more)))
    with pytest.raises(SerializationError):
        desk.write(house.log(), [[receipt("keystone:C")]])
    assert waiting(house) == []
    monkeypatch.setattr(Store, "fold", fold)
    assert house.write("keystone/1", receipt("keystone:C")).receipts[0].index == 5
    assert house.audit().holds
