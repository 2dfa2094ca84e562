"""Verifying a certificate with the whole ledger: its signature, its registration, and every figure derived again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ledger.certificates.certificate import Basis, Issuer, Request, build
from ledger.certificates.credential import digest
from ledger.certificates.issuance import entered
from ledger.certificates.jwt import opened
from ledger.certificates.recompute import check_current, check_registered, recompute
from ledger.certified import status
from ledger.errors import CertificateError, LedgerError, UnknownError
from ledger.keys import verify
from ledger.memory import Memory
from ledger.record import Record, read_record
from ledger.replay import Entry, Replay, unseen
from ledger.rules.book import Book, own
from ledger.state import apply
from ledger.tlog import checkpoint
from ledger.trust import Trust
from ledger.verification import UNPINNED, Level, Verification, witnessed_by
from ledger.view import Claim, View
from schemas.event import Certify, Declare, Event
from schemas.statement import Dated


def verify_certificate(
    data: bytes,
    *,
    entries: Iterable[Entry] | None,
    trust: Trust | None,
    checkpoints: Iterable[bytes] = (),
    book: Book | None = None,
    progress: Callable[[int], None] = unseen,
) -> Verification:
    """Verify a certificate's credential, against a whole ledger where one is supplied.

    1. The credential has its form, and its proof or its `vc+jwt` is by the key it names.
    2. A trust file pins the ledger: its id is record 0's, its log keys signed a checkpoint that covers the certificate.
    3. Every record is replayed: signatures, chains, rules.
    4. The certificate is registered: a certify event with its digest, by an enrolled key, over the same batch and mass.
    5. Its figures are derived again from the books just before that event, and are the same.
    6. What became of it since is said: withdrawn, superseded, corrected.

    Args:
        data: The credential's JSON, or its `vc+jwt`.
        entries: The ledger's stored entries, None where there is no ledger at hand.
        trust: The pinned trust file, None where there is none.
        checkpoints: Signed checkpoints of that ledger, newest last.
        book: The rules to judge by; without it those of this program.
        progress: Called with the number of entries done.

    Raises:
        FormatError, EncodingError: The bytes are no certificate of ours.
    """
    document, signed = opened(data)
    found = Verification(f"certificate {document['credentialSubject']['number']}", document=document)
    try:
        signed()
    except LedgerError as refusal:
        found.problems.append(str(refusal))
        found.levels.append(Level(1, "issuer says", holds=False, detail=str(refusal)))
        return found
    if entries is None:
        if trust is None:
            found.refuse_unpinned()
        else:
            found.problems.append("NOT SHOWN TO BE REGISTERED: give the ledger with -L, or the PDF, which holds its evidence")
            found.levels.append(Level(1, "issuer says", holds=False, detail="the signature fits the certificate; more was not shown"))
        return found
    done, outcome = _replayed(entries, document, book, progress)
    _check_ledger(found, done, trust, list(checkpoints))
    found.books, found.book = done.memory, book
    claim = registered(found, done.memory, document)
    found.report_levels(claim, outcome, records=done.records)
    if claim is not None:
        current(found, done.memory, claim, document, book=book)
    if done.records and done.stopped is None:
        found.take_whole(done.records)
    return found


def _replayed(
    entries: Iterable[Entry], document: dict[str, Any], book: Book | None, progress: Callable[[int], None]
) -> tuple[Replay, str | None]:
    """Replay a log; at the certificate's own event derive it again. Returns the replay, and "" or why the figures do not follow."""
    done, outcome = Replay(), None
    wanted = digest(document)
    for number, entry in enumerate(entries, start=1):
        if outcome is None and done.stopped is None and wanted.encode() in entry[1]:
            outcome = _recomputed(done, entry, document, book)
        done.take(entry, expected=done.records if done.stopped is None else entry[0])
        progress(number)
    return done, outcome


def _recomputed(done: Replay, entry: Entry, document: dict[str, Any], book: Book | None) -> str | None:
    try:
        return recomputed(done.memory, read_record(entry[1]), document, book=book)
    except LedgerError as refusal:
        return str(refusal)


def recomputed(memory: Memory, record: Record, document: dict[str, Any], *, book: Book | None = None) -> str | None:
    """Derive a certificate from the books just before its event.

    Returns:
        "" where every figure follows, or why not; None where this record does not certify it after all.
    """
    wanted = (digest(document), document["credentialSubject"]["number"])
    try:
        registering = ((n, one) for n, one in enumerate(record.events) if isinstance(one, Certify | Declare))
        found = next(((n, one) for n, one in registering if (one.credential, one.number) == wanted), None)
        if found is None:
            return None
        place, event = found
        before = entered(memory, record.events[:place], key=record.header.key, record=record.id)
        claim = apply(memory, record).claims.get(event.number)
        missing = lacking(memory, event)
        if claim is None or missing:
            return f"batch {missing or claim_names(event)[0]} of the certificate is not among the batches that the evidence is about"
        recompute(before, claim, document, book=book)
    except LedgerError as refusal:
        return str(refusal)
    return ""


def claim_names(event: Certify | Declare) -> list[str]:
    """Return the batches that a certificate's event names."""
    return event.batches if isinstance(event, Declare) else [use.batch for use in event.uses]


def lacking(memory: Memory, event: Certify | Declare) -> str:
    """Return the first batch of a certificate that a partial view does not know, or nothing."""
    return next((name for name in claim_names(event) if memory.scope is not None and name not in memory.scope), "")


def _check_ledger(found: Verification, done: Replay, trust: Trust | None, checkpoints: list[bytes]) -> None:
    """Check that the ledger is the pinned one, is signed for, and holds."""
    broken = next((finding for finding in done.findings if finding.severity == "broken"), None)
    if broken is not None:
        found.problems.append(f"the ledger does not hold: {broken.message}")
        return
    if trust is None:
        found.problems.append(UNPINNED)
        return
    ledger_id = done.memory.facts.ledger_id if done.memory.facts else "none"
    if ledger_id != trust.ledger:
        found.problems.append(f"the trust file pins ledger {trust.ledger}, this is ledger {ledger_id}")
        return
    if not checkpoints:
        found.problems.append("the ledger has no signed checkpoint")
        return
    try:
        newest = checkpoint.verify_checkpoint(checkpoints[-1], log_keys=list(trust.log), verify=verify)
        signed = newest.checkpoint
        found.take_witnessed(witnessed_by(newest, trust), time=newest.time)
    except LedgerError as refusal:
        found.problems.append(f"the newest checkpoint does not hold: {refusal}")
        return
    if done.memory.roots.get(signed.size) != signed.root:
        found.problems.append(f"the checkpoint signs for root {signed.root.hex()} at size {signed.size}, the records do not give it")


def registered(found: Verification, view: View, document: dict[str, Any]) -> Claim | None:
    """Return the claim that a certificate was registered with; where there is none, that is a problem."""
    try:
        claim = check_registered(view, document, digest(document))
    except CertificateError as refusal:
        found.problems.append(f"NOT REGISTERED: {refusal}")
        return None
    found.seals = seals_named(view.event(claim.position))
    return claim


def seals_named(event: Event | None) -> frozenset[str]:
    """Return the certificates of seals that a certificate's own event names, by their SHA-256 (SPEC.md, "certify")."""
    papers = event.documents if isinstance(event, Dated) else []
    return frozenset(paper.sha256 for paper in papers if paper.kind == "seal")


def current(found: Verification, view: View, claim: Claim, document: dict[str, Any], *, book: Book | None = None) -> None:
    """Say what became of a certificate since: taken back is a problem, what was corrected or revoked a caution."""
    cautions = check_current(view, claim, document, book=book)
    gone = status(view, claim)[0] in ("withdrawn", "superseded", "absorbed")
    found.problems += cautions[:1] if gone else []
    found.cautions += cautions[1:] if gone else cautions


def judged_as_of(view: View, document: dict[str, Any], day: str, *, book: Book | None = None) -> list[dict[str, Any]]:
    """Return a registered certificate's verdicts as of another date.

    Raises:
        FormatError: It is no date.
        UnknownError: It is not registered.
    """
    subject = document["credentialSubject"]
    claim = view.claim(subject["number"])
    if claim is None:
        raise UnknownError("certificate", subject["number"])
    basis = document["basis"]
    again = build(
        view,
        Request(
            claim.batch,
            subject["kind"],
            claim.number,
            subject["customer"],
            tuple(row["rule"] for row in subject["verdicts"]),
            lots=claim.batches,
            beside=claim.beside,
            book=book or own(),
        ),
        issuer=Issuer(document["issuer"]["id"], document["issuer"]["name"], document["issuer"]["party"]),
        basis=Basis(basis["ledger"], basis["origin"], basis["size"], basis["root"]),
        issued=f"{day}T00:00:00Z",
        valid_until=document["validUntil"],
        at=claim.position,
    )
    verdicts: list[dict[str, Any]] = again["credentialSubject"]["verdicts"]
    return verdicts
