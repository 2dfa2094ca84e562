"""What a finished PDF carries, its tags, what it says of itself, and files: the only door to pikepdf.

A certificate is one file: the PDF that people read carries the signed statement as an associated file (ISO 32000-2, 14.13; in PDF/A-3 the
relationship is `Data`: the page shows what the file holds). Reading treats the PDF as hostile: its size, the number of attachments and what
each of them unpacks to are limited, and a damaged file is a refusal, never a traceback.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

from pikepdf import Array, AttachedFileSpec, Dictionary, Name, Object, ObjectStreamMode, Pdf, Stream, String

from ledger.errors import FormatError, LimitError
from reports import icc
from reports.tags import FIELD, Tag, by_mark, check
from reports.text import printable
from reports.xmp import About, information, packet

ATTACHMENT = "certificate.json"
EVIDENCE = "evidence.txt"
"""What a certificate carries: the signed credential, and the records that its figures follow from."""

PRINT = 4
SIGNATURES_EXIST, APPEND_ONLY = 1, 2
"""Flags of an annotation (ISO 32000-1, table 165) and of a form (table 219)."""

MAX_PDF = 32 * 1024 * 1024
MAX_ATTACHMENTS = 16
MAX_ATTACHMENT = 16 * 1024 * 1024
"""Limits in bytes and files. They hold for what an attachment unpacks to, not for what it takes in the file."""


def archive(pdf: bytes, tree: Tag, drawn: Mapping[int, int], about: About) -> bytes:
    """Make a marked PDF one that is PDF/A-3, level A, and PDF/UA-1 at once; the same input gives the same bytes.

    Args:
        pdf: A PDF of ours, its content marked, not yet tagged.
        tree: Its logical structure.
        drawn: How many pieces of marked content each page has.
        about: Its properties.

    Raises:
        FormatError: Something drawn has no tag, a figure has no alternative text, a heading skips a level, the time is none, or a font is
            not embedded.
    """
    check(tree, drawn)
    with Pdf.open(BytesIO(pdf)) as document:
        root = document.Root
        for page in document.pages:
            page.obj.Tabs = Name.S  # the order of the tags (ISO 14289-1, 7.18.3)
            if "/Trans" in page.obj:
                del page.obj["/Trans"]
        for font in _fonts(document):
            _check_font(font)
            font.ToUnicode = document.make_stream(_unicode_map(font.ToUnicode.read_bytes()))
        _write_tree(document, tree)
        root.MarkInfo = Dictionary(Marked=True)
        root.Lang = String("en-US")
        root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
        root.Metadata = Stream(document, packet(about), Type=Name.Metadata, Subtype=Name.XML)
        root.OutputIntents = Array([_intent(document)])
        del document.trailer.ID  # the page writer's is the same for all files; the one that takes its place follows from the content
        document.trailer.Info = document.make_indirect(Dictionary({key: String(text) for key, text in information(about).items()}))
        return _saved(document)


def _saved(document: Pdf) -> bytes:
    buffer = BytesIO()
    document.save(buffer, min_version="1.7", deterministic_id=True, object_stream_mode=ObjectStreamMode.generate, compress_streams=True)
    return buffer.getvalue()


def _fonts(document: Pdf) -> Iterator[Dictionary]:
    for found in document.objects:
        if isinstance(found, Dictionary) and found.get("/Type") == Name.Font:
            yield found


def _check_font(font: Dictionary) -> None:
    if "/FontFile2" not in font.get("/FontDescriptor", {}) or "/ToUnicode" not in font:
        raise FormatError(f"font {str(font.get('/BaseFont', 'without a name')).removeprefix('/')} is not embedded")


def _unicode_map(written: bytes) -> bytes:
    """Write a font's map from codes to characters again, without the codes that stand for no glyph.

    The page writer maps those to U+0000, which PDF/A forbids (ISO 19005-3, 6.2.11.7.2), and more than a hundred in one block, which the
    form does not allow (Adobe Technical Note 5014, section 5).
    """
    pairs = [pair for pair in re.findall(rb"<([0-9A-F]{2})> <([0-9A-F]{4})>", written) if pair[1] != b"0000"]
    blocks = [pairs[at : at + 100] for at in range(0, len(pairs), 100)]
    lines = [
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
        b"/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
        b"/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
        b"1 begincodespacerange <00> <FF> endcodespacerange",
    ]
    for block in blocks:
        lines += [b"%d beginbfchar" % len(block), *(b"<%s> <%s>" % pair for pair in block), b"endbfchar"]
    return b"\n".join([*lines, b"endcmap CMapName currentdict /CMap defineresource pop end end"])


def _intent(document: Pdf) -> Dictionary:
    """Say that the colours are sRGB (ISO 19005-3, 6.2.3)."""
    return Dictionary(
        Type=Name.OutputIntent,
        S=Name.GTS_PDFA1,
        OutputConditionIdentifier=String(icc.NAME),
        Info=String(icc.NAME),
        DestOutputProfile=document.make_stream(icc.srgb(), N=3, Alternate=Name.DeviceRGB),
    )


def _write_tree(document: Pdf, tree: Tag) -> None:
    """Write the structure elements, and for each page whose its marked content is (ISO 32000-1, 14.7.2 and 14.7.4.4)."""
    root = document.make_indirect(Dictionary(Type=Name.StructTreeRoot))
    column = document.make_indirect(Dictionary(O=Name.Table, Scope=Name.Column))
    pages = [page.obj for page in document.pages]
    written: dict[Tag, Object] = {}

    def write(tag: Tag, parent: Object) -> Object:
        element = written[tag] = document.make_indirect(Dictionary(S=Name(f"/{tag.role}"), P=parent))
        content: list[Object | int] = [write(inner, element) for inner in tag.inside if not inner.is_left_out]
        for page, number in tag.marks:
            if "/Pg" not in element:
                element.Pg = pages[page - 1]
            is_here = page == tag.marks[0][0]
            content.append(number if is_here else Dictionary(Type=Name.MCR, Pg=pages[page - 1], MCID=number))
        if content:
            element.K = content[0] if len(content) == 1 else Array(content)
        _describe(element, tag, column)
        return element

    root.K = write(tree, root)
    owners: dict[int, list[Object]] = {}
    for (page, _), tag in sorted(by_mark(tree).items(), key=lambda one: one[0]):
        owners.setdefault(page, []).append(written[tag])
    numbers: list[Object | int] = []
    for page, elements in owners.items():
        pages[page - 1].StructParents = page - 1
        numbers += [page - 1, document.make_indirect(Array(elements))]
    numbers += _write_fields(document, [(tag, element) for tag, element in written.items() if tag.role == "Form"])
    root.ParentTree = document.make_indirect(Dictionary(Nums=Array(numbers)))
    root.ParentTreeNextKey = len(pages) + sum(tag.role == "Form" for tag in written)
    document.Root.StructTreeRoot = root


def _describe(element: Object, tag: Tag, column: Object) -> None:
    """Say of a structure element what is read in its place, in which language, and how it stands on the page."""
    if tag.role == "TH":
        element.A = column
    if tag.language:
        element.Lang = String(tag.language)
    if tag.alternative:
        element.Alt = String(tag.alternative)
    if tag.box:
        element.A = Dictionary(O=Name.Layout, Placement=Name.Block, BBox=Array(tag.box))


def _write_fields(document: Pdf, fields: Sequence[tuple[Tag, Object]]) -> list[Object | int]:
    """Write the form, where there is one, and return whose its fields are, by numbers behind those of the pages."""
    numbers: list[Object | int] = []
    for number, (tag, element) in enumerate(fields, start=len(document.pages)):
        _write_field(document, element, tag, number)
        numbers += [number, element]
    return numbers


def _write_field(document: Pdf, element: Object, tag: Tag, number: int) -> None:
    """Write a signature field, which is its own widget (ISO 32000-1, 12.7.4.5 and 12.5.6.19), as content of a structure element.

    It has words for those who do not see it (ISO 14289-1, 7.18.1 and 7.18.4), is printed (ISO 19005-3, 6.3.2), and looks as the page kit
    drew it, in a form that the page itself does not draw.
    """
    page = document.pages[tag.page - 1].obj
    forms = page.Resources.XObject
    name = next(name for name in forms.keys() if name.endswith(f".{FIELD}"))  # noqa: SIM118 - not a dict: it yields values of arrays too
    widget = document.make_indirect(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Widget,
            FT=Name.Sig,
            T=String(FIELD),
            TU=String(tag.alternative),
            Contents=String(tag.alternative),
            F=PRINT,
            Rect=Array(tag.box or ()),
            P=page,
            AP=Dictionary(N=forms[name]),
            StructParent=number,
        )
    )
    del forms[name]
    page.Annots = Array([widget])
    element.Pg = page
    element.K = Dictionary(Type=Name.OBJR, Obj=widget, Pg=page)
    document.Root.AcroForm = Dictionary(Fields=Array([widget]), SigFlags=SIGNATURES_EXIST | APPEND_ONLY)


def attach(pdf: bytes, name: str, data: bytes, *, description: str = "", media_type: str = "application/json") -> bytes:
    """Attach a file to a PDF, related to it as its data; the same input gives the same bytes.

    The file's date is that of the document (ISO 19005-3, 6.8, wants one), which comes from its content.

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
    try:
        with Pdf.open(BytesIO(pdf)) as document:
            specification = AttachedFileSpec(
                document,
                data,
                filename=name,
                mime_type=media_type,
                description=description,
                mod_date=str(document.docinfo.get("/ModDate", "")),
                relationship=Name.Data,
            )
            document.attachments[name] = specification
            associated = document.Root.get("/AF", Array([]))
            if all(one.objgen != specification.obj.objgen for one in associated):  # newer releases of pikepdf list it themselves
                document.Root.AF = Array([*associated, specification.obj])
            return _saved(document)
    except Exception as error:  # a foreign parser on foreign bytes: whatever it throws means the same
        raise FormatError("the PDF cannot be read") from error


def extract(pdf: bytes) -> dict[str, bytes]:
    """Return the files attached to a PDF, by name.

    Raises:
        LimitError: The PDF, the number of its attachments, or one of them unpacked is too large.
        FormatError: The PDF is damaged or locked, or an attachment is packed in a way that cannot be limited.
    """
    with _opened(pdf) as document:
        _check_count(len(document.attachments))
        return {name: _unpack(name, spec.get_file().obj) for name, spec in document.attachments.items()}


@contextmanager
def _opened(pdf: bytes) -> Iterator[Pdf]:
    """Open a hostile PDF; whatever the parser throws within is the same refusal."""
    if len(pdf) > MAX_PDF:
        raise LimitError("the PDF", got=len(pdf), limit=MAX_PDF, unit="bytes")
    if not pdf.startswith(b"%PDF-"):
        raise FormatError("the file is not a PDF: it does not begin with %PDF-")
    try:
        with Pdf.open(BytesIO(pdf)) as document:
            yield document
    except (FormatError, LimitError):
        raise
    except Exception as error:
        raise FormatError("the PDF is damaged or locked and cannot be read") from error


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature as a PDF has it (ISO 32000-1, table 252), nothing checked: which bytes it says it covers, its own, kind and time.

    `count` is how many signatures the file carries.
    """

    ranges: tuple[int, ...]
    contents: bytes
    kind: str
    time: str
    count: int = 1


def signature(pdf: bytes) -> Signature | None:
    """Return the signature that a PDF carries, the first of them; None where it carries none.

    It is read by the same parser as what is attached, so that nobody is shown a signature over one file and the attachments of another.

    Raises:
        LimitError: The PDF is too large.
        FormatError: The PDF is damaged or locked.
    """
    with _opened(pdf) as document:
        found = [one for held in document.objects for one in _signatures(held)]
        if not found:
            return None
        first = found[0]
        return Signature(
            ranges=tuple(int(one) for one in first.ByteRange),
            contents=bytes(first.get("/Contents", String(""))),
            kind=str(first.get("/SubFilter", "")),
            time=str(first.get("/M", "")),
            count=len(found),
        )


def _signatures(held: Object) -> Iterator[Dictionary]:
    """Yield the signatures in an object, whether a form leads to them or not: only they say which bytes they cover."""
    if isinstance(held, Dictionary):
        value = held.get("/V")
        for one in (held, value):
            if isinstance(one, Dictionary) and "/ByteRange" in one and not (one is value and one.is_indirect):
                yield one


def changed(before: bytes, after: bytes) -> list[str]:
    """Return in words which attachments differ between two states of a PDF; nothing where either cannot be read."""
    try:
        old, new = extract(before), extract(after)
    except (FormatError, LimitError):
        return []
    return [f"the attachment {printable(name)}" for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]


def _check_count(count: int) -> None:
    if count > MAX_ATTACHMENTS:
        raise LimitError("the PDF", got=count, limit=MAX_ATTACHMENTS, unit="attachments")


def _unpack(name: str, stream: Object) -> bytes:
    """Unpack one attachment without ever holding more than the limit: a few kilobytes can unpack to gigabytes."""
    raw = stream.read_raw_bytes()
    filters = stream.get("/Filter")
    names = [] if filters is None else [str(filters)] if isinstance(filters, Name) else [str(one) for one in filters]
    parameters = ["/DecodeParms"] if "/DecodeParms" in stream else []
    if parameters or names not in ([], ["/FlateDecode"]):
        packed = printable(" ".join(names + parameters))
        raise FormatError(f"attachment {printable(name)} is packed with {packed}, want FlateDecode or nothing")
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
