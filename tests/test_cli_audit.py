"""The audit command on damaged files: it says what is broken and where, exits 1, and never falls over."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest

from terminal import Terminal, house, lead, truck


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    made = house(tmp_path_factory.mktemp("sound"))
    for number in range(4):
        made.log("yard/1", truck(f"yard:T{number}"))
    made.log("yard/1", lead("yard:L1"))
    return made


@pytest.fixture
def terminal(sound, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(sound.folder, folder)
    made = Terminal(folder)
    made.keys = {name: folder / file.relative_to(sound.folder) for name, file in sound.keys.items()}
    return made


def changed(terminal, *statements):
    """Edit the store as somebody could who has the file in hands."""
    with closing(sqlite3.connect(terminal.path)) as database:
        triggers = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
        for trigger in triggers:
            database.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            database.execute(statement)
        database.commit()


def audited(terminal):
    """Audit twice, for people and for programs, and return the JSON."""
    people, programs = terminal.run("audit"), terminal.run("audit", "--json")
    assert people.code == programs.code == 1, (people, programs)
    assert "Traceback" not in people.out + people.err
    assert people.out.splitlines()[-1].startswith("DOES NOT HOLD: ")
    assert "BROKEN" in people.out
    assert programs.json["holds"] is False
    return programs.json


def test_a_sound_ledger_holds(terminal):
    said = terminal.done("audit")
    assert said.out.splitlines()[-1].startswith("HOLDS: nothing is broken, ")
    assert "A ledger proves statements, not metal." in said.out


def test_the_report_is_a_pdf(terminal):
    file = terminal.folder / "report.pdf"
    assert f"wrote {file}\n" in terminal.done("audit", "-o", file).out
    assert file.read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize("index", [0, 3, 6])
def test_a_changed_byte_is_found_at_its_record(terminal, index):
    with closing(sqlite3.connect(terminal.path)) as database:
        (data,) = database.execute("SELECT record FROM entry WHERE idx = ?", (index,)).fetchone()
    forged = bytearray(data)
    forged[len(forged) // 2] ^= 1
    changed(terminal, f"UPDATE entry SET record = x'{forged.hex()}' WHERE idx = {index}")
    assert audited(terminal)["first_bad"] == index


def test_a_deleted_record_is_found(terminal):
    changed(terminal, "DELETE FROM entry WHERE idx = 5")
    assert audited(terminal)["first_bad"] == 5


def test_two_records_swapped_are_found(terminal):
    changed(
        terminal,
        "UPDATE entry SET idx = -1 WHERE idx = 5",
        "UPDATE entry SET idx = 5 WHERE idx = 6",
        "UPDATE entry SET idx = 6 WHERE idx = -1",
    )
    assert audited(terminal)["first_bad"] == 5


def test_a_cut_tail_is_found(terminal):
    with closing(sqlite3.connect(terminal.path)) as database:
        (size,) = database.execute("SELECT count(*) FROM entry").fetchone()
    changed(terminal, f"DELETE FROM entry WHERE idx >= {size - 2}")
    assert audited(terminal)["findings"]


def test_an_older_copy_put_in_place_is_noticed(terminal):
    old = terminal.path.read_bytes()
    terminal.log("yard/1", truck("yard:T9"))
    terminal.path.write_bytes(old)
    found = audited(terminal)
    assert any("roll" in finding["code"] for finding in found["findings"] if finding["severity"] == "broken"), found["findings"]


def test_a_file_cut_short_is_broken_and_no_traceback(terminal):
    data = terminal.path.read_bytes()
    terminal.path.write_bytes(data[: len(data) // 2])
    audited(terminal)


def test_a_file_of_garbage_is_broken_and_no_traceback(terminal):
    terminal.path.write_bytes(b"this was never a ledger\n" * 1000)
    found = audited(terminal)
    assert [finding["code"] for finding in found["findings"]] == ["store-damaged"]


def test_an_empty_file_is_broken_and_no_traceback(terminal):
    terminal.path.write_bytes(b"")
    audited(terminal)


def test_a_page_of_noise_is_broken_and_no_traceback(terminal):
    data = bytearray(terminal.path.read_bytes())
    data[4096 * 3 : 4096 * 4] = bytes(range(256)) * 16
    terminal.path.write_bytes(bytes(data))
    audited(terminal)


def test_a_ledger_that_is_not_there_is_a_matter_of_the_store(terminal):
    terminal.path.unlink()
    said = terminal.run("audit")
    assert (said.code, said.err.splitlines()[0]) == (3, f"error: there is no ledger at {terminal.path}")


def test_a_damaged_mark_and_another_trust_file_are_told(terminal):
    folder = terminal.path.with_name("ledger.db.keys")
    (folder / "mark").write_bytes(b"scribble")
    audited(terminal)
    said = terminal.run("audit", "--trust", folder / "mark")
    assert said.code == 2


@pytest.mark.parametrize("words", [("show", "yard:T1"), ("batches",), ("balance",), ("trace", "yard:T1"), ("checkpoint",), ("rebuild",)])
def test_other_commands_on_garbage_say_so_and_exit_3(terminal, words):
    terminal.path.write_bytes(b"this was never a ledger\n" * 1000)
    said = terminal.run(*words)
    assert (said.code, said.out) == (3, "")
    assert said.err.startswith("error: ")
    assert "this program has a fault" not in said.err
