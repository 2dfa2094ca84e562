"""The valid files that hostile ones are made from: the vectors that are checked in, a small ledger with its keys, and its export."""

from __future__ import annotations

import io
import shutil
import tempfile
from functools import cache
from pathlib import Path

import pikepdf

from exported import exported
from house import House, draft, enrolment, receipt
from keyring import signer
from ledger.keys import write_key_file
from reports.attachment import ATTACHMENT, EVIDENCE, attach

VECTORS = Path(__file__).parents[1] / "vectors" / "outside"


@cache
def vector(name: str) -> bytes:
    """Return a file that holds, as the second verifier and strangers are handed it."""
    return (VECTORS / name).read_bytes()


@cache
def blank() -> bytes:
    """Return a PDF of one empty page."""
    buffer = io.BytesIO()
    with pikepdf.new() as document:
        document.add_blank_page(page_size=(200, 200))
        document.save(buffer, deterministic_id=True)
    return buffer.getvalue()


@cache
def pdf() -> bytes:
    """Return a certificate's PDF without its pages: what a verifier reads of it are the attachments."""
    return attach(
        attach(blank(), ATTACHMENT, vector("certificate.json")), EVIDENCE, vector("certificate.evidence"), media_type="text/plain"
    )


def yard(folder: Path) -> House:
    """Make the ledger that hostile files are meant for: a yard with two keys and a batch. Its records have the same bytes on every run."""
    house = House.found(folder)
    house.admit("yard")
    house.write("yard/1", receipt("yard:RB-1", site="yard:works"))
    house.write("yard/1", enrolment("yard", "2"))
    return house


@cache
def records() -> tuple[bytes, ...]:
    """Return the records of that ledger, and one more that it would take: a receipt signed with the key yard/2."""
    with tempfile.TemporaryDirectory() as folder:
        house = yard(Path(folder))
        notes = tuple(data for _, data, *_ in house.entries())
        return (*notes, draft(house, "yard/2", receipt("yard:RB-2", site="yard:works")))


@cache
def export() -> dict[str, bytes]:
    """Return an export of that ledger: every file by its path."""
    with tempfile.TemporaryDirectory() as folder:
        written = exported(yard(Path(folder) / "house"), Path(folder) / "export")
        return {path.relative_to(written).as_posix(): path.read_bytes() for path in sorted(written.rglob("*")) if path.is_file()}


class Ground:
    """A folder with a ledger, the key of a yard in it, an export, the vectors' files, and a folder for hostile files.

    A command may write to the ledger, to an outbox or beside a key: `clear` puts all of it back as it was.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept, self.hostile, self.made = folder / "kept", folder / "hostile", folder / "made"
        self.made.mkdir()
        house = yard(self.made / "house")
        write_key_file(self.made / "yard.key", signer("yard/2"), None)
        write_key_file(self.made / "admin.key", signer("yard/1"), None)
        write_key_file(self.made / "witness.key", signer("witness.example/one"), None)
        (self.made / "log.trust").write_bytes((house.keys / "trust").read_bytes())
        for name in ("trust", "certificate.evidence", "certificate.json", "certify.record", "cosigned.checkpoint"):
            (self.made / name).write_bytes(vector(name))
        shutil.copytree(self.made, self.kept)
        self.hostile.mkdir()

    def clear(self, *, made: bool) -> None:
        """Take hostile files away, and whatever was done to the rest where something may have been."""
        shutil.rmtree(self.hostile)
        self.hostile.mkdir()
        if made:
            shutil.rmtree(self.made)
            shutil.copytree(self.kept, self.made)

    def place(self) -> dict[str, str]:
        """Return the words that stand for files in a command."""
        names = {
            "ledger": "house/ledger.db",
            "own": "log.trust",
            "key": "yard.key",
            "admin": "admin.key",
            "witness": "witness.key",
            "trust": "trust",
            "evidence": "certificate.evidence",
            "certificate": "certificate.json",
            "record": "certify.record",
            "checkpoint": "cosigned.checkpoint",
            "state": "witness.db",
            "output": "output",
        }
        return {word: str(self.made / name) for word, name in names.items()}
