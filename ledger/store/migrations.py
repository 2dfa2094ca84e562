"""Bringing an older store up to date: statements per schema version, in one transaction. Signed bytes are never touched.

A version that is added here says in a comment what it changes and why; what it derives anew belongs into `plumbline rebuild`. Version 2 is
the first that stood on a server, so what leads to it is in the words of SQLite alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import inspect

from ledger.errors import StoreError, StoreVersionError
from ledger.store.place import Place
from ledger.store.store import Store
from ledger.store.tables import SCHEMA_VERSION
from ledger.store.view import StoreView


@dataclass(frozen=True, slots=True)
class Migration:
    """What brings a store from the version before to this one: statements, then perhaps what fills a new table."""

    version: int
    statements: tuple[str, ...]
    fill: Callable[[StoreView], None] | None = None


def _append_only(table: str) -> tuple[str, ...]:
    return tuple(
        f"CREATE TRIGGER {table}_is_append_only_{action.lower()} BEFORE {action} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'table {table} is append-only'); END"
        for action in ("UPDATE", "DELETE")
    )


MIGRATIONS: tuple[Migration, ...] = (
    # Tiles, so that a proof reads a few hashes and not the whole log; what witnesses and auditors signed about it. The text of the
    # statements stays as it is, whatever later versions make of the tables.
    Migration(
        2,
        (
            (
                "CREATE TABLE subtree (level INTEGER NOT NULL, idx INTEGER NOT NULL, hash BLOB NOT NULL, "
                "PRIMARY KEY (level, idx)) WITHOUT ROWID"
            ),
            (
                "CREATE TABLE cosignature (size INTEGER NOT NULL, name TEXT NOT NULL, key_id TEXT NOT NULL, time BIGINT NOT NULL, "
                "line BLOB NOT NULL, PRIMARY KEY (size, name, key_id))"
            ),
            (
                "CREATE TABLE attestation (size INTEGER NOT NULL, auditor TEXT NOT NULL, note BLOB NOT NULL, "
                "PRIMARY KEY (size, auditor, note))"
            ),
            *_append_only("cosignature"),
            *_append_only("attestation"),
        ),
        Store.write_subtrees,
    ),
    # A certificate's row says where its issuer ended it; the table is derived anew.
    Migration(3, ()),
)


def migrate(place: Place, *, migrations: Sequence[Migration] = MIGRATIONS, target: int = SCHEMA_VERSION) -> list[int]:
    """Bring a store to the current schema version, and return the versions that it went through.

    Everything signed is hashed before and after; where that differs, or anything fails, the file stays as it was.

    Raises:
        StoreError: It is no ledger, it cannot be written, or a statement changed signed bytes.
        StoreVersionError: It is newer than this program, or older than anything that can be brought up to date.
    """
    store, text = Store.of_any_version(place)
    version = int(text) if text is not None and re.fullmatch("[0-9]{1,9}", text) else 0
    steps = [step for step in migrations if version < step.version <= target]
    if [step.version for step in steps] != list(range(version + 1, target + 1)) or version > target:
        raise StoreVersionError(f"{place} has schema version {(text or 'none')[:20]}, this program cannot bring it to {target}")
    if not steps:
        return []
    with store.writing() as view:
        before = _signed_bytes(store, view)
        for step in steps:
            for statement in step.statements:
                view.connection.exec_driver_sql(statement)
            if step.fill is not None:
                step.fill(view)
        if _signed_bytes(store, view) != before:
            raise StoreError(f"bringing {place} to schema version {target} would change signed bytes; nothing was changed")
        Store.remember(view, "schema", str(target))
    return [step.version for step in steps]


def _signed_bytes(store: Store, view: StoreView) -> str:
    """Return a hash over every entry, checkpoint and kept record, each with its place and length."""
    digest = hashlib.sha256()
    for index, record, leaf, chain in store.entries(view):
        digest.update(f"entry {index} {len(record)} {leaf.hex()} {chain.hex()}\n".encode() + record)
    for size, root, time, note in Store.checkpoints(view):
        digest.update(f"checkpoint {size} {len(note)} {time} {root.hex()}\n".encode() + note)
    for key, seq, record_id, record in Store.equivocations(view):
        digest.update(f"equivocation {key} {seq} {record_id} {len(record)}\n".encode() + record)
    for table in ("cosignature", "attestation"):  # an older store has neither yet, and that is the same as having none
        if inspect(view.connection).has_table(table):
            for row in view.connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY 1, 2, 3"):  # noqa: S608 - two names of ours
                digest.update(f"{table} {[bytes(value) if isinstance(value, bytes) else value for value in row]!r}\n".encode())
    return digest.hexdigest()
