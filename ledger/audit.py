"""The audit: everything verified again from stored bytes. Nothing raises; what does not hold is a finding.

A store and an export are audited alike: every rule is replayed over the entries, and every hash of every tile compared with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ledger.findings import Audit, Held, part
from ledger.matter.balance import balances
from ledger.mirror.comparison import Comparison
from ledger.mirror.source import Mirror
from ledger.plausibility import implausible
from ledger.projections import check_projections
from ledger.replay import Entry, Replay, broken, flag, replay, unseen
from ledger.sampling import draw
from ledger.signed import check_attestations, check_export, check_mark_held, check_statements, check_trust
from ledger.store.store import Store
from ledger.store.view import StoreView
from ledger.tlog.merkle import Hash, leaf_hash
from ledger.tlog.merkle import root as root_of
from ledger.tlog.tile import Tiling

__all__ = ["Audit", "Held", "audit", "audit_mirror"]


def audit(store: Store, held: Held, *, progress: Callable[[int], None] = unseen) -> Audit:
    """Verify a whole ledger from its stored bytes.

    Args:
        store: The ledger.
        held: What the auditor holds apart from it.
        progress: Called with the number of entries done.
    """
    report = Audit()
    subtrees: list[tuple[int, int, Hash]] = []
    tiling = Tiling(lambda level, index, hashes: subtrees.append((level + 1, index, root_of(hashes))))
    with part(report, "the store"), store.reading() as view:
        done = replay(_tiled(store.entries(view), tiling), progress=progress)
        _begin(report, done)
        with part(report, "the file"):
            report.findings += [broken("store-damaged", None, f"the store is damaged: {problem}") for problem in store.integrity(view)]
        with part(report, "the checkpoints"):
            check_statements(report, done, view, held)
        with part(report, "the mark"):
            check_mark_held(report, done, held)
        check_trust(report, held)
        if done.stopped is None and not report.rolled_back:  # tables of records that are gone would differ everywhere
            check_projections(report, view, done, subtrees)
            with part(report, "the books"):
                _check_books(report, done)
                report.findings += implausible(done.memory)
            with part(report, "the auditors' statements"):
                check_attestations(report, done, view, held)
        with part(report, "the table equivocation"):
            _check_equivocations(report, view)
        _draw(report, done, held)
        _count(report, done)
    return report


def audit_mirror(mirror: Mirror, held: Held, *, progress: Callable[[int], None] = unseen) -> Audit:
    """Verify an export from its files, as `audit` verifies a store.

    Args:
        mirror: The export.
        held: What the auditor holds apart from it.
        progress: Called with the number of entries done.
    """
    report = Audit(place="export")
    with part(report, "the export"):
        note, size = mirror.checkpoint(), mirror.size
        comparison = Comparison(mirror)
        done = replay(_tiled(mirror.entries(size), comparison.tiling), progress=progress)
        _begin(report, done)
        if done.records == size:
            comparison.finish()
        report.findings += comparison.findings
        with part(report, "the checkpoint"):
            check_export(report, done, note, held)
        if held.mark is not None or held.mark_problem:
            with part(report, "the mark"):
                check_mark_held(report, done, held)
        check_trust(report, held)
        if done.stopped is None:
            with part(report, "the books"):
                _check_books(report, done)
                report.findings += implausible(done.memory)
        _draw(report, done, held)
        _count(report, done)
    return report


def _tiled(entries: Iterable[Entry], tiling: Tiling) -> Iterator[Entry]:
    """Hand entries on, and build the tree's tiles from their bytes."""
    for entry in entries:
        tiling.append(leaf_hash(entry[1]))
        yield entry


def _draw(report: Audit, done: Replay, held: Held) -> None:
    """Draw the events that the auditor will compare with papers."""
    if held.sample:
        report.sample = draw(done.memory, done.memory.events, held.sample, held.seed)


def _begin(report: Audit, done: Replay) -> None:
    report.size, report.root = done.records, done.frontier.root().hex()
    report.findings += done.findings
    facts = done.memory.facts
    if facts is not None:
        report.ledger, report.origin = facts.ledger_id, facts.origin


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
