"""Comparing the store's derived tables with what a replay of its entries derives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ledger.findings import Audit, part
from ledger.replay import Replay, broken
from ledger.store.rows import counted, projected
from ledger.store.store import Store, facts_text
from ledger.store.tables import PROJECTIONS
from ledger.store.view import StoreView
from ledger.tlog.merkle import Hash
from ledger.tlog.tile import HEIGHT, MAX_LEVEL
from schemas.event import Admit, Event, SiteEvent

Row = tuple[Any, ...]


def check_projections(report: Audit, view: StoreView, done: Replay, subtrees: Sequence[tuple[int, int, Hash]]) -> None:
    """Compare the store's derived tables with what a replay derives.

    Args:
        report: Takes the findings.
        view: The store.
        done: The replay of its entries.
        subtrees: Level, index and root of every full subtree, from the entries' bytes.
    """
    fresh = projected(done.memory)
    for table in PROJECTIONS:
        with part(report, f"the table {table.name}"):
            _compare(report, done, table.name, want=counted(table.name, fresh[table.name]), got=Store.projection(view, table.name))
    with part(report, "the table subtree"):
        full: Counter[Row] = Counter((level, index, bytes(hashed)) for level, index, hashed in subtrees)
        _compare(report, done, "subtree", want=full, got=Store.subtrees(view))
    newest = Store.newest_checkpoint(view)
    with part(report, "what the store remembers"):
        facts = done.memory.facts
        want = {"frontier": done.frontier.to_bytes().hex(), "facts": None if facts is None else facts_text(facts)}
        for name, text in want.items():
            if Store.remembered(view, name) != text:
                report.findings.append(
                    broken("projection-differs", None, f"what the store remembers as its {name} is not what the records say", table="meta")
                )
        signed = Store.frontier(view, "frontier_signed")
        if newest is not None and (signed.size, signed.root()) != (newest[0], newest[1]):
            report.findings.append(
                broken(
                    "projection-differs",
                    None,
                    "what the store remembers as its frontier_signed is not the newest checkpoint's",
                    table="meta",
                )
            )


def _compare(report: Audit, done: Replay, table: str, *, want: Counter[Row], got: Counter[Row]) -> None:
    lost, more = want - got, got - want
    if not lost and not more:
        return
    rows = sorted((*lost, *more), key=repr)
    placed = sorted(((index, row) for row in rows if (index := _index_of(table, row, done)) is not None), key=lambda found: found[0])
    index, first = placed[0] if placed else (None, rows[0])
    report.findings.append(
        broken(
            "projection-differs",
            index,
            f"table {table} differs from what the records say "
            f"({lost.total()} rows missing, {more.total()} too many), first {_shown(first)}",
            table=table,
            rows=got.total(),
            want=want.total(),
        )
    )


def _index_of(table: str, row: Row, done: Replay) -> int | None:
    """Return the index of the record that a projection's row comes from, where there is one."""
    if table == "subtree":
        level, place = row[0], row[1]
        first = place << HEIGHT * level if isinstance(level, int) and isinstance(place, int) and 0 < level <= MAX_LEVEL else -1
        return first if 0 <= first < done.records else None
    names = [column.name for column in next(p for p in PROJECTIONS if p.name == table).c]
    values = dict(zip(names, row, strict=True))
    memory = done.memory
    if table == "record":
        found = values["idx"]
    elif table == "key":
        facts = memory.keys.get(str(values["name"]))
        found = None if facts is None else facts.enrolled
    elif table in ("party", "site"):
        found = next((place >> 8 for place, event in memory.events.items() if _introduces(event, table, values["id"])), None)
    elif table == "claim":
        claim = memory.claims.get(str(values["number"]))
        found = None if claim is None else claim.position >> 8
    else:
        found = values["position"] >> 8 if isinstance(values["position"], int) else None
    return found if isinstance(found, int) and 0 <= found < done.records else None


def _introduces(event: Event, table: str, name: object) -> bool:
    return bool(
        (isinstance(event, Admit) and table == "party" and event.party.id == name)
        or (isinstance(event, SiteEvent) and table == "site" and event.site.id == name)
    )


def _shown(row: Row) -> str:
    text = " ".join(value.hex() if isinstance(value, bytes) else str(value) for value in row)
    return text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 - a line
