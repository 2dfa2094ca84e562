"""An outbox beside a key: what waits in it is sent first, whoever put it there."""

from __future__ import annotations

from collections.abc import Iterator

from ground import records, vector
from hostile_keys import key_file
from keyring import signer
from pack import Hostile, swapped

LIST = ("outbox", "-k", "{file}/k")
SEND = ("outbox", "send", "-L", "{ledger}", "-k", "{file}/k")
WAITING, OPENINGS, RECEIPT = "k.outbox/00000000.record", "k.outbox/00000000.openings", "k.outbox/00000000.receipt"
KEY = {"k": key_file(), "k.vkey": f"{signer('yard/2').vkey.format()}\n".encode()}


def files() -> Iterator[Hostile]:
    """Yield keys with an outbox each."""
    good = records()[-1]
    made: dict[str, tuple[dict[str, bytes], tuple[str, ...]]] = {
        "of a record of no bytes": ({WAITING: b""}, LIST),
        "of a record with an escape": ({WAITING: b"\x1b[2J" + good}, LIST),
        "of a record of another seq": ({"k.outbox/00000007.record": good}, LIST),
        "of a record of another key": ({WAITING: records()[3]}, SEND),
        "of a record of another log": ({"k.outbox/00000004.record": vector("certify.record")}, SEND),
        "of a record with a mass changed": ({WAITING: swapped(good, b'"1000"', b'"9000"')}, SEND),
        "of a record of 70 MB": ({WAITING: bytes(70_000_000)}, LIST),
        "of a folder for a record": ({f"{WAITING}/inside": b""}, LIST),
        "of seq 9999999999999999": ({"k.outbox/9999999999999999.record": good}, LIST),
        "of openings that are no JSON": ({WAITING: good, OPENINGS: b"\x1b[2J"}, SEND),
        "of openings that are a number": ({WAITING: good, OPENINGS: b"7"}, SEND),
        "of openings of numbers": ({WAITING: good, OPENINGS: b"[7]"}, SEND),
        "of deep openings": ({WAITING: good, OPENINGS: b"[" * 100_000}, SEND),
        "of an opening of nothing": ({WAITING: good, OPENINGS: b"[{}]"}, SEND),
        "of an opening of another type": ({WAITING: good, OPENINGS: b'[{"event":"0","field":7,"salt":"00","value":[]}]'}, SEND),
        "of an opening that does not fit": (
            {WAITING: good, OPENINGS: b'[{"event":0,"field":"private.x","salt":"%s","value":"x"}]' % (b"00" * 16)},
            SEND,
        ),
        "of an opening of an event that is not there": (
            {WAITING: good, OPENINGS: b'[{"event":9,"field":"private.x","salt":"%s","value":"x"}]' % (b"00" * 16)},
            SEND,
        ),
        "of a salt that is no hex": ({WAITING: good, OPENINGS: b'[{"event":0,"field":"x","salt":"\\u001b","value":"x"}]'}, SEND),
        "of a receipt of no bytes": ({WAITING: good, RECEIPT: b""}, LIST),
        "of a receipt of another": ({WAITING: good, RECEIPT: vector("certify.tlog-proof")}, LIST),
        "of a seen that is none": ({WAITING: good, "k.outbox/seen": b"\x1b[2J"}, SEND),
        "of a seen of another log": ({WAITING: good, "k.outbox/seen": vector("cosigned.checkpoint")}, SEND),
        "of a seen beyond a megabyte": ({WAITING: good, "k.outbox/seen": b"x" * (1 << 21)}, SEND),
        "that is a file": ({"k.outbox": b"HOLDS"}, LIST),
    }
    for name, (inside, command) in made.items():
        yield Hostile(f"outbox {name}", {**KEY, **inside}, command)
