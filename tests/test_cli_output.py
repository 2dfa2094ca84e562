"""What the commands print, whatever stands in a file: nothing that moves a cursor, and the name of the file that is wrong."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cli.output import print_json
from keyring import signer
from ledger.tlog.note import format_note
from terminal import command, house, truck

VECTORS = Path(__file__).parent / "vectors" / "outside"


@pytest.mark.parametrize("hidden", ["\x1b[2J", "\x7f", "\x9b31m", "\u202egnol", "a\u200bb", "\u2028", "\U000e0041", "\ud800", "a\nb"])
def test_json_escapes_what_does_not_show_itself_and_says_the_same(hidden, capsys):
    print_json({"name": f"Grünwald {hidden} 鉄"})
    out = capsys.readouterr().out
    assert hidden not in out
    assert "Grünwald" in out
    assert json.loads(out) == {"name": f"Grünwald {hidden} 鉄"}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"plumbline/evidence/v2\n", ", line 1: an evidence file begins with the line plumbline/evidence/v1"),
        (b"plumbline/evidence/v1\nkey " + b"x" * 70_000 + b"\n", ": line 2 has 70005 bytes, the limit is 65537"),
    ],
)
def test_what_is_wrong_with_evidence_is_said_of_the_evidence(tmp_path, data, said):
    file = tmp_path / "given.evidence"
    file.write_bytes(data)
    found = command("verify", VECTORS / "certificate.json", "--evidence", file, "--trust", VECTORS / "trust", "--json")
    assert (found.code, found.error["message"], found.error["file"]) == (2, f"{file}{said}", str(file))


@pytest.mark.parametrize("made", ["yesterday", "2026-04-31T09:00:00Z", "2026-04-01", "\u202e2026-04-01T09:00:00Z"])
def test_an_auditors_statement_made_at_no_time_is_refused(tmp_path, made):
    by = signer("auditor.example/clara")
    text = (VECTORS / "statement").read_bytes().partition(b"\n\n")[0].replace(b"2026-04-01T09:00:00Z", made.encode()) + b"\n"
    file = tmp_path / "statement"
    file.write_bytes(format_note(text, [by.vkey.signed(by.sign(text))]))
    found = command("verify", file, "--trust", VECTORS / "trust")
    assert found.code == 2
    assert found.err.startswith(f"error: {file}, line 7: {made.encode('ascii', 'backslashreplace').decode()!r}".replace("\\\\", "\\"))


def test_a_receipt_that_was_bent_does_not_accuse_the_log(tmp_path):
    file = tmp_path / "receipt"
    file.write_bytes((VECTORS / "certify.tlog-proof").read_bytes().replace(b"\n27\n", b"\n28\n"))
    found = command("verify", file, "--record", VECTORS / "certify.record", "--trust", VECTORS / "trust")
    assert "DOES NOT HOLD: the receipt does not show that the log acknowledged this record 12: ledger.example/lead+e097f050: " in found.out


def test_what_looks_like_a_checkpoint_is_told_why_it_is_none(tmp_path):
    file = tmp_path / "checkpoint"
    file.write_bytes((VECTORS / "cosigned.checkpoint").read_bytes().replace(b"\n", b"\r\n"))
    found = command("verify", file, "--trust", VECTORS / "trust")
    assert found.err.startswith(
        f"error: {file}: is no checkpoint, and nothing else that this program knows: line 1: the character U+000D may"
    )


def test_an_auditors_statement_without_a_line_of_its_state_is_named(tmp_path):
    statement = (VECTORS / "statement").read_bytes()
    file = tmp_path / "given.evidence"
    block = b"attest %d\n" % statement.count(b"\n") + statement + b"end\n"
    file.write_bytes((VECTORS / "certificate.evidence").read_bytes().removesuffix(b"end\n") + block)
    found = command("verify", VECTORS / "certificate.json", "--evidence", file, "--trust", VECTORS / "trust")
    assert "DOES NOT HOLD: the evidence holds an auditor's statement and no line of its state" in found.out


def test_a_line_beyond_a_megabyte_is_refused_before_it_is_parsed(tmp_path):
    at = house(tmp_path)
    said = at.try_log("yard/1", '{"type":"' + "x" * 2**20 + '"}')
    assert (said.code, said.err.split("\n")[0]) == (
        2,
        f"error: {tmp_path / 'events.jsonl'}, line 1: the event has 1048587 bytes, the limit is 1048576",
    )


def test_a_message_cuts_what_it_repeats(tmp_path):
    at = house(tmp_path)
    said = at.try_log("yard/1", truck("yard:RB-1", "9" * 100_000))
    assert said.err.startswith(f"error: {tmp_path / 'events.jsonl'}, line 1: field mass.value: '{'9' * 80}…' is no plain decimal number; ")


def test_what_is_wrong_with_one_of_many_records_is_said_with_its_line(tmp_path):
    at = house(tmp_path)
    file = at.write("events.jsonl", truck("yard:RB-1"), truck("yard:RB-2"))
    at.done("sign", file, "-o", tmp_path / "records", "-k", at.keys["yard/1"])
    records = (tmp_path / "records").read_bytes()
    first = records.index(b"\nplumbline/record/v1\n") + 1
    (tmp_path / "records").write_bytes(records[:first] + records[first:].replace(b'"seq":2}', b'"seq":-2}'))
    said = at.run("submit", tmp_path / "records")
    line = records[:first].count(b"\n") + 2
    assert (said.code, said.err.split(":")[1].strip()) == (2, f"{tmp_path / 'records'}, line {line}, field seq")


@pytest.mark.parametrize("words", [("prove", "9" * 5_000, "-o", "x"), ("disclose", "9" * 5_000), ("disclose", "\u0663")])
def test_a_number_of_thousands_of_digits_is_no_index(tmp_path, words):
    said = house(tmp_path).run(*words)
    assert (said.code, said.err.split()[:3]) == (1, ["error:", "no", "record"])


@pytest.mark.parametrize("version", ["9" * 5_000, "\u0663", "\x1b[2J"])
@pytest.mark.parametrize(("word", "code"), [("audit", 0), ("batches", 3), ("rebuild", 3)])
def test_a_ledger_whose_version_is_no_number_is_audited_and_otherwise_refused(tmp_path, word, code, version):
    at = house(tmp_path)
    with closing(sqlite3.connect(at.path)) as database:
        database.execute("UPDATE meta SET value = ? WHERE name = 'schema'", (version,))
        database.commit()
    said = at.run(word)
    assert said.code == code
    assert "fault" not in said.err
