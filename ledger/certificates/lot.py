"""What a certificate is about, as one lot: batches as they are left, or the lots of a product as they were made, added up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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

    `made` says how it was made; `batches` are the lots of a product, with their gross masses and the days they were made, `shipment` the
    batches of a shipment, with their materials and masses.
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
    shipment: tuple[dict[str, Any], ...] = ()

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


def shipment_of(view: View, batches: Sequence[Batch]) -> Lot:
    """Return several batches, as they are left, added up.

    Raises:
        ClaimError: Nothing is recorded in one of them, or they are not of one plant, material, model, category and condition: what is added
            up is to be one thing, so that a rule that is about it is about each.
    """
    lots = [lot_of(view, batch) for batch in batches]
    first = _kind_of(lots[0])
    for lot in lots:
        other = _kind_of(lot)
        differs = next((name for name in first if first[name] != other[name]), None)
        if differs is not None:
            (one, here), (two, there) = (lots[0].names[0], first[differs] or "none"), (lot.names[0], other[differs] or "none")
            raise ClaimError(f"the {differs} of batch {one} is {here}, that of batch {two} {there}", hint="certify them apart")
    rows = [{"batch": lot.names[0], "material": lot.material, "mass_mg": lot.mass_mg} for lot in lots]
    pieces = [lot.pieces for lot in lots if lot.pieces]
    return replace(_added(lots), pieces=sum(pieces) if len(pieces) == len(lots) else None, shipment=tuple(rows))


def _kind_of(lot: Lot) -> dict[str, str | None]:
    """Return what all lots of a shipment have in common."""
    product = lot.made.product or Product()
    stated = {"model": product.model, "category": product.category, "condition": product.condition}
    return {"plant": lot.made.plant["site"], "material": lot.material, **stated}


def lots_of(view: View, names: Sequence[str]) -> Lot:
    """Return the lots of a product as they were made, added up.

    Raises:
        UnknownError: One of them is not there.
        ClaimError: Nothing is recorded in them.
    """
    batches = [_whole(view, name) for name in names]
    lot = _added([_lot_made(view, batch) for batch in batches])
    if not lot.booked:
        raise ClaimError(f"nothing is recorded in {len(batches)} lots of which a share could be claimed")
    rows = [{"batch": batch.id, "mass_mg": batch.gross_made, "made": _day(view, batch)} for batch in batches]
    return replace(lot, batches=tuple(rows))


def _whole(view: View, name: str) -> Batch:
    batch = batch_as_made(view, name)
    if batch is None:
        raise UnknownError("batch", name)
    return batch


def _lot_made(view: View, batch: Batch) -> Lot:
    """Return a batch as it was made; it may hold nothing."""
    held = {name: content for name, content in sorted(batch.contents.items()) if content.booked.made or content.claimable.made}
    return Lot(
        (batch.id,),
        batch.material,
        batch.gross_made,
        batch.dry_made,
        None,
        {name: content.booked.made for name, content in held.items()},
        {name: content.cautious.made for name, content in held.items() if content.cautious is not None},
        made := as_made(view, batch),
        _parts([made.product]),
    )


def _added(lots: Sequence[Lot]) -> Lot:
    """Add lots up: what they hold, and what is said of all of them alike."""
    booked = _mixed([lot.booked for lot in lots])
    careful = {name for lot in lots for name in lot.cautious}
    cautious = _mixed([{name: lot.cautious.get(name, lot.booked.get(name, {})) for name in careful} for lot in lots])
    dry = sum(lot.dry_mg for lot in lots)
    contained = {name: sum(portions.values()) for name, portions in booked.items()}
    mades = [lot.made for lot in lots]
    made = Made(
        mades[0].plant,
        {name: percent_of(mass, dry) for name, mass in sorted(contained.items())},
        _product([one.product for one in mades]),
        _answers([one.answers for one in mades]),
        frozenset.intersection(*(one.supplied for one in mades)),
    )
    materials = sorted({lot.material for lot in lots})
    return Lot(
        tuple(name for lot in lots for name in lot.names),
        materials[0] if len(materials) == 1 else SEVERAL,
        sum(lot.mass_mg for lot in lots),
        dry,
        None,
        booked,
        cautious,
        made,
        _parts([one.product for one in mades]),
    )


def _mixed(contents: Sequence[Mapping[str, Portions]]) -> dict[str, Portions]:
    """Add portions by constituent, in alphabet."""
    found: dict[str, Portions] = {}
    for content in contents:
        for name, portions in content.items():
            if portions:
                found[name] = mixed(found.get(name, {}), portions)
    return dict(sorted(found.items()))


def _parts(products: Sequence[Product | None]) -> tuple[dict[str, Any], ...]:
    """Add up what is stated of parts, by part and material."""
    found: dict[tuple[str, str], Fraction] = {}
    for product in products:
        for part in product.parts if product else ():
            key = (part.part, part.material or "")
            found[key] = found.get(key, Fraction(0)) + part.mass.milligrams
    return tuple({"part": part, "material": material or None, "mass_mg": round(mass)} for (part, material), mass in sorted(found.items()))


def _product(stated: Sequence[Product | None]) -> Product | None:
    """Return what all lots state alike: everything but their parts, or at least model, category and condition.

    A lot that states nothing states nothing alike.
    """
    if not any(stated):
        return None
    found = [(one or Product()).model_copy(update={"parts": []}) for one in stated]
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
