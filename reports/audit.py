"""The audit report: what was checked, what was found, and what nobody looked at.

A report on damaged records must not fail on what the damage left behind, so characters that cannot be printed are shown as escapes here,
where a certificate refuses them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ledger.sampling import Sample
from ledger.tlog import canonical
from reports import pdf
from reports.attachment import attach
from reports.fontset import shown
from reports.page import MUTED, WIDTH, Block, Head, Run, Text

ATTACHMENT = "findings.json"
MOST_FINDINGS = 1000
GRAVE = {"broken": "#A3262A", "flag": "#8A5A00"}


class FindingLike(Protocol):
    """What a finding of the audit has, whoever defines it."""

    @property
    def code(self) -> str:
        """Its stable name."""

    @property
    def severity(self) -> str:
        """`broken` or `flag`."""

    @property
    def index(self) -> int | None:
        """The entry it is about."""

    @property
    def message(self) -> str:
        """What is wrong: got, want, difference."""


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The content of a report.

    `counts` are labels with numbers (records, batches, certificates …); `facts` are labels with words (origin, freshness, witnesses …);
    `checked` and `not_checked` are sentences; `as_of` says of which checkpoint and date the report speaks, handed in, never a clock.
    """

    ledger: str
    origin: str
    size: int
    root: str
    as_of: str
    holds: bool
    findings: Sequence[FindingLike] = ()
    counts: Sequence[tuple[str, int]] = ()
    facts: Sequence[tuple[str, str]] = field(default=())
    checked: Sequence[str] = ()
    not_checked: Sequence[str] = ()
    sample: Sample | None = None


def render_pdf(report: AuditReport) -> bytes:
    """Set an audit report as a PDF with its findings attached as `findings.json`; the same report gives the same bytes.

    Raises:
        FormatError: A part fits on no page.
    """
    broken = sum(finding.severity == "broken" for finding in report.findings)
    flags = len(report.findings) - broken
    head = Head(
        title=f"Audit report of {shown(report.origin)}",
        author="Plumbline",
        subject=f"{report.size} records",
        left=f"Audit report · {shown(report.origin)}",
        right=shown(report.as_of),
        foot=f"root {report.root[:16]}…",
        made=_time(report.as_of),
    )
    blocks = [*_top(report, broken, flags), *_findings(report), *_scope(report), *_sample(report.sample)]
    return attach(pdf.build(blocks, head), ATTACHMENT, _json(report), description="the findings of this report")


def _time(as_of: str) -> str:
    """Return the time that a report's `as_of` names, the date of the file; nothing where it names none, or one that no calendar has."""
    found = re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", as_of, re.ASCII)
    try:
        datetime.fromisoformat(found[0] if found else "")
    except ValueError:
        return ""
    return found[0] if found else ""


def _top(report: AuditReport, broken: int, flags: int) -> list[Block]:
    answer = "The ledger holds" if report.holds else "The ledger does not hold"
    places = [finding.index for finding in report.findings if finding.severity == "broken" and finding.index is not None]
    first = f"first at entry {min(places):,}" if places else "no entry named" if broken else "every check below held"
    pairs: list[tuple[str, Text]] = [(label.upper(), f"{number:,}") for label, number in report.counts]
    pairs += [(label.upper(), shown(text)) for label, text in report.facts]
    return [
        pdf.paragraph("Audit report", "title"),
        pdf.space(3),
        pdf.paragraph([Run("Ledger "), Run(shown(report.origin), face="bold"), Run(f", {shown(report.as_of)}")], "lead"),
        pdf.space(12),
        pdf.band(
            [
                (0.36, "ANSWER", Run(answer, colour=GRAVE["broken"] if not report.holds else None), first),
                (0.2, "RECORDS", f"{report.size:,}", "read again from the stored bytes"),
                (0.22, "BROKEN", f"{broken:,}", "rules, hashes, signatures, balances"),
                (0.22, "FLAGS", f"{flags:,}", "implausible, late or unwitnessed"),
            ]
        ),
        pdf.space(10),
        pdf.paragraph("LEDGER ID", "label"),
        pdf.paragraph(Run(shown(report.ledger), face="mono"), "small"),
        pdf.paragraph("ROOT", "label"),
        pdf.paragraph(Run(shown(report.root), face="mono"), "small"),
        pdf.space(8),
        *([pdf.facts(pairs, across=4)] if pairs else []),
    ]


def _findings(report: AuditReport) -> list[Block]:
    if not report.findings:
        return [*pdf.heading("Findings"), pdf.paragraph("None.", "body")]
    ranked = sorted(report.findings, key=lambda one: (one.severity != "broken", -1 if one.index is None else one.index))
    rows: list[list[Text]] = [
        [
            Run(one.severity, face="bold", colour=GRAVE.get(one.severity, MUTED)),
            "ledger" if one.index is None else f"entry {one.index:,}",
            shown(one.code),
            shown(one.message),
        ]
        for one in ranked[:MOST_FINDINGS]
    ]
    if len(ranked) > MOST_FINDINGS:
        rows.append(["", "", f"{len(ranked) - MOST_FINDINGS:,} more", f"all of them are in the attached {ATTACHMENT}"])
    return [*pdf.heading("Findings"), pdf.table(["SEVERITY", "WHERE", "FINDING", "WHAT"], rows, [11, 15, 25, 49])]


def _scope(report: AuditReport) -> list[Block]:
    def listed(title: str, sentences: Sequence[str]) -> list[Block]:
        texts = [block for one in sentences for block in (pdf.space(2.5), pdf.paragraph(shown(one), "small"))]
        return [pdf.paragraph(title, "heading"), *(texts or [pdf.paragraph("Nothing was stated.", "small")])]

    sides = [(0.47, listed("What was checked", report.checked)), (0.5, listed("What was not checked", report.not_checked))]
    return [pdf.space(14), pdf.panel([pdf.columns(sides, width=WIDTH - 18)])]


def _sample(sample: Sample | None) -> list[Block]:
    """Set the events that were drawn, each with room for what its papers say."""
    if sample is None:
        return []
    drawn = f"{len(sample.events):,} of {sample.of:,} events, drawn with the seed “{shown(sample.seed)}”."
    text = (
        f"{drawn} Ask for the papers of each, compare what they say, and their SHA-256 with the ledger's where one is given. The same seed "
        "draws the same events from the same log."
    )
    rows: list[list[Text]] = [
        [
            f"{one.index:,}.{one.event}",
            one.type,
            one.time[:10],
            [Run(shown(one.site)), Run(shown(", ".join(one.batches)), colour=MUTED, below=True)],
            shown(one.stated) or "no mass",
            "; ".join(f"{shown(kind)} {digest[:16]}…" for kind, digest in one.documents) or "none named",
            "",
        ]
        for one in sample.events
    ]
    heads = ["RECORD", "EVENT", "DATE", "SITE AND BATCH", "STATED", "PAPERS", "FOUND"]
    return [
        *pdf.heading("Sample for comparison with papers"),
        pdf.paragraph(text, "fine"),
        pdf.table(heads, rows, [9, 9, 10, 26, 16, 18, 12]),
    ]


def _json(report: AuditReport) -> bytes:
    """Write the findings as canonical JSON; escapes stand for what cannot be printed, so that no damage can break the attachment."""
    findings = [{"code": one.code, "index": one.index, "message": shown(one.message), "severity": one.severity} for one in report.findings]
    return canonical.encode(
        {"findings": findings, "holds": report.holds, "ledger": report.ledger, "root": report.root, "size": report.size}
    )
