"""What a certificate is about, as one lot: a batch as it is left, or the lots of a product as they were made, added up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ledger.amend import effective
from ledger.certificates.made import Made, as_made, percent_of
from ledger.declared import as_made as batch_as_made
from ledger.errors import ClaimError, UnknownError
from ledger.matter.batch import Batch
from ledger.matter.provenance import Portions, mixed
from ledger.memory import Memory
from ledger.view import View
from schemas.product import Product

SEVERAL = "product"
"""The material of lots that are not all of one."""


@dataclass(frozen=True, slots=True)
class Lot:
    """Masses in mg: gross, dry, and portions by constituent as booked; `cautious` has those whose claims may rest on less.

    `made` says how it was made; `batches` are the names of what it is, with their gross masses and the days they were made where there are
    several.
    """

    names: tuple[str, ...]
    material: str
    mass_mg: int
    dry_mg: int
    pieces: int | None
    booked: Mapping[str, Portions]
    cautious: Mapping[str, Portions]
    made: Made
    parts: tuple[dict[str, Any], ...] = ()
    batches: tuple[dict[str, Any], ...] = ()

    @property
    def product(self) -> dict[str, Any] | None:
        """What is stated of it as a product, as certificates write it; None where nothing is."""
        product = self.made.product
        if product is None:
            return None
        said: dict[str, Any] = {name: getattr(product, name) for name in ("model", "category", "condition")}
        return {**said, "parts": list(self.parts), **({"batches": list(self.batches)} if self.batches else {})}


def lot_of(view: View, batch: Batch) -> Lot:
    """Return a batch, as it is left.

    Raises:
        ClaimError: Nothing is recorded in it.
    """
    held = {name: content for name, content in sorted(batch.contents.items()) if content.mass}
    if not held:
        raise ClaimError(f"nothing is recorded in batch {batch.id} of which a share could be claimed")
    return Lot(
        (batch.id,),
        batch.material,
        batch.gross_left,
        batch.dry_left,
        batch.pieces_left or None,
        {name: content.booked.left for name, content in held.items()},
        {name: content.cautious.left for name, content in held.items() if content.cautious is not None},
        made := as_made(view, batch),
        _parts([made.product]),
    )


def lots_of(view: View, names: Sequence[str]) -> Lot:
    """Return the lots of a product as they were made, added up.

    Raises:
        UnknownError: One of them is not there.
        ClaimError: Nothing is recorded in them.
    """
    lots = [_whole(view, name) for name in names]
    booked = _added(lots, careful=False)
    if not booked:
        raise ClaimError(f"nothing is recorded in {len(lots)} lots of which a share could be claimed")
    careful = {name for lot in lots for name, content in lot.contents.items() if content.cautious is not None}
    cautious = {name: portions for name, portions in _added(lots, careful=True).items() if name in careful}
    mades = [as_made(view, lot) for lot in lots]
    dry = sum(lot.dry_made for lot in lots)
    contained = {name: sum(portions.values()) for name, portions in booked.items()}
    made = Made(
        mades[0].plant,
        {name: percent_of(mass, dry) for name, mass in sorted(contained.items())},
        _product([one.product for one in mades]),
        _answers([one.answers for one in mades]),
        frozenset(),
    )
    materials = sorted({lot.material for lot in lots})
    rows = [{"batch": lot.id, "mass_mg": lot.gross_made, "made": _day(view, lot)} for lot in lots]
    return Lot(
        tuple(names),
        materials[0] if len(materials) == 1 else SEVERAL,
        sum(lot.gross_made for lot in lots),
        dry,
        None,
        booked,
        cautious,
        made,
        _parts([one.product for one in mades]),
        tuple(rows),
    )


def _parts(products: Sequence[Product | None]) -> tuple[dict[str, Any], ...]:
    """Add up what is stated of parts, by part and material."""
    found: dict[tuple[str, str], Fraction] = {}
    for product in products:
        for part in product.parts if product else ():
            key = (part.part, part.material or "")
            found[key] = found.get(key, Fraction(0)) + part.mass.milligrams
    return tuple({"part": part, "material": material or None, "mass_mg": round(mass)} for (part, material), mass in sorted(found.items()))


def _whole(view: View, name: str) -> Batch:
    batch = batch_as_made(view, name)
    if batch is None:
        raise UnknownError("batch", name)
    return batch


def _added(lots: Sequence[Batch], *, careful: bool) -> dict[str, Portions]:
    """Add what lots contained as they were made; with `careful` what claims may rest on."""
    found: dict[str, Portions] = {}
    for lot in lots:
        for name, content in lot.contents.items():
            stock = content.claimable if careful else content.booked
            if stock.made:
                found[name] = mixed(found.get(name, {}), stock.made)
    return dict(sorted(found.items()))


def _product(stated: Sequence[Product | None]) -> Product | None:
    """Return what all lots state alike: everything but their parts, or at least model, category and condition."""
    found = [one.model_copy(update={"parts": []}) for one in stated if one is not None]
    if all(one == found[0] for one in found):
        return found[0]
    alike = {name: getattr(found[0], name) for name in ("model", "category", "condition")}
    return Product(**{name: value for name, value in alike.items() if all(getattr(one, name) == value for one in found)})


def _answers(given: Sequence[Mapping[str, bool]]) -> dict[str, bool]:
    first, *others = given
    return {question: answer for question, answer in first.items() if all(one.get(question) == answer for one in others)}


def _day(view: View, lot: Batch) -> str:
    event = effective(Memory(view), lot.made_at)[0]
    return "" if event is None else event.time[:10]
