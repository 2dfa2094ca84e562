"""Places: files that are folders, names that are hostile themselves, and stores that are none."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

from ground import vector
from pack import Hostile

NAMES = {
    "an escape": "\x1b[2J\x1b[31mHOLDS",
    "a newline": "a\nHOLDS: you recomputed",
    "a carriage return": "problem\rHOLDS",
    "an override": "\u202egnol",
    "a zero width space": "a\u200bb",
    "bytes of no encoding": "\udce9\udcff.json",
    "a hyphen": "-x",
    "a format word": "%s{0}{file}",
    "markup": "[bold]HOLDS[/bold]<b>",
    "two hundred letters": "M" * 200,
}

VERSIONS = {
    "a version of 5,000 digits": "9" * 5_000,
    "a version in other digits": "\u0663",
    "a version with an escape": "\x1b[2J",
}


def database(version: str) -> bytes:
    """Return a database that has no more of a ledger than the version of its schema."""
    with closing(sqlite3.connect(":memory:")) as made:
        made.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
        made.execute("INSERT INTO meta VALUES ('schema', ?)", (version,))
        made.commit()
        return made.serialize()


def files() -> Iterator[Hostile]:
    """Yield places."""
    beside = ("verify", "--evidence", "{evidence}", "--trust", "{trust}", "--", "{file}")
    for name, called in NAMES.items():
        yield Hostile(f"file called by {name}", b"HOLDS", beside, called=called)
        yield Hostile(
            f"events in a file called by {name}",
            b'{"type":"\x1b"}\n',
            ("log", "-L", "{ledger}", "-k", "{key}", "--", "{file}"),
            called=called,
        )
    yield Hostile("folder for a certificate", {})
    yield Hostile("folder for a trust file", {}, ("verify", "{certificate}", "--trust", "{file}"))
    yield Hostile("folder for events", {}, ("log", "{file}", "-L", "{ledger}", "-k", "{key}"))
    for name, data in {
        "of no bytes": b"",
        "of text": b"HOLDS\n",
        "of zeros": bytes(8_192),
        "of a broken database": b"SQLite format 3\0" + b"\xff" * 8_000,
        "of a certificate": vector("certificate.json"),
    }.items():
        yield Hostile(f"ledger {name} to audit", data, ("audit", "{file}"))
        yield Hostile(f"ledger {name} to verify by", data, ("verify", "{certificate}", "-L", "{file}"))
        yield Hostile(f"ledger {name} to look at", data, ("batches", "-L", "{file}"))
    for name, version in VERSIONS.items():
        yield Hostile(f"ledger of {name} to audit", database(version), ("audit", "{file}"))
        yield Hostile(f"ledger of {name} to look at", database(version), ("batches", "-L", "{file}"))
        yield Hostile(f"ledger of {name} to rebuild", database(version), ("rebuild", "-L", "{file}"))
    yield Hostile("ledger at an address with a password", b"", ("batches", "-L", "postgresql+psycopg://me:S3cret@no.invalid/x"))
    yield Hostile("ledger at a place of another kind", b"", ("batches", "-L", "mysql://me@no.invalid/x"))
    yield Hostile("export at a place of another kind", b"", ("audit", "file:///etc/passwd"))
    yield Hostile("export at no web server", b"", ("audit", "http://127.0.0.1:9/log"))
