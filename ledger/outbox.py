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
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger.draft import Opening
from ledger.errors import ConflictError, FormatError, InputError, LedgerError, StoreError
from ledger.files import is_there, make_folder, read_file, remove_files, replace_file, replace_files, try_lock
from ledger.record import Record, read_record
from ledger.tlog import checkpoint, merkle, note, proof

_DAMAGED = "restore the outbox from a copy; what the log has of it can be sent again from there"
_NAME = re.compile(r"\A([0-9]{8,16})\.record\Z")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A signed record without a receipt."""

    seq: int
    record: Record
    openings: tuple[Opening, ...]


class Outbox:
    """The outbox of one key file. Another command that works with the key is waited for, `wait_seconds` at most."""

    def __init__(self, key_file: Path, *, wait_seconds: float = 0) -> None:
        self.folder = key_file.with_name(key_file.name + ".outbox")
        self.wait_seconds = wait_seconds

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the outbox while a record is signed and sent.

        Raises:
            ConflictError: Another command works with this key.
            StoreError: The folder cannot be written.
        """
        try:
            lock = self.folder / "lock"
            if not lock.exists():  # the first use, or a crash amid it
                make_folder(self.folder, mode=0o700)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"the outbox {self.folder} cannot be written: {error.strerror}") from error
        try:
            _lock(descriptor, self.folder, wait_seconds=self.wait_seconds)
            yield
        finally:
            os.close(descriptor)

    def _path(self, seq: int, ending: str) -> Path:
        return self.folder / f"{seq:08d}.{ending}"

    def _seqs(self) -> list[int]:
        if not is_there(self.folder):
            return []
        try:
            return sorted(int(found.group(1)) for entry in self.folder.iterdir() if (found := _NAME.match(entry.name)))
        except OSError as error:
            raise StoreError(f"the outbox {self.folder} cannot be read: {error.strerror}") from error

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
        remove_files(place for record, _ in records if (place := self._path(record.header.seq, "openings")) not in files)
        replace_files(files)

    def settle(self, receipts: Mapping[int, bytes]) -> None:
        """Keep the log's receipts by seq, where they are for the record that is kept here.

        One that is lost comes again when its record is sent again.

        Raises:
            StoreError: The folder cannot be written.
            FormatError: A kept record was damaged.
        """
        kept = {
            seq: receipt for seq, receipt in receipts.items() if is_there(self._path(seq, "record")) and _proves(receipt, self.record(seq))
        }
        replace_files({self._path(seq, "receipt"): receipt for seq, receipt in kept.items()})
        remove_files(self._path(seq, "openings") for seq in kept)

    def waiting(self) -> list[Waiting]:
        """Return the records without a receipt, in the order of their seq.

        Raises:
            FormatError: A kept record was damaged.
        """
        return [Waiting(seq, self.record(seq), self._openings(seq)) for seq in self._seqs() if not is_there(self._path(seq, "receipt"))]

    def record(self, seq: int) -> Record:
        """Return a kept record.

        Raises:
            FormatError, StoreError: It was damaged, or is not there.
        """
        path = self._path(seq, "record")
        try:
            record = read_record(read_file(path, what="record"))
        except InputError as refusal:
            raise FormatError(f"the kept record was damaged: {refusal}", file=str(path), hint=_DAMAGED) from refusal
        if record.header.seq != seq:
            raise FormatError(f"holds a record with seq {record.header.seq}", file=str(path), hint=_DAMAGED)
        return record

    def _openings(self, seq: int) -> tuple[Opening, ...]:
        path = self._path(seq, "openings")
        if not is_there(path):
            return ()
        try:
            rows = json.loads(read_file(path, what="openings"))
            return tuple(_opening(row["event"], row["field"], row["salt"], row["value"]) for row in rows)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise FormatError("the kept openings were damaged", file=str(path), hint=_DAMAGED) from error

    def last(self) -> Record | None:
        """Return the record with the highest seq that is kept here."""
        seqs = self._seqs()
        return self.record(seqs[-1]) if seqs else None

    def records(self) -> Iterator[tuple[Record, bytes | None]]:
        """Return every kept record with its receipt, oldest first."""
        for seq in self._seqs():
            path = self._path(seq, "receipt")
            yield self.record(seq), read_file(path, what="receipt") if is_there(path) else None

    def drop(self, seq: int) -> list[Record]:
        """Take back the unresolved records from a seq on, and return them. Those with a receipt are in the log and stay.

        Raises:
            StoreError: The first of them has a receipt, or cannot be removed.
        """
        if is_there(self._path(seq, "receipt")):
            raise StoreError(f"record {seq} of this key is in the log and has its receipt; it cannot be dropped")
        dropped = [waiting.record for waiting in self.waiting() if waiting.seq >= seq]
        self.forget([record.header.seq for record in dropped])
        return dropped

    def forget(self, seqs: Iterable[int]) -> None:
        """Remove records without a receipt, newest first.

        Raises:
            StoreError: One cannot be removed.
        """
        newest_first = sorted(seqs, reverse=True)
        remove_files(self._path(seq, ending) for seq in newest_first for ending in ("record", "openings"))

    def see(self, checkpoint: bytes) -> None:
        """Keep the newest checkpoint that this key has checked."""
        replace_file(self.folder / "seen", checkpoint, mode=0o600)

    def seen(self) -> bytes | None:
        """Return the newest checkpoint that this key has checked."""
        path = self.folder / "seen"
        return read_file(path, what="checkpoint", limit=1 << 20) if is_there(path) else None


def placed_by(receipt: bytes, record: Record) -> tuple[int, bytes]:
    """Return the index at which a receipt proves a record, and the checkpoint that covers it; whose that is, is not asked here.

    Raises:
        FormatError: It is no receipt.
        InclusionError: It is for another record.
    """
    found = proof.parse_proof(receipt)
    head = checkpoint.parse_checkpoint(note.parse_note(found.checkpoint_note).text)
    merkle.verify_inclusion(merkle.leaf_hash(record.note), index=found.index, size=head.size, root=head.root, path=found.path)
    return found.index, found.checkpoint_note


def _opening(event: object, field: object, salt: object, value: object) -> Opening:
    """Return an opening as it was kept.

    Raises:
        TypeError, ValueError: It is none.
    """
    if type(event) is not int or not isinstance(field, str) or not isinstance(salt, str) or not isinstance(value, str):
        raise TypeError("an opening has a number and three texts")
    return Opening(event, field, bytes.fromhex(salt), value)


def _proves(receipt: bytes, record: Record) -> bool:
    """Say whether a receipt is for this record, and not for another one with its seq."""
    try:
        placed_by(receipt, record)
    except LedgerError:
        return False
    return True


def _lock(descriptor: int, folder: Path, *, wait_seconds: float) -> None:
    """Take the lock, or say who may hold it.

    Raises:
        ConflictError: It was not free in time.
    """
    end = time.monotonic() + wait_seconds
    while not try_lock(descriptor):
        if time.monotonic() >= end:
            raise ConflictError(
                f"another command works with this key (lock {folder / 'lock'})",
                hint="wait until it is done; two terminals have two keys",
            )
        time.sleep(0.02)
