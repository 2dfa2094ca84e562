"""Corrections: an event said anew with what was wrong changed, and an event taken back. Nothing in the log is edited."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from cli import flags
from cli.enter import PIECES, Raw, misuse, now_here, numbered, write
from cli.output import remark
from cli.session import Session, read_input, writing

if TYPE_CHECKING:
    from ledger.store.view import StoreView
    from schemas.event import Event

_INDEX_DIGITS = 12
_HASH_DIGITS = 64


@click.command()
@click.argument("batch", required=False)
@click.option("--of", "of", metavar="RECORD:EVENT", help="Which event, by its record (index or id) and its number in it, such as 12:0.")
@click.option("--mass", type=flags.SIGNED, metavar="MASS", help="The mass as it should have been.")
@click.option("--moisture", type=flags.FRACTION, metavar="FRACTION", help="The moisture as it should have been.")
@click.option("--assay", type=flags.ASSAY, metavar="ASSAY", help="Results as they should have been; those not named stay.")
@click.option("--material", metavar="NAME", help="The material as it should have been.")
@click.option("--feedstock", type=click.Choice(flags.FEEDSTOCKS), help="The class as it should have been.")
@click.option("--place", "--places", "places", type=flags.PLACES, multiple=True, metavar="FACT=CC", help="Places as they should have been.")
@click.option("--share", "shares", type=flags.SHARE, multiple=True, metavar="SHARE", help="The shares of a mixed load, all of them anew.")
@PIECES
@click.option("--in", "inputs", type=flags.USE, multiple=True, metavar="INPUT", help="An input of a transform as it should have been.")
@click.option("--document", "documents", type=flags.DOCUMENT, multiple=True, metavar="KIND=FILE", help="A paper that was left out.")
@click.option("--document-number", "numbers", multiple=True, metavar="TEXT", help="The number on each --document; kept private.")
@click.option("--event", "file", metavar="FILE", help="The whole event as JSON as it should have been; - reads standard input.")
@click.option("--event-time", type=flags.TIME, metavar="TIME", help="When it happened, as it should have been.")
@click.option("--time", type=flags.TIME, metavar="TIME", help="When the correction was made. Default: now.")
@click.option("--reason", required=True, metavar="TEXT", help="Why; public text without names.")
@writing
def correct(session: Session, batch: str | None, of: str | None, file: str | None, time: str | None, reason: str, **said: Any) -> None:  # noqa: ANN401
    """Correct an event; everything that follows is derived again.

    BATCH names the event that made it; what a flag does not say stays as it was. Of a transform, the output BATCH is changed.

    \b
    plumbline correct keystone:RB-26-1007 --mass "41800 lb" --reason "settled weight"
    plumbline correct --of 12:0 --event event.json --reason "wrong customer"
    """  # noqa: D301 - \b is click's
    from ledger.draft import parse_event  # noqa: PLC0415 - loaded when needed

    if batch is None and of is None:
        raise misuse("which event? give the BATCH that it made, or --of RECORD:EVENT")
    changes = {name: value for name, value in said.items() if value or (name == "assay" and value is not None)}
    if (file is None) == (not changes):
        raise misuse("what was wrong? give --mass, --moisture, --assay, --feedstock, --place …, or the whole event with --event FILE")
    with session.store().reading() as view:
        place = event_place(view, of) if of else _made(view, str(batch))
        reference = {"record": view.record_id(place >> 8), "event": place & 255}
        if file is not None:
            changed = parse_event(read_input(file), file=file)
        else:
            original = json.loads(_dumped(view, place))
            changed = _changed(json.loads(json.dumps(original)), batch, changes)
            if changed == original:
                raise misuse("nothing would change: the event says this already")
        if "assay" in changes and any(amendment.kind == "assay" for amendment in view.amendments(place)):
            remark("a later laboratory result counts before this one; correct that event instead where they disagree (--of RECORD:EVENT)")
    write(session, {"type": "correct", "time": time or now_here(), "of": reference, "event": changed, "reason": reason})


@click.command()
@click.argument("what", metavar="BATCH|RECORD:EVENT")
@click.option("--reason", required=True, metavar="TEXT", help="Why; public text without names.")
@click.option("--time", type=flags.TIME, metavar="TIME", help="When it was taken back. Default: now.")
@writing
def void(session: Session, what: str, reason: str, time: str | None) -> None:
    """Take back an event whose outputs were not used. Its batch numbers are never used again.

    \b
    plumbline void keystone:RB-26-1008 --reason "entered twice"
    plumbline void 12:0 --reason "shipped next week"
    """  # noqa: D301 - \b is click's
    with session.store().reading() as view:
        place = event_place(view, what) if _is_reference(view, what) else _made(view, what)
        reference = {"record": view.record_id(place >> 8), "event": place & 255}
    write(session, {"type": "void", "time": time or now_here(), "of": reference, "reason": reason})


def _is_reference(view: StoreView, what: str) -> bool:
    """Say whether a text means RECORD:EVENT: a party may be called 12, and then 12:0 is its batch."""
    record, _, event = what.partition(":")
    plain = event.isdecimal() and (record.isdecimal() or len(record) == _HASH_DIGITS)
    return plain and not view.is_party(record)


def event_place(view: StoreView, reference: str) -> int:
    """Return the position of the event that RECORD:EVENT names; RECORD is an index or an id.

    Raises:
        click.UsageError: It is no such reference.
        UnknownError: There is no such record.
    """
    from ledger.errors import UnknownError  # noqa: PLC0415 - loaded when needed
    from ledger.view import position  # noqa: PLC0415 - loaded when needed

    record, _, number = reference.partition(":")
    event = int(number) if number.isdecimal() and len(number) <= len("255") else 256 if number else 0
    known = len(record) == _HASH_DIGITS or (record.isdecimal() and len(record) <= _INDEX_DIGITS)
    if not known or event > 255:  # noqa: PLR2004 - a record holds at most 256
        raise misuse(f"{reference!r} names no event; write RECORD:EVENT with the record's index or id, such as 12:0")
    index = view.index_of(record) if len(record) == _HASH_DIGITS else int(record)
    if index is None or index >= view.size:
        raise UnknownError("record", record)
    return position(index, event)


def _made(view: StoreView, batch: str) -> int:
    from ledger.errors import UnknownError  # noqa: PLC0415 - loaded when needed

    place = view.maker(batch)
    if place is None:
        raise UnknownError("batch", batch, hint="`plumbline batches` lists them")
    return place


def _dumped(view: StoreView, place: int) -> bytes:
    """Return an event as the newest correction of it says, as JSON."""
    from ledger.errors import UnknownError  # noqa: PLC0415 - loaded when needed
    from ledger.record import dump  # noqa: PLC0415 - loaded when needed
    from schemas.event import Correct  # noqa: PLC0415 - loaded when needed

    event: Event | None = view.event(place)
    if event is None:
        raise UnknownError("event", f"{place & 255} of record {place >> 8}")
    for amendment in view.amendments(place):
        change = view.event(amendment.position)
        if isinstance(change, Correct):
            event = change.event
    return dump(event)


def _changed(event: Raw, batch: str | None, changes: Raw) -> Raw:
    """Return an event with what was said changed, in the place where it stands."""
    part = event
    if event["type"] == "transform":
        part = next((output for output in event["outputs"] if output["batch"] == batch), event)
    if "event_time" in changes:
        event["time"] = changes["event_time"]
    if "documents" in changes:
        event["documents"] = [*event.get("documents", []), *numbered(changes["documents"], changes.get("numbers", ()))]
    for use in changes.get("inputs", ()):
        _replace_input(event, use)
    for name in ("mass", "moisture", "material", "pieces"):
        if name in changes:
            part[name] = changes[name]
    if "mass" in changes:
        part.pop("rest", None)
    if "assay" in changes:
        part["assay"] = {**part.get("assay", {}), **changes["assay"]} if changes["assay"] else {}
    _change_origin(part, changes)
    return event


def _change_origin(part: Raw, changes: Raw) -> None:
    """Change where metal is said to come from: a load has a class or shares, never both."""
    if "places" in changes:
        part["places"] = {**part.get("places", {}), **{fact: where for said in changes["places"] for fact, where in said.items()}}
    if "shares" in changes:
        part["shares"] = list(changes["shares"])
        part.pop("feedstock", None)
    if "feedstock" in changes:
        part["feedstock"] = changes["feedstock"]
        part.pop("shares", None)


def _replace_input(event: Raw, use: Raw) -> None:
    inputs: list[Raw] = event.get("inputs", [])
    for number, old in enumerate(inputs):
        if old["batch"] == use["batch"]:
            kept = {"made_by": old["made_by"]} if "made_by" in old else {}
            inputs[number] = {**use, **kept}
            return
    raise misuse(f"{use['batch']} is no input of that event; inputs are {', '.join(old['batch'] for old in inputs) or 'none'}")
