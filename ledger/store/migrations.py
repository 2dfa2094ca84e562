"""Bringing an older store up to date: statements per schema version, in one transaction. Signed bytes are never touched.

There is only schema version 1 so far, so the list is empty. A version that is added here says in a comment what it changes and why; what
it derives anew belongs into `plumbline rebuild`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import StoreError, StoreVersionError
from ledger.store.store import Store
from ledger.store.tables import SCHEMA_VERSION
from ledger.store.view import StoreView


@dataclass(frozen=True, slots=True)
class Migration:
    """What brings a store from the version before to this one."""

    version: int
    statements: tuple[str, ...]


MIGRATIONS: tuple[Migration, ...] = ()


def migrate(path: Path, *, migrations: Sequence[Migration] = MIGRATIONS, target: int = SCHEMA_VERSION) -> list[int]:
    """Bring a store to the current schema version, and return the versions that it went through.

    Everything signed is hashed before and after; where that differs, or anything fails, the file stays as it was.

    Raises:
        StoreError: It is no ledger, it cannot be written, or a statement changed signed bytes.
        StoreVersionError: It is newer than this program, or older than anything that can be brought up to date.
    """
    store, text = Store.of_any_version(path)
    version = int(text) if text is not None and text.isdecimal() else 0
    steps = [step for step in migrations if version < step.version <= target]
    if [step.version for step in steps] != list(range(version + 1, target + 1)) or version > target:
        raise StoreVersionError(f"{path} has schema version {text or 'none'}, this program cannot bring it to {target}")
    if not steps:
        return []
    with store.writing() as view:
        before = _signed_bytes(store, view)
        for step in steps:
            for statement in step.statements:
                view.connection.exec_driver_sql(statement)
        if _signed_bytes(store, view) != before:
            raise StoreError(f"bringing {path} to schema version {target} would change signed bytes; nothing was changed")
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
    return digest.hexdigest()
