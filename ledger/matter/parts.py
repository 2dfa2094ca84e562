"""The bill of materials that a maker states of a lot: parts by mass, which add up to no more than the lot weighs."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from ledger.errors import AmountError, grams
from schemas.event import Receive
from schemas.step import Output


def check_parts(event: Output | Receive, gross: Fraction | None) -> None:
    """Check the parts that are stated of a lot against its gross mass in mg; None is a mass that the other outputs leave.

    Raises:
        AmountError: They weigh more than the lot, or the lot was not weighed.
    """
    parts = event.product.parts if event.product else []
    if not parts:
        return
    if gross is None:
        msg = f'batch {event.batch} has the mass "balance"; state its mass where its parts are stated'
        raise AmountError(msg)
    total = sum(part.mass.milligrams for part in parts)
    if total > gross:
        whole, held = ceil(total), floor(gross)
        msg = f"the parts of batch {event.batch} weigh {grams(whole)} together, the batch {grams(held)} ({grams(whole - held)} too much)"
        raise AmountError(msg)
