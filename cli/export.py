"""The export command."""

from __future__ import annotations

from pathlib import Path

import click

from cli.output import hint, print_json, progress, say
from cli.session import Session, reading


@click.command()
@click.argument("folder", metavar="DIR")
@click.option("--rewrite", is_flag=True, help="Write every file again, not only those that are new or missing.")
@reading
def export(session: Session, folder: str, *, rewrite: bool) -> None:
    """Write the log as plain files: checkpoint, tiles, entry bundles, and the specification that says how to check them.

    DIR is brought from its last checkpoint to the ledger's newest one; files come first, the checkpoint last, so that it is whole at any
    moment. Put it behind any web server or into an object store; anybody can audit it: plumbline audit DIR or URL.
    """
    from ledger.mirror.export import export as write_export  # noqa: PLC0415 - loaded when needed

    store = session.store()
    with store.reading() as view:
        total = view.size
    with progress("exporting", total=total) as done:
        found = write_export(store, Path(folder), rewrite=rewrite, progress=done)
    if session.as_json:
        print_json(
            {
                "before": found.before,
                "folder": str(found.folder),
                "origin": found.origin,
                "removed": found.removed,
                "root": found.root,
                "size": found.size,
                "written": found.written,
            }
        )
        return
    say(f"exported {found.origin} at size {found.size} to {found.folder}")
    say(f"  root {found.root}")
    say(f"  before at size {found.before}; {found.written} files written, {found.removed} removed")
    if found.size < total:
        hint(f"records from {found.size} on are not signed for yet; `plumbline checkpoint` signs for them")
