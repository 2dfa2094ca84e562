"""Comparing two views of a log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.history import history, is_export
from cli.output import hint, print_json, say
from cli.session import Session, read_input, reading
from ledger.store.place import is_address, place_of

if TYPE_CHECKING:
    from ledger.compare import Comparison, Side

_SQLITE = b"SQLite format 3\x00"


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--trust", metavar="FILE", help="The trust file that names the log's keys; default: the one that a ledger remembers.")
@click.option("-o", "--output", metavar="FILE", help="Where to write the proof, should it be a fork.")
@reading
def compare(session: Session, first: str, second: str, trust: str | None, output: str | None) -> int:
    """Compare two checkpoints, exports or ledgers: the same, one behind the other, or a fork.

    A fork is the log's own doing: it has signed two histories. The proof that is written shows that to anybody, with the trust file alone.
    """
    from ledger.compare import compare as compared  # noqa: PLC0415 - loaded when needed
    from ledger.keys import verify  # noqa: PLC0415 - loaded when needed

    with ExitStack() as opened:
        sides = [opened.enter_context(_side(name)) for name in (first, second)]
        pinned = session.trust(trust or _remembered(first, second), store=None)
        if pinned is None:
            raise click.UsageError("which log? give its trust file with --trust")
        found = compared(*sides, log_keys=list(pinned[0].log), verify=verify)
    if found.fork is not None and output:
        from ledger.files import replace_file  # noqa: PLC0415 - loaded when needed

        replace_file(Path(output), found.fork)
    _tell(session, found, first, second, output)
    return 1 if found.relation in ("fork", "unknown") else 0


def _is_ledger(name: str) -> bool:
    if is_address(name):
        return True
    path = Path(name)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


@contextmanager
def _side(name: str) -> Iterator[Side]:
    """Open a ledger, an export in a folder or on the web, or a checkpoint file."""
    from ledger.compare import Side  # noqa: PLC0415 - loaded when needed

    if _is_ledger(name) or is_export(name):
        with history(name) as found:
            yield Side(found.place, found.checkpoint(), found.view)
    else:
        yield Side(name, read_input(name))


def _remembered(*names: str) -> str | None:
    """Return the trust file that the first ledger among two names remembers."""
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed

    for name in names:
        if _is_ledger(name):
            store = Store.open(place_of(name))
            with store.reading() as view:
                kept = Store.remembered(view, "trust")
            return None if kept is None else str(store.place.parent / kept if isinstance(store.place, Path) else kept)
    return None


def _shown(name: str) -> str:
    return str(place_of(name)) if is_address(name) else name


def _tell(session: Session, found: Comparison, first: str, second: str, output: str | None) -> None:
    sizes = found.first.checkpoint.size, found.second.checkpoint.size
    if session.as_json:
        proof = output if found.fork is not None and output else None
        print_json({"relation": found.relation, "sizes": list(sizes), "proof": proof})
        return
    say(f"A  {_shown(first)}: {sizes[0]} records, root {found.first.checkpoint.root.hex()}")
    say(f"B  {_shown(second)}: {sizes[1]} records, root {found.second.checkpoint.root.hex()}")
    match found.relation:
        case "same":
            say("SAME: one history, to the same record", style="green")
        case "behind" | "ahead":
            before, behind = ("A", "B") if found.relation == "behind" else ("B", "A")
            say(f"CONSISTENT: {before} is the beginning of {behind}, {abs(sizes[0] - sizes[1])} records behind", style="green")
        case "unknown":
            say("CANNOT TELL: two checkpoints of different sizes; give the ledger or an export for the larger one", style="red")
        case _:
            say("FORK: the log has signed two histories", style="red")
            if output:
                say(f"wrote {output}: whoever has the trust file can check it with: plumbline verify {output} --trust FILE")
            else:
                hint("keep both; -o FILE writes a proof that anybody can check")
