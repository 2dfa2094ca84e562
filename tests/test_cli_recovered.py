"""A supplier is told what became of what it delivered."""

from __future__ import annotations

import json

import pytest

from reports.attachment import extract
from terminal import house, lead


@pytest.fixture(scope="module")
def yard(tmp_path_factory):
    made = house(tmp_path_factory.mktemp("yard"))
    made.log("yard/1", lead("yard:L1", mass="1000"))
    made.log("yard/1", lead("yard:L2", mass="3000"))
    return made


def test_what_became_of_deliveries_is_said_and_printed(yard, tmp_path):
    pdf = tmp_path / "statement.pdf"
    said = yard.done("recovered", "yard:L1", "--to", "Ohio Core Supply", "-o", pdf)
    assert said.out.splitlines() == [
        "yard:L1  soft_lead  1,000.000 kg",
        "became",
        "  soft_lead          held         Pb 999.700 kg",
        f"wrote {pdf}",
    ]
    figures = json.loads(extract(pdf.read_bytes())["recovery.json"])
    assert figures["recovered"] == [{"material": "soft_lead", "fate": "held", "contained_mg": {"Pb": 999_700_000}}]
    assert yard.done("recovered", "yard:L1", "--json").json["recovered"] == figures["recovered"]
    again = yard.run("recovered", "yard:L1", "--to", "x", "-o", pdf)
    assert (again.code, again.err.splitlines()[0]) == (3, f"error: {pdf} exists already")


def test_the_same_ledger_gives_the_same_bytes(yard, tmp_path):
    for name in ("a.pdf", "b.pdf"):
        yard.done("recovered", "yard:L1", "yard:L2", "--to", "Ohio Core Supply", "-o", tmp_path / name)
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("yard:NONE",), "no batch yard:NONE in this ledger"),
        (("yard:L1", "--to", "x"), "a statement needs both: --to NAME -o PDF"),
    ],
)
def test_what_cannot_be_stated_is_refused(yard, arguments, message):
    said = yard.run("recovered", *arguments)
    assert said.code in (1, 2)
    assert said.err.splitlines()[0] == f"error: {message}"
