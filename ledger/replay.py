"""Replaying a log from its stored bytes: hashes, signatures, chains and every rule, record after record."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ledger.errors import LedgerError, StoreError
from ledger.memory import Memory
from ledger.record import Record, read_record
from ledger.state import apply, authenticate
from ledger.tlog import merkle
from ledger.tlog.merkle import Frontier, Hash
from schemas.finding import Finding

Entry = tuple[int, bytes, bytes, bytes]
"""Index, record, leaf and chain, as they are stored."""


def broken(code: str, index: int | None, message: str, **facts: str | int | None) -> Finding:
    """Return a finding that something does not hold."""
    return Finding(code=code, severity="broken", index=index, message=message, facts=facts)


def flag(code: str, index: int | None, message: str, **facts: str | int | None) -> Finding:
    """Return a finding that something is implausible, late or unwitnessed."""
    return Finding(code=code, severity="flag", index=index, message=message, facts=facts)


@dataclass(slots=True)
class Replay:
    """A log as far as it was replayed.

    `memory` holds the state behind the last record that held; `stopped` is the index at which a record broke a rule, and from which on
    only hashes are checked.
    """

    memory: Memory = field(default_factory=Memory)
    frontier: Frontier = field(default_factory=Frontier)
    chain: Hash = merkle.EMPTY_ROOT
    stopped: int | None = None
    findings: list[Finding] = field(default_factory=list)
    records: int = 0

    def take(self, entry: Entry, *, expected: int) -> Record | None:
        """Check one entry and fold it in; what does not hold becomes a finding."""
        index, data, leaf, chain = entry
        if index != expected:
            self.findings.append(
                broken("entry-missing", expected, f"entry {expected} is missing, the next one is {index}", want=expected, got=index)
            )
            self.stopped = expected if self.stopped is None else self.stopped
        hashed = merkle.leaf_hash(data)
        if hashed != leaf:
            self.findings.append(
                broken(
                    "leaf-mismatch",
                    index,
                    f"entry {index} hashes to {hashed.hex()}, stored is {leaf.hex()}",
                    want=leaf.hex(),
                    got=hashed.hex(),
                )
            )
        record = self._read(index, data)
        if index == 0:
            self.chain = merkle.chain_start(str(getattr(record.events[0], "origin", "")) if record else "")
        linked = merkle.chain_next(self.chain, hashed)
        if linked != chain:
            self.findings.append(
                broken(
                    "chain-mismatch",
                    index,
                    f"the chain at entry {index} is {linked.hex()}, stored is {chain.hex()}",
                    want=chain.hex(),
                    got=linked.hex(),
                )
            )
        self.chain = Hash(chain)  # go on from what is stored, so that one damaged row is one finding
        self.frontier = self.frontier.append(hashed)
        self.records += 1
        if record is not None and self.stopped is None:
            self._apply(index, record)
        self.memory.roots[self.records] = self.frontier.root()
        return record

    def _read(self, index: int, data: bytes) -> Record | None:
        try:
            return read_record(data)
        except LedgerError as refusal:
            self.findings.append(broken("record-unreadable", index, f"entry {index} is no record: {refusal}", refusal=refusal.code))
            self.stopped = index if self.stopped is None else self.stopped
            return None

    def _apply(self, index: int, record: Record) -> None:
        try:
            authenticate(self.memory, record)
            self.memory.fold(apply(self.memory, record))
        except LedgerError as refusal:
            code = "signature" if refusal.code in ("signature", "authority") else "rule-broken"
            self.findings.append(
                broken(code, index, f"record {index} does not hold: {refusal}", refusal=refusal.code, key=record.header.key)
            )
            self.stopped = index
        except Exception as fault:  # noqa: BLE001 - an auditor never stops at a fault of its own; it says so
            self.findings.append(
                broken("not-checked", index, f"record {index} could not be checked: {fault!r}", fault=type(fault).__name__)
            )
            self.stopped = index


def unseen(done: int) -> None:
    """Show nobody how far something has come."""


def replay(entries: Iterable[Entry], *, progress: Callable[[int], None] = unseen) -> Replay:
    """Replay a log from its first entry; nothing raises, everything that does not hold is a finding."""
    done = Replay()
    try:
        for entry in entries:
            done.take(entry, expected=done.records if done.stopped is None else entry[0])
            progress(done.records)
    except StoreError as refusal:
        done.findings.append(
            broken(
                "entry-unreadable", done.records, f"from entry {done.records} on the log cannot be read: {refusal}", refusal=refusal.code
            )
        )
        done.stopped = done.records if done.stopped is None else done.stopped
    if done.stopped is not None:
        done.findings.append(
            flag("replay-stopped", done.stopped, f"rules were checked up to record {done.stopped}; behind it only hashes and chains were")
        )
    return done
