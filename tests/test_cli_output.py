"""What the commands print, whatever stands in a file: nothing that moves a cursor, and the name of the file that is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.output import print_json
from terminal import command

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


def test_an_auditors_statement_without_a_line_of_its_state_is_named(tmp_path):
    statement = (VECTORS / "statement").read_bytes()
    file = tmp_path / "given.evidence"
    block = b"attest %d\n" % statement.count(b"\n") + statement + b"end\n"
    file.write_bytes((VECTORS / "certificate.evidence").read_bytes().removesuffix(b"end\n") + block)
    found = command("verify", VECTORS / "certificate.json", "--evidence", file, "--trust", VECTORS / "trust")
    assert "DOES NOT HOLD: the evidence holds an auditor's statement and no line of its state" in found.out
