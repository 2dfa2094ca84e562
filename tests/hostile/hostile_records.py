"""Signed records that are submitted: their text, their line, their place in their key's chain, and what only another could have signed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from ground import records, vector
from keyring import SMALL_ORDER, signer
from ledger.tlog import canonical
from ledger.tlog.note import Signature, format_note
from pack import Hostile, named, swapped

SUBMIT = ("submit", "{file}", "-L", "{ledger}")
LOOKED_UP = ("verify", "{file}", "-L", "{ledger}", "--trust", "{own}")


def good() -> bytes:
    """Return a record that the ledger would take."""
    return records()[-1]


def lines() -> list[bytes]:
    """Return its lines: the format, the header, an event."""
    return good().partition(b"\n\n")[0].split(b"\n")


def signed(*text: bytes, key: str = "yard/2", by: str | None = None) -> bytes:
    """Return lines signed by a key, or by another one in its name."""
    whole, mine = b"\n".join(text) + b"\n", signer(key)
    return format_note(whole, [mine.vkey.signed(signer(by or key).sign(whole))])


def header(by: str = "yard/2", /, **changes: Any) -> bytes:
    """Return the record with another header, rightly signed."""
    form, head, event = lines()
    return signed(form, canonical.encode({**json.loads(head), **changes}), event, key=by)


def event(**changes: Any) -> bytes:
    """Return the record with another event, rightly signed."""
    form, head, raw = lines()
    return signed(form, head, canonical.encode({**json.loads(raw), **changes}))


def _forged() -> dict[str, bytes]:
    record = good()
    text, _, line = record.partition(b"\n\n")
    one = line.removesuffix(b"\n")
    small = [Signature("yard/2", signer("yard/2").vkey.key_id, key + bytes(32)) for key in SMALL_ORDER]
    return {
        "with a signature of zeros": format_note(text + b"\n", [signer("yard/2").vkey.signed(bytes(64))]),
        "with a signature of 63 bytes": format_note(text + b"\n", [signer("yard/2").vkey.signed(bytes(63))]),
        "with a signature of small order": format_note(text + b"\n", [small[0]]),
        "signed by somebody else in its name": signed(*lines(), by="stranger/1"),
        "signed by a key that is not enrolled": header("yard/9", key="yard/9"),
        "signed by the registrar": header("registrar/1", key="registrar/1"),
        "with a header that names another key": header(key="yard/1"),
        "with two signatures": record + one + b"\n",
        "with the key id of another key": format_note(
            text + b"\n", [Signature("yard/2", b"\0\0\0\0", signer("yard/2").sign(text + b"\n"))]
        ),
        "with a mass changed": swapped(record, b'"1000"', b'"9000"'),
        "with its signature in other base64": record[:-2].replace(b"=", b"") + b"\n",
        "with a signature line in latin-1": swapped(record, "— ".encode(), b"\x97 "),
        "with a hyphen for the dash": swapped(record, "— ".encode(), b"- "),
        "without a signature": text + b"\n\n",
        "with an escape in the key's name": swapped(record, "— yard".encode(), "— \x1b[2Jyard".encode()),
        "with a no-break space in the key's name": swapped(record, "— yard".encode(), "— \u00a0yard".encode()),
        "with an override in the key's name": swapped(record, "— yard".encode(), "— \u202eyard".encode()),
    }


def _chained() -> dict[str, bytes]:
    return {
        "with another seq": header(seq=7),
        "with seq 2 to the 53 less 1": header(seq=2**53 - 1),
        "with a negative seq": header(seq=-1),
        "with seq true": header(seq=True),
        "with another prev": header(prev="ab" * 32),
        "with a prev in capitals": header(prev="AB" * 32),
        "of another ledger": header(genesis="ab" * 32),
        "of no ledger": header(genesis=None),
        "that saw a checkpoint nobody signed": header(seen={"size": 3, "root": "ab" * 32}),
        "that saw the future": header(seen={"size": 2**53 - 1, "root": "ab" * 32}),
        "made in year 9999": header(made="9999-12-31T23:59:59Z"),
        "made at no time": header(made="2026-02-30T14:05:00Z"),
        "made in other digits": header(made="\u0662026-03-02T14:05:00Z"),
        "with a field more in its header": header(HOLDS=True),
        "that another history of the log acknowledged": vector("certify.record"),
        "that is the ledger's first": records()[0],
    }


def _formed() -> dict[str, bytes]:
    form, head, raw = lines()
    return {
        "of no events": signed(form, head),
        "of 257 events": signed(form, head, *[raw] * 257),
        "of an event that repeats": signed(form, head, raw, raw),
        "of a megabyte": signed(form, head, raw.replace(b'"1000"', b'"' + b"1" * 2**20 + b'"')),
        "with an empty line between": signed(form, head, b"", raw),
        "with spaces in its JSON": signed(form, head, raw.replace(b":", b": ", 1)),
        "with keys out of order": signed(form, head, b'{"type":"receive",' + raw[1:].replace(b',"type":"receive"', b"")),
        "with a key twice": signed(form, head, raw[:-1] + b',"type":"void"}'),
        "with a fraction": signed(form, head, raw[:-1] + b',"x":1.0}'),
        "with an escape spelled out": signed(form, head, raw.replace(b"paste", b"p\\u0061ste")),
        "with crlf": good().replace(b"\n", b"\r\n"),
        "with a byte order mark": b"\xef\xbb\xbf" + good(),
        "with a NUL": swapped(good(), b"yard:RB-2", b"yard:RB\x00"),
        "with an event that only record 0 has": event(type="genesis"),
        "with an event of no type": event(type="become"),
        "with a private field left open": event(generator={"name": "Jane Roe", "process": "casting"}),
        "with a batch of another party": event(batch="keystone:RB-2"),
        "with a batch that is a path": event(batch="yard:../../etc/passwd"),
        "with a site that is not there": event(site="yard:nowhere"),
        "with an escape in a text": event(vessel="\x1b[2J"),
        "cut in half": good()[: len(good()) // 2],
        "with something behind": good() + b"HOLDS\n",
        "with a null byte behind": good() + b"\0",
    }


def files() -> Iterator[Hostile]:
    """Yield records."""
    for made in (_forged(), _chained(), _formed()):
        yield from named("record", made, SUBMIT)
    yield Hostile("record in a crowd of a million", b"plumbline/record/v1\n" * 1_000_001, SUBMIT)
    yield Hostile("record file that is empty", b"", SUBMIT)
    yield Hostile("record file of a certificate", vector("certificate.json"), SUBMIT)
    yield Hostile("record that was never logged", good(), LOOKED_UP)
    line = records()[2].rpartition(b" ")[2]
    other = base64.b64encode(base64.b64decode(line)[:4] + bytes(64)) + b"\n"
    yield Hostile("record looked up with a signature of zeros", swapped(records()[2], line, other), LOOKED_UP)
    yield Hostile("record looked up in another ledger", vector("certify.record"), LOOKED_UP)
    yield Hostile("record without a ledger to look it up in", good())
