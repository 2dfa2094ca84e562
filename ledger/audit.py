"""The audit: everything verified again from stored bytes. Nothing raises; what does not hold is a finding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ledger.errors import LedgerError
from ledger.keys import verify
from ledger.mark import Mark, check_mark
from ledger.matter.balance import balances
from ledger.plausibility import implausible
from ledger.replay import Replay, broken, flag, replay
from ledger.store import Store, projected, sorted_rows
from ledger.store_tables import PROJECTIONS
from ledger.store_view import StoreView
from ledger.tlog import checkpoint
from ledger.tlog.note import VerifierKey, parse_vkey
from ledger.trust import Trust
from schemas.finding import Finding


@dataclass(frozen=True, slots=True)
class Held:
    """What an auditor brings along: the mark beside the log's key, a pinned trust file, checkpoints that others hold."""

    mark: Mark | None = None
    mark_place: str = ""
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
    def first_bad(self) -> int | None:
        """Return the lowest index at which something is broken."""
        return min((f.index for f in self.findings if f.severity == "broken" and f.index is not None), default=None)


def audit(store: Store, held: Held, *, progress: Callable[[int], None] = lambda done: None) -> Audit:
    """Verify a whole ledger from its stored bytes.

    Args:
        store: The ledger.
        held: What the auditor holds apart from it.
        progress: Called with the number of entries done.
    """
    report = Audit()
    try:
        with store.reading() as view:
            done = replay(store.entries(view), progress=progress)
            report.size, report.root = done.records, done.frontier.root().hex()
            report.findings += done.findings
            facts = done.memory.facts
            if facts is not None:
                report.ledger, report.origin = facts.ledger_id, facts.origin
            _check_checkpoints(report, done, Store.checkpoints(view), held)
            _check_mark(report, done, held)
            _check_trust(report, held)
            if done.stopped is None:
                _check_projections(report, view, done)
                _check_books(report, done)
                report.findings += implausible(done.memory)
            _check_equivocations(report, store, view)
            _count(report, view, done)
    except LedgerError as refusal:
        report.findings.append(broken("store-damaged", None, f"the store cannot be read: {refusal}", refusal=refusal.code))
    return report


def _log_keys(done: Replay, held: Held) -> list[VerifierKey]:
    if held.trust is not None:
        return list(held.trust.log)
    return [parse_vkey(text) for text in done.memory.facts.log] if done.memory.facts else []


def _check_checkpoints(report: Audit, done: Replay, stored: Sequence[tuple[int, bytes, int, bytes]], held: Held) -> None:
    """Check every signed statement about the log against the log: those in the store and those that others hold."""
    keys, last = _log_keys(done, held), -1
    for size, root, time, note in stored:
        signed = _checked(report, done, keys, note, where=f"the checkpoint at size {size}")
        if signed is None:
            continue
        statement = signed.checkpoint
        if (statement.size, bytes(statement.root), signed.time) != (size, root, time):
            report.findings.append(broken("checkpoint-row", None, f"the row of the checkpoint at size {size} differs from its signed note", size=size))
        if time < last:
            report.findings.append(broken("time-back", None, f"the log's time goes back at size {size}", size=size, time=time, before=last))
        last, report.time = time, time
    if done.records and (not stored or stored[-1][0] < done.records):
        signed_for = stored[-1][0] if stored else 0
        report.findings.append(
            flag("unsigned-tail", signed_for, f"records from {signed_for} on are not signed for yet; `plumbline checkpoint` signs for them")
        )
    for name, note in held.checkpoints:
        report.fresh |= _checked(report, done, keys, note, where=name) is not None


def _checked(report: Audit, done: Replay, keys: list[VerifierKey], note: bytes, *, where: str) -> checkpoint.SignedCheckpoint | None:
    """Return a verified checkpoint that agrees with the log, or None and a finding."""
    try:
        signed = checkpoint.verify_checkpoint(note, log_keys=keys, verify=verify)
    except LedgerError as refusal:
        report.findings.append(broken("checkpoint-signature", None, f"{where} does not hold: {refusal}", where=where, refusal=refusal.code))
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
    if size and have != root:
        report.findings.append(
            broken("root-mismatch", None, f"{where} has root {root.hex()} at size {size}, the log has {have.hex() if have else 'none'}", size=size)
        )
        return None
    return signed


def _check_mark(report: Audit, done: Replay, held: Held) -> None:
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
            broken("other-ledger", 0, f"the trust file pins ledger {held.trust.ledger}, this is {report.ledger or 'none'}", want=held.trust.ledger)
        )


def _check_projections(report: Audit, view: StoreView, done: Replay) -> None:
    """Compare the store's derived tables with what a replay derives."""
    fresh = projected(done.memory)
    for table in PROJECTIONS:
        want = sorted_rows(table.name, fresh[table.name])
        got = Store.projection(view, table.name)
        if want == got:
            continue
        lost = [row for row in want if row not in set(got)] if len(want) < 10_000 else []  # noqa: PLR2004 - a bound on work
        more = [row for row in got if row not in set(want)] if len(want) < 10_000 else []  # noqa: PLR2004 - a bound on work
        row = (more or lost or [()])[0]
        report.findings.append(
            broken(
                "projection-differs",
                _index_of(table.name, row),
                f"table {table.name} differs from what the records say ({len(lost)} rows missing, {len(more)} too many), first {_shown(row)}",
                table=table.name,
                rows=len(got),
                want=len(want),
            )
        )
    frontier = Store.frontier(view)
    if frontier.to_bytes() != done.frontier.to_bytes():
        report.findings.append(broken("projection-differs", None, "the remembered frontier is not that of the entries", table="meta"))


def _index_of(table: str, row: tuple[object, ...]) -> int | None:
    """Return the index of the record that a projection's row belongs to, where the row says so."""
    names = [column.name for column in next(p for p in PROJECTIONS if p.name == table).c]
    values = dict(zip(names, row, strict=False))
    if isinstance(values.get("position"), int):
        return int(str(values["position"])) >> 8
    return int(str(values["idx"])) if isinstance(values.get("idx"), int) else None


def _shown(row: tuple[object, ...]) -> str:
    text = " ".join(str(value) for value in row)
    return text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 - a line


def _check_books(report: Audit, done: Replay) -> None:
    """Check the identity of the books per constituent, from scratch."""
    for constituent, balance in balances(done.memory.bookings.values(), done.memory.all_batches()).items():
        if balance.difference:
            report.findings.append(
                broken("books-differ", None, f"{constituent}: the books do not balance by {balance.difference} mg", constituent=constituent)
            )


def _check_equivocations(report: Audit, store: Store, view: StoreView) -> None:
    for key, seq, record, _ in store.equivocations(view):
        report.findings.append(
            flag("equivocation", None, f"key {key} signed two records with seq {seq}; {record} is kept as evidence", key=key, seq=seq)
        )


def _count(report: Audit, view: StoreView, done: Replay) -> None:
    memory = done.memory
    report.counts = {
        "records": done.records,
        "events": len(memory.events),
        "parties": len(memory.parties),
        "sites": len(memory.sites),
        "keys": len(memory.keys),
        "batches": len(memory.numbers),
        "certificates": len(memory.claims),
        "checkpoints": len(Store.checkpoints(view)),
    }
