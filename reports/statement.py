"""The annex: every path and value of a signed statement, set so that text taken out of the PDF holds every value of the JSON.

Small objects make one row, so a thousand portions take a dozen pages; a value is broken over lines only at its spaces, and a long
hash, name or signature only when even the smallest letters do not fit it on one line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.fontset import MONO, SANS, check, has
from reports.page import INK, MUTED, WIDTH, Block, Piece
from reports.pdf import lines, width_of

SIZE = 6.2
LEAST = 4.2
PATH_SIZE = 5.8
LEADING = 8.4
INDENT = 12.0
GAP = 3.5
SHORT = 240
"""An object or list whose leaves take no more letters than this makes one row."""


@dataclass(frozen=True, slots=True)
class Row:
    """A path with the values under it; a value directly at the path has an empty key."""

    path: str
    pairs: tuple[tuple[str, str], ...]


def written(value: object) -> str:
    """Write a scalar as JSON does, strings without their quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, str):
        return value or '""'
    return "{}" if isinstance(value, Mapping) else "[]" if isinstance(value, Sequence) else str(value)


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield every scalar (and every empty object or list) with its path, in the statement's order."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        for number, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{number}]")
    else:
        yield path, value


def check_statement(credential: Mapping[str, Any]) -> None:
    """Check that every key and value can be printed; the subject's own fields are named without their prefix.

    Raises:
        FormatError: The font lacks a character, or a character does not show itself.
    """
    for path, value in leaves(credential):
        field = path.removeprefix("credentialSubject.")
        check(path, field="a field name")
        check(written(value), field=field)


def rows(value: object, path: str = "") -> Iterator[Row]:
    """Yield the rows of the annex."""
    inside = [(inner.removeprefix(path).removeprefix("."), written(leaf)) for inner, leaf in leaves(value, path)]
    is_branch = isinstance(value, Mapping | Sequence) and not isinstance(value, str) and bool(value)
    if path and (not is_branch or sum(len(key) + len(text) + 2 for key, text in inside) <= SHORT):
        yield Row(path, tuple(inside))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from rows(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, Sequence):
        for number, inner in enumerate(value):
            yield from rows(inner, f"{path}[{number}]")


def annex(credential: Mapping[str, Any]) -> Block:
    """Set the whole statement as one block of lines, each row read as a paragraph."""
    return lines([set_row(row) for row in rows(credential)], LEADING)


def set_row(row: Row) -> list[list[Piece]]:
    """Set a row: its path in grey, then each key with its value; what does not fit goes to the next line, set in a little."""
    line = [Piece(0, row.path, SANS, PATH_SIZE, MUTED)]
    done: list[list[Piece]] = []
    x = width_of(row.path, SANS, PATH_SIZE) + GAP * 2
    for key, text in row.pairs:
        face = MONO if has(MONO, text) else SANS
        label = width_of(key, SANS, PATH_SIZE) + GAP if key else 0
        width = label + width_of(text, face, SIZE)
        if x + width > WIDTH - GAP * 2 and line:
            done.append(line)
            line, x = [], INDENT
        if key:
            line.append(Piece(x, key, SANS, PATH_SIZE, MUTED))
        if INDENT + width <= WIDTH - GAP * 2:
            line.append(Piece(x + label, text, face, SIZE, INK))
            x += width + GAP * 2
            continue
        if line:
            done.append(line)
        done += _long(text, face)
        line, x = [], INDENT
    return [_closed(one) for one in [*done, line] if one]


def _long(text: str, face: str) -> list[list[Piece]]:
    """Set a long value on lines of its own, all at one indent, so that it is read as one paragraph."""
    room = WIDTH - INDENT - GAP * 2
    longest = max((width_of(word, face, SIZE) for word in text.split(" ")), default=0)
    size = max(LEAST, SIZE * min(1.0, room / longest)) if longest else SIZE
    if " " not in text.strip():
        size = max(LEAST, min(size, SIZE * room / width_of(text, face, SIZE)))
    found: list[str] = []
    current = ""
    for word in text.split(" "):
        trial = f"{current} {word}" if current else word
        if not current or width_of(trial, face, size) <= room:
            current = trial
            continue
        found.append(current)
        current = word
    found.append(current)
    return [
        [Piece(INDENT, part, face, size, INK, is_cut=number < len(parts))]
        for parts in (_cut(line, face, size, room) for line in found)
        for number, part in enumerate(parts, 1)
    ]


def _cut(line: str, face: str, size: float, room: float) -> list[str]:
    """Cut a line without spaces that is too wide even in the smallest letters."""
    parts = []
    while width_of(line, face, size) > room:
        fit = next(count for count in range(len(line), 0, -1) if width_of(line[:count], face, size) <= room)
        parts.append(line[:fit])
        line = line[fit:]
    return [*parts, line]


def _closed(line: list[Piece]) -> list[Piece]:
    """End a line that would end in a hyphen with a grey dot, because readers of PDF text take a last hyphen for a broken word."""
    last = line[-1]
    if not last.text.endswith("-"):
        return line
    return [*line, Piece(last.x + width_of(last.text, last.face, last.size) + GAP, "·", SANS, PATH_SIZE, MUTED)]
