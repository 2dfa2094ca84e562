"""A store of schema version 1, which stood in files alone, is brought up to date."""

import sqlite3

import pytest

from exported import grown
from ledger.store.migrations import migrate
from ledger.store.store import Store
from terminal import command

V1 = (
    *(f"DROP TABLE {name}" for name in ("subtree", "cosignature", "attestation")),
    "UPDATE meta SET value = '1' WHERE name = 'schema'",
)


@pytest.fixture(scope="module")
def tall(tmp_path_factory):
    return grown(tmp_path_factory.mktemp("tall"), 600)


@pytest.fixture
def copy(tall, tmp_path):
    return tall.copy(tmp_path / "copy")


def rows(house):
    with Store.open(house.path).reading() as view:
        return Store.subtrees(view)


def schema(path):
    """Return tables and triggers as SQLite keeps them, without the spaces between words."""
    connection = sqlite3.connect(path)
    found = {name: "".join(sql.split()) for name, sql in connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")}
    connection.close()
    return found


@pytest.fixture
def old(copy):
    """A ledger as the version before wrote it."""
    connection = sqlite3.connect(copy.path)
    for statement in V1:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return copy


def test_a_store_of_schema_version_1_is_brought_up_to_date_and_holds(tall, old):
    copy = old
    before = copy.entries()
    assert migrate(copy.path) == [2, 3]
    assert copy.entries() == before
    assert schema(copy.path) == schema(tall.path)
    assert rows(copy) == rows(tall)
    assert copy.audit().findings == []


def test_the_command_brings_an_older_store_up_to_date(old):
    for name in ("audit", "batches"):
        refused = command(name, "-L", old.path, "--json")
        assert refused.code == 3
        assert refused.error["message"] == f"{old.path} has schema version 1, this program writes 3"
        assert "plumbline rebuild --migrate" in refused.error["hint"]
    said = command("rebuild", "--migrate", "-L", old.path)
    assert (said.code, said.out.splitlines()) == (
        0,
        [*(f"brought {old.path} to schema version {version}" for version in (2, 3)), "derived the tables from 600 records"],
    )
    assert old.audit().findings == []
