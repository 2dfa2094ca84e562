"""What the command line says of input that it cannot read or must not take: one message, where, what to do, and nothing written."""

from __future__ import annotations

import json

import pytest

from terminal import TIME, command, house, lead, truck

KG = {"value": "1", "unit": "kg"}
LINES = {
    "no JSON": ('{"type":"receive",', "not JSON at column 19"),
    "an unknown field": (json.dumps(truck("yard:T1", colour="red")), "field colour: is not a field here"),
    "a float": ('{"type":"receive","mass":1.5}', "the number 1.5 is not an integer; a measured number is a string with a unit"),
    "a key twice": ('{"type":"receive","type":"receive"}', "the key 'type' stands twice in one object"),
    "an unknown unit": (
        json.dumps(truck("yard:T1") | {"mass": {"value": "1", "unit": "stone"}}),
        "field mass.unit: 'stone' is no unit of mass; use one of kg g t lb short_ton long_ton",
    ),
    "a bare ton": (
        json.dumps(truck("yard:T1") | {"mass": {"value": "1", "unit": "ton"}}),
        "field mass.unit: 'ton' is ambiguous; say short_ton (2,000 lb), long_ton (2,240 lb) or t (1,000 kg)",
    ),
    "a list": ("[1]", "an event is a JSON object"),
    "a missing field": (json.dumps({"type": "receive", "time": TIME}), "field site: is missing"),
}


@pytest.fixture(scope="module")
def terminal(tmp_path_factory):
    return house(tmp_path_factory.mktemp("input"))


def size(terminal):
    return terminal.done("audit", "--json").json["size"]


@pytest.mark.parametrize("name", LINES)
def test_a_line_that_cannot_be_read_is_refused_with_its_place(terminal, name):
    line, problem = LINES[name]
    before = size(terminal)
    said = terminal.try_log("yard/1", truck("yard:T0"), line)
    assert (said.code, said.out) == (2, "")
    assert said.err == f"error: {terminal.folder / 'events.jsonl'}, line 2: {problem}\n"
    assert size(terminal) == before


def test_an_event_that_has_a_command_of_its_own_is_refused_in_a_file(terminal):
    said = terminal.try_log("yard/1", '{"type":"genesis"}')
    place = f"{terminal.folder / 'events.jsonl'}, line 1"
    assert (said.code, said.err) == (2, f"error: {place}, field type: a genesis event comes from its own command, not from a file\n")


def test_bytes_that_are_no_text_are_refused(terminal):
    file = terminal.folder / "events.jsonl"
    file.write_bytes(b'{"type":"\xff"}\n')
    said = terminal.run("log", file, "-k", terminal.keys["yard/1"])
    assert (said.code, said.err) == (2, f"error: {file}, line 1: not UTF-8 at byte 9\n")


def test_a_refusal_with_json_says_code_file_line_and_field_on_standard_output(terminal):
    said = terminal.try_log("yard/1", truck("yard:T0"), LINES["an unknown field"][0], options=("--json",))
    assert (said.code, said.err) == (2, "")
    assert said.json == {
        "error": {
            "code": "format",
            "message": "field colour: is not a field here",
            "file": str(terminal.folder / "events.jsonl"),
            "line": 2,
            "field": "colour",
            "hint": None,
        }
    }


def test_misuse_with_json_has_the_same_shape():
    said = command("melt", "--json")
    assert (said.code, said.err) == (2, "")
    assert said.error == {
        "code": "usage", "message": "No such command 'melt'.", "file": None, "line": None, "field": None, "hint": "plumbline --help",
    }  # fmt: skip


def test_a_file_without_events_is_refused(terminal):
    said = terminal.try_log("yard/1")
    file = terminal.folder / "events.jsonl"
    assert (said.code, said.err) == (2, f"error: {file}: holds no events\nhint: one JSON object per line; see `plumbline schema`\n")


def test_a_file_that_is_not_there_is_refused(terminal):
    said = terminal.run("log", terminal.folder / "none.jsonl", "-k", terminal.keys["yard/1"])
    assert (said.code, said.err) == (2, f"error: {terminal.folder / 'none.jsonl'}: cannot be read: No such file or directory\n")


def test_a_key_of_another_party_is_refused(terminal):
    said = terminal.try_log("works/1", truck("yard:T1"))
    place = f"{terminal.folder / 'events.jsonl'}, line 1"
    assert (said.code, said.err) == (1, f"error: {place}: site yard:works belongs to yard, the record is signed by works\n")


def test_more_than_a_batch_holds_is_refused_with_file_and_line(terminal):
    taken = {"type": "dispose", "time": TIME, "site": "yard:works", "batch": "yard:T1", "reason": "landfill"}
    before = size(terminal)
    said = terminal.try_log("yard/1", truck("yard:T1"), taken | {"mass": {"value": "50000", "unit": "lb"}})
    problem = "batch yard:T1 holds 19141598.014 g, cannot give 22679618.5 g (3538020.486 g short)"
    assert (said.code, said.err) == (1, f"error: {terminal.folder / 'events.jsonl'}, line 2: {problem}\n")
    assert size(terminal) == before
    assert terminal.run("show", "yard:T1").code == 1


def test_a_command_without_a_ledger_asks_for_one(terminal):
    said = command("log", "-", "-k", terminal.keys["yard/1"], typed=json.dumps(truck("yard:T1")).encode())
    assert (said.code, said.err) == (2, "error: which ledger? give -L PATH or set PLUMBLINE_LEDGER\nhint: plumbline log --help\n")
    said = command("batches")
    assert (said.code, said.err) == (2, "error: which ledger? give -L PATH or set PLUMBLINE_LEDGER\nhint: plumbline batches --help\n")


def test_a_ledger_that_is_not_there_is_refused(tmp_path):
    said = command("batches", "-L", tmp_path / "no.db")
    hint = "hint: make one with `plumbline init`, or give its path with -L\n"
    assert (said.code, said.err) == (3, f"error: there is no ledger at {tmp_path / 'no.db'}\n{hint}")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_place_of_a_ledger_is_refused(tmp_path):
    said = command("batches", "-L", tmp_path)
    hint = "hint: a ledger is one file; give its path with -L\n"
    assert (said.code, said.err) == (3, f"error: {tmp_path} is a folder, not a ledger\n{hint}")


def test_another_kind_of_store_is_refused():
    said = command("batches", "-L", "mysql://somebody:secret@host/db")
    problem = "mysql stores are not supported by this version; a ledger is a SQLite file or a database on a PostgreSQL server"
    hint = "give a path, or postgresql+psycopg://USER@HOST/DATABASE"
    assert (said.code, said.err) == (2, f"error: {problem}\nhint: {hint}\n")


def test_a_ledger_may_be_named_by_environment_or_as_a_url(terminal):
    want = terminal.done("parties").out
    assert command("parties", PLUMBLINE_LEDGER=str(terminal.path)).out == want
    assert command("-L", terminal.path, "parties").out == want
    assert command("parties", "-L", f"sqlite:///{terminal.path}").out == want


def test_a_command_without_a_key_asks_for_one(terminal):
    file = terminal.write("events.jsonl", truck("yard:T1"))
    said = terminal.run("log", file)
    assert (said.code, said.err) == (2, "error: which key signs? give -k FILE or set PLUMBLINE_KEY\nhint: plumbline log --help\n")


def test_a_key_may_be_named_by_the_environment(terminal):
    file = terminal.write("events.jsonl", truck("yard:T9"))
    said = terminal.run("log", file, "--dry-run", PLUMBLINE_KEY=str(terminal.keys["yard/1"]))
    assert (said.code, said.out) == (0, "it would be taken; nothing was written\n")


def test_an_unknown_command_or_option_is_misuse():
    said = command("melt")
    assert (said.code, said.err) == (2, "error: No such command 'melt'.\nhint: plumbline --help\n")
    said = command("batches", "--melt")
    assert (said.code, said.err.splitlines()[-1]) == (2, "hint: plumbline batches --help")


@pytest.mark.parametrize("words", [(), ("key",)])
def test_a_group_without_a_command_shows_its_help(words):
    said = command(*words)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("Usage: plumbline")
    assert "\\u000a" not in said.err


def test_a_dry_run_leaves_every_file_as_it_was(tmp_path):
    terminal = house(tmp_path)
    terminal.log("yard/1", lead("yard:L1"))
    file = terminal.write("more.jsonl", lead("yard:L2"))
    key = ("-k", terminal.keys["yard/1"], "--dry-run")
    before = terminal.files()
    for words in (
        ("log", file),
        ("receive", "yard:L3", "--material", "soft_lead", "--mass", "1t", "--assay", "Pb=99.9%"),
        ("ship", "yard:L1", "--to", "works:works"),
        ("adjust", "yard:L1", "--mass", "-2 kg", "--reason", "count"),
        ("dispose", "yard:L1", "--reason", "landfill"),
        ("correct", "yard:L1", "--mass", "19999 kg", "--reason", "settled"),
        ("void", "yard:L1", "--reason", "twice"),
        ("site", "yard:shed", "--name", "Shed", "--country", "US"),
        ("certify", "recycled-content", "yard:L1", "--to", "Acme", "-o", tmp_path / "c.pdf"),
        ("erase", "yard:L1"),
        ("rebuild",),
        ("key", "retire", "yard/1"),
    ):
        said = terminal.run(*words, *key)
        assert said.code == 0, (words, said)
        assert terminal.files() == before, words


def test_events_come_from_standard_input(tmp_path):
    terminal = house(tmp_path)
    key = ("-k", terminal.keys["yard/1"], "--json")
    typed = f"\ufeff{json.dumps(truck('yard:T1'))}\r\n\r\n{json.dumps(truck('yard:T2'))}".encode()
    receipts = terminal.done("log", "-", *key, typed=typed).json["receipts"]
    assert [row["batches"] for row in receipts] == [["yard:T1"], ["yard:T2"]]
    said = terminal.run("log", "-", "-k", terminal.keys["yard/1"], typed=b"{")
    assert (said.code, said.err) == (2, "error: standard input, line 1: not JSON at column 2\n")


def test_all_of_a_file_is_taken_or_nothing(tmp_path):
    terminal = house(tmp_path)
    terminal.log("yard/1", truck("yard:T1"))
    before = size(terminal)
    said = terminal.try_log("yard/1", truck("yard:T2"), truck("yard:T1"), truck("yard:T3"))
    place = f"{tmp_path / 'events.jsonl'}, line 2"
    hint = "hint: every batch has a number of its own, and a voided number is not used again\n"
    assert (said.code, said.err) == (1, f"error: {place}: batch yard:T1 exists already\n{hint}")
    assert size(terminal) == before
    said = terminal.try_log("yard/1", truck("yard:T2"), truck("yard:T1"), truck("yard:T3"), options=("--keep-going",))
    assert (said.code, said.err) == (1, f"left out: {place}: batch yard:T1 exists already\n")
    assert size(terminal) == before + 2


def test_events_are_packed_into_records(tmp_path):
    terminal = house(tmp_path)
    said = terminal.try_log("yard/1", *(truck(f"yard:T{number}") for number in range(5)), options=("--pack", "2", "--json"))
    assert [row["batches"] for row in said.json["receipts"]] == [["yard:T0", "yard:T1"], ["yard:T2", "yard:T3"], ["yard:T4"]]
    assert [row["seq"] for row in said.json["receipts"]] == [1, 2, 3]
    assert set(said.json["receipts"][0]) >= {"index", "record", "leaf_hash", "key", "seq", "batches"}
    assert said.json["checkpoint"].startswith("ledger.example/lead\n8\n")
    said = terminal.try_log("yard/1", truck("yard:T9"), options=("--pack", "257"))
    assert said.code == 2
