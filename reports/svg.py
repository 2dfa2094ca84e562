"""A diagram as an SVG file: text stays text, everything from a record is escaped, and nothing is fetched."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from reports.diagram import Box, Diagram, Ribbon, Words
from reports.text import printable

FAMILY = "Inter, 'Helvetica Neue', Arial, sans-serif"


def render(diagram: Diagram) -> str:
    """Write a diagram as one SVG document (SVG 1.1, UTF-8), the same text for the same diagram.

    Characters that XML forbids or that do not show themselves become visible escapes, so the file is well formed whatever the names are.
    """
    width, height = _number(diagram.width), _number(diagram.height)
    frame = f'xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg {frame} role="img" aria-labelledby="title desc" font-family="{FAMILY}">',
        f'<title id="title">{_text(diagram.title)}</title>',
        f'<desc id="desc">{_text(diagram.description)}</desc>',
        f'<rect width="{width}" height="{height}" fill="#FFFFFF"/>',
    ]
    lines += [_ribbon(ribbon) for ribbon in diagram.ribbons]
    lines += [_box(box) for box in diagram.boxes]
    lines += [_words(words) for words in diagram.words]
    return "\n".join([*lines, "</svg>", ""])


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _text(text: str) -> str:
    return escape(printable(text))


def _noted(element: str, shape: str, note: str) -> str:
    return f"<{element} {shape}><title>{_text(note)}</title></{element}>" if note else f"<{element} {shape}/>"


def _ribbon(ribbon: Ribbon) -> str:
    x0, x1, middle = _number(ribbon.x0), _number(ribbon.x1), _number((ribbon.x0 + ribbon.x1) / 2)
    top0, top1 = _number(ribbon.y0), _number(ribbon.y1)
    low0, low1 = _number(ribbon.y0 + ribbon.thickness), _number(ribbon.y1 + ribbon.thickness)
    path = f"M{x0} {top0}C{middle} {top0} {middle} {top1} {x1} {top1}V{low1}C{middle} {low1} {middle} {low0} {x0} {low0}Z"
    return _noted("path", f'd="{path}" fill={quoteattr(ribbon.fill)}', ribbon.note)


def _box(box: Box) -> str:
    place = f'x="{_number(box.x)}" y="{_number(box.y)}" width="{_number(box.width)}" height="{_number(box.height)}"'
    return _noted("rect", f"{place} fill={quoteattr(box.fill)}", box.note)


def _words(words: Words) -> str:
    weight = ' font-weight="600"' if words.bold else ""
    anchor = "" if words.anchor == "start" else f" text-anchor={quoteattr(words.anchor)}"
    place = f'x="{_number(words.x)}" y="{_number(words.y)}" font-size="{_number(words.size)}"'
    return f"<text {place}{weight}{anchor} fill={quoteattr(words.fill)}>{_text(words.text)}</text>"
