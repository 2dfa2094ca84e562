"""Verifying a file: what came of it, in one shape for all kinds; and records, receipts and checkpoints, which need no books.

Three levels, printed as such: 1 "issuer says", 2 "auditor recomputed", 3 "you recomputed from the records supplied". Never the single word
"verified". There is no clock here: the same bytes give the same words on every machine. Certificates are verified by
`ledger.certificates.verification` with a whole ledger, and by `ledger.evidence.verification` with the evidence that they carry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ledger.attestation import verify_attestation
from ledger.compare import verify_fork
from ledger.errors import LedgerError, VerificationError
from ledger.keys import verify
from ledger.record import Record, read_record
from ledger.rules.book import Book
from ledger.tlog import checkpoint, proof
from ledger.tlog.merkle import Hash
from ledger.tlog.note import parse_note
from ledger.tlog.quorum import Witnessed, count
from ledger.trust import Trust
from ledger.view import Claim, View

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
    """What verifying a file came to, with who witnessed it, and up to which record nothing can have been left out.

    `books` are the books that were replayed, as far as they were supplied, and `book` the rules that a certificate was judged by.
    `seals` are the certificates of seals that the certify record names, None where that record was not shown; `seal` says what the seal
    on a PDF is. A seal is no proof of anything that the ledger says, so nothing here follows from it.
    """

    subject: str
    levels: list[Level] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    cautions: list[str] = field(default_factory=list)
    witnessed: str = UNWITNESSED
    complete: str = "completeness not shown"
    status: str = ""
    time: int | None = None
    document: dict[str, Any] | None = None
    books: View | None = None
    book: Book | None = None
    seals: frozenset[str] | None = None
    seal: str = ""

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
        return f"{verdict} · {self.witnessed} · {self.complete}"

    def refuse_unpinned(self) -> None:
        """Say that a signature alone shows only that somebody holds the key that the file itself names."""
        self.problems.append(f"{UNPINNED}; a file's own words show nothing about its owner")
        self.levels.append(Level(1, "issuer says", holds=False, detail="the signature fits the file; whose key it is was not shown"))

    def take_witnessed(self, witnessed: Witnessed, *, time: int | None) -> None:
        """Say who witnessed the log, and when; a quorum that was named and not reached is a problem.

        The time is the earliest that was counted for the quorum, or the log's own where none is asked.
        """
        self.witnessed = witnessed.line
        self.time = min(witnessed.times.values(), default=None) if witnessed.asked else time
        if witnessed.asked and not witnessed.reached:
            self.problems.append(witnessed.line)

    def take_whole(self, records: int) -> None:
        """Say that a whole ledger was replayed."""
        self.complete = f"complete to record {records - 1} (the whole ledger was replayed)"

    def report_levels(self, claim: Claim | None, outcome: str | None, *, records: int, attested: str = "") -> None:
        """Say which of the three levels were reached. `outcome` is "" where the figures follow, or why they do not."""
        fits = claim is not None and not self.problems
        detail = f"signed by the issuer and registered as record {claim.position >> 8}" if claim else "it is not registered in this ledger"
        self.levels.append(Level(1, "issuer says", holds=fits, detail=detail))
        said = f"{attested} states that it computed this certificate again" if attested else "no auditor of the trust file states so"
        self.levels.append(Level(2, "auditor recomputed", holds=fits and bool(attested), detail=said))
        if outcome:
            self.problems.append(outcome)
        shown = outcome == "" and fits
        detail = f"every figure was derived again from {records} records" if shown else (outcome or "the figures were not derived")
        self.levels.append(Level(3, f"you recomputed from the {records} records supplied", holds=shown, detail=detail))


def witnessed_by(signed: checkpoint.SignedCheckpoint, trust: Trust) -> Witnessed:
    """Count who witnessed a checkpoint, by the policy of a trust file."""
    return count(trust.policy, parse_note(signed.note), log_keys=list(trust.log), verify=verify)


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
            signed = proof.verify_proof(receipt, leaf, log_keys=list(trust.log), verify=verify)
            found.take_witnessed(witnessed_by(signed, trust), time=signed.time)
        except LedgerError as refusal:
            found.problems.append(f"the receipt does not show that the log acknowledged this record {receipt.index}: {refusal}")
        else:
            found.levels.append(
                Level(1, "issuer says", holds=True, detail=f"record {receipt.index} stands where the log said that it stands")
            )
    return found


def verify_statement(data: bytes, *, root_at: Callable[[int], bytes | None] | None, trust: Trust | None) -> Verification:
    """Verify that an auditor of the trust file signed a statement, about this ledger and about a history that it still has.

    Raises:
        FormatError: The bytes are no statement.
    """
    found = Verification("an auditor's statement")
    if trust is None:
        found.problems.append(UNPINNED)
        return found
    try:
        statement, name = verify_attestation(data, auditors=trust.auditors, verify=verify)
    except VerificationError as refusal:
        found.problems.append(str(refusal))
        return found
    found.subject = (
        f"statement of {name}, made {statement.made}, on {statement.size} records and {len(statement.certificates)} certificates"
    )
    have = root_at(statement.size) if root_at is not None else statement.root
    if statement.ledger != trust.ledger:
        found.problems.append(f"the trust file pins ledger {trust.ledger}, the statement is about ledger {statement.ledger}")
    elif have != statement.root:
        found.problems.append(f"the ledger given does not have the statement's root at size {statement.size}")
    else:
        shown = "and the ledger given has that history" if root_at is not None else "no ledger was given to compare it with"
        found.levels.append(Level(2, "auditor states", holds=True, detail=f"{name} audited {statement.size} records; {shown}"))
    return found


def verify_fork_proof(data: bytes, *, trust: Trust | None) -> Verification:
    """Verify a proof that the pinned log has signed two histories. That it holds is bad news about the log.

    Raises:
        FormatError, LimitError: The bytes are no such proof.
    """
    found = Verification("proof of a fork")
    if trust is None:
        found.problems.append(UNPINNED)
        return found
    try:
        older, newer = verify_fork(data, log_keys=list(trust.log), verify=verify)
    except VerificationError as refusal:
        found.problems.append(str(refusal))
        return found
    sizes = f"sizes {older.checkpoint.size} and {newer.checkpoint.size}"
    detail = f"{trust.origin} has signed two histories that do not agree, at {sizes}; nothing of it can be relied on without witnesses"
    found.levels.append(Level(1, "a fork was shown", holds=True, detail=detail))
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
        signed = checkpoint.verify_checkpoint(data, log_keys=list(trust.log), verify=verify)
        found.take_witnessed(witnessed_by(signed, trust), time=signed.time)
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
    return found


def _pin(found: Verification, view: LookUp, trust: Trust | None) -> None:
    ledger_id = view.record(0).id
    if trust is None:
        found.problems.append(UNPINNED)
    elif trust.ledger != ledger_id:
        found.problems.append(f"the trust file pins ledger {trust.ledger}, this is ledger {ledger_id}")


class LookUp(Protocol):
    """What looking up a record needs: a ledger's records with their bytes, the first of which says which ledger it is."""

    def index_of(self, record: str) -> int | None:
        """Return the index of a record by its id."""

    def record(self, index: int) -> Record:
        """Return the record at an index."""
