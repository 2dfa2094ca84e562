"""The store's file: its settings, and what it says when it cannot be made, opened, read or written."""

import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.exc import ArgumentError

from books import ORIGIN, TIME
from house import NONCE, Clock, House, seeds
from ledger import founding
from ledger.errors import ConflictError, FormatError, KeyFileError, StoreError
from ledger.founding import Founding, found, trust_of
from ledger.store.sqlite import explained
from ledger.store.store import Store


@pytest.fixture
def house(tmp_path):
    house = House.found(tmp_path)
    house.admit("keystone")
    return house


def test_a_row_of_evidence_cannot_be_replaced(house):
    """`INSERT OR REPLACE` deletes without the triggers, unless SQLite is told otherwise."""
    before = house.path.read_bytes()
    with pytest.raises(StoreError, match="table entry is append-only$"), Store.open(house.path).writing() as view:
        view.connection.exec_driver_sql("INSERT OR REPLACE INTO entry VALUES (1, x'00', x'00', x'00')")
    assert house.path.read_bytes() == before


def test_the_settings_that_the_store_rests_on_are_in_force(house):
    found = Store.open(house.path).settings()
    assert found.pop("sqlite_version") == sqlite3.sqlite_version
    assert found == {
        "journal_mode": "delete",
        "synchronous": "3",
        "foreign_keys": "1",
        "recursive_triggers": "1",
        "trusted_schema": "0",
        "cell_size_check": "1",
        "secure_delete": "1",
        "integrity": "ok",
    }


def test_a_store_that_is_locked_against_readers_is_a_conflict_too(house):
    other = sqlite3.connect(house.path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ConflictError) as refusal:
        Store.open(house.path, busy_seconds=0.05)
    assert str(refusal.value) == f"{house.path} is locked by another writer"
    other.close()


def test_a_full_disk_leaves_everything_as_it_was(house):
    store = Store.open(house.path)
    before = house.path.read_bytes()
    with pytest.raises(StoreError) as refusal, store.writing() as view:
        pages = view.connection.exec_driver_sql("PRAGMA page_count").scalar()
        view.connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        for number in range(100):
            Store.remember(view, f"much {number}", "x" * 4000)
    assert str(refusal.value) == f"{house.path} cannot be written: the disk is full"
    assert refusal.value.hint == "nothing was written; free space and try again"
    assert house.path.read_bytes() == before


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        ("attempt to write a readonly database", "{} cannot be written: it is read-only"),
        ("disk I/O error", "{} cannot be read or written: disk I/O error"),
        ("unable to open database file", "{} cannot be read or written: unable to open database file"),
    ],
)
def test_what_the_database_cannot_do_is_said_in_our_words(house, problem, message):
    store = Store.open(house.path)

    class Refusing:
        def exec_driver_sql(self, *_):
            from sqlalchemy.exc import OperationalError

            raise OperationalError("", {}, sqlite3.OperationalError(problem))

    with pytest.raises(StoreError) as refusal, store.writing():
        Refusing().exec_driver_sql()
    assert str(refusal.value) == message.format(house.path)


def test_a_fault_in_the_use_of_the_database_is_no_traceback(tmp_path):
    with pytest.raises(StoreError, match="^/made/up cannot be read or written: an argument$"), explained(tmp_path / "/made/up"):
        raise ArgumentError("an argument")


def test_a_ledger_that_the_system_does_not_let_be_looked_for_is_refused_in_our_words(tmp_path, monkeypatch):
    def failing(path, **_):
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr(Path, "stat", failing)
    for look in (Store.open, Store.create):
        with pytest.raises(StoreError, match=f"^{tmp_path / 'ledger.db'} cannot be read or written: Input/output error$"):
            look(tmp_path / "ledger.db")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="asks for another user's rights")
def test_a_read_only_file_and_folder_can_be_read_and_are_not_written(house):
    """As another user than the file's owner, for a superuser may write everything."""
    if os.getuid() == 0:
        for path in (house.folder, *house.folder.parents):
            if path.stat().st_mode & 0o055 != 0o055 and path != path.parent:
                path.chmod(0o755)
    house.path.chmod(0o444)
    house.folder.chmod(0o555)
    child = os.fork()
    if not child:  # pragma: no cover - in the child
        answer = 1
        try:
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            store = Store.open(house.path)
            try:
                with store.writing() as view:
                    Store.remember(view, "a", "b")
            except StoreError as refusal:
                answer = 0 if str(refusal) == f"{house.path} cannot be written: it is read-only" else 3
        finally:
            os._exit(answer)
    _, status = os.waitpid(child, 0)
    house.folder.chmod(0o755)
    assert os.waitstatus_to_exitcode(status) == 0


def test_what_is_no_ledger_is_not_opened(tmp_path):
    missing, text, empty, other, odd = (tmp_path / name for name in ("missing", "text", "empty", "other.db", "odd.db"))
    text.write_bytes(b"this is no database at all" * 100)
    empty.write_bytes(b"")
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE people (name)")
    connection.close()
    connection = sqlite3.connect(odd)
    connection.execute("CREATE TABLE meta (colour)")
    connection.close()
    for path, message in (
        (missing, f"there is no ledger at {missing}"),
        (tmp_path, f"{tmp_path} is a folder, not a ledger"),
        (text, f"{text} is damaged or no ledger: file is not a database"),
        (empty, f"{empty} is no ledger: it has no table meta"),
        (other, f"{other} is no ledger: it has no table meta"),
        (odd, f"{odd} cannot be read or written: no such column: meta.value"),
    ):
        before = path.read_bytes() if path.is_file() else None
        with pytest.raises(StoreError) as refusal:
            Store.open(path)
        assert str(refusal.value) == message
        assert refusal.value.exit_code == 3
        assert (path.read_bytes() if path.is_file() else None) == before


def test_a_ledger_is_never_made_over_something_or_without_a_folder(tmp_path):
    (tmp_path / "there").write_text("x")
    with pytest.raises(StoreError, match=f"^{tmp_path / 'there'} exists already$"):
        Store.create(tmp_path / "there")
    with pytest.raises(StoreError, match=f"^{tmp_path / 'no'} is no folder$"):
        Store.create(tmp_path / "no" / "ledger.db")


def test_a_store_that_cannot_be_made_whole_is_not_left_half_made(tmp_path, monkeypatch):
    monkeypatch.setattr("ledger.store.tables.EVIDENCE", ("entry", "nonsense"))
    with pytest.raises(StoreError, match="no such table: main.nonsense$"):
        Store.create(tmp_path / "ledger.db")
    assert list(tmp_path.iterdir()) == []


def test_a_path_may_hold_any_character(tmp_path):
    house = House.found(tmp_path)
    odd = tmp_path / "a?mode=ro&b#c%41 d.db"
    Path(str(house.path)).rename(odd)
    with Store.open(odd).writing() as view:
        Store.remember(view, "a", "b")
    assert odd.exists()


# Founding


def facts(tmp_path, **changes):
    given = {"place": tmp_path / "ledger.db", "keys": tmp_path / "keys", "origin": ORIGIN, "passphrase": None, "nonce": NONCE, "made": TIME}
    return Founding(**given | changes)


def founded(given):
    return found(given, clock=Clock(), seed=seeds())


def test_a_founding_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise StoreError("the disk is full")

    for place in ("replace_file", "append"):
        with monkeypatch.context() as patch:
            patch.setattr(founding, place, refuse)
            with pytest.raises(StoreError, match="^the disk is full$"):
                founded(facts(tmp_path))
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    made = founded(facts(tmp_path))
    assert made.trust.exists()


def test_a_founding_over_something_is_refused(tmp_path):
    founded(facts(tmp_path))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for given, error, message in (
        (facts(tmp_path), StoreError, f"{tmp_path / 'ledger.db'} exists already"),
        (facts(tmp_path, place=tmp_path / "b.db"), StoreError, f"{tmp_path / 'keys' / 'mark'} belongs to another ledger"),
        (facts(tmp_path, place=tmp_path / "no" / "b.db"), StoreError, f"{tmp_path / 'no'} is no folder"),
        (facts(tmp_path, place=tmp_path / "b.db", keys=tmp_path / "ledger.db" / "keys"), KeyFileError, None),
        (facts(tmp_path, place=tmp_path / "b.db", origin="nowhere"), FormatError, None),
    ):
        with pytest.raises(error) as refusal:
            founded(given)
        assert message is None or str(refusal.value) == message
    (tmp_path / "keys" / "mark").rename(tmp_path / "keys" / "elsewhere")
    with pytest.raises(KeyFileError, match="exists and is not overwritten$"):
        founded(facts(tmp_path, place=tmp_path / "b.db"))
    (tmp_path / "keys" / "elsewhere").rename(tmp_path / "keys" / "mark")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_keys_in_another_folder_are_remembered_by_their_whole_path(tmp_path):
    (tmp_path / "ledgers").mkdir()
    made = founded(facts(tmp_path, place=tmp_path / "ledgers" / "ledger.db"))
    store = Store.open(tmp_path / "ledgers" / "ledger.db")
    with store.reading() as view:
        assert store.remembered(view, "log_key") == str(tmp_path / "keys" / "log.key")
        assert trust_of(view).ledger == made.ledger_id
    empty = Store.create(tmp_path / "empty.db")
    with empty.reading() as view, pytest.raises(StoreError, match="^the store holds no record 0$"):
        trust_of(view)


def test_what_the_drivers_log_beside_what_they_raise_reaches_nobodys_terminal():
    said = "import logging, ledger.store.store; [logging.getLogger(name).error('a stack') for name in ('sqlalchemy.pool', 'psycopg')]"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
