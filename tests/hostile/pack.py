"""A hostile file: what it is called, what is in it, and the command that reads it."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ground import Ground

KINDS = (
    "certificates", "evidence", "tokens", "records", "proofs", "trust", "events", "shown", "keys", "exports", "pdfs", "rules", "witnesses",
    "outboxes", "places",
)  # fmt: skip
"""The modules hostile_*.py, each of which yields its files with `files()`."""

VERIFY = ("verify", "{file}", "--trust", "{trust}")
LOG = ("log", "{file}", "-L", "{ledger}", "-k", "{key}")
AT_MOST_BYTES = 255
"""What a name in a folder may take."""


@dataclass(frozen=True)
class Hostile:
    """A file under a name of its own, and how it is read.

    `data` is its bytes, or the files of a folder by their paths in it. Words in braces in `command` stand for files: `{file}` for this one,
    the others are of `Ground.place`. `called` is what the file itself is called, where that is what is hostile.
    """

    name: str
    data: bytes | Mapping[str, bytes]
    command: tuple[str, ...] = VERIFY
    called: str = ""

    @property
    def digest(self) -> str:
        """The hash of all bytes in it, with their places."""
        parts = {"": self.data} if isinstance(self.data, bytes) else self.data
        said = b"".join(f"{place}\0{len(data)}\0".encode() + data for place, data in sorted(parts.items()))
        return hashlib.sha256(f"{self.name}\0{self.called!r}\0{self.command}\0".encode() + said).hexdigest()

    @property
    def writes(self) -> bool:
        """Whether its command may write to a ledger, beside a key, or anywhere."""
        return not {"{ledger}", "{key}", "{admin}", "{state}", "{output}"}.isdisjoint(self.command)

    def put(self, folder: Path) -> Path:
        """Put it into a folder and return where it is."""
        place = folder / (self.called or self.name.replace(" ", "-"))
        if isinstance(self.data, bytes):
            _write(place, self.data)
            return place
        place.mkdir()
        for inner, data in self.data.items():
            _write(place / inner, data)
        return place

    def arguments(self, place: Path, ground: Ground) -> list[str]:
        """Return the command's words."""
        return [word.format(file=place, **ground.place()) for word in self.command]


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o600)


def named(kind: str, files: Mapping[str, bytes], command: tuple[str, ...] = VERIFY) -> Iterator[Hostile]:
    """Yield files of a kind that one command reads."""
    for name, data in files.items():
        yield Hostile(f"{kind} {name}", data, command)


def swapped(data: bytes, old: bytes, new: bytes) -> bytes:
    """Return bytes with one thing in place of another, which must have been there."""
    assert old in data, old
    return data.replace(old, new, 1)


def line_of(data: bytes, beginning: bytes) -> bytes:
    """Return the first line that begins so, with its newline."""
    return next(line + b"\n" for line in data.split(b"\n") if line.startswith(beginning))


def every() -> Iterator[Hostile]:
    """Yield the whole pack, in its order."""
    for kind in KINDS:
        yield from importlib.import_module(f"hostile_{kind}").files()
