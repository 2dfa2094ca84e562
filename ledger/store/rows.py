"""What a record changes, as rows of the projections."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from typing import Any

from ledger.matter.booking import Booking
from ledger.memory import Memory
from ledger.serials import split
from ledger.store import tables as t
from ledger.store.codec import batch_text, notes_text, residuals_text
from ledger.view import Changes


def _json(facts: object) -> str:
    return json.dumps(facts, sort_keys=True, separators=(",", ":"))


def rows_of(changes: Changes) -> dict[str, list[dict[str, Any]]]:
    """Return what a record changes as rows by table name; rows of `BY_POSITION` tables replace all at their positions."""
    booked = {place: booking for place, booking in changes.bookings.items() if booking is not None}
    head = changes.head
    return {
        "record": [{"idx": changes.index, "id": changes.record, "key": changes.key, "seq": head.seq, "seen": head.seen}]
        if changes.index >= 0
        else [],
        "party": [{"id": name, "facts": party.model_dump_json()} for name, party in changes.parties.items()],
        "site": [{"id": name, "facts": site.model_dump_json()} for name, site in changes.sites.items()],
        "key": [{"name": name, "public": facts.public, "facts": _json(asdict(facts))} for name, facts in changes.keys.items()],
        "number": [{"batch": name, "position": place} for name, place in changes.numbers.items()],
        "amendment": [asdict(amendment) for amendment in changes.amendments],
        "claim": [
            {"number": name, "party": claim.party, "kind": claim.kind, "facts": _json(asdict(claim))}
            for name, claim in changes.claims.items()
        ],
        "booking": [
            {
                "position": place,
                "site": booking.site,
                "kind": booking.kind,
                "residuals": residuals_text(booking.residuals),
                "notes": notes_text(booking.notes),
            }
            for place, booking in booked.items()
        ],
        "batch": [
            {"id": name, "position": place, "made": int(name in booking.made), "state": batch_text(state)}
            for place, booking in booked.items()
            for name, state in booking.after.items()
        ],
        "posting": [{"position": place, **asdict(posting)} for place, booking in booked.items() for posting in booking.postings],
        "edge": [
            {"child": edge.child, "parent": edge.parent, "position": place, "gross": edge.gross, "contained": _json(edge.contained)}
            for place, booking in booked.items()
            for edge in booking.edges
        ],
        "vessel": [_vessel(booking, name) for booking in booked.values() for name in booking.made if booking.after[name].vessel],
        "serial": [row for booking in booked.values() for name in booking.made for row in _serials(booking, name)],
    }


def _vessel(booking: Booking, name: str) -> dict[str, Any]:
    made = booking.after[name]
    return {"site": made.site, "vessel": made.vessel, "position": booking.position, "batch": name}


def _serials(booking: Booking, name: str) -> list[dict[str, Any]]:
    rows = []
    for first, last in booking.after[name].serials:
        (beginning, low), (_, high) = split(first), split(last)
        rows.append({"beginning": beginning, "low": low, "high": high, "position": booking.position, "batch": name})
    return rows


def projected(replayed: Memory) -> dict[str, list[dict[str, Any]]]:
    """Return a replayed ledger as the rows that the projections should have, by table name."""
    whole: dict[str, list[dict[str, Any]]] = {table.name: [] for table in t.PROJECTIONS}
    for changes in replayed.all_changes():
        for name, rows in rows_of(changes).items():
            whole[name] += rows
    return whole


def counted(table: str, rows: list[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
    """Return rows in the columns' order with their count, as `Store.projection` does."""
    columns = next(list(projection.c) for projection in t.PROJECTIONS if projection.name == table)
    return Counter(tuple(row[column.name] for column in columns) for row in rows)
