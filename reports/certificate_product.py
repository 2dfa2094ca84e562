"""What stands on a certificate's pages of the product: its bill of materials by part, and the lots of a certificate over several."""

from __future__ import annotations

from reports import pdf
from reports.certificate_content import Content
from reports.page import Block, Run, Text
from reports.text import mass
from reports.words import plain

MOST_LOTS = 40


def product_tables(content: Content) -> list[Block]:
    """Set the parts and the lots, where there are any; beyond a page of lots the rest is summed, and stands in the annex one by one."""
    blocks: list[Block] = []
    if content.parts:
        rows: list[list[Text]] = [[plain(one.name), plain(one.material), *_both(one.mass_mg)] for one in content.parts]
        rest = content.mass_mg - sum(one.mass_mg for one in content.parts)
        if rest > 0:
            rows.append(["not stated in any part", "", *_both(rest)])
        blocks += [
            *pdf.heading("Bill of materials by part"),
            pdf.table(["PART", "MATERIAL", "POUNDS", "KILOGRAMS"], rows, [30, 30, 20, 20], right=(2, 3)),
        ]
    if content.lots:
        shown, others = content.lots[:MOST_LOTS], content.lots[MOST_LOTS:]
        listed: list[list[Text]] = [
            [Run(one.batch, "batch"), one.said if content.of_product else plain(one.said), *_both(one.mass_mg)] for one in shown
        ]
        if others:
            listed.append([f"{len(others):,} more lots, one by one in the annex", "", *_both(sum(one.mass_mg for one in others))])
        blocks += [
            *pdf.heading("The lots"),
            pdf.table(
                ["LOT", "MADE ON" if content.of_product else "MATERIAL", "POUNDS", "KILOGRAMS"], listed, [40, 20, 20, 20], right=(2, 3)
            ),
        ]
    return blocks


def _both(mg: int) -> list[Text]:
    return [mass(mg, "lb", places=1), mass(mg, "kg")]
