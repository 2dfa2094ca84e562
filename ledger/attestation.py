"""An auditor's statement: that a ledger was audited up to a size, what its root was, and how every batch and key stood there.

    plumbline/attest/v1
    ledger <ledger id>
    size <decimal>
    root <base64>
    lines <decimal>
    state <base64>
    made <RFC 3339>
    certificate <digest>          one for each certificate that was computed again, sorted

    — <auditor> <base64(key ID ‖ signature)>

`state` is the RFC 9162 root over the sorted lines of all batches and keys. A verifier who replays some records and finds the same line for
a batch knows that no record which names it is missing: the line holds a hash over all of them, in their order.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from ledger.errors import CheckpointError, EvidenceError, FormatError, SignatureError
from ledger.memory import Memory
from ledger.partial import named
from ledger.record import Record, read_as
from ledger.tlog import canonical
from ledger.tlog.checkpoint import parse_decimal, signatures_by
from ledger.tlog.merkle import HASH_BYTES, Hash
from ledger.tlog.note import VerifierKey, decode_base64, format_note, parse_note, shown
from ledger.view import LAST, KeyFacts, View, position
from schemas.event import Correct, Event, Void, Withdraw
from schemas.identifier import Time

FORMAT: Final = "plumbline/attest/v1"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_WORDS: Final = ("ledger", "size", "root", "lines", "state", "made")
_NOTHING: Final = bytes(32)

Sign = Callable[[bytes], bytes]
Verify = Callable[[bytes, bytes, bytes], None]


@dataclass(frozen=True, slots=True)
class Attestation:
    """What an auditor states: a ledger id in hex, a size and its root, the root over `lines` state lines, when, and which certificates."""

    ledger: str
    size: int
    root: Hash
    lines: int
    state: Hash
    made: str
    certificates: tuple[str, ...] = ()

    def text(self) -> bytes:
        """Return the note text."""
        values = (self.ledger, str(self.size), _base64(self.root), str(self.lines), _base64(self.state), self.made)
        rows = [FORMAT, *(f"{word} {value}" for word, value in zip(_WORDS, values, strict=True))]
        rows += [f"certificate {digest}" for digest in sorted(self.certificates)]
        return "".join(f"{row}\n" for row in rows).encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sign_attestation(statement: Attestation, *, key: VerifierKey, sign: Sign) -> bytes:
    """Sign a statement with the auditor's key and return the note."""
    text = statement.text()
    return format_note(text, [key.signed(sign(text))])


def parse_attestation(text: bytes) -> Attestation:
    """Parse the note text of a statement.

    Raises:
        FormatError: It is none; the error names the line.
    """
    lines = text.decode(errors="replace").split("\n")
    if lines[0] != FORMAT or len(lines) < len(_WORDS) + 2 or lines[-1]:
        raise FormatError(f"an auditor's statement begins with the line {FORMAT} and {len(_WORDS)} more", line=1)
    values = []
    for number, (word, line) in enumerate(zip(_WORDS, lines[1:], strict=False), start=2):
        if not line.startswith(f"{word} "):
            raise FormatError(f"line {shown(line)} of an auditor's statement begins with {word}", line=number)
        values.append(line.removeprefix(f"{word} "))
    if not _DIGEST.fullmatch(values[0]):
        raise FormatError("the ledger id is not 64 lower-case hex digits", line=2)
    try:
        read_as(Time, values[5])
    except FormatError as refusal:
        raise refusal.at(line=len(_WORDS) + 1) from refusal
    digests: list[str] = []
    for number, line in enumerate(lines[len(_WORDS) + 1 : -1], start=len(_WORDS) + 2):
        word, _, digest = line.partition(" ")
        if word != "certificate" or not _DIGEST.fullmatch(digest) or (digests and digest <= digests[-1]):
            raise FormatError("what follows are certificates by their digests, sorted", line=number)
        digests.append(digest)
    return Attestation(
        values[0],
        parse_decimal(values[1], what="the size", line=3),
        _hash(values[2], 4),
        parse_decimal(values[3], what="the number of lines", line=5),
        _hash(values[4], 6),
        values[5],
        tuple(digests),
    )


def _hash(text: str, line: int) -> Hash:
    try:
        data = decode_base64(text)
    except FormatError as error:
        raise error.at(line=line) from error
    if len(data) != HASH_BYTES:
        raise FormatError(f"a root has {len(data)} bytes, want {HASH_BYTES}", line=line)
    return Hash(data)


def verify_attestation(data: bytes, *, auditors: Sequence[VerifierKey], verify: Verify) -> tuple[Attestation, str]:
    """Verify that an auditor of the trust file signed a statement, and return it with the auditor's key name.

    Raises:
        FormatError: It is no statement.
        CheckpointError: None of these auditors signed it.
        SignatureError: A signature of one of them does not verify.
    """
    note = parse_note(data)
    statement = parse_attestation(note.text)
    signed = [(key, one) for key in auditors for one in signatures_by(note, key)]
    if not signed:
        names = ", ".join(sorted({one.name for one in note.signatures}))
        raise CheckpointError(f"the statement is signed by {names}, no auditor of the trust file")
    for key, one in signed:
        try:
            verify(key.public_key, note.text, one.signature)
        except SignatureError as refusal:
            raise SignatureError(f"{key.name}+{key.key_id.hex()}: {refusal}") from refusal
    return statement, signed[0][0].name


@dataclass(slots=True)
class Touches:
    """A hash over the ids of all records that name a batch, for every batch: t(0) = 32 zero bytes, t(n) = SHA-256(t(n-1) ‖ record id)."""

    of: dict[str, bytes] = field(default_factory=dict)

    def take(self, view: View, record: Record) -> None:
        """Take in a record, once it is applied to the view."""
        names: set[str] = set()
        for event in record.events:
            names |= named(event) | _meant(view, event)
        scope = view.scope if isinstance(view, Memory) else None
        for name in names if scope is None else names & scope:
            self.of[name] = sha256(self.of.get(name, _NOTHING) + bytes.fromhex(record.id)).digest()


def _meant(view: View, event: Event) -> frozenset[str]:
    """Return the batches of an earlier event that this one is about."""
    if isinstance(event, Correct | Void):
        index = view.index_of(event.of.record)
        earlier = None if index is None else view.event(position(index, event.of.event))
        return frozenset() if earlier is None else named(earlier)
    if isinstance(event, Withdraw):
        claim = view.claim(event.certificate)
        return frozenset() if claim is None else frozenset(claim.lots)
    return frozenset()


def batch_line(view: View, name: str, touched: bytes) -> bytes:
    """Return how a batch stands: its dry mass left in mg (null where what made it was voided), its touches, its certificates."""
    batch = view.batch_before(name, LAST)
    left = None if batch is None else batch.dry_left
    claims = [] if batch is None else [list(claim) for claim in batch.claims]
    return canonical.encode(["batch", name, left, touched.hex(), claims])


def key_line(view: View, facts: KeyFacts) -> bytes:
    """Return how a key stands: active, retired or revoked, and the last record of its chain."""
    head = view.head(facts.name)
    status = "revoked" if facts.revoked is not None else "retired" if facts.retired is not None else "active"
    return canonical.encode(["key", facts.name, status, None if head is None else head.seq, None if head is None else head.record])


def state_lines(memory: Memory, touches: Touches) -> list[bytes]:
    """Return all lines of a replayed ledger, sorted by their bytes."""
    keys = [key_line(memory, facts) for facts in memory.keys.values()]
    return sorted([*(batch_line(memory, name, touched) for name, touched in touches.of.items()), *keys])


def check_lines(memory: Memory, touches: Touches, lines: Iterable[bytes]) -> None:
    """Check that a partial replay leads to the lines that an auditor signed for.

    Every batch of the scope that the records name must have the auditor's line. A key must stand as the auditor says, and no further along
    its chain.

    Raises:
        EvidenceError: A line is missing or differs: a record was left out, or one is of another ledger.
    """
    signed = {tuple(row[:2]): row for row in (canonical.decode(line, what="state line") for line in lines) if isinstance(row, list)}
    for name, touched in sorted(touches.of.items()):
        want = signed.get(("batch", name))
        got = canonical.decode(batch_line(memory, name, touched), what="state line")
        if want is None:
            raise EvidenceError(f"the auditor's statement has no line for batch {name}")
        if want != got:
            raise EvidenceError(f"the records supplied leave batch {name} as {got}, the auditor signed {want}: a record is missing")
    for facts in sorted(memory.keys.values(), key=lambda one: one.name):
        want = signed.get(("key", facts.name))
        got = canonical.decode(key_line(memory, facts), what="state line")
        if want is None:
            raise EvidenceError(f"the auditor's statement has no line for key {facts.name}")
        if not _key_fits(got, want):
            raise EvidenceError(f"the records supplied leave key {facts.name} as {got}, the auditor signed {want}")


def _key_fits(got: object, want: object) -> bool:
    """Say whether a key stands as its line says; a partial replay may know only the beginning of its chain."""
    if not isinstance(got, list) or not isinstance(want, list) or len(want) != len(got) or got[2] != want[2]:
        return False
    seq, said = got[3], want[3]
    return seq is None or (isinstance(said, int) and (seq < said or (seq == said and got[4] == want[4])))
