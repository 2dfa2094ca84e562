"""The log: the append path in the order of its durable writes, receipts, and the check at the start.

An append is acknowledged by a receipt: the record's inclusion proof in the first signed checkpoint that covers it (c2sp tlog-proof).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ledger.errors import ChainError, CheckpointError, KeyFileError, RuleError, StoreError
from ledger.keys import Signer, verify
from ledger.mark import Mark, check_mark, read_mark, write_mark
from ledger.record import Record, read_record
from ledger.state import apply, authenticate
from ledger.store.store import Store, retried
from ledger.store.view import StoreView
from ledger.tlog import checkpoint, merkle, proof, tile
from ledger.tlog.merkle import Frontier, Hash
from ledger.tlog.note import parse_vkey
from ledger.view import Changes, LedgerFacts
from schemas.record import Seen


class EquivocationError(RuleError):
    """A key signed two records for one seq. The logged one stands; the other is kept as evidence."""

    def __init__(self, key: str, *, seq: int, logged: str, other: str) -> None:
        self.key = key
        self.seq = seq
        super().__init__(
            f"key {key} has signed two records with seq {seq}: {logged} is in the log, {other} was kept as evidence",
            hint="a key lives in one place; if yours was copied, revoke it",
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a record stands in the log, and the proof of it."""

    index: int
    record: Record
    leaf: Hash
    proof: bytes


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append acknowledged: one receipt per record, the checkpoint that covers them, and the certificates that the records ended."""

    receipts: tuple[Receipt, ...]
    checkpoint: bytes
    ended: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Log:
    """A store with what it takes to sign for it: the log's key, the mark's file and a clock that gives POSIX seconds."""

    store: Store
    signer: Signer
    mark: Path
    clock: Callable[[], int]


Source = Callable[[StoreView], Iterable[bytes]]
"""Gives records to append, each in the light of those before it. It is asked again where another writer got in between."""

_LOOK = "look with `plumbline audit`"


def append(log: Log, source: Source, *, begin: bool = False) -> Appended:
    """Append records and acknowledge them.

    The order of the durable writes is the design: nothing is signed for before it was read back, nothing is acknowledged before it is
    signed for.

    Args:
        log: The log.
        source: The records, asked for under the write lock, each in the light of those before it.
        begin: The first record is record 0, and there is no mark yet.

    Raises:
        RollbackError: The store is older than what was signed for; nothing was written.
        RuleError, FormatError: A record is not allowed; nothing was written.
        StoreError: Something could not be written. What was committed before is in the log, and sending it again gives its receipt.
    """
    fresh: list[tuple[int, Record, Hash]] = []
    again: list[tuple[int, Record]] = []
    ended: list[str] = []
    record: Record | None = None

    def write() -> tuple[Frontier, Frontier]:
        nonlocal record
        fresh.clear()
        again.clear()
        ended.clear()
        with log.store.writing() as view:
            if not begin:
                check_start(log, view)
            before = frontier = Store.frontier(view)
            chain = last_chain(log, view, frontier.size)
            for data in source(view):
                record = read_record(data)
                known = view.index_of(record.id)
                if known is not None:  # sent again: looked up before every other check, so that a retry does no harm
                    again.append((known, view.record(known)))
                    continue
                # 1. Entries and projections, committed together at the end of the block. A crash before the commit leaves nothing. A crash
                #    after it leaves records that are in the log and not signed for: the next append signs for them, a retry finds them.
                entered = enter(view, record, chain=chain, frontier=frontier)
                chain, frontier = entered.chain, entered.frontier
                ended.extend(entered.ended)
                fresh.append((frontier.size - 1, record, entered.leaf))
        return before, frontier

    try:
        before, frontier = retried(write)
    except ChainError as refusal:
        if record is not None:
            _keep_equivocation(log, record, refusal)
        raise
    # 2. The stored bytes are read back and hashed again, so that a bit flipped on the way in is found before it is signed for; then the
    #    checkpoint is signed and committed. A crash before the commit: as above. After it: signed for, and the mark one step behind.
    try:
        size, note = retried(lambda: sign_head(log))
        # 3. The mark, away from the store. From here on a store without these records is known to be rolled back.
        retried(lambda: _advance_mark(log))
    except StoreError as refusal:
        refusal.hint = "what was sent is in the log without a receipt; send it again to get it" if fresh else refusal.hint
        raise
    # 4. Only now are receipts given out.
    with log.store.reading() as view:
        receipts = [receipt(view, index, known) for index, known in again]
        if size == frontier.size:
            receipts += _fresh_receipts(fresh, before, note)
        else:  # another writer signed for these records together with its own
            receipts += [receipt(view, index, record) for index, record, _ in fresh]
    return Appended(tuple(sorted(receipts, key=lambda given: given.index)), note, tuple(ended))


@dataclass(frozen=True, slots=True)
class Entered:
    """What a record came to in a transaction: its hashes, the frontier behind it, and the certificates that it ended."""

    leaf: Hash
    chain: Hash
    frontier: Frontier
    ended: tuple[str, ...]


def enter(view: StoreView, record: Record, *, chain: Hash, frontier: Frontier) -> Entered:
    """Check a record by every rule and write it into the transaction of a view, behind a chain and a frontier.

    Raises:
        RuleError, FormatError: It is not allowed.
    """
    authenticate(view, record)
    changes = apply(view, record)
    ended = _ended(view, changes)
    leaf = merkle.leaf_hash(record.note)
    entered = Entered(leaf, merkle.chain_next(chain, leaf), frontier.append(leaf), ended)
    Store.add_entry(view, changes.index, record, leaf=leaf, chain=entered.chain)
    Store.fold(view, changes, frontier=entered.frontier)
    return entered


def _ended(view: StoreView, changes: Changes) -> tuple[str, ...]:
    """Return the certificates that a record ends though it does not withdraw them."""
    known = {number: view.claim(number) for number, claim in changes.claims.items() if claim.ended is not None}
    return tuple(sorted(number for number, claim in known.items() if claim is None or claim.ended is None))


def last_chain(log: Log, view: StoreView, size: int) -> Hash:
    """Return the chain hash beside the last entry, or what a chain begins with."""
    if not size:
        return merkle.chain_start(log.signer.name)
    found = Store.last_chain(view, size - 1)
    if found is None:
        raise StoreError(f"entry {size - 1} of the store is missing", hint=_LOOK)
    return Hash(found)


def sign_head(log: Log) -> tuple[int, bytes]:
    """Sign for everything that the store holds, unless that was done, and return the size and the checkpoint's note.

    Raises:
        StoreError: What is read back is not what was written; nothing is signed for.
    """
    with log.store.writing() as view:
        newest = Store.newest_checkpoint(view)
        head = Store.frontier(view)
        if newest is not None and newest[0] == head.size:
            return newest[0], newest[3]
        check_read_back(log.store, view, newest=newest, head=head)
        # The log's time never goes back, whatever the clock does.
        time = max(log.clock(), newest[2] if newest else 0)
        statement = checkpoint.Checkpoint(log.signer.name, head.size, head.root())
        note = checkpoint.sign_checkpoint(statement, key=log.signer.vkey, sign=log.signer.sign, time=time)
        Store.add_checkpoint(view, size=head.size, root=head.root(), time=time, note=note)
        Store.remember(view, "frontier_signed", head.to_bytes().hex())
    return head.size, note


def check_read_back(store: Store, view: StoreView, *, newest: tuple[int, bytes, int, bytes] | None, head: Frontier) -> None:
    """Check that what the store has behind its newest checkpoint hashes to the head that would be signed for.

    Raises:
        StoreError: It does not: do not sign.
    """
    rebuilt = Frontier() if newest is None else Store.frontier(view, "frontier_signed")
    if newest is not None and (rebuilt.size, rebuilt.root()) != (newest[0], newest[1]):
        raise StoreError(
            f"the newest checkpoint has root {newest[1].hex()} at size {newest[0]}, the store remembers {rebuilt.root().hex()} at size "
            f"{rebuilt.size}; nothing was signed for",
            hint=_LOOK,
        )
    for index, data, leaf, _ in store.entries(view, rebuilt.size):
        hashed = merkle.leaf_hash(data)
        if hashed != leaf:
            raise StoreError(f"entry {index} was read back with another hash than it was written with; nothing was signed for", hint=_LOOK)
        rebuilt = rebuilt.append(hashed)
    if rebuilt != head:
        raise StoreError(
            f"what was read back has root {rebuilt.root().hex()} at size {rebuilt.size}, written was {head.root().hex()} at size "
            f"{head.size}; nothing was signed for",
            hint=_LOOK,
        )


def _advance_mark(log: Log) -> None:
    """Advance the mark to the newest checkpoint. The write lock keeps two writers from writing it in the wrong order."""
    with log.store.writing() as view:
        newest, facts = Store.newest_checkpoint(view), view.facts
        mark = read_mark(log.mark)
        if newest is not None and facts is not None and (mark is None or mark.size < newest[0]):
            write_mark(log.mark, Mark(facts.ledger_id, newest[0], newest[1].hex()))


def check_start(log: Log, view: StoreView) -> None:
    """Check that the store is what was signed for: its root at the mark's size is the mark's, and it has a ledger.

    Raises:
        RollbackError: It is older, or another history.
        StoreError: It has no record 0, or its tables are not those of its entries.
        KeyFileError: The log's key is not this log's.
    """
    facts = check_key(log, view)
    mark, size, head = read_mark(log.mark), view.size, Store.frontier(view)
    root: bytes | None = None
    if mark is not None and mark.size <= size:
        root = head.root() if head.size == mark.size else view.root_at(mark.size)
    check_mark(mark, ledger=facts.ledger_id, size=size, root_at_mark=root, where=str(log.mark))
    check_tables(view)


def check_key(log: Log, view: StoreView) -> LedgerFacts:
    """Check that the store holds a ledger whose log key is ours, and return its facts.

    Raises:
        StoreError: It has no record 0.
        KeyFileError: The log's key is not this log's.
    """
    facts = view.facts
    if facts is None:
        raise StoreError(f"{log.store.place} holds no record 0", hint="make a ledger with `plumbline init`")
    if log.signer.vkey.format() not in facts.log:
        raise KeyFileError(
            f"key {log.signer.name} ({log.signer.vkey.key_id.hex()}) is not the log key that record 0 names",
            hint="give the key file that `plumbline init` made with --log-key",
        )
    return facts


def check_tables(view: StoreView) -> Frontier:
    """Check that the store's tables are those of its entries, and return the frontier behind the last.

    Raises:
        StoreError: They are not.
    """
    size, head = view.size, Store.frontier(view)
    if head.size != size:
        raise StoreError(f"the store holds {size} records, its tables are of {head.size}", hint=_LOOK)
    return head


def _fresh_receipts(fresh: list[tuple[int, Record, Hash]], before: Frontier, note: bytes) -> list[Receipt]:
    paths = merkle.appended_paths(before, [leaf for _, _, leaf in fresh])
    return [
        Receipt(index, record, leaf, proof.format_proof(proof.Proof(index, tuple(path), note)))
        for (index, record, leaf), path in zip(fresh, paths, strict=True)
    ]


def receipt(view: StoreView, index: int, record: Record) -> Receipt:
    """Return the receipt of a record in the log: its proof in the first checkpoint that covers it, always the same.

    Raises:
        CheckpointError: No checkpoint covers it yet.
    """
    covering = Store.checkpoint_covering(view, index)
    if covering is None:
        raise CheckpointError(f"no checkpoint covers record {index} yet", hint="sign one with `plumbline checkpoint`")
    size, note = covering
    path = tile.inclusion(view, index, size)
    return Receipt(index, record, merkle.leaf_hash(record.note), proof.format_proof(proof.Proof(index, tuple(path), note)))


def _keep_equivocation(log: Log, record: Record, refusal: ChainError) -> None:
    """Keep a second, validly signed record for one seq as evidence, and refuse it by that name.

    Raises:
        EquivocationError: It is one.
    """
    header = record.header
    with log.store.writing() as view:
        logged = view.record_of(header.key, header.seq)
        if logged is None or view.facts is None or header.genesis != view.facts.ledger_id:
            return
        if logged.header.over == record.id or header.over == logged.id:
            return  # one of the two says that it was signed in the other's place
        authenticate(view, record)
        Store.add_equivocation(view, record)
    raise EquivocationError(header.key, seq=header.seq, logged=logged.id, other=record.id) from refusal


def seen_now(view: StoreView) -> Seen | None:
    """Return the newest checkpoint as a signer's `seen`."""
    newest = Store.newest_checkpoint(view)
    return None if newest is None else Seen(root=newest[1].hex(), size=newest[0])


def verify_stored_checkpoint(view: StoreView, note: bytes) -> checkpoint.SignedCheckpoint:
    """Verify a checkpoint's signature by the log keys that record 0 names.

    Raises:
        CheckpointError, SignatureError: It is not this log's.
    """
    facts = view.facts
    keys = [parse_vkey(text) for text in facts.log] if facts else []
    return checkpoint.verify_checkpoint(note, log_keys=keys, verify=verify)


def refresh(log: Log) -> bytes:
    """Sign for what is not signed for yet, advance the mark, and return the newest checkpoint.

    Raises:
        StoreError: What is read back is not what was written.
    """
    _, note = retried(lambda: sign_head(log))
    retried(lambda: _advance_mark(log))
    return note
