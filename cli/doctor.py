"""Checking an installation: packages, the store's settings, key files, the mark."""

from __future__ import annotations

import os
import platform
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from cli.output import print_json, say
from cli.session import Session, reading
from ledger.errors import LedgerError

Row = tuple[str, bool, str]


@click.command()
@reading
def doctor(session: Session) -> int:
    """Check the installation, and with -L the store's settings and the key files.

    Exit code 3 when something is not as it should be.
    """
    rows = [*_installed(), *(_stored(session) if session.has_ledger else ())]
    if session.as_json:
        print_json({"checks": [{"check": name, "ok": ok, "detail": detail} for name, ok, detail in rows]})
    else:
        for name, ok, detail in rows:
            say(f"{'ok ' if ok else 'BAD'}  {name:20} {detail}", style=None if ok else "red")
    return 0 if all(ok for _, ok, _ in rows) else 3


def _installed() -> Iterator[Row]:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - loaded when needed

    from ledger.installation import check_installation, strangers  # noqa: PLC0415 - loaded when needed

    yield "python", sys.version_info >= (3, 11), platform.python_version()
    try:
        check_installation()
        yield "packages", True, "ledger, schemas, cli and reports lie in one folder"
    except LedgerError as refusal:  # pragma: no cover - the command line refused before
        yield "packages", False, str(refusal)
    others = strangers()
    yield (
        "strangers",
        not others,
        f"{', '.join(others)} installed packages of our names too" if others else "none under our packages' names",
    )
    for name in ("sqlalchemy", "pydantic", "cryptography", "PyNaCl", "reportlab", "pikepdf"):
        try:
            yield name, True, version(name)
        except PackageNotFoundError:  # pragma: no cover - the lock installs them
            yield name, False, "is not installed"


def _stored(session: Session) -> Iterator[Row]:
    from ledger.mark import read_mark  # noqa: PLC0415 - loaded when needed
    from ledger.store.store import Store  # noqa: PLC0415 - loaded when needed

    try:
        store = session.store()
        for name, value in store.settings().items():
            yield name, *_setting(name, value, store.database.wanted)
        key_file = session.remembered(store, "log_key")
    except LedgerError as refusal:
        yield "store", False, str(refusal)
        return
    if isinstance(session.ledger, Path):
        yield "ledger file", *_not_for_others(session.ledger, stat.S_IWGRP | stat.S_IWOTH, "written")
        yield "filesystem", *_filesystem(session.ledger)
    yield "key folder", *_not_for_others(key_file.parent, stat.S_IWGRP | stat.S_IWOTH, "written")
    for file in (key_file, key_file.with_name("registrar.key")):
        yield file.name, *_key(file)
    try:
        mark = read_mark(key_file.parent / "mark")
        with store.reading() as view:
            newest = Store.newest_checkpoint(view)
        yield "mark", mark is not None, f"size {mark.size}" if mark else f"none at {key_file.parent / 'mark'}"
        yield "checkpoint", newest is not None, f"size {newest[0]}" if newest else "none yet"
    except LedgerError as refusal:
        yield "mark", False, str(refusal)


def _setting(name: str, value: str, wanted: Mapping[str, tuple[str, ...]]) -> tuple[bool, str]:
    """Judge a setting of the database, or its version by the bugs that are known of it."""
    from ledger.installation import known_bug  # noqa: PLC0415 - loaded when needed

    software = {"sqlite_version": "SQLite", "server_version": "PostgreSQL"}.get(name)
    bug = known_bug(software, value) if software else None
    if bug is not None:
        return False, f"{value}: {bug.what}; it is mended in {'.'.join(map(str, bug.fixed))} ({bug.source})"
    return value in wanted.get(name, (value,)), value


def _filesystem(path: Path) -> tuple[bool, str]:
    """Judge the filesystem that a ledger lies on: SQLite's locks must hold there."""
    from ledger.installation import SHARED, filesystem_of  # noqa: PLC0415 - loaded when needed

    table = Path("/proc/self/mounts")
    kind = filesystem_of(path, table.read_text(encoding="utf-8", errors="replace")) if table.exists() else None
    if kind in SHARED:
        return False, f"{kind}: locks may hold for nobody there; keep the ledger on a disk of this machine, or on a PostgreSQL server"
    return True, kind or "not known on this system"


def _key(file: Path) -> tuple[bool, str]:
    if not file.exists():
        return True, f"not at {file.parent} (kept elsewhere?)"
    return _not_for_others(file, 0o077, "read")


def _not_for_others(path: Path, bits: int, done: str) -> tuple[bool, str]:
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name != "nt" and mode & bits:
        return False, f"{path} can be {done} by others (mode {mode:04o}); chmod {mode & ~bits:o} {path}"
    return True, f"mode {mode:04o}"
