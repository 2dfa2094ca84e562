"""Verifying a certificate: its signature, its registration, and every figure derived again from the records supplied.

Three levels, printed as such: 1 "issuer says", 2 "auditor recomputed", 3 "you recomputed from the records supplied". Never the single word
"verified". There is no clock here: the same bytes give the same words on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ledger.credential import digest, read_credential, verify_proof
from ledger.errors import CertificateError, LedgerError
from ledger.issuance import entered
from ledger.keys import verify
from ledger.recompute import check_current, check_registered, recompute
from ledger.record import read_record
from ledger.replay import Entry, Replay
from ledger.state import apply
from ledger.tlog import checkpoint
from ledger.trust import Trust
from ledger.view import Claim
from schemas.event import Certify

UNPINNED = "UNPINNED: no trust file says which ledger this is"
UNWITNESSED = "UNWITNESSED (no quorum asked)"


@dataclass(frozen=True, slots=True)
class Level:
    """One of the three levels: whether it was reached, and in what words."""

    level: int
    name: str
    holds: bool
    detail: str


@dataclass(slots=True)
class Verification:
    """What verifying a file came to. `complete_to` is the last record up to which nothing can have been left out."""

    subject: str
    levels: list[Level] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    cautions: list[str] = field(default_factory=list)
    complete_to: int | None = None
    document: dict[str, Any] | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.problems and any(level.holds for level in self.levels)

    @property
    def line(self) -> str:
        """Return the verdict in one line, with how complete the records were at its end."""
        reached = max((level.level for level in self.levels if level.holds), default=0)
        name = next((level.name for level in self.levels if level.level == reached), "nothing was shown")
        verdict = f"HOLDS: {name}" if self.holds else f"DOES NOT HOLD: {self.problems[0] if self.problems else name}"
        complete = "completeness not shown"
        if self.complete_to is not None:
            complete = f"complete to record {self.complete_to} (the whole ledger was replayed)"
        return f"{verdict} · {UNWITNESSED} · {complete}"


def verify_certificate(
    data: bytes,
    *,
    entries: Iterable[Entry] | None,
    trust: Trust | None,
    checkpoints: Iterable[bytes] = (),
    progress: Callable[[int], None] = lambda done: None,
) -> Verification:
    """Verify a certificate's credential, against a whole ledger where one is supplied.

    1. The credential has its form, and its proof is by the key it names.
    2. A trust file pins the ledger: its id is record 0's, its log keys signed a checkpoint that covers the certificate.
    3. Every record is replayed: signatures, chains, rules.
    4. The certificate is registered: a certify event with its digest, by an enrolled key, over the same batch and mass.
    5. Its figures are derived again from the books just before that event, and are the same.
    6. What became of it since is said: withdrawn, superseded, corrected.

    Args:
        data: The credential's JSON.
        entries: The ledger's stored entries, None where there is no ledger at hand.
        trust: The pinned trust file, None where there is none.
        checkpoints: Signed checkpoints of that ledger, newest last.
        progress: Called with the number of entries done.

    Raises:
        FormatError, EncodingError: The bytes are no certificate of ours.
    """
    document = read_credential(data).document()
    found = Verification(f"certificate {document['credentialSubject']['number']}", document=document)
    try:
        verify_proof(document, verify)
    except LedgerError as refusal:
        found.problems.append(str(refusal))
        found.levels.append(Level(1, "issuer says", holds=False, detail=str(refusal)))
        return found
    if entries is None:
        _without_ledger(found, trust)
        return found
    done, recomputed = _replayed(entries, document, progress)
    _check_ledger(found, done, trust, list(checkpoints))
    claim = _check_registration(found, done, document)
    _report_levels(found, claim, recomputed, records=done.records)
    if claim is not None:
        for caution in check_current(done.memory, claim, document):
            gone = claim.withdrawn is not None and caution.startswith(f"certificate {claim.number}")
            (found.problems if gone else found.cautions).append(caution)
    found.complete_to = done.records - 1 if done.records and done.stopped is None else None
    return found


def _without_ledger(found: Verification, trust: Trust | None) -> None:
    """Say what a signature alone shows: that somebody holds the key that the certificate itself names."""
    if trust is None:
        found.problems.append(f"{UNPINNED}; the signature is by the key that the certificate itself names, which shows nothing about its owner")
    else:
        found.problems.append("NOT SHOWN TO BE REGISTERED: give the ledger with -L; a certificate's own words are not enough")
    found.levels.append(Level(1, "issuer says", holds=False, detail="the signature fits the certificate; whose key it is was not shown"))


def _replayed(entries: Iterable[Entry], document: dict[str, Any], progress: Callable[[int], None]) -> tuple[Replay, str | None]:
    """Replay a log; at the certificate's own event derive it again. Returns the replay, and "" or why the figures do not follow."""
    done, outcome = Replay(), None
    wanted = digest(document)
    for number, entry in enumerate(entries, start=1):
        if outcome is None and done.stopped is None and wanted.encode() in entry[1]:
            outcome = _recomputed(done, entry, document, wanted)
        done.take(entry, expected=done.records if done.stopped is None else entry[0])
        progress(number)
    return done, outcome


def _recomputed(done: Replay, entry: Entry, document: dict[str, Any], wanted: str) -> str | None:
    """Derive a certificate from the books just before its event; None where this record does not certify it after all."""
    try:
        record = read_record(entry[1])
        place = next((n for n, event in enumerate(record.events) if isinstance(event, Certify) and event.credential == wanted), None)
        if place is None:
            return None
        event = record.events[place]
        before = entered(done.memory, record.events[:place], key=record.header.key, record=record.id)
        claims = apply(done.memory, record).claims
        recompute(before, claims[event.number], document)  # type: ignore[union-attr]
    except LedgerError as refusal:
        return str(refusal)
    return ""


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
        signed = checkpoint.verify_checkpoint(checkpoints[-1], log_keys=list(trust.log), verify=verify).checkpoint
    except LedgerError as refusal:
        found.problems.append(f"the newest checkpoint does not hold: {refusal}")
        return
    if done.memory.roots.get(signed.size) != signed.root:
        found.problems.append(f"the checkpoint signs for root {signed.root.hex()} at size {signed.size}, the records do not give it")


def _check_registration(found: Verification, done: Replay, document: dict[str, Any]) -> Claim | None:
    try:
        return check_registered(done.memory, document, digest(document))
    except CertificateError as refusal:
        found.problems.append(f"NOT REGISTERED: {refusal}")
        return None


def _report_levels(found: Verification, claim: Claim | None, recomputed: str | None, *, records: int) -> None:
    registered = claim is not None and not found.problems
    detail = f"signed by the issuer and registered as record {claim.position >> 8}" if claim else "it is not registered in this ledger"
    found.levels.append(Level(1, "issuer says", holds=registered, detail=detail))
    found.levels.append(Level(2, "auditor recomputed", holds=False, detail="no auditor's statement was looked for in this version"))
    if recomputed:
        found.problems.append(recomputed)
    shown = recomputed == "" and registered
    detail = f"every figure was derived again from {records} records" if shown else (recomputed or "the figures were not derived")
    found.levels.append(Level(3, f"you recomputed from the {records} records supplied", holds=shown, detail=detail))
