"""What people and programs see of a ledger: batches, parties, sites, traces, balances, checkpoints, the trust file."""

from __future__ import annotations

import os
import sqlite3
import xml.etree.ElementTree as ET
from contextlib import closing

import pytest

from terminal import ORIGIN, TIME, command, house, lead, truck


@pytest.fixture(scope="module")
def terminal(tmp_path_factory):
    made = house(tmp_path_factory.mktemp("look"))
    made.log("yard/1", truck("yard:T1"), lead("yard:L1"), lead("yard:L2"))
    output = {"batch": "yard:B1", "material": "soft_lead", "mass": {"value": "40000", "unit": "kg"}}
    event = {"type": "transform", "time": TIME, "site": "yard:works", "kind": "merge", "outputs": [output]}
    made.log("yard/1", event | {"inputs": [{"batch": "yard:L1"}, {"batch": "yard:L2"}]})
    return made


def test_a_batch_is_shown_to_people_and_programs(terminal):
    said = terminal.done("show", "yard:B1")
    lines = said.out.splitlines()
    assert lines[:3] == ["yard:B1  soft_lead", "  held by yard at yard:works", "  left  40,000.000 kg = 88,184.90 lb"]
    assert any(line.startswith("    100.00 %  end_of_life            collected_in US") for line in lines)
    found = terminal.show("yard:B1")
    assert found["contained_mg"] == {"Pb": 39_988_000_000}
    (row,) = found["provenance"]["Pb"]
    assert (row["feedstock"], row["places"]["collected_in"], row["mass_mg"]) == ("end_of_life", ["US"], 39_988_000_000)
    assert "not assayed" in terminal.done("show", "yard:T1").out


def test_a_batch_that_is_not_there_is_refused_with_advice(terminal):
    said = terminal.run("show", "yard:NONE")
    assert (said.code, said.out) == (1, "")
    assert said.err == "error: no batch yard:NONE in this ledger\nhint: `plumbline batches` lists them\n"
    said = terminal.run("show", "yard:NONE", "--json")
    assert (said.code, said.err, said.error["code"]) == (1, "", "unknown")


def test_batches_are_listed_and_filtered(terminal):
    def names(*words):
        return [row["batch"] for row in terminal.done("batches", "--json", *words).json["batches"]]

    assert names() == ["yard:T1", "yard:B1"]
    assert names("--all") == ["yard:T1", "yard:L1", "yard:L2", "yard:B1"]
    assert names("--material", "soft_lead") == ["yard:B1"]
    assert names("--party", "works") == []
    assert names("--site", "yard:works") == ["yard:T1", "yard:B1"]
    lines = terminal.done("batches").out.splitlines()
    assert lines[0].split() == ["batch", "material", "site", "holder", "status", "left"]
    assert lines[1].split() == ["yard:T1", "spent_battery", "yard:works", "yard", "held", "19,141.598", "kg"]
    assert terminal.done("batches", "--party", "works").err == "no batches yet\n"


def test_parties_and_sites_are_listed(terminal):
    assert [row["party"] for row in terminal.done("parties", "--json").json["parties"]] == ["works", "yard"]
    assert [row["site"] for row in terminal.done("sites", "--json").json["sites"]] == ["works:works", "yard:works"]
    assert terminal.done("parties").out.splitlines()[0].split() == ["party", "name", "country", "roles", "keys"]
    assert terminal.done("sites").out.splitlines()[1].split() == ["works:works", "works", "US"]


def test_a_trace_is_shown_to_people_programs_and_as_a_picture(terminal):
    found = terminal.done("trace", "yard:B1", "--json").json
    assert {(edge["from"], edge["to"]) for edge in found["edges"]} == {("yard:L1", "yard:B1"), ("yard:L2", "yard:B1")}
    assert {edge["mass_mg"] for edge in found["edges"]} == {20_000_000_000}
    assert {edge["contained_mg"]["Pb"] for edge in found["edges"]} == {19_994_000_000}
    assert set(found["edges"][0]) >= {"from", "to", "record", "mass_mg", "contained_mg"}
    assert terminal.done("trace", "yard:B1", "--back", "--json").json == found
    lines = terminal.done("trace", "yard:B1").out.splitlines()
    assert lines[0] == "yard:B1: 3 batches and 2 draws back, in the log's order"
    assert lines[-1].endswith("merge of yard:L1, yard:L2")
    file = terminal.folder / "trace.svg"
    said = terminal.done("trace", "yard:L1", "--forward", "--svg", file)
    assert said.out.splitlines()[-1] == f"wrote {file}"
    assert ET.fromstring(file.read_text()).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - our own picture


def test_a_trace_of_a_batch_that_is_not_there_is_refused(terminal):
    said = terminal.run("trace", "yard:NONE")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("error: no batch yard:NONE in this ledger\n")


def test_the_balance_is_shown_to_people_and_programs(terminal):
    found = terminal.done("balance", "--json").json["constituents"]["Pb"]
    assert (found["received"], found["held"], found["difference"]) == (39_988_000_000, 39_988_000_000, 0)
    shown = terminal.done("balance").out
    assert "in kg" in shown
    for name in ("received", "adjusted", "disposed", "delivered", "lost", "held", "difference"):
        assert name in shown
    assert shown.count("39,988.000") >= 2
    assert "39,988,000,000" in terminal.done("balance", "--unit", "mg").out
    assert "88,158.45" in terminal.done("balance", "--unit", "lb").out


def test_the_balance_of_a_site_and_a_period_adds_what_moved(terminal):
    found = terminal.done("balance", "--site", "yard:works", "--json").json["constituents"]["Pb"]
    assert {"opening", "moved_in", "moved_out"} <= set(found)
    after = terminal.done("balance", "--from", "2026-04-01", "--json").json["constituents"]["Pb"]
    assert (after["opening"], after["received"], after["difference"]) == (39_988_000_000, 0, 0)
    before = terminal.done("balance", "--to", "2026-03-01", "--json").json["constituents"]
    assert all(entry["received"] == 0 for entry in before.values())
    said = terminal.run("balance", "--site", "yard:none")
    assert (said.code, said.err) == (1, "error: no site yard:none in this ledger\nhint: `plumbline sites` lists them\n")


def test_the_checkpoint_is_printed_written_and_verified(terminal):
    said = terminal.done("checkpoint")
    size = terminal.done("audit", "--json").json["size"]
    assert said.out.startswith(f"{ORIGIN}\n{size}\n")
    file = terminal.folder / "checkpoint"
    assert terminal.done("checkpoint", "-o", file).out == f"wrote {file}\n"
    assert file.read_text() == said.out
    assert terminal.done("checkpoint", "--json").json == {"checkpoint": said.out}
    assert terminal.done("checkpoint", "-o", file, "--json").json == {"checkpoint": said.out}
    assert terminal.done("verify", file, "--json").json["holds"] is True
    found = terminal.done("audit", "--checkpoint", file, "--json").json
    assert (found["holds"], found["fresh"]) == (True, True)
    assert "freshness not established" in terminal.done("audit").out


def test_the_trust_file_is_printed_and_written(terminal):
    said = terminal.done("trust")
    assert said.out.startswith("plumbline/trust/v1\nledger ")
    file = terminal.folder / "trust"
    assert terminal.done("trust", "-o", file).out == f"wrote {file}\n"
    assert file.read_text() == said.out
    found = terminal.done("trust", "--json").json
    assert (found["origin"], found["text"]) == (ORIGIN, said.out)


def test_an_installation_and_a_ledger_are_checked(terminal):
    checks = terminal.done("doctor", "--json").json["checks"]
    assert all(row["ok"] for row in checks)
    assert {"python", "packages", "journal_mode", "integrity", "log.key", "registrar.key", "mark"} <= {row["check"] for row in checks}
    assert command("doctor").code == 0
    key = terminal.keys["registrar/1"]
    key.chmod(0o640)
    said = terminal.run("doctor")
    key.chmod(0o600)
    assert said.code == 3
    assert f"BAD  registrar.key        {key} can be read by others (mode 0640); chmod 600 {key}\n" in said.out
    for place, usual in ((terminal.path, "0644"), (key.parent, "0700")):
        mode = place.stat().st_mode & 0o777
        place.chmod(mode | 0o022)
        said = terminal.run("doctor")
        place.chmod(mode)
        assert said.code == 3
        assert f"{place} can be written by others (mode {mode | 0o022:04o}); chmod {usual[1:]} {place}\n" in said.out
    said = command("doctor", "-L", terminal.folder / "no.db")
    assert (said.code, "BAD  store " in said.out) == (3, True)


def test_a_database_with_a_known_bug_a_shared_disk_and_a_stranger_are_named(terminal, monkeypatch):
    monkeypatch.setattr("ledger.store.sqlite.SqliteFile.settings", staticmethod(lambda _: {"sqlite_version": "3.36.0"}))
    monkeypatch.setattr("ledger.installation.filesystem_of", lambda *_: "nfs4")
    monkeypatch.setattr("ledger.installation.strangers", lambda: ["schemas-for-all"])
    bug = "a file can be damaged by savepoints with their journal in memory"
    instead = "keep the ledger on a disk of this machine, or on a PostgreSQL server"
    said = terminal.run("doctor")
    assert said.code == 3
    assert [line for line in said.out.splitlines() if line.startswith("BAD")] == [
        "BAD  strangers            schemas-for-all installed packages of our names too",
        f"BAD  sqlite_version       3.36.0: {bug}; it is mended in 3.37.2 (sqlite.org, release 3.37.2)",
        f"BAD  filesystem           nfs4: locks may hold for nobody there; {instead}",
    ]


@pytest.mark.parametrize(
    "edit",
    [
        "DELETE FROM batch WHERE id = 'yard:L1'",
        "UPDATE posting SET mass = mass + 1 WHERE account = 'received'",
        "DELETE FROM party WHERE id = 'works'",
        "INSERT INTO posting SELECT * FROM posting",
    ],
)
def test_the_tables_are_derived_again_after_somebody_edited_them(tmp_path, edit):
    terminal = house(tmp_path)
    terminal.log("yard/1", lead("yard:L1"), lead("yard:L2"))
    want = terminal.show("yard:L1"), terminal.done("balance").out, terminal.done("parties").out
    with closing(sqlite3.connect(terminal.path)) as database:
        assert database.execute(edit).rowcount > 0
        database.commit()
    said = terminal.run("audit", "--json")
    assert (said.code, said.json["holds"]) == (1, False)
    size = said.json["size"]
    assert terminal.done("rebuild", "--dry-run").out == f"would derive the tables from {size} records\n"
    assert terminal.run("audit").code == 1
    assert terminal.done("rebuild", "--json").json == {"records": size, "rebuilt": True}
    assert terminal.done("audit", "--json").json["holds"] is True
    assert (terminal.show("yard:L1"), terminal.done("balance").out, terminal.done("parties").out) == want


def test_no_terminal_gets_no_colour(terminal):
    assert "\x1b" not in terminal.done("audit").out + terminal.done("batches").out
    assert os.environ.get("PLUMBLINE_LEDGER") is None
