"""The store: one SQLite file through SQLAlchemy Core.

| setting             | value            | why                                                                                  |
|---------------------|------------------|--------------------------------------------------------------------------------------|
| journal_mode        | DELETE           | WAL has a reset bug in SQLite 3.7.0 to 3.51.2                                          |
| synchronous         | EXTRA            | with DELETE and FULL a power cut can bring a journal back and lose what was acknowledged |
| BEGIN IMMEDIATE     | every writer     | otherwise two writers read the same remainder and both spend it                       |
| recursive_triggers  | ON               | otherwise INSERT OR REPLACE slips past the append-only triggers                       |
| foreign_keys        | ON               |                                                                                      |
| trusted_schema      | OFF              | a damaged schema runs nothing of its own                                               |

Triggers are a seat-belt; the evidence is the checkpoint that somebody else holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, delete, event, insert, inspect, select
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from ledger import store_tables as t
from ledger.draft import Opening
from ledger.errors import ConflictError, StoreError, StoreVersionError
from ledger.memory import Memory
from ledger.record import Record
from ledger.store_view import StoreView, rows_of
from ledger.tlog.merkle import Frontier, Hash
from ledger.view import Changes

BUSY_SECONDS = 30
_PRAGMAS = (
    "journal_mode=DELETE",
    "synchronous=EXTRA",
    "foreign_keys=ON",
    "recursive_triggers=ON",
    "trusted_schema=OFF",
    "cell_size_check=ON",
)


class Store:
    """A ledger's file. Opening it checks that it is one; nothing is read into memory."""

    def __init__(self, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = path
        self._writers = _database(path, begin="BEGIN IMMEDIATE", busy_seconds=busy_seconds)
        self._readers = _database(path, begin="BEGIN", busy_seconds=busy_seconds)

    @classmethod
    def create(cls, path: Path) -> Store:
        """Make an empty store.

        Raises:
            StoreError: Something lies there already, or the folder cannot be written.
        """
        if path.exists():
            raise StoreError(f"{path} exists already", hint="give another path; a ledger is never overwritten")
        if not path.parent.is_dir():
            raise StoreError(f"{path.parent} is no folder", hint="make the folder first")
        store = cls(path)
        with store.writing() as view:
            t.metadata.create_all(view.connection)
            for trigger in t.TRIGGERS:
                view.connection.exec_driver_sql(trigger)
            view.connection.execute(insert(t.meta), [{"name": "schema", "value": str(t.SCHEMA_VERSION)}])
        return store

    @classmethod
    def open(cls, path: Path) -> Store:
        """Open a store.

        Raises:
            StoreError: There is none, or it is no ledger.
            StoreVersionError: Another version of this program wrote it.
        """
        if not path.is_file():
            raise StoreError(f"there is no ledger at {path}", hint="make one with `plumbline init`, or give its path with -L")
        store = cls(path)
        with store.reading() as view:
            if not inspect(view.connection).has_table("meta"):
                raise StoreError(f"{path} is no ledger: it has no table meta")
            version = store.remembered(view, "schema")
        if version != str(t.SCHEMA_VERSION):
            raise StoreVersionError(
                f"{path} has schema version {version or 'none'}, this program writes {t.SCHEMA_VERSION}",
                hint="use the program that wrote it, or `plumbline rebuild` with a newer one",
            )
        return store

    @contextmanager
    def writing(self) -> Iterator[StoreView]:
        """Hold the write lock; everything in the block is committed together or not at all.

        Raises:
            ConflictError: Somebody else held the lock for too long.
            StoreError: The file cannot be written.
        """
        with _explained(self.path), self._writers.begin() as connection:
            yield StoreView(connection)

    @contextmanager
    def reading(self) -> Iterator[StoreView]:
        """Read one state of the store.

        Raises:
            StoreError: The file cannot be read.
        """
        with _explained(self.path), self._readers.begin() as connection:
            yield StoreView(connection)

    # Evidence

    @staticmethod
    def add_entry(view: StoreView, index: int, record: Record, *, leaf: Hash, chain: Hash) -> None:
        """Write an entry: the record's bytes as they came, its leaf hash and chain hash."""
        row = {"idx": index, "record": record.note, "leaf": bytes(leaf), "chain": bytes(chain)}
        view.connection.execute(insert(t.entry), [row])

    @staticmethod
    def entries(view: StoreView, start: int = 0) -> Iterator[tuple[int, bytes, bytes, bytes]]:
        """Return index, record, leaf and chain of every entry from a start on, in the order of their indexes."""
        query = select(t.entry).where(t.entry.c.idx >= start).order_by(t.entry.c.idx)
        for row in view.connection.execution_options(yield_per=1000).execute(query):
            yield row.idx, _bytes(row.record), _bytes(row.leaf), _bytes(row.chain)

    @staticmethod
    def last_chain(view: StoreView, index: int) -> bytes | None:
        """Return the chain hash beside an entry."""
        row = view.connection.execute(select(t.entry.c.chain).where(t.entry.c.idx == index)).first()
        return None if row is None else bytes(row[0])

    @staticmethod
    def add_checkpoint(view: StoreView, *, size: int, root: bytes, time: int, note: bytes) -> None:
        """Keep a signed checkpoint."""
        view.connection.execute(insert(t.checkpoint), [{"size": size, "root": root, "time": time, "note": note}])

    @staticmethod
    def checkpoints(view: StoreView) -> list[tuple[int, bytes, int, bytes]]:
        """Return size, root, time and note of every checkpoint, oldest first."""
        rows = view.connection.execute(select(t.checkpoint).order_by(t.checkpoint.c.size))
        return [(int(row.size), _bytes(row.root), int(row.time), _bytes(row.note)) for row in rows]

    @staticmethod
    def newest_checkpoint(view: StoreView) -> tuple[int, bytes, int, bytes] | None:
        """Return size, root, time and note of the newest checkpoint."""
        row = view.connection.execute(select(t.checkpoint).order_by(t.checkpoint.c.size.desc()).limit(1)).first()
        return None if row is None else (row.size, bytes(row.root), row.time, bytes(row.note))

    @staticmethod
    def checkpoint_covering(view: StoreView, index: int) -> tuple[int, bytes] | None:
        """Return size and note of the first checkpoint that covers an entry."""
        query = select(t.checkpoint.c.size, t.checkpoint.c.note).where(t.checkpoint.c.size > index)
        row = view.connection.execute(query.order_by(t.checkpoint.c.size).limit(1)).first()
        return None if row is None else (row.size, bytes(row.note))

    @staticmethod
    def add_equivocation(view: StoreView, record: Record) -> None:
        """Keep a second record that a key signed for one seq, as evidence. It is not in the log."""
        row = {"record_id": record.id, "key": record.header.key, "seq": record.header.seq, "record": record.note}
        if view.connection.execute(select(t.equivocation.c.seq).where(t.equivocation.c.record_id == record.id)).first() is None:
            view.connection.execute(insert(t.equivocation), [row])

    @staticmethod
    def equivocations(view: StoreView) -> list[tuple[str, int, str, bytes]]:
        """Return key, seq, record id and bytes of every equivocating record."""
        rows = view.connection.execute(select(t.equivocation).order_by(t.equivocation.c.key, t.equivocation.c.seq))
        return [(row.key, row.seq, row.record_id, bytes(row.record)) for row in rows]

    # What the ledger remembers

    @staticmethod
    def remembered(view: StoreView, name: str) -> str | None:
        """Return what was remembered under a name."""
        row = view.connection.execute(select(t.meta.c.value).where(t.meta.c.name == name)).first()
        return None if row is None else str(row[0])

    @staticmethod
    def remember(view: StoreView, name: str, value: str) -> None:
        """Remember something under a name."""
        view.connection.execute(delete(t.meta).where(t.meta.c.name == name))
        view.connection.execute(insert(t.meta), [{"name": name, "value": value}])

    @classmethod
    def frontier(cls, view: StoreView) -> Frontier:
        """Return the Merkle frontier at the head of the log."""
        text = cls.remembered(view, "frontier")
        return Frontier() if text is None else Frontier.from_bytes(bytes.fromhex(text))

    @staticmethod
    def keep_openings(view: StoreView, record: str, openings: tuple[Opening, ...]) -> None:
        """Keep what opens a record's sealed fields, beside the log."""
        rows = [{"record": record, "event": o.event, "field": o.field, "salt": o.salt, "value": o.value} for o in openings]
        if rows:
            view.connection.execute(insert(t.opening), rows)

    @staticmethod
    def openings(view: StoreView, record: str) -> list[Opening]:
        """Return what opens a record's sealed fields, as far as it was not erased."""
        query = select(t.opening).where(t.opening.c.record == record).order_by(t.opening.c.event, t.opening.c.field)
        return [Opening(row.event, row.field, bytes(row.salt), row.value) for row in view.connection.execute(query)]

    @staticmethod
    def erase(view: StoreView, record: str, field: str | None) -> int:
        """Erase what opens a record's sealed fields, all or one, and return how many were erased. The log is not touched."""
        which = t.opening.c.record == record
        if field is not None:
            which &= t.opening.c.field == field
        return int(view.connection.execute(delete(t.opening).where(which)).rowcount)

    @staticmethod
    def keep_credential(view: StoreView, number: str, *, digest: str, unsigned: bytes) -> None:
        """Keep a credential before its certificate is logged, so that a crash afterwards loses nothing."""
        view.connection.execute(delete(t.credential).where(t.credential.c.number == number))
        view.connection.execute(insert(t.credential), [{"number": number, "digest": digest, "unsigned": unsigned, "signed": None}])

    @staticmethod
    def sign_credential(view: StoreView, number: str, signed: bytes) -> None:
        """Keep a credential with its proof."""
        view.connection.execute(t.credential.update().where(t.credential.c.number == number).values(signed=signed))

    @staticmethod
    def credential(view: StoreView, number: str) -> tuple[str, bytes, bytes | None] | None:
        """Return digest, unsigned and signed bytes of a stored credential."""
        row = view.connection.execute(select(t.credential).where(t.credential.c.number == number)).first()
        return None if row is None else (row.digest, bytes(row.unsigned), None if row.signed is None else bytes(row.signed))

    # Projections

    @classmethod
    def fold(cls, view: StoreView, changes: Changes, *, frontier: Frontier) -> None:
        """Write what a record changes into the projections."""
        places = list(changes.bookings)
        rows = rows_of(changes)
        for table in t.BY_POSITION:
            if any(place >> 8 != changes.index for place in places):
                view.connection.execute(delete(table).where(table.c.position.in_(places)))
        for table, names in ((t.party, changes.parties), (t.site, changes.sites), (t.key, changes.keys)):
            if names:
                column = table.c.name if table is t.key else table.c.id
                view.connection.execute(delete(table).where(column.in_(list(names))))
        if changes.claims:
            view.connection.execute(delete(t.claim).where(t.claim.c.number.in_(list(changes.claims))))
        if changes.numbers:
            view.connection.execute(delete(t.number).where(t.number.c.batch.in_(list(changes.numbers))))
        for table in t.PROJECTIONS:
            if rows[table.name]:
                view.connection.execute(insert(table), rows[table.name])
        if changes.facts is not None:
            cls.remember(view, "facts", json.dumps(asdict(changes.facts), sort_keys=True))
        cls.remember(view, "frontier", frontier.to_bytes().hex())

    @staticmethod
    def projection(view: StoreView, table: str) -> list[tuple[Any, ...]]:
        """Return a projection's rows, sorted, for comparison with a fresh replay."""
        found = next(projection for projection in t.PROJECTIONS if projection.name == table)
        return sorted((tuple(row) for row in view.connection.execute(select(found))), key=repr)

    @classmethod
    def rebuild(cls, view: StoreView, replayed: Memory, frontier: Frontier) -> None:
        """Write all projections anew from a replay of the log."""
        for table in t.PROJECTIONS:
            view.connection.execute(delete(table))
            rows = projected(replayed)[table.name]
            for start in range(0, len(rows), 5000):
                view.connection.execute(insert(table), rows[start : start + 5000])
        if replayed.facts is not None:
            cls.remember(view, "facts", json.dumps(asdict(replayed.facts), sort_keys=True))
        cls.remember(view, "frontier", frontier.to_bytes().hex())

    def pragmas(self) -> dict[str, str]:
        """Return the settings in force, as SQLite reports them, and its version."""
        with self.reading() as view:
            names = [pragma.split("=")[0] for pragma in _PRAGMAS]
            found = {name: str(view.connection.exec_driver_sql(f"PRAGMA {name}").scalar()) for name in names}
            found["sqlite_version"] = str(view.connection.exec_driver_sql("SELECT sqlite_version()").scalar())
            found["integrity"] = str(view.connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
        return found


def projected(replayed: Memory) -> dict[str, list[dict[str, Any]]]:
    """Return a replayed ledger as the rows that the projections should have, by table name."""
    whole: dict[str, list[dict[str, Any]]] = {table.name: [] for table in t.PROJECTIONS}
    for changes in replayed.all_changes():
        for name, rows in rows_of(changes).items():
            whole[name] += rows
    return whole


def sorted_rows(table: str, rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return rows in the columns' order, sorted as `Store.projection` sorts them."""
    columns = next(list(projection.c) for projection in t.PROJECTIONS if projection.name == table)
    return sorted((tuple(row[column.name] for column in columns) for row in rows), key=repr)


def _bytes(value: object) -> bytes:
    """Return a blob; something else stands there only after a foreign hand, and is kept for the audit to see."""
    return bytes(value) if isinstance(value, bytes | memoryview) else repr(value).encode()


def _database(path: Path, *, begin: str, busy_seconds: float) -> Engine:
    database = create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"timeout": busy_seconds})

    @event.listens_for(database, "connect")
    def _on_connect(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own type
        connection.isolation_level = None  # SQLAlchemy's BEGIN below is the only one
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(database, "begin")
    def _on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return database


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn the database's own errors into ours."""
    try:
        yield
    except OperationalError as error:
        text = str(error.orig)
        if "locked" in text or "busy" in text:
            raise ConflictError(
                f"{path} is locked by another writer", hint="nothing was written; try again when the other program is done"
            ) from error
        if "full" in text:
            raise StoreError(f"{path} cannot be written: the disk is full", hint="nothing was written; free space and try again") from error
        if "readonly" in text:
            raise StoreError(f"{path} cannot be written: it is read-only", hint="look at the file's and the folder's permissions") from error
        raise StoreError(f"{path} cannot be read or written: {text}") from error
    except DatabaseError as error:
        raise StoreError(f"{path} is damaged or no ledger: {error.orig}", hint="look with `plumbline audit`; restore a backup if need be") from error
    except SQLAlchemyError as error:
        raise StoreError(f"{path} cannot be read or written: {error}") from error
