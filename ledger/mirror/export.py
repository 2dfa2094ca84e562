"""Writing the log as plain files that any web server or object store can hand out (c2sp.org/tlog-tiles; SPEC.md, "Export").

    checkpoint                         the newest checkpoint with its witnesses' lines; written last
    tile/<level>/<n>[.p/<width>]       tiles
    tile/entries/<n>[.p/<width>]       entry bundles
    spec/SPEC.md, spec/data/…          what a reader needs to check the rest

The order of the durable writes is the design: every file lies there whole before the checkpoint that counts on it, and what an older
checkpoint counts on is taken away only after a newer one is durable. So the folder is a valid export at its last checkpoint after a crash
at any moment, and the next export completes it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from ledger.errors import CheckpointError, ConflictError, ConsistencyError, FormatError, RollbackError, StoreError
from ledger.files import read_file, remove_files, replace_file, replace_files, sync_folder, try_lock
from ledger.keys import verify
from ledger.replay import unseen
from ledger.store.store import Store
from ledger.store.view import StoreView
from ledger.tlog import tile
from ledger.tlog.checkpoint import parse_checkpoint, verify_checkpoint
from ledger.tlog.merkle import Hash, leaf_hash
from ledger.tlog.note import VerifierKey, parse_note, parse_vkey
from ledger.tlog.tile import WIDTH, path_of, tiles_of

_OURS = frozenset({"checkpoint", "tile", "spec", "lock"})
_AT_ONCE = 64
"""Tiles written together: one short reading of the store, then one round of fsync."""
_MODE = 0o644
_LOOK = "look with `plumbline audit`"

_Tile = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote and took away, counted in files, and where it stands now."""

    folder: Path
    origin: str
    size: int
    root: str
    before: int
    written: int
    removed: int


@dataclass(frozen=True, slots=True)
class _Target:
    """The checkpoint to export, and the keys that signed it."""

    note: bytes
    origin: str
    size: int
    root: bytes
    keys: tuple[VerifierKey, ...]


def export(store: Store, folder: Path, *, rewrite: bool = False, progress: Callable[[int], None] = unseen) -> Exported:
    """Bring a folder to the newest checkpoint of a store.

    Args:
        store: The ledger.
        folder: Where to write; made where its parent is there.
        rewrite: Write every file again, not only those that are new or missing.
        progress: Called with the number of entries that were exported.

    Raises:
        StoreError: There is no checkpoint, the store's tiles do not lead to it, or a file cannot be written.
        ConflictError: Another export of this folder is at work.
        CheckpointError: The folder is the export of another log.
        ConsistencyError: The folder's checkpoint and the store are a fork.
        RollbackError: The folder is ahead of the store.
    """
    with store.reading() as view:
        target = _target(store, view)
    _make_folder(folder)
    with _explained(folder), _locked(folder):
        before = _before(store, folder, target)
        present = _clean(folder)
        known = 0 if rewrite else before
        fresh = [*tiles_of(target.size, since=known), *(one for one in tiles_of(known) if not set(_paths(one)) <= present)]
        written = _write_tiles(store, folder, fresh, progress)
        # 1. Everything that the checkpoint counts on is durable. A crash before this: the old checkpoint, and files it does not need.
        written += _write_spec(folder)
        # 2. The checkpoint, whole or not at all.
        written += _write(folder / "checkpoint", target.note)
        # 3. Only now are the files of older checkpoints taken away, save those of the last one, for those who are still reading it.
        #    A crash in between leaves some of them, and the next export takes them away.
        kept = {path for size in (before, target.size) for one in tiles_of(size) for path in _paths(one)}
        removed = _remove(folder, present - kept)
    return Exported(folder, target.origin, target.size, target.root.hex(), before, written, removed)


def _target(store: Store, view: StoreView) -> _Target:
    newest, facts = Store.newest_checkpoint(view), view.facts
    if newest is None or facts is None:
        raise StoreError(f"{store.place} has no checkpoint to export", hint="sign one with `plumbline checkpoint`")
    keys = tuple(parse_vkey(text) for text in facts.log)
    note = Store.published(view, newest[0])
    signed = verify_checkpoint(note, log_keys=keys, verify=verify).checkpoint
    if signed.size > view.size:
        raise StoreError(f"the store holds {view.size} records, its checkpoint says {signed.size}; nothing was exported", hint=_LOOK)
    root = tile.root_at(view, signed.size)
    if root != signed.root:
        raise StoreError(
            f"the store's tiles lead to root {root.hex()} at size {signed.size}, its checkpoint has {signed.root.hex()}; nothing was "
            "exported",
            hint=_LOOK,
        )
    return _Target(note, signed.origin, signed.size, signed.root, keys)


def _before(store: Store, folder: Path, target: _Target) -> int:
    """Return the size at which a folder was exported before, 0 for a new one.

    Raises:
        StoreError, CheckpointError, ConsistencyError, RollbackError: It is not an export of this log, or not an older one.
    """
    path = folder / "checkpoint"
    if not path.exists():
        others = sorted(found.name for found in folder.iterdir() if found.name not in _OURS and not _is_temporary(found.name))
        if others:
            raise StoreError(f"{folder} is not empty and no export: it holds {others[0]}", hint="give an empty folder, or an export")
        return 0
    data = read_file(path, what="checkpoint", limit=1 << 20)
    try:
        found = parse_checkpoint(parse_note(data).text)
    except FormatError as refusal:
        raise refusal.at(file=str(path)) from refusal
    if found.origin != target.origin:
        raise CheckpointError(f"{folder} is the export of {found.origin}, this ledger is {target.origin}")
    verify_checkpoint(data, log_keys=target.keys, verify=verify)
    if found.size > target.size:
        raise RollbackError(
            f"{folder} was exported at size {found.size}, the newest checkpoint here is at size {target.size}; an export never goes back",
            hint="an older copy of the ledger was put back, or this is another one",
        )
    with store.reading() as view:
        root = tile.root_at(view, found.size, of=target.size)
    if root != found.root:
        raise ConsistencyError(
            f"{folder} and the ledger are a fork: at size {found.size} the export has root {found.root.hex()}, the ledger has {root.hex()}",
            hint="keep both as evidence; `plumbline compare` writes a proof of it",
        )
    return found.size


def _clean(folder: Path) -> set[str]:
    """Remove temporaries that a crash left behind, and return the paths of tiles and bundles that are there."""
    present: set[str] = set()
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place) / name
            if _is_temporary(name):
                remove_files([path])
                continue
            with suppress(FormatError):
                found = path.relative_to(folder).as_posix()
                tile.parse_path(found)
                present.add(found)
    return present


def _is_temporary(name: str) -> bool:
    return name.startswith(".") and name.endswith(".new")


def _paths(one: _Tile) -> tuple[str, ...]:
    level, index, width = one
    return (path_of(level, index, width), *((path_of(None, index, width),) if level == 0 else ()))


def _write_tiles(store: Store, folder: Path, tiles: Sequence[_Tile], progress: Callable[[int], None]) -> int:
    """Write tiles, and the bundles of those of level 0, a few at a time, so that nobody who writes to the store waits for long."""
    written = done = 0
    for start in range(0, len(tiles), _AT_ONCE):
        data: dict[Path, bytes] = {}
        with store.reading() as view:
            for level, index, width in tiles[start : start + _AT_ONCE]:
                hashes = view.tile(level, index, width)
                data[folder / path_of(level, index, width)] = tile.format_tile(hashes)
                if level == 0:
                    data[folder / path_of(None, index, width)] = tile.format_bundle(_entries(view, index, hashes))
                    done += width
        for path in data:
            _make_folder(path.parent)
        replace_files(data, mode=_MODE)
        written += len(data)
        progress(done)
    return written


def _entries(view: StoreView, index: int, hashes: Sequence[Hash]) -> Iterator[bytes]:
    """Give the entries of a bundle, each checked against its leaf hash.

    Raises:
        StoreError: One was changed.
    """
    for place, want in enumerate(hashes, start=index * WIDTH):
        data = view.entry(place)
        got = leaf_hash(data)
        if got != want:
            raise StoreError(f"entry {place} hashes to {got.hex()}, stored is {want.hex()}; nothing more was exported", hint=_LOOK)
        yield data


def _write_spec(folder: Path) -> int:
    """Write the specification and the rule data that the log names, so that the export can be read without this program."""
    room = files("ledger")
    found = {"spec/SPEC.md": room / "SPEC.md"} | dict(_data(room / "data", "spec/data"))
    return sum(_write(folder / path, source.read_bytes()) for path, source in sorted(found.items()))


def _data(source: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    for one in source.iterdir():
        if one.is_dir():
            yield from _data(one, f"{path}/{one.name}")
        elif one.name.endswith(".json"):
            yield f"{path}/{one.name}", one


def _write(path: Path, data: bytes) -> int:
    """Write a file that is not there or says something else; return how many were written."""
    if path.is_file() and path.read_bytes() == data:
        return 0
    _make_folder(path.parent)
    replace_file(path, data, mode=_MODE)
    return 1


def _make_folder(folder: Path) -> None:
    """Make a folder durably, with those above it.

    Raises:
        StoreError: It cannot be made.
    """
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    try:
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made: {error.strerror}") from error


def _remove(folder: Path, paths: set[str]) -> int:
    """Take files away, and the folders of partial tiles that are then empty."""
    remove_files([folder / path for path in sorted(paths)])
    for parent in sorted({(folder / path).parent for path in paths}):
        if parent.suffix == ".p":
            with suppress(OSError):
                parent.rmdir()
    return len(paths)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn the system's errors into ours."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{folder} cannot be read or written: {error.strerror}") from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder against another export of it; the lock ends with the program.

    Raises:
        ConflictError: Another export is at work.
        StoreError: The folder cannot be opened.
    """
    try:
        # POSIX locks the folder itself; Windows has no descriptors of folders, so a file is locked there.
        place, flags = (folder / "lock", os.O_RDWR | os.O_CREAT) if os.name == "nt" else (folder, os.O_RDONLY)
        descriptor = os.open(place, flags)
    except OSError as error:
        raise StoreError(f"{folder} cannot be opened: {error.strerror}") from error
    try:
        if not try_lock(descriptor):
            raise ConflictError(f"another export writes to {folder}", hint="wait until it is done")
        yield
    finally:
        os.close(descriptor)
