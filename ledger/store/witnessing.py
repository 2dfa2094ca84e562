"""What a witness remembers: one SQLite file beside its key, apart from any ledger.

| table    | holds                                                                                             |
|----------|---------------------------------------------------------------------------------------------------|
| meta     | the format, and the state's own id                                                                |
| latest   | per log: size, root, time and note of the checkpoint cosigned last; never set back, by trigger    |
| misfit   | checkpoints that a log validly signed and that do not fit; append-only, at most 1,000 of each log |

A witness that forgot what it cosigned would cosign a fork. So the key remembers its state: `KEY.state` beside the key file holds the
state's id, and the key is not used with another state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Table, Text, func, insert, inspect, select, update

from ledger.errors import StoreError
from ledger.files import is_there, read_file, replace_file
from ledger.store.database import BUSY_SECONDS, blob, whole
from ledger.store.sqlite import connections, explained
from ledger.store.tables import Blob
from ledger.tlog.merkle import HASH_BYTES, Hash
from ledger.witness.witness import Latest, Misfit

FORMAT: Final = "plumbline/witness/v1"
MAX_MISFITS: Final = 1000
"""Kept for one log; each differs from the others in its size, its root or the old size it goes from."""
_ID_BYTES: Final = 16
_RETIRE = "a witness that lost its state retires its key: make a new one with `plumbline witness key`"

metadata = MetaData()
meta = Table("meta", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
latest = Table(
    "latest",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("root", Blob, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("note", Blob, nullable=False),
)
misfit = Table(
    "misfit",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", Blob, primary_key=True),
    Column("old", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    Column("proof", Blob, nullable=False),
    Column("problem", Text, nullable=False),
    Column("note", Blob, nullable=False),
)
_TRIGGERS: Final = (
    (
        "CREATE TRIGGER latest_is_not_set_back BEFORE UPDATE ON latest WHEN NEW.size < OLD.size OR NEW.time < OLD.time "
        "OR NEW.origin <> OLD.origin OR (NEW.size = OLD.size AND NEW.root <> OLD.root) "
        "BEGIN SELECT RAISE(ABORT, 'the latest checkpoint is never set back'); END"
    ),
    "CREATE TRIGGER latest_is_kept BEFORE DELETE ON latest BEGIN SELECT RAISE(ABORT, 'the latest checkpoint is kept'); END",
    "CREATE TRIGGER misfit_is_append_only_update BEFORE UPDATE ON misfit BEGIN SELECT RAISE(ABORT, 'table misfit is append-only'); END",
    "CREATE TRIGGER misfit_is_append_only_delete BEFORE DELETE ON misfit BEGIN SELECT RAISE(ABORT, 'table misfit is append-only'); END",
)


class WitnessNotebook:
    """A witness's state as it stands within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def latest(self, origin: str) -> Latest | None:
        """Return what was cosigned last for a log.

        Raises:
            StoreError: A foreign hand was there.
        """
        row = self.connection.execute(select(latest).where(latest.c.origin == origin)).first()
        if row is None:
            return None
        found = Latest(whole(row.size), Hash(blob(row.root)), whole(row.time), blob(row.note))
        if found.size < 0 or found.time < 0 or len(found.root) != HASH_BYTES:
            raise StoreError(f"what the witness remembers of {origin} cannot be read", hint=_RETIRE)
        return found

    def keep(self, origin: str, kept: Latest) -> None:
        """Keep what is about to be cosigned."""
        row = {"size": kept.size, "root": bytes(kept.root), "time": kept.time, "note": kept.note}
        if self.latest(origin) is None:
            self.connection.execute(insert(latest), [{"origin": origin, **row}])
        else:
            self.connection.execute(update(latest).where(latest.c.origin == origin).values(row))

    def keep_misfit(self, origin: str, kept: Misfit) -> None:
        """Keep evidence against a log, once, as long as there is room for it."""
        count = int(self.connection.execute(select(func.count()).select_from(misfit).where(misfit.c.origin == origin)).scalar_one())
        key = {"origin": origin, "size": kept.size, "root": bytes(kept.root), "old": kept.old}
        known = self.connection.execute(select(misfit.c.number).filter_by(**key)).first()
        if known is None and count < MAX_MISFITS:
            row = {"number": count, "proof": b"".join(kept.proof), "problem": kept.problem, "note": kept.note}
            self.connection.execute(insert(misfit), [key | row])

    def origins(self) -> list[str]:
        """Return the logs that something was cosigned for."""
        return [str(origin) for (origin,) in self.connection.execute(select(latest.c.origin).order_by(latest.c.origin))]

    def misfits(self) -> list[tuple[str, Misfit]]:
        """Return the evidence that was kept, each with its log, oldest first."""
        rows = self.connection.execute(select(misfit).order_by(misfit.c.origin, misfit.c.number))
        return [(row.origin, _misfit(row.size, row.root, row.old, row.proof, row.problem, row.note)) for row in rows]


def _misfit(size: int, root: object, old: int, proof: object, problem: str, note: object) -> Misfit:
    hashes = blob(proof)
    path = tuple(Hash(hashes[at : at + HASH_BYTES]) for at in range(0, len(hashes), HASH_BYTES))
    return Misfit(size, Hash(blob(root)), old, path, problem, blob(note))


class WitnessState:
    """A witness's file."""

    def __init__(self, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = path
        self._writers = connections(path, begin="BEGIN IMMEDIATE", busy_seconds=busy_seconds)
        self._readers = connections(path, begin="BEGIN", busy_seconds=busy_seconds)

    @classmethod
    def open(cls, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> WitnessState:
        """Open a state.

        Raises:
            StoreError: There is none, or it is no witness's state.
        """
        if not path.is_file():
            raise StoreError(f"there is no witness's state at {path}", hint=_RETIRE)
        state = cls(path, busy_seconds=busy_seconds)
        if state.remembered("format") != FORMAT:
            raise StoreError(f"{path} is no witness's state")
        return state

    @classmethod
    def of_key(cls, path: Path, key_file: Path, *, random: Callable[[int], bytes], busy_seconds: float = BUSY_SECONDS) -> WitnessState:
        """Open the state of a key; a key that was never used gets a new one.

        Raises:
            StoreError: The key was used with another state, or the state cannot be made, read or written.
        """
        marker = key_file.with_name(f"{key_file.name}.state")
        known = read_file(marker, what="marker", limit=4096).decode(errors="replace").strip() if is_there(marker) else None
        if known is None and (not is_there(path) or path.stat().st_size == 0):  # nothing, or what a crash left of making it
            state = cls._create(path, random(_ID_BYTES).hex(), busy_seconds=busy_seconds)
        else:
            state = cls.open(path, busy_seconds=busy_seconds)
        found = state.remembered("id")
        if known is None:
            replace_file(marker, f"{found}\n".encode())
        elif known != found:
            raise StoreError(f"the key {key_file} was used with another state than {path}", hint=_RETIRE)
        return state

    @classmethod
    def _create(cls, path: Path, name: str, *, busy_seconds: float) -> WitnessState:
        if not path.parent.is_dir():
            raise StoreError(f"{path.parent} is no folder", hint="make the folder first")
        state = cls(path, busy_seconds=busy_seconds)
        with state.deciding() as notebook:
            metadata.create_all(notebook.connection)
            for trigger in _TRIGGERS:
                notebook.connection.exec_driver_sql(trigger)
            notebook.connection.execute(insert(meta), [{"name": "format", "value": FORMAT}, {"name": "id", "value": name}])
        return state

    def remembered(self, name: str) -> str | None:
        """Return the format or the id of the state."""
        with self.reading() as notebook:
            if not inspect(notebook.connection).has_table("meta"):
                return None
            row = notebook.connection.execute(select(meta.c.value).where(meta.c.name == name)).first()
            return None if row is None else str(row[0])

    @contextmanager
    def deciding(self) -> Iterator[WitnessNotebook]:
        """Hold the write lock; what the block keeps is on the disk when it ends, or not kept at all.

        Raises:
            ConflictError: Somebody else held the lock for too long.
            StoreError: The file cannot be written.
        """
        with _explained(self.path), self._writers.begin() as connection:
            yield WitnessNotebook(connection)

    @contextmanager
    def reading(self) -> Iterator[WitnessNotebook]:
        """Read one state of the file.

        Raises:
            StoreError: The file cannot be read.
        """
        with _explained(self.path), self._readers.begin() as connection:
            yield WitnessNotebook(connection)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Give the database's errors the advice that a witness needs; the ledger's own would mislead."""
    try:
        with explained(path):
            yield
    except StoreError as refusal:
        if type(refusal) is StoreError and "plumbline audit" in (refusal.hint or ""):
            raise StoreError(f"{path} is damaged or no witness's state", hint=_RETIRE) from refusal
        raise
