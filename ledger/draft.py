"""From what people write to what a key signs.

In an input file private values are open, a use may leave out `made_by` and its mass, and `of` may name a batch. A draft seals, looks up
and fills in, so that a signed record leaves nothing open: no blank cheques, no name that could be respelled.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from ledger.errors import FormatError, LimitError, UnknownError
from ledger.matter.batch import Batch
from ledger.matter.draw import moistened
from ledger.record import validated
from ledger.tlog import canonical
from ledger.tlog.private import SALT_BYTES, sealed_digest
from ledger.view import LAST, View
from schemas.event import COMMAND_ONLY, EVENT, Event
from schemas.measurement import Proportion

Raw = dict[str, Any]
_PROPORTION: TypeAdapter[Proportion] = TypeAdapter(Proportion)
MAX_EVENT_BYTES = 1 << 20
_PRIVATE_FIELDS = ("documents.*.number", "to.outside", "generator.name", "by.name")
"""Fields that are private by their nature: plain text in them is sealed without being asked to."""

_DRAWING = ("transform", "ship", "dispose")
"""Events that draw a mass from the batches that they use."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens a sealed field: which event of the record, the field's path, the salt and the text."""

    event: int
    field: str
    salt: bytes
    value: str


def parse_event(data: bytes, *, file: str | None = None, line: int | None = None, commands: bool = False) -> Raw:
    """Read one event of an input file as JSON.

    Raises:
        LimitError: It is larger than any record, and than what a sealed field may say beside it.
        FormatError, EncodingError: It is no JSON object, or an event that only a command writes.
    """
    if len(data) > MAX_EVENT_BYTES:
        raise LimitError("the event", got=len(data), limit=MAX_EVENT_BYTES, unit="bytes")
    where = ", ".join(part for part in (file, None if line is None else f"line {line}") if part) or "event"
    value = canonical.parse(data, what=where)
    if not isinstance(value, dict):
        raise FormatError("an event is a JSON object", file=file, line=line)
    kind = value.get("type")
    if isinstance(kind, str) and kind in COMMAND_ONLY and not commands:
        raise FormatError(f"a {kind} event comes from its own command, not from a file", file=file, line=line, field="type")
    return value


def seal(raw: Raw, number: int, *, salt: Callable[[int], bytes]) -> tuple[Raw, list[Opening]]:
    """Return an event with its private values sealed, and what opens them.

    `{"private":"text"}` anywhere, the values of a `private` object, and fields that are private by their nature are sealed.

    Args:
        raw: The event as people write it.
        number: Which event of its record this is.
        salt: Gives n random bytes.
    """
    openings: list[Opening] = []

    def sealed(value: str, path: str) -> Raw:
        drawn = salt(SALT_BYTES)
        openings.append(Opening(number, path, drawn, value))
        return {"sealed": sealed_digest(salt=drawn, field=path, value=value)}

    def walk(value: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON of any shape
        dotted = ".".join(path)
        if isinstance(value, dict):
            if set(value) == {"private"} and isinstance(value["private"], str):
                return sealed(value["private"], dotted)
            return {key: walk(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [walk(inner, (*path, str(place))) for place, inner in enumerate(value)]
        if isinstance(value, str) and _is_private(path):
            return sealed(value, dotted)
        return value

    return walk(raw, ()), openings


def _is_private(path: tuple[str, ...]) -> bool:
    inner = path[1:] if path[:1] == ("event",) else path
    if len(inner) == 2 and inner[0] == "private":  # noqa: PLR2004 - private.NAME
        return True
    shape = ".".join("*" if step.isdigit() else step for step in inner)
    return shape in _PRIVATE_FIELDS


def completed(raw: Raw, view: View | None, *, index: int, known: Mapping[str, str] | None = None) -> Event:
    """Return an event ready to be signed.

    Args:
        raw: The event with its private values sealed.
        view: The ledger as it stands before this event; None when there is no connection.
        index: The index that the record will have, as far as that is known; what was fixed in it needs no `made_by`.
        known: Without a view, the records that fixed the signer's own batches ("" where this very record does).

    Raises:
        FormatError: It does not have an event's form, or leaves open what nobody here knows.
        UnknownError: It uses a batch that does not exist.
    """
    raw = _referred(raw, view)
    inner = raw["event"] if raw.get("type") == "correct" and isinstance(raw.get("event"), dict) else raw
    for use, path in _uses(inner):
        _fill(use, path, view, index=index, known=known or {})
        if "mass" not in use and inner["type"] in _DRAWING:
            _fill_mass(use, path, view)
    event = validated(EVENT, canonical.encode(raw))
    _check_names(event)
    return event


def _referred(raw: Raw, view: View | None) -> Raw:
    """Return a correction or void whose `of` names a record instead of a batch."""
    of = raw.get("of")
    if raw.get("type") not in ("correct", "void") or not isinstance(of, dict) or set(of) != {"batch"}:
        return raw
    if view is None:
        raise FormatError("without a ledger nobody here knows which event made that batch; name its record", field="of")
    made = view.maker(str(of["batch"]))
    if made is None:
        raise UnknownError("batch", str(of["batch"]))
    return {**raw, "of": {"record": view.record_id(made >> 8), "event": made & 255}}


def _uses(raw: Raw) -> list[tuple[Raw, str]]:
    """Return the parts of a raw event that use a batch, with their paths; they are filled in where they stand."""
    if raw.get("type") == "transform" and isinstance(raw.get("inputs"), list):
        return [(use, f"inputs.{number}") for number, use in enumerate(raw["inputs"]) if isinstance(use, dict)]
    if raw.get("type") not in ("ship", "accept", "assay", "adjust", "dispose", "certify"):
        return []
    beside = raw.get("beside") if isinstance(raw.get("beside"), list) else []
    return [(raw, ""), *((use, f"beside.{number}") for number, use in enumerate(beside or []) if isinstance(use, dict))]


def _fill(use: Raw, path: str, view: View | None, *, index: int, known: Mapping[str, str]) -> None:
    name = use.get("batch")
    if not isinstance(name, str):
        return  # the model says what is wrong
    batch = view.batch_before(name, LAST) if view else None
    if "made_by" not in use:
        _fill_made_by(use, name, path, view, batch, index=index, known=known)


def _fill_mass(use: Raw, path: str, view: View | None) -> None:
    """State all that is left of a batch as the mass drawn of it."""
    name = use.get("batch")
    if not isinstance(name, str):
        return  # the model says what is wrong
    batch = view.batch_before(name, LAST) if view else None
    if batch is None:
        raise FormatError(f"without a ledger nobody here knows what is left of {name}; state its mass", field=f"{path}.mass".strip("."))
    if isinstance(use.get("moisture"), dict):
        batch = moistened(batch, validated(_PROPORTION, canonical.encode(use["moisture"])))
    use["mass"] = quantity(batch.gross_left)
    use["rest"] = True


def _fill_made_by(use: Raw, name: str, path: str, view: View | None, batch: Batch | None, *, index: int, known: Mapping[str, str]) -> None:
    if view is None:
        if name not in known:
            raise FormatError(
                f"without a ledger nobody here knows which record fixed {name}; state made_by", field=f"{path}.made_by".strip(".")
            )
        if known[name]:
            use["made_by"] = known[name]
        return
    if batch is None:
        raise UnknownError("batch", name, hint="a batch is received or made before it is used")
    if batch.fixed_at >> 8 != index:
        use["made_by"] = view.record_id(batch.fixed_at >> 8)


def quantity(mass_mg: int) -> Raw:
    """Return a mass in mg as a printed quantity in grams, exact to the milligram."""
    whole, rest = divmod(mass_mg, 1000)
    return {"value": f"{whole}.{rest:03d}" if rest else str(whole), "unit": "g"}


def _check_names(event: Event) -> None:
    """Check what only the moment of writing can: that names are in Normalisation Form C, which Unicode versions may change."""
    party = getattr(event, "party", None)
    site = getattr(event, "site", None)
    for field, name in (("party.name", getattr(party, "name", None)), ("site.name", getattr(site, "name", None))):
        if isinstance(name, str) and not unicodedata.is_normalized("NFC", name):
            raise FormatError("is not in Unicode Normalisation Form C; type it again or normalise it", field=field)
