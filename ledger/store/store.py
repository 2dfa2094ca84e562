"""The store: a SQLite file or a database on a PostgreSQL server, through SQLAlchemy Core. `sqlite` and `postgresql` say with what settings.

Triggers are a seat-belt; the evidence is the checkpoint that somebody else holds.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, inspect, select
from sqlalchemy.exc import NoSuchTableError

from ledger.draft import Opening
from ledger.errors import FormatError, SerializationError, StoreError, StoreVersionError
from ledger.memory import Memory
from ledger.record import Record
from ledger.store import refusals, statements
from ledger.store import tables as t
from ledger.store.database import BUSY_SECONDS, blob, database_at, whole
from ledger.store.place import Place
from ledger.store.rows import projected, rows_of
from ledger.store.view import StoreView
from ledger.tlog.merkle import Frontier, Hash, root
from ledger.tlog.tile import WIDTH, subtrees
from ledger.view import Changes, LedgerFacts

_AT_ONCE = 500
"""Values in one statement; SQLite takes 32,766."""
ATTEMPTS: Final = 5
"""How often a unit of work is begun before another writer's getting in between is a refusal."""

_T = TypeVar("_T")


def retried(unit: Callable[[], _T]) -> _T:
    """Do a unit of work that writes nothing unless all of it, and begin it again where another writer got in between.

    Raises:
        SerializationError: That happened each of five times.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return unit()
        except SerializationError:
            continue
    return unit()


class Store:
    """A ledger's database. Opening it checks that it is one; nothing is read into memory."""

    def __init__(self, place: Place, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.place = place
        self.database = database_at(place, busy_seconds=busy_seconds)

    @classmethod
    def create(cls, place: Place) -> Store:
        """Make an empty store, or none at all.

        Raises:
            StoreError: Something lies there already, or it cannot be written.
        """
        store = cls(place)
        store.database.check_absent()
        with store.database.making() as connection:
            t.metadata.create_all(connection)
            for statement in store.database.append_only(t.EVIDENCE):
                connection.exec_driver_sql(statement)
            connection.execute(insert(t.meta), [{"name": "schema", "value": str(t.SCHEMA_VERSION)}])
        return store

    @classmethod
    def open(cls, place: Place, *, busy_seconds: float = BUSY_SECONDS) -> Store:
        """Open a store.

        Raises:
            StoreError: There is none, it is no ledger, or it would not keep what it acknowledges.
            StoreVersionError: Another version of this program wrote it.
        """
        store, version = cls.of_any_version(place, busy_seconds=busy_seconds)
        if version != str(t.SCHEMA_VERSION):
            raise StoreVersionError(
                f"{place} has schema version {(version or 'none')[:20]}, this program writes {t.SCHEMA_VERSION}",
                hint="make a copy of it, then bring it up to date with `plumbline rebuild --migrate`; a later one needs a later program",
            )
        store.database.check_settings()
        return store

    @classmethod
    def of_any_version(cls, place: Place, *, busy_seconds: float = BUSY_SECONDS) -> tuple[Store, str | None]:
        """Return a store and the schema version that it says it has.

        Raises:
            StoreError: There is none, or it is no ledger.
        """
        store = cls(place, busy_seconds=busy_seconds)
        store.database.check_there()
        with store.reading() as view:
            if not inspect(view.connection).has_table("meta"):
                raise StoreError(f"{place} is no ledger: it has no table meta")
            return store, store.remembered(view, "schema")

    @contextmanager
    def writing(self) -> Iterator[StoreView]:
        """Hold the write lock; everything in the block is committed together or not at all.

        Raises:
            ConflictError: Somebody else held the lock for too long.
            SerializationError: Somebody wrote without the lock; nothing was written, and `retried` does it again.
            StoreError: It cannot be written.
        """
        with self.database.writing() as connection:
            yield StoreView(connection, self.database.explained)

    @contextmanager
    def reading(self) -> Iterator[StoreView]:
        """Read one state of the store.

        Raises:
            StoreError: It cannot be read.
        """
        with self.database.reading() as connection:
            yield StoreView(connection, self.database.explained)

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
        with view.explained(), view.connection.execute(query, execution_options={"yield_per": 1000}) as rows:
            for row in rows:
                yield row.idx, blob(row.record), blob(row.leaf), blob(row.chain)

    @staticmethod
    def last_chain(view: StoreView, index: int) -> bytes | None:
        """Return the chain hash beside an entry."""
        row = view.connection.execute(select(t.entry.c.chain).where(t.entry.c.idx == index)).first()
        return None if row is None else blob(row[0])

    @staticmethod
    def add_checkpoint(view: StoreView, *, size: int, root: bytes, time: int, note: bytes) -> None:
        """Keep a signed checkpoint."""
        view.connection.execute(insert(t.checkpoint), [{"size": size, "root": root, "time": time, "note": note}])

    @staticmethod
    def checkpoints(view: StoreView) -> list[tuple[int, bytes, int, bytes]]:
        """Return size, root, time and note of every checkpoint, oldest first."""
        rows = view.connection.execute(select(t.checkpoint).order_by(t.checkpoint.c.size))
        return [(row.size, blob(row.root), whole(row.time), blob(row.note)) for row in rows]

    @staticmethod
    def newest_checkpoint(view: StoreView) -> tuple[int, bytes, int, bytes] | None:
        """Return size, root, time and note of the newest checkpoint."""
        row = view.connection.execute(select(t.checkpoint).order_by(t.checkpoint.c.size.desc()).limit(1)).first()
        return None if row is None else (row.size, blob(row.root), whole(row.time), blob(row.note))

    @staticmethod
    def checkpoint_covering(view: StoreView, index: int) -> tuple[int, bytes] | None:
        """Return size and note of the first checkpoint that covers an entry."""
        query = select(t.checkpoint.c.size, t.checkpoint.c.note).where(t.checkpoint.c.size > index)
        row = view.connection.execute(query.order_by(t.checkpoint.c.size).limit(1)).first()
        return None if row is None else (row.size, blob(row.note))

    @staticmethod
    def add_equivocation(view: StoreView, record: Record) -> None:
        """Keep a second record that a key signed for one seq, as evidence. It is not in the log."""
        row = {"record_id": record.id, "key": record.header.key, "seq": record.header.seq, "record": record.note}
        if view.connection.execute(select(t.equivocation.c.seq).where(t.equivocation.c.record_id == record.id)).first() is None:
            view.connection.execute(insert(t.equivocation), [row])

    @staticmethod
    def equivocations(view: StoreView) -> list[tuple[str, int, str, bytes]]:
        """Return key, seq, record id and bytes of every equivocating record."""
        order = (t.equivocation.c.key, t.equivocation.c.seq, t.equivocation.c.record_id)
        rows = view.connection.execute(select(t.equivocation).order_by(*order))
        return [(row.key, row.seq, row.record_id, blob(row.record)) for row in rows]

    # What others signed about the log

    add_cosignatures = staticmethod(statements.add_cosignatures)
    cosignatures = staticmethod(statements.cosignatures)
    published = staticmethod(statements.published)
    keep_attestation = staticmethod(statements.keep_attestation)
    attestations = staticmethod(statements.attestations)

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
    def frontier(cls, view: StoreView, name: str = "frontier") -> Frontier:
        """Return the Merkle frontier at the head of the log, or `frontier_signed`, that of the newest checkpoint.

        Raises:
            StoreError: What is remembered is none.
        """
        text = cls.remembered(view, name)
        try:
            return Frontier() if text is None else Frontier.from_bytes(bytes.fromhex(text))
        except (ValueError, FormatError) as error:
            raise StoreError(
                f"what the store remembers as its {name} is none", hint="look with `plumbline audit`, mend with `plumbline rebuild`"
            ) from error

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
        return [Opening(row.event, row.field, blob(row.salt), row.value) for row in view.connection.execute(query)]

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
        return None if row is None else (row.digest, blob(row.unsigned), None if row.signed is None else blob(row.signed))

    # Projections

    @classmethod
    def fold(cls, view: StoreView, changes: Changes, *, frontier: Frontier) -> None:
        """Write what a record changes into the projections."""
        if any(place >> 8 != changes.index for place in changes.bookings):
            for table in t.BY_POSITION:
                _clear(view, table, table.c.position, list(changes.bookings))
        _clear(view, t.party, t.party.c.id, list(changes.parties))
        _clear(view, t.site, t.site.c.id, list(changes.sites))
        _clear(view, t.key, t.key.c.name, list(changes.keys))
        _clear(view, t.claim, t.claim.c.number, list(changes.claims))
        _clear(view, t.number, t.number.c.batch, list(changes.numbers))
        _write(view, rows_of(changes))
        if changes.facts is not None:
            cls.remember(view, "facts", facts_text(changes.facts))
        cls.remember(view, "frontier", frontier.to_bytes().hex())
        cls._complete_subtrees(view, frontier.size)

    @staticmethod
    def _complete_subtrees(view: StoreView, size: int) -> None:
        """Write the roots of the subtrees that became full at a size: one row for 256 entries, one for 256 of those, and so on."""
        level, count = 1, size
        while count and count % WIDTH == 0:
            count //= WIDTH
            hashed = root(view.tile(level - 1, count - 1, WIDTH))
            view.connection.execute(insert(t.subtree), [{"level": level, "idx": count - 1, "hash": bytes(hashed)}])
            level += 1

    @staticmethod
    def write_subtrees(view: StoreView) -> None:
        """Write the roots of all full subtrees anew from the entries' leaf hashes."""
        query = select(t.entry.c.leaf).order_by(t.entry.c.idx)
        with view.connection.execute(query, execution_options={"yield_per": 1000}) as leaves:
            rows = [
                {"level": level, "idx": index, "hash": bytes(hashed)}
                for level, index, hashed in subtrees(Hash(blob(leaf)) for (leaf,) in leaves)
            ]
        view.connection.execute(delete(t.subtree))
        for start in range(0, len(rows), 10 * _AT_ONCE):
            view.connection.execute(insert(t.subtree), rows[start : start + 10 * _AT_ONCE])

    @staticmethod
    def subtrees(view: StoreView) -> Counter[tuple[Any, ...]]:
        """Return the stored roots of full subtrees with their count, for comparison with the entries."""
        return Counter((level, index, blob(hashed)) for level, index, hashed in view.connection.execute(select(t.subtree)))

    @staticmethod
    def projection(view: StoreView, table: str) -> Counter[tuple[Any, ...]]:
        """Return a projection's rows with their count, for comparison with a fresh replay."""
        found = next(projection for projection in t.PROJECTIONS if projection.name == table)
        return Counter(tuple(row) for row in view.connection.execute(select(found)))

    @classmethod
    def rebuild(cls, view: StoreView, replayed: Memory, *, frontier: Frontier, signed: Frontier) -> None:
        """Write all projections anew from a replay of the log."""
        for table in t.PROJECTIONS:
            view.connection.execute(delete(table))
        _write(view, projected(replayed))
        cls.write_subtrees(view)
        if replayed.facts is not None:
            cls.remember(view, "facts", facts_text(replayed.facts))
        cls.remember(view, "frontier", frontier.to_bytes().hex())
        cls.remember(view, "frontier_signed", signed.to_bytes().hex())

    def settings(self) -> dict[str, str]:
        """Return the settings in force, as the database reports them, its version, and the first damage that it knows of."""
        with self.reading() as view:
            found = self.database.settings(view.connection)
            return found | {"integrity": next(iter(self.integrity(view)), "ok")}

    def integrity(self, view: StoreView) -> list[str]:
        """Return what the database itself finds damaged, and the append-only triggers and the columns that are missing or changed."""
        return [*self.database.integrity(view.connection, t.EVIDENCE), *_changed_tables(view.connection)]


def _changed_tables(connection: Connection) -> list[str]:
    """Return the tables whose columns have other names, types or rules than this program makes them with."""
    inspector, dialect = inspect(connection), connection.dialect
    changed = []
    for table in t.metadata.sorted_tables:
        want = [(column.name, column.type.compile(dialect), column.nullable) for column in table.columns]
        try:
            there = [(str(c["name"]).lower(), c["type"].compile(dialect), c["nullable"]) for c in inspector.get_columns(table.name)]
        except NoSuchTableError:
            there = []
        if there != want:
            changed.append(f"table {table.name} is missing, or its columns are changed")
    return changed


def facts_text(facts: LedgerFacts) -> str:
    """Return what record 0 says as the store remembers it."""
    return json.dumps(asdict(facts), sort_keys=True)


def _clear(view: StoreView, table: Table, column: ColumnElement[Any], values: Sequence[object]) -> None:
    for start in range(0, len(values), _AT_ONCE):
        view.connection.execute(delete(table).where(column.in_(values[start : start + _AT_ONCE])))


def _write(view: StoreView, rows: dict[str, list[dict[str, Any]]]) -> None:
    for table in t.PROJECTIONS:
        found = rows[table.name]
        for start in range(0, len(found), 10 * _AT_ONCE):
            try:
                view.connection.execute(insert(table), found[start : start + 10 * _AT_ONCE])
            except OverflowError as error:
                raise refusals.beyond_range() from error
