"""The restore command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.output import hint, print_json, say
from cli.session import Session, writing

if TYPE_CHECKING:
    from ledger.mirror.source import Mirror
    from ledger.restoration import Restored


@click.command()
@click.argument("sources", nargs=-1, metavar="SOURCE...")
@writing
def restore(session: Session, sources: tuple[str, ...]) -> None:
    """Enter again what a ledger lost when an older copy of it was put back.

    SOURCE is a key file, whose outbox is read; an outbox folder; or a newer export, a folder or URL. The registrar's outbox beside the
    log's key is read always. Records are entered in the order of their receipts until every root is reached that the mark and the
    checkpoints in the sources state; when a record is missing nothing is written. The mark is never set back.
    """
    from ledger.restoration import restore as put_back  # noqa: PLC0415 - loaded when needed

    store = session.store()
    log = session.log(store)
    outboxes, mirrors = _sources(sources)
    registrar = log.mark.with_name("registrar.key")
    if registrar.with_name("registrar.key.outbox").is_dir() and registrar.resolve() not in {file.resolve() for file in outboxes}:
        outboxes.append(registrar)
    done = put_back(log, outboxes, mirrors, dry_run=session.dry_run)
    if session.as_json:
        print_json(
            {
                "before": done.before,
                "certificates": list(done.certificates),
                "records": [record.id for record in done.records],
                "root": done.root,
                "sealed": done.sealed,
                "size": done.size,
            }
        )
    else:
        _say(session, done)


def _sources(named: Sequence[str]) -> tuple[list[Path], list[Mirror]]:
    """Return the key files whose outboxes are meant, and the exports.

    Raises:
        click.UsageError: Something is neither.
    """
    from ledger.mirror.source import open_mirror  # noqa: PLC0415 - loaded when needed

    outboxes: list[Path] = []
    mirrors: list[Mirror] = []
    for name in named:
        path = Path(name)
        if "://" in name or (path / "checkpoint").is_file():
            mirrors.append(open_mirror(name))
        elif path.suffix == ".outbox" and path.is_dir():
            outboxes.append(path.with_suffix(""))
        elif path.with_name(f"{path.name}.outbox").is_dir():
            outboxes.append(path)
        else:
            raise click.UsageError(f"{name} is no key file with an outbox beside it, no outbox and no export")
    return outboxes, mirrors


def _say(session: Session, done: Restored) -> None:
    if not done.records:
        say(f"nothing is missing: the log is at size {done.size}, as everything says that was signed for")
        return
    would = "would be entered again; nothing was written" if session.dry_run else "were entered again"
    say(f"records {done.before} to {done.size - 1} {would}")
    say(f"  size {done.size}, root {done.root}: as it was signed for")
    if done.certificates:
        say(f"  certificates among them: {', '.join(done.certificates)}")
        hint("what the ledger kept of these certificates is lost; their PDFs hold it, and verify as before")
    if done.sealed:
        say(f"  sealed fields among them: {done.sealed}")
        hint("what opens them was in the newer copy of the ledger; every check still holds without it")
