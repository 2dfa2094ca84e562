"""A small page kit: the only door to reportlab.

What goes in is words and numbers, never markup: every text is checked against the fonts and escaped, so `R & D <Monterrey>` comes out as
it stands (an unescaped `<` would silently drop the word). The same blocks give the same bytes: no clock, no random identifiers. Every face
is embedded; tables and drawings, which would bring an un-embedded Helvetica along, are told their fonts.

Lengths are in points (1/72 inch) on letter paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from io import BytesIO
from typing import Any, Literal
from xml.sax.saxutils import escape

from reportlab import rl_config
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.lib.pagesizes import A4, letter
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    KeepTogether,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)
from reportlab.platypus.doctemplate import LayoutError

from ledger.errors import FormatError
from reports.diagram import Box, Diagram, Words
from reports.fontset import BOLD, FACES, ITALIC, MONO, SANS, check, path
from reports.page import ACCENT, FOOT, INK, MUTED, RULE, TOP, WASH, WIDTH, Block, Head, Piece, Run, StyleName, Text

rl_config.invariant = 1
rl_config.trustedSchemes = ["data"]
rl_config.trustedHosts = []

_STYLES: dict[StyleName, tuple[str, float, float, str]] = {
    "title": (BOLD, 23, 27, INK),
    "figure": (BOLD, 25, 29, ACCENT),
    "lead": (SANS, 10.5, 15, INK),
    "heading": (BOLD, 10.5, 14, INK),
    "body": (SANS, 8.6, 12.2, INK),
    "small": (SANS, 7.6, 10.6, INK),
    "label": (SANS, 6.8, 9, MUTED),
    "fine": (SANS, 6.8, 9.2, MUTED),
    "cell": (SANS, 7.2, 9.4, INK),
    "head": (BOLD, 6.8, 9, MUTED),
    "number": (BOLD, 10.5, 15, INK),
    "value": (BOLD, 14, 17, INK),
}


@cache
def _register() -> None:
    for face in FACES:
        pdfmetrics.registerFont(TTFont(face, path(face)))
    pdfmetrics.registerFontFamily(SANS, normal=SANS, bold=BOLD, italic=ITALIC, boldItalic=BOLD)


def _style(name: StyleName, align: int = 0, size: float | None = None) -> ParagraphStyle:
    _register()
    face, points, leading, colour = _STYLES[name]
    points, leading = (points, leading) if size is None else (size, size * 1.22)
    return ParagraphStyle(
        f"{name}-{align}-{points}", fontName=face, fontSize=points, leading=leading, textColor=colour, alignment=align, bulletFontName=SANS
    )


def _runs(text: Text) -> list[Run]:
    return [Run(text)] if isinstance(text, str) else [text] if isinstance(text, Run) else list(text)


def _markup(text: Text) -> str:
    """Write runs as reportlab's markup, each value checked and escaped."""
    faces = {"bold": BOLD, "italic": ITALIC, "mono": MONO, "plain": ""}
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
    return Paragraph(_markup(text), _style(style, 2 if align == "right" else 0, size))


def heading(text: str, *, room: float = 90) -> list[Block]:
    """Make a heading that starts a new page when less than `room` points are left under it."""
    return [CondPageBreak(room), Spacer(1, 11), paragraph(text, "heading"), Spacer(1, 3)]


def next_page() -> Block:
    """Go on at the top of the next page."""
    return PageBreak()


def space(points: float) -> Block:
    """Leave room."""
    return Spacer(1, points)


def together(blocks: Sequence[Block]) -> Block:
    """Keep blocks on one page when they fit on one."""
    return KeepTogether(list(blocks))


def width_of(text: str, face: str, size: float) -> float:
    """Measure a text."""
    _register()
    return float(pdfmetrics.stringWidth(text, face, size))


def fitted(text: Text, width: float, style: StyleName, least: float, *, align: Literal["left", "right"] = "left") -> Block:
    """Make a paragraph whose letters shrink, down to `least` points, until the text stands on one line of this width."""
    face, size = _STYLES[style][:2]
    wide = sum(width_of(run.text, face, size) for run in _runs(text))
    return paragraph(text, style, align=align, size=max(least, min(size, size * (width - 1) / wide)) if wide else None)


def columns(cells: Sequence[tuple[float, Sequence[Block]]], *, gap: float = 12, width: float = WIDTH) -> Block:
    """Set stacks of blocks side by side; each comes with its share of the width."""
    total = sum(share for share, _ in cells)
    widths = [width * share / total for share, _ in cells]
    style = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("RIGHTPADDING", (0, 0), (-1, -1), gap), ("RIGHTPADDING", (-1, 0), (-1, -1), 0)]
    return _grid([[list(stack) for _, stack in cells]], widths, style)


def panel(blocks: Sequence[Block], *, fill: str = WASH, edge: str = ACCENT, width: float = WIDTH) -> Block:
    """Set blocks on a tinted ground with a coloured left edge."""
    style = [
        ("BACKGROUND", (0, 0), (-1, -1), fill),
        ("LINEBEFORE", (0, 0), (0, -1), 2, edge),
        *((side, (0, 0), (-1, -1), 9) for side in ("LEFTPADDING", "RIGHTPADDING")),
        *((side, (0, 0), (-1, -1), 7) for side in ("TOPPADDING", "BOTTOMPADDING")),
    ]
    return _grid([[list(blocks)]], [width], style)


def band(cells: Sequence[tuple[float, str, Text, Text]]) -> Block:
    """Make the band of key facts: share of the width, label, value in large letters (shrunk to fit), and a line beneath."""
    total = sum(cell[0] for cell in cells)
    rows = [
        [paragraph(label, "label") for _, label, _, _ in cells],
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
    return _grid(rows, [WIDTH * cell[0] / total for cell in cells], style)


def facts(pairs: Sequence[tuple[str, Text]], *, across: int = 3) -> Block:
    """Make a grid of labels with their values beneath."""
    cells = [[paragraph(label, "label"), paragraph(value, "small"), space(4)] for label, value in pairs]
    cells += [[space(1)] for _ in range(-len(cells) % across)]
    rows = [cells[at : at + across] for at in range(0, len(cells), across)]
    return _grid(rows, [WIDTH / across] * across, [("RIGHTPADDING", (0, 0), (-1, -1), 10)])


def table(head: Sequence[str], rows: Sequence[Sequence[Text]], shares: Sequence[float], *, right: Sequence[int] = ()) -> Block:
    """Make a table whose head is repeated on each page; `right` numbers the columns set flush right."""
    sides: list[Literal["left", "right"]] = ["right" if number in right else "left" for number in range(len(head))]
    body = [[paragraph(cell, "cell", align=side) for cell, side in zip(row, sides, strict=True)] for row in rows]
    top = [paragraph(name, "head", align=side) for name, side in zip(head, sides, strict=True)]
    style = [
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, INK),
        ("LINEBELOW", (0, 1), (-1, -1), 0.4, RULE),
        ("RIGHTPADDING", (0, 0), (-2, -1), 8),
        *((side, (0, 0), (-1, -1), 2.6) for side in ("TOPPADDING", "BOTTOMPADDING")),
    ]
    return _grid([top, *body], [WIDTH * share / sum(shares) for share in shares], style, repeat=1)


def _grid(rows: list[list[Any]], widths: list[float], style: list[Any], repeat: int = 0) -> Block:
    _register()
    base = [
        ("FONTNAME", (0, 0), (-1, -1), SANS),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        *((side, (0, 0), (-1, -1), 0) for side in ("LEFTPADDING", "RIGHTPADDING", "TOPPADDING", "BOTTOMPADDING")),
    ]
    return Table(rows, widths, repeatRows=repeat, splitInRow=1, style=TableStyle(base + style), hAlign="LEFT")


def figure(diagram: Diagram, *, width: float = WIDTH, height: float = 620) -> Block:
    """Set a drawing, made smaller where it is larger than the room."""
    for words in diagram.words:
        check(words.text, field=diagram.title)
    return _Figure(diagram, min(1.0, width / diagram.width, height / diagram.height))


class _Figure(Flowable):  # type: ignore[misc]
    """A diagram on the page; y is turned round, because paper counts from below."""

    def __init__(self, diagram: Diagram, scale: float) -> None:
        super().__init__()
        self.diagram = diagram
        self.scale = scale
        self.width = diagram.width * scale
        self.height = diagram.height * scale

    def draw(self) -> None:
        _register()
        canvas, tall = self.canv, self.diagram.height
        canvas.saveState()
        canvas.scale(self.scale, self.scale)
        for band_ in self.diagram.ribbons:
            canvas.setFillColor(band_.fill)
            middle = (band_.x0 + band_.x1) / 2
            top0, top1 = tall - band_.y0, tall - band_.y1
            shape = canvas.beginPath()
            shape.moveTo(band_.x0, top0)
            shape.curveTo(middle, top0, middle, top1, band_.x1, top1)
            shape.lineTo(band_.x1, top1 - band_.thickness)
            shape.curveTo(middle, top1 - band_.thickness, middle, top0 - band_.thickness, band_.x0, top0 - band_.thickness)
            shape.close()
            canvas.drawPath(shape, stroke=0, fill=1)
        for box in self.diagram.boxes:
            canvas.setFillColor(box.fill)
            canvas.rect(box.x, tall - box.y - box.height, box.width, box.height, stroke=0, fill=1)
        for words in self.diagram.words:
            self._write(words)
        canvas.restoreState()

    def _write(self, words: Words) -> None:
        canvas = self.canv
        canvas.setFillColor(words.fill)
        canvas.setFont(BOLD if words.bold else SANS, words.size)
        write = {"end": canvas.drawRightString, "middle": canvas.drawCentredString}.get(words.anchor, canvas.drawString)
        write(words.x, self.diagram.height - words.y, words.text)


def qr(text: str, size: float) -> Block:
    """Make a QR code (ISO/IEC 18004) of this size, quiet zone left to the page around it."""
    code = QrCodeWidget(text, barLevel="M").qr
    code.make()
    count = code.getModuleCount()
    boxes = []
    for row in range(count):
        column = 0
        while column < count:
            start = column
            while column < count and code.isDark(row, column):
                column += 1
            if column > start:
                boxes.append(Box(start, row, column - start, 1.02, INK))
            column += 1
    return _Figure(Diagram(count, count, "QR code", text, tuple(boxes)), size / count)


def lines(set_lines: Sequence[Sequence[Piece]], leading: float) -> Block:
    """Make lines that were set elsewhere, as the annex does; they break over pages between any two of them."""
    return _Lines([list(line) for line in set_lines], leading)


class _Lines(Flowable):  # type: ignore[misc]
    def __init__(self, content: list[list[Piece]], leading: float) -> None:
        super().__init__()
        self.content = content
        self.leading = leading

    def wrap(self, width: float, _height: float) -> tuple[float, float]:
        self.width, self.height = width, len(self.content) * self.leading
        return self.width, self.height

    def split(self, _width: float, height: float) -> list[Flowable]:
        fit = int(height / self.leading)
        return [_Lines(self.content[:fit], self.leading), _Lines(self.content[fit:], self.leading)] if fit else []

    def draw(self) -> None:
        base = self.height - self.leading * 0.75
        for line in self.content:
            for piece in line:
                self.canv.setFillColor(piece.colour)
                self.canv.setFont(piece.face, piece.size)
                self.canv.drawString(piece.x, base, piece.text)
            base -= self.leading


class _Counting(Canvas):  # type: ignore[misc]
    """A canvas that ends with a form that says how many pages there are; the pages drew it before it was known."""

    def save(self) -> None:
        count = self.getPageNumber() - 1
        self.beginForm("page-count", 0, -4, 60, 12)
        self.setFillColor(MUTED)
        self.setFont(SANS, 7)
        self.drawString(0, 0, str(count))
        self.endForm()
        super().save()


def build(blocks: Sequence[Block], head: Head) -> bytes:
    """Set blocks on pages and return the PDF.

    Raises:
        FormatError: The font lacks a character of the head, or a block fits on no page.
    """
    _register()
    for text in (head.title, head.author, head.left, head.right, head.foot, head.subject):
        check(text, field="the page head")
    paper = letter if head.paper == "letter" else A4
    buffer = BytesIO()
    frame = Frame((paper[0] - WIDTH) / 2, FOOT, WIDTH, paper[1] - TOP - FOOT, 0, 0, 0, 0)
    document = BaseDocTemplate(
        buffer,
        pagesize=paper,
        pageTemplates=[PageTemplate("page", [frame], onPage=lambda canvas, _document: _furnish(canvas, head, paper))],
        title=head.title,
        author=head.author,
        subject=head.subject,
        creator="Plumbline",
        lang="en-US",
        displayDocTitle=1,
        invariant=1,
        pageCompression=1,
        initialFontName=SANS,
    )
    try:
        document.build(list(blocks), canvasmaker=_Counting)
    except LayoutError as error:
        raise FormatError("a part of the report is too large for a page") from error
    return buffer.getvalue()


def _furnish(canvas: Canvas, head: Head, paper: tuple[float, float]) -> None:
    """Draw what stands on every page: number and lot above, page x of y beneath."""
    left, right = (paper[0] - WIDTH) / 2, (paper[0] + WIDTH) / 2
    canvas.saveState()
    canvas.setFillColor(MUTED)
    canvas.setFont(SANS, 7)
    wide = width_of(head.left, SANS, 7) + width_of(head.right, SANS, 7)
    canvas.setFont(SANS, 7 * min(1.0, (WIDTH - 16) / wide) if wide else 7)
    canvas.drawString(left, paper[1] - 36, head.left)
    canvas.drawRightString(right, paper[1] - 36, head.right)
    canvas.setFont(SANS, 7)
    canvas.setStrokeColor(RULE)
    canvas.setLineWidth(0.5)
    canvas.line(left, paper[1] - 43, right, paper[1] - 43)
    page = f"Page {canvas.getPageNumber()} of "
    canvas.drawString(left, 30, page)
    canvas.drawRightString(right, 30, head.foot)
    canvas.translate(left + width_of(page, SANS, 7), 30)
    canvas.doForm("page-count")
    canvas.restoreState()
