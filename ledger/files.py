"""Writing a file so that a crash leaves the old one or the new one, never half of either."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from ledger.errors import StoreError


def replace_file(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace a file's content durably: temporary file, fsync, rename, fsync of the folder.

    Raises:
        StoreError: It cannot be written; the old file is still there.
    """
    replace_files({path: data}, mode=mode)


def replace_files(files: Mapping[Path, bytes], *, mode: int = 0o600) -> None:
    """Write many files of one folder durably: all are written, then all made durable, then all renamed.

    Raises:
        StoreError: One cannot be written; no file is half written.
    """
    temporaries = {path: path.with_name(f".{path.name}.new") for path in files}
    path = None
    try:
        for path, data in files.items():
            descriptor = os.open(temporaries[path], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
        for path in files:
            sync_folder(temporaries[path])
        for path in files:
            temporaries[path].replace(path)
        for path in {path.parent for path in files}:
            sync_folder(path)
    except OSError as error:
        for temporary in temporaries.values():
            with suppress(OSError):
                temporary.unlink()
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error


def remove_files(paths: Iterable[Path]) -> None:
    """Remove files of one folder durably, as far as they are there.

    Raises:
        StoreError: One cannot be removed.
    """
    gone = list(paths)
    path = None
    try:
        for path in gone:
            path.unlink(missing_ok=True)
        for path in {path.parent for path in gone}:
            sync_folder(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be removed: {error.strerror}") from error


def make_folder(path: Path, *, mode: int, parents: bool = False) -> None:
    """Make a folder where there is none, and those above it if asked to, so that a power cut cannot take it away with what is in it.

    Raises:
        OSError: It cannot be made.
    """
    missing = [folder for folder in path.parents if not folder.exists()]
    path.mkdir(mode=mode, parents=parents, exist_ok=True)
    for folder in (path, *missing):
        sync_folder(folder.parent)


def sync_folder(place: Path) -> None:
    """Make what was written to a file, or renamed in a folder, durable, where the system knows how."""
    if os.name == "nt" and place.is_dir():  # pragma: no cover - Windows has no fsync of folders
        return
    descriptor = os.open(place, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_there(path: Path) -> bool:
    """Say whether something lies at a path.

    Raises:
        StoreError: The folder cannot be looked into.
    """
    try:
        return path.exists()
    except OSError as error:
        raise StoreError(f"{path} cannot be looked for: {error.strerror}") from error


def read_file(path: Path, *, what: str, limit: int = 64 << 20) -> bytes:
    """Return a file's bytes.

    Raises:
        StoreError: It is missing, unreadable or larger than the limit.
    """
    try:
        if path.stat().st_size > limit:
            raise StoreError(f"{what} {path} has {path.stat().st_size} bytes, the limit is {limit}")
        return path.read_bytes()
    except OSError as error:
        raise StoreError(f"{what} {path} cannot be read: {error.strerror}") from error


def try_lock(descriptor: int) -> bool:
    """Take the lock on an open file or folder if it is free; it ends when the file is closed, or the program."""
    try:
        if os.name == "nt":  # pragma: no cover - Windows
            import msvcrt  # noqa: PLC0415

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            import fcntl  # noqa: PLC0415

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
