"""A drawing as data: boxes, ribbons and words on a plane, so that one layout serves SVG and PDF alike.

Lengths are in points (1/72 inch), y grows downwards. Colours are `#RRGGBB`; nothing is transparent, because paper is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle; `note` is what a pointer over it may show."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Ribbon:
    """A band from a left edge at x0 (y0 down to y0 + thickness) to a right edge at x1, along two equal cubic curves."""

    x0: float
    y0: float
    x1: float
    y1: float
    thickness: float
    fill: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text; y is its baseline, x its start (`anchor` start), middle or end."""

    x: float
    y: float
    text: str
    size: float = 8.0
    fill: str = "#1B1F24"
    bold: bool = False
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Diagram:
    """A finished drawing with the words that say what it shows to somebody who does not see it."""

    width: float
    height: float
    title: str
    description: str
    boxes: tuple[Box, ...] = ()
    ribbons: tuple[Ribbon, ...] = ()
    words: tuple[Words, ...] = field(default=())


def tint(colour: str, strength: float) -> str:
    """Return a colour mixed with white: strength 1 is the colour itself, 0 is white."""
    parts = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - part) * strength):02X}" for part in parts)


def moved(diagram: Diagram, right: float, down: float, *, margin: float = 0) -> Diagram:
    """Return the drawing shifted on its plane, with a margin left free at its right and lower edges."""
    return replace(
        diagram,
        width=diagram.width + right + margin,
        height=diagram.height + down + margin,
        boxes=tuple(replace(box, x=box.x + right, y=box.y + down) for box in diagram.boxes),
        ribbons=tuple(
            replace(band, x0=band.x0 + right, x1=band.x1 + right, y0=band.y0 + down, y1=band.y1 + down) for band in diagram.ribbons
        ),
        words=tuple(replace(words, x=words.x + right, y=words.y + down) for words in diagram.words),
    )
