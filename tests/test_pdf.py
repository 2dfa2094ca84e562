"""Fonts, the page kit, and files inside a PDF."""

from __future__ import annotations

import re
import zlib
from io import BytesIO

import pikepdf
import pytest

from ledger.errors import FormatError, LimitError
from reports import fontset, pdf
from reports.attachment import MAX_ATTACHMENT, MAX_ATTACHMENTS, MAX_PDF, attach, extract
from reports.page import Head, Piece, Run

HEAD = Head(title="Test", author="Voltaic", left="left", right="right", foot="foot")


def one_page(*blocks) -> bytes:
    return pdf.build(blocks or [pdf.paragraph("text")], HEAD)


def rewritten(data: bytes, change) -> bytes:
    buffer = BytesIO()
    with pikepdf.open(BytesIO(data)) as document:
        change(document)
        document.save(buffer)
    return buffer.getvalue()


def test_the_faces_cover_the_same_latin_greek_and_cyrillic():
    for text in ("ÄÖÜäöüß ñ ç ø Å ő ż ğ ệ", "Ελληνικά", "Кириллица", "€ § % ≥ ≤ → “ ”"):
        assert all(fontset.has(face, text) for face in (fontset.SANS, fontset.BOLD, fontset.ITALIC))
    assert fontset.characters(fontset.SANS) == fontset.characters(fontset.BOLD)
    assert fontset.has(fontset.MONO, "Grünwald & Söhne <Monterrey>")


def test_the_fonts_have_truetype_outlines():
    for face in fontset.FACES:
        with open(fontset.path(face), "rb") as font:  # noqa: PTH123 - the path is a string from the package
            assert font.read(4) == b"\x00\x01\x00\x00"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("中国电池", "character U+4E2D '中' in customer is not in the certificate's font"),
        ("a\u202eb", "character U+202E '\\u202e' in customer is not in the certificate's font"),
        ("a\nb", "character U+000A '\\u000a' in customer is not in the certificate's font"),
        ("soft\u00adhyphen", "character U+00AD '\\u00ad' in customer is not in the certificate's font"),
        ("\U0001f50b", "character U+1F50B '\U0001f50b' in customer is not in the certificate's font"),
    ],
)
def test_a_character_without_a_glyph_is_refused_by_name(text, message):
    with pytest.raises(FormatError) as refused:
        pdf.paragraph(Run(text, "customer"))
    assert str(refused.value) == message


def test_text_that_cannot_be_printed_is_shown_as_escapes_where_nothing_may_be_refused():
    assert fontset.shown("a\u202e中é") == "a\\u202e\\u4e2dé"


@pytest.mark.parametrize("hostile", ["<b>x</b>", '<img src="file:///etc/passwd"/>', '<a href="x">', "&lt;", "</font>", "<para>", "<br/>"])
def test_markup_in_a_value_is_only_text(hostile):
    plain = pdf.paragraph(Run(hostile, "customer")).text
    assert "<b>" not in plain
    assert one_page(pdf.paragraph(hostile), pdf.table(["A"], [[hostile]], [1])).startswith(b"%PDF-")


def test_every_font_is_embedded_and_no_other_is_named():
    blocks = [
        pdf.paragraph([Run("a"), Run("b", face="mono"), Run("c", face="italic", below=True)]),
        pdf.table(["x"], [["1"]], [1]),
        pdf.qr("text", 80),
    ]
    with pikepdf.open(BytesIO(one_page(*blocks))) as document:
        fonts = [o for o in document.objects if isinstance(o, pikepdf.Dictionary) and o.get("/Type") == pikepdf.Name.Font]
        assert len(fonts) == 4
        assert all("/FontFile2" in font.FontDescriptor for font in fonts)


def test_title_language_and_page_count_are_set():
    with pikepdf.open(BytesIO(pdf.build([pdf.paragraph("a"), pdf.next_page(), pdf.paragraph("b")], HEAD))) as document:
        assert str(document.docinfo["/Title"]) == "Test"
        assert str(document.Root.Lang) == "en-US"
        assert bool(document.Root.ViewerPreferences.DisplayDocTitle)
        assert len(document.pages) == 2


def test_the_same_blocks_give_the_same_bytes_on_both_papers():
    for paper in ("letter", "a4"):
        head = Head(title="Test", author="V", left="l", right="r", foot="f", paper=paper)
        first, second = (pdf.build([pdf.paragraph("text"), pdf.qr("x", 60)], head) for _ in range(2))
        assert first == second


def test_a_block_that_fits_on_no_page_is_refused():
    with pytest.raises(FormatError, match=re.escape("a part of the report is too large for a page")):
        one_page(pdf.lines([[[Piece(0, "x", fontset.SANS, 8, "#000000")]]], 5000))


def test_an_attached_file_comes_back_as_it_was():
    data = b'{"a":1}' * 1000
    packed = attach(one_page(), "certificate.json", data, description="the statement")
    assert extract(packed) == {"certificate.json": data}
    assert attach(one_page(), "certificate.json", data, description="the statement") == packed


def test_an_attachment_is_the_data_of_the_document_and_pages_have_no_transitions():
    with pikepdf.open(BytesIO(attach(one_page(), "x.json", b"{}"))) as document:
        assert document.Root.AF[0].AFRelationship == pikepdf.Name.Data
        assert all("/Trans" not in page.obj for page in document.pages)


def test_two_attachments_are_both_there():
    assert extract(attach(attach(one_page(), "a", b"1"), "b", b"")) == {"a": b"1", "b": b""}


def test_a_pdf_without_attachments_has_none():
    assert extract(one_page()) == {}


def test_an_attachment_beyond_the_limit_is_refused():
    with pytest.raises(LimitError, match=re.escape(f"attachment big has {MAX_ATTACHMENT + 1} bytes, the limit is {MAX_ATTACHMENT}")):
        attach(one_page(), "big", bytes(MAX_ATTACHMENT + 1))


def test_an_attachment_that_unpacks_beyond_the_limit_is_refused():
    def bomb(document):
        stream = document.attachments["a"].obj.EF.F
        stream.write(zlib.compress(bytes(MAX_ATTACHMENT + 2)), filter=pikepdf.Name.FlateDecode)

    packed = rewritten(attach(one_page(), "a", b"1"), bomb)
    assert len(packed) < 100_000
    with pytest.raises(LimitError, match="attachment a has 16777217 bytes unpacked or more, the limit is 16777216"):
        extract(packed)


def test_an_attachment_packed_in_another_way_is_refused():
    def repack(document):
        document.attachments["a"].obj.EF.F.write(b"80~>", filter=pikepdf.Name.ASCII85Decode)

    data = attach(one_page(), "a", b"1")
    buffer = BytesIO()
    with pikepdf.open(BytesIO(data)) as document:
        repack(document)
        document.save(buffer, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    with pytest.raises(FormatError, match=re.escape("attachment a is packed with /ASCII85Decode, want FlateDecode or nothing")):
        extract(buffer.getvalue())


def test_a_pdf_with_too_many_attachments_is_refused():
    def add(document):
        for number in range(MAX_ATTACHMENTS + 1):
            document.attachments[f"a{number:02}"] = pikepdf.AttachedFileSpec(document, b"x")

    with pytest.raises(LimitError, match=re.escape("the PDF has 17 attachments, the limit is 16")):
        extract(rewritten(one_page(), add))


def test_a_pdf_beyond_the_limit_is_refused():
    with pytest.raises(LimitError, match=re.escape(f"the PDF has {MAX_PDF + 1} bytes, the limit is {MAX_PDF}")):
        extract(bytes(MAX_PDF + 1))


def test_what_is_not_a_pdf_is_refused():
    with pytest.raises(FormatError, match=re.escape("the file is not a PDF: it does not begin with %PDF-")):
        extract(b'{"not":"a pdf"}')
    with pytest.raises(FormatError, match="the PDF cannot be read"):
        attach(b"not a pdf", "a", b"")


def test_a_locked_pdf_is_refused():
    buffer = BytesIO()
    with pikepdf.open(BytesIO(attach(one_page(), "a", b"1"))) as document:
        document.save(buffer, encryption=pikepdf.Encryption(user="u", owner="o"))
    with pytest.raises(FormatError, match="the PDF is damaged or locked and cannot be read"):
        extract(buffer.getvalue())


def test_a_damaged_pdf_is_read_or_refused_but_never_a_traceback():
    whole = attach(one_page(), "a", b'{"n":1}' * 50)
    for at in range(0, len(whole), 97):
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :]):
            try:
                found = extract(damaged)
            except (FormatError, LimitError):
                continue
            assert isinstance(found, dict)
