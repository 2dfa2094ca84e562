"""What others signed about the log: witnesses' cosignatures of its checkpoints, and auditors' statements. Evidence, append-only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Table, insert, select

from ledger.errors import StoreError
from ledger.store import tables as t
from ledger.store.database import blob
from ledger.store.view import StoreView


def add_cosignatures(view: StoreView, size: int, lines: Iterable[tuple[str, str, int, bytes]]) -> None:
    """Keep cosignature lines of the checkpoint at a size. A second line by the same key adds nothing: the first one is the earlier proof.

    Args:
        view: The ledger.
        size: The checkpoint's size.
        lines: The key's name, its key ID in hex, the time in seconds since 1970, and the signature line.
    """
    rows = [
        {"size": size, "name": name, "key_id": key_id, "time": time, "line": line.rstrip(b"\n") + b"\n"}
        for name, key_id, time, line in lines
    ]
    for row in rows:
        _add_new(view, t.cosignature, row)


def cosignatures(view: StoreView, size: int) -> list[bytes]:
    """Return the kept cosignature lines of the checkpoint at a size, in the order of the keys' names, each with its newline."""
    c = t.cosignature.c
    query = select(c.line).where(c.size == size).order_by(c.name, c.key_id)
    return [blob(line) for (line,) in view.connection.execute(query)]


def published(view: StoreView, size: int) -> bytes:
    """Return the checkpoint at a size as it is handed out: the log's own note, then the witnesses' lines.

    Raises:
        StoreError: There is no checkpoint at that size.
    """
    row = view.connection.execute(select(t.checkpoint.c.note).where(t.checkpoint.c.size == size)).first()
    if row is None:
        raise StoreError(f"the store has no checkpoint at size {size}", hint="sign one with `plumbline checkpoint`")
    return blob(row[0]) + b"".join(cosignatures(view, size))


def keep_attestation(view: StoreView, size: int, auditor: str, note: bytes) -> None:
    """Keep an auditor's statement of the log at a size; the same one again adds nothing."""
    _add_new(view, t.attestation, {"size": size, "auditor": auditor, "note": note})


def attestations(view: StoreView) -> list[tuple[int, str, bytes]]:
    """Return size, auditor and note of every kept statement, in the order of size, auditor and note."""
    c = t.attestation.c
    rows = view.connection.execute(select(t.attestation).order_by(c.size, c.auditor, c.note))
    return [(int(row.size), str(row.auditor), blob(row.note)) for row in rows]


def _add_new(view: StoreView, table: Table, row: dict[str, Any]) -> None:
    """Write a row unless one with its key is there; the write lock is held."""
    same = [column == row[column.name] for column in table.primary_key]
    if view.connection.execute(select(*table.primary_key).where(*same)).first() is None:
        view.connection.execute(insert(table), [row])
