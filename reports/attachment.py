"""Files inside a PDF: the only door to pikepdf.

A certificate is one file: the PDF that people read carries the signed statement as an associated file (ISO 32000-2, 14.13; in PDF/A-3 the
relationship is `Data`: the page shows what the file holds). Reading treats the PDF as hostile: its size, the number of attachments and what
each of them unpacks to are limited, and a damaged file is a refusal, never a traceback.
"""

from __future__ import annotations

import zlib
from io import BytesIO

from pikepdf import Array, AttachedFileSpec, Name, Object, ObjectStreamMode, Pdf

from ledger.errors import FormatError, LimitError
from reports.text import printable

ATTACHMENT = "certificate.json"
EVIDENCE = "evidence.txt"
"""What a certificate carries: the signed credential, and the records that its figures follow from."""

MAX_PDF = 32 * 1024 * 1024
MAX_ATTACHMENTS = 16
MAX_ATTACHMENT = 16 * 1024 * 1024
"""Limits in bytes and files. They hold for what an attachment unpacks to, not for what it takes in the file."""


def attach(pdf: bytes, name: str, data: bytes, *, description: str = "", media_type: str = "application/json") -> bytes:
    """Attach a file to a PDF, related to it as its data; the same input gives the same bytes.

    On the way out the empty page transitions (`/Trans`) that the page writer leaves are taken away, because PDF/A forbids them.

    Args:
        pdf: A PDF of ours.
        name: Name of the file, as a reader lists it.
        data: Its bytes.
        description: One line for the reader's list.
        media_type: The file's media type.

    Raises:
        LimitError: The data is larger than what `extract` would read back.
        FormatError: The PDF cannot be read.
    """
    if len(data) > MAX_ATTACHMENT:
        raise LimitError(f"attachment {printable(name)}", got=len(data), limit=MAX_ATTACHMENT, unit="bytes")
    buffer = BytesIO()
    try:
        with Pdf.open(BytesIO(pdf)) as document:
            for page in document.pages:
                if "/Trans" in page.obj:
                    del page.obj["/Trans"]
            document.attachments[name] = AttachedFileSpec(
                document, data, filename=name, mime_type=media_type, description=description, relationship=Name.Data
            )
            specification = document.attachments[name].obj
            document.Root.AF = Array([*document.Root.get("/AF", Array([])), specification])
            document.save(buffer, deterministic_id=True, object_stream_mode=ObjectStreamMode.generate, compress_streams=True)
    except Exception as error:  # a foreign parser on foreign bytes: whatever it throws means the same
        raise FormatError("the PDF cannot be read") from error
    return buffer.getvalue()


def extract(pdf: bytes) -> dict[str, bytes]:
    """Return the files attached to a PDF, by name.

    Raises:
        LimitError: The PDF, the number of its attachments, or one of them unpacked is too large.
        FormatError: The PDF is damaged or locked, or an attachment is packed in a way that cannot be limited.
    """
    if len(pdf) > MAX_PDF:
        raise LimitError("the PDF", got=len(pdf), limit=MAX_PDF, unit="bytes")
    if not pdf.startswith(b"%PDF-"):
        raise FormatError("the file is not a PDF: it does not begin with %PDF-")
    try:
        with Pdf.open(BytesIO(pdf)) as document:
            _check_count(len(document.attachments))
            return {name: _unpack(name, spec.get_file().obj) for name, spec in document.attachments.items()}
    except (FormatError, LimitError):
        raise
    except Exception as error:
        raise FormatError("the PDF is damaged or locked and cannot be read") from error


def _check_count(count: int) -> None:
    if count > MAX_ATTACHMENTS:
        raise LimitError("the PDF", got=count, limit=MAX_ATTACHMENTS, unit="attachments")


def _unpack(name: str, stream: Object) -> bytes:
    """Unpack one attachment without ever holding more than the limit: a few kilobytes can unpack to gigabytes."""
    raw = stream.read_raw_bytes()
    filters = stream.get("/Filter")
    names = [] if filters is None else [str(filters)] if isinstance(filters, Name) else [str(one) for one in filters]
    if "/DecodeParms" in stream or names not in ([], ["/FlateDecode"]):
        raise FormatError(f"attachment {printable(name)} is packed with {printable(' '.join(names))}, want FlateDecode or nothing")
    if names:
        unpacker = zlib.decompressobj()
        raw = unpacker.decompress(raw, MAX_ATTACHMENT + 1)
    if len(raw) > MAX_ATTACHMENT:
        raise LimitError(f"attachment {printable(name)}", got=len(raw), limit=MAX_ATTACHMENT, unit="bytes unpacked or more")
    return raw


def read_pdf(pdf: bytes) -> bytes:
    """Return the signed credential that a certificate carries, as attached.

    Raises:
        FormatError: The PDF is damaged or carries no credential.
        LimitError: The PDF or an attachment is too large.
    """
    return read_attached(pdf)[0]


def read_attached(pdf: bytes) -> tuple[bytes, bytes | None]:
    """Return the signed credential that a certificate carries, and its evidence where it has some.

    Raises:
        FormatError: The PDF is damaged or carries no credential.
        LimitError: The PDF or an attachment is too large.
    """
    found = extract(pdf)
    if ATTACHMENT not in found:
        raise FormatError(
            f"the PDF carries no {ATTACHMENT}", hint="ask the issuer for the certificate as it was issued, not printed or converted"
        )
    return found[ATTACHMENT], found.get(EVIDENCE)
