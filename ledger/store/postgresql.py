"""A ledger in a database on a PostgreSQL server: its transactions, its start-up check, its triggers, and its errors in our words.

| what                        | why                                                                                                  |
|-----------------------------|------------------------------------------------------------------------------------------------------|
| LOCK TABLE meta first       | one writer at a time. It takes no snapshot, so a writer that waited sees what the other one committed; |
|                             | after an advisory lock or a locked row it would see the state before, and fail                        |
| SERIALIZABLE                | a hand that writes without the lock is noticed, and the unit of work done again                       |
| fsync, full_page_writes on, | otherwise what was acknowledged is lost with the power; asked at the start and again by every writer   |
| synchronous_commit on       |                                                                                                      |
| no connection kept          | nothing of one transaction reaches into the next, nor into a child process                            |

The only door to psycopg, which is an extra of the package.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from ledger.errors import InstallationError, SerializationError, StoreError
from ledger.store import refusals
from ledger.store.place import Address
from ledger.store.tables import EVIDENCE, metadata

try:
    import psycopg
except ImportError as error:  # pragma: no cover - the lock of the tests holds it; test_postgresql plays its absence
    raise InstallationError(
        "a ledger on a PostgreSQL server needs psycopg, which is not installed", hint="pip install 'plumbline-ledger[postgresql]'"
    ) from error

DURABLE: Final[Mapping[str, tuple[str, ...]]] = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "remote_apply", "remote_write"),
}
"""What each setting may be; synchronous_commit=local says that a standby is lost from sight, and off that the last commits are."""
_FUNCTION: Final = "table_is_append_only"
_BODY: Final = "BEGIN RAISE EXCEPTION USING MESSAGE = 'table ' || TG_TABLE_NAME || ' is append-only'; END"
_TYPES: Final = {"UPDATE": 18, "DELETE": 10, "TRUNCATE": 34}
"""A statement trigger's kind as pg_trigger.tgtype has it: BEFORE is 2, DELETE 8, UPDATE 16, TRUNCATE 32."""
_SETTINGS: Final = text("SELECT name, current_setting(name) FROM unnest(CAST(:names AS text[])) name")
_TRIGGERS: Final = text(
    "SELECT t.tgname, c.relname, t.tgtype, t.tgenabled, p.prosrc, t.tgqual IS NULL FROM pg_trigger t "
    "JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid "
    "WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace"
)
_IN_BETWEEN: Final = {"40001", "40P01"}
_LOCKED: Final = {"55P03"}
_GONE: Final = {"57P01", "57P02", "57P03"}
_FULL: Final = {"53100"}
_READ_ONLY: Final = {"25006"}
_FORBIDDEN: Final = {"42501"}
_BEYOND: Final = {"22003"}
_CLASSES_OF_DAMAGE: Final = {"23", "P0", "XX"}
"""Constraints, our own triggers, and pages that cannot be read."""


class PostgresqlServer:
    """The database of a ledger on a server."""

    wanted: Mapping[str, tuple[str, ...]] = {**DURABLE, "integrity": ("ok",)}

    def __init__(self, place: Address, *, busy_seconds: float) -> None:
        self.place = place
        self._busy_ms = max(1, round(busy_seconds * 1000))
        connections = _connections(place)
        self._writers: Engine = connections.execution_options(isolation_level="SERIALIZABLE")
        self._readers: Engine = connections.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def check_absent(self) -> None:
        """Check that a ledger can be made here.

        Raises:
            StoreError: The database holds tables already, or cannot be reached.
        """
        with self.reading() as connection:
            held = connection.exec_driver_sql("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()").scalar_one()
        if held:
            raise StoreError(f"{self.place} holds tables already", hint="give a database of its own; a ledger is never overwritten")

    def check_there(self) -> None:
        """Check nothing: the first transaction says whether there is a server, and a ledger."""

    def check_settings(self) -> None:
        """Check that what is acknowledged here outlives a power cut.

        Raises:
            StoreError: A setting is weakened.
        """
        with self.reading() as connection:
            self._check_durable(connection)

    def _check_durable(self, connection: Connection) -> None:
        found = self.settings(connection)
        for name, want in DURABLE.items():
            if found.get(name) not in want:
                raise StoreError(
                    f"{self.place} would lose what it acknowledged in a power cut: {name} is {found.get(name)}, "
                    f"it has to be {' or '.join(want)}",
                    hint=f"look for {name} in postgresql.conf, ALTER DATABASE and ALTER ROLE; nothing was written",
                )

    @contextmanager
    def making(self) -> Iterator[Connection]:
        """Make the tables and what stands in them, or nothing."""
        with self.explained(), self._writers.begin() as connection:
            self._check_durable(connection)
            yield connection

    def remove(self) -> None:
        """Take away a ledger that was not made whole; the database was empty before it."""
        with self.explained(), self._writers.begin() as connection:
            metadata.drop_all(connection)
            connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {_FUNCTION}()")

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Hold the write lock.

        Raises:
            SerializationError: Somebody wrote without the lock; nothing was written.
            ConflictError: Somebody else held the lock for too long.
            StoreError: The server cannot be reached, refuses, or would not keep what is written.
        """
        with self.explained(), self._writers.begin() as connection:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {self._busy_ms}")
            connection.exec_driver_sql("LOCK TABLE meta IN EXCLUSIVE MODE")
            self._check_durable(connection)
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """See one state of the database."""
        with self.explained(), self._readers.begin() as connection:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {self._busy_ms}")
            yield connection

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn the database's own errors into ours."""
        try:
            yield
        except DBAPIError as error:
            raise _refusal(self.place, error) from error
        except SQLAlchemyError as error:
            raise refusals.unusable(self.place, error) from error

    @staticmethod
    def append_only(tables: Sequence[str]) -> list[str]:
        """Return the statements that make tables append-only, for a replication's own session as well."""
        made = [f"CREATE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $${_BODY}$$"]
        for name, (table, action) in _names(tables).items():
            made += [
                f"CREATE TRIGGER {name} BEFORE {action} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {_FUNCTION}()",
                f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}",
            ]
        return made

    @staticmethod
    def settings(connection: Connection) -> dict[str, str]:
        """Return the settings in force that the store rests on, and the server's version."""
        found = connection.execute(_SETTINGS, {"names": [*DURABLE, "data_checksums", "server_version"]})
        return {str(name): str(value) for name, value in found}

    @staticmethod
    def rights(connection: Connection, role: str) -> list[str]:
        """Return the statements that make a role which adds evidence and cannot change it."""
        database, schema = connection.exec_driver_sql("SELECT quote_ident(current_database()), quote_ident(current_schema())").one()
        named = '"' + role.replace('"', '""') + '"'
        others = ", ".join(name for name in metadata.tables if name not in EVIDENCE)
        return [
            f"CREATE ROLE {named} LOGIN",
            f"GRANT CONNECT ON DATABASE {database} TO {named}",
            f"GRANT USAGE ON SCHEMA {schema} TO {named}",
            f"GRANT SELECT, INSERT ON {', '.join(EVIDENCE)} TO {named}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {others} TO {named}",
        ]

    @staticmethod
    def integrity(connection: Connection, tables: Sequence[str]) -> list[str]:
        """Return the append-only triggers that are missing or changed. Its pages a server checks itself, when it reads them."""
        there = {row[0]: tuple(row[1:]) for row in connection.execute(_TRIGGERS)}
        return [
            f"trigger {name} is missing or changed"
            for name, (table, action) in _names(tables).items()
            if there.get(name) != (table, _TYPES[action], "A", _BODY, True)
        ]


@lru_cache
def _connections(place: Address) -> Engine:
    """Return what makes connections, once for each place: it asks the server some questions before its first one."""
    return create_engine(place.text, poolclass=NullPool, use_native_hstore=False)


def _names(tables: Sequence[str]) -> dict[str, tuple[str, str]]:
    return {f"{table}_is_append_only_{action.lower()}": (table, action) for table in tables for action in _TYPES}


def _refusal(place: Address, error: DBAPIError) -> Exception:
    """Return what the server said, in our words."""
    cause = error.orig
    code = getattr(cause, "sqlstate", None)
    said = str(cause).partition("\n")[0]
    if code in _IN_BETWEEN:
        return SerializationError(f"{place}: another writer got in between", hint="nothing was written; try again")
    if code in _LOCKED:
        return refusals.locked(place)
    if code in _FULL:
        return refusals.disk_full(place)
    if code in _READ_ONLY:
        return refusals.read_only(place, hint="look at default_transaction_read_only, and whether it is a standby")
    if code in _FORBIDDEN:
        return StoreError(f"{place} refuses: {said}", hint="`plumbline role` prints the rights that a role needs")
    if code in _BEYOND:
        return refusals.beyond_range()
    if code in _GONE or (code is None and isinstance(cause, psycopg.OperationalError)):
        return StoreError(
            f"{place} cannot be reached: {said}", hint="look whether the server runs, and at the address, PGHOST and ~/.pgpass"
        )
    if code is not None and code[:2] in _CLASSES_OF_DAMAGE:
        return refusals.damaged(place, said)
    return refusals.unusable(place, said)
