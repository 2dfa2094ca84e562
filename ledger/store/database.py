"""What the store asks of a database, and how values are read back. `sqlite` and `postgresql` answer, each in one module."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import Connection

from ledger.errors import StoreError
from ledger.store.place import Place
from ledger.store.sqlite import SqliteFile

BUSY_SECONDS: Final = 30

for _name in ("sqlalchemy", "psycopg"):
    # What goes wrong they log with its stack, and raise as well; who uses the program is told once, in our words.
    logging.getLogger(_name).addHandler(logging.NullHandler())

_T = TypeVar("_T")


class Database(Protocol):
    """Where a ledger's tables stand. Every method raises StoreError, ConflictError where another writer is in the way."""

    @property
    def place(self) -> Place:
        """What messages name it by."""

    @property
    def wanted(self) -> Mapping[str, tuple[str, ...]]:
        """What each of the settings may be, and `integrity`."""

    def check_absent(self) -> None:
        """Check that a ledger can be made here."""

    def check_there(self) -> None:
        """Check that a ledger can be looked for here."""

    def check_settings(self) -> None:
        """Check that what is acknowledged here outlives a power cut."""

    def making(self) -> AbstractContextManager[Connection]:
        """Make everything in the block, or nothing."""

    def remove(self) -> None:
        """Take away a ledger that was not made whole."""

    def writing(self) -> AbstractContextManager[Connection]:
        """Hold the write lock; everything in the block is committed together or not at all."""

    def reading(self) -> AbstractContextManager[Connection]:
        """See one state."""

    def explained(self) -> AbstractContextManager[None]:
        """Turn the database's own errors into ours."""

    def append_only(self, tables: Sequence[str]) -> list[str]:
        """Return the statements that make tables append-only."""

    def settings(self, connection: Connection) -> dict[str, str]:
        """Return the settings in force that the store rests on, and the database's version."""

    def rights(self, connection: Connection, role: str) -> list[str]:
        """Return the statements that make a role which adds evidence and cannot change it."""

    def integrity(self, connection: Connection, tables: Sequence[str]) -> list[str]:
        """Return what the database itself finds damaged, and what is missing of the triggers that make tables append-only."""


def database_at(place: Place, *, busy_seconds: float) -> Database:
    """Return the database at a place. Nothing is opened yet.

    Raises:
        InstallationError: It is on a server, and the driver is not installed.
    """
    if isinstance(place, Path):
        return SqliteFile(place, busy_seconds=busy_seconds)
    from ledger.store.postgresql import PostgresqlServer  # noqa: PLC0415 - the driver is an extra

    return PostgresqlServer(place, busy_seconds=busy_seconds)


def decoded(table: str, read: Callable[[Any], _T], value: object) -> _T:
    """Return what a projection's text says.

    Raises:
        StoreError: It says nothing of that kind: a foreign hand, or a damaged page.
    """
    try:
        return read(value)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError) as error:
        raise StoreError(
            f"table {table} of the store holds a row that cannot be read",
            hint="look with `plumbline audit`; `plumbline rebuild` derives the tables anew from the records",
        ) from error


def blob(value: object) -> bytes:
    """Return a blob; something else stands there only after a foreign hand, and is kept for the audit to see."""
    return bytes(value) if isinstance(value, bytes | memoryview) else repr(value).encode()


def whole(value: object) -> int:
    """Return a whole number, -1 where a foreign hand put something else."""
    return value if isinstance(value, int) else -1
