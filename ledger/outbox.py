"""The outbox: every record that a key signed, kept beside the key from before it is sent until after its receipt.

    KEY.outbox/00000017.record        the signed bytes, written durably before they are sent
    KEY.outbox/00000017.openings      what opens their sealed fields, until the ledger keeps it
    KEY.outbox/00000017.receipt       the log's answer; a record without one is unresolved and is sent again first
    KEY.outbox/seen                   the newest checkpoint that this key has checked
    KEY.outbox/lock                   held while a command works with this key

A key lives in one place. Parties can restore a lost end of the log from their outboxes.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger.draft import Opening
from ledger.errors import ConflictError, FormatError, StoreError
from ledger.files import read_file, replace_file, replace_files, sync_folder
from ledger.record import Record, read_record

_NAME = re.compile(r"\A([0-9]{8,16})\.record\Z")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A signed record without a receipt."""

    seq: int
    record: Record
    openings: tuple[Opening, ...]


class Outbox:
    """The outbox of one key file."""

    def __init__(self, key_file: Path) -> None:
        self.folder = key_file.with_name(key_file.name + ".outbox")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the outbox while a record is signed and sent.

        Raises:
            ConflictError: Another command works with this key.
            StoreError: The folder cannot be written.
        """
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"the outbox {self.folder} cannot be written: {error.strerror}") from error
        try:
            _lock(descriptor, self.folder)
            yield
        finally:
            os.close(descriptor)

    def _path(self, seq: int, ending: str) -> Path:
        return self.folder / f"{seq:08d}.{ending}"

    def _seqs(self) -> list[int]:
        if not self.folder.is_dir():
            return []
        return sorted(int(found.group(1)) for entry in self.folder.iterdir() if (found := _NAME.match(entry.name)))

    def put(self, records: Sequence[tuple[Record, tuple[Opening, ...]]]) -> None:
        """Keep signed records durably, before they are sent anywhere.

        Raises:
            StoreError: The folder cannot be written.
        """
        files: dict[Path, bytes] = {}
        for record, openings in records:
            seq = record.header.seq
            rows = [{"event": o.event, "field": o.field, "salt": o.salt.hex(), "value": o.value} for o in openings]
            files |= {self._path(seq, "openings"): json.dumps(rows).encode()} if rows else {}
            files[self._path(seq, "record")] = record.note
        replace_files(files)

    def settle(self, receipts: Mapping[int, bytes]) -> None:
        """Keep the log's receipts by seq. One that is lost comes again when its record is sent again."""
        kept = {seq: receipt for seq, receipt in receipts.items() if self._path(seq, "record").exists()}
        replace_files({self._path(seq, "receipt"): receipt for seq, receipt in kept.items()})
        for seq in kept:
            self._path(seq, "openings").unlink(missing_ok=True)

    def waiting(self) -> list[Waiting]:
        """Return the records without a receipt, in the order of their seq.

        Raises:
            FormatError: A kept record was damaged.
        """
        return [
            Waiting(seq, self.record(seq), self._openings(seq)) for seq in self._seqs() if not self._path(seq, "receipt").exists()
        ]

    def record(self, seq: int) -> Record:
        """Return a kept record.

        Raises:
            FormatError, StoreError: It was damaged, or is not there.
        """
        path = self._path(seq, "record")
        try:
            return read_record(read_file(path, what="record"))
        except FormatError as refusal:
            raise refusal.at(file=str(path)) from refusal

    def _openings(self, seq: int) -> tuple[Opening, ...]:
        path = self._path(seq, "openings")
        if not path.exists():
            return ()
        rows = json.loads(read_file(path, what="openings"))
        return tuple(Opening(row["event"], row["field"], bytes.fromhex(row["salt"]), row["value"]) for row in rows)

    def last(self) -> Record | None:
        """Return the record with the highest seq that is kept here."""
        seqs = self._seqs()
        return self.record(seqs[-1]) if seqs else None

    def records(self) -> Iterator[tuple[Record, bytes | None]]:
        """Return every kept record with its receipt, oldest first."""
        for seq in self._seqs():
            path = self._path(seq, "receipt")
            yield self.record(seq), read_file(path, what="receipt") if path.exists() else None

    def drop(self, seq: int) -> list[Record]:
        """Take back unresolved records from a seq on, and return them. Those with a receipt are in the log and stay.

        Raises:
            StoreError: One of them has a receipt.
        """
        dropped = []
        for later in [found for found in self._seqs() if found >= seq]:
            if self._path(later, "receipt").exists():
                raise StoreError(f"record {later} of this key is in the log and has its receipt; it cannot be dropped")
            dropped.append(self.record(later))
        for record in reversed(dropped):
            self._path(record.header.seq, "openings").unlink(missing_ok=True)
            self._path(record.header.seq, "record").unlink()
        if dropped:
            sync_folder(self.folder)
        return dropped

    def see(self, checkpoint: bytes) -> None:
        """Keep the newest checkpoint that this key has checked."""
        replace_file(self.folder / "seen", checkpoint, mode=0o600)

    def seen(self) -> bytes | None:
        """Return the newest checkpoint that this key has checked."""
        path = self.folder / "seen"
        return read_file(path, what="checkpoint", limit=1 << 20) if path.exists() else None


def _lock(descriptor: int, folder: Path) -> None:
    """Take the lock, or say who may hold it."""
    try:
        if os.name == "nt":  # pragma: no cover - Windows
            import msvcrt  # noqa: PLC0415

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            import fcntl  # noqa: PLC0415

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ConflictError(
            f"another command works with this key (lock {folder / 'lock'})",
            hint="wait until it is done; two terminals have two keys",
        ) from error
