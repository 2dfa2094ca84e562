"""The audit: everything verified again from stored bytes. Nothing raises; what does not hold is a finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ledger.errors import LedgerError
from ledger.keys import verify
from ledger.mark import Mark, check_mark
from ledger.matter.balance import balances
from ledger.plausibility import implausible
from ledger.replay import Replay, broken, flag, replay, unseen
from ledger.store.store import Store, counted, facts_text, projected
from ledger.store.tables import PROJECTIONS
from ledger.store.view import StoreView
from ledger.tlog import checkpoint
from ledger.tlog.note import VerifierKey, parse_vkey
from ledger.trust import Trust
from schemas.event import Admit, Event, SiteEvent
from schemas.finding import Finding

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """What an auditor brings along: the mark beside the log's key, a pinned trust file, checkpoints that others hold.

    `mark_problem` says why the mark that is there cannot be read.
    """

    mark: Mark | None = None
    mark_place: str = ""
    mark_problem: str = ""
    trust: Trust | None = None
    checkpoints: Sequence[tuple[str, bytes]] = ()


@dataclass(slots=True)
class Audit:
    """What an audit found."""

    size: int = 0
    root: str = ""
    ledger: str = ""
    origin: str = ""
    time: int | None = None
    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    fresh: bool = False

    @property
    def holds(self) -> bool:
        """Whether nothing is broken."""
        return not any(finding.severity == "broken" for finding in self.findings)

    @property
    def rolled_back(self) -> bool:
        """Whether more was signed for than the store holds."""
        return any(finding.code == "rollback" and finding.index is not None for finding in self.findings)

    @property
    def first_bad(self) -> int | None:
        """Return the lowest index at which something is broken."""
        return min((f.index for f in self.findings if f.severity == "broken" and f.index is not None), default=None)


def audit(store: Store, held: Held, *, progress: Callable[[int], None] = unseen) -> Audit:
    """Verify a whole ledger from its stored bytes.

    Args:
        store: The ledger.
        held: What the auditor holds apart from it.
        progress: Called with the number of entries done.
    """
    report = Audit()
    with _found(report, "the store"), store.reading() as view:
        done = replay(store.entries(view), progress=progress)
        report.size, report.root = done.records, done.frontier.root().hex()
        report.findings += done.findings
        facts = done.memory.facts
        if facts is not None:
            report.ledger, report.origin = facts.ledger_id, facts.origin
        with _found(report, "the file"):
            report.findings += [broken("store-damaged", None, f"the store is damaged: {problem}") for problem in Store.integrity(view)]
        with _found(report, "the checkpoints"):
            _check_checkpoints(report, done, Store.checkpoints(view), held)
        with _found(report, "the mark"):
            _check_mark(report, done, held)
        _check_trust(report, held)
        if done.stopped is None and not report.rolled_back:  # tables of records that are gone would differ everywhere
            _check_projections(report, view, done)
            with _found(report, "the books"):
                _check_books(report, done)
                report.findings += implausible(done.memory)
        with _found(report, "the table equivocation"):
            _check_equivocations(report, view)
        _count(report, done)
    return report


@contextmanager
def _found(report: Audit, what: str) -> Iterator[None]:
    """Turn whatever goes wrong in a part of the audit into a finding, so that the other parts are still done."""
    try:
        yield
    except LedgerError as refusal:
        report.findings.append(broken("store-damaged", None, f"{what} cannot be read: {refusal}", refusal=refusal.code))
    except Exception as fault:  # noqa: BLE001 - damage has many faces, and an auditor never ends in a traceback
        report.findings.append(broken("store-damaged", None, f"{what} cannot be checked: {fault!r}", fault=type(fault).__name__))


def _log_keys(done: Replay, held: Held) -> list[VerifierKey]:
    if held.trust is not None:
        return list(held.trust.log)
    return [parse_vkey(text) for text in done.memory.facts.log] if done.memory.facts else []


def _check_checkpoints(report: Audit, done: Replay, stored: Sequence[tuple[int, bytes, int, bytes]], held: Held) -> None:
    """Check every signed statement about the log against the log: those in the store and those that others hold."""
    keys, last, good = _log_keys(done, held), -1, 0
    for size, root, time, note in stored:
        signed = _checked(report, done, keys, note, where=f"the checkpoint at size {size}", good=good)
        if signed is None:
            continue
        statement = signed.checkpoint
        if (statement.size, bytes(statement.root), signed.time) != (size, root, time):
            report.findings.append(
                broken("checkpoint-row", good, f"the row of the checkpoint at size {size} differs from its signed note", size=size)
            )
        if time < last:
            report.findings.append(broken("time-back", good, f"the log's time goes back at size {size}", size=size, time=time, before=last))
        last, report.time, good = time, time, max(good, statement.size)
    report.counts["checkpoints"] = len(stored)
    _check_seen(report, done, {size for size, *_ in stored})
    if held.mark is not None and good < held.mark.size <= done.records:
        report.findings.append(
            broken(
                "checkpoint-missing",
                good,
                f"the mark is at size {held.mark.size}, the newest good checkpoint is at {good}",
                size=held.mark.size,
            )
        )
    if good < done.records:
        report.findings.append(
            flag("unsigned-tail", good, f"records from {good} on are not signed for yet; `plumbline checkpoint` signs for them")
        )
    for name, note in held.checkpoints:
        report.fresh |= _checked(report, done, keys, note, where=name, good=None) is not None


def _check_seen(report: Audit, done: Replay, sizes: set[int]) -> None:
    """Check that the store still has every checkpoint that a signer says to have seen."""
    for changes in done.memory.all_changes():
        seen = changes.head.seen
        if changes.index >= 0 and seen and seen not in sizes:
            sizes.add(seen)
            report.findings.append(
                broken(
                    "checkpoint-missing",
                    seen - 1,
                    f"record {changes.index} names the checkpoint at size {seen}, which the store does not have",
                    size=seen,
                )
            )


def _checked(
    report: Audit, done: Replay, keys: list[VerifierKey], note: bytes, *, where: str, good: int | None
) -> checkpoint.SignedCheckpoint | None:
    """Return a verified checkpoint that agrees with the log, or None and a finding. `good` is the size up to which all agrees."""
    try:
        signed = checkpoint.verify_checkpoint(note, log_keys=keys, verify=verify)
    except LedgerError as refusal:
        report.findings.append(broken("checkpoint-signature", good, f"{where} does not hold: {refusal}", where=where, refusal=refusal.code))
        return None
    size, root = signed.checkpoint.size, signed.checkpoint.root
    if size > done.records:
        report.findings.append(
            broken(
                "rollback",
                done.records,
                f"{where} was signed for {size} records, the store holds {done.records} ({size - done.records} are missing)",
                want=size,
                got=done.records,
            )
        )
        return None
    have = done.memory.roots.get(size)
    if have != root:
        report.findings.append(
            broken(
                "root-mismatch",
                good,
                f"{where} has root {root.hex()} at size {size}, the log has {have.hex() if have else 'none'}",
                size=size,
            )
        )
        return None
    return signed


def _check_mark(report: Audit, done: Replay, held: Held) -> None:
    if held.mark_problem:
        report.findings.append(broken("mark-damaged", None, f"the mark cannot be read: {held.mark_problem}"))
        return
    if held.mark is None:
        report.findings.append(
            flag("no-mark", None, f"no mark was found{f' at {held.mark_place}' if held.mark_place else ''}; freshness not established")
        )
        return
    try:
        root = done.memory.roots.get(held.mark.size)
        check_mark(held.mark, ledger=report.ledger, size=done.records, root_at_mark=root, where=held.mark_place)
    except LedgerError as refusal:
        index = done.records if held.mark.size > done.records else None
        report.findings.append(broken("rollback", index, str(refusal), want=held.mark.size, got=done.records))


def _check_trust(report: Audit, held: Held) -> None:
    if held.trust is None:
        report.findings.append(flag("unpinned", None, "no trust file was given; the ledger is only compared with itself"))
    elif held.trust.ledger != report.ledger:
        report.findings.append(
            broken(
                "other-ledger",
                0,
                f"the trust file pins ledger {held.trust.ledger}, this is {report.ledger or 'none'}",
                want=held.trust.ledger,
            )
        )


def _check_projections(report: Audit, view: StoreView, done: Replay) -> None:
    """Compare the store's derived tables with what a replay derives."""
    fresh = projected(done.memory)
    for table in PROJECTIONS:
        with _found(report, f"the table {table.name}"):
            _compare(report, done, table.name, want=counted(table.name, fresh[table.name]), got=Store.projection(view, table.name))
    newest = Store.newest_checkpoint(view)
    with _found(report, "what the store remembers"):
        facts = done.memory.facts
        want = {"frontier": done.frontier.to_bytes().hex(), "facts": None if facts is None else facts_text(facts)}
        for name, text in want.items():
            if Store.remembered(view, name) != text:
                report.findings.append(
                    broken("projection-differs", None, f"what the store remembers as its {name} is not what the records say", table="meta")
                )
        signed = Store.frontier(view, "frontier_signed")
        if newest is not None and (signed.size, signed.root()) != (newest[0], newest[1]):
            report.findings.append(
                broken(
                    "projection-differs",
                    None,
                    "what the store remembers as its frontier_signed is not the newest checkpoint's",
                    table="meta",
                )
            )


def _compare(report: Audit, done: Replay, table: str, *, want: Counter[Row], got: Counter[Row]) -> None:
    lost, more = want - got, got - want
    if not lost and not more:
        return
    rows = sorted((*lost, *more), key=repr)
    placed = sorted(((index, row) for row in rows if (index := _index_of(table, row, done)) is not None), key=lambda found: found[0])
    index, first = placed[0] if placed else (None, rows[0])
    report.findings.append(
        broken(
            "projection-differs",
            index,
            f"table {table} differs from what the records say "
            f"({lost.total()} rows missing, {more.total()} too many), first {_shown(first)}",
            table=table,
            rows=got.total(),
            want=want.total(),
        )
    )


def _index_of(table: str, row: Row, done: Replay) -> int | None:
    """Return the index of the record that a projection's row comes from, where there is one."""
    names = [column.name for column in next(p for p in PROJECTIONS if p.name == table).c]
    values = dict(zip(names, row, strict=True))
    memory = done.memory
    if table == "record":
        found = values["idx"]
    elif table == "key":
        facts = memory.keys.get(str(values["name"]))
        found = None if facts is None else facts.enrolled
    elif table in ("party", "site"):
        found = next((place >> 8 for place, event in memory.events.items() if _introduces(event, table, values["id"])), None)
    elif table == "claim":
        claim = memory.claims.get(str(values["number"]))
        found = None if claim is None else claim.position >> 8
    else:
        found = values["position"] >> 8 if isinstance(values["position"], int) else None
    return found if isinstance(found, int) and 0 <= found < done.records else None


def _introduces(event: Event, table: str, name: object) -> bool:
    return bool(
        (isinstance(event, Admit) and table == "party" and event.party.id == name)
        or (isinstance(event, SiteEvent) and table == "site" and event.site.id == name)
    )


def _shown(row: Row) -> str:
    text = " ".join(str(value) for value in row)
    return text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 - a line


def _check_books(report: Audit, done: Replay) -> None:
    """Check the identity of the books per constituent, from scratch."""
    for constituent, balance in balances(done.memory.bookings.values(), done.memory.all_batches()).items():
        if balance.difference:
            report.findings.append(
                broken("books-differ", None, f"{constituent}: the books do not balance by {balance.difference} mg", constituent=constituent)
            )


def _check_equivocations(report: Audit, view: StoreView) -> None:
    for key, seq, record, _ in Store.equivocations(view):
        report.findings.append(
            flag("equivocation", None, f"key {key} signed two records with seq {seq}; {record} is kept as evidence", key=key, seq=seq)
        )


def _count(report: Audit, done: Replay) -> None:
    memory = done.memory
    report.counts |= {
        "records": done.records,
        "events": len(memory.events),
        "parties": len(memory.parties),
        "sites": len(memory.sites),
        "keys": len(memory.keys),
        "batches": len(memory.numbers),
        "certificates": len(memory.claims),
    }
