"""A ledger in one SQLite file: connections with the settings that the store rests on, and the database's errors in our words.

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

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from ledger.errors import StoreError
from ledger.files import remove_files
from ledger.store import refusals

PRAGMAS: Final = (
    "journal_mode=DELETE",
    "synchronous=EXTRA",
    "foreign_keys=ON",
    "recursive_triggers=ON",
    "trusted_schema=OFF",
    "cell_size_check=ON",
    "secure_delete=ON",
)
WANTED: Final[Mapping[str, tuple[str, ...]]] = {
    "journal_mode": ("delete",),
    "synchronous": ("3",),
    "foreign_keys": ("1",),
    "recursive_triggers": ("1",),
    "trusted_schema": ("0",),
    "secure_delete": ("1",),
    "integrity": ("ok",),
}


class SqliteFile:
    """The database of a ledger in a file."""

    wanted = WANTED

    def __init__(self, place: Path, *, busy_seconds: float) -> None:
        self.place = place
        self._writers = connections(place, begin="BEGIN IMMEDIATE", busy_seconds=busy_seconds)
        self._readers = connections(place, begin="BEGIN", busy_seconds=busy_seconds)

    def check_absent(self) -> None:
        """Check that a ledger can be made here.

        Raises:
            StoreError: Something lies there already, or there is no folder.
        """
        check_absent(self.place)

    def check_there(self) -> None:
        """Check that there is a file.

        Raises:
            StoreError: There is none, or it cannot be looked for.
        """
        mode = _mode(self.place)
        if S_ISDIR(mode):
            raise StoreError(f"{self.place} is a folder, not a ledger", hint="a ledger is one file; give its path with -L")
        if not S_ISREG(mode):
            raise StoreError(f"there is no ledger at {self.place}", hint="make one with `plumbline init`, or give its path with -L")

    def check_settings(self) -> None:
        """Check nothing: every connection is given the settings above."""

    @contextmanager
    def making(self) -> Iterator[Connection]:
        """Make the file whole, or not at all."""
        try:
            with self.writing() as connection:
                yield connection
        except BaseException:
            with suppress(StoreError):
                self.remove()
            raise

    def remove(self) -> None:
        """Take away a ledger that was not made whole."""
        remove_files([self.place])

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Hold the write lock."""
        with self.explained(), self._writers.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """See one state of the file."""
        with self.explained(), self._readers.begin() as connection:
            yield connection

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn the database's own errors into ours."""
        with explained(self.place):
            yield

    @staticmethod
    def append_only(tables: Sequence[str]) -> list[str]:
        """Return the statements that make tables append-only."""
        return list(_triggers(tables).values())

    @staticmethod
    def settings(connection: Connection) -> dict[str, str]:
        """Return the settings in force, and SQLite's version."""
        names = [pragma.split("=")[0] for pragma in PRAGMAS]
        found = {name: str(connection.exec_driver_sql(f"PRAGMA {name}").scalar()) for name in names}
        return found | {"sqlite_version": str(connection.exec_driver_sql("SELECT sqlite_version()").scalar())}

    def rights(self, _: Connection, role: str) -> list[str]:
        """Refuse.

        Raises:
            StoreError: Files have no roles.
        """
        raise StoreError(
            f"{self.place} is a file and has no role {role}",
            hint="who may write a file is said by its owner and mode; roles are a server's",
        )

    @staticmethod
    def integrity(connection: Connection, tables: Sequence[str]) -> list[str]:
        """Return what SQLite itself finds damaged in the file, and the append-only triggers that are missing or changed."""
        found = [str(problem) for (problem,) in connection.exec_driver_sql("PRAGMA integrity_check(5)")]
        triggers = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        there = {str(name): text for name, text in triggers}
        changed = [f"trigger {name} is missing or changed" for name, text in _triggers(tables).items() if there.get(name) != text]
        return [problem for problem in found if problem != "ok"] + changed


def check_absent(path: Path) -> None:
    """Check that a file can be made.

    Raises:
        StoreError: Something lies there already, or there is no folder, or it cannot be looked for.
    """
    if _mode(path):
        raise StoreError(f"{path} exists already", hint="give another path; a ledger is never overwritten")
    if not S_ISDIR(_mode(path.parent)):
        raise StoreError(f"{path.parent} is no folder", hint="make the folder first")


def _mode(path: Path) -> int:
    """Return what kind of file lies at a path, as stat says it, 0 where there is none.

    Raises:
        StoreError: The system does not say.
    """
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        raise refusals.unusable(path, error.strerror) from error


def _triggers(tables: Sequence[str]) -> dict[str, str]:
    return {
        f"{table}_is_append_only_{action.lower()}": f"CREATE TRIGGER {table}_is_append_only_{action.lower()} BEFORE {action} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'table {table} is append-only'); END"
        for table in tables
        for action in ("UPDATE", "DELETE")
    }


def connections(path: Path, *, begin: str, busy_seconds: float) -> Engine:
    """Return connections whose every transaction begins with this statement."""
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
            raise refusals.locked(path) from error
        if "full" in text:
            raise refusals.disk_full(path) from error
        if "readonly" in text:
            raise refusals.read_only(path, hint="look at the file's and the folder's permissions") from error
        raise refusals.unusable(path, text) from error
    except DatabaseError as error:
        raise refusals.damaged(path, error.orig) from error
    except UnicodeDecodeError as error:  # sqlite3 reads SQLite's own message about a damaged schema as UTF-8
        raise refusals.damaged(path, error) from error
    except SQLAlchemyError as error:
        raise refusals.unusable(path, error) from error
