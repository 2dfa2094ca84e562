"""Private fields: handing out and erasing what opens them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.output import hint, json_text, print_json, say
from cli.session import Session, reading, writing
from ledger.errors import UnknownError

if TYPE_CHECKING:
    from ledger.store.view import StoreView


def record_named(view: StoreView, name: str) -> str:
    """Return the id of a record that was named by its id, its index, or a batch that it made.

    Raises:
        UnknownError: There is none.
    """
    if re.fullmatch("[0-9]{1,19}", name) and int(name) < view.size:
        return view.record_id(int(name))
    if view.index_of(name) is not None:
        return name
    made = view.maker(name)
    if made is None:
        raise UnknownError("record", name, hint="name it by its id, its index, or a batch that it made")
    return view.record_id(made >> 8)


@click.command()
@click.argument("record")
@click.option("--field", metavar="PATH", help="Only this field, such as private.driver or documents.0.number.")
@click.option("-o", "--output", metavar="FILE", help="Write JSON for whoever may know; they check it against the record.")
@reading
def disclose(session: Session, record: str, field: str | None, output: str | None) -> None:
    """Hand out what opens sealed fields of RECORD (an id, an index, or a batch that it made), each checked against its digest."""
    import json  # noqa: PLC0415 - loaded when needed

    from ledger.files import replace_file  # noqa: PLC0415 - loaded when needed
    from ledger.record import dump  # noqa: PLC0415 - loaded when needed
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed
    from ledger.tlog.private import sealed_fields, verify_opening  # noqa: PLC0415 - loaded when needed

    with session.store().reading() as view:
        name = record_named(view, record)
        events = view.record(view.index_of(name) or 0).events
        openings = [opening for opening in Store.openings(view, name) if field in (None, opening.field)]
    rows = []
    for opening in openings:
        digest = sealed_fields(json.loads(dump(events[opening.event]))).get(opening.field, "")
        verify_opening(digest, salt=opening.salt, field=opening.field, value=opening.value)
        rows.append(
            {
                "record": name,
                "event": opening.event,
                "field": opening.field,
                "value": opening.value,
                "salt": opening.salt.hex(),
                "sealed": digest,
            }
        )
    if field is not None and not rows:
        raise UnknownError("opening", f"{field} of record {name}", hint="it was erased, or was never sealed here")
    if output:
        replace_file(Path(output), f"{json_text({'openings': rows})}\n".encode(), mode=0o600)
    if session.as_json:
        print_json({"openings": rows})
    elif output:
        say(f"wrote {output}")
    else:
        for row in rows:
            say(f"event {row['event']}  {row['field']}: {row['value']}")
        if not rows:
            hint("nothing of this record can be opened here")


@click.command()
@click.argument("record")
@click.option("--field", metavar="PATH", help="Only this field.")
@writing
def erase(session: Session, record: str, field: str | None) -> None:
    """Erase what opens sealed fields of RECORD. The record stays as it was signed, and every check still holds."""
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed

    store = session.store()
    with store.reading() as view:
        name = record_named(view, record)
        count = sum(field in (None, opening.field) for opening in Store.openings(view, name))
    if field is not None and not count:
        raise UnknownError("opening", f"{field} of record {name}", hint="it was erased, or was never sealed here")
    if not session.dry_run:
        with store.writing() as view:
            count = Store.erase(view, name, field)
    if session.as_json:
        print_json({"record": name, "erased": count, "dry_run": session.dry_run})
    else:
        say(f"{'would erase' if session.dry_run else 'erased'} {count} openings of record {name}")
        hint("copies that were handed out, and backups of the store, are not reached from here")
