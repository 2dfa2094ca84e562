"""A recycling statement to whoever delivered scrap: how much it was, and what became of the metal in it.

It is the recycler's own statement, reckoned from the ledger's records and signed by nobody; whoever has the ledger reckons it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.recovery import Received, Recovery, Row
from ledger.tlog import canonical
from reports import pdf
from reports.attachment import attach
from reports.page import Block, Head, Run, Text
from reports.text import mass, percent_floor
from reports.words import constituent, plain

ATTACHMENT = "recovery.json"
MOST_LOTS = 60
_FATES = {"held": "still held", "delivered": "delivered to customers", "disposed of": "disposed of"}
_LIMITS = (
    "It proves statements, not metal: it is reckoned from what was logged, and rests on the scales and assays that were.",
    "Of what several deliveries were made into, each has the part that its metal was of the metal drawn; of unassayed scrap, of its mass.",
    "What went into slag, dross and dust stands where that stands; what no record accounts for is not listed.",
)


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """What a statement says beside its figures: from whom to whom, and which log it was reckoned from."""

    recycler: str
    supplier: str
    country: str
    origin: str
    ledger: str
    size: int
    root: str
    recovery: Recovery


def render_pdf(report: RecoveryReport) -> bytes:
    """Set a recycling statement as a PDF with its figures attached; the same report gives the same bytes.

    Raises:
        FormatError: The font lacks a character, or a part fits on no page.
    """
    head = Head(
        title=f"Recycling statement for {report.supplier}",
        author=report.recycler,
        subject=f"{len(report.recovery.received)} deliveries",
        left="Recycling statement",
        right=report.recycler,
        foot=f"{report.origin}, {report.size:,} records, root {report.root[:16]}…",
        paper="letter" if report.country in ("US", "CA", "MX") else "a4",
    )
    blocks = [*_top(report), *_recovered(report), *_deliveries(report), *_basis(report)]
    data = {"ledger": report.ledger, "root": report.root, "size": report.size, **report.recovery.as_data()}
    return attach(pdf.build(blocks, head), ATTACHMENT, canonical.encode(data), description="the figures of this statement")


def _shown(report: RecoveryReport, mg: int) -> str:
    """Write a mass twice, the unit of the recycler's country first."""
    both = mass(mg, "lb", places=1), mass(mg, "kg", places=1)
    return "{} ({})".format(*(both if report.country == "US" else both[::-1]))


def _top(report: RecoveryReport) -> list[Block]:
    delivered = sum(one.mass_mg for one in report.recovery.received)
    metal = _sums(report.recovery.rows)
    first = next(iter(metal), "")
    materials = " and ".join(sorted({plain(one.material) for one in report.recovery.received}))
    said: list[Run] = [
        Run("Your "),
        Run(_shown(report, delivered), face="bold"),
        Run(f" of {materials}, taken in by "),
        Run(report.recycler, "recycler", "bold"),
    ]
    out = ", ".join(f"{_shown(report, mg)} of {constituent(symbol)}" for symbol, mg in metal.items()) or "nothing yet"
    return [
        pdf.paragraph("Recycling statement", "title"),
        pdf.space(3),
        pdf.paragraph([Run("To "), Run(report.supplier, "supplier", "bold")], "lead"),
        pdf.space(10),
        pdf.band(
            [
                (0.4, "DELIVERED", _shown(report, delivered), f"{len(report.recovery.received):,} deliveries"),
                (
                    0.6,
                    f"{constituent(first).upper() or 'METAL'} ACCOUNTED FOR",
                    _shown(report, metal.get(first, 0)),
                    "in the materials below",
                ),
            ]
        ),
        pdf.space(10),
        pdf.paragraph([*said, Run(f"; accounted for is {out}.")], "body"),
    ]


def _sums(rows: Sequence[Row]) -> dict[str, int]:
    """Add metal up over all rows, lead and antimony first."""
    found: dict[str, int] = {}
    for row in rows:
        for symbol, mg in row.contained.items():
            found[symbol] = found.get(symbol, 0) + mg
    order = [symbol for symbol in ("Pb", "Sb") if symbol in found]
    return {symbol: found[symbol] for symbol in [*order, *sorted(set(found) - set(order))]}


def _recovered(report: RecoveryReport) -> list[Block]:
    if not report.recovery.rows:
        return [*pdf.heading("Recovered as"), pdf.paragraph("Nothing was made of it yet, and nobody has assayed it.", "body")]
    whole = _sums(report.recovery.rows)
    rows: list[list[Text]] = []
    for symbol in whole:
        held = sorted(report.recovery.rows, key=lambda row: -row.contained.get(symbol, 0))
        rows += [
            [
                constituent(symbol),
                Run(plain(row.material)),
                _FATES[row.fate],
                mass(row.contained[symbol], "lb", places=1),
                mass(row.contained[symbol], "kg", places=1),
                f"{percent_floor(row.contained[symbol], whole[symbol])} %",
            ]
            for row in held
            if row.contained.get(symbol)
        ]
    heads = ["METAL", "RECOVERED AS", "WHICH IS", "POUNDS", "KILOGRAMS", "OF THAT METAL"]
    return [*pdf.heading("Recovered as"), pdf.table(heads, rows, [14, 24, 22, 14, 16, 12], right=(3, 4, 5))]


def _deliveries(report: RecoveryReport) -> list[Block]:
    def row(one: Received) -> list[Text]:
        return [Run(one.batch, "batch"), plain(one.material), mass(one.mass_mg, "lb", places=1), mass(one.mass_mg, "kg")]

    shown, others = report.recovery.received[:MOST_LOTS], report.recovery.received[MOST_LOTS:]
    rows = [row(one) for one in shown]
    if others:
        rest = sum(one.mass_mg for one in others)
        rows.append([f"{len(others):,} more deliveries, in the attached {ATTACHMENT}", "", mass(rest, "lb", places=1), mass(rest, "kg")])
    return [*pdf.heading("Your deliveries"), pdf.table(["BATCH", "MATERIAL", "POUNDS", "KILOGRAMS"], rows, [40, 24, 18, 18], right=(2, 3))]


def _basis(report: RecoveryReport) -> list[Block]:
    sentences = [block for text in _LIMITS for block in (pdf.space(2.5), pdf.paragraph(text, "small"))]
    return [
        pdf.space(14),
        pdf.panel([pdf.paragraph("What this does not say", "heading"), *sentences]),
        pdf.space(8),
        pdf.paragraph(f"Reckoned from {report.origin}, {report.size:,} records, with the root", "fine"),
        pdf.paragraph(Run(report.root, face="mono"), "fine"),
        pdf.paragraph("Ledger", "fine"),
        pdf.paragraph(Run(report.ledger, face="mono"), "fine"),
    ]
