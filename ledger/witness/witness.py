"""A witness of other people's logs (c2sp.org/tlog-witness): it cosigns a checkpoint that continues the last one it cosigned.

A request:

    old <size>
    <base64(hash)>            up to 63 lines, the consistency proof from that size
                              an empty line
    <the log's checkpoint>

| status | why                                                                          |
|--------|------------------------------------------------------------------------------|
| 200    | cosigned; the body holds the cosignature lines                               |
| 400    | not a request, or its old size is beyond the checkpoint's                    |
| 403    | none of the keys that are trusted for the log signed the checkpoint          |
| 404    | a log that this witness does not follow                                      |
| 409    | the old size is not the size last cosigned, or that size has another root    |
| 422    | the consistency proof does not hold                                          |

The checks and the keeping of what is cosigned are one transaction, and it is on the disk before anything is signed. Otherwise a slow
request for size N could set back a fast one for N + K, and the witness would have signed for two logs.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from ledger.errors import CheckpointError, ConsistencyError, FormatError, LimitError, RuleError, SignatureError
from ledger.tlog.checkpoint import Checkpoint, Sign, Verify, cosign, parse_checkpoint, parse_decimal, signatures_by, verify_checkpoint
from ledger.tlog.merkle import EMPTY_ROOT, HASH_BYTES, Hash, verify_consistency
from ledger.tlog.note import Algorithm, VerifierKey, decode_base64, format_note, parse_note, shown

MAX_REQUEST_BYTES: Final = 1 << 18
"""Room for 63 hashes and 64 signature lines of the largest kind."""
MAX_PROOF_LINES: Final = 63
SIZE_TYPE: Final = "text/x.tlog.size"
PLAIN_TYPE: Final = "text/plain; charset=utf-8"

OK, BAD_REQUEST, FORBIDDEN, NOT_FOUND, CONFLICT, UNPROCESSABLE = 200, 400, 403, 404, 409, 422


class WitnessRefusalError(RuleError):
    """A witness did not cosign; `status` is what it answers over HTTP, `size` what it last cosigned where that is the reason."""

    def __init__(self, problem: str, *, status: int, size: int | None = None, hint: str | None = None) -> None:
        self.status = status
        self.size = size
        super().__init__(problem, hint=hint)


@dataclass(frozen=True, slots=True)
class Request:
    """An add-checkpoint request: the old size, the consistency proof from it, and the checkpoint's note, unverified."""

    old: int
    proof: tuple[Hash, ...]
    note: bytes

    def to_bytes(self) -> bytes:
        """Write the request."""
        lines = [f"old {self.old}", *(base64.b64encode(one).decode() for one in self.proof), ""]
        return "".join(f"{line}\n" for line in lines).encode() + self.note


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: its status, its body and what kind of text that is."""

    status: int
    body: bytes
    content_type: str = PLAIN_TYPE


@dataclass(frozen=True, slots=True)
class Latest:
    """The checkpoint of a log that was cosigned last: size, root, time of the cosignature, and the note with the log's own lines."""

    size: int
    root: Hash
    time: int
    note: bytes


@dataclass(frozen=True, slots=True)
class Misfit:
    """A checkpoint that a log validly signed and that does not fit what was cosigned before: what is wrong, and the request's proof."""

    size: int
    root: Hash
    old: int
    proof: tuple[Hash, ...]
    problem: str
    note: bytes


class Notebook(Protocol):
    """What a witness remembers, as it stands within one transaction."""

    def latest(self, origin: str) -> Latest | None:
        """Return what was cosigned last for a log."""

    def keep(self, origin: str, latest: Latest) -> None:
        """Keep what is about to be cosigned."""

    def keep_misfit(self, origin: str, misfit: Misfit) -> None:
        """Keep evidence against a log."""


class State(Protocol):
    """Where a witness remembers."""

    def deciding(self) -> AbstractContextManager[Notebook]:
        """Hold the only right to decide: what the block keeps is on the disk when it ends, or not kept at all."""


@dataclass(frozen=True, slots=True)
class Cosigner:
    """One of the witness's keys, of algorithm 0x04 or 0x06, and what signs with its private half."""

    key: VerifierKey
    sign: Sign


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness: its keys, the logs that it follows (origin → keys), its state, a clock in seconds since 1970, and a verifier."""

    cosigners: tuple[Cosigner, ...]
    logs: Mapping[str, Sequence[VerifierKey]]
    state: State
    clock: Callable[[], int]
    verify: Verify


def answer(witness: Witness, body: bytes) -> Answer:
    """Answer a request.

    Raises:
        StoreError: The state cannot be read or written; nothing was cosigned.
    """
    try:
        return Answer(OK, add_checkpoint(witness, body))
    except WitnessRefusalError as refusal:
        if refusal.size is not None:
            return Answer(refusal.status, b"%d\n" % refusal.size, SIZE_TYPE)
        return Answer(refusal.status, f"{refusal}\n".encode())


def add_checkpoint(witness: Witness, body: bytes) -> bytes:
    """Check a request, keep its checkpoint as the latest, and return the cosignature lines.

    Raises:
        WitnessRefusalError: It is refused; nothing was cosigned.
        StoreError: The state cannot be read or written; nothing was cosigned.
    """
    request = _read(body)
    statement, note = _verified(witness, request.note)
    if request.old > statement.size:
        raise WitnessRefusalError(f"the old size {request.old} is beyond the checkpoint's {statement.size}", status=BAD_REQUEST)
    with witness.state.deciding() as notebook:
        before = notebook.latest(statement.origin) or Latest(0, EMPTY_ROOT, 0, b"")
        refusal = _judge(before, request, statement)
        time = max(witness.clock(), before.time)  # it never goes back, whatever the clock does
        if refusal is None:
            notebook.keep(statement.origin, Latest(statement.size, statement.root, time, note))
        elif refusal.status == UNPROCESSABLE or (statement.size == before.size and statement.root != before.root):
            misfit = Misfit(statement.size, statement.root, request.old, request.proof, str(refusal), note)
            notebook.keep_misfit(statement.origin, misfit)
    if refusal is not None:
        raise refusal
    text = statement.text()
    return b"".join(cosign(text, key=one.key, sign=one.sign, time=time).line() for one in witness.cosigners)


def parse_request(body: bytes) -> Request:
    """Parse an add-checkpoint request; the checkpoint in it stays as it came.

    Raises:
        FormatError: It is none.
        LimitError: It is too large, or has too many proof lines.
    """
    if len(body) > MAX_REQUEST_BYTES:
        raise LimitError("the request", got=len(body), limit=MAX_REQUEST_BYTES, unit="bytes")
    head, separator, note = body.partition(b"\n\n")
    if not separator:
        raise FormatError("a request has an empty line before its checkpoint")
    first, *lines = head.decode(errors="replace").split("\n")
    if not first.startswith("old "):
        raise FormatError(f"a request begins with the line old <size>, got {shown(first)}", line=1)
    old = parse_decimal(first.removeprefix("old "), what="the old size", line=1)
    if len(lines) > MAX_PROOF_LINES:
        raise LimitError("the consistency proof", got=len(lines), limit=MAX_PROOF_LINES, unit="lines")
    return Request(old, tuple(_hash(line, number) for number, line in enumerate(lines, 2)), note)


def _hash(line: str, number: int) -> Hash:
    try:
        found = decode_base64(line)
    except FormatError as error:
        raise error.at(line=number) from error
    if len(found) != HASH_BYTES:
        raise FormatError(f"a hash of the proof has {len(found)} bytes, want {HASH_BYTES}", line=number)
    return Hash(found)


def _read(body: bytes) -> Request:
    try:
        request = parse_request(body)
    except (FormatError, LimitError) as refusal:
        raise WitnessRefusalError(str(refusal), status=BAD_REQUEST) from refusal
    if not request.old and request.proof:
        raise WitnessRefusalError(f"from size 0 the proof is empty, got {len(request.proof)} lines", status=BAD_REQUEST)
    return request


def _verified(witness: Witness, data: bytes) -> tuple[Checkpoint, bytes]:
    """Verify that a log that is followed signed a checkpoint, and return it with the note of the log's own lines.

    The origin is looked up before the rest is parsed: of a log that is not followed, no more is asked than that.
    """
    try:
        note = parse_note(data)
        origin = note.text.partition(b"\n")[0].decode()
        keys = witness.logs.get(origin)
        if keys is None:
            raise WitnessRefusalError(f"this witness does not follow the log {shown(origin)}", status=NOT_FOUND)
        statement = parse_checkpoint(note.text)
        verify_checkpoint(data, log_keys=keys, verify=witness.verify)
    except (FormatError, LimitError) as refusal:
        raise WitnessRefusalError(str(refusal), status=BAD_REQUEST) from refusal
    except (CheckpointError, SignatureError) as refusal:
        raise WitnessRefusalError(str(refusal), status=FORBIDDEN) from refusal
    own = [line for key in keys if key.algorithm is Algorithm.ED25519 for line in signatures_by(note, key)]
    return statement, format_note(note.text, own)


def _judge(before: Latest, request: Request, statement: Checkpoint) -> WitnessRefusalError | None:
    """Return why a checkpoint does not continue what was cosigned last, None where it does."""
    origin = statement.origin
    if request.old != before.size:
        problem = f"the latest checkpoint cosigned for {origin} has size {before.size}, the request goes from size {request.old}"
        return WitnessRefusalError(problem, status=CONFLICT, size=before.size)
    if request.old == statement.size and statement.root != before.root:
        problem = f"{origin} shows root {statement.root.hex()} at size {before.size}, cosigned was {before.root.hex()}"
        return WitnessRefusalError(problem, status=CONFLICT, size=before.size)
    try:
        verify_consistency(old_size=before.size, old_root=before.root, new_size=statement.size, new_root=statement.root, path=request.proof)
    except ConsistencyError as refusal:
        return WitnessRefusalError(f"the consistency proof of {origin} does not hold: {refusal}", status=UNPROCESSABLE)
    return None
