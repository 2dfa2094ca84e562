"""An export read back: a folder, or the same files behind a web server (SPEC.md, "Export").

Nothing that it says is taken for true here; whoever reads it verifies. What is missing, too large or not of its form is a MirrorError that
names the file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from ledger.errors import FormatError, LedgerError, StoreError
from ledger.record import Record, read_record
from ledger.replay import Entry
from ledger.tlog import merkle, tile
from ledger.tlog.checkpoint import parse_checkpoint
from ledger.tlog.merkle import HASH_BYTES, Hash
from ledger.tlog.note import parse_note
from ledger.tlog.tile import HEIGHT, MAX_BUNDLE_BYTES, WIDTH, parse_bundle, parse_tile, path_of

CHECKPOINT_BYTES = 1 << 20
WAIT_SECONDS = 20.0
WHOLE_SECONDS = 300.0
"""How long one file may take, however slowly it comes."""
_AT_ONCE = 1 << 16

_T = TypeVar("_T")

Fetch = Callable[[str, int], bytes]
"""Gives a file of at most so many bytes, by its path under the log's prefix."""


class MirrorError(StoreError):
    """A file of an export that cannot be read, or does not have its form."""

    def __init__(self, path: str, problem: str, *, hint: str | None = None) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path} {problem}", hint=hint)


class MissingFileError(MirrorError):
    """A file that the export does not have."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "is missing", hint="the export is not complete, or moved on while it was read; read it again")


class Mirror:
    """An export. It is a `Nodes`: proofs are computed from its tiles; and a `LookUp`: records are looked up in its bundles."""

    def __init__(self, place: str, fetch: Fetch) -> None:
        self.place = place
        self._fetch = fetch
        self._checkpoint: bytes | None = None

    def checkpoint(self) -> bytes:
        """Return the checkpoint, as it was when it was first asked for.

        Raises:
            MirrorError: There is none, or it cannot be read.
        """
        if self._checkpoint is None:
            self._checkpoint = self._fetch("checkpoint", CHECKPOINT_BYTES)
        return self._checkpoint

    @property
    def size(self) -> int:
        """Return the size that the checkpoint states; nobody has verified it yet.

        Raises:
            MirrorError: The checkpoint is none.
        """
        return _size(self.checkpoint())

    def stored_tile(self, level: int, index: int, width: int) -> list[Hash]:
        """Return a tile as it lies there, at just this width.

        Raises:
            MirrorError: It is missing, unreadable or of another length.
        """
        path = path_of(level, index, width)
        return _formed(path, lambda: parse_tile(self._fetch(path, WIDTH * HASH_BYTES), width=width, where=path))

    def stored_bundle(self, index: int, width: int) -> list[bytes]:
        """Return an entry bundle as it lies there, at just this width.

        Raises:
            MirrorError: It is missing, unreadable or does not have the form.
        """
        path = path_of(None, index, width)
        return _formed(path, lambda: parse_bundle(self._fetch(path, MAX_BUNDLE_BYTES), width=width, where=path))

    def tile(self, level: int, index: int, width: int) -> list[Hash]:
        """Return the first hashes of a tile, from a wider one where the export has that.

        Raises:
            MirrorError: It has none.
        """
        try:
            return self.stored_tile(level, index, width)
        except MissingFileError:
            for wider in self._wider(level, index, width):
                try:
                    return self.stored_tile(level, index, wider)[:width]
                except MissingFileError:
                    continue
            raise

    def _wider(self, level: int, index: int, width: int) -> list[int]:
        """Return the widths at which a tile may lie when its partial one was taken away: that of the newest checkpoint, and full."""
        try:
            newest = _size(self._fetch("checkpoint", CHECKPOINT_BYTES))
        except MirrorError:
            newest = 0
        held = min(WIDTH, (newest >> HEIGHT * level) - index * WIDTH)
        return [wider for wider in dict.fromkeys((held, WIDTH)) if wider > width]

    def bundle(self, index: int, width: int) -> list[bytes]:
        """Return the first entries of a bundle, from a wider one where the export has that.

        Raises:
            MirrorError: It has none.
        """
        try:
            return self.stored_bundle(index, width)
        except MissingFileError:
            for wider in self._wider(0, index, width):
                try:
                    return self.stored_bundle(index, wider)[:width]
                except MissingFileError:
                    continue
            raise

    def entries(self, size: int) -> Iterator[Entry]:
        """Return index, record, leaf hash and chain hash of the first entries; both hashes are computed here.

        Raises:
            MirrorError: A bundle cannot be read.
        """
        chain = merkle.EMPTY_ROOT
        for start in range(0, size, WIDTH):
            for place, data in enumerate(self.bundle(start // WIDTH, min(WIDTH, size - start))):
                leaf = merkle.leaf_hash(data)
                chain = merkle.chain_next(chain if start + place else merkle.chain_start(_origin(data)), leaf)
                yield start + place, data, leaf, chain

    # What verifying a file against it reads

    def root_at(self, size: int) -> Hash | None:
        """Return the log's root at a size, None beyond the checkpoint."""
        return None if size > self.size else tile.root_at(self, size, of=self.size)

    def leaf(self, index: int) -> Hash | None:
        """Return the leaf hash of the entry at an index, from its bytes."""
        return None if index >= self.size else merkle.leaf_hash(self._entry(index))

    def record(self, index: int) -> Record:
        """Return the record at an index.

        Raises:
            MirrorError: It cannot be read.
            FormatError, EncodingError: The entry is no record.
        """
        return read_record(self._entry(index))

    def index_of(self, record: str) -> int | None:
        """Return the index of a record by its id; every entry is looked at."""
        return next((index for index, data, *_ in self.entries(self.size) if read_record(data).id == record), None)

    def _entry(self, index: int) -> bytes:
        return self.bundle(index // WIDTH, min(WIDTH, self.size - index // WIDTH * WIDTH))[index % WIDTH]


def open_mirror(place: str) -> Mirror:
    """Open an export.

    Args:
        place: A folder, or a URL that begins with http:// or https://, to which the paths of files are appended.

    Raises:
        StoreError: It is neither.
    """
    if "://" in place:
        parts = urlsplit(place)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
            raise StoreError(f"{place} is no place of an export", hint="give a folder, or a URL with http or https and no query")
        return Mirror(place, _WebServer(place.rstrip("/")).fetch)
    if not Path(place).is_dir():
        raise StoreError(f"{place} is no folder", hint="an export is a folder, or a URL with http or https")
    return Mirror(place, _Folder(Path(place)).fetch)


def _size(note: bytes) -> int:
    try:
        return parse_checkpoint(parse_note(note).text).size
    except FormatError as refusal:
        raise MirrorError("checkpoint", f"is no checkpoint: {refusal}") from refusal


def _origin(data: bytes) -> str:
    """Return the origin that record 0 states, or nothing: a chain begins as the audit's does."""
    try:
        return str(getattr(read_record(data).events[0], "origin", ""))
    except LedgerError:
        return ""


def _formed(path: str, read: Callable[[], _T]) -> _T:
    try:
        return read()
    except FormatError as refusal:
        raise MirrorError(path, refusal.problem) from refusal


class _Folder:
    """Files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fetch(self, path: str, limit: int) -> bytes:
        """Return a file."""
        try:
            with (self.folder / path).open("rb") as file:
                data = file.read(limit + 1)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise MissingFileError(path) from error
        except OSError as error:
            raise MirrorError(path, f"cannot be read: {error.strerror}") from error
        return _within(path, data, limit)


class _WebServer:
    """Files behind a web server. Redirects are followed to other web servers and to nothing else."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.opener = OpenerDirector()
        for kind in (
            ProxyHandler,
            HTTPHandler,
            HTTPSHandler,
            HTTPDefaultErrorHandler,
            HTTPErrorProcessor,
            HTTPRedirectHandler,
            UnknownHandler,
        ):
            self.opener.add_handler(kind())

    def fetch(self, path: str, limit: int) -> bytes:
        """Return a file."""
        # The scheme was checked, and the opener knows no other.
        request = Request(f"{self.prefix}/{path}", headers={"Accept-Encoding": "identity", "User-Agent": "plumbline"})  # noqa: S310
        end = time.monotonic() + WHOLE_SECONDS
        data = bytearray()
        try:
            with self.opener.open(request, timeout=WAIT_SECONDS) as response:
                while len(data) <= limit and (part := response.read(min(_AT_ONCE, limit + 1 - len(data)))):
                    data += part
                    if time.monotonic() > end:
                        raise MirrorError(path, f"cannot be read: took longer than {WHOLE_SECONDS:g} s")
        except HTTPError as error:
            error.close()
            if error.code in (404, 410):
                raise MissingFileError(path) from error
            raise MirrorError(path, f"cannot be read: the server answered {error.code}") from error
        except URLError as error:
            raise MirrorError(path, f"cannot be read: {error.reason}") from error
        except (OSError, HTTPException, ValueError) as error:
            raise MirrorError(path, f"cannot be read: {str(error) or type(error).__name__}") from error
        return _within(path, bytes(data), limit)


def _within(path: str, data: bytes, limit: int) -> bytes:
    if len(data) > limit:
        raise MirrorError(path, f"is larger than {limit} bytes")
    return data
