"""What the event that made a batch says of it: its plant, its assay, what its maker states of the product, its papers, signed answers.

What was only split off was made where and as the whole was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger.amend import effective
from ledger.declared import stated
from ledger.errors import UnknownError
from ledger.matter.batch import Batch
from ledger.matter.claims import floored_percent
from ledger.matter.provenance import UNKNOWN
from ledger.memory import Memory
from ledger.view import View
from schemas.event import Event, Receive, Transform
from schemas.measurement import Assay
from schemas.product import Product

_COMPUTED = "computed"


@dataclass(frozen=True, slots=True)
class Made:
    """How a batch was made: `assay` as certificates write it, `answers` by question, `supplied` names the papers and fields that are there.

    `site`, `name` and `country` are those of the plant.
    """

    plant: dict[str, str]
    assay: dict[str, Any]
    product: Product | None
    answers: dict[str, bool]
    supplied: frozenset[str]


def as_made(view: View, batch: Batch) -> Made:
    """Return how a batch was made, as the events are read now.

    Raises:
        UnknownError: The view does not know the plant.
    """
    sheet = Memory(view)
    event, _, answers = effective(sheet, batch.made_at)
    assay = _assay(event, batch.id)
    found = dict(answers.get(batch.id, ()))
    site, kind = (view.closure_at(batch.made_at) or (batch.site, ""))[:2]
    name = batch.id
    while kind == "split" and len(edges := view.made_of(name)) == 1:
        name = edges[0][1].parent
        place = view.maker(name) or 0
        site, kind = (view.closure_at(place) or (site, ""))[:2]
        event, _, answers = effective(sheet, place)
        found = {**dict(answers.get(name, ())), **found}
    facts = view.site(site)
    if facts is None:  # pragma: no cover - an event at a site stands behind the site's
        raise UnknownError("site", site)
    plant = {"site": facts.id, "name": facts.name, "country": facts.country}
    return Made(plant, _stated(assay, batch), stated(event, name), found, _supplied(event))


def _assay(event: Event | None, name: str) -> Assay | None:
    if isinstance(event, Receive):
        return event.assay
    outputs = event.outputs if isinstance(event, Transform) else []
    return next((output.assay for output in outputs if output.batch == name), None)


def _stated(assay: Assay | None, batch: Batch) -> dict[str, Any]:
    """Return an assay as its laboratory printed it, or shares as computed."""
    if assay is not None:
        return {name: result.model_dump(exclude_none=True) for name, result in sorted(assay.items())}
    return {name: percent_of(mass, batch.dry_left) for name, mass in sorted(batch.contained().items())}


def percent_of(mass: int, dry: int) -> dict[str, str]:
    """Return a computed share as an assay states it."""
    return {"value": floored_percent(mass, dry, places=4), "unit": "%", "method": _COMPUTED}


def _supplied(event: Event | None) -> frozenset[str]:
    """Return what the papers of a receipt give: kinds of documents, names of private fields, and what the event itself says."""
    if not isinstance(event, Receive):
        return frozenset()
    said = {"quantity", "date"}
    if event.generator is not None:
        said.add("generator")
    collected = event.places.get("collected_in", UNKNOWN)
    if UNKNOWN not in ([collected] if isinstance(collected, str) else collected):
        said.add("collection_place")
    return frozenset({*said, *event.private, *(document.kind for document in event.documents)})
