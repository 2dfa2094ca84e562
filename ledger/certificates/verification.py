"""Verifying a certificate: its signature, its registration, and every figure derived again from the records supplied.

Three levels, printed as such: 1 "issuer says", 2 "auditor recomputed", 3 "you recomputed from the records supplied". Never the single word
"verified". There is no clock here: the same bytes give the same words on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ledger.certificates.certificate import Basis, Issuer, Request, build
from ledger.certificates.credential import digest, read_credential, verify_proof
from ledger.certificates.issuance import entered
from ledger.certificates.recompute import check_current, check_registered, recompute
from ledger.certified import status
from ledger.errors import CertificateError, FormatError, LedgerError, UnknownError
from ledger.keys import verify
from ledger.record import Record, read_record
from ledger.replay import Entry, Replay, unseen
from ledger.state import apply
from ledger.tlog import checkpoint, proof
from ledger.tlog.merkle import Hash
from ledger.tlog.note import RECORD_FORMAT, parse_note
from ledger.tlog.proof import PROOF_FORMAT
from ledger.trust import Trust
from ledger.view import Claim, LedgerFacts, View
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
    progress: Callable[[int], None] = unseen,
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
        cautions = check_current(done.memory, claim, document)
        gone = status(done.memory, claim)[0] in ("withdrawn", "superseded", "absorbed")
        found.problems += cautions[:1] if gone else []
        found.cautions += cautions[1:] if gone else cautions
    found.complete_to = done.records - 1 if done.records and done.stopped is None else None
    return found


def _without_ledger(found: Verification, trust: Trust | None) -> None:
    """Say what a signature alone shows: that somebody holds the key that the certificate itself names."""
    if trust is None:
        found.problems.append(
            f"{UNPINNED}; the signature is by the key that the certificate itself names, which shows nothing about its owner"
        )
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


def recognise(data: bytes) -> str:
    """Return what a file is: pdf, json, record, receipt or checkpoint.

    Raises:
        FormatError: It is none of these.
    """
    if data.startswith(b"%PDF-"):
        return "pdf"
    if data.lstrip(b" \t\r\n").startswith(b"{"):
        return "json"
    if data.startswith(f"{RECORD_FORMAT}\n".encode()):
        return "record"
    if data.startswith(f"{PROOF_FORMAT}\n".encode()):
        return "receipt"
    try:
        checkpoint.parse_checkpoint(parse_note(data).text)
    except LedgerError as refusal:
        raise FormatError(
            "is no certificate, record, receipt or checkpoint that this program knows", hint="a certificate is a PDF or its JSON"
        ) from refusal
    return "checkpoint"


def verify_record(data: bytes, *, view: LookUp | None, trust: Trust | None) -> Verification:
    """Verify that a record is in a ledger, byte for byte.

    Raises:
        FormatError, EncodingError: The bytes are no record.
    """
    record = read_record(data)
    found = Verification(f"record {record.id} of {record.header.key}, seq {record.header.seq}")
    if view is None:
        found.problems.append("NOT SHOWN TO BE LOGGED: give the ledger with -L")
        return found
    _pin(found, view, trust)
    index = view.index_of(record.id)
    if index is None:
        found.problems.append("it is not in this ledger")
    elif view.record(index).note != data:
        found.problems.append(f"record {index} of this ledger has the same text and another signature line")
    else:
        found.levels.append(Level(1, "issuer says", holds=True, detail=f"it is record {index} of this ledger, byte for byte"))
    return found


def verify_receipt(data: bytes, *, leaf_at: Callable[[int], Hash | None] | None, trust: Trust | None) -> Verification:
    """Verify that a receipt's record stands in the log where the log once signed that it stands.

    Raises:
        FormatError: The bytes are no receipt.
    """
    receipt = proof.parse_proof(data)
    found = Verification(f"receipt of record {receipt.index}")
    leaf = leaf_at(receipt.index) if leaf_at is not None else None
    if trust is None:
        found.problems.append(UNPINNED)
    elif leaf is None:
        found.problems.append(
            f"record {receipt.index} is not in this ledger: what was acknowledged was dropped"
            if leaf_at
            else "give the ledger with -L, or its record"
        )
    else:
        try:
            proof.verify_proof(receipt, leaf, log_keys=list(trust.log), verify=verify)
        except LedgerError as refusal:
            found.problems.append(f"the log acknowledged another record at {receipt.index}: {refusal}")
        else:
            found.levels.append(
                Level(1, "issuer says", holds=True, detail=f"record {receipt.index} stands where the log said that it stands")
            )
    return found


def verify_log_checkpoint(data: bytes, *, root_at: Callable[[int], bytes | None] | None, trust: Trust | None) -> Verification:
    """Verify that a checkpoint is the pinned log's, and that a ledger still agrees with it.

    Raises:
        FormatError: The bytes are no checkpoint.
    """
    statement = checkpoint.parse_checkpoint(parse_note(data).text)
    found = Verification(f"checkpoint of {statement.origin} at size {statement.size}")
    if trust is None:
        found.problems.append(UNPINNED)
        return found
    try:
        checkpoint.verify_checkpoint(data, log_keys=list(trust.log), verify=verify)
    except LedgerError as refusal:
        found.problems.append(str(refusal))
        return found
    have = root_at(statement.size) if root_at is not None else None
    if root_at is None:
        found.levels.append(Level(1, "issuer says", holds=True, detail="the pinned log signed it; no ledger was given to compare it with"))
    elif have != statement.root:
        found.problems.append(
            f"this ledger has root {have.hex() if have else 'none'} at size {statement.size}, the log signed {statement.root.hex()}: "
            "rolled back or forked"
        )
    else:
        found.levels.append(Level(1, "issuer says", holds=True, detail="the pinned log signed it, and this ledger agrees with it"))
        found.complete_to = statement.size - 1 if statement.size else None
    return found


def _pin(found: Verification, view: LookUp, trust: Trust | None) -> None:
    ledger_id = view.facts.ledger_id if view.facts else "none"
    if trust is None:
        found.problems.append(UNPINNED)
    elif trust.ledger != ledger_id:
        found.problems.append(f"the trust file pins ledger {trust.ledger}, this is ledger {ledger_id}")


class LookUp(Protocol):
    """What looking up a record needs: which ledger this is, and its records with their bytes."""

    @property
    def facts(self) -> LedgerFacts | None:
        """Return what record 0 says."""

    def index_of(self, record: str) -> int | None:
        """Return the index of a record by its id."""

    def record(self, index: int) -> Record:
        """Return the record at an index."""


def judged_as_of(view: View, document: dict[str, Any], day: str) -> list[dict[str, Any]]:
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
        Request(claim.batch, subject["kind"], claim.number, subject["customer"], tuple(row["rule"] for row in subject["verdicts"])),
        issuer=Issuer(document["issuer"]["id"], document["issuer"]["name"], document["issuer"]["party"]),
        basis=Basis(basis["ledger"], basis["origin"], basis["size"], basis["root"]),
        issued=f"{day}T00:00:00Z",
        valid_until=document["validUntil"],
        at=claim.position,
    )
    verdicts: list[dict[str, Any]] = again["credentialSubject"]["verdicts"]
    return verdicts
