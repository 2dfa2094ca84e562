"""Exports of a log: tiles, bundles and the checkpoint, as somebody's web server might hand them out."""

from __future__ import annotations

from collections.abc import Iterator

from ground import export, vector
from pack import Hostile, swapped

AUDIT = ("audit", "{file}", "--trust", "{own}")
TILE, BUNDLE = "tile/0/000.p/5", "tile/entries/000.p/5"


def _bundle(*entries: bytes) -> bytes:
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def _entries() -> list[bytes]:
    data, found = export()[BUNDLE], []
    while data:
        size = 2 + int.from_bytes(data[:2], "big")
        found.append(data[2:size])
        data = data[size:]
    return found


def files() -> Iterator[Hostile]:
    """Yield exports, each with something in it that the log did not sign for."""
    good, entries = export(), _entries()
    note = good["checkpoint"]
    made: dict[str, dict[str, bytes]] = {
        "without a checkpoint": {"checkpoint": b""},
        "of another log": {"checkpoint": vector("cosigned.checkpoint")},
        "of a huge size": {"checkpoint": swapped(note, b"\n5\n", b"\n9223372036854775807\n")},
        "of a size beyond its tiles": {"checkpoint": swapped(note, b"\n5\n", b"\n6\n")},
        "of a size below": {"checkpoint": swapped(note, b"\n5\n", b"\n4\n")},
        "of size 0": {"checkpoint": swapped(note, b"\n5\n", b"\n0\n")},
        "of a checkpoint beyond a megabyte": {"checkpoint": note + b"x" * 2**20},
        "of a checkpoint with an escape": {"checkpoint": b"\x1b[2J" + note},
        "of a tile of zeros": {TILE: bytes(32 * 5)},
        "of a tile too short": {TILE: good[TILE][:-1]},
        "of a tile too long": {TILE: good[TILE] + bytes(32)},
        "of a tile of 70 MB": {TILE: bytes(70_000_000)},
        "of a tile with two hashes swapped": {TILE: good[TILE][32:64] + good[TILE][:32] + good[TILE][64:]},
        "of a bundle of no bytes": {BUNDLE: b""},
        "of a bundle of zeros": {BUNDLE: bytes(1_000)},
        "of a bundle cut": {BUNDLE: good[BUNDLE][:-1]},
        "of a bundle with something behind": {BUNDLE: good[BUNDLE] + b"\0"},
        "of a bundle with a length that lies": {BUNDLE: b"\xff\xff" + good[BUNDLE][2:]},
        "of a bundle with an entry less": {BUNDLE: _bundle(*entries[:-1])},
        "of a bundle with an entry more": {BUNDLE: _bundle(*entries, entries[-1])},
        "of a bundle with two entries swapped": {BUNDLE: _bundle(entries[0], entries[2], entries[1], *entries[3:])},
        "of a bundle with an entry twice": {BUNDLE: _bundle(*entries[:-1], entries[-2])},
        "of a bundle with an entry of no bytes": {BUNDLE: _bundle(*entries[:-1], b"")},
        "of a bundle with an entry of escapes": {BUNDLE: _bundle(*entries[:-1], b"\x1b[2J" * 100)},
        "of a bundle with a mass changed": {BUNDLE: swapped(good[BUNDLE], b'"1000"', b'"9000"')},
        "of a bundle with another log's record": {BUNDLE: _bundle(*entries[:-1], vector("certify.record"))},
        "of a bundle of 70 MB": {BUNDLE: bytes(70_000_000)},
        "of an index page": {"checkpoint": b"<html><script>alert(1)</script></html>"},
    }
    for name, changes in made.items():
        yield Hostile(f"export {name}", {**good, **changes}, AUDIT)
    for name, gone in {"tile": TILE, "bundle": BUNDLE, "checkpoint": "checkpoint"}.items():
        yield Hostile(f"export that lacks its {name}", {path: data for path, data in good.items() if path != gone}, AUDIT)
    yield Hostile("export that is an empty folder", {}, AUDIT)
    yield Hostile("export of the right log with the wrong trust file", good, ("audit", "{file}", "--trust", "{file}/checkpoint"))
    yield Hostile("export compared with another log's checkpoint", good, ("compare", "{file}", "{checkpoint}", "--trust", "{own}"))
    yield Hostile(
        "export that a statement is asked of",
        {**good, TILE: bytes(32 * 5)},
        ("attest", "{file}", "--trust", "{own}", "-k", "{witness}", "-o", "{output}"),
    )
