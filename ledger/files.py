"""Writing a file so that a crash leaves the old one or the new one, never half of either."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ledger.errors import StoreError


def replace_file(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace a file's content durably: temporary file, fsync, rename, fsync of the folder.

    Raises:
        StoreError: It cannot be written; the old file is still there.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error


def replace_files(files: Mapping[Path, bytes], *, mode: int = 0o600) -> None:
    """Write many files of one folder durably: all are written, then all made durable, then all renamed.

    Raises:
        StoreError: One cannot be written; no file is half written.
    """
    opened: list[tuple[Path, Path]] = []
    try:
        for path, data in files.items():
            temporary = path.with_name(f".{path.name}.new")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            opened.append((temporary, path))
        for temporary, _ in opened:
            sync_folder(temporary)
        for temporary, path in opened:
            temporary.replace(path)
        for folder in {path.parent for path in files}:
            sync_folder(folder)
    except OSError as error:
        for temporary, _ in opened:
            temporary.unlink(missing_ok=True)
        raise StoreError(f"{error.filename or 'a file'} cannot be written: {error.strerror}") from error


def sync_folder(place: Path) -> None:
    """Make what was written to a file, or renamed in a folder, durable, where the system knows how."""
    if os.name == "nt" and place.is_dir():  # pragma: no cover - Windows has no fsync of folders
        return
    descriptor = os.open(place, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
