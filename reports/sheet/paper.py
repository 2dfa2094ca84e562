"""Sheets of paper that know what is drawn on them: every stroke is content with a tag, or an artifact.

Marked content (ISO 32000-1, 14.6) is numbered from nought on each page; the numbers are kept with the tags (14.7.4.2). What nobody needs
to hear, rules, grounds, the furniture of the page and the repeated head of a table, is an artifact (14.8.2.2).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import BytesIO

from reportlab.lib.pagesizes import A4, letter
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate
from reportlab.platypus.doctemplate import LayoutError

from ledger.errors import FormatError
from reports.fontset import SANS
from reports.page import FOOT, MUTED, RULE, TOP, WIDTH, Block, Head
from reports.sheet.letters import register, width_of
from reports.tags import Tag

LAYOUT = "/Artifact <</Type /Layout>> BDC"
REPEATED = "/Artifact <</Type /Pagination>> BDC"
ABOVE = "/Artifact <</Type /Pagination /Subtype /Header>> BDC"
BENEATH = "/Artifact <</Type /Pagination /Subtype /Footer>> BDC"


class Paper(Canvas):  # type: ignore[misc]
    """A canvas that marks what is drawn, and ends with a form that says how many pages there are; the pages drew it before it was known."""

    def __init__(self, drawn: Counter[int], *arguments: object, **options: object) -> None:
        self.drawn = drawn
        super().__init__(*arguments, **options)

    @contextmanager
    def tagged(self, tag: Tag) -> Iterator[None]:
        """Mark what is drawn within as content of a tag; where nothing is drawn, nothing is marked."""
        page = self.getPageNumber()
        number = self.drawn[page]
        with self._marked(f"/{tag.role} <</MCID {number}>> BDC") as found:
            yield
        if found:
            self.drawn[page] += 1
            tag.marks.append((page, number))

    @contextmanager
    def artifact(self, kind: str = LAYOUT) -> Iterator[None]:
        """Mark what is drawn within as nothing that is read."""
        with self._marked(kind):
            yield

    @contextmanager
    def _marked(self, begin: str) -> Iterator[list[bool]]:
        self._code.append(begin)
        start = len(self._code)
        found: list[bool] = []
        yield found
        if len(self._code) == start:
            self._code.pop()
            return
        self._code.append("EMC")
        found.append(True)

    @contextmanager
    def appearance(self, name: str, width: float, height: float) -> Iterator[None]:
        """Draw within what a form field looks like: a form of its own, named in the page's resources and not drawn by the page."""
        self.beginForm(name, 0, 0, width, height)
        yield
        self.endForm()
        self._formsinuse.append(name)

    def save(self) -> None:
        """Draw the form with the count, and close the file."""
        count = self.getPageNumber() - 1
        self.beginForm("page-count", 0, -4, 60, 12)
        self.setFillColor(MUTED)
        self.setFont(SANS, 7)
        self.drawString(0, 0, str(count))
        self.endForm()
        super().save()


def set_pages(blocks: Sequence[Block], head: Head) -> tuple[bytes, Counter[int]]:
    """Set blocks on pages; return the PDF, not yet tagged, and how many pieces of marked content each page has.

    Raises:
        FormatError: A block fits on no page.
    """
    register()
    paper = letter if head.paper == "letter" else A4
    buffer = BytesIO()
    room = sum(getattr(block, "foot_room", 0) for block in blocks)
    document = BaseDocTemplate(
        buffer,
        pagesize=paper,
        pageTemplates=[
            PageTemplate(
                name,
                [Frame((paper[0] - WIDTH) / 2, FOOT + left, WIDTH, paper[1] - TOP - FOOT - left, 0, 0, 0, 0)],
                onPage=lambda canvas, _document: _furnish(canvas, head, paper),
                autoNextPageTemplate="page",
            )
            for name, left in (("first", room), ("page", 0))
        ],
        invariant=1,
        pageCompression=1,
        initialFontName=SANS,
    )
    drawn: Counter[int] = Counter()
    try:
        document.build(list(blocks), canvasmaker=partial(Paper, drawn))
    except LayoutError as error:
        raise FormatError("a part of the report is too large for a page") from error
    return buffer.getvalue(), drawn


def _furnish(canvas: Paper, head: Head, paper: tuple[float, float]) -> None:
    """Draw what stands on every page: number and lot above, page x of y beneath."""
    left, right = (paper[0] - WIDTH) / 2, (paper[0] + WIDTH) / 2
    canvas.saveState()
    with canvas.artifact(ABOVE):
        canvas.setFillColor(MUTED)
        wide = width_of(head.left, SANS, 7) + width_of(head.right, SANS, 7)
        canvas.setFont(SANS, 7 * min(1.0, (WIDTH - 16) / wide) if wide else 7)
        canvas.drawString(left, paper[1] - 36, head.left)
        canvas.drawRightString(right, paper[1] - 36, head.right)
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.5)
        canvas.line(left, paper[1] - 43, right, paper[1] - 43)
    with canvas.artifact(BENEATH):
        canvas.setFont(SANS, 7)
        page = f"Page {canvas.getPageNumber()} of "
        canvas.drawString(left, 30, page)
        canvas.drawRightString(right, 30, head.foot)
        canvas.saveState()
        canvas.translate(left + width_of(page, SANS, 7), 30)
        canvas.doForm("page-count")
        canvas.restoreState()
    canvas.restoreState()
