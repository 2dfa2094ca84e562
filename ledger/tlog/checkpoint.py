r"""Checkpoints (c2sp.org/tlog-checkpoint) and timestamped cosignatures (c2sp.org/tlog-cosignature).

    <origin>
    <size in decimal>
    <base64(root)>

    — <origin> <base64(key ID ‖ signature over the three lines)>
    — <origin> <base64(key ID ‖ 8-byte time ‖ signature over "cosignature/v1\ntime <time>\n" and the three lines)>

There are no extension lines, ever. The second signature is the log's own clock, in seconds since 1970; it counts for no quorum. A
witness adds a line like it under its own name.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from ledger.errors import CheckpointError, FormatError, SignatureError
from ledger.tlog.merkle import HASH_BYTES, MAX_SIZE, Hash
from ledger.tlog.note import Algorithm, Note, Signature, VerifierKey, decode_base64, format_note, parse_note, shown

Sign: TypeAlias = Callable[[bytes], bytes]
"""Sign a message; the key stays where it is."""

Verify: TypeAlias = Callable[[bytes, bytes, bytes], None]
"""Verify (public key, message, signature) or raise SignatureError."""

MAX_TIME: Final = 2**63 - 1

_TIME_BYTES: Final = 8
_SIGNATURE_BYTES: Final = {Algorithm.COSIGNATURE: 64, Algorithm.MLDSA_COSIGNATURE: 2420}
_SUBTREE: Final = b"subtree/v1\n\0"
_MAX_OPAQUE: Final = 255
_LINES: Final = 3
# A host with a dot, a slash, a path. A party id has no dot, so an origin is never the name of a party's key.
_ORIGIN: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:/[a-z0-9.-]+)+")
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the log signs: its origin, its size and the root at that size."""

    origin: str
    size: int
    root: Hash

    def text(self) -> bytes:
        """Return the note text: three lines."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n".encode()


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint whose signature by the log was verified.

    `time` is the log's own cosignature time in seconds since 1970, or None without one; `note` is the whole note as it came.
    """

    checkpoint: Checkpoint
    time: int | None
    note: bytes


def parse_checkpoint(text: bytes) -> Checkpoint:
    """Parse the note text of a checkpoint.

    Args:
        text: The text with its last newline, as in `Note.text`.

    Raises:
        FormatError: The text is not three lines of that form; extension lines are refused.
    """
    lines = text.decode(errors="replace").split("\n")
    if len(lines) != _LINES + 1 or lines[-1]:
        raise FormatError(f"a checkpoint has {_LINES} lines and no extension lines, got {len(lines) - 1}")
    check_origin(lines[0], line=1)
    size = parse_decimal(lines[1], what="the size", line=2)
    try:
        root = decode_base64(lines[2])
    except FormatError as error:
        raise error.at(line=3) from error
    if len(root) != HASH_BYTES:
        raise FormatError(f"the root has {len(root)} bytes, want {HASH_BYTES}", line=3)
    return Checkpoint(lines[0], size, Hash(root))


def check_origin(origin: str, *, line: int | None = None) -> None:
    """Refuse what is not an origin: a host with a dot, a slash and a path, in [a-z0-9./-].

    Raises:
        FormatError: As said.
    """
    if not _ORIGIN.fullmatch(origin):
        raise FormatError(f"{shown(origin)} is not an origin: want a host with a dot, a slash and a path, in a-z 0-9 . / -", line=line)


def parse_decimal(text: str, *, what: str, line: int | None = None) -> int:
    """Parse a decimal without sign or leading zeros, at most 2^63 - 1.

    Raises:
        FormatError: The text is anything else.
    """
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_SIZE:
        raise FormatError(f"{what} is {shown(text)}, want a decimal up to 2^63 - 1 without leading zeros", line=line)
    return int(text)


def cosignature_message(text: bytes, time: int) -> bytes:
    """Return what a cosigner signs (tlog-cosignature, "Ed25519 signed message").

    Args:
        text: The checkpoint's note text.
        time: Seconds since 1970.
    """
    return b"cosignature/v1\ntime %d\n%b" % (time, text)


def subtree_message(text: bytes, name: str, time: int) -> bytes:
    """Return what a cosigner signs with ML-DSA-44 (tlog-cosignature, "ML-DSA-44 signed message"): the structure for the whole tree.

    Args:
        text: The checkpoint's note text.
        name: The cosigner's key name, to which the signature commits.
        time: Seconds since 1970.
    """
    statement = parse_checkpoint(text)
    parts = [_SUBTREE, _opaque(name), time.to_bytes(_TIME_BYTES, "big"), _opaque(statement.origin)]
    return b"".join([*parts, bytes(_TIME_BYTES), statement.size.to_bytes(_TIME_BYTES, "big"), statement.root])


def _opaque(text: str) -> bytes:
    """Return a text behind its length in one byte (RFC 8446, section 3.4)."""
    data = text.encode()
    if len(data) > _MAX_OPAQUE:
        raise FormatError(f"the name {shown(text)} has {len(data)} bytes, a cosignature of type 0x06 takes {_MAX_OPAQUE}")
    return bytes([len(data)]) + data


def _message(key: VerifierKey, text: bytes, time: int) -> bytes:
    """Return what a key's cosignature is over, by its algorithm."""
    if key.algorithm is Algorithm.MLDSA_COSIGNATURE:
        return subtree_message(text, key.name, time)
    return cosignature_message(text, time)


def cosigner(key: VerifierKey) -> VerifierKey:
    """Return an Ed25519 key as a cosigner: the same name and public key, algorithm 0x04, and so another key ID."""
    return key if key.algorithm in _SIGNATURE_BYTES else replace(key, algorithm=Algorithm.COSIGNATURE)


def cosign(text: bytes, *, key: VerifierKey, sign: Sign, time: int) -> Signature:
    """Cosign a checkpoint: 8 bytes of time, big endian, then the signature.

    Args:
        text: The checkpoint's note text.
        key: The cosigner's key, or the log's, which then cosigns under algorithm 0x04.
        sign: Signs with the private half of that key.
        time: Seconds since 1970.
    """
    by = cosigner(key)
    return by.signed(time.to_bytes(_TIME_BYTES, "big") + sign(_message(by, text, time)))


def sign_checkpoint(checkpoint: Checkpoint, *, key: VerifierKey, sign: Sign, time: int) -> bytes:
    """Sign a checkpoint as the log does: its signature, then its own timestamped cosignature.

    Args:
        checkpoint: What to sign.
        key: The log's key; its name is the origin.
        sign: Signs with the private half of that key.
        time: Seconds since 1970; the caller never lets it decrease.

    Returns:
        The whole note.

    Raises:
        CheckpointError: The key is of another origin.
    """
    if key.name != checkpoint.origin:
        raise CheckpointError(f"the key of {key.name} cannot sign a checkpoint of {checkpoint.origin}")
    text = checkpoint.text()
    return format_note(text, [key.signed(sign(text)), cosign(text, key=key, sign=sign, time=time)])


def verify_checkpoint(data: bytes, *, log_keys: Sequence[VerifierKey], verify: Verify) -> SignedCheckpoint:
    """Verify that the log signed a checkpoint.

    Lines by other keys are passed over, as signed-note asks; every line by one of the log's keys must verify.

    Args:
        data: The whole note.
        log_keys: The log's keys as they are known from elsewhere; each is named by the origin.
        verify: Verifies one signature.

    Raises:
        FormatError: The bytes are not a note, or its text is not a checkpoint.
        CheckpointError: The checkpoint is another log's, or none of the keys signed it.
        SignatureError: A signature by one of the keys does not verify.
    """
    note = parse_note(data)
    checkpoint = parse_checkpoint(note.text)
    keys = [key for key in log_keys if key.algorithm is Algorithm.ED25519]
    if keys and checkpoint.origin not in {key.name for key in keys}:
        raise CheckpointError(f"the checkpoint is of {checkpoint.origin}, want {' or '.join(sorted({key.name for key in keys}))}")
    keys = [key for key in keys if key.name == checkpoint.origin]
    signed = [(key, signature) for key in keys for signature in signatures_by(note, key)]
    if not signed:
        raise CheckpointError(f"the checkpoint of {checkpoint.origin} at size {checkpoint.size} is signed by none of the log's keys")
    for key, signature in signed:
        _verify_line(key, note.text, signature.signature, verify)
    times = [time for key in keys for time in verify_cosignatures(note, key=cosigner(key), verify=verify)]
    return SignedCheckpoint(checkpoint, max(times, default=None), data)


def verify_cosignatures(note: Note, *, key: VerifierKey, verify: Verify) -> list[int]:
    """Verify every cosignature of a note by one key.

    Under algorithm 0x06 the time 0 means that the cosigner says nothing about when (tlog-cosignature, "ML-DSA-44 signed message"). Such a
    line is passed over: taken for a time, it would lie before every compromise of a key.

    Args:
        note: A checkpoint.
        key: The cosigner's key, algorithm 0x04 or 0x06.
        verify: Verifies one signature.

    Returns:
        Their times in seconds since 1970; empty when the key did not cosign.

    Raises:
        SignatureError: A cosignature by the key has a wrong form or does not verify.
    """
    times: list[int] = []
    for signature in signatures_by(note, key):
        want = _TIME_BYTES + _SIGNATURE_BYTES[key.algorithm]
        if len(signature.signature) != want:
            raise SignatureError(f"the cosignature of {key.name} has {len(signature.signature)} bytes, want {want}")
        time = int.from_bytes(signature.signature[:_TIME_BYTES], "big")
        if time > MAX_TIME:
            raise SignatureError(f"the cosignature of {key.name} has time {time}, beyond 2^63 - 1")
        if time == 0 and key.algorithm is Algorithm.MLDSA_COSIGNATURE:
            continue
        _verify_line(key, _message(key, note.text, time), signature.signature[_TIME_BYTES:], verify)
        times.append(time)
    return times


def signatures_by(note: Note, key: VerifierKey) -> list[Signature]:
    """Return the lines under a note that carry a key's name and key ID."""
    return [one for one in note.signatures if (one.name, one.key_id) == (key.name, key.key_id)]


def _verify_line(key: VerifierKey, message: bytes, signature: bytes, verify: Verify) -> None:
    """Verify one signature and say whose it was."""
    try:
        verify(key.public_key, message, signature)
    except SignatureError as error:
        raise SignatureError(f"{key.name}+{key.key_id.hex()}: {error}") from error
