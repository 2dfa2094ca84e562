"""The faces and styles of the page kit, and how wide a text is in them."""

from __future__ import annotations

from functools import cache

from reportlab import rl_config
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from reports.fontset import BOLD, FACES, ITALIC, SANS, path
from reports.page import ACCENT, INK, MUTED, StyleName

rl_config.invariant = 1
rl_config.trustedSchemes = ["data"]
rl_config.trustedHosts = []

STYLES: dict[StyleName, tuple[str, float, float, str]] = {
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
def register() -> None:
    """Make the faces known to the page writer."""
    for face in FACES:
        pdfmetrics.registerFont(TTFont(face, path(face)))
    pdfmetrics.registerFontFamily(SANS, normal=SANS, bold=BOLD, italic=ITALIC, boldItalic=BOLD)


def style(name: StyleName, align: int = 0, size: float | None = None) -> ParagraphStyle:
    """Return a style, in another size where one is given."""
    register()
    face, points, leading, colour = STYLES[name]
    points, leading = (points, leading) if size is None else (size, size * 1.22)
    return ParagraphStyle(
        f"{name}-{align}-{points}", fontName=face, fontSize=points, leading=leading, textColor=colour, alignment=align, bulletFontName=SANS
    )


def width_of(text: str, face: str, size: float) -> float:
    """Measure a text."""
    register()
    return float(pdfmetrics.stringWidth(text, face, size))
