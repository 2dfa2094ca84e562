"""Where a test's ledger is kept, and what only a foreign hand does there: in a file, or in a database on the tests' own server."""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg

from ledger.store.place import Address, Place
from ledger.store.tables import metadata
from server import Server

Values = Sequence[object]


class Kept(Protocol):
    """A ledger's place, with hands that no program of ours has."""

    @property
    def place(self) -> Place:
        """What the store is opened by."""

    def like(self, folder: Path) -> Kept:
        """Return a copy for another folder, into which the folder's files were copied already."""

    def put_back(self, older: Kept) -> None:
        """Put another one in the place of this one."""

    def content(self) -> bytes:
        """Return everything that is stored, comparable."""

    def sql(self, statements: Sequence[str], values: Values) -> None:
        """Do statements with the triggers taken away, and put those back."""

    def locked(self) -> AbstractContextManager[Callable[[], None]]:
        """Hold the write lock in another connection; what is given lets go of it early."""


@dataclass(frozen=True, slots=True)
class InFile:
    """A SQLite file."""

    place: Path

    def like(self, folder: Path) -> InFile:
        """Return what was copied."""
        return InFile(folder / self.place.name)

    def put_back(self, older: Kept) -> None:
        """Copy the other file over this one."""
        shutil.copy(str(older.place), self.place)

    def content(self) -> bytes:
        """Return the file's bytes."""
        return self.place.read_bytes()

    def sql(self, statements: Sequence[str], values: Values) -> None:
        """Do statements as a foreign hand would."""
        connection = sqlite3.connect(self.place)
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement, values)
        for _, text in triggers:
            connection.execute(text)
        connection.commit()
        connection.close()

    @contextmanager
    def locked(self) -> Iterator[Callable[[], None]]:
        """Hold the file's write lock."""
        connection = sqlite3.connect(self.place, isolation_level=None, check_same_thread=False)
        connection.execute("BEGIN IMMEDIATE")
        yield connection.rollback
        connection.close()


@dataclass(frozen=True, slots=True)
class OnServer:
    """A database of a server."""

    server: Server
    database: str

    @property
    def place(self) -> Address:
        """The database's address."""
        return self.server.address(self.database)

    def like(self, folder: Path) -> OnServer:
        """Return a copy of the database, and write its address into the folder."""
        copy = OnServer(self.server, self.server.new_database(like=self.database))
        (folder / "place").write_text(copy.place.text, encoding="utf-8")
        return copy

    def put_back(self, older: Kept) -> None:
        """Put this database aside and make it anew, like the other one."""
        assert isinstance(older, OnServer)
        aside = f"ALTER DATABASE {self.database} RENAME TO aside_{time.monotonic_ns()}"
        self.server.do(aside, f"CREATE DATABASE {self.database} TEMPLATE {older.database} STRATEGY wal_log")

    def content(self) -> bytes:
        """Return every row of every table."""
        with self._connected() as connection:
            rows = {name: sorted(map(repr, connection.execute(f'SELECT * FROM "{name}"'.encode()))) for name in metadata.tables}
        return repr(rows).encode()

    def sql(self, statements: Sequence[str], values: Values) -> None:
        """Do statements, in the words of this database, as a foreign hand would."""
        with self._connected() as connection:
            for name in metadata.tables:
                connection.execute(f'ALTER TABLE "{name}" DISABLE TRIGGER USER'.encode())
            for statement in statements:
                connection.execute(translated(statement).encode(), values or None)
            found = connection.execute("SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal").fetchall()
            for table, trigger in found:
                connection.execute(f'ALTER TABLE {table} ENABLE ALWAYS TRIGGER "{trigger}"'.encode())

    @contextmanager
    def locked(self) -> Iterator[Callable[[], None]]:
        """Hold the lock that writers take."""
        with self._connected() as connection:
            connection.execute("LOCK TABLE meta IN EXCLUSIVE MODE")
            yield connection.rollback

    def _connected(self) -> psycopg.Connection:
        return psycopg.connect(self.server.conninfo(self.database))


def translated(statement: str) -> str:
    """Return a statement written for SQLite as PostgreSQL reads it: bytes, and what stands for values."""
    statement = statement.replace("zeroblob(32)", f"x'{'00' * 32}'")
    return re.sub(r"\bx'([0-9a-f]*)'", r"'\\x\1'::bytea", statement).replace("?", "%s")
