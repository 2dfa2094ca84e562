"""The audit report as a PDF."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, replace

import pytest

from reports.attachment import extract
from reports.audit import AuditReport, render_pdf


@dataclass(frozen=True)
class Found:
    code: str
    severity: str
    index: int | None
    message: str


REPORT = AuditReport(
    ledger="5f" * 32,
    origin="ledger.example/lead",
    size=812,
    root="9a" * 32,
    as_of="checkpoint 812 of 2026-03-31",
    holds=False,
    findings=[
        Found("throughput", "flag", 300, "keystone:reading smelted 1300 t, capacity 1000 t"),
        Found("leaf-hash", "broken", 417, "entry 417 hashes to 00ab, the tree has 11cd"),
        Found("rollback", "broken", None, "size is 812, was 900 \u202e中<b>"),
    ],
    counts=[("records", 812)],
    facts=[("freshness", "not established")],
    checked=["Every signature."],
    not_checked=["Whether anything was weighed as stated."],
)


def test_the_same_report_gives_the_same_bytes_and_carries_its_findings():
    pdf = render_pdf(REPORT)
    assert pdf == render_pdf(replace(REPORT))
    attached = json.loads(extract(pdf)["findings.json"])
    assert attached["holds"] is False
    assert [one["index"] for one in attached["findings"]] == [300, 417, None]
    assert attached["findings"][2]["message"] == "size is 812, was 900 \\u202e\\u4e2d<b>"


def test_a_report_without_findings_can_be_printed():
    assert render_pdf(replace(REPORT, holds=True, findings=[], counts=[], facts=[], checked=[], not_checked=[])).startswith(b"%PDF-")


def test_a_report_with_thousands_of_findings_names_the_rest():
    many = [Found("late", "flag", number, "late") for number in range(1100)]
    assert len(json.loads(extract(render_pdf(replace(REPORT, findings=many)))["findings.json"])["findings"]) == 1100


@pytest.mark.tools
def test_the_page_says_what_was_found_and_where_first(tmp_path):
    path = tmp_path / "audit.pdf"
    path.write_bytes(render_pdf(REPORT))
    text = " ".join(subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True).stdout.split())
    for words in ("The ledger does not hold", "first at entry 417", "leaf-hash", "\\u202e\\u4e2d<b>", "What was not checked", "9a" * 32):
        assert words in text
