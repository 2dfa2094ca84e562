"""What a screen reader says of a PDF, in its order: tags, marks and alternative texts."""

from __future__ import annotations

import re
from collections import Counter

import pikepdf
import pytest

from ledger.errors import FormatError
from ledger.tlog import canonical
from printed import KINDS, elements, opened, read_aloud, strokes
from reports import fontset, pdf
from reports.certificate import render_pdf
from reports.diagram import Box, Diagram, Words
from reports.page import Head, Piece, Run
from reports.statement import leaves, written
from reports.tags import Tag, by_mark, check
from sample_credential import credential

HEAD = Head(title="Test", author="Voltaic", left="left", right="right", foot="foot")
FIGURE = Diagram(100, 20, "Feedstock", "end of life 92 %", (Box(0, 0, 92, 10, "#17594A"),), (), (Words(0, 18, "end of life 92 %"),))


def heard(*blocks) -> list[tuple[str, str]]:
    return read_aloud(pdf.build(blocks, HEAD))


def piece(text: str, x: float = 0, *, is_cut: bool = False) -> Piece:
    return Piece(x, text, fontset.SANS, 6, "#000000", is_cut)


def test_blocks_are_read_in_the_order_of_their_list():
    blocks = [pdf.paragraph("Certificate", "title"), pdf.paragraph("to whom"), *pdf.heading("Figures"), pdf.paragraph("none")]
    assert heard(*blocks) == [("H1", "Certificate"), ("P", "to whom"), ("H2", "Figures"), ("P", "none")]


def test_columns_panels_and_blocks_kept_together_are_read_stack_by_stack():
    stacks = [(1, [pdf.paragraph("a"), pdf.paragraph("b")]), (1, [pdf.paragraph("c")])]
    assert heard(pdf.together([pdf.panel([pdf.columns(stacks)])])) == [("P", "a"), ("P", "b"), ("P", "c")]


def test_the_band_is_read_label_by_label_not_line_by_line():
    said = heard(pdf.band([(1, "LOT", "4711", "battery"), (1, "QUANTITY", "5 lb", "2.3 kg")]))
    assert said == [("Lbl", "LOT"), ("P", "4711"), ("P", "battery"), ("Lbl", "QUANTITY"), ("P", "5 lb"), ("P", "2.3 kg")]


def test_facts_are_a_list_of_labels_with_their_values():
    said = heard(pdf.facts([("ORDER", "4711"), ("PERIOD", "March")], across=1))
    assert said == [("Lbl", "ORDER"), ("LBody", "4711"), ("Lbl", "PERIOD"), ("LBody", "March")]


def test_a_tables_head_is_read_once_and_heads_its_columns_on_every_page():
    long = pdf.build([pdf.table(["NUMBER", "SQUARE"], [[str(at), str(at * at)] for at in range(120)], [1, 1])], HEAD)
    said = read_aloud(long)
    assert said[:4] == [("TH", "NUMBER"), ("TH", "SQUARE"), ("TD", "0"), ("TD", "0")]
    assert Counter(role for role, _ in said) == {"TH": 2, "TD": 240}
    with opened(long) as document:
        scopes = {(str(one.A.O), str(one.A.Scope)) for one, _ in elements(document) if str(one.S) == "/TH"}
        printed = [mark for page in document.pages for _, mark, text in strokes(page) if text == "NUMBER"]
        assert len(document.pages) == 3
    assert scopes == {("/Table", "/Column")}
    assert printed == [("/TH", 0), ("/Artifact", None), ("/Artifact", None)]


def test_an_empty_cell_keeps_its_place_and_an_empty_paragraph_has_none():
    said = heard(pdf.table(["A", "B"], [["", "2"]], [1, 1]), pdf.paragraph(""), pdf.paragraph("end"))
    assert said == [("TH", "A"), ("TH", "B"), ("TD", ""), ("TD", "2"), ("P", "end")]


def test_a_paragraph_over_two_pages_is_read_as_one():
    text = " ".join(f"word{at}" for at in range(1000))
    long = pdf.build([pdf.paragraph("first"), pdf.paragraph(text)], HEAD)
    assert read_aloud(long) == [("P", "first"), ("P", text)]
    with opened(long) as document:
        assert [len(places) for _, places in elements(document)] == [0, 1, len(document.pages)]
        assert len(document.pages) == 2


def test_a_cell_over_two_pages_stays_one_cell():
    text = " ".join(f"word{at}" for at in range(900))
    assert heard(pdf.table(["A", "B"], [["x", text]], [1, 1])) == [("TH", "A"), ("TH", "B"), ("TD", "x"), ("TD", text)]


def test_words_are_told_apart_at_the_end_of_a_line_and_a_cut_word_is_not_parted():
    sentence = "the scale, the assay and the ticket " * 9 + "end"
    number = "9a1be27c" * 12
    faces = [Run("in "), Run(sentence, face="bold"), Run("below", below=True)]
    assert heard(pdf.columns([(1, [pdf.paragraph(text) for text in (sentence, faces, number)]), (2, [])])) == [
        ("P", sentence),
        ("P", f"in {sentence} below"),
        ("P", number),
    ]


def test_a_space_at_the_end_of_a_line_moves_nothing():
    tight = "whether the pre-consumer material was diverted from the waste stream needs a determination by a named person"
    with opened(pdf.build([pdf.table(["A", "B"], [["", tight]], [67, 33])], HEAD)) as document:
        spacings = [str(one.operands[0]) for one in pikepdf.parse_content_stream(document.pages[0]) if str(one.operator) == "Tw"]
    assert spacings == ["-0.09", "0"]


def test_each_row_of_the_annex_is_read_as_one_even_over_a_page_break():
    rows = [[[piece("path"), piece("key", 40), piece("value", 80)], [piece("cut", is_cut=True)], [piece("off")]]] * 40
    said = heard(pdf.lines(rows, 8))
    assert said == [("P", "path key value cutoff ")] * 40


@pytest.mark.parametrize("text", ["f" * 700, "a sentence of words that go on " * 20, "ends in a hyphen-", "word-" * 90])
def test_every_value_of_a_certificate_is_read_as_it_stands(text):
    made = credential(not_checked=[text.strip()])
    said = "\n".join(words for _, words in read_aloud(render_pdf(made, credential_json=canonical.encode(made))))
    assert [path for path, value in leaves(made) if written(value) not in said] == []


def test_a_figure_is_read_as_its_title_and_description_and_stands_where_it_says():
    whole = pdf.build([pdf.figure(FIGURE)], HEAD)
    assert read_aloud(whole) == [("Figure", "Feedstock: end of life 92 %")]
    with opened(whole) as document:
        (box,) = [one.A.BBox for one, _ in elements(document) if "/A" in one]
        assert [float(edge) for edge in box] == [48, 714, 148, 734]


def test_the_words_in_a_figure_are_read_where_its_description_does_not_hold_them():
    diagram = Diagram(100, 20, "Trace", "2 batches", words=(Words(0, 9, "BAT-1"), Words(9, 18, "lead")))
    assert heard(pdf.figure(diagram)) == [("Figure", "Trace: 2 batches: BAT-1, lead")]


def test_a_qr_code_is_read_as_what_it_says():
    assert heard(pdf.qr("urn:plumbline:1", 80)) == [("Figure", "QR code: urn:plumbline:1")]


@pytest.mark.parametrize("kind", KINDS)
def test_all_ink_is_content_with_a_tag_or_an_artifact(kind):
    with opened(KINDS[kind]()) as document:
        owned = {place for _, places in elements(document) for place in places}
        for number, page in enumerate(document.pages):
            owners = document.Root.StructTreeRoot.ParentTree.Nums[2 * number + 1]
            assert int(page.obj.StructParents) == number
            assert str(page.obj.Tabs) == "/S"
            assert {mark for _, mark, _ in strokes(page) if mark is None or (mark[1] is None and mark[0] != "/Artifact")} == set()
            numbers = {mark[1] for _, mark, _ in strokes(page) if mark and mark[1] is not None}
            assert numbers == set(range(len(owners))) == {found for at, found in owned if at == page.obj.objgen}


def test_a_page_in_another_language_says_so():
    with opened(KINDS["origin with a certification"]()) as document:
        spoken = [str(one.Lang) for one in document.objects if isinstance(one, pikepdf.Dictionary) and "/Lang" in one]
    assert spoken.count("es-MX") >= 3
    assert "en-US" in spoken


def test_the_furniture_of_the_page_is_not_read():
    whole = pdf.build([pdf.paragraph("text"), pdf.next_page(), pdf.paragraph("more")], HEAD)
    assert read_aloud(whole) == [("P", "text"), ("P", "more")]
    with opened(whole) as document:
        marked = [(text, mark) for _, mark, text in strokes(document.pages[1])]
    assert marked[:2] == [("left", ("/Artifact", None)), ("right", ("/Artifact", None))]
    assert ("Page 2 of ", ("/Artifact", None)) in marked


def test_the_same_blocks_can_be_set_twice():
    blocks = [pdf.paragraph("a"), pdf.table(["HEAD"], [["cell"]], [1]), pdf.figure(FIGURE)]
    assert pdf.build(blocks, HEAD) == pdf.build(blocks, HEAD)


def test_a_figure_without_words_is_refused():
    with pytest.raises(FormatError, match=r"^a figure has no words for those who do not see it$"):
        pdf.build([pdf.figure(Diagram(10, 10, "", " "))], HEAD)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        (lambda: pdf.heading("Figures"), "a heading of level 2 stands where one of level 1 is due"),
        (lambda: [pdf.paragraph("text"), *pdf.heading("Figures")], "a heading of level 2 stands where one of level 1 is due"),
    ],
)
def test_a_heading_before_the_title_is_refused(blocks, message):
    with pytest.raises(FormatError, match=f"^{re.escape(message)}$"):
        pdf.build(blocks(), HEAD)


def test_a_block_that_is_drawn_and_not_read_is_refused():
    block = pdf.columns([(1, [pdf.paragraph("read")]), (1, [pdf.paragraph("forgotten")])])
    block.tags = block.tags[:1]
    with pytest.raises(FormatError, match=r"^page 1 draws something that has no place in the reading order$"):
        pdf.build([block], HEAD)


def test_a_tree_knows_whose_each_mark_is():
    inner = Tag("P", marks=[(1, 0), (2, 0)])
    tree = Tag("Document", [inner])
    assert by_mark(tree) == {(1, 0): inner, (2, 0): inner}
    check(tree, {1: 1, 2: 1})
