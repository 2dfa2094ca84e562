"""Private fields from the command line: handed out, erased, and every check still holds."""

from __future__ import annotations

import json

import pytest

from terminal import house, truck

FIELD = "private.driver"


@pytest.fixture
def terminal(tmp_path):
    made = house(tmp_path)
    paper = [{"kind": "weigh_ticket", "sha256": "ab" * 32, "number": "4711"}]
    made.log("yard/1", truck("yard:T1", documents=paper, private={"driver": "A. Person"}))
    return made


def test_no_private_value_stands_in_a_record(terminal):
    index = terminal.show("yard:T1")["record"]
    with_store = terminal.done("disclose", str(index), "--json").json["openings"]
    assert {row["field"]: row["value"] for row in with_store} == {"documents.0.number": "4711", FIELD: "A. Person"}
    record = next((terminal.folder / "yard-1.key.outbox").glob("*1.record")).read_bytes()
    assert b"A. Person" not in record
    assert b"4711" not in record


def test_an_opening_is_handed_out_by_batch_index_or_id(terminal):
    found = terminal.show("yard:T1")
    want = terminal.done("disclose", "yard:T1", "--json").json
    assert terminal.done("disclose", str(found["record"]), "--json").json == want
    assert terminal.done("disclose", want["openings"][0]["record"], "--json").json == want
    file = terminal.folder / "openings.json"
    assert terminal.done("disclose", "yard:T1", "--field", FIELD, "-o", file).out == f"wrote {file}\n"
    assert [row["value"] for row in json.loads(file.read_text())["openings"]] == ["A. Person"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert terminal.done("disclose", "yard:T1", "-o", file, "--json").json == want
    assert terminal.done("disclose", "yard:T1", "--field", FIELD).out == f"event 0  {FIELD}: A. Person\n"


def test_what_was_erased_cannot_be_opened_and_every_check_holds(terminal):
    before = terminal.done("audit", "--json").json
    record = terminal.done("disclose", "yard:T1", "--json").json["openings"][0]["record"]
    said = terminal.done("erase", "yard:T1", "--field", FIELD)
    assert said.out == f"erased 1 openings of record {record}\n"
    assert said.err == "hint: copies that were handed out, and backups of the store, are not reached from here\n"
    problem = f"no opening {FIELD} of record {record} in this ledger"
    hint = "hint: it was erased, or was never sealed here\n"
    for command in ("disclose", "erase"):
        said = terminal.run(command, "yard:T1", "--field", FIELD)
        assert (said.code, said.err) == (1, f"error: {problem}\n{hint}")
    assert terminal.done("erase", "yard:T1", "--json").json == {"record": record, "erased": 1, "dry_run": False}
    assert terminal.done("disclose", "yard:T1").err == "hint: nothing of this record can be opened here\n"
    after = terminal.done("audit", "--json").json
    assert (after["holds"], after["root"]) == (True, before["root"])
    assert b"A. Person" not in terminal.path.read_bytes()


def test_a_record_that_is_not_there_is_refused(terminal):
    said = terminal.run("disclose", "yard:NONE")
    hint = "hint: name it by its id, its index, or a batch that it made\n"
    assert (said.code, said.err) == (1, f"error: no record yard:NONE in this ledger\n{hint}")
