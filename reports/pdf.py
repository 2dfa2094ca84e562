"""A small page kit: words and numbers go in, blocks come out, and `build` sets them on pages.

What goes in is never markup: every text is checked against the fonts and escaped, so `R & D <Monterrey>` comes out as it stands (an
unescaped `<` would silently drop the word). The same blocks give the same bytes: no clock, no random identifiers. Every face is embedded;
tables and drawings, which would bring an un-embedded Helvetica along, are told their fonts.

Every file is PDF/A-3, level A (ISO 19005-3), and PDF/UA-1 (ISO 14289-1) at once: each block brings its tags, in the order in which they
are read, whatever stands where on the page. How blocks are drawn is the business of `reports/sheet`, the only door to reportlab.

Lengths are in points (1/72 inch) on letter paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from xml.sax.saxutils import escape

from reports.attachment import archive
from reports.diagram import Box, Diagram
from reports.fontset import BOLD, ITALIC, MONO, SANS, check
from reports.page import ACCENT, INK, RULE, WASH, WIDTH, Block, Head, Piece, Run, StyleName, Text
from reports.sheet import flow, letters, paper
from reports.tags import Role, Tag
from reports.xmp import About

HEADINGS: dict[StyleName, Role] = {"title": "H1", "heading": "H2"}
FACES = {"bold": BOLD, "italic": ITALIC, "mono": MONO, "plain": SANS}
FIELD_LEFT = 46.0
"""Where the words of a signature field begin, right of its mark."""


def _runs(text: Text) -> list[Run]:
    return [Run(text)] if isinstance(text, str) else [text] if isinstance(text, Run) else list(text)


def _markup(text: Text) -> str:
    """Write runs as reportlab's markup, each value checked and escaped."""
    faces = {**FACES, "plain": ""}
    written = []
    for run in _runs(text):
        value = escape(check(run.text, field=run.field))
        face = f' face="{faces[run.face]}"' if run.face != "plain" else ""
        colour = f' color="{run.colour}"' if run.colour else ""
        written.append(("<br/>" if run.below else "") + (f"<font{face}{colour}>{value}</font>" if face or colour else value))
    return "".join(written)


def paragraph(text: Text, style: StyleName = "body", *, align: Literal["left", "right"] = "left", size: float | None = None) -> Block:
    """Make a paragraph.

    Raises:
        FormatError: The font lacks a character.
    """
    return _worded(text, style, HEADINGS.get(style, "P"), align=align, size=size)


def _worded(text: Text, style: StyleName, role: Role, *, align: str = "left", size: float | None = None) -> Block:
    plain = "".join(f" {run.text}" if run.below else run.text for run in _runs(text))
    return flow.worded(_markup(text), letters.style(style, 2 if align == "right" else 0, size), Tag(role), plain)


def heading(text: str, *, room: float = 90) -> list[Block]:
    """Make a heading that starts a new page when less than `room` points are left under it."""
    return [flow.break_when_short(room), space(11), paragraph(text, "heading"), space(3)]


def next_page() -> Block:
    """Go on at the top of the next page."""
    return flow.break_page()


def space(points: float) -> Block:
    """Leave room."""
    return flow.space(1, points)


def together(blocks: Sequence[Block]) -> Block:
    """Keep blocks on one page when they fit on one."""
    return flow.together(blocks)


def width_of(text: str, face: str, size: float) -> float:
    """Measure a text."""
    return letters.width_of(text, face, size)


def fitted(text: Text, width: float, style: StyleName, least: float, *, align: Literal["left", "right"] = "left") -> Block:
    """Make a paragraph whose letters shrink, down to `least` points, until the text stands on one line of this width."""
    face, size = letters.STYLES[style][:2]
    wide = sum(width_of(run.text, face, size) for run in _runs(text))
    return paragraph(text, style, align=align, size=max(least, min(size, size * (width - 1) / wide)) if wide else None)


def columns(cells: Sequence[tuple[float, Sequence[Block]]], *, gap: float = 12, width: float = WIDTH) -> Block:
    """Set stacks of blocks side by side; each comes with its share of the width."""
    total = sum(share for share, _ in cells)
    widths = [width * share / total for share, _ in cells]
    style = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("RIGHTPADDING", (0, 0), (-1, -1), gap), ("RIGHTPADDING", (-1, 0), (-1, -1), 0)]
    return flow.grid([[list(stack) for _, stack in cells]], widths, style, flow.tags_of(block for _, stack in cells for block in stack))


def panel(blocks: Sequence[Block], *, fill: str = WASH, edge: str = ACCENT, width: float = WIDTH) -> Block:
    """Set blocks on a tinted ground with a coloured left edge."""
    style = [
        ("BACKGROUND", (0, 0), (-1, -1), fill),
        ("LINEBEFORE", (0, 0), (0, -1), 2, edge),
        *((side, (0, 0), (-1, -1), 9) for side in ("LEFTPADDING", "RIGHTPADDING")),
        *((side, (0, 0), (-1, -1), 7) for side in ("TOPPADDING", "BOTTOMPADDING")),
    ]
    return flow.grid([[list(blocks)]], [width], style, flow.tags_of(blocks))


def band(cells: Sequence[tuple[float, str, Text, Text]]) -> Block:
    """Make the band of key facts: share of the width, label, value in large letters (shrunk to fit), and a line beneath."""
    total = sum(cell[0] for cell in cells)
    rows = [
        [_worded(label, "label", "Lbl") for _, label, _, _ in cells],
        [fitted(value, WIDTH * share / total - 16, "value", 8) for share, _, value, _ in cells],
        [paragraph(beneath, "fine") for _, _, _, beneath in cells],
    ]
    style = [
        ("LINEABOVE", (0, 0), (-1, 0), 1.2, INK),
        ("LINEBELOW", (0, -1), (-1, -1), 0.5, RULE),
        ("LINEBEFORE", (1, 0), (-1, -1), 0.5, RULE),
        ("VALIGN", (0, 1), (-1, 1), "BOTTOM"),
        ("LEFTPADDING", (1, 0), (-1, -1), 9),
        ("RIGHTPADDING", (0, 0), (-1, -1), 6),
        ("TOPPADDING", (0, 0), (-1, 0), 7),
        ("TOPPADDING", (0, 1), (-1, -1), 2),
        ("BOTTOMPADDING", (0, -1), (-1, -1), 8),
    ]
    pairs = [(label.tags[0], Tag("LBody", flow.tags_of(stack))) for label, *stack in zip(*rows, strict=True)]
    return flow.grid(rows, [WIDTH * cell[0] / total for cell in cells], style, [_list(pairs)])


def _list(pairs: Sequence[tuple[Tag, Tag]]) -> Tag:
    """Tag labels with what they say as a list (ISO 32000-1, 14.8.4.3.3: the label may be the term that the body defines)."""
    return Tag("L", [Tag("LI", list(pair)) for pair in pairs])


def facts(pairs: Sequence[tuple[str, Text]], *, across: int = 3) -> Block:
    """Make a grid of labels with their values beneath."""
    cells = [[_worded(label, "label", "Lbl"), _worded(value, "small", "LBody"), space(4)] for label, value in pairs]
    read = _list([(label.tags[0], value.tags[0]) for label, value, _ in cells])
    cells += [[space(1)] for _ in range(-len(cells) % across)]
    rows = [cells[at : at + across] for at in range(0, len(cells), across)]
    return flow.grid(rows, [WIDTH / across] * across, [("RIGHTPADDING", (0, 0), (-1, -1), 10)], [read])


def table(head: Sequence[str], rows: Sequence[Sequence[Text]], shares: Sequence[float], *, right: Sequence[int] = ()) -> Block:
    """Make a table whose head is repeated on each page; `right` numbers the columns set flush right."""
    sides: list[Literal["left", "right"]] = ["right" if number in right else "left" for number in range(len(head))]
    body = [[_worded(cell, "cell", "TD", align=side) for cell, side in zip(row, sides, strict=True)] for row in rows]
    top = [_worded(name, "head", "TH", align=side) for name, side in zip(head, sides, strict=True)]
    read = Tag("Table", [Tag("TR", flow.tags_of(row)) for row in (top, *body)])
    style = [
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, INK),
        ("LINEBELOW", (0, 1), (-1, -1), 0.4, RULE),
        ("RIGHTPADDING", (0, 0), (-2, -1), 8),
        *((side, (0, 0), (-1, -1), 2.6) for side in ("TOPPADDING", "BOTTOMPADDING")),
    ]
    return flow.grid([top, *body], [WIDTH * share / sum(shares) for share in shares], style, [read], repeat=1)


def in_language(blocks: Sequence[Block], language: str) -> list[Block]:
    """Say in which language blocks are read (ISO 32000-1, 14.9.2), where it is not that of the document."""
    for tag in flow.tags_of(blocks):
        tag.language = language
    return list(blocks)


def figure(diagram: Diagram, *, width: float = WIDTH, height: float = 620) -> Block:
    """Set a drawing, made smaller where it is larger than the room."""
    for words in diagram.words:
        check(words.text, field=diagram.title)
    return flow.Drawn(diagram, min(1.0, width / diagram.width, height / diagram.height), _alternative(diagram))


def _alternative(diagram: Diagram) -> str:
    """Say what a drawing shows: its title, its description, and the words in it where the description does not hold them."""
    reads = ", ".join(words.text for words in diagram.words)
    return ": ".join(text for text in (diagram.title, diagram.description, "" if reads in diagram.description else reads) if text)


def qr(text: str, size: float) -> Block:
    """Make a QR code (ISO/IEC 18004) of this size, quiet zone left to the page around it."""
    modules = flow.qr_modules(text)
    count = len(modules)
    boxes = []
    for row, dark in enumerate(modules):
        column = 0
        while column < count:
            start = column
            while column < count and dark[column]:
                column += 1
            if column > start:
                boxes.append(Box(start, row, column - start, 1.02, INK))
            column += 1
    diagram = Diagram(count, count, "QR code", text, tuple(boxes))
    return flow.Drawn(diagram, size / count, _alternative(diagram))


def field(rows: Sequence[tuple[Text, StyleName]], alternative: str) -> Block:
    """Make a signature field at the foot of the first page: lines, each shrunk to fit, and what is read aloud in their place.

    It looks the same with a signature and without, so who makes one signs it before anybody sees it.

    Raises:
        FormatError: The font lacks a character.
    """
    return flow.Field([_piece_row(_runs(text), style) for text, style in rows], 10.4, check(alternative, field="a signature field"))


def _piece_row(runs: Sequence[Run], style: StyleName) -> list[Piece]:
    """Set runs on one line beside the mark of a field."""
    _, size, _, ink = letters.STYLES[style]
    texts = [(check(run.text, field=run.field), FACES[run.face]) for run in runs]
    left, wide = FIELD_LEFT, sum(width_of(text, face, size) for text, face in texts)
    size *= min(1.0, (WIDTH - FIELD_LEFT - 8) / wide)
    row = []
    for text, face in texts:
        row.append(Piece(left, text, face, size, ink))
        left += width_of(text, face, size)
    return row


def lines(rows: Sequence[Sequence[Sequence[Piece]]], leading: float) -> Block:
    """Make rows of lines that were set elsewhere, as the annex does; each row is read as a paragraph, and any line may begin a page."""
    content: list[tuple[Tag, Sequence[Piece]]] = []
    for row in rows:
        tag = Tag("P")
        content += [(tag, line) for line in row]
    return flow.Lines(content, leading)


def build(blocks: Sequence[Block], head: Head) -> bytes:
    """Set blocks on pages and return the PDF.

    Raises:
        FormatError: The font lacks a character of the head, a block fits on no page, a figure has no alternative text, or a heading skips
            a level.
    """
    for text in (head.title, head.author, head.left, head.right, head.foot, head.subject):
        check(text, field="the page head")
    tree = Tag("Document", flow.tags_of(blocks))
    for tag in tree.walk():
        tag.marks.clear()  # of an earlier setting of the same blocks
    pages, drawn = paper.set_pages(blocks, head)
    return archive(pages, tree, drawn, About(head.title, head.author, head.subject, head.made))
