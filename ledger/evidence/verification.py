"""Verifying evidence: a certificate, or a key's records, from one file and a trust file, without the ledger.

The order is that of SPEC.md, "Evidence": trust file → checkpoint and quorum → inclusion of every record → signatures and lives of keys →
links → replay by the rules in the log's order → the certificate's figures → what an auditor stated. Nothing in the evidence is taken as
trust. There is no clock here: the same bytes give the same words on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger.attestation import Attestation, Touches, check_lines, verify_attestation
from ledger.certificates.credential import digest
from ledger.certificates.jwt import opened
from ledger.certificates.verification import current, recomputed, registered
from ledger.errors import EvidenceError, FormatError, LedgerError
from ledger.evidence.format import Evidence
from ledger.keys import verify
from ledger.memory import Memory
from ledger.record import Record, read_record
from ledger.replay import unseen
from ledger.rules.book import Book, Entry, own, parse_rule
from ledger.state import apply, authenticate
from ledger.tlog import checkpoint, merkle
from ledger.tlog.checkpoint import SignedCheckpoint
from ledger.tlog.merkle import verify_consistency
from ledger.tlog.multiproof import verify_multiproof
from ledger.tlog.quorum import Witnessed
from ledger.trust import Trust
from ledger.verification import Level, Verification, witnessed_by
from ledger.view import Claim


@dataclass(slots=True)
class _Partial:
    """A partial replay: its view, how far it came, what it found at the certificate's own event, and who signed what."""

    memory: Memory
    book: Book | None = None
    touches: Touches = field(default_factory=Touches)
    witnessed: list[tuple[int, Witnessed]] = field(default_factory=list)
    signed: dict[str, list[int]] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)
    records: int = 0
    outcome: str | None = None


def verify_evidence(
    evidence: Evidence,
    *,
    credential: bytes | None,
    trust: Trust | None,
    book: Book | None = None,
    progress: Callable[[int], None] = unseen,
) -> Verification:
    """Verify evidence, and the certificate that it is about.

    Args:
        evidence: As it was read.
        credential: The certificate's JSON or `vc+jwt`; None for evidence about a key.
        trust: The pinned trust file, None where there is none.
        book: The rules to judge by, beside those that the evidence holds; without it those of this program.
        progress: Called with the number of records done.

    Raises:
        FormatError, EncodingError: The credential is no certificate of ours.
    """
    document, signed_by_issuer = (None, None) if credential is None else opened(credential)
    kind, name = evidence.subject
    found = Verification(
        f"{kind} {name}" if document is None else f"certificate {document['credentialSubject']['number']}", document=document
    )
    try:
        if document is not None and signed_by_issuer is not None:
            _check_subject(evidence, document)
            signed_by_issuer()
        if trust is None:
            found.refuse_unpinned()
            return found
        signed, witnessed = _check_checkpoint(evidence, trust)
        found.take_witnessed(witnessed, time=signed.time)
        roots = _check_inclusion(evidence, signed)
        partial = _Partial(Memory())
        partial.memory.scope = frozenset(evidence.scope)
        partial.memory.roots.update(roots)
        partial.witnessed = [(signed.checkpoint.size, witnessed), *_anchored(evidence, trust, roots)]
        statement = _statement(evidence, trust, signed, roots)
        partial.book, said = (book or own()).with_supplied(quoted_rules(evidence.rules, document))
        found.cautions += said
        _replay(partial, evidence, document, trust, statement, progress)
        found.complete = _complete(statement)
    except LedgerError as refusal:
        found.problems.append(str(refusal))
        found.levels.append(Level(1, "issuer says", holds=False, detail=str(refusal)))
        return found
    _conclude(found, evidence, partial, document, statement, signed)
    return found


def _check_subject(evidence: Evidence, document: dict[str, Any]) -> None:
    wanted = ("certificate", digest(document))
    if evidence.subject != wanted:
        raise EvidenceError(f"the evidence is about {' '.join(evidence.subject)}, the certificate has digest {wanted[1]}")


def _check_checkpoint(evidence: Evidence, trust: Trust) -> tuple[SignedCheckpoint, Witnessed]:
    """Verify the checkpoint by the keys of the trust file, and count its witnesses."""
    signed = checkpoint.verify_checkpoint(evidence.checkpoint, log_keys=list(trust.log), verify=verify)
    return signed, witnessed_by(signed, trust)


def _check_inclusion(evidence: Evidence, signed: SignedCheckpoint) -> dict[int, bytes]:
    """Verify that every record is in the checkpoint's tree, and every earlier root in its past; return roots by size."""
    size, root = signed.checkpoint.size, signed.checkpoint.root
    verify_multiproof(evidence.leaves, size=size, root=root, path=evidence.nodes)
    roots: dict[int, bytes] = {size: root}
    for prior in evidence.priors:
        verify_consistency(old_size=prior.size, old_root=prior.root, new_size=size, new_root=root, path=prior.path)
        roots[prior.size] = prior.root
    return roots


def _statement(evidence: Evidence, trust: Trust, signed: SignedCheckpoint, roots: dict[int, bytes]) -> tuple[Attestation, str] | None:
    """Verify an auditor's statement and the lines of it that the evidence holds."""
    if evidence.attest is None:
        return None
    try:
        statement, name = verify_attestation(evidence.attest, auditors=trust.auditors, verify=verify)
    except FormatError as refusal:
        raise EvidenceError(f"the auditor's statement in the evidence: {refusal}") from refusal
    if statement.ledger != trust.ledger:
        raise EvidenceError(f"the auditor's statement is about ledger {statement.ledger}, the trust file pins {trust.ledger}")
    if statement.size > signed.checkpoint.size or roots.get(statement.size) != statement.root:
        raise EvidenceError(f"the auditor's statement is about size {statement.size}, of which the evidence does not show the same root")
    if not evidence.lines:
        raise EvidenceError("the evidence holds an auditor's statement and no line of its state")
    leaves = [(index, merkle.leaf_hash(line)) for index, line in evidence.lines]
    verify_multiproof(leaves, size=statement.lines, root=statement.state, path=evidence.line_nodes)
    return statement, name


def quoted_rules(rules: Iterable[bytes], document: dict[str, Any] | None) -> list[Entry]:
    """Read the rules that evidence holds: each once, canonical, and quoted by the certificate by its hash.

    Raises:
        EncodingError, FormatError: One is no rule.
        EvidenceError: The certificate does not quote it.
    """
    quoted = {} if document is None else {row["rule"]: row["rule_sha256"] for row in document["credentialSubject"]["verdicts"]}
    found = []
    for data in rules:
        entry = parse_rule(data, what="a rule of the evidence")
        if entry.canonical != data or quoted.pop(entry.rule.id, None) != entry.sha256:
            raise EvidenceError(f"the evidence holds a rule {entry.rule.id} that the certificate does not quote")
        found.append(entry)
    return found


def _complete(statement: tuple[Attestation, str] | None) -> str:
    if statement is None:
        return "completeness not shown"
    return f"complete to record {statement[0].size - 1} (attested by {statement[1]})"


def _replay(
    partial: _Partial,
    evidence: Evidence,
    document: dict[str, Any] | None,
    trust: Trust,
    statement: tuple[Attestation, str] | None,
    progress: Callable[[int], None],
) -> None:
    """Replay the records in the log's order, and compare with the auditor's lines where the statement's size is passed."""
    wanted = None if document is None else digest(document)
    compared = statement is None
    for index, data in evidence.records():
        if statement is not None and not compared and index >= statement[0].size:
            check_lines(partial.memory, partial.touches, (line for _, line in evidence.lines))
            compared = True
        record = read_record(data)
        if not partial.records and (index or record.id != trust.ledger):
            raise EvidenceError(f"the trust file pins ledger {trust.ledger}, the evidence begins with record {index}, id {record.id}")
        partial.memory.stand_at(index)
        if document is not None and wanted is not None and partial.outcome is None and wanted.encode() in data:
            partial.outcome = recomputed(partial.memory, record, document, book=partial.book)
        _apply(partial, index, record)
        if record.header.key == evidence.subject[1]:
            partial.numbers.append(record.header.seq)
        progress(partial.records)
    if statement is not None and not compared:
        check_lines(partial.memory, partial.touches, (line for _, line in evidence.lines))


def _apply(partial: _Partial, index: int, record: Record) -> None:
    try:
        authenticate(partial.memory, record)
        partial.memory.fold(apply(partial.memory, record))
    except LedgerError as refusal:
        raise EvidenceError(f"record {index} does not hold: {refusal}") from refusal
    partial.touches.take(partial.memory, record)
    partial.signed.setdefault(record.header.key, []).append(index)
    partial.records += 1


def _conclude(
    found: Verification,
    evidence: Evidence,
    partial: _Partial,
    document: dict[str, Any] | None,
    statement: tuple[Attestation, str] | None,
    signed: SignedCheckpoint,
) -> None:
    """Say what was shown."""
    size = signed.checkpoint.size
    if document is None:
        _conclude_key(found, evidence, partial, size)
        return
    found.books, found.book = partial.memory, partial.book
    claim = registered(found, partial.memory, document)
    if claim is not None and partial.memory.root_at(document["basis"]["size"]) is None:
        found.problems.append("the evidence does not show the root that the certificate was computed on")
    found.report_levels(claim, partial.outcome, records=partial.records, attested=_attests(statement, document, claim))
    if claim is not None:
        current(found, partial.memory, claim, document, book=partial.book)
    found.cautions += _untrusted_times(partial)
    found.status = f"status as of record {size - 1}, as far as the records supplied go"


def _attests(statement: tuple[Attestation, str] | None, document: dict[str, Any], claim: Claim | None) -> str:
    """Return the auditor whose statement lists this certificate, or nothing."""
    if statement is None or claim is None or digest(document) not in statement[0].certificates:
        return ""
    return statement[1]


def _conclude_key(found: Verification, evidence: Evidence, partial: _Partial, size: int) -> None:
    """Say up to which number a key's records are all there; gaps in its chain are refused."""
    name = evidence.subject[1]
    numbers = partial.numbers
    gap = next((number for number, seq in enumerate(numbers) if seq != number), None)
    if gap is not None or not numbers:
        found.problems.append(f"record {gap or 0} of key {name} is missing")
        return
    found.levels.append(
        Level(1, "issuer says", holds=True, detail=f"these are all records of {name} up to seq {numbers[-1]}, in a log of {size} records")
    )


def _anchored(evidence: Evidence, trust: Trust, roots: dict[int, bytes]) -> list[tuple[int, Witnessed]]:
    """Verify the older checkpoints, and return their sizes with who witnessed them."""
    found = []
    for note in evidence.anchors:
        signed = checkpoint.verify_checkpoint(note, log_keys=list(trust.log), verify=verify)
        size = signed.checkpoint.size
        if roots.get(size) != signed.checkpoint.root:
            raise EvidenceError(f"the older checkpoint at size {size} is not shown to be the past of the newest one")
        found.append((size, witnessed_by(signed, trust)))
    return found


def _untrusted_times(partial: _Partial) -> list[str]:
    """Return cautions about records of keys that were compromised, where no quorum shows that they were logged before.

    A record is time-proven when a checkpoint that covers it reached the quorum and every counted time lies before the compromise.
    """
    cautions = []
    for name, indexes in sorted(partial.signed.items()):
        facts = partial.memory.key(name)
        if facts is None or facts.compromised_since is None:
            continue
        since = datetime.fromisoformat(facts.compromised_since).timestamp()
        proven = [size for size, witnessed in partial.witnessed if _before(witnessed, since)]
        before = [index for index in indexes if index != facts.revoked]  # what says that it was revoked says nothing that needs a time
        unproven = [index for index in before if not any(size > index for size in proven)]
        if unproven:
            cautions.append(
                f"UNTRUSTED_TIME: key {name} was compromised since {facts.compromised_since}; no quorum shows that its record {unproven[0]}"
                f"{f' and {len(unproven) - 1} more' if len(unproven) > 1 else ''} was logged before"
            )
    return cautions


def _before(witnessed: Witnessed, since: float) -> bool:
    """Say whether a quorum saw a checkpoint, every counted time before a moment (seconds since 1970)."""
    return witnessed.asked and witnessed.reached and all(time < since for time in witnessed.times.values())
