"""Where a ledger is kept: a file's path, or the address of a database on a PostgreSQL server.

    yard.db    sqlite:///yard.db                                a SQLite file
    postgresql+psycopg://user@host:5432/yard                    a database on a server; postgresql://… is the same
    postgresql+psycopg:///yard?host=/run/postgresql             one on this machine, by its socket

What an address leaves out comes from the PG* variables and ~/.pgpass, as for every program that speaks to PostgreSQL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.errors import FormatError

DRIVER: Final = "postgresql+psycopg"
_SERVERS: Final = {DRIVER, "postgresql", "postgres"}
_FORM: Final = re.compile(
    r"\A//(?:(?P<user>[^:/@?]*)(?::(?P<password>[^@/?]*))?@)?"
    r"(?P<host>(?:\[[0-9A-Fa-f:.]+\]|[^/?@:\[\]]*)(?::[0-9]{1,5})?)/(?P<database>[^/?]+)(?:\?(?P<query>.*))?\Z"
)
_SECRET: Final = re.compile(r"(?<=[?&])((?:ssl)?password=)[^&]*", re.IGNORECASE)
_SHAPE: Final = f"give {DRIVER}://USER@HOST/DATABASE; a character with a meaning in an address is written as %40 is for @"


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """A database on a PostgreSQL server. `text` is for the driver; what is printed shows no password."""

    text: str

    def __str__(self) -> str:
        """Return the address with its password hidden."""
        scheme, rest = self.text.split(":", 1)
        found = _FORM.match(rest)
        if found is not None and found["password"] is not None:
            at = found.start("password"), found.end("password")
            rest = f"{rest[: at[0]]}***{rest[at[1] :]}"
        return _SECRET.sub(r"\1***", f"{scheme}:{rest}")

    def __repr__(self) -> str:
        """Return the same for a traceback."""
        return f"Address({str(self)!r})"


Place = Path | Address
"""What messages name a ledger by: safe to print, whatever it is."""


def is_address(named: str) -> bool:
    """Say whether a ledger is named by the address of a server."""
    return named.partition("://")[0] in _SERVERS and "://" in named


def place_of(named: str) -> Place:
    """Return where a ledger is that was named as a path, as sqlite:///PATH or by an address.

    Raises:
        FormatError: It is no such address, or one of another kind of store. Nothing of what it says is repeated: it may hold a password.
    """
    if named.startswith("sqlite:///"):
        return Path(named.removeprefix("sqlite:///"))
    if "://" not in named:
        return Path(named)
    scheme, rest = named.split(":", 1)
    if scheme not in _SERVERS:
        raise FormatError(
            f"{scheme} stores are not supported by this version; a ledger is a SQLite file or a database on a PostgreSQL server",
            hint=f"give a path, or {DRIVER}://USER@HOST/DATABASE",
        )
    if _FORM.match(rest) is None:
        raise FormatError("the address of the ledger is none that this program reads", hint=_SHAPE)
    return Address(f"{DRIVER}:{rest}")
