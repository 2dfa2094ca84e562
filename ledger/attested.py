"""Auditors' statements held against the log that they are about: whether it has that history, and whether its records give that state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ledger.attestation import Attestation, Touches, parse_attestation, state_lines
from ledger.errors import EvidenceError
from ledger.replay import Entry, Replay
from ledger.tlog import merkle
from ledger.tlog.note import parse_note


@dataclass(frozen=True, slots=True)
class Attested:
    """An auditor's statement as it came, and all lines of the ledger's state at its size."""

    note: bytes
    statement: Attestation
    lines: tuple[bytes, ...]


def attested(note: bytes, entries: Iterable[Entry], *, ledger: str, root_at: Callable[[int], bytes | None]) -> Attested:
    """Return an auditor's statement with the lines that it signed, derived by replaying a log up to its size.

    Args:
        note: The statement.
        entries: The log from its first entry.
        ledger: The ledger's id.
        root_at: Gives the log's root at a size, None beyond its end.

    Raises:
        FormatError: It is no statement.
        EvidenceError: It is of another ledger or history, or this ledger's state then was another.
    """
    statement = parse_attestation(parse_note(note).text)
    check_history(statement, ledger=ledger, root_at=root_at)
    lines = tuple(state_at(entries, statement.size))
    check_state(statement, lines)
    return Attested(note, statement, lines)


def check_history(statement: Attestation, *, ledger: str, root_at: Callable[[int], bytes | None]) -> None:
    """Check that a statement is about this ledger, and about a history that it has.

    Raises:
        EvidenceError: It is not.
    """
    if statement.ledger != ledger:
        raise EvidenceError(f"the statement is about ledger {statement.ledger}, this is {ledger}")
    if root_at(statement.size) != statement.root:
        raise EvidenceError(f"the statement is about another history: this ledger does not have its root at size {statement.size}")


def check_state(statement: Attestation, lines: Sequence[bytes]) -> None:
    """Check that a ledger's state lines are those that a statement signed.

    Raises:
        EvidenceError: They are not.
    """
    if len(lines) != statement.lines or merkle.root([merkle.leaf_hash(line) for line in lines]) != statement.state:
        raise EvidenceError(f"the statement has another state at size {statement.size} than this ledger's records give")


def state_at(entries: Iterable[Entry], size: int) -> list[bytes]:
    """Return the state lines of a log at a size, by replaying it.

    Raises:
        EvidenceError: The log does not hold.
    """
    return next((lines for _, lines in states_at(entries, [size])), [])


def states_at(entries: Iterable[Entry], sizes: Iterable[int]) -> Iterator[tuple[int, list[bytes]]]:
    """Return the state lines of a log at each of some sizes, in one replay of it.

    Raises:
        EvidenceError: The log does not hold up to there.
    """
    wanted = sorted(set(sizes), reverse=True)
    done, touches = Replay(), Touches()
    for entry in entries:
        if not wanted:
            return
        record = done.take(entry, expected=done.records)
        if record is not None:
            touches.take(done.memory, record)
        broken = next((finding for finding in done.findings if finding.severity == "broken"), None)
        if broken is not None:
            raise EvidenceError(f"the ledger does not hold: {broken.message}")
        if done.records == wanted[-1]:
            yield wanted.pop(), state_lines(done.memory, touches)
