"""The words in which a report says what stands on a page, without knowing how it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Block: TypeAlias = Any
"""A piece of a page. Whoever composes a report hands blocks around and never looks inside."""
Paper = Literal["letter", "a4"]
StyleName = Literal["title", "figure", "lead", "heading", "body", "small", "label", "fine", "cell", "value", "head", "number"]

INK = "#1B1F24"
MUTED = "#5B6470"
RULE = "#D5D9DE"
ACCENT = "#17594A"
WASH = "#F3F6F5"
TOP = 58.0
FOOT = 50.0
WIDTH = 516.0
"""Room for text across the page, in points: letter and A4 less their margins."""


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text in one face; `field` is where it came from, named when the font lacks a character; `below` begins a new line."""

    text: str
    field: str = "the report"
    face: Literal["plain", "bold", "italic", "mono"] = "plain"
    colour: str | None = None
    below: bool = False


Text: TypeAlias = str | Run | Sequence[Run]


@dataclass(frozen=True, slots=True)
class Head:
    """What is the same on every page, and the document's properties; `made` is the time of what the report speaks of, never a clock's."""

    title: str
    author: str
    left: str
    right: str
    foot: str
    subject: str = ""
    made: str = ""
    paper: Paper = "letter"


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a set line: where it starts, in which face, size and colour, and whether its last word goes on in the next line."""

    x: float
    text: str
    face: str
    size: float
    colour: str
    is_cut: bool = False
