"""Commands that look: batches, parties, sites, traces, balances."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import flags
from cli.output import listing, print_json, remark, say, table
from cli.session import Session, reading
from ledger.errors import UnknownError

if TYPE_CHECKING:
    from ledger.lineage import Trace
    from ledger.matter.balance import Balance
    from ledger.matter.batch import Batch
    from ledger.matter.provenance import Portions
    from ledger.store.view import StoreView


def shown_mass(mass_mg: int, unit: str = "kg") -> str:
    """Return a mass for people, in the unit they asked for."""
    from reports.text import mass  # noqa: PLC0415 - loaded when needed

    return mass(mass_mg, unit, places=3 if unit == "kg" else 2)


def provenance(portions: Portions) -> list[dict[str, Any]]:
    """Return portions as rows, one per class and set of places, largest first."""
    rows: dict[tuple[str, Any], int] = {}
    for source, mass in portions.items():
        rows[source.feedstock, source.places] = rows.get((source.feedstock, source.places), 0) + mass
    return [
        {"feedstock": feedstock, "places": {fact: list(countries) for fact, countries in places}, "mass_mg": mass}
        for (feedstock, places), mass in sorted(rows.items(), key=lambda row: (-row[1], row[0]))
    ]


def batch_json(view: StoreView, batch: Batch) -> dict[str, Any]:
    """Return a batch as `show --json` prints it."""
    return {
        "batch": batch.id,
        "material": batch.material,
        "holder": batch.holder,
        "owner": batch.owner or None,
        "site": batch.site,
        "status": batch.status,
        "to": batch.to or None,
        "mass_mg": batch.gross_left,
        "dry_mg": batch.dry_left,
        "made_dry_mg": batch.dry_made,
        "moisture": str(batch.moisture),
        "contained_mg": batch.contained(),
        "provenance": {constituent: provenance(content.booked.left) for constituent, content in batch.contents.items()},
        "below": {constituent: content.below for constituent, content in batch.contents.items() if content.below},
        "open": batch.is_open,
        "made_by": view.record_id(batch.fixed_at >> 8),
        "record": batch.made_at >> 8,
        "vessel": batch.vessel or None,
        "pieces": batch.pieces_left or None,
        "serials": [list(serials) for serials in batch.serials],
        "weighed": batch.weighed,
        "provisional": batch.provisional,
        "certificates": [number for _, number in batch.claims],
    }


def found_batch(view: StoreView, name: str) -> Batch:
    """Return a batch.

    Raises:
        UnknownError: There is none, or what made it was voided.
    """
    batch = view.batch(name)
    if batch is None:
        raise UnknownError("batch", name, hint="`plumbline batches` lists them")
    return batch


@click.command()
@click.argument("batch")
@reading
def show(session: Session, batch: str) -> None:
    """Show a batch: where it is, what it contains, where that came from.

    Example: plumbline show keystone:RB-26-1007
    """
    with session.store().reading() as view:
        found = found_batch(view, batch)
        data = batch_json(view, found)
        made = view.batch_before(batch, found.made_at + 1) or found
        standing = _standing(view, found)
        data["made"] = {"mass_mg": made.gross_left, **{name: batch_json(view, made)[name] for name in ("contained_mg", "provenance")}}
    if session.as_json:
        print_json(data)
        return
    say(f"{found.id}  {found.material}")
    held = {
        "held": f"{'held' if found.dry_left else 'used up'} by {found.holder} at {found.site}",
        "in_transit": f"on its way from {found.site} to {found.to}",
    }
    say(f"  {held.get(found.status, f'{found.status}, last at {found.site}')}")
    moist = f", moisture {float(found.moisture):.2%}" if found.moisture else ""
    say(f"  left  {shown_mass(found.gross_left)} = {shown_mass(found.gross_left, 'lb')}{moist}")
    for name, text in (
        ("pieces", f"{found.pieces_left} of {found.pieces_made} pieces" if found.pieces_made else ""),
        ("serials", ", ".join(f"{first} to {last}" for first, last in found.serials)),
        ("vessel", found.vessel),
        ("remark", "not assayed; the first break, smelt or rework tells what it contains" if found.is_open else ""),
        ("remark", "" if found.weighed else "never weighed; it is what the others left"),
        ("remark", "its assay is provisional" if found.provisional else ""),
        ("certificates", standing),
        ("fixed by", f"record {found.fixed_at >> 8}, {data['made_by']}"),
    ):
        if text:
            say(f"  {name:12} {text}")
    if found.dry_left:
        _print_contents(found, data)
    else:
        say(f"  nothing is left; as it was made, {shown_mass(made.gross_left)} = {shown_mass(made.gross_left, 'lb')}, it contained:")
        _print_contents(made, data["made"])


def _standing(view: StoreView, batch: Batch) -> str:
    """Return the certificates on a batch and how they stand."""
    from ledger.certified import status  # noqa: PLC0415 - loaded when needed

    claims = [view.claim(number) for _, number in batch.claims]
    return ", ".join(f"{claim.number} ({status(view, claim)[0]})" for claim in claims if claim is not None)


def _print_contents(batch: Batch, data: dict[str, Any]) -> None:
    from reports.text import percent_floor  # noqa: PLC0415 - loaded when needed

    for constituent, content in batch.contents.items():
        below = f"  ({content.below})" if content.below else ""
        say(f"  {constituent}  {shown_mass(content.mass)}{below}")
        for row in data["provenance"][constituent]:
            places = "  ".join(f"{fact} {'+'.join(countries)}" for fact, countries in row["places"].items())
            say(f"    {percent_floor(row['mass_mg'], content.mass):>6} %  {row['feedstock']:22} {places}")


@click.command()
@click.option("--site", metavar="SITE", help="Only at this site.")
@click.option("--party", metavar="PARTY", help="Only held by this party.")
@click.option("--material", metavar="NAME", help="Only of this material.")
@click.option("--all", "everything", is_flag=True, help="Empty ones too.")
@reading
@listing
def batches(session: Session, site: str | None, party: str | None, material: str | None, *, everything: bool) -> list[dict[str, Any]]:
    """List batches with something left, in the order in which they were made."""
    with session.store().reading() as view:
        return [
            {
                "batch": batch.id,
                "material": batch.material,
                "site": batch.site,
                "holder": batch.holder,
                "status": "used up" if not session.as_json and batch.status == "held" and not batch.dry_left else batch.status,
                **({"mass_mg": batch.gross_left} if session.as_json else {"left": shown_mass(batch.gross_left)}),
                **({"contained_mg": batch.contained()} if session.as_json else {}),
                **({"open": batch.is_open} if session.as_json else {}),
            }
            for batch in view.batches()
            if (everything or batch.dry_left)
            and site in (None, batch.site)
            and party in (None, batch.holder)
            and material in (None, batch.material)
        ]


@click.command()
@reading
@listing
def parties(session: Session) -> list[dict[str, Any]]:
    """List parties and their keys."""
    with session.store().reading() as view:
        keys = view.keys()
        return [
            {
                "party": party.id,
                "name": party.name,
                "country": party.country,
                "roles": list(party.roles),
                "keys": [
                    f"{key.name} ({'active' if key.active else 'ended'}: {' '.join(key.scopes)})" for key in keys if key.party == party.id
                ],
            }
            for party in view.parties()
        ]


@click.command()
@reading
@listing
def sites(session: Session) -> list[dict[str, Any]]:
    """List sites."""
    with session.store().reading() as view:
        return [
            {"site": site.id, "name": site.name, "country": site.country, "subdivision": site.subdivision, "roles": list(site.roles)}
            for site in view.sites()
        ]


@click.command()
@click.argument("batch")
@click.option("--back", "direction", flag_value="back", default=True, help="What it was made of (the default).")
@click.option("--forward", "direction", flag_value="forward", help="What was made of it.")
@click.option("--constituent", default="Pb", show_default=True, help="The metal whose mass is shown and drawn.")
@click.option("--svg", metavar="FILE", help="Draw it as a Sankey picture.")
@reading
def trace(session: Session, batch: str, direction: str, constituent: str, svg: str | None) -> None:
    """Trace a batch back to its trucks, or forward to its products.

    Example: plumbline trace voltaic:LOT-4711 --svg lot.svg
    """
    from cli.picture import svg_picture  # noqa: PLC0415 - loaded when needed
    from ledger.files import replace_file  # noqa: PLC0415 - loaded when needed
    from ledger.lineage import trace as walk  # noqa: PLC0415 - loaded when needed

    with session.store().reading() as view:
        found = walk(view, batch, "forward" if direction == "forward" else "back")
        if svg:
            came = "Where the %s in %s came from" if direction != "forward" else "Where the %s in %s went"
            replace_file(Path(svg), svg_picture(view, found, constituent, title=came % (constituent, batch)).encode())
    if session.as_json:
        print_json({"batches": found.batches, "edges": found.edges})
        return
    _print_trace(found, batch, constituent, forward=direction == "forward")
    if svg:
        say(f"wrote {svg}")


def _print_trace(found: Trace, batch: str, constituent: str, *, forward: bool) -> None:
    """Print a trace step by step, in the log's order: each batch once, with what went into it."""
    into: dict[str, list[dict[str, Any]]] = {}
    for edge in found.edges:
        into.setdefault(edge["to"], []).append(edge)
    rows = []
    for row in found.batches:
        edges = into.get(row["batch"], [])
        metal = row["contained_mg"].get(constituent)
        made = row["kind"] if not edges else f"{row['kind']} of {', '.join(edge['from'] for edge in edges[:4])}"
        made += f" and {len(edges) - 4} more" if len(edges) > 4 else ""  # noqa: PLR2004 - as many as a line holds
        rows.append(
            [
                str(row["index"]),
                row["batch"],
                row["material"],
                shown_mass(row["mass_mg"]),
                shown_mass(metal) if metal is not None else "",
                made,
            ]
        )
    title = f"{batch}: {len(found.batches)} batches and {len(found.edges)} draws {'forward' if forward else 'back'}, in the log's order"
    table(["record", "batch", "material", "mass", constituent, "made by"], rows, title=title, right=frozenset({0, 3, 4}))


@click.command()
@click.option("--site", metavar="SITE", help="Only this site: its opening stock and moves between sites are added.")
@click.option("--from", "start", type=flags.DATE, metavar="DATE", help="Events from this day on, by the time that they state.")
@click.option("--to", "end", type=flags.DATE, metavar="DATE", help="Events up to this day.")
@click.option("--unit", type=click.Choice(["kg", "lb", "mg"]), default="kg", show_default=True)
@reading
def balance(session: Session, site: str | None, start: str | None, end: str | None, unit: str) -> int:
    """Balance the books: received + adjusted - disposed - delivered - lost - held = 0, per constituent, to the milligram.

    Example: plumbline balance --site keystone:reading --from 2026-01-01 --to 2026-03-31
    """
    from ledger.store.accounts import balance_of  # noqa: PLC0415 - loaded when needed

    with session.store().reading() as view:
        if site is not None and view.site(site) is None:
            raise UnknownError("site", site, hint="`plumbline sites` lists them")
        found = balance_of(view, site=site, start=start, end=end)
    sited, opened = site is not None, bool(site or start or end)
    off = {name: entry.difference for name, entry in found.items() if entry.difference}
    if session.as_json:
        print_json({"constituents": {name: _balance_json(entry, sited=sited, opened=opened) for name, entry in found.items()}})
    elif found:
        about = f"{site or 'the whole ledger'}{f' from {start}' if start else ''}{f' to {end}' if end else ''}, in {unit}"
        rows = _account_rows(found, unit, sited=sited, opened=opened)
        table([about, *found], rows, right=frozenset(range(1, len(found) + 1)))
    else:
        remark("nothing was booked")
    for name, mass in off.items():
        remark(f"{name}: the books are off by {mass} mg; look with `plumbline audit`")
    return 1 if off else 0


def _account_rows(found: dict[str, Balance], unit: str, *, sited: bool, opened: bool) -> list[list[str]]:
    """Return a balance as lines: accounts with their sign, what they consist of beneath, what is held, what is missing."""
    rows = []
    for sign, account in _accounts(sited=sited, opened=opened):
        rows.append([f"{sign} {account.replace('_', ' ')}", *(_figure(getattr(entry, account), unit) for entry in found.values())])
        kinds = sorted({kind for entry in found.values() for kind in entry.by_kind if kind.startswith(f"{account} ")})
        for kind in kinds:
            shown = kind.removeprefix(f"{account} ").replace("_", " ")
            rows.append([f"    {shown}", *(_figure(entry.by_kind.get(kind, 0), unit) for entry in found.values())])
    rows.append(["= difference", *(_figure(entry.difference, unit) for entry in found.values())])
    return rows


def _accounts(*, sited: bool, opened: bool) -> list[tuple[str, str]]:
    moved = {"moved_in", "moved_out"} if not sited else set()
    accounts = [
        ("+", "opening"),
        ("+", "received"),
        ("+", "moved_in"),
        ("+", "adjusted"),
        ("-", "disposed"),
        ("-", "delivered"),
        ("-", "lost"),
        ("-", "moved_out"),
        ("-", "held"),
    ]
    return [(sign, name) for sign, name in accounts if name not in moved and (opened or name != "opening")]


def _figure(mass_mg: int, unit: str) -> str:
    from reports.text import mass  # noqa: PLC0415 - loaded when needed

    return mass(mass_mg, unit, places={"kg": 3, "lb": 2, "mg": 0}[unit]).removesuffix(f" {unit}")


def _balance_json(entry: Balance, *, sited: bool, opened: bool) -> dict[str, Any]:
    figures = {name: getattr(entry, name) for _, name in _accounts(sited=sited, opened=opened)}
    return {**figures, "difference": entry.difference, "by_kind": dict(sorted(entry.by_kind.items()))}
