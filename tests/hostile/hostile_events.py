"""Lines of events, as a clerk or a clerk's spreadsheet writes them: JSON first, then masses, names and numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from house import disposal, receipt
from pack import LOG, Hostile, named
from words import HIDDEN, JSON

Raw = dict[str, Any]


def line(*events: Raw) -> bytes:
    """Return events as a file."""
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def received(**changes: Any) -> bytes:
    """Return a receipt with something in it changed."""
    return line({**receipt("yard:RB-2"), **changes})


def mass(value: Any, unit: Any = "kg") -> bytes:
    """Return a receipt of another mass."""
    return received(mass={"value": value, "unit": unit})


def site(name: str) -> bytes:
    """Return the registration of a site under another name."""
    where = {"id": "yard:annex", "party": "yard", "name": name, "country": "US"}
    return line({"type": "site", "time": "2026-03-02T14:05:00Z", "site": where})


def step(*outputs: Raw, kind: str = "break", **more: Any) -> Raw:
    """Return a transform of the yard's batch."""
    uses = [{"batch": "yard:RB-1"}]
    made = {"type": "transform", "time": "2026-03-02T15:00:00Z", "site": "yard:works", "kind": kind, "inputs": uses}
    return {**made, "outputs": [*outputs], **more}


def output(batch: str, mass: str = "1000", **more: Any) -> Raw:
    """Return an output of paste."""
    return {"batch": batch, "material": "battery_paste", "mass": {"value": mass, "unit": "kg"}, **more}


MASSES = {
    "of zero": mass("0"),
    "of minus one": mass("-1"),
    "with a plus": mass("+1"),
    "with an exponent": mass("1e400"),
    "not a number": mass("NaN"),
    "infinite": mass("Infinity"),
    "in hexadecimal": mass("0x10"),
    "in other digits": mass("\u0661\u0662"),
    "in fullwidth digits": mass("\uff11"),
    "with a comma": mass("1,000"),
    "with a newline": mass("1\n"),
    "with a space": mass(" 1"),
    "with an underscore": mass("1_000"),
    "of a thousand digits": mass("9" * 1_000),
    "of a million digits": mass("9" * 1_000_000),
    "of fifteen nines in tons": mass("9" * 15, "t"),
    "of a thousandth of a milligram": mass("0.000000001"),
    "in tons of no country": mass("1", "ton"),
    "in a unit with an escape": mass("1", "\x1b[2Jkg"),
    "as a number": mass(1000),
    "as a list": mass(["1000"]),
    "null": mass(None),
    "true": received(mass=True),
    "as text": received(mass="1000 kg"),
    "with another field": received(mass={"value": "1", "unit": "kg", "HOLDS": True}),
}

FIELDS = {
    "more lead than mass": received(assay={"Pb": {"value": "101", "unit": "%"}}),
    "two assays above all": received(assay={"Pb": {"value": "99", "unit": "%"}, "Sb": {"value": "99", "unit": "%"}}),
    "moisture above all": received(moisture={"value": "100.1", "unit": "%"}),
    "a metal that is none": received(assay={"\x1b[2J": {"value": "1", "unit": "%"}}),
    "a metal called __class__": received(assay={"__class__": {"value": "1", "unit": "%"}}),
    "a thousand metals": received(assay={f"M{number}": {"value": "0.001", "unit": "%"} for number in range(1_000)}),
    "a country that is none": received(places={"collected_in": "\u202eSU"}),
    "a country in a list of itself": received(places={"collected_in": [["US"]]}),
    "a country of a thousand letters": received(places={"collected_in": "U" * 1_000}),
    "a place that is none": received(places={"HOLDS": "US"}),
    "a feedstock that is none": received(feedstock="HOLDS"),
    "a material that is a path": received(material="../../etc/passwd"),
    "a batch in cyrillic": received(batch="yard:RB-\u0410"),
    "a batch with a newline": received(batch="yard:RB-3\n"),
    "a batch with an escape": received(batch="yard:\x1b[2J"),
    "a batch that is a path": received(batch="yard:../../etc/passwd"),
    "a batch of 65 letters": received(batch="yard:" + "A" * 65),
    "a batch of somebody else": received(batch="keystone:RB-2"),
    "a batch that is there": received(batch="yard:RB-1"),
    "a batch null": received(batch=None),
    "a site of somebody else": received(site="keystone:works"),
    "a time that is none": received(time="2026-02-30T00:00:00Z"),
    "a time of no zone": received(time="2026-03-02T14:05:00"),
    "a time of 24 hours": received(time="2026-03-02T24:00:00Z"),
    "a leap second": received(time="2026-06-30T23:59:60Z"),
    "a time in year 0": received(time="0000-01-01T00:00:00Z"),
    "a zone of 99 hours": received(time="2026-03-02T14:05:00+99:00"),
    "a time before year 1": received(time="0001-01-01T00:00:00+23:59"),
    "a time behind year 9999": received(time="9999-12-31T23:59:59-23:59"),
    "a type in a list": line({"type": ["receive"]}),
    "a type that is none": line({"type": "\x1b[2J"}),
    "no type": line({"batch": "yard:RB-2"}),
    "nothing in it": line({}),
    "a type of the registrar": line({"type": "admit"}),
    "a type of record 0": line({"type": "genesis"}),
    "a type that only a command writes": line({"type": "certify"}),
    "a serial range turned round": received(pieces=3, serials=[["B9", "B1"]]),
    "a thousand serial ranges": received(pieces=1_000, serials=[[f"A{number}", f"A{number}"] for number in range(1_000)]),
    "a serial range of the universe": received(pieces=3, serials=[["0", "9" * 60]]),
    "pieces beyond 2 to the 53": received(pieces=2**53),
    "a thousand documents": received(documents=[{"kind": "certificate", "sha256": "ab" * 32}] * 1_000),
    "a sealed field of no digest": received(documents=[{"kind": "certificate", "sha256": "ab" * 32, "number": {"sealed": "x"}}]),
    "a private field of a megabyte": received(private={"driver": "x" * 1_000_000}),
    "a private field of a private field": received(private={"driver": {"private": {"private": "x"}}}),
    "a private field with a lone surrogate": received(private={"driver": "\ud800"}),
    "a private field called like a path": received(private={"../../etc/passwd": "x"}),
    "a note of 201 letters": line(disposal("yard:RB-1", site="yard:works", reason="x" * 201)),
    "a correction of a correction": line({"type": "correct", "of": {"batch": "yard:RB-1"}, "event": {"type": "correct", "event": {}}}),
    "a correction of nothing": line({"type": "correct", "of": {}, "event": {"type": "receive"}, "reason": "x"}),
    "a correction of a list": line({"type": "correct", "of": ["yard:RB-1"], "event": [], "reason": "x"}),
    "a void of a record that is none": line({"type": "void", "of": {"record": "ab" * 32, "event": 2**53}, "reason": "x"}),
    "a void of a number": line({"type": "void", "of": 7, "reason": "x"}),
    "inputs that are a number": line({**step(), "inputs": 7}),
    "inputs that are numbers": line({**step(), "inputs": [7]}),
    "no inputs": line({**step(output("yard:P1")), "inputs": []}),
    "an input a thousand times": line({**step(output("yard:P1")), "inputs": [{"batch": "yard:RB-1"}] * 1_000}),
    "an input twice": line({**step(output("yard:P1")), "inputs": [{"batch": "yard:RB-1"}] * 2}),
    "an input that is its output": line(step(output("yard:RB-1"), kind="split")),
    "outputs that are a word": line(step(outputs="HOLDS")),
    "two outputs of one name": line(step(output("yard:P1", "1"), output("yard:P1", "1"), kind="split")),
    "two balances": line(step({**output("yard:P1"), "mass": "balance"}, {**output("yard:P2"), "mass": "balance"}, kind="split")),
    "a thousand outputs": line(step(*(output(f"yard:P{number}", "1") for number in range(1_000)), kind="split")),
    "more metal than there is": line(step(output("yard:P1", "1001", assay={"Pb": {"value": "99", "unit": "%"}}))),
    "a milligram more than is left, which is all of it": line(disposal("yard:RB-1", "1000.000001", site="yard:works")),
    "more than is left": line(disposal("yard:RB-1", "2000", site="yard:works")),
    "a use of another record": line(disposal("yard:RB-1", site="yard:works", made_by="ab" * 32)),
    "a use of a batch that is none": line(disposal("yard:RB-9", site="yard:works")),
    "a use of a batch with an escape": line(disposal("yard:\x1b[2J", site="yard:works")),
    "an output of the whole earth": line(step(output("yard:P1", "9" * 15))),
}


def files() -> Iterator[Hostile]:
    """Yield files of events."""
    yield from named("events with", {name: data + b"\n" for name, data in JSON.items()}, LOG)
    yield from named("mass", MASSES, LOG)
    yield from named("event with", FIELDS, LOG)
    yield from named("site called", {name: site(text) for name, text in HIDDEN.items()}, LOG)
    yield from named(
        "reason", {name: line(disposal("yard:RB-1", "1", site="yard:works", reason=text)) for name, text in HIDDEN.items()}, LOG
    )
    good = received()
    made = {
        "none": b"",
        "blank lines": b"\n" * 1_000_000,
        "a number": b"7\n",
        "null": b"null\n",
        "text": b'"HOLDS"\n',
        "a list of events": b"[" + good[:-1] + b"]\n",
        "twice the same": good + good,
        "a hundred thousand": good + b'{"type":"receive"}\n' * 100_000,
        "one of a megabyte": b'{"type":"' + b"x" * 1_000_000 + b'"}\n',
        "one beyond a megabyte": b'{"type":"' + b"x" * 2**20 + b'"}\n',
        "one beyond 64 MB": b" " * ((64 << 20) + 1),
        "a byte order mark twice": b"\xef\xbb\xbf\xef\xbb\xbf" + good,
        "utf-16": good.decode().encode("utf-16"),
        "a NUL before": b"\0" + good,
        "a form feed between": good[:-1] + b"\x0c" + good,
        "a bare carriage return between": good[:-1] + b"\r" + good,
        "a PDF": b"%PDF-1.7\n\x80\x81\n",
        "a spreadsheet": b"PK\x03\x04\x14\x00",
        "comma-separated": b"type,batch,mass\nreceive,=1+1,@SUM(A1)\n",
    }
    yield from named("events:", made, LOG)
    yield Hostile(
        "events signed without a connection",
        line(disposal("yard:RB-1", site="yard:works")),
        ("sign", "{file}", "-o", "{output}", "--trust", "{own}", "-k", "{key}"),
    )
