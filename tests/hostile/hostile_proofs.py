"""Receipts, checkpoints, auditors' statements and proofs of a fork: numbers that lie, lines too many, keys of others."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from ground import vector
from keyring import signer
from ledger.tlog.checkpoint import Checkpoint, sign_checkpoint
from ledger.tlog.merkle import Hash
from ledger.tlog.note import format_note
from pack import Hostile, line_of, named, swapped

RECEIPT = ("verify", "{file}", "--record", "{record}", "--trust", "{trust}")
HASH = base64.b64encode(bytes(32))
ORIGIN = b"ledger.example/lead"
HUGE = b"9" * 400


def _receipts() -> dict[str, bytes]:
    good = vector("certify.tlog-proof")
    path = good.split(b"\n")[2] + b"\n"
    return {
        "of another index": swapped(good, b"index 12", b"index 13"),
        "of an index beyond the log": swapped(good, b"index 12", b"index 28"),
        "of a huge index": swapped(good, b"index 12", b"index " + HUGE),
        "of a negative index": swapped(good, b"index 12", b"index -1"),
        "of index 012": swapped(good, b"index 12", b"index 012"),
        "without an index": swapped(good, b"index 12\n", b""),
        "of two indexes": swapped(good, b"index 12\n", b"index 12\nindex 12\n"),
        "with a hash too many": swapped(good, path, path + HASH + b"\n"),
        "with a hash missing": swapped(good, path, b""),
        "with a hash of zeros": swapped(good, path, HASH + b"\n"),
        "with two hashes swapped": good.replace(b"\n".join(good.split(b"\n")[2:4]), b"\n".join(good.split(b"\n")[3:1:-1])),
        "with 64 hashes": swapped(good, path, path * 60),
        "with an extra that says HOLDS": swapped(good, b"index", b"extra " + base64.b64encode(b"HOLDS\x1b[2J") + b"\nindex"),
        "with an extra of no base64": swapped(good, b"index", b"extra \x1b[2J\nindex"),
        "of another version": swapped(good, b"@v1", b"@v2"),
        "without a checkpoint": good.partition(b"\n\n")[0] + b"\n\n",
        "without an empty line": good.replace(b"\n\n", b"\n", 1),
        "of a larger log": swapped(good, b"\n27\n", b"\n28\n"),
        "of a log of the same name": good.partition(b"\n\n")[0] + b"\n\n" + _mine(ORIGIN.decode(), "evil.example/lead"),
        "of more than a megabyte": swapped(good, path, path * 30_000),
        "beyond ascii": swapped(good, b"index 12", "index 1\u0662".encode()),
    }


def _mine(origin: str, key: str, size: int = 27) -> bytes:
    by = signer(key)
    return sign_checkpoint(Checkpoint(origin, size, Hash(bytes(32))), key=signer(origin).vkey, sign=by.sign, time=1_775_034_000)


def _checkpoints() -> dict[str, bytes]:
    good = vector("cosigned.checkpoint")
    text, _, lines = good.partition(b"\n\n")
    first = lines.split(b"\n")[0] + b"\n"
    flipped = swapped(first, b"4JfwUB", b"4JfwUC")
    return {
        "of another size": swapped(good, b"\n27\n", b"\n26\n"),
        "of size 0": swapped(good, b"\n27\n", b"\n0\n"),
        "of size 027": swapped(good, b"\n27\n", b"\n027\n"),
        "of a size beyond 2 to the 63": swapped(good, b"\n27\n", b"\n9223372036854775808\n"),
        "of a huge size": swapped(good, b"\n27\n", b"\n" + HUGE + b"\n"),
        "of a size in other digits": swapped(good, b"\n27\n", "\n\u0662\u0667\n".encode()),
        "of another root": swapped(good, text.split(b"\n")[2], HASH),
        "of a root of 31 bytes": swapped(good, text.split(b"\n")[2], base64.b64encode(bytes(31))),
        "of another log": swapped(good, ORIGIN, b"ledger.example/tin"),
        "of a log with an escape": swapped(good, ORIGIN, b"\x1b[2Jlead"),
        "of a log with an override": swapped(good, ORIGIN, "\u202eledger.example/lead".encode()),
        "of a log in cyrillic": swapped(good, ORIGIN, "ledger.ex\u0430mple/lead".encode()),
        "with an extension line": swapped(good, text, text + b"\nHOLDS"),
        "by a stranger with the log's name": _mine(ORIGIN.decode(), "evil.example/lead"),
        "by another log": _mine("evil.example/lead", "evil.example/lead"),
        "without the log's line": text + b"\n\n" + lines.split(b"\n")[2] + b"\n",
        "with a false line of the log beside the true one": swapped(good, first, flipped + first),
        "with 65 lines": swapped(good, first, first * 63),
        "with a hundred thousand lines": swapped(good, first, first * 100_000),
        "with no lines": text + b"\n\n",
        "with crlf": good.replace(b"\n", b"\r\n"),
        "with a newline too many": good + b"\n",
        "with a NUL": swapped(good, b"\n27\n", b"\n27\x00\n"),
        "with a line separator in a name": swapped(good, "— witness".encode(), "— wit\u2028ness".encode()),
        "with a next line character": swapped(good, "— witness".encode(), "— wit\u0085ness".encode()),
        "of four bytes for a signature": swapped(good, first, "— ledger.example/lead 4JfwUA==\n".encode()),
    }


def _statements() -> dict[str, bytes]:
    good = vector("statement")
    root = line_of(good, b"root ")
    digest = line_of(good, b"certificate ")
    forged = good.partition(b"\n\n")[0] + b"\n"
    return {
        "of another size": swapped(good, b"size 27", b"size 28"),
        "of a huge size": swapped(good, b"size 27", b"size " + HUGE),
        "of another root": swapped(good, root, b"root " + HASH + b"\n"),
        "of another ledger": swapped(good, b"ledger a8", b"ledger b8"),
        "of a ledger in capitals": swapped(good, b"ledger a8", b"ledger A8"),
        "with a certificate more": swapped(good, digest, digest + b"certificate " + b"f" * 64 + b"\n"),
        "with a certificate twice": swapped(good, digest, digest * 2),
        "with a hundred thousand certificates": swapped(good, digest, b"".join(b"certificate %064x\n" % n for n in range(100_000))),
        "made with an escape": swapped(good, b"made 2026", b"made \x1b[2J2026"),
        "made by an override": _stated(swapped(forged, b"made 2026", "made \u202e2026".encode())),
        "made with a zero width space": _stated(swapped(forged, b"made 2026", "made \u200b2026".encode())),
        "signed by the log": _stated(forged, "ledger.example/lead"),
        "signed by a stranger of the auditor's name": format_note(
            forged, [signer("auditor.example/clara").vkey.signed(signer("evil/1").sign(forged))]
        ),
        "of another version": swapped(good, b"/v1", b"/v2"),
        "cut in half": good[: len(good) // 2],
        "without lines": swapped(good, b"lines 16\n", b""),
    }


def _stated(text: bytes, key: str = "auditor.example/clara") -> bytes:
    by = signer(key)
    return format_note(text, [by.vkey.signed(by.sign(text))])


def _forks() -> dict[str, bytes]:
    good = vector("fork")
    older = good[good.index(b"older") : good.index(b"newer")]
    newer = good[good.index(b"newer") : good.index(b"end\n")]
    return {
        "of one checkpoint twice": swapped(good, newer, b"newer" + older[5:]),
        "the other way round": b"plumbline/fork/v1\n" + b"older" + newer[5:] + b"newer" + older[5:] + b"end\n",
        "of one checkpoint": swapped(good, newer, b""),
        "with a stranger's checkpoint": swapped(good, newer, b"newer 6\n" + _mine(ORIGIN.decode(), "evil.example/lead")),
        "with a size changed": swapped(good, newer, newer.replace(b"\n27\n", b"\n28\n")),
        "of a million lines": swapped(good, b"older 6", b"older 1000000"),
        "of -1 lines": swapped(good, b"older 6", b"older -1"),
        "without its end": good.removesuffix(b"end\n"),
        "with something behind its end": good + b"HOLDS\n",
        "of more than a megabyte": swapped(good, b"end\n", b"older 6\n" * 200_000 + b"end\n"),
    }


def files() -> Iterator[Hostile]:
    """Yield what a log, a witness or an auditor might have signed."""
    yield from named("receipt", _receipts(), RECEIPT)
    yield Hostile(
        "receipt of another record", vector("certify.tlog-proof"), ("verify", "{file}", "--record", "{evidence}", "--trust", "{trust}")
    )
    yield Hostile("receipt without its record", vector("certify.tlog-proof"))
    yield from named("checkpoint", _checkpoints())
    yield Hostile("checkpoint without a trust file", vector("cosigned.checkpoint"), ("verify", "{file}"))
    yield Hostile(
        "checkpoint that a ledger never had", vector("cosigned.checkpoint"), ("verify", "{file}", "-L", "{ledger}", "--trust", "{trust}")
    )
    yield Hostile("checkpoint to compare that is none", b"\x1b[2J" * 9, ("compare", "{file}", "{checkpoint}", "--trust", "{trust}"))
    yield Hostile(
        "checkpoint to adopt of another log",
        _mine("evil.example/lead", "evil.example/lead"),
        ("checkpoint", "--adopt", "{file}", "-L", "{ledger}"),
    )
    yield Hostile("cosignatures of a stranger", vector("cosigned.checkpoint"), ("checkpoint", "--cosignatures", "{file}", "-L", "{ledger}"))
    yield Hostile("cosignatures that are none", "— x\x1b[2J\n".encode(), ("checkpoint", "--cosignatures", "{file}", "-L", "{ledger}"))
    yield from named("statement", _statements())
    yield Hostile("statement to keep of a stranger", vector("statement"), ("attest", "--keep", "{file}", "-L", "{ledger}"))
    yield from named("fork", _forks())
