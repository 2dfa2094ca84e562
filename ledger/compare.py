"""Comparing two views of one log: the same, one the beginning of the other, or a fork, with a proof that anybody can check.

A log that shows two people two histories has signed both. Two of its checkpoints of one size with two roots prove it; so do two of
different sizes, when the larger tree had another root at the smaller size than the log signed there.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ledger.errors import ConsistencyError, FormatError, LimitError
from ledger.tlog import tile
from ledger.tlog.checkpoint import SignedCheckpoint, parse_checkpoint, verify_checkpoint
from ledger.tlog.merkle import HASH_BYTES, Hash, verify_consistency
from ledger.tlog.note import VerifierKey, decode_base64, parse_note
from ledger.tlog.tile import Nodes

FORMAT: Final = "plumbline/fork/v1"
MAX_BYTES: Final = 1 << 20

Relation = Literal["same", "behind", "ahead", "fork", "unknown"]
Verify = Callable[[bytes, bytes, bytes], None]


@dataclass(frozen=True, slots=True)
class Side:
    """One view of a log: its newest checkpoint, and its tiles where they are at hand."""

    name: str
    note: bytes
    nodes: Nodes | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the first view stands to the second; `fork` is the proof where they do not agree."""

    relation: Relation
    first: SignedCheckpoint
    second: SignedCheckpoint
    fork: bytes | None = None


def compare(first: Side, second: Side, *, log_keys: Sequence[VerifierKey], verify: Verify) -> Comparison:
    """Compare two views of a log.

    Raises:
        CheckpointError, SignatureError: One of them is not signed by this log.
        FormatError: One of them has no checkpoint, or they are of two logs.
        ConsistencyError: The tiles of the larger one do not lead to its own checkpoint, so they say nothing about the smaller one.
    """
    origins = [_origin(side) for side in (first, second)]
    if origins[0] != origins[1]:
        raise FormatError(f"{first.name} is of {origins[0]}, {second.name} of {origins[1]}: these are two logs")
    here, there = (verify_checkpoint(side.note, log_keys=log_keys, verify=verify) for side in (first, second))
    sizes = here.checkpoint.size, there.checkpoint.size
    if sizes[0] == sizes[1]:
        if here.checkpoint.root == there.checkpoint.root:
            return Comparison("same", here, there)
        return Comparison("fork", here, there, format_fork(here.note, there.note))
    older, newer, side = (here, there, second) if sizes[0] < sizes[1] else (there, here, first)
    if older.checkpoint.size and side.nodes is None:
        return Comparison("unknown", here, there)
    root, path = _beginning(older, newer, side)
    if root != older.checkpoint.root:
        return Comparison("fork", here, there, format_fork(older.note, newer.note, root=root, path=path))
    return Comparison("behind" if sizes[0] < sizes[1] else "ahead", here, there)


def _origin(side: Side) -> str:
    try:
        return parse_checkpoint(parse_note(side.note).text).origin
    except FormatError as refusal:
        raise refusal.at(file=side.name) from refusal


def _beginning(older: SignedCheckpoint, newer: SignedCheckpoint, side: Side) -> tuple[Hash, list[Hash]]:
    """Return the root that the larger tree had at the smaller size, and the path that proves it."""
    size, of = older.checkpoint.size, newer.checkpoint.size
    if not size or side.nodes is None:
        # Every log begins empty, and there is one root of nothing.
        verify_consistency(old_size=0, old_root=older.checkpoint.root, new_size=of, new_root=newer.checkpoint.root, path=())
        return older.checkpoint.root, []
    root, path = tile.root_at(side.nodes, size, of=of), tile.consistency(side.nodes, size, of)
    # Tiles are anybody's: those of one history may lie beside the checkpoint of another, and then agreeing with them would mean nothing.
    try:
        verify_consistency(old_size=size, old_root=root, new_size=of, new_root=newer.checkpoint.root, path=path)
    except ConsistencyError as refusal:
        raise ConsistencyError(f"the tiles of {side.name} do not lead to its checkpoint: {refusal}") from refusal
    return root, path


def format_fork(older: bytes, newer: bytes, *, root: Hash | None = None, path: Sequence[Hash] = ()) -> bytes:
    """Write a proof of a fork: two checkpoints, and what the newer tree was at the older size where that is smaller."""
    lines = [b"root " + base64.b64encode(root)] if root is not None else []
    lines += [b"path " + base64.b64encode(one) for one in path]
    blocks = b"".join(b"%b %d\n%b" % (word, note.count(b"\n"), note) for word, note in ((b"older", older), (b"newer", newer)))
    return FORMAT.encode() + b"\n" + blocks + b"".join(line + b"\n" for line in lines) + b"end\n"


def verify_fork(data: bytes, *, log_keys: Sequence[VerifierKey], verify: Verify) -> tuple[SignedCheckpoint, SignedCheckpoint]:
    """Verify that a log signed two histories, and return both checkpoints.

    1. Both checkpoints are signed by a log key. 2. Of one size they have two roots. 3. Of two sizes, `root` is another one than the older
    checkpoint's, and the path leads from it to the newer checkpoint.

    Raises:
        FormatError, LimitError: It is no proof of a fork.
        CheckpointError, SignatureError: The log did not sign both.
        ConsistencyError: They are one history, or the path does not hold.
    """
    older_note, newer_note, root, path = _parse(data)
    older, newer = (verify_checkpoint(note, log_keys=log_keys, verify=verify) for note in (older_note, newer_note))
    size, of = older.checkpoint.size, newer.checkpoint.size
    if size == of and (root is not None or path or older.checkpoint.root == newer.checkpoint.root):
        raise ConsistencyError(f"two checkpoints of size {size} show a fork by two roots and nothing else")
    if size != of:
        if root is None or root == older.checkpoint.root or not size:
            raise ConsistencyError(f"checkpoints of size {size} and {of} show a fork by another root at size {size}")
        verify_consistency(old_size=size, old_root=root, new_size=of, new_root=newer.checkpoint.root, path=path)
    return older, newer


def _parse(data: bytes) -> tuple[bytes, bytes, Hash | None, list[Hash]]:
    if len(data) > MAX_BYTES:
        raise LimitError("the proof of a fork", got=len(data), limit=MAX_BYTES, unit="bytes")
    lines = data.split(b"\n")
    if lines[0].decode(errors="replace") != FORMAT or lines[-2:] != [b"end", b""]:
        raise FormatError(f"a proof of a fork begins with the line {FORMAT} and ends with the line end")
    older, at = _block(lines, 1, b"older")
    newer, at = _block(lines, at, b"newer")
    root: Hash | None = None
    path: list[Hash] = []
    for number, line in enumerate(lines[at:-2], start=at + 1):
        word, _, text = line.partition(b" ")
        if word == b"root" and root is None and not path:
            root = _hash(text, number)
        elif word == b"path" and root is not None:
            path.append(_hash(text, number))
        else:
            raise FormatError("what follows the checkpoints is a root and a path", line=number)
    return older, newer, root, path


def _block(lines: list[bytes], at: int, word: bytes) -> tuple[bytes, int]:
    found, _, count = lines[at].partition(b" ") if at < len(lines) else (b"", b"", b"")
    if found != word or not re.fullmatch(rb"[1-9][0-9]{0,3}", count) or at + int(count) >= len(lines) - 2:
        raise FormatError(f"want {word.decode()}, a space and a number of lines that follow", line=at + 1)
    end = at + 1 + int(count)
    return b"".join(line + b"\n" for line in lines[at + 1 : end]), end


def _hash(text: bytes, line: int) -> Hash:
    try:
        found = decode_base64(text.decode("ascii", errors="replace"))
    except FormatError as error:
        raise error.at(line=line) from error
    if len(found) != HASH_BYTES:
        raise FormatError(f"a hash has {len(found)} bytes, want {HASH_BYTES}", line=line)
    return Hash(found)
