"""Work without a connection: sign now, submit later; what waits in the outbox is never signed differently behind somebody's back."""

from __future__ import annotations

import pytest

from terminal import TIME, command, house, lead, truck


@pytest.fixture
def terminal(tmp_path):
    made = house(tmp_path)
    made.done("trust", "-o", tmp_path / "trust")
    return made


def key(terminal, name="yard/1"):
    return "-k", terminal.keys[name]


def rows(terminal):
    return terminal.done("outbox", *key(terminal), "--json").json["outbox"]


def sign(terminal, *events):
    file = terminal.write("offline.jsonl", *events)
    return command("sign", file, "-o", terminal.folder / "records", "--trust", terminal.folder / "trust", *key(terminal), "--json")


def test_events_are_signed_without_the_ledger_and_submitted_later(terminal):
    said = sign(terminal, truck("yard:T1"), truck("yard:T2"))
    assert said.code == 0, said
    assert [row["seq"] for row in said.json["records"]] == [1, 2]
    assert terminal.run("show", "yard:T1").code == 1
    assert [row["state"] for row in rows(terminal)][-2:] == ["waiting", "waiting"]
    found = terminal.done("submit", terminal.folder / "records", *key(terminal), "--json").json["receipts"]
    assert [row["record"] for row in found] == [row["record"] for row in said.json["records"]]
    assert {row["state"] for row in rows(terminal)} == {"acknowledged"}
    assert terminal.show("yard:T2")["mass_mg"] == 19_141_598_014
    again = terminal.done("submit", terminal.folder / "records", "--json").json["receipts"]
    assert [(row["index"], row["proof"]) for row in again] == [(row["index"], row["proof"]) for row in found]
    assert terminal.done("audit", "--json").json["holds"] is True


def test_signed_records_are_submitted_by_somebody_without_the_key(terminal):
    assert sign(terminal, truck("yard:T1")).code == 0
    said = terminal.done("submit", "-", typed=(terminal.folder / "records").read_bytes())
    assert "receive  yard:T1" in said.out
    terminal.log("yard/1", truck("yard:T2"))
    assert {row["state"] for row in rows(terminal)} == {"acknowledged"}


def test_signed_records_go_to_standard_output(terminal):
    file = terminal.write("offline.jsonl", truck("yard:T1"))
    said = terminal.done("sign", file, "-o", "-", *key(terminal))
    assert said.out.startswith("plumbline/record/v1\n")
    assert said.err == ""
    (terminal.folder / "one.record").write_text(said.out, encoding="utf-8")
    terminal.done("submit", terminal.folder / "one.record")
    assert terminal.done("verify", terminal.folder / "one.record", "--json").json["holds"] is True


def test_what_waits_is_sent_with_the_next_events(terminal):
    assert sign(terminal, truck("yard:T1")).code == 0
    receipts = terminal.log("yard/1", truck("yard:T2")).json["receipts"]
    assert [row["batches"] for row in receipts][-1] == ["yard:T2"]
    assert terminal.show("yard:T1")["record"] < terminal.show("yard:T2")["record"]


def test_what_waits_is_sent_on_request(terminal):
    assert sign(terminal, truck("yard:T1")).code == 0
    assert "receive  yard:T1" in terminal.done("outbox", "send", *key(terminal)).out
    assert {row["state"] for row in rows(terminal)} == {"acknowledged"}


def test_what_waits_is_taken_back_with_what_was_signed_after_it(terminal):
    assert sign(terminal, truck("yard:T1"), truck("yard:T2")).code == 0
    before = len(rows(terminal))
    assert terminal.done("outbox", "drop", "1", *key(terminal)).out == "took back 2 records\n"
    assert len(rows(terminal)) == before - 2
    terminal.log("yard/1", truck("yard:T3"))
    assert terminal.run("show", "yard:T1").code == 1


@pytest.fixture
def overtaken(terminal):
    """A disposal waits in the outbox of yard/1; meanwhile yard/2 corrected the weight of what it disposes of."""
    made = terminal.new_key("yard/2")
    terminal.done("key", "enrol", made["vkey"], "--proof", made["proof"], *key(terminal))
    terminal.log("yard/1", lead("yard:L1"))
    some = {"type": "dispose", "time": TIME, "site": "yard:works", "batch": "yard:L1", "reason": "landfill"}
    file = terminal.write("offline.jsonl", some | {"mass": {"value": "1", "unit": "t"}})
    said = terminal.done("sign", file, "-o", terminal.folder / "records", *key(terminal), "--json")
    terminal.done("correct", "yard:L1", "--mass", "19000 kg", "--reason", "settled", *key(terminal, "yard/2"))
    return said.json["records"][0]


def test_a_record_that_came_too_early_is_refused_and_signed_anew(terminal):
    made = terminal.new_key("yard/2")
    terminal.done("key", "enrol", made["vkey"], "--proof", made["proof"], "--scope", "admin", *key(terminal))
    early = sign(terminal, truck("yard:T1", site="yard:shed")).json["records"][0]
    said = terminal.run("submit", terminal.folder / "records", *key(terminal), "--json")
    assert (said.code, said.error["code"]) == (1, "unknown")
    assert said.error["message"] == "no site yard:shed in this ledger"
    terminal.done("site", "yard:shed", "--name", "Shed", "--country", "US", *key(terminal, "yard/2"))
    receipts = terminal.done("outbox", "resign", str(early["seq"]), *key(terminal), "--json").json["receipts"]
    assert [row["seq"] for row in receipts] == [early["seq"]]
    assert receipts[0]["record"] != early["record"]
    assert terminal.show("yard:T1")["site"] == "yard:shed"
    assert terminal.done("audit", "--json").json["holds"] is True


def test_a_record_that_was_overtaken_is_taken_back(terminal, overtaken):
    said = terminal.run("outbox", "send", *key(terminal), "--json")
    assert (said.code, said.error["code"]) == (1, "stale")
    assert terminal.done("outbox", "drop", str(overtaken["seq"]), *key(terminal), "--json").json == {"dropped": [overtaken["record"]]}
    terminal.log("yard/1", truck("yard:T1"))
    assert terminal.show("yard:L1")["mass_mg"] == 19_000_000_000
    assert terminal.run("outbox", "drop", "0", *key(terminal)).code != 0


def test_a_dry_run_sends_nothing_or_is_refused(terminal):
    assert sign(terminal, truck("yard:T1")).code == 0
    file = terminal.write("offline.jsonl", truck("yard:T2"))
    before = terminal.files()
    assert terminal.done("outbox", "send", "--dry-run", *key(terminal)).out == "it would be taken; nothing was written\n"
    records = terminal.folder / "records"
    for words, told in (
        (("outbox", "drop", "1"), "1 records would be taken back; nothing was written\n"),
        (("submit", records), "1 of 1 records are new and would be taken; nothing was written\n"),
        (("sign", file, "-o", terminal.folder / "more"), "1 records would be signed; nothing was kept or written\n"),
    ):
        assert terminal.done(*words, "--dry-run", *key(terminal)).out == told
    assert terminal.done("submit", records, "--dry-run", "--json", *key(terminal)).json == {"dry_run": True, "new": 1, "records": 1}
    said = terminal.run("outbox", "resign", "1", "--dry-run", *key(terminal))
    advice = "`plumbline log --dry-run` checks events, `plumbline outbox` lists what waits"
    assert (said.code, said.err.splitlines()[0]) == (2, f"error: outbox resign has no dry run; {advice}")
    assert terminal.files() == before


def test_the_outbox_is_shown_to_people(terminal):
    assert sign(terminal, truck("yard:T1")).code == 0
    lines = terminal.done("outbox", *key(terminal)).out.splitlines()
    assert lines[0].split() == ["seq", "record", "made", "events", "state"]
    assert lines[-1].split()[-1] == "waiting"
    terminal.new_key("yard/2")
    assert terminal.done("outbox", *key(terminal, "yard/2")).err == "the outbox is empty\n"


def test_what_is_no_record_is_not_submitted(terminal):
    file = terminal.write("offline.jsonl", truck("yard:T1"))
    said = terminal.run("submit", file)
    assert (said.code, said.err) == (2, f"error: {file}, line 1: holds no signed records\nhint: `plumbline sign` makes them\n")


def test_a_changed_record_is_refused_and_nothing_written(terminal):
    assert sign(terminal, truck("yard:T1")).code == 0
    file = terminal.folder / "records"
    file.write_bytes(file.read_bytes().replace(b'"42200"', b'"42100"'))
    before = terminal.done("audit", "--json").json["size"]
    said = terminal.run("submit", file)
    assert said.code == 1
    assert said.err.startswith("error: ")
    assert terminal.done("audit", "--json").json["size"] == before


def test_signing_without_ledger_or_trust_file_asks_for_one(terminal):
    file = terminal.write("offline.jsonl", truck("yard:T1"))
    said = command("sign", file, "-o", terminal.folder / "records", *key(terminal))
    assert (said.code, said.err) == (2, "error: which ledger? give -L PATH or set PLUMBLINE_LEDGER\nhint: plumbline sign --help\n")
