"""Putting the lost end of a log back, from what parties kept: outboxes with their receipts, and exports.

A store from a backup is older than what was signed for, so nothing can be appended to it. Here the records behind it are entered again, by
the same rules and in the same order, until every root that was signed for is reached. All of it is one transaction: a log is restored
whole, or is left as it was. The mark is never set back.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ledger.draft import Opening
from ledger.errors import CheckpointError, ConsistencyError, RollbackError
from ledger.keys import verify
from ledger.log import Log, check_key, check_read_back, check_tables, enter, last_chain, refresh
from ledger.lost_end import Found, order
from ledger.mark import Mark, read_mark
from ledger.mirror.source import Mirror
from ledger.outbox import Outbox, placed_by
from ledger.record import Record, dump, read_record
from ledger.store.store import Store, retried
from ledger.store.view import StoreView
from ledger.tlog.checkpoint import Checkpoint, SignedCheckpoint, sign_checkpoint, verify_checkpoint
from ledger.tlog.merkle import Frontier, Hash
from ledger.tlog.note import parse_vkey
from ledger.tlog.private import sealed_fields
from ledger.view import Head, LedgerFacts
from schemas.event import Certify

_FORK = "two histories of one ledger: keep all files, they prove it"


@dataclass
class _Kept:
    """What the sources hold of a ledger, with every checkpoint that they hold, verified."""

    found: Found = field(default_factory=Found)
    checkpoints: dict[int, SignedCheckpoint] = field(default_factory=dict)
    openings: dict[str, tuple[Opening, ...]] = field(default_factory=dict)
    """What opens the sealed fields of records that have no receipt, by record: a key keeps it until then."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A log before and after its end was put back.

    `sealed` counts sealed fields that nothing in the ledger opens any more: what did lay in the newer copy, and with those to whom it was
    disclosed.
    """

    before: int
    size: int
    root: str
    records: tuple[Record, ...]
    sealed: int

    @property
    def certificates(self) -> tuple[str, ...]:
        """The certificates in what was put back. Their signed data lay in the newer copy, and is in their PDFs."""
        return tuple(event.number for record in self.records for event in record.events if isinstance(event, Certify))


def restore(log: Log, outboxes: Iterable[Path], mirrors: Iterable[Mirror] = (), *, dry_run: bool = False) -> Restored:
    """Enter again what the log lost, until the mark and every checkpoint in the sources is reached.

    Args:
        log: The log, with its key and its mark.
        outboxes: Key files whose outboxes are read.
        mirrors: Exports of the log.
        dry_run: Do all of it, and take it back.

    Raises:
        RollbackError: Records are missing in the sources; nothing was written.
        ConsistencyError: What was signed for is another history than the store's.
        StoreError, FormatError: A source cannot be read.
    """
    with log.store.reading() as view:
        facts, begin = check_key(log, view), view.size
    kept = _read(facts, outboxes, mirrors, begin=begin)

    def write() -> Restored:
        with log.store.writing() as view:
            done = _enter(log, view, facts, kept)
            if dry_run:
                raise _TakenBackError(done)  # leaving the block by an exception is what takes it back
        return done

    try:
        done = retried(write)
    except _TakenBackError as taken_back:
        return taken_back.done
    if done.records:
        refresh(log)
    return done


def _read(facts: LedgerFacts, outboxes: Iterable[Path], mirrors: Iterable[Mirror], *, begin: int) -> _Kept:
    """Read what outboxes and exports hold; of exports what stands behind the store's end."""
    kept = _Kept()
    for file in outboxes:
        outbox = Outbox(file)
        kept.openings |= {waiting.record.id: waiting.openings for waiting in outbox.waiting()}
        seen = outbox.seen()
        if seen is not None:
            with suppress(CheckpointError):  # another ledger's: one key file may work with two
                _take(kept, facts, seen, where=f"what {file.name} saw last")
        for record, receipt in outbox.records():
            if record.header.genesis not in (None, facts.ledger_id):
                continue  # as above
            if receipt is None:
                kept.found.add(record)
                continue
            index, note = placed_by(receipt, record)
            _take(kept, facts, note, where=f"the receipt of record {record.header.seq} of key {record.header.key}")
            kept.found.place(index, record)
    for mirror in mirrors:
        signed = _take(kept, facts, mirror.checkpoint(), where=mirror.place)
        for index, data, *_ in mirror.entries(signed.checkpoint.size):
            if index >= begin:
                kept.found.place(index, read_record(data))
    return kept


def _take(kept: _Kept, facts: LedgerFacts, note: bytes, *, where: str) -> SignedCheckpoint:
    """Verify a checkpoint by the log's own keys and keep it.

    Raises:
        ConsistencyError: The log signed another root at its size.
    """
    signed = verify_checkpoint(note, log_keys=[parse_vkey(text) for text in facts.log], verify=verify)
    statement = signed.checkpoint
    known = kept.found.roots.setdefault(statement.size, statement.root)
    if known != statement.root:
        raise ConsistencyError(
            f"{where} has root {statement.root.hex()} at size {statement.size}, another source has {known.hex()}", hint=_FORK
        )
    kept.checkpoints.setdefault(statement.size, signed)
    return signed


def _take_mark(kept: _Kept, mark: Mark, *, ledger: str, where: Path) -> None:
    """Take the mark's root for one that must be reached."""
    if mark.ledger != ledger:
        raise RollbackError(f"the mark at {where} is of ledger {mark.ledger}, the store holds ledger {ledger}")
    known = kept.found.roots.setdefault(mark.size, Hash(bytes.fromhex(mark.root)))
    if known.hex() != mark.root:
        raise ConsistencyError(f"the mark has root {mark.root} at size {mark.size}, a source has {known.hex()}", hint=_FORK)


def _enter(log: Log, view: StoreView, facts: LedgerFacts, kept: _Kept) -> Restored:
    """Enter the lost records in the transaction of a view, with the checkpoints that were signed on the way."""
    mark = read_mark(log.mark)
    if mark is not None:
        _take_mark(kept, mark, ledger=facts.ledger_id, where=log.mark)
    begin = head = check_tables(view)
    for size, root in kept.found.roots.items():
        have = view.root_at(size) if size <= begin.size else root
        if have != root:
            raise ConsistencyError(
                f"at size {size} the store has root {have.hex() if have else 'none'}, signed for was {root.hex()}", hint=_FORK
            )
    records = order(kept.found, head=begin, seqs=_next_seqs(view, kept.found), size=max([begin.size, *kept.found.roots]))
    chain, newest, signed_head = last_chain(log, view, begin.size), Store.newest_checkpoint(view), None
    time, named = newest[2] if newest else 0, {record.header.seen.size for record in records if record.header.seen}
    for record in records:
        entered = enter(view, record, chain=chain, frontier=head)
        chain, head = entered.chain, entered.frontier
        Store.keep_openings(view, record.id, kept.openings.get(record.id, ()))
        note = _checkpoint_at(log, kept, head, named, floor=time)
        if note is not None:
            time, signed_head = note[0], head
            Store.add_checkpoint(view, size=head.size, root=head.root(), time=time, note=note[1])
    if signed_head is not None:
        check_read_back(log.store, view, newest=newest, head=head)
        Store.remember(view, "frontier_signed", signed_head.to_bytes().hex())
    return Restored(begin.size, head.size, head.root().hex(), tuple(records), _closed(records, kept))


def _checkpoint_at(log: Log, kept: _Kept, head: Frontier, named: Container[int], *, floor: int) -> tuple[int, bytes] | None:
    """Return time and note of the checkpoint at a head, where one is known or a record names it as what its signer saw.

    Of one that only a record names no copy is left: it is signed anew, with the time of the next that is known, by which it was there.
    """
    signed = kept.checkpoints.get(head.size)
    if signed is not None:
        return max(floor, signed.time or 0), signed.note
    if head.size not in named:
        return None
    later = [known.time or 0 for size, known in kept.checkpoints.items() if size > head.size]
    time = max(floor, min(later, default=log.clock()))
    statement = Checkpoint(log.signer.name, head.size, head.root())
    return time, sign_checkpoint(statement, key=log.signer.vkey, sign=log.signer.sign, time=time)


def _closed(records: Sequence[Record], kept: _Kept) -> int:
    """Return the number of sealed fields in records that the sources cannot open."""
    fields = sum(len(sealed_fields(json.loads(dump(event)))) for record in records for event in record.events)
    return fields - sum(len(kept.openings.get(record.id, ())) for record in records)


def _next_seqs(view: StoreView, found: Found) -> dict[str, int]:
    heads: dict[str, Head | None] = {key: view.head(key) for key, _ in found.unplaced}
    return {key: head.seq + 1 for key, head in heads.items() if head is not None}


class _TakenBackError(Exception):
    """Undoes a dry run's transaction."""

    def __init__(self, done: Restored) -> None:
        self.done = done
        super().__init__()
