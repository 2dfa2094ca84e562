"""Requests to a witness, and what it remembers."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from ground import vector
from hostile_proofs import HASH, HUGE, ORIGIN
from keyring import signer
from ledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from ledger.tlog.merkle import Hash
from pack import Hostile, named, swapped

COSIGN = ("witness", "cosign", "{file}", "-k", "{witness}", "--trust", "{trust}", "--state", "{state}", "-o", "{output}")


def files() -> Iterator[Hostile]:
    """Yield requests."""
    note = vector("cosigned.checkpoint")
    good = b"old 0\n\n" + note
    stranger = sign_checkpoint(
        Checkpoint("evil.example/lead", 9, Hash(bytes(32))), key=signer("evil.example/lead").vkey, sign=signer("evil").sign, time=9
    )
    forged = sign_checkpoint(
        Checkpoint(ORIGIN.decode(), 28, Hash(bytes(32))), key=signer(ORIGIN.decode()).vkey, sign=signer("evil").sign, time=9
    )
    made = {
        "of no bytes": b"",
        "of a checkpoint alone": note,
        "without an old size": b"\n" + note,
        "of a negative old size": b"old -1\n\n" + note,
        "of an old size 00": b"old 00\n\n" + note,
        "of a huge old size": b"old " + HUGE + b"\n\n" + note,
        "of an old size beyond": b"old 28\n\n" + note,
        "of an old size that it never saw": b"old 5\n" + HASH + b"\n\n" + note,
        "of the same size that it never saw": b"old 27\n\n" + note,
        "of two old sizes": b"old 0\nold 0\n\n" + note,
        "with a proof from nothing": b"old 0\n" + HASH + b"\n\n" + note,
        "with 64 hashes": b"old 0\n" + (HASH + b"\n") * 64 + b"\n" + note,
        "with a hash of 31 bytes": b"old 0\n" + base64.b64encode(bytes(31)) + b"\n\n" + note,
        "with a hash of no base64": b"old 0\n\x1b[2J\n\n" + note,
        "with a hash over an override": b"old 0\n" + "\u202e".encode() + b"\n\n" + note,
        "without an empty line": b"old 0\n" + note,
        "beyond its limit": good + b"x" * (1 << 18),
        "of another log": b"old 0\n\n" + stranger,
        "of a forged checkpoint": b"old 0\n\n" + forged,
        "of a checkpoint of another size": swapped(good, b"\n27\n", b"\n26\n"),
        "of a checkpoint with an extension": swapped(good, b"\n27\n", b"\n27\nHOLDS\n"),
        "of a checkpoint with an escape": swapped(good, ORIGIN, b"\x1b[2J"),
        "of a checkpoint of a log with an override": swapped(good, ORIGIN, "\u202eledger.example/lead".encode()),
        "with crlf": good.replace(b"\n", b"\r\n"),
        "with a NUL": b"old 0\n\0\n" + note,
        "over HTTP": b"POST /add-checkpoint HTTP/1.1\r\n\r\n" + good,
        "that is good": good,
    }
    yield from named("witness request", made, COSIGN)
    state = ("witness", "show", "--state", "{file}")
    yield Hostile("witness state of no bytes", b"", state)
    yield Hostile("witness state of zeros", bytes(4_096), state)
    yield Hostile("witness state that is no database", b"SQLite format 3\0" + b"\xff" * 4_000, state)
    yield Hostile("witness trust file of nobody", good, (*COSIGN[:6], "{certificate}", *COSIGN[7:]))
