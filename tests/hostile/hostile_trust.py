"""Trust files: what a verifier is handed apart from a certificate, and may be handed by the wrong person."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from ground import vector
from keyring import SMALL_ORDER, signer
from ledger.tlog.note import Algorithm, VerifierKey
from pack import Hostile, line_of, named, swapped

PINNED = ("verify", "{certificate}", "--evidence", "{evidence}", "--trust", "{file}")


def _vkey(name: str, public: bytes, kind: Algorithm = Algorithm.ED25519) -> bytes:
    return VerifierKey(name, kind, public).format().encode()


def witness(name: str) -> bytes:
    """Return the line of a witness."""
    return b"witness %s %s\n" % (name.encode(), _vkey(f"{name}.example/w", signer(f"{name}/w").public_key, Algorithm.COSIGNATURE))


def files() -> Iterator[Hostile]:
    """Yield trust files, each for a certificate that holds by the right one."""
    good = vector("trust")
    log, quorum, ledger = line_of(good, b"log "), line_of(good, b"quorum "), line_of(good, b"ledger ")
    auditor = line_of(good, b"auditor ")
    own = signer("ledger.example/lead").public_key
    three = b"".join(witness(name) for name in ("one", "two", "three"))
    made = {
        "of no bytes": b"",
        "of another version": swapped(good, b"/v1", b"/v2"),
        "of another ledger": swapped(good, ledger, b"ledger " + b"0" * 64 + b"\n"),
        "of two ledgers": swapped(good, ledger, ledger * 2),
        "of a ledger in capitals": swapped(good, ledger, ledger.upper().replace(b"LEDGER", b"ledger")),
        "of another log's key": swapped(good, log, b"log " + _vkey("ledger.example/lead", signer("evil").public_key) + b"\n"),
        "of a key of another name": swapped(good, log, b"log " + _vkey("evil.example/lead", own) + b"\n"),
        "of a key id that lies": swapped(good, b"+e097f050+", b"+00000000+"),
        "of a key of another kind": swapped(good, b"+Af9A", b"+Bv9A"),
        "of a witness's key for a log": swapped(good, log, b"log " + _vkey("ledger.example/lead", own, Algorithm.COSIGNATURE) + b"\n"),
        "of a key twice": swapped(good, log, log * 2),
        "of no log": swapped(good, log, b""),
        "of an origin with an escape": swapped(good, b"origin ledger", b"origin \x1b[2Jledger"),
        "of an origin with an override": swapped(good, b"origin ledger", "origin \u202eledger".encode()),
        "of an origin in cyrillic": good.replace(b"ledger.example", "ledger.ex\u0430mple".encode()),
        "of an origin that is a path": good.replace(b"ledger.example/lead", b"../../etc/passwd"),
        "with an unknown word": good + b"HOLDS always\n",
        "with a word and nothing": good + b"auditor\n",
        "with a comment that hides a line": good + b"# \xe2\x80\xa8log x\n",
        "with crlf": good.replace(b"\n", b"\r\n"),
        "with a byte order mark": b"\xef\xbb\xbf" + good,
        "with a NUL": swapped(good, quorum, b"quorum no\x00ne\n"),
        "in latin-1": good + b"# \xe9\n",
        "of an auditor who is the log": swapped(good, auditor, b"auditor " + _vkey("ledger.example/lead", own) + b"\n"),
        "of a hundred thousand auditors": good + auditor * 100_000,
        "of a line of a megabyte": good + b"auditor " + b"A" * 2**20 + b"\n",
        "of a quorum nobody is in": swapped(good, quorum, b"quorum nobody\n"),
        "of two quorums": swapped(good, quorum, quorum * 2),
        "of no quorum": swapped(good, quorum, b""),
        "of a quorum that no one reached": swapped(good, quorum, three + b"group all all one two three\nquorum all\n"),
        "of a quorum of one in three": swapped(good, quorum, three + b"group some 1 one two three\nquorum some\n"),
        "of a group of itself": swapped(good, quorum, three + b"group some 2 some one two\nquorum some\n"),
        "of groups in a circle": swapped(good, quorum, three + b"group a any b one\ngroup b any a two\nquorum a\n"),
        "of a threshold of none": swapped(good, quorum, three + b"group some 0 one two three\nquorum some\n"),
        "of a threshold beyond all": swapped(good, quorum, three + b"group some 4 one two three\nquorum some\n"),
        "of a huge threshold": swapped(good, quorum, three + b"group some " + b"9" * 5_000 + b" one two three\nquorum some\n"),
        "of a witness twice": swapped(good, quorum, witness("one") * 2 + b"quorum one\n"),
        "of one key under two names": swapped(
            good, quorum, witness("one") + witness("one").replace(b"witness one", b"witness two") + b"group g all one two\nquorum g\n"
        ),
        "of a witness who is the log": swapped(
            good, quorum, b"witness w " + _vkey("w.example/w", own, Algorithm.COSIGNATURE) + b"\nquorum w\n"
        ),
        "of a witness at a file": swapped(good, quorum, witness("one")[:-1] + b" file:///etc/passwd\nquorum one\n"),
        "of a witness with an escape": swapped(good, quorum, b"witness \x1b[2J x\nquorum none\n"),
        "of a witness called none": swapped(good, quorum, witness("one").replace(b"witness one", b"witness none") + b"quorum none\n"),
        "of a thousand groups": swapped(good, quorum, witness("one") + b"".join(b"group g%d 1 one\n" % n for n in range(1_000)) + quorum),
        "of a thousand witnesses": swapped(good, quorum, b"".join(witness(f"w{n}") for n in range(100)) + quorum),
    }
    for number, key in enumerate(SMALL_ORDER):
        encoded = base64.b64encode(b"\x01" + key)
        text = VerifierKey("ledger.example/lead", Algorithm.ED25519, key).key_id.hex().encode()
        made[f"of small-order key {number}"] = swapped(good, log, b"log ledger.example/lead+" + text + b"+" + encoded + b"\n")
    yield from named("trust file", made, PINNED)
    yield Hostile("trust file that is a certificate", vector("certificate.json"), PINNED)
    yield Hostile("trust file that is a PDF", b"%PDF-1.7\n\x80\x81", PINNED)
