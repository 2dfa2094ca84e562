"""Bits flipped in what is kept: the ledger's file, its export, the evidence of a certificate. Is it noticed, and in words?

A flip is harmless where nothing that anybody reads has changed: unused space of a page, a signature by somebody whom nobody asked. It is
undetected when something has changed and the verdict is HOLDS all the same.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from exported import exported
from figure import Figure
from house import House, receipt
from ledger.audit import Held, audit_mirror
from ledger.errors import LedgerError
from ledger.mirror.source import open_mirror
from ledger.store.store import Store
from ledger.trust import read_trust
from second import FILES, ours


def ledger(amount: int, seed: int, folder: Path) -> Figure:
    """Flip a bit of a ledger's file, so many times, spread evenly over it; the file has some 200,000 bytes."""
    house = _house(folder)
    path = house.path
    assert isinstance(path, Path)
    whole, content = path.read_bytes(), _content(path)

    def verdict(at: int, flipped: bytes) -> str:
        _put(path, at, flipped)
        try:
            return "harmless" if _content(path) == content else _said(lambda: _audited(house))
        finally:
            _put(path, at, whole[at : at + 1])

    return _figure(((f"byte {at} of the ledger", verdict(at, flipped)) for at, flipped in _flips(whole, amount, seed)), "flips")


def export(amount: int, seed: int, folder: Path) -> Figure:
    """Flip bits in the files of an export that state something: checkpoint, tiles and bundles."""
    house = _house(folder)
    place = exported(house, folder / "export")
    trust = read_trust((house.keys / "trust").read_bytes(), file="trust")
    files = [place / "checkpoint", *sorted(file for file in (place / "tile").rglob("*") if file.is_file())]

    def verdicts() -> Iterator[tuple[str, str]]:
        for file in files:
            whole = file.read_bytes()
            for at, flipped in _flips(whole, amount // len(files), seed):
                file.write_bytes(whole[:at] + flipped + whole[at + 1 :])
                said = _said(lambda: audit_mirror(open_mirror(str(place)), Held(trust=trust)).holds)
                yield f"byte {at} of {file.name}", "harmless" if said == "undetected" and _unasked(whole, at) else said
            file.write_bytes(whole)

    return _figure(verdicts(), "flips")


def evidence(amount: int, seed: int, folder: Path) -> Figure:
    """Flip bits in a certificate's evidence, and in the certificate."""

    def verdicts() -> Iterator[tuple[str, str]]:
        for name in ("certificate.evidence", "certificate.json"):
            for at, flipped in _flips(FILES[name], amount // 2, seed):
                bent = {**FILES, name: FILES[name][:at] + flipped + FILES[name][at + 1 :]}
                said = _said(lambda: ours(bent["certificate.evidence"], bent["trust"], bent["certificate.json"]) == "holds")  # noqa: B023
                yield f"byte {at} of {name}", "harmless" if said == "undetected" and _unasked(FILES[name], at) else said

    return _figure(verdicts(), "flips")


def _house(folder: Path) -> House:
    house = House.found(folder / "house")
    house.admit("keystone")
    house.write("keystone/1", receipt("keystone:A"))
    house.write("keystone/1", receipt("keystone:B"))
    return house


def _put(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def _audited(house: House) -> bool:
    Store.open(house.path)  # as every command does: it asks the schema's version
    return house.audit().holds


def _flips(whole: bytes, amount: int, seed: int) -> Iterator[tuple[int, bytes]]:
    """Yield places spread evenly over a file, each with its byte after one bit of it is flipped; beyond its length, further bits."""
    step = max(1.0, len(whole) / amount) if amount < len(whole) else 1.0
    for number in range(amount):
        turn, at = divmod(int(number * step), len(whole))
        if turn > 7:
            return
        yield at, bytes([whole[at] ^ 1 << (seed + at + turn) % 8])


def _content(file: Path) -> object:
    """Return every row of every table but where files lie, each table's columns, the triggers, and what the database says of its own form.

    Or what it says when it cannot be read. White space and the case of names in the text of a table mean nothing.
    """
    connection = sqlite3.connect(file)
    try:
        triggers = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        tables = sorted(name for (name,) in connection.execute("SELECT lower(name) FROM pragma_table_list WHERE name NOT LIKE 'sqlite%'"))
        columns = [_columns(connection, table) for table in tables]
        rows = [connection.execute(f'SELECT * FROM "{table}"').fetchall() for table in tables if table != "meta"]
        rows.append(connection.execute("SELECT name, lower(value) FROM meta WHERE name NOT IN ('log_key', 'trust')").fetchall())
        return triggers, tables, columns, rows, connection.execute("PRAGMA integrity_check").fetchall()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        return str(error)
    finally:
        connection.close()


def _columns(connection: sqlite3.Connection, table: str) -> list[tuple[str, str, int, int]]:
    """Return a table's columns: name, the kind of value that SQLite reads into the type, whether it may be null, place in the key."""
    found = connection.execute('SELECT lower(name), upper(type), "notnull", pk FROM pragma_table_xinfo(?)', (table,)).fetchall()
    return [
        (name, next((kind for kind in ("INT", "CHAR", "TEXT", "BLOB") if kind in type_), "NUMERIC"), *rest) for name, type_, *rest in found
    ]


def _unasked(whole: bytes, at: int) -> bool:
    """Say whether a byte is in the name, key ID or newline of a signature line: as another key's, or none of ours, it is passed over."""
    start = whole.rfind(b"\n", 0, at) + 1
    return whole[start:].startswith("— ".encode())


def _said(holds: Callable[[], bool]) -> str:
    """Return "undetected" where a damaged thing holds, "detected" where it is refused in words, or "traceback"."""
    try:
        return "undetected" if holds() else "detected"
    except LedgerError:
        return "detected"
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return f"traceback {type(error).__name__}"


def _figure(verdicts: Iterator[tuple[str, str]], unit: str) -> Figure:
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for name, said in verdicts:
        word = said.split(" ")[0]
        counts[word] += 1
        if word in ("undetected", "traceback"):
            wrong.append(f"{name}: {said}")
    also = {word: counts[word] for word in ("detected", "harmless", "undetected", "traceback")}
    return Figure(counts.total(), unit, len(wrong), also, tuple(wrong[:10]))
