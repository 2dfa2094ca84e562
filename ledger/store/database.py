"""The door to SQLite: connections with the settings that the store rests on, and the database's errors in our words.

| setting             | value            | why                                                                                  |
|---------------------|------------------|--------------------------------------------------------------------------------------|
| journal_mode        | DELETE           | WAL has a reset bug in SQLite 3.7.0 to 3.51.2                                          |
| synchronous         | EXTRA            | with DELETE and FULL a power cut can bring a journal back and lose what was acknowledged |
| BEGIN IMMEDIATE     | every writer     | otherwise two writers read the same remainder and both spend it                       |
| recursive_triggers  | ON               | otherwise INSERT OR REPLACE slips past the append-only triggers                       |
| foreign_keys        | ON               |                                                                                      |
| trusted_schema      | OFF              | a damaged schema runs nothing of its own                                               |
| cell_size_check     | ON               | a damaged page is noticed when it is read                                              |
| secure_delete       | ON               | what opens a sealed field is gone from the file once it is erased                      |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from ledger.errors import ConflictError, StoreError

BUSY_SECONDS = 30
PRAGMAS = (
    "journal_mode=DELETE",
    "synchronous=EXTRA",
    "foreign_keys=ON",
    "recursive_triggers=ON",
    "trusted_schema=OFF",
    "cell_size_check=ON",
    "secure_delete=ON",
)

_T = TypeVar("_T")


def database(path: Path, *, begin: str, busy_seconds: float) -> Engine:
    """Return a database whose every transaction begins with this statement."""
    made = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool, connect_args={"timeout": busy_seconds})

    @event.listens_for(made, "connect")
    def _on_connect(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own type
        connection.isolation_level = None  # SQLAlchemy's BEGIN below is the only one
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(made, "begin")
    def _on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return made


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the database's own errors into ours.

    Raises:
        ConflictError: Somebody else held the lock for too long.
        StoreError: The file cannot be read or written.
    """
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
            raise StoreError(
                f"{path} cannot be written: it is read-only", hint="look at the file's and the folder's permissions"
            ) from error
        raise StoreError(f"{path} cannot be read or written: {text}") from error
    except DatabaseError as error:
        raise StoreError(
            f"{path} is damaged or no ledger: {error.orig}", hint="look with `plumbline audit`; restore a backup if need be"
        ) from error
    except SQLAlchemyError as error:
        raise StoreError(f"{path} cannot be read or written: {error}") from error


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
