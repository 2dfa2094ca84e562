"""Telling a supplier what became of what it delivered."""

from __future__ import annotations

from pathlib import Path

import click

from cli.output import print_json, say
from cli.session import Session, reading
from ledger.errors import StoreError, UnknownError


@click.command()
@click.argument("batches", metavar="BATCH...", nargs=-1, required=True)
@click.option("--to", "supplier", metavar="NAME", help="The supplier's name, as it is to be printed.")
@click.option("-o", "--output", metavar="PDF", help="Write a recycling statement for the supplier.")
@reading
def recovered(session: Session, batches: tuple[str, ...], supplier: str | None, output: str | None) -> None:
    """Say what became of what a supplier delivered: its metal by what it is now, and where that went.

    BATCH are deliveries as they were received. Example:

        plumbline recovered keystone:RB-1007 keystone:RB-1012 --to "Ohio Core Supply" -o statement.pdf
    """
    from ledger.recovery import recovered as followed  # noqa: PLC0415 - loaded when needed
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed
    from reports.recovery import RecoveryReport, render_pdf  # noqa: PLC0415 - loaded when needed
    from schemas.identifier import party_of  # noqa: PLC0415 - loaded when needed

    if (supplier is None) != (output is None):
        raise click.UsageError("a statement needs both: --to NAME -o PDF")
    with session.store().reading() as view:
        found = followed(view, batches)
        holder, facts = view.party(party_of(batches[0])), view.facts
        if holder is None or facts is None:
            raise UnknownError("party", party_of(batches[0]))
        size, root = view.size, Store.frontier(view).root().hex()
    if output and supplier:
        from ledger.files import replace_file  # noqa: PLC0415 - loaded when needed

        if Path(output).exists():
            raise StoreError(f"{output} exists already", hint="give another file")
        report = RecoveryReport(holder.name, supplier, holder.country, facts.origin, facts.ledger_id, size, root, found)
        replace_file(Path(output), render_pdf(report))
    if session.as_json:
        print_json({"size": size, "root": root, **found.as_data(), **({"file": output} if output else {})})
        return
    for one in found.received:
        say(f"{one.batch}  {one.material}  {one.mass_mg / 1_000_000:,.3f} kg")
    say("became" if found.rows else "nothing was made of it yet, and nobody has assayed it")
    for row in found.rows:
        contained = ", ".join(f"{name} {mg / 1_000_000:,.3f} kg" for name, mg in row.contained.items())
        say(f"  {row.material:18} {row.fate:12} {contained}")
    if output:
        say(f"wrote {output}")
