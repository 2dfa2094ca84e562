"""Checking signed statements about a log against a replay of it: checkpoints, cosignatures, auditors' statements, mark, trust file."""

from __future__ import annotations

from collections.abc import Iterable

from ledger.attestation import Attestation, parse_attestation, verify_attestation
from ledger.attested import check_history, check_state, states_at
from ledger.errors import EvidenceError, LedgerError
from ledger.findings import Audit, Held, part
from ledger.keys import verify
from ledger.mark import check_mark
from ledger.replay import Replay, broken, flag
from ledger.store.store import Store
from ledger.store.view import StoreView
from ledger.tlog import checkpoint
from ledger.tlog.note import VerifierKey, parse_note, parse_vkey
from ledger.tlog.quorum import Witnessed, WitnessPolicy, count


def _log_keys(done: Replay, held: Held) -> list[VerifierKey]:
    if held.trust is not None:
        return list(held.trust.log)
    return [parse_vkey(text) for text in done.memory.facts.log] if done.memory.facts else []


def check_statements(report: Audit, done: Replay, view: StoreView, held: Held) -> None:
    """Check every signed statement about the log against the log: those in the store and those that others hold."""
    stored = Store.checkpoints(view)
    keys, last, good = _log_keys(done, held), -1, 0
    sizes: list[int] = []
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
        sizes.append(size)
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
    _check_held(report, done, keys, held)
    with part(report, "the cosignatures"):
        _check_witnesses(report, ((at, Store.published(view, at)) for at in reversed(sizes)), keys, held, size=done.records)


def check_export(report: Audit, done: Replay, note: bytes, held: Held) -> None:
    """Check the checkpoint of an export against its entries, and the checkpoints that others hold."""
    keys = _log_keys(done, held)
    signed = _checked(report, done, keys, note, where="the checkpoint", good=None)
    if signed is not None:
        report.time = signed.time
        counted = _counted(note, keys, held)
        report.witnessed = counted.line
        if counted.asked and not counted.reached:
            report.findings.append(broken("quorum-not-reached", None, f"the checkpoint: {counted.line}"))
    report.counts["checkpoints"] = 1
    _check_held(report, done, keys, held)


def _check_held(report: Audit, done: Replay, keys: list[VerifierKey], held: Held) -> None:
    for name, note in held.checkpoints:
        report.fresh |= _checked(report, done, keys, note, where=name, good=None) is not None


def _check_witnesses(report: Audit, published: Iterable[tuple[int, bytes]], keys: list[VerifierKey], held: Held, *, size: int) -> None:
    """Look for the newest checkpoint that reached the quorum of the trust file, among those that the log signed."""
    newest = ""
    for at, note in published:
        counted = _counted(note, keys, held)
        newest = newest or counted.line
        if not counted.asked or counted.reached:
            report.witnessed = counted.line
            if counted.asked and at < size:
                report.findings.append(flag("unwitnessed-tail", at, f"records from {at} on are in no checkpoint that reached the quorum"))
            return
    report.witnessed = newest
    if newest:
        report.findings.append(broken("quorum-not-reached", None, f"no checkpoint reached the quorum; the newest: {newest}"))


def _counted(note: bytes, keys: list[VerifierKey], held: Held) -> Witnessed:
    policy = WitnessPolicy() if held.trust is None else held.trust.policy
    return count(policy, parse_note(note), log_keys=keys, verify=verify)


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
                f"{where} was signed for {size} records, the {report.place} holds {done.records} ({size - done.records} are missing)",
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


def check_attestations(report: Audit, done: Replay, view: StoreView, held: Held) -> None:
    """Check the auditors' statements that the store keeps: who signed them, and that the log's records give what they say."""
    kept = Store.attestations(view)
    good: dict[int, list[tuple[str, Attestation]]] = {}
    for size, auditor, note in kept:
        where = f"the statement of {auditor} at size {size}"
        try:
            if held.trust is None or auditor not in {key.name for key in held.trust.auditors}:
                statement = parse_attestation(parse_note(note).text)
                report.findings.append(flag("auditor-unknown", None, f"{where} is by no auditor of the trust file", auditor=auditor))
            else:
                statement, signer = verify_attestation(note, auditors=held.trust.auditors, verify=verify)
                if (statement.size, signer) != (size, auditor):
                    raise EvidenceError(f"it is {signer}'s, at size {statement.size}")
            check_history(statement, ledger=report.ledger, root_at=done.memory.roots.get)
        except LedgerError as refusal:
            report.findings.append(broken("statement-misfit", None, f"{where} does not hold: {refusal}", size=size, auditor=auditor))
        else:
            good.setdefault(size, []).append((where, statement))
    for size, lines in states_at(Store.entries(view), good):
        for where, statement in good[size]:
            try:
                check_state(statement, lines)
            except LedgerError as refusal:
                report.findings.append(broken("statement-misfit", None, f"{where} does not hold: {refusal}", size=size))
    if kept:  # an export, which is audited to the same counts, holds none
        report.counts["statements"] = len(kept)


def check_mark_held(report: Audit, done: Replay, held: Held) -> None:
    """Check that the log is not older than the mark that the auditor holds, nor another history."""
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


def check_trust(report: Audit, held: Held) -> None:
    """Say whether the ledger is the one that the trust file pins."""
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
