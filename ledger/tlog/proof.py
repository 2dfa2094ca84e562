"""Proofs that an entry is in a log (c2sp.org/tlog-proof@v1); a record's receipt is one.

c2sp.org/tlog-proof@v1
extra <base64>                 left out when there is none; never trusted
index <decimal>
<base64(hash)>                 the inclusion path, from the leaf's sibling up, one hash a line

<the checkpoint, byte for byte>
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.errors import FormatError, LimitError
from ledger.tlog.checkpoint import SignedCheckpoint, Verify, parse_decimal, verify_checkpoint
from ledger.tlog.merkle import HASH_BYTES, Hash, verify_inclusion
from ledger.tlog.note import VerifierKey, decode_base64, shown

PROOF_FORMAT: Final = "c2sp.org/tlog-proof@v1"
MAX_PATH: Final = 63
"""A tree of 2^63 - 1 leaves has 63 levels of siblings."""
MAX_PROOF_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Proof:
    """An entry's index, its inclusion path and the checkpoint in which it leads to the root."""

    index: int
    path: tuple[Hash, ...]
    checkpoint_note: bytes
    extra: bytes | None = None


def format_proof(proof: Proof) -> bytes:
    """Write a proof."""
    lines = [PROOF_FORMAT]
    if proof.extra is not None:
        lines.append(f"extra {base64.b64encode(proof.extra).decode()}")
    lines.append(f"index {proof.index}")
    lines.extend(base64.b64encode(one).decode() for one in proof.path)
    return "".join(f"{line}\n" for line in lines).encode() + b"\n" + proof.checkpoint_note


def parse_proof(data: bytes) -> Proof:
    """Parse a proof. The checkpoint in it is handed on as it is, unread.

    Raises:
        FormatError: The bytes are not a proof; the error names the line.
        LimitError: The proof or its path is too long.
    """
    if len(data) > MAX_PROOF_BYTES:
        raise LimitError("the proof", got=len(data), limit=MAX_PROOF_BYTES, unit="bytes")
    head, separator, checkpoint_note = data.partition(b"\n\n")
    if not separator:
        raise FormatError("a proof has an empty line before its checkpoint")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise FormatError("not ASCII", line=head[: error.start].count(b"\n") + 1) from error
    if lines[0] != PROOF_FORMAT:
        raise FormatError(f"a proof begins with the line {PROOF_FORMAT}, got {shown(lines[0])}", line=1)
    at = 1
    extra = None
    if at < len(lines) and lines[at].startswith("extra "):
        extra = _base64(lines[at].removeprefix("extra "), at + 1)
        at += 1
    if at >= len(lines) or not lines[at].startswith("index "):
        raise FormatError("a proof has a line: index, a space, the entry's index", line=at + 1)
    index = parse_decimal(lines[at].removeprefix("index "), what="the index", line=at + 1)
    path = [_hash(line, number) for number, line in enumerate(lines[at + 1 :], at + 2)]
    if len(path) > MAX_PATH:
        raise LimitError("the inclusion path", got=len(path), limit=MAX_PATH, unit="hashes")
    return Proof(index, tuple(path), checkpoint_note, extra)


def verify_proof(proof: Proof, leaf: Hash, *, log_keys: Sequence[VerifierKey], verify: Verify) -> SignedCheckpoint:
    """Verify that a leaf is in the log of these keys.

    1. The checkpoint is signed by the log. 2. The path leads from the leaf at the index to the checkpoint's root.

    Args:
        proof: As parsed; its `extra` proves nothing and is not looked at.
        leaf: Leaf hash of the entry, computed by the caller from the entry's bytes.
        log_keys: The log's keys as they are known from elsewhere.
        verify: Verifies one signature.

    Returns:
        The verified checkpoint, which says the size of the log and its time.

    Raises:
        FormatError: The checkpoint is not one.
        CheckpointError: The checkpoint is another log's or unsigned.
        SignatureError: A signature of the log does not verify.
        InclusionError: The leaf is not at that index.
    """
    signed = verify_checkpoint(proof.checkpoint_note, log_keys=log_keys, verify=verify)
    verify_inclusion(leaf, index=proof.index, size=signed.checkpoint.size, root=signed.checkpoint.root, path=proof.path)
    return signed


def _hash(text: str, number: int) -> Hash:
    """Decode one hash of the path."""
    data = _base64(text, number)
    if len(data) != HASH_BYTES:
        raise FormatError(f"a hash of the path has {len(data)} bytes, want {HASH_BYTES}", line=number)
    return Hash(data)


def _base64(text: str, number: int) -> bytes:
    """Decode base64 and say on which line it was."""
    try:
        return decode_base64(text)
    except FormatError as error:
        raise error.at(line=number) from error
