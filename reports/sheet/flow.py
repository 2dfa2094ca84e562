"""The blocks that flow over pages, each with its tags: what it draws is marked as theirs, on as many pages as it takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeAlias

from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import CondPageBreak, Flowable, KeepTogether, PageBreak, Paragraph, Spacer, Table, TableStyle
from reportlab.platypus.paragraph import FragLine

from reports.diagram import Diagram, Words
from reports.fontset import BOLD, SANS
from reports.page import ACCENT, FOOT, WIDTH, Block, Piece
from reports.sheet.letters import register
from reports.sheet.paper import REPEATED
from reports.tags import FIELD, Tag

space, break_page, break_when_short = Spacer, PageBreak, CondPageBreak
FIELD_BASE, FIELD_HEIGHT, FIELD_GAP = 42.0, 38.0, 6.0
"""Where a signature field stands above the lower edge, between the foot line and the text; how high it is, and the room left above it."""
Line: TypeAlias = tuple[float, list[str]] | FragLine
"""A set line: the page writer keeps room and words for a plain paragraph, fragments for one in several faces."""


def tags_of(blocks: Iterable[Block]) -> list[Tag]:
    """Return the tags of blocks in reading order; spaces and page breaks have none."""
    return [tag for block in blocks for tag in getattr(block, "tags", ())]


class Worded(Paragraph):  # type: ignore[misc]
    """A paragraph with its tag and its plain text. Both halves of a split one carry the same tag."""

    tags: tuple[Tag, ...] = ()
    plain = ""

    def split(self, width: float, height: float) -> list[Any]:
        """Split as paragraphs do, and hand on the tag; each half keeps the text from its first line on."""
        parts: list[Any] = super().split(width, height)
        plain = self.plain
        for part in parts:
            part.tags, part.plain = self.tags, plain
            if part is not parts[-1]:
                plain = _breaks(part.blPara.lines, plain)[1]
        return parts

    def draw(self) -> None:
        """Draw the lines, marked. A table's head is drawn again on every page; it is read only once."""
        (tag,) = self.tags
        with self.canv.artifact(REPEATED) if tag.role == "TH" and tag.marks else self.canv.tagged(tag):
            if self.plain:
                self._end_lines()
                super().draw()

    def _end_lines(self) -> None:
        """End each line with a space, except where the break cuts a word.

        In tagged PDF words are told apart by spaces alone (ISO 32000-1, 14.8.2.5), and the paragraph writer drops those at a break.
        """
        lines = self.blPara.lines
        for at, is_space in enumerate(_breaks(lines, self.plain)[0]):
            if not is_space or _words(lines[at]).endswith(" "):
                continue
            if isinstance(lines[at], tuple):  # the last word takes the space, so that the count of gaps that share the slack stays
                room, words = lines[at]
                lines[at] = (room, [*words[:-1], f"{words[-1]} "])
            else:
                lines[at].words[-1].text += " "


def _words(line: Line) -> str:
    return " ".join(line[1]) if isinstance(line, tuple) else "".join(piece.text for piece in line.words)


def _breaks(lines: Sequence[Line], plain: str) -> tuple[list[bool], str]:
    """Tell which lines end where the text has a space, and which text comes after them."""
    found = []
    for line in lines:
        plain = plain.lstrip(" ").removeprefix(_words(line).strip(" "))
        found.append(plain.startswith(" "))
    return found, plain


def worded(markup: str, style: ParagraphStyle, tag: Tag, plain: str) -> Worded:
    """Make a paragraph from checked markup; `plain` is its text without."""
    block = Worded(markup, style)
    block.tags, block.plain = (tag,), " ".join(word for word in plain.split(" ") if word)
    return block


class Grid(Table):  # type: ignore[misc]
    """A table or a layout in columns. Its rules and grounds are artifacts; its cells mark themselves."""

    tags: tuple[Tag, ...] = ()

    def _drawBkgrnd(self) -> None:  # noqa: N802 - the page writer's name
        with self.canv.artifact():
            super()._drawBkgrnd()

    def _drawLines(self) -> None:  # noqa: N802 - the page writer's name
        with self.canv.artifact():
            super()._drawLines()


def grid(rows: list[list[Any]], widths: list[float], style: list[Any], tags: Iterable[Tag], repeat: int = 0) -> Grid:
    """Set blocks in rows and columns; `tags` says what is read, and in which order."""
    register()
    base = [
        ("FONTNAME", (0, 0), (-1, -1), SANS),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        *((side, (0, 0), (-1, -1), 0) for side in ("LEFTPADDING", "RIGHTPADDING", "TOPPADDING", "BOTTOMPADDING")),
    ]
    block = Grid(rows, widths, repeatRows=repeat, splitInRow=1, style=TableStyle(base + style), hAlign="LEFT")
    block.tags = tuple(tags)
    return block


def together(blocks: Sequence[Block]) -> KeepTogether:
    """Keep blocks on one page when they fit on one."""
    block = KeepTogether(list(blocks))
    block.tags = tuple(tags_of(blocks))
    return block


class Drawn(Flowable):  # type: ignore[misc]
    """A diagram on the page; y is turned round, because paper counts from below."""

    def __init__(self, diagram: Diagram, scale: float, alternative: str) -> None:
        super().__init__()
        self.diagram = diagram
        self.scale = scale
        self.width = diagram.width * scale
        self.height = diagram.height * scale
        self.tags = (Tag("Figure", alternative=alternative),)

    def draw(self) -> None:
        """Draw the shapes and words as one figure, and note where it stands (ISO 32000-1, 14.8.5.4.3, BBox)."""
        register()
        (tag,) = self.tags
        x, y = self.canv.absolutePosition(0, 0)
        tag.box = (round(x, 2), round(y, 2), round(x + self.width, 2), round(y + self.height, 2))
        with self.canv.tagged(tag):
            self.canv.saveState()
            self.canv.scale(self.scale, self.scale)
            self._draw_shapes()
            for words in self.diagram.words:
                self._write(words)
            self.canv.restoreState()

    def _draw_shapes(self) -> None:
        canvas, tall = self.canv, self.diagram.height
        for band in self.diagram.ribbons:
            canvas.setFillColor(band.fill)
            middle = (band.x0 + band.x1) / 2
            top0, top1 = tall - band.y0, tall - band.y1
            shape = canvas.beginPath()
            shape.moveTo(band.x0, top0)
            shape.curveTo(middle, top0, middle, top1, band.x1, top1)
            shape.lineTo(band.x1, top1 - band.thickness)
            shape.curveTo(middle, top1 - band.thickness, middle, top0 - band.thickness, band.x0, top0 - band.thickness)
            shape.close()
            canvas.drawPath(shape, stroke=0, fill=1)
        for box in self.diagram.boxes:
            canvas.setFillColor(box.fill)
            canvas.rect(box.x, tall - box.y - box.height, box.width, box.height, stroke=0, fill=1)

    def _write(self, words: Words) -> None:
        canvas = self.canv
        canvas.setFillColor(words.fill)
        canvas.setFont(BOLD if words.bold else SANS, words.size)
        write = {"end": canvas.drawRightString, "middle": canvas.drawCentredString}.get(words.anchor, canvas.drawString)
        write(words.x, self.diagram.height - words.y, words.text)


def qr_modules(text: str) -> list[list[bool]]:
    """Return the modules of a QR code (ISO/IEC 18004) by row, dark ones true."""
    code = QrCodeWidget(text, barLevel="M").qr
    code.make()
    count = code.getModuleCount()
    return [[bool(code.isDark(row, column)) for column in range(count)] for row in range(count)]


class Lines(Flowable):  # type: ignore[misc]
    """Lines that were set elsewhere, each with the tag of the row it belongs to; they break over pages between any two of them."""

    def __init__(self, content: list[tuple[Tag, Sequence[Piece]]], leading: float) -> None:
        super().__init__()
        self.content = content
        self.leading = leading
        self.tags = tuple(dict.fromkeys(tag for tag, _ in content))

    def wrap(self, width: float, _height: float) -> tuple[float, float]:
        """Return the room needed."""
        self.width, self.height = width, len(self.content) * self.leading
        return self.width, self.height

    def split(self, _width: float, height: float) -> list[Flowable]:
        """Break after the last line that fits."""
        fit = int(height / self.leading)
        return [Lines(self.content[:fit], self.leading), Lines(self.content[fit:], self.leading)] if fit else []

    def draw(self) -> None:
        """Draw the lines, each row marked as one."""
        base = self.height - self.leading * 0.75
        for tag, lines in groupby(self.content, key=itemgetter(0)):
            with self.canv.tagged(tag):
                for _, line in lines:
                    self._draw_line(line, base)
                    base -= self.leading

    def _draw_line(self, line: Sequence[Piece], base: float) -> None:
        """Draw the pieces, a space after each: see `Worded._end_lines`."""
        for piece in line:
            self.canv.setFillColor(piece.colour)
            self.canv.setFont(piece.face, piece.size)
            self.canv.drawString(piece.x, base, piece.text if piece.is_cut else f"{piece.text} ")


class Field(Flowable):  # type: ignore[misc]
    """A signature field at the foot of the first page, wherever it is read: its frame, a round mark, and lines set elsewhere.

    What is drawn is what the field looks like (ISO 32000-1, 12.5.5); the page itself draws nothing there and leaves room.
    """

    foot_room = FIELD_BASE + FIELD_HEIGHT + FIELD_GAP - FOOT

    def __init__(self, rows: Sequence[Sequence[Piece]], leading: float, alternative: str) -> None:
        super().__init__()
        self.rows = rows
        self.leading = leading
        self.width = self.height = 0
        self.tags = (Tag("Form", alternative=alternative),)

    def draw(self) -> None:
        """Draw the appearance, and note where the field stands."""
        register()
        (tag,) = self.tags
        x = round(self.canv.absolutePosition(0, 0)[0], 2)
        tag.page, tag.box = self.canv.getPageNumber(), (x, FIELD_BASE, x + WIDTH, FIELD_BASE + FIELD_HEIGHT)
        with self.canv.appearance(FIELD, WIDTH, FIELD_HEIGHT):
            self._draw_frame()
            base = (FIELD_HEIGHT + self.leading * len(self.rows)) / 2 - self.leading * 0.85
            for row in self.rows:
                for piece in row:
                    self.canv.setFillColor(piece.colour)
                    self.canv.setFont(piece.face, piece.size)
                    self.canv.drawString(piece.x, base, piece.text)
                base -= self.leading

    def _draw_frame(self) -> None:
        canvas, middle = self.canv, FIELD_HEIGHT / 2
        canvas.setStrokeColor(ACCENT)
        canvas.setLineWidth(0.8)
        canvas.rect(0.4, 0.4, WIDTH - 0.8, FIELD_HEIGHT - 0.8)
        canvas.circle(middle + 2, middle, 13)
        canvas.setLineWidth(0.4)
        canvas.circle(middle + 2, middle, 11)
        canvas.setLineWidth(0.8)
        canvas.line(middle + 2, middle + 11, middle + 2, middle + 2)  # a plumb bob on its line
        canvas.setFillColor(ACCENT)
        bob = canvas.beginPath()
        bob.moveTo(middle + 2, middle + 3)
        for across, up in ((5.4, 0.6), (5.4, -0.8), (2, -8), (-1.4, -0.8), (-1.4, 0.6)):
            bob.lineTo(middle + across, middle + up)
        bob.close()
        canvas.drawPath(bob, stroke=0, fill=1)
