"""What people and programs see: text on standard output, errors and hints on standard error, JSON when asked for.

Everything that came from a record or a file passes `printable`, so that no name can move a cursor or paint a verdict.
"""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from reports.text import is_shown, printable

_BEYOND_ASCII = re.compile(r"[^\n -~]")


def say(text: str = "", *, style: str | None = None) -> None:
    """Print a line of people's text."""
    click.echo(click.style(printable(text), fg=style) if style and _coloured(sys.stdout) else printable(text))


def remark(text: str) -> None:
    """Print a remark on standard error."""
    click.echo(printable(text), err=True)


def hint(text: str) -> None:
    """Print advice on standard error."""
    click.echo(click.style(f"hint: {printable(text)}", fg="cyan") if _coloured(sys.stderr) else f"hint: {printable(text)}", err=True)


def print_json(value: object) -> None:
    """Print a value as JSON."""
    click.echo(json_text(value))


def json_text(value: object) -> str:
    """Return a value as JSON, keys in a stable order. What does not show itself is escaped as JSON escapes it: the value is the same."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    return _BEYOND_ASCII.sub(lambda one: one[0] if is_shown(one[0]) else json.dumps(one[0])[1:-1], text)


def report_error(
    *,
    code: str,
    message: str,
    as_json: bool,
    file: str | None = None,
    line: int | None = None,
    field: str | None = None,
    hint: str | None = None,
    prefix: bool = False,
) -> None:
    """Print a refusal: to people on standard error, with --json on standard output."""
    if as_json:
        print_json({"error": {"code": code, "message": message, "file": file, "line": line, "field": field, "hint": hint}})
        return
    place = f"{file}, line {line}: " if prefix and file and line else ""
    label = click.style("error:", fg="red", bold=True) if _coloured(sys.stderr) else "error:"
    click.echo(f"{label} {printable(place + message)}", err=True)
    if hint:
        globals()["hint"](hint)


def _coloured(stream: Any) -> bool:  # noqa: ANN401 - a text stream
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def listing(command: Callable[..., Iterable[dict[str, Any]]]) -> Callable[..., None]:
    """Print what a command returns, a list of rows, as a table or with --json as {"<command>": rows}."""

    @functools.wraps(command)
    def printing(*args: Any, **options: Any) -> None:  # noqa: ANN401 - passed through
        context = click.get_current_context()
        rows = list(command(*args, **options))
        if context.obj["json"]:
            print_json({context.info_name or "rows": rows})
        elif rows:
            table(list(rows[0]), [[_cell(value) for value in row.values()] for row in rows])
        else:
            remark(f"no {context.info_name} yet")

    return printing


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}={part}" for key, part in value.items())
    return str(value)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None, right: frozenset[int] = frozenset()) -> None:
    """Print a table: with lines on a terminal, in plain columns elsewhere.

    Args:
        columns: The headings.
        rows: Text cells.
        title: A line above it.
        right: Numbers of the columns to align right.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    heads = [name.replace("_", " ") for name in columns]
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        _rich_table(heads, cells, title=title, right=right)
        return
    widths = [max(len(row[place]) for row in [heads, *cells]) for place in range(len(heads))]
    if title:
        click.echo(title)
    for row in [heads, *cells]:
        aligned = [
            cell.rjust(width) if place in right else cell.ljust(width) for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(aligned).rstrip())


def _rich_table(heads: Sequence[str], cells: Sequence[Sequence[str]], *, title: str | None, right: frozenset[int]) -> None:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - loaded when needed
    from rich.console import Console  # noqa: PLC0415 - loaded when needed
    from rich.table import Table  # noqa: PLC0415 - loaded when needed
    from rich.text import Text  # noqa: PLC0415 - loaded when needed

    grid = Table(box=SIMPLE_HEAD, title=title, title_justify="left", pad_edge=False)
    for place, head in enumerate(heads):
        grid.add_column(head, justify="right" if place in right else "left", overflow="fold")
    for row in cells:
        grid.add_row(*(Text(cell) for cell in row))
    Console().print(grid)


def _quiet(done: int) -> None:
    """Show nothing."""


@contextmanager
def progress(what: str, *, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on a terminal for what takes longer than a second; elsewhere nothing."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield _quiet
        return
    from rich.console import Console  # noqa: PLC0415 - loaded when needed
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)
