"""PDFs that carry a certificate: bombs, two certificates, files that are no PDF at heart, signatures that cover nothing."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from functools import cache

import pikepdf
from pikepdf import Dictionary, Name, Pdf

from ground import blank, pdf, vector
from pack import Hostile, named, swapped
from reports.attachment import ATTACHMENT, EVIDENCE, attach

CERTIFICATE, PROOF = vector("certificate.json"), vector("certificate.evidence")


def attached(*files: tuple[str, bytes]) -> bytes:
    """Return a blank PDF with files attached."""
    found = blank()
    for name, data in files:
        found = attach(found, name, data)
    return found


def changed(change: Callable[[Pdf], object], **how: object) -> bytes:
    """Return the certificate's PDF with something changed in it."""
    buffer = io.BytesIO()
    with Pdf.open(io.BytesIO(pdf())) as document:
        change(document)
        document.save(buffer, **{"deterministic_id": True, **how})  # type: ignore[arg-type]
    return buffer.getvalue()


def packed(data: bytes, *, filters: object = Name.FlateDecode, parameters: object = None) -> bytes:
    """Return the PDF with a stream of these packed bytes in place of the certificate."""

    def change(document: Pdf) -> None:
        stream = document.attachments[ATTACHMENT].get_file().obj
        stream.write(data, filter=filters, decode_parms=parameters)  # type: ignore[arg-type]

    return changed(change, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)


@cache
def bomb() -> bytes:
    """Return a gigabyte of spaces, packed."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(b" " * 2**20) for _ in range(1_024)) + packer.flush()


def _endless(document: Pdf) -> None:
    page = document.pages[0].obj
    page.Parent.Kids.append(page.Parent)


def _signed(document: Pdf) -> None:
    value = Dictionary(
        Type=Name.Sig, Filter=Name("/Adobe.PPKLite"), SubFilter=Name("/ETSI.CAdES.detached"), ByteRange=[0, 1, 2, 3], Contents=b"\0"
    )
    document.Root.AcroForm = Dictionary(Fields=[document.make_indirect(Dictionary(FT=Name.Sig, T="seal", V=document.make_indirect(value)))])


def _signed_elsewhere(document: Pdf) -> None:
    _signed(document)
    document.Root.AcroForm.Fields[0].V.ByteRange = [0, 2**60, -1, 2**60]


def files() -> Iterator[Hostile]:
    """Yield PDFs."""
    good = pdf()
    lead, origin = (ATTACHMENT, CERTIFICATE), (ATTACHMENT, vector("origin.json"))
    made = {
        "of its first line": b"%PDF-1.7\n",
        "cut in half": good[: len(good) // 2],
        "cut at its end": good[:-30],
        "with its cross-references gone": swapped(good, b"startxref", b"startxerf"),
        "with bytes before it": b"HOLDS\n" + good,
        "with bytes behind it": good + b"HOLDS\n" * 1_000,
        "with a second PDF behind it": good + blank(),
        "of 33 MB": good + bytes(33 << 20),
        "without attachments": blank(),
        "without a certificate": attached((EVIDENCE, PROOF)),
        "without evidence": attached(lead),
        "with evidence of another certificate": attached(lead, (EVIDENCE, vector("origin.evidence"))),
        "with another certificate": attached(origin, (EVIDENCE, PROOF)),
        "with a certificate of no bytes": attached((ATTACHMENT, b""), (EVIDENCE, PROOF)),
        "with a certificate of no JSON": attached((ATTACHMENT, b"\x1b[2J"), (EVIDENCE, PROOF)),
        "with a deep certificate": attached((ATTACHMENT, b'{"a":' * 100_000), (EVIDENCE, PROOF)),
        "with a token for a certificate": attached((ATTACHMENT, b"eyJhbGciOiJub25lIn0.e30."), (EVIDENCE, PROOF)),
        "with a PDF for a certificate": attached((ATTACHMENT, good), (EVIDENCE, PROOF)),
        "with evidence of no bytes": attached(lead, (EVIDENCE, b"")),
        "with evidence with an escape": attached(lead, (EVIDENCE, b"\x1b[2J\n")),
        "with 17 attachments": attached(lead, (EVIDENCE, PROOF), *((f"f{number}", b"x") for number in range(15))),
        "with an attachment called like a path": attached(lead, (EVIDENCE, PROOF), ("../../etc/passwd", b"x")),
        "with an attachment called by an escape": attached(lead, (EVIDENCE, PROOF), ("\x1b[2J\u202e", b"x")),
        "with a bomb for a certificate": packed(bomb()),
        "with a bomb in a bomb": packed(zlib.compress(bomb()), filters=[Name.FlateDecode, Name.FlateDecode]),
        "with a certificate packed by LZW": packed(b"\x80\x0b\x60", filters=Name.LZWDecode),
        "with a certificate packed by ASCIIHex": packed(CERTIFICATE.hex().encode() + b">", filters=Name.ASCIIHexDecode),
        "with a certificate behind a predictor": packed(zlib.compress(CERTIFICATE), parameters=Dictionary(Predictor=12, Columns=4)),
        "with a certificate packed in a filter that is none": packed(b"x", filters=Name("/\x1b[2J")),
        "with a certificate that does not unpack": packed(b"\xff" * 100),
        "with a certificate that unpacks half": packed(zlib.compress(CERTIFICATE)[:200]),
        "locked by a pass phrase": changed(
            lambda _: None,
            deterministic_id=False,
            static_id=True,
            encryption=pikepdf.Encryption(owner="a", user="b", R=3, aes=False, metadata=False),
        ),
        "with pages in a circle": changed(_endless),
        "with a signature of nothing": changed(_signed),
        "with a signature of the universe": changed(_signed_elsewhere),
        "with a script": changed(
            lambda document: document.Root.__setitem__("/OpenAction", Dictionary(S=Name.JavaScript, JS="app.alert(1)"))
        ),
        "with a million objects": b"%PDF-1.7\n"
        + b"".join(b"%d 0 obj\n<</A %d 0 R>>\nendobj\n" % (n, n + 1) for n in range(1, 100_000))
        + b"trailer<</Root 1 0 R>>\n%%EOF\n",
        "with deep arrays": b"%PDF-1.7\n1 0 obj\n" + b"[" * 100_000 + b"]" * 100_000 + b"\nendobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
    }
    yield from named("PDF", made)
    yield Hostile(
        "PDF and evidence beside it that is another's", good, ("verify", "{file}", "--evidence", "{certificate}", "--trust", "{trust}")
    )
    yield Hostile("PDF for a ledger that never issued it", good, ("verify", "{file}", "-L", "{ledger}", "--trust", "{own}"))
    yield Hostile("PDF without a trust file", good, ("verify", "{file}"))
